#pragma once

// The far side of scp's old protocol, as OpenSSH's `scp -t` and `scp -f` are. It copies in the whole file system that
// its process sees: who calls it is in a container already. Single-threaded; loads nothing and asks no name service.
// Relative paths start at the working folder. As in scp, links are followed; unlike it, not in a circle.
//
// Bounds: lines of 8 KiB, 128 folders deep, ten million files and folders a call. What the protocol allows besides is
// bounded by the container's own disk and memory.

#include "provider/scp_command.hpp"

namespace hanse::provider {

class ScpLink;

inline constexpr std::size_t kMaxScpDepth = 128;
inline constexpr std::size_t kMaxScpEntries = 10'000'000;
inline constexpr std::size_t kScpBufferBytes = 256 * 1024;

/// Serves one call; the exit code as scp's: 0, or 1 if anything was not copied, which the client was told.
int serve_scp(const ScpCommand& command, int in, int out);

/// -t: takes what comes into `target`.
void take_by_scp(ScpLink& link, const ScpCommand& command, const std::string& target);
/// -f: gives the files, and with -r the folders, of these paths.
void give_by_scp(ScpLink& link, const ScpCommand& command, const std::vector<std::string>& paths);

}  // namespace hanse::provider
