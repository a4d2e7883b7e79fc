#pragma once

// A wallet's passphrase, from the first source that is given: --passphrase-fd N, HANSE_PASSPHRASE, the file that the
// config names (only `up` does that, for a network on this machine alone), a prompt without echo.

#include <optional>
#include <string>

#include "base/error.hpp"

namespace hanse::cli {

struct PassphraseSources {
  int fd = -1;  ///< -1: not given.
  std::optional<std::string> environment;
  std::string file;         ///< Empty: none.
  bool can_prompt = false;  ///< stdin and stderr are a terminal.
  std::string question = "Passphrase: ";
  bool is_new = false;  ///< At least 8 characters, and the prompt asks twice.
};

/// invalid_argument when no source has one; its message names them all. One trailing newline is not part of it; at
/// most 1024 bytes; never empty. A descriptor is read once and remembered for later calls.
Result<std::string> read_passphrase(const PassphraseSources& sources);

}  // namespace hanse::cli
