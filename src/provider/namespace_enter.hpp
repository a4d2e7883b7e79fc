#pragma once

// Turns the calling process into one of a container's: its namespaces, root, cgroups, user, capabilities and limits.
// For single-threaded processes whose libraries are loaded already: afterwards no file of the host can be reached.

#include <sys/types.h>

#include "base/error.hpp"

namespace hanse::provider {

/// `pid` must be the first process of a container. If descriptor `process` is a pidfd of it, that is used, so that the
/// number cannot mean another by now; else (-1) it is opened here. The caller must fork() next: only children are in
/// the container's pid namespace.
Result<> enter_container(pid_t pid, int process);

}  // namespace hanse::provider
