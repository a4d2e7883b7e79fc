#pragma once

// Files for one user's eyes: mode 0600, in folders of mode 0700, written whole or not at all. What is made by sudo in a
// folder of the user who called it is that user's: after `sudo hanse up` their own commands work in their home folder.

#include <filesystem>
#include <string>

#include "base/bytes.hpp"

namespace hanse::client {

/// Makes it, and what is missing above it; a folder that is there stays as it is.
Result<> make_private_folder(const std::filesystem::path& folder);

/// already_exists if the file is there; io names the path and the reason. Durable when it returns. Folders on the way
/// are made.
Result<> write_private_file(const std::filesystem::path& file, std::string_view content);

/// The same, for a file that may be there: whoever reads it sees the old one or the new one. Of writers at one time the
/// last one counts.
Result<> replace_private_file(const std::filesystem::path& file, std::string_view content);

/// not_found, too_large (over 64 KiB) or io.
Result<std::string> read_small_file(const std::filesystem::path& file);

}  // namespace hanse::client
