#pragma once

// What of a local folder is to be copied: every file and folder below it, but for what a .hanseignore names.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace hanse::cli {

// Of any tree that is copied, here or there.
inline constexpr std::size_t kMaxTreeEntries = 1'000'000;
inline constexpr std::size_t kMaxTreeDepth = 64;

struct LocalFile {
  std::filesystem::path path;
  std::string relative;  ///< With '/', from the folder; for a single file its name.
  std::uint64_t size = 0;
  std::uint32_t mode = 0644;
  std::uint32_t modified_s = 0;
  bool is_meant = false;  ///< A `!` line of a .hanseignore matches it.
};

struct LocalTree {
  std::vector<std::string> folders;  ///< Relative, parents first.
  std::vector<LocalFile> files;
  std::uint64_t bytes = 0;
  std::vector<std::string>
      skipped;  ///< Neither file nor folder, or unreadable, or a link in a circle: with the reason.
};

enum class Ignoring : bool { nothing, listed };  ///< Whether the .hanseignore of each folder counts.

/// A file, or a folder and what is below it (links are followed). At most a million entries, 64 levels; nothing of
/// /proc and its like. A .hanseignore is copied as any other file, unless one names it; one that cannot be read, or
/// has a line that means nothing (ignore_list.hpp), is an error: what it was to keep here would go.
Result<LocalTree> scan(const std::filesystem::path& root, Ignoring ignoring = Ignoring::nothing);

}  // namespace hanse::cli
