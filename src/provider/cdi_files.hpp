#pragma once

// The vendor's own CDI files (nvidia-ctk cdi generate): what they call a device. Format: the Container Device Interface
// specification, github.com/cncf-tags/container-device-interface.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "provider/device.hpp"

namespace hanse::provider {

/// The whole names ("nvidia.com/gpu=0") of all these NVIDIA devices; nullopt where no file names them all, each with
/// its card's node and no other card's, or where it was written for another driver: a file of the host that all its
/// devices get is gone. Files beyond 4 MiB are not looked at.
std::optional<std::vector<std::string>> cdi_names(const std::filesystem::path& root,
                                                  const std::vector<Device>& devices);

}  // namespace hanse::provider
