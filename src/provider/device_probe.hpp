#pragma once

// What a process sees of a machine's devices: run in a container (namespace_helper.hpp), it is what a lease would see.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace hanse::provider {

struct SeenDevices {
  std::vector<std::string> closed;  ///< Nodes that cannot be opened, each with the reason.
  std::vector<std::string> uuids;   ///< By CUDA's driver; without their "GPU-" or "MIG-".
  std::string cuda_error;           ///< Of the driver, or of using a device; empty: each was written and read.
  std::uint32_t opencl_gpus = 0;
};

/// Where CUDA's library is: a folder, the linker's own places, or not to be asked.
inline constexpr std::string_view kLinkersPlaces = "linker", kNoCuda = "none";

/// Loads what drivers need of the C library, before the container is entered: its own parts may be of another version.
void load_for_devices();

/// Prints what `parse_seen` reads. Uses each device that CUDA's driver shows: 64 MiB of it are written and read back,
/// or none where all its memory is in use.
int print_devices(const std::string& cuda, const std::vector<std::string>& nodes);
Result<SeenDevices> parse_seen(std::string_view text);

}  // namespace hanse::provider
