#pragma once

// Ends what a client left behind. A container engine keeps an exec'd process when the connection to it breaks; without
// this, every lost connection would leave one running, unread, until the lease ends.

#include <string>
#include <string_view>

namespace hanse::provider {

/// Set in the environment of every process that the gateway starts; its value is random.
inline constexpr std::string_view kSessionVariable = "HANSE_SESSION";

/// SIGHUP as for a lost line: to the first process of the session, if it has a terminal (shells pass it on to their
/// jobs, and the kernel to the foreground), else to all of the session. What made a session of its own (tmux, setsid)
/// or ignores hang-ups (nohup) stays.
void hang_up_session(const std::string& session);

}  // namespace hanse::provider
