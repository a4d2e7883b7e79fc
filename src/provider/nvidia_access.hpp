#pragma once

// What a container needs to use NVIDIA devices: internal to device_access.hpp, which says what is asked and answered.

#include "provider/device_access.hpp"

namespace hanse::provider {

Result<DeviceAccess> nvidia_access(const DeviceHost& host, const std::vector<Device>& devices);

}  // namespace hanse::provider
