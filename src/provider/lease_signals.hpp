#pragma once

// Signals to what runs in leases, from the host.

#include <sys/types.h>

#include <string>
#include <string_view>

namespace hanse::provider {

/// Set in the environment of every process that the gateway starts; its value is random.
inline constexpr std::string_view kSessionVariable = "HANSE_SESSION";

/// Ends what a client left behind: a container engine keeps an exec'd process when the connection to it breaks, and
/// without this every lost connection would leave one running, unread, until the lease ends.
///
/// SIGHUP as for a lost line: to the first process of the session, if it has a terminal (shells pass it on to their
/// jobs, and the kernel to the foreground), else to all of the session. What made a session of its own (tmux, setsid)
/// or ignores hang-ups (nohup) stays.
void hang_up_session(const std::string& session);

/// SIGTERM to all that descends from the process: a container's job. Neither the process itself gets it nor what was
/// started in the container from outside, as SSH sessions are; nor a child of it with `spared` in its command line: the
/// supervisor, where the engine put an init before it, which would pass the signal on a second time.
void terminate_descendants(pid_t ancestor, std::string_view spared);

}  // namespace hanse::provider
