#pragma once

// What a container needs to use NVIDIA devices: internal to device_access.hpp, which says what is asked and answered.

#include "provider/device_access.hpp"

namespace hanse::provider {

Result<DeviceAccess> nvidia_access(const DeviceHost& host, const std::vector<Device>& devices);

/// Adds the group that may open it besides root and everyone, if there is one.
void add_group(const std::filesystem::path& node, std::vector<std::uint32_t>& groups);

}  // namespace hanse::provider
