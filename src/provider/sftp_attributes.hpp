#pragma once

// SFTP's file attributes, and the lines of a directory listing.

#include <sys/stat.h>

#include <optional>
#include <string>

#include "provider/sftp_packet.hpp"

namespace hanse::provider {

/// Those that a request names; the rest stay as they are.
struct SftpAttributes {
  struct Owner {
    std::uint32_t uid, gid;
  };
  struct Times {
    std::uint32_t access_s, change_s;
  };
  std::optional<std::uint64_t> size;
  std::optional<Owner> owner;
  std::optional<std::uint32_t> mode;
  std::optional<Times> times;
};

/// Extended attributes are read over. The reader tells whether it was well-formed.
SftpAttributes read_attributes(SftpReader& reader);
void write_attributes(SftpReplies& out, const struct stat& status);

/// As `ls -ln` writes it: "-rw-r--r--    1 0        0            1234 Nov 22 2026 name". Numbers instead of names and
/// UTC: users and time zones would be read from the container's files.
std::string long_name(const std::string& name, const struct stat& status);

}  // namespace hanse::provider
