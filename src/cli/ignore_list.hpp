#pragma once

// The .hanseignore of one folder: what in it and below it is not copied to a machine. By git's rules for its ignore
// files (gitignore(5)), one pattern a line:
//
//   # a comment   \# \!    a name that begins with that sign
//   name          at any depth; *.pem, id_?sa, data[0-9] too, as client/glob.hpp says
//   /name  a/b    a slash before the end: counted from this folder
//   name/         folders only
//   !name         takes back what a line above, or a .hanseignore further up, leaves out
//
// The last line that matches decides, and a deeper file before one above it. What lies in a folder that is left out
// cannot be taken back. Immutable once read, so thread-safe.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "client/glob.hpp"

namespace hanse::cli {

inline constexpr std::string_view kIgnoreFile = ".hanseignore";
inline constexpr std::size_t kMaxIgnoreBytes = 1024 * 1024;
inline constexpr std::size_t kMaxIgnoreLineBytes = 4096;
inline constexpr std::size_t kMaxIgnorePatterns = 10'000;  ///< That count for one folder, its own and those above.

class IgnoreList {
 public:
  enum class Verdict : std::uint8_t { none, left_out, taken_back };

  IgnoreList() = default;
  /// A line that could never match, so that its author meant another, is malformed: the error names the file as
  /// `name`, the line, and what to write. `folder` is where the list lies; absolute paths of this machine are known by
  /// `root`, what is copied. Both may be empty.
  static Result<IgnoreList> parse(std::string_view text, const std::string& name = std::string(kIgnoreFile),
                                  const std::filesystem::path& folder = {}, const std::filesystem::path& root = {});
  /// Of the folder, which lies at or below `root`; empty if it has none. io where there is one that cannot be read.
  static Result<IgnoreList> read(const std::filesystem::path& folder, const std::filesystem::path& root);

  /// `path` counts from the list's folder, with '/'. Says nothing of the folders above the path.
  [[nodiscard]] Verdict judge(std::string_view path, bool is_folder) const;
  [[nodiscard]] std::size_t size() const { return patterns_.size(); }

 private:
  struct Pattern {
    client::Glob glob;
    bool takes_back, folders_only, by_name;
  };
  struct Reader;

  std::vector<Pattern> patterns_;
};

}  // namespace hanse::cli
