#pragma once

// Which lease's container holds a device of the offer. The ledger gives a device to the next lease the moment the
// former one ends; on the machine its container may take a while to stop. Thread-safe.

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "model/ids.hpp"

namespace hanse::provider {

class DeviceHolders {
 public:
  /// All of them or none; the lease in whose hands one is, if it is another's. Safe to repeat.
  std::optional<model::LeaseId> take(model::LeaseId lease, const std::vector<std::uint32_t>& devices) {
    const std::lock_guard lock(mutex_);
    for (const auto device : devices) {
      const auto at = holders_.find(device);
      if (at != holders_.end() && at->second != lease) return at->second;
    }
    for (const auto device : devices) holders_[device] = lease;
    return std::nullopt;
  }
  void give_back(model::LeaseId lease) {
    const std::lock_guard lock(mutex_);
    std::erase_if(holders_, [&](const auto& held) { return held.second == lease; });
  }
  [[nodiscard]] bool is_held(std::uint32_t device) const {
    const std::lock_guard lock(mutex_);
    return holders_.contains(device);
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::uint32_t, model::LeaseId> holders_;
};

}  // namespace hanse::provider
