#pragma once

// What of the machine's processors and memory this process, and so what it rents out, may use: what the kernel says,
// within the limits of our own control group (v1 and v2) and affinity.

#include <cstdint>
#include <filesystem>
#include <string>

namespace hanse::provider {

struct HostResources {
  std::uint32_t threads = 0;
  std::uint64_t memory_bytes = 0;
  std::string limits;  ///< For a person: what keeps it below all that the machine has; usually empty.
};

/// `root`: where /proc and /sys are; tests have their own. `affinity`: the processors that we may run on; 0: asked for.
HostResources read_host(const std::filesystem::path& root = "/", std::uint32_t affinity = 0);

/// The same by hwloc, which knows neither memory that was added while the machine ran nor limits. For comparison.
HostResources read_topology();

/// Do they say the same but for what the kernel keeps to itself, a tenth?
[[nodiscard]] bool agree(const HostResources& kernel, const HostResources& topology);

}  // namespace hanse::provider
