#pragma once

// Files that hold secrets: mode 0600, written whole or not at all, never over one that is there.

#include <filesystem>
#include <string>

#include "base/bytes.hpp"

namespace hanse::client {

/// already_exists if the file is there; io names the path and the reason. Durable when it returns. Folders on the way
/// are made with mode 0700.
Result<> write_private_file(const std::filesystem::path& file, std::string_view content);

/// not_found, too_large (over 64 KiB) or io.
Result<std::string> read_small_file(const std::filesystem::path& file);

}  // namespace hanse::client
