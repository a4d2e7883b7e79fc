#pragma once

#include <string>

namespace hanse::provider {

/// The script for /bin/sh that becomes a login shell: bash where the image has it, because people expect it; every
/// image has a sh. The image's PATH comes first in it, though /etc/profile sets another; what the login files added
/// comes after. Needs /dev/fd in the container.
[[nodiscard]] std::string login_shell_script(bool has_terminal);

}  // namespace hanse::provider
