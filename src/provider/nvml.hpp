#pragma once

// NVIDIA's management library, opened at run time: a machine without it simply has no NVIDIA GPU. Thread-safe.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace hanse::provider {

class Nvml {
 public:
  /// nullptr where there is no library or no driver.
  static std::shared_ptr<Nvml> open();
  virtual ~Nvml() = default;

  struct Device {
    std::string name, uuid;
    std::uint64_t memory_bytes = 0;
  };
  [[nodiscard]] virtual std::vector<Device> devices() = 0;
  [[nodiscard]] virtual std::string driver_version() = 0;
  [[nodiscard]] virtual std::string cuda_version() = 0;  ///< Of the driver: "12.4".

  struct Use {
    std::uint32_t utilization_percent = 0;
    std::uint64_t memory_bytes = 0;
  };
  [[nodiscard]] virtual std::optional<Use> use(std::uint32_t index) = 0;
};

/// The driver's numbers of all GPUs of one market model: device i of the offer is entry i.
std::vector<std::string> nvidia_indices(Nvml& nvml, const std::string& gpu_model);

}  // namespace hanse::provider
