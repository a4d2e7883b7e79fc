#pragma once

// The devices of this machine: GPUs by their kernel drivers, or the CPU through OpenCL where there is no GPU.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "provider/nvml.hpp"
#include "provider/opencl_devices.hpp"

namespace hanse::provider {

enum class Maker : std::uint8_t { nvidia, amd, intel, cpu };
std::string_view name_of(Maker maker);  ///< "NVIDIA", "AMD", "Intel", "CPU"

struct Device {
  Maker maker = Maker::cpu;
  std::string model{};             ///< The market's name for it.
  std::string id{};                ///< NVIDIA: its UUID; AMD and Intel: its PCI address; of the CPU: empty.
  std::string driver{};            ///< Its version, or its name where it has none.
  std::uint64_t memory_bytes = 0;  ///< Of its own.
  std::uint32_t number = 0;        ///< In the name of its node: /dev/nvidia0, /dev/dri/renderD128.
  std::uint32_t index = 0;         ///< NVIDIA: as the driver counts cards.
  std::optional<MigSlice> slice{};

  [[nodiscard]] bool is_gpu() const { return maker != Maker::cpu; }
  bool operator==(const Device&) const = default;
};

struct FoundDevices {
  std::vector<Device> devices;  ///< Such as a lease can use. The CPU only where there is no GPU.
  std::string note;             ///< What was looked for where, and why something that is there is not among them.
  std::string cuda_version;     ///< Of NVIDIA's driver.
};

/// `root`: where /dev and /sys are; tests have their own. `nvml`: null where there is none.
FoundDevices find_devices(const std::filesystem::path& root, Nvml* nvml, const std::vector<OpenClDevice>& opencl);
/// The same by this machine's own libraries. OpenCL is asked only where there is no NVIDIA GPU: its driver would hold
/// the card, and keep it from being reset.
FoundDevices find_devices(const std::filesystem::path& root);

/// May it be offered as one of these? Of one model there are cards with more memory and with less.
[[nodiscard]] bool is_of(const Device& device, const std::string& model, std::uint64_t memory_bytes);
/// All such, in the order that the machine's offer counts them.
std::vector<Device> devices_of(const std::vector<Device>& all, const std::string& model, std::uint64_t memory_bytes);

}  // namespace hanse::provider
