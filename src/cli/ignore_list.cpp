#include "cli/ignore_list.hpp"

#include <algorithm>

#include "cli/settings.hpp"
#include "model/text.hpp"

namespace hanse::cli {
namespace {

namespace fs = std::filesystem;

/// Blanks at the end do not count, but for one that a `\` takes as itself.
std::string_view without_blanks_behind(std::string_view line) {
  std::size_t end = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == ' ') continue;
    if (line[i] == '\\') ++i;
    end = std::min(i + 1, line.size());
  }
  return line.substr(0, end);
}

/// As git cuts it: a `\r` before the end goes, and so do blanks; empty for a comment.
std::string_view pattern_of(std::string_view line) {
  if (line.starts_with('#')) return {};
  if (line.ends_with('\r')) line.remove_suffix(1);
  return without_blanks_behind(line);
}

bool has_comment_behind(std::string_view line) {
  return line.find(" #") != line.npos || line.find("\t#") != line.npos;
}

}  // namespace

/// Reads one line after the other.
struct IgnoreList::Reader {
  const std::string& name;
  const fs::path& folder;
  const fs::path& root;
  IgnoreList& out;
  std::size_t number = 0;

  [[nodiscard]] std::string where() const { return name + ", line " + std::to_string(number); }

  Result<> read(std::string_view line) {
    ++number;
    if (line.size() > kMaxIgnoreLineBytes) {
      return fail(ErrorCode::too_large, where() + ": a line has at most 4096 bytes: make it shorter");
    }
    const auto pattern = pattern_of(line);
    if (pattern.empty()) return {};
    auto read = parse_pattern(pattern);
    if (!read) {
      return fail(read.error().code,
                  where() + ": " + model::quoted(pattern) + " matches nothing: " + read.error().message);
    }
    out.patterns_.push_back(std::move(*read));
    if (out.size() <= kMaxIgnorePatterns) return {};
    return fail(ErrorCode::too_large, where() + ": a file has at most 10000 patterns: let one stand for several");
  }

 private:
  Result<Pattern> parse_pattern(std::string_view line) const {
    if (has_comment_behind(line)) {
      return fail(ErrorCode::malformed, "a comment stands on a line of its own; write \\# for the sign itself");
    }
    const bool takes_back = line.starts_with('!');
    std::string_view text = line.substr(takes_back ? 1 : 0);
    if (text.empty()) return fail(ErrorCode::malformed, "write behind the ! what is taken back");
    if (auto known = check_machine_path(text); !known) return fail(known);
    const bool folders_only = text.ends_with('/');
    if (folders_only) text.remove_suffix(1);
    const bool by_name = text.find('/') == text.npos;
    if (text.starts_with('/')) text.remove_prefix(1);
    if (text.empty()) return fail(ErrorCode::malformed, "write * for all that is in this folder");
    auto glob = client::Glob::parse(text);
    if (!glob) {
      const auto advice = meant_by(text, std::string(takes_back ? "!" : "") + "/", folders_only ? "/" : "");
      return fail(glob.error().code, glob.error().message + advice);
    }
    return Pattern{std::move(*glob), takes_back, folders_only, by_name};
  }

  /// A path of this machine, written where one of this folder is meant.
  [[nodiscard]] Result<> check_machine_path(std::string_view text) const {
    const auto is_here = [&](std::string_view first) {
      std::error_code ignored;
      return fs::exists(fs::symlink_status(folder / first, ignored));
    };
    const std::string above = root.string() + "/", here = folder.string() + "/";
    const bool is_home = text.starts_with("~/") && !folder.empty() && !is_here("~");
    const bool is_absolute = root.has_relative_path() && text.starts_with(above) && text.size() > above.size() &&
                             !is_here(root.relative_path().begin()->string());
    if (!is_home && !is_absolute) return {};
    const auto inside = text.starts_with(here) ? ", like /" + std::string(text.substr(here.size())) : "";
    return fail(ErrorCode::malformed, "it is a path of this machine: write it as it is seen from this folder" + inside);
  }

  /// For a pattern with a "." or ".." or two slashes: the same without.
  [[nodiscard]] static std::string meant_by(std::string_view text, const std::string& before,
                                            const std::string& behind) {
    const auto plain = fs::path(text).relative_path().lexically_normal();
    std::string meant = plain.string();
    if (meant.ends_with('/')) meant.pop_back();
    if (meant == ".") return ": write * for all that is in this folder";
    if (plain.begin()->string() == "..") {
      return ": what lies outside of this folder is for the .hanseignore of a folder above";
    }
    return meant != text && client::Glob::parse(meant) ? ": write " + before + meant + behind : "";
  }
};

Result<IgnoreList> IgnoreList::parse(std::string_view text, const std::string& name, const fs::path& folder,
                                     const fs::path& root) {
  if (text.size() > kMaxIgnoreBytes) {
    return fail(ErrorCode::too_large, name + ": has more than 1 MiB: let one pattern stand for several");
  }
  if (text.find('\0') != text.npos) {
    return fail(ErrorCode::malformed, name + ": holds zero bytes: save it as plain text in UTF-8");
  }
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  IgnoreList list;
  Reader reader{name, folder, root, list};
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    if (auto read = reader.read(text.substr(0, end)); !read) return fail(read);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return list;
}

Result<IgnoreList> IgnoreList::read(const fs::path& folder, const fs::path& root) {
  const auto file = folder / kIgnoreFile;
  const auto name = (folder.lexically_relative(root) / kIgnoreFile).lexically_normal().string();
  std::error_code error;
  const auto kind = fs::symlink_status(file, error).type();
  const bool is_there = kind != fs::file_type::not_found && kind != fs::file_type::none;  // or the folder is closed
  if (!is_there) return IgnoreList{};
  if (!fs::is_regular_file(file, error)) {
    return fail(ErrorCode::io, name + ": must be a file with a pattern a line, or a link to one");
  }
  const auto text = read_text(file);
  if (!text) return fail(text);
  return parse(*text, name, folder, root);
}

IgnoreList::Verdict IgnoreList::judge(std::string_view path, bool is_folder) const {
  const auto name = path.substr(path.rfind('/') + 1);  // all of it if there is no slash
  for (auto pattern = patterns_.rbegin(); pattern != patterns_.rend(); ++pattern) {
    if (pattern->folders_only && !is_folder) continue;
    if (pattern->glob.matches(pattern->by_name ? name : path)) {
      return pattern->takes_back ? Verdict::taken_back : Verdict::left_out;
    }
  }
  return Verdict::none;
}

}  // namespace hanse::cli
