#pragma once

// Work done inside a container's namespaces by a process of our own, so that the kernel and not our path handling keeps
// it there. The gateway runs `hanse namespace-helper sftp PID`, `hanse namespace-helper scp PID COMMAND` and `hanse
// namespace-helper connect PID PORT`, and the agent `hanse namespace-helper devices PID CUDA NODE...`: the helper
// enters the namespaces of process PID (mount, network, pid, ipc, uts), its root, its cgroup and its capabilities, and
// then
//   sftp     speaks the SFTP protocol, version 3, on stdin and stdout
//   scp      speaks scp's old protocol there, as the client's COMMAND asks (scp_command.hpp)
//   connect  joins stdin and stdout to 127.0.0.1:PORT
//   devices  prints what it sees of the machine's devices (device_probe.hpp). It loads libraries that it finds inside:
//            only for containers of the agent's own making, with no renter in them
// Absolute paths, `..` and symbolic links all resolve inside the container.

namespace hanse::provider {

/// The helper's main; its exit code. `arguments` come after "namespace-helper".
int run_namespace_helper(int count, const char* const* arguments);

}  // namespace hanse::provider
