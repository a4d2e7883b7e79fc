#pragma once

// For tests: a machine's /dev, /sys, /proc and driver libraries in a folder, with GPUs that are not there: their nodes
// are those of /dev/null under other names, their drivers the stand-ins beside this. Needs root.

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "provider/testing/leftovers.hpp"

namespace hanse::provider::testing {

class Machine {
 public:
  static constexpr const char* kDriver = "580.159.04";
  static constexpr const char* kLibraries = "usr/lib/x86_64-linux-gnu";
  static constexpr unsigned kNull = 3, kFull = 7;  ///< Minors of major 1: a good card, and one whose memory is broken.

  Machine() : root_(make_test_folder("machine")) {
    for (const char* folder : {"dev", "proc", "sys", "etc", "usr/bin", kLibraries})
      fs::create_directories(root_ / folder);
  }
  ~Machine() { fs::remove_all(root_); }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  [[nodiscard]] const fs::path& root() const { return root_; }
  [[nodiscard]] fs::path at(const std::string& path) const { return root_ / fs::path(path).relative_path(); }

  void write(const std::string& path, const std::string& text) const {
    fs::create_directories(at(path).parent_path());
    std::ofstream(at(path)) << text;
  }
  void remove(const std::string& path) const { fs::remove_all(at(path)); }
  void make_node(const std::string& path, unsigned minor = kNull, unsigned group = 0) const {
    fs::create_directories(at(path).parent_path());
    fs::remove(at(path));
    HANSE_CHECK(::mknod(at(path).c_str(), S_IFCHR | 0660, ::makedev(1, minor)) == 0);
    HANSE_CHECK(::chown(at(path).c_str(), 0, group) == 0);
    fs::permissions(at(path), static_cast<fs::perms>(group == 0 ? 0666 : 0660));
  }

  /// The driver with its libraries and common nodes, and no card yet.
  void install_nvidia() {
    install(HANSE_TEST_NVML, "libnvidia-ml.so.1");
    install(HANSE_TEST_CUDA, "libcuda.so.1");
    install(HANSE_TEST_OPENCL, "libnvidia-opencl.so.1");
    for (const char* node : {"/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools"}) make_node(node);
    write("usr/bin/nvidia-smi", "#!/bin/sh\n");
    save_cards();
  }
  static std::string uuid_of(unsigned minor) { return fmt::format("GPU-00000000-0000-4000-8000-{:012x}", minor); }
  static std::string slice_uuid(unsigned right) { return fmt::format("MIG-00000000-0000-4000-9000-{:012x}", right); }
  void add_card(unsigned minor, const std::string& name, const std::string& state = "ok",
                unsigned memory_mib = 81'559) {
    make_node("/dev/nvidia" + std::to_string(minor));
    cards_.push_back({minor, memory_mib, name, state});
    save_cards();
  }
  /// Of a card whose state is "mig": the `slice`-th, opened by the two rights whose nodes are numbered next.
  void add_slice(unsigned minor, unsigned slice, const std::string& name, unsigned memory_mib) {
    const unsigned instance = slice + 1, right = 2 * slices_++;
    const auto folder = fmt::format("/proc/driver/nvidia/capabilities/gpu{}/mig/gi{}", minor, instance);
    write(folder + "/access", fmt::format("DeviceFileMinor: {}\nDeviceFileMode: 256\n", right));
    write(folder + "/ci0/access", fmt::format("DeviceFileMinor: {}\nDeviceFileMode: 256\n", right + 1));
    for (const auto number : {right, right + 1}) make_node("/dev/nvidia-caps/nvidia-cap" + std::to_string(number));
    extra_ +=
        fmt::format("slice {} {} {} 0 {} {}\n", slice_uuid(right + 1), uuid_of(minor), instance, memory_mib, name);
    save_cards();
  }
  /// What NVML says of it from now on: "lost", or how often its memory has failed.
  void set_state(unsigned minor, const std::string& state) {
    for (auto& card : cards_) {
      if (card.minor == minor) card.state = state;
    }
    save_cards();
  }
  void report_xid(unsigned xid, unsigned minor) {
    extra_ += fmt::format("xid {} {}\n", xid, uuid_of(minor));
    save_cards();
  }
  void unload_driver() const { remove(std::string(kLibraries) + "/cards"); }
  void save_cards() const {
    std::string text = fmt::format("driver {} 13000\n", kDriver);
    for (const auto& card : cards_) {
      text +=
          fmt::format("card {} {} {} {} {}\n", uuid_of(card.minor), card.minor, card.memory_mib, card.state, card.name);
    }
    const std::string name = std::string(kLibraries) + "/cards";
    write(name + ".new", text + extra_);
    fs::rename(at(name + ".new"), at(name));  // its reader sees the old one or the new one
  }

  /// A card of the kernel's own graphics drivers. `memory`: 0 where the driver does not say.
  void add_render_node(unsigned number, const std::string& pci, const std::string& vendor, const std::string& driver,
                       const std::string& product, std::uint64_t memory, unsigned group = 104) const {
    const auto device = "/sys/devices/pci/" + pci;
    write(device + "/vendor", vendor + "\n");
    if (!product.empty()) write(device + "/product_name", product + "\n");
    if (memory != 0) write(device + "/mem_info_vram_total", std::to_string(memory) + "\n");
    fs::create_directories(at("/sys/drivers/" + driver));
    fs::create_symlink(at("/sys/drivers/" + driver), at(device + "/driver"));
    const auto node = "renderD" + std::to_string(number);
    fs::create_directories(at("/sys/class/drm/" + node));
    fs::create_symlink(at(device), at("/sys/class/drm/" + node + "/device"));
    make_node("/dev/dri/" + node, kNull, group);
  }

 private:
  struct Card {
    unsigned minor, memory_mib;
    std::string name, state;
  };

  /// As the vendor's packages do: the file by the driver's version, and a link by the name that programs ask for.
  void install(const char* built, const std::string& name) const {
    const auto folder = root_ / kLibraries;
    const auto file = name.substr(0, name.rfind('.')) + "." + kDriver;
    fs::copy_file(built, folder / file);
    fs::create_symlink(file, folder / name);
  }

  const fs::path root_;
  std::vector<Card> cards_;
  std::string extra_;
  unsigned slices_ = 0;
};

}  // namespace hanse::provider::testing
