#include "cli/file_tree.hpp"

#include <fnmatch.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <algorithm>
#include <array>
#include <system_error>

namespace hanse::cli {
namespace {

namespace fs = std::filesystem;

bool matches(const std::string& pattern, const std::string& text) {
  return ::fnmatch(pattern.c_str(), text.c_str(), FNM_PATHNAME) == 0;
}

/// The kernel's views of itself: without end, and none of it a file that could be copied.
bool is_kernels_own(const fs::path& path) {
  struct statfs info{};
  if (::statfs(path.c_str(), &info) != 0) return false;
  constexpr std::array<std::uint32_t, 9> kTypes{PROC_SUPER_MAGIC,    SYSFS_MAGIC,   CGROUP_SUPER_MAGIC,
                                                CGROUP2_SUPER_MAGIC, DEBUGFS_MAGIC, TRACEFS_MAGIC,
                                                SECURITYFS_MAGIC,    BPF_FS_MAGIC,  DEVPTS_SUPER_MAGIC};
  return std::find(kTypes.begin(), kTypes.end(), static_cast<std::uint32_t>(info.f_type)) != kTypes.end();
}

class Scan {
 public:
  Scan(const IgnoreList& ignore, LocalTree& tree) : ignore_(ignore), tree_(tree) {}

  Result<> folder(const fs::path& path, const std::string& relative) {
    std::error_code error;
    const fs::path real = fs::canonical(path, error);
    if (error || std::find(above_.begin(), above_.end(), real) != above_.end()) {
      tree_.skipped.push_back(relative + (error ? ": cannot be read" : ": leads back to a folder above it"));
      return {};
    }
    if (is_kernels_own(path)) {
      tree_.skipped.push_back(relative + ": the kernel's own, as /proc and /sys are");
      return {};
    }
    if (above_.size() >= kMaxTreeDepth) return fail(ErrorCode::too_large, path.string() + ": more than 64 levels deep");
    above_.push_back(real);
    std::vector<fs::path> names;
    for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
      names.push_back(at->path().filename());
      if (names.size() > kMaxTreeEntries)
        return fail(ErrorCode::too_large, path.string() + ": more than a million files");
    }
    if (error) tree_.skipped.push_back(relative + ": cannot be read");
    std::sort(names.begin(), names.end());
    for (const auto& name : names) {
      if (auto done = entry(path / name, relative.empty() ? name.string() : relative + "/" + name.string()); !done) {
        return done;
      }
    }
    above_.pop_back();
    return {};
  }

  Result<> entry(const fs::path& path, const std::string& relative) {
    struct stat info{};
    const bool there = ::stat(path.c_str(), &info) == 0;
    const bool is_folder = there && S_ISDIR(info.st_mode);
    if (ignore_.ignores(relative, is_folder)) return {};
    if (!there || (!is_folder && !S_ISREG(info.st_mode))) {
      tree_.skipped.push_back(relative + (there ? ": neither a file nor a folder" : ": a link to nothing"));
      return {};
    }
    if (tree_.files.size() + tree_.folders.size() >= kMaxTreeEntries) {
      return fail(ErrorCode::too_large, "more than a million files; name some in .hanseignore");
    }
    if (is_folder) {
      tree_.folders.push_back(relative);
      return folder(path, relative);
    }
    tree_.files.push_back({path, relative, static_cast<std::uint64_t>(info.st_size), info.st_mode & 0777U,
                           static_cast<std::uint32_t>(info.st_mtime)});
    tree_.bytes += static_cast<std::uint64_t>(info.st_size);
    return {};
  }

 private:
  const IgnoreList& ignore_;
  LocalTree& tree_;
  std::vector<fs::path> above_;
};

}  // namespace

IgnoreList IgnoreList::parse(std::string_view text) {
  IgnoreList list;
  while (!text.empty()) {
    const auto end = text.find('\n');
    std::string line(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    line.erase(line.find_last_not_of(" \t\r") + 1);
    if (line.empty() || line[0] == '#') continue;
    Pattern pattern{line, false, false, false};
    if (pattern.text[0] == '!') {
      pattern.negated = true;
      pattern.text.erase(0, 1);
    }
    if (pattern.text.ends_with('/')) {
      pattern.folder_only = true;
      pattern.text.pop_back();
    }
    pattern.anchored = pattern.text.find('/') != std::string::npos;
    if (pattern.text.starts_with('/')) pattern.text.erase(0, 1);
    if (!pattern.text.empty()) list.patterns_.push_back(std::move(pattern));
  }
  return list;
}

bool IgnoreList::ignores(const std::string& relative, bool is_folder) const {
  const std::string name = relative.substr(relative.rfind('/') + 1);
  bool ignored = false;
  for (const auto& pattern : patterns_) {
    if (pattern.folder_only && !is_folder) continue;
    if (matches(pattern.text, pattern.anchored ? relative : name)) ignored = !pattern.negated;
  }
  return ignored;
}

Result<LocalTree> scan(const std::filesystem::path& root, const IgnoreList& ignore) {
  LocalTree tree;
  std::error_code error;
  const auto kind = fs::status(root, error).type();
  if (kind == fs::file_type::not_found) return fail(ErrorCode::not_found, root.string() + ": no such file or folder");
  if (is_kernels_own(root)) {
    return fail(ErrorCode::invalid_argument, root.string() +
                                                 " is the kernel's own, as all of /proc and /sys is: copy "
                                                 "what you need of it to a file and name that");
  }
  Scan scanner(ignore, tree);
  const auto done =
      kind == fs::file_type::directory ? scanner.folder(root, "") : scanner.entry(root, root.filename().string());
  if (!done) return fail(done);
  return tree;
}

}  // namespace hanse::cli
