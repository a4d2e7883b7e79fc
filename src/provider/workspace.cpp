#include "provider/workspace.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "provider/process.hpp"

namespace hanse::provider {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kSmallestVolume = 16U << 20;
constexpr int kMostWatched = 1'000'000;  ///< Files that a watch of a plain folder looks at.

/// The journal that mke2fs gives a volume of fewer than so many blocks.
struct JournalSize {
  std::uint64_t below, blocks;
};
constexpr std::array<JournalSize, 7> kJournals{{{1 << 15, 1024},
                                                {1 << 18, 4096},
                                                {1 << 19, 8192},
                                                {1 << 22, 16'384},
                                                {1 << 23, 32'768},
                                                {1 << 24, 65'536},
                                                {1 << 25, 131'072}}};

bool is_mount(const fs::path& path) {
  struct stat here{}, above{};
  if (::stat(path.c_str(), &here) != 0 || ::stat(path.parent_path().c_str(), &above) != 0) return false;
  return here.st_dev != above.st_dev;
}

Result<> make_image(const fs::path& image, std::uint64_t bytes) {
  const auto partial = image.string() + ".new";
  const int fd = ::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const bool sized = fd >= 0 && ::ftruncate(fd, static_cast<off_t>(bytes)) == 0;
  if (fd >= 0) ::close(fd);
  if (!sized) return fail(ErrorCode::io, "cannot make " + partial + ": " + std::strerror(errno));
  // No reserve for root, lazy tables: a volume of any size is made in milliseconds and takes space as it fills.
  const auto made = run_program(
      {"mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=1,lazy_journal_init=1,root_owner=0:0", partial});
  if (!made) return fail(made);
  if (made->exit_code != 0) return fail(ErrorCode::io, "mkfs.ext4 failed: " + made->text.substr(0, 300));
  std::error_code error;
  fs::rename(partial, image, error);
  if (error) return fail(ErrorCode::io, "cannot make " + image.string() + ": " + error.message());
  return {};
}

Result<> mount_image(const fs::path& image, const fs::path& where) {
  const auto mounted = run_program({"mount", "-o", "loop,nosuid,nodev,noatime", image.string(), where.string()});
  if (!mounted) return fail(mounted);
  if (mounted->exit_code != 0) return fail(ErrorCode::io, "mounting a volume failed: " + mounted->text.substr(0, 300));
  fs::permissions(where, fs::perms::all);  // jobs that drop root write here too
  std::error_code ignored;
  fs::remove(where / "lost+found", ignored);
  return {};
}

/// The names that a lease knows by itself: its own alone. Its forwards end at 127.0.0.1, so its hostname is there too.
Result<> write_hosts(const fs::path& file, const std::string& hostname) {
  const fs::path partial = file.string() + ".new";
  std::ofstream out(partial, std::ios::trunc);
  out << "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n127.0.0.1 " << hostname << "\n";
  out.close();
  std::error_code error;
  constexpr auto kReadable = fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read;
  if (out) fs::permissions(partial, kReadable, error);  // jobs that drop root read it too
  if (out && !error) fs::rename(partial, file, error);
  if (!out || error) return fail(ErrorCode::io, "cannot write " + file.string() + ": is the disk full?");
  return {};
}

Result<> unmount(const fs::path& path) {
  if (!is_mount(path)) return {};
  if (::umount2(path.c_str(), UMOUNT_NOFOLLOW) == 0) return {};
  // Something still holds it (a container that is just going): out of sight now, gone with its last user.
  if (::umount2(path.c_str(), UMOUNT_NOFOLLOW | MNT_DETACH) == 0) return {};
  return fail(ErrorCode::io, "cannot unmount " + path.string() + ": " + std::strerror(errno));
}

}  // namespace

Workspaces::Workspaces(fs::path folder) : folder_(std::move(folder)) {
  std::error_code ignored;
  fs::create_directories(folder_, ignored);
  fs::permissions(folder_, fs::perms::owner_all, ignored);
  mounts_ = can_mount(folder_).has_value();
}

Result<Workspaces::Paths> Workspaces::open(const std::string& name, std::uint64_t bytes) {
  const auto home = folder_ / name;
  const auto workspace = home / "workspace", control = home / "control", hosts = home / "hosts";
  const auto image = home / "volume.ext4";
  std::error_code error;
  fs::create_directories(workspace, error);
  if (!error) fs::create_directories(control, error);
  if (error) return fail(ErrorCode::io, "cannot make " + home.string() + ": " + error.message());
  if (!fs::exists(hosts)) {
    if (auto written = write_hosts(hosts, name); !written) return fail(written);
  }
  Paths out{workspace.string(), control.string(), hosts.string(), home / "output", mounts_};
  if (!mounts_) {
    fs::permissions(workspace, fs::perms::all, error);
    return out;
  }
  if (!fs::exists(image)) {
    if (auto made = make_image(image, std::max(bytes, kSmallestVolume)); !made) return fail(made);
  }
  if (!is_mount(workspace)) {
    if (auto mounted = mount_image(image, workspace); !mounted) return fail(mounted);
  }
  if (!is_mount(control) && ::mount("tmpfs", control.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
                                    "size=1m,nr_inodes=64,mode=0700") != 0) {
    return fail(ErrorCode::io, "cannot mount " + control.string() + ": " + std::strerror(errno));
  }
  return out;
}

/// By mke2fs's rules of how a volume of a size is laid out.
Workspaces::Room Workspaces::room(std::uint64_t bytes) {
  bytes = std::max(bytes, kSmallestVolume);
  const bool is_small = bytes < (512ULL << 20);
  const std::uint64_t block = is_small ? 1024 : 4096, blocks = bytes / block;
  const std::uint64_t bytes_per_inode = is_small                ? 4096
                                        : bytes < (4ULL << 40)  ? 16384
                                        : bytes < (16ULL << 40) ? 32768
                                                                : 65536;
  const std::uint64_t inodes = bytes / bytes_per_inode;
  std::uint64_t journal = 262'144;
  for (const auto& size : kJournals) {
    if (blocks < size.below) journal = std::min(journal, size.blocks);
  }
  const std::uint64_t tables = inodes * 256 + bytes / (is_small ? 50 : 250);  // and group descriptors with their copies
  const std::uint64_t kept = std::min<std::uint64_t>(blocks / 50, 4096);      // by the kernel, for its own writes
  return {bytes - (journal + kept) * block - tables, inodes - inodes / 500 - 16, block};
}

Result<> Workspaces::wipe(const std::string& name) {
  const auto home = folder_ / name;
  for (const char* part : {"workspace", "control"}) {
    if (auto gone = unmount(home / part); !gone) return gone;
  }
  std::error_code error;
  fs::remove_all(home, error);
  if (error) return fail(ErrorCode::io, "cannot delete " + home.string() + ": " + error.message());
  return {};
}

std::vector<std::string> Workspaces::names() const {
  std::vector<std::string> out;
  std::error_code error;
  for (fs::directory_iterator at(folder_, error); !error && at != fs::directory_iterator(); at.increment(error)) {
    out.push_back(at->path().filename().string());
  }
  return out;
}

std::uint64_t Workspaces::used_bytes(const std::string& folder) {
  std::uint64_t total = 0;
  int seen = 0;
  std::error_code error;
  auto it = fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied, error);
  for (; !error && it != fs::recursive_directory_iterator() && seen < kMostWatched; it.increment(error), ++seen) {
    struct stat entry{};
    if (::lstat(it->path().c_str(), &entry) == 0) total += static_cast<std::uint64_t>(entry.st_blocks) * 512;
  }
  return total;
}

Result<> Workspaces::can_mount(const fs::path& folder) {
  if (::geteuid() != 0) return fail(ErrorCode::unsupported, "mounting needs root");
  const auto trial = folder / ".trial";
  const auto where = trial / "mount", image = trial / "volume.ext4";
  std::error_code error;
  static_cast<void>(unmount(where));
  fs::remove_all(trial, error);
  fs::create_directories(where, error);
  if (error) return fail(ErrorCode::io, "cannot write to " + folder.string() + ": " + error.message());
  auto result = make_image(image, kSmallestVolume);
  if (result) result = mount_image(image, where);
  static_cast<void>(unmount(where));
  fs::remove_all(trial, error);
  if (!result) return fail(ErrorCode::unsupported, result.error().message);
  return {};
}

}  // namespace hanse::provider
