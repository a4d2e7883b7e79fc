#pragma once

// Runs a small program of the system (nft, mkfs.ext4) to its end.

#include <string>
#include <vector>

#include "base/error.hpp"

namespace hanse::provider {

struct ProcessOutput {
  int exit_code = 0;
  std::string text;  ///< At most 64 KiB.
};

/// What of a program's output counts: all of it; or its stdout alone, of one that may speak to whoever runs us, by our
/// stderr and terminal.
enum class Take { all, output };

/// Found by PATH and the sbin folders. `input` goes to its stdin. unsupported if there is no such program; timeout
/// (it is killed; one whose whole output counts, with what it started) after `timeout_s`.
Result<ProcessOutput> run_program(const std::vector<std::string>& command, const std::string& input = {},
                                  unsigned timeout_s = 60, Take take = Take::all);

/// Where that program is; "" if nowhere. A path is its own answer.
std::string find_program(const std::string& name);

}  // namespace hanse::provider
