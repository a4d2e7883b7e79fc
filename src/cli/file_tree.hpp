#pragma once

// What of a local folder is to be copied: every file and folder below it, but for what .hanseignore names.

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

/// The patterns of a .hanseignore: one a line, '#' starts a comment, '!' takes a match back, a trailing '/' means
/// folders only, a pattern with another '/' counts from the folder's root, others match a name at any depth; * ? [ ]
/// as in the shell, not across '/'. The last pattern that matches decides.
class IgnoreList {
 public:
  static IgnoreList parse(std::string_view text);
  [[nodiscard]] bool ignores(const std::string& relative, bool is_folder) const;

 private:
  struct Pattern {
    std::string text;
    bool negated, folder_only, anchored;
  };
  std::vector<Pattern> patterns_;
};

struct LocalFile {
  std::filesystem::path path;
  std::string relative;  ///< With '/', from the folder; for a single file its name.
  std::uint64_t size = 0;
  std::uint32_t mode = 0644;
  std::uint32_t modified_s = 0;
};

struct LocalTree {
  std::vector<std::string> folders;  ///< Relative, parents first.
  std::vector<LocalFile> files;
  std::uint64_t bytes = 0;
  std::vector<std::string>
      skipped;  ///< Neither file nor folder, or unreadable, or a link in a circle: with the reason.
};

/// A file, or a folder and what is below it (links are followed). At most a million entries, 64 levels; nothing of
/// /proc and its like.
Result<LocalTree> scan(const std::filesystem::path& root, const IgnoreList& ignore);

}  // namespace hanse::cli
