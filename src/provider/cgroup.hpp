#pragma once

// What the kernel counts for a container's control group, read from outside it; cgroup v1 and v2.

#include <cstdint>
#include <optional>

namespace hanse::provider {

/// How often the kernel has killed a process of this one's memory group for want of memory. Engines report it only
/// once the first process has ended, and not on every host. nullopt: the process is gone, or the host says nothing.
std::optional<std::uint64_t> out_of_memory_kills(std::int64_t pid);

}  // namespace hanse::provider
