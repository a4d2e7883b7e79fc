#pragma once

// The command with which an scp client that speaks its old protocol (OpenSSH before 9, `scp -O` after, many libraries)
// starts its other side: `scp -r -p -t PATH` or `scp -f PATH…`, written for a shell. Names mean what they mean to sh:
// quotes, backslashes, `~`, wildcards. They are read here and not by wordexp(3), which would ask the name service for
// `~somebody` and load the container's libraries for it.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace hanse::provider {

struct ScpName {
  std::string text;         ///< Without its quotes.
  std::string pattern;      ///< The same for glob(3), where what was quoted stands for itself.
  bool is_wild = false;     ///< It has a wildcard outside of quotes.
  bool is_at_home = false;  ///< It began with `~`: what stands here comes after that folder.
};

struct ScpCommand {
  bool is_sink = false;        ///< -t: takes files. Otherwise -f: gives files.
  bool is_recursive = false;   ///< -r
  bool keeps_times = false;    ///< -p: and modes.
  bool into_folder = false;    ///< -d: the target must be a folder.
  std::vector<ScpName> names;  ///< At least one.
};

/// nullopt: no such call, or more than that (a second command, a variable, a redirection, somebody's home folder,
/// another option, over 64 KiB). It is the shell's then.
[[nodiscard]] std::optional<ScpCommand> parse_scp_command(std::string_view command);

/// The paths that the names stand for, in the file system that this process sees; `~` is the working folder. Wildcards
/// that match nothing stand for themselves, as in sh. too_large: more than 100,000 paths.
[[nodiscard]] Result<std::vector<std::string>> expand_names(const std::vector<ScpName>& names);

}  // namespace hanse::provider
