#pragma once

// Ends the shell of a terminal whose client has gone. A container engine keeps an exec'd process when the connection to
// it breaks; without this, every lost connection would leave a shell behind until the lease ends.

#include <string>
#include <string_view>

namespace hanse::provider {

/// Set in the environment of every process started with a terminal; its value is random.
inline constexpr std::string_view kSessionVariable = "HANSE_SESSION";

/// SIGHUP to the session leader that was started with this value; the kernel then hangs up what ran in its foreground.
/// Programs that made a session of their own (tmux, nohup'd daemons) stay, as after any lost terminal.
void hang_up_session(const std::string& session);

}  // namespace hanse::provider
