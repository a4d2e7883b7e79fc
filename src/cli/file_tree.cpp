#include "cli/file_tree.hpp"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <algorithm>
#include <array>
#include <system_error>

#include "cli/ignore_list.hpp"

namespace hanse::cli {
namespace {

namespace fs = std::filesystem;

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
  Scan(const fs::path& root, Ignoring ignoring, LocalTree& tree) : root_(root), ignoring_(ignoring), tree_(tree) {}

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
    if (auto listed = enter(path, relative); !listed) return listed;
    std::vector<fs::path> names;
    for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
      names.push_back(at->path().filename());
      if (names.size() > kMaxTreeEntries)
        return fail(ErrorCode::too_large, path.string() + ": more than a million files");
    }
    if (error) tree_.skipped.push_back(relative + ": cannot be read");
    std::sort(names.begin(), names.end());
    for (const auto& name : names) {
      const auto below = relative.empty() ? name.string() : relative + "/" + name.string();
      if (auto done = entry(path / name, below); !done) return done;
    }
    if (ignoring_ == Ignoring::listed) lists_.pop_back();
    above_.pop_back();
    return {};
  }

  Result<> entry(const fs::path& path, const std::string& relative) {
    struct stat info{};
    const bool there = ::stat(path.c_str(), &info) == 0;
    const bool is_folder = there && S_ISDIR(info.st_mode);
    const auto verdict = judge(relative, is_folder);
    if (verdict == Verdict::left_out) return {};
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
                           static_cast<std::uint32_t>(info.st_mtime), verdict == Verdict::taken_back});
    tree_.bytes += static_cast<std::uint64_t>(info.st_size);
    return {};
  }

 private:
  using Verdict = IgnoreList::Verdict;
  struct Listed {
    IgnoreList list;
    std::size_t skip;  ///< Of a path below the root: what lies before the list's folder.
  };

  Result<> enter(const fs::path& path, const std::string& relative) {
    if (ignoring_ == Ignoring::nothing) return {};
    auto list = IgnoreList::read(path, root_);
    if (!list) return fail(list);
    std::size_t patterns = list->size();
    for (const auto& above : lists_) patterns += above.list.size();
    if (patterns > kMaxIgnorePatterns) {
      return fail(ErrorCode::too_large, path.string() +
                                            ": more than 10000 patterns count for it, with those of the "
                                            ".hanseignore files above: let one stand for several");
    }
    lists_.push_back({std::move(*list), relative.empty() ? 0 : relative.size() + 1});
    return {};
  }

  /// By the deepest file that has a line for it.
  [[nodiscard]] Verdict judge(std::string_view relative, bool is_folder) const {
    for (auto at = lists_.rbegin(); at != lists_.rend(); ++at) {
      const auto verdict = at->list.judge(relative.substr(at->skip), is_folder);
      if (verdict != Verdict::none) return verdict;
    }
    return Verdict::none;
  }

  const fs::path& root_;
  const Ignoring ignoring_;
  LocalTree& tree_;
  std::vector<fs::path> above_;
  std::vector<Listed> lists_;  ///< Of the folder that is looked at and those above, where they count.
};

}  // namespace

Result<LocalTree> scan(const std::filesystem::path& root, Ignoring ignoring) {
  LocalTree tree;
  std::error_code error;
  const auto kind = fs::status(root, error).type();
  if (kind == fs::file_type::not_found) return fail(ErrorCode::not_found, root.string() + ": no such file or folder");
  if (is_kernels_own(root)) {
    return fail(ErrorCode::invalid_argument, root.string() +
                                                 " is the kernel's own, as all of /proc and /sys is: copy "
                                                 "what you need of it to a file and name that");
  }
  Scan scanner(root, ignoring, tree);
  const auto done =
      kind == fs::file_type::directory ? scanner.folder(root, "") : scanner.entry(root, root.filename().string());
  if (!done) return fail(done);
  return tree;
}

}  // namespace hanse::cli
