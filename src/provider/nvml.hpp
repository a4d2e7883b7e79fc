#pragma once

// NVIDIA's management library, opened at run time: a machine without it simply has no NVIDIA GPU. Cards are known by
// their UUIDs, for numbers move when a card falls off the bus. Thread-safe.
//
// It keeps the driver from being unloaded while it is open, and what it says after the driver was loaded again is
// worthless: whoever waits for a card to come back closes it and opens it anew.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace hanse::provider {

/// Part of a card that is a device of its own (Multi-Instance GPU).
struct MigSlice {
  std::uint32_t index = 0;  ///< Among the slices of its card.
  std::uint32_t gpu_instance = 0, compute_instance = 0;
  std::string card;  ///< The UUID of the whole.
  bool operator==(const MigSlice&) const = default;
};

class Nvml {
 public:
  /// nullptr where there is no library or no driver. `root`: where the library is; tests have their own.
  static std::shared_ptr<Nvml> open(const std::filesystem::path& root = "/");
  virtual ~Nvml() = default;

  struct Device {
    std::string name, uuid;
    std::uint64_t memory_bytes = 0;
    std::uint32_t index = 0, minor = 0;  ///< As NVML counts cards; in the name of its node.
    std::optional<MigSlice> slice;
  };
  /// Of a card in MIG mode its slices, not the card.
  [[nodiscard]] virtual std::vector<Device> devices() = 0;
  [[nodiscard]] virtual std::string driver_version() = 0;
  [[nodiscard]] virtual std::string cuda_version() = 0;  ///< Of the driver: "12.4".

  struct Use {
    std::uint32_t utilization_percent = 0;  ///< 0 of a slice: NVML knows it of whole cards only.
    std::uint64_t memory_bytes = 0;
  };
  [[nodiscard]] virtual std::optional<Use> use(const std::string& uuid) = 0;

  /// io with the reason where the driver has lost a card or asks for its reset, or its memory has had more
  /// uncorrectable errors since this library was opened (asked of whole cards only); unavailable where the driver does
  /// not say.
  virtual Result<> check(const std::string& uuid) = 0;

  struct Fault {
    std::string card;  ///< UUID of a whole card; empty: the driver does not say which.
    std::uint64_t xid = 0;
  };
  /// The next error that the driver reports of a card, as it happens; nullopt: none for so long.
  [[nodiscard]] virtual std::optional<Fault> wait_fault(std::uint32_t timeout_ms) = 0;
};

/// Does this error of the driver mean that the card does not work until it is reset? Those that a job's own mistakes
/// cause do not. Source: NVIDIA's catalogue of Xid errors (docs.nvidia.com/deploy/xid-errors), the entries whose
/// resolution is a reset of the GPU, a restart of the machine or the vendor's support.
bool ends_card(std::uint64_t xid);

}  // namespace hanse::provider
