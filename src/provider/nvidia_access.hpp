#pragma once

// What a container needs to use NVIDIA devices: internal to device_access.hpp, which says what is asked and answered.

#include "provider/device_access.hpp"

namespace hanse::provider {

Result<DeviceAccess> nvidia_access(const DeviceHost& host, const std::vector<Device>& devices);

/// Adds a node and the group that may open it. unavailable, with `remedy`, where it is missing.
Result<> add_node(const DeviceHost& host, const std::string& path, const std::string& remedy, DeviceAccess& out);

}  // namespace hanse::provider
