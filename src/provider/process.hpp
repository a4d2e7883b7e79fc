#pragma once

// Runs a small program of the system (nft, mkfs.ext4) to its end.

#include <string>
#include <vector>

#include "base/error.hpp"

namespace hanse::provider {

struct ProcessOutput {
  int exit_code = 0;
  std::string text;  ///< stdout and stderr together, at most 64 KiB.
};

/// Found by PATH and the sbin folders. `input` goes to its stdin. unsupported if there is no such program; timeout
/// (it is killed) after `timeout_s`.
Result<ProcessOutput> run_program(const std::vector<std::string>& command, const std::string& input = {},
                                  unsigned timeout_s = 60);

/// Where that program is; "" if nowhere.
std::string find_program(const std::string& name);

}  // namespace hanse::provider
