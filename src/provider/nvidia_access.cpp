#include "provider/nvidia_access.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "provider/cdi_files.hpp"
#include "provider/folder_entries.hpp"
#include "provider/process.hpp"

namespace hanse::provider {

namespace {

namespace fs = std::filesystem;

constexpr const char* kOpenClFile = "/etc/OpenCL/vendors/nvidia.icd";

fs::path on_host(const DeviceHost& host, const std::string& path) {
  return host.root / fs::path(path).relative_path();
}

bool is_node(const DeviceHost& host, const std::string& path) {
  std::error_code error;
  return fs::is_character_file(on_host(host, path), error);
}

/// The driver's nodes come with its first user; on a machine without a display that may be us.
Result<> add_made_node(const DeviceHost& host, const std::string& path, const std::vector<std::string>& maker,
                       DeviceAccess& out) {
  if (!is_node(host, path) && host.root == "/") static_cast<void>(run_program(maker));
  std::string command;
  for (const auto& word : maker) command += (command.empty() ? "" : " ") + word;
  return add_node(host, path, "'" + command + "' makes it, as root", out);
}

/// The number after "DeviceFileMinor:" in a file that the driver keeps of a right of MIG's.
std::string capability_number(const fs::path& file) {
  std::ifstream in(file);
  std::string key, value;
  while (in >> key >> value) {
    if (key == "DeviceFileMinor:") return value;
  }
  return "";
}

/// A slice is opened with its card and two rights: to its GPU instance, and to its compute instance in that.
Result<> add_slice(const DeviceHost& host, const Device& device, DeviceAccess& out) {
  const auto instance =
      fmt::format("/proc/driver/nvidia/capabilities/gpu{}/mig/gi{}", device.number, device.slice->gpu_instance);
  const auto compute = fmt::format("{}/ci{}", instance, device.slice->compute_instance);
  for (const auto& right : {instance, compute}) {
    const auto number = capability_number(on_host(host, right) / "access");
    if (number.empty()) {
      return fail(ErrorCode::unavailable, right + "/access does not say which node opens the slice: is MIG enabled?");
    }
    const auto added =
        add_made_node(host, "/dev/nvidia-caps/nvidia-cap" + number, {"nvidia-modprobe", "-f", right + "/access"}, out);
    if (!added) return added;
  }
  return {};
}

Result<> add_nodes(const DeviceHost& host, const std::vector<Device>& devices, DeviceAccess& out) {
  for (const auto& device : devices) {
    const auto number = std::to_string(device.number);
    const std::vector<std::string> maker{"nvidia-modprobe", "-c", number};
    if (auto added = add_made_node(host, "/dev/nvidiactl", maker, out); !added) return added;
    if (auto added = add_made_node(host, "/dev/nvidia" + number, maker, out); !added) return added;
    if (!device.slice) continue;
    if (auto added = add_slice(host, device, out); !added) return added;
  }
  const std::vector<std::string> maker{"nvidia-modprobe", "-u", "-c", "0"};
  if (auto added = add_made_node(host, "/dev/nvidia-uvm", maker, out); !added) return added;
  for (const char* path : {"/dev/nvidia-uvm-tools", "/dev/nvidia-modeset"}) {
    if (is_node(host, path)) static_cast<void>(add_node(host, path, "", out));
  }
  return {};
}

/// Where the linker of this machine finds libraries of NVIDIA's for its own kind of programs, and where they usually
/// are. Each folder once, whatever links lead to it.
std::vector<fs::path> library_folders(const DeviceHost& host) {
  std::set<fs::path> seen;
  std::vector<fs::path> out;
  const auto add = [&](const fs::path& folder) {
    std::error_code error;
    const auto real = fs::canonical(folder, error);
    if (!error && seen.insert(real).second) out.push_back(real);
  };
  const auto cache = on_host(host, "/etc/ld.so.cache");
  const auto listed = run_program({"ldconfig", "-C", cache, "-p"}, {}, 10);
  std::istringstream lines(listed && listed->exit_code == 0 ? listed->text : "");
  for (std::string line; std::getline(lines, line);) {
    // "	libcuda.so.1 (libc6,x86-64) => /lib/x86_64-linux-gnu/libcuda.so.1"
    const auto arrow = line.find(" => ");
    const bool ours = line.find("64") < arrow;
    const bool is_driver = line.find("libcuda.so") < arrow || line.find("libnvidia-ml.so") < arrow;
    if (arrow != std::string::npos && ours && is_driver) add(on_host(host, line.substr(arrow + 4)).parent_path());
  }
  for (const char* folder : {"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib",
                             "/usr/lib/x86_64-linux-gnu/nvidia/current", "/usr/local/nvidia/lib64",
                             "/run/opengl-driver/lib", "/opt/nvidia/lib64"}) {
    add(on_host(host, folder));
  }
  return out;
}

bool may_be_drivers(const std::string& name) {
  constexpr std::string_view kPrefixes[] = {
      "libcuda", "libnv", "libEGL_nvidia", "libGLX_nvidia", "libGLESv1_CM_nv", "libGLESv2_nvidia", "libvdpau_nv"};
  return name.find(".so") != std::string::npos &&
         std::any_of(std::begin(kPrefixes), std::end(kPrefixes), [&](auto prefix) { return name.starts_with(prefix); });
}

/// Every file of exactly this driver, by its own name and by the names of all links to it: a container has no linker
/// cache that knows them.
void add_libraries(const DeviceHost& host, const std::string& version, DeviceAccess& out) {
  std::set<std::string> names;
  const auto suffix = ".so." + version;
  for (const auto& folder : library_folders(host)) {
    std::error_code error;
    for (const auto& entry : folder_entries(folder)) {
      const auto name = entry.filename().string();
      if (!may_be_drivers(name)) continue;
      const auto real = fs::canonical(entry, error);
      if (error || !real.filename().string().ends_with(suffix)) continue;
      for (const auto& as : {name, real.filename().string()}) {
        if (names.insert(as).second) out.files.push_back({real, std::string(kNvidiaLibraries) + "/" + as});
      }
    }
  }
}

bool has_library(const DeviceAccess& access, const std::string& name) {
  return std::any_of(access.files.begin(), access.files.end(),
                     [&](const auto& file) { return file.path == std::string(kNvidiaLibraries) + "/" + name; });
}

void add_file(const DeviceHost& host, const std::string& path, DeviceAccess& out) {
  std::error_code error;
  const auto real = fs::canonical(on_host(host, path), error);
  if (!error) out.files.push_back({real, path});
}

/// By which OpenCL's loader finds the library; the machine itself may have no OpenCL. The vendor's CDI files lack it.
Result<> add_opencl(const DeviceHost& host, DeviceAccess& out) {
  std::error_code error;
  if (fs::exists(on_host(host, kOpenClFile), error)) {
    add_file(host, kOpenClFile, out);
    return {};
  }
  const auto own = fs::absolute(host.files) / "nvidia.icd";
  if (!fs::exists(own, error)) {
    fs::create_directories(host.files, error);
    std::ofstream(own) << "libnvidia-opencl.so.1\n";
    if (!fs::exists(own, error)) return fail(ErrorCode::unavailable, "cannot write " + own.string());
  }
  out.files.push_back({own, kOpenClFile});
  return {};
}

}  // namespace

Result<DeviceAccess> nvidia_access(const DeviceHost& host, const std::vector<Device>& devices) {
  DeviceAccess out;
  if (host.has_cdi) {
    if (auto names = cdi_names(host.root, devices)) {
      out.cdi = std::move(*names);
      if (auto added = add_opencl(host, out); !added) return fail(added);
      return out;
    }
  }
  if (auto added = add_nodes(host, devices, out); !added) return fail(added);
  const auto& version = devices.front().driver;
  add_libraries(host, version, out);
  if (!has_library(out, "libcuda.so.1")) {
    return fail(ErrorCode::unavailable,
                fmt::format("libcuda.so.1 of driver {} is missing: install the driver's libraries for computing "
                            "(Debian: libcuda1, Ubuntu: libnvidia-compute-…)",
                            version));
  }
  out.libraries = kNvidiaLibraries;
  if (has_library(out, "libnvidia-opencl.so.1")) {
    if (auto added = add_opencl(host, out); !added) return fail(added);
  }
  for (const char* path :
       {"/usr/bin/nvidia-smi", "/usr/share/nvidia/nvoptix.bin", "/usr/share/glvnd/egl_vendor.d/10_nvidia.json",
        "/usr/share/vulkan/icd.d/nvidia_icd.json", "/etc/vulkan/icd.d/nvidia_icd.json"}) {
    add_file(host, path, out);
  }
  return out;
}

}  // namespace hanse::provider
