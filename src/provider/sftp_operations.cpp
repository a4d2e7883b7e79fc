// What SFTP requests do to files other than reading and writing them; see sftp_server.hpp.

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "provider/sftp_server.hpp"

namespace hanse::provider {
namespace {

constexpr std::uint8_t kNameReply = 104, kExtendedReply = 201;
constexpr std::uint32_t kMaxNames = 128;
/// A name, its line and its attributes: at most 255 bytes of name, twice, and what stands around them.
constexpr std::size_t kMaxEntryBytes = 1024;

/// Truncates, changes mode, owner and times of a path or, if it is empty, of a descriptor.
int apply(const SftpAttributes& attributes, int fd, const std::string& path, bool follow) {
  const bool by_path = !path.empty();
  const int flags = !by_path ? AT_EMPTY_PATH : follow ? 0 : AT_SYMLINK_NOFOLLOW;
  if (attributes.size) {
    if (!follow || *attributes.size > INT64_MAX) return EINVAL;
    const auto size = static_cast<off_t>(*attributes.size);
    if ((by_path ? ::truncate(path.c_str(), size) : ::ftruncate(fd, size)) != 0) return errno;
  }
  if (attributes.owner &&
      ::fchownat(by_path ? AT_FDCWD : fd, path.c_str(), attributes.owner->uid, attributes.owner->gid, flags) != 0) {
    return errno;
  }
  // After the owner, because changing that clears the set-user-id bits.
  if (attributes.mode) {
    const mode_t mode = *attributes.mode & 07777;
    if ((by_path ? ::fchmodat(AT_FDCWD, path.c_str(), mode, follow ? 0 : AT_SYMLINK_NOFOLLOW) : ::fchmod(fd, mode)) !=
        0) {
      return errno;
    }
  }
  if (attributes.times) {
    const std::array<timespec, 2> times{{{attributes.times->access_s, 0}, {attributes.times->change_s, 0}}};
    const int rc = by_path ? ::utimensat(AT_FDCWD, path.c_str(), times.data(), flags) : ::futimens(fd, times.data());
    if (rc != 0) return errno;
  }
  return 0;
}

/// Canonical and absolute; empty with errno set if there is none. The last part may be missing, as in "where would this
/// file be?".
std::string canonical(const std::string& path) {
  const auto resolve = [](const std::string& text) -> std::string {
    const std::unique_ptr<char, decltype(&std::free)> real(::realpath(text.c_str(), nullptr), &std::free);
    return real ? real.get() : "";
  };
  std::string whole = resolve(path);
  if (!whole.empty() || errno != ENOENT) return whole;
  std::string trimmed = path;
  while (trimmed.size() > 1 && trimmed.back() == '/') trimmed.pop_back();
  const std::size_t slash = trimmed.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : trimmed.substr(0, slash);
  const std::string name = slash == std::string::npos ? trimmed : trimmed.substr(slash + 1);
  if (name.empty() || name == "." || name == "..") return std::string();
  whole = resolve(folder);
  if (whole.empty()) return whole;
  return whole == "/" ? "/" + name : whole + "/" + name;
}

}  // namespace

int SftpServer::status_of_path(Request& request, bool follow) {
  const std::string path = request.reader.path();
  if (!request.reader.good()) return kMalformed;
  struct stat status{};
  if (::fstatat(AT_FDCWD, path.c_str(), &status, follow ? 0 : AT_SYMLINK_NOFOLLOW) != 0) return errno;
  answer_attributes(request, status);
  return kAnswered;
}

int SftpServer::status_of_handle(Request& request) {
  const Handle* handle = find(request.reader.string());
  if (handle == nullptr) return kNoSuchHandle;
  struct stat status{};
  if (::fstat(handle->fd(), &status) != 0) return errno;
  answer_attributes(request, status);
  return kAnswered;
}

int SftpServer::set_attributes(Request& request, bool follow) {
  const std::string path = request.reader.path();
  const SftpAttributes attributes = read_attributes(request.reader);
  if (!request.reader.good()) return kMalformed;
  return path.empty() ? ENOENT : apply(attributes, -1, path, follow);
}

int SftpServer::set_handle_attributes(Request& request) {
  const Handle* handle = find(request.reader.string());
  const SftpAttributes attributes = read_attributes(request.reader);
  if (!request.reader.good()) return kMalformed;
  return handle == nullptr ? kNoSuchHandle : apply(attributes, handle->fd(), "", true);
}

int SftpServer::open_folder(Request& request) {
  const std::string path = request.reader.path();
  if (!request.reader.good()) return kMalformed;
  Handle* handle = free_handle();
  if (handle == nullptr) return EMFILE;
  handle->folder.reset(::opendir(path.c_str()));
  return handle->folder ? give_handle(request, *handle) : errno;
}

int SftpServer::read_folder(Request& request) {
  Handle* handle = find(request.reader.string());
  if (handle == nullptr || !handle->folder) return kNoSuchHandle;
  SftpReplies& out = request.out;
  out.begin(kNameReply);
  out.u32(request.id);
  out.u32(0);
  const std::size_t count_at = out.position() - 4;
  std::uint32_t count = 0;
  while (count < kMaxNames && out.reply_size() + kMaxEntryBytes <= kMaxSftpPacket) {
    const dirent* entry = ::readdir(handle->folder.get());
    if (entry == nullptr) break;
    struct stat status{};
    if (::fstatat(handle->fd(), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;  // Removed just now.
    out.string(entry->d_name);
    out.string(long_name(entry->d_name, status));
    write_attributes(out, status);
    ++count;
  }
  if (count == 0) {
    out.cancel();
    return kEndOfFile;
  }
  out.set_u32(count_at, count);
  out.end();
  return kAnswered;
}

int SftpServer::remove(Request& request, bool folder) {
  const std::string path = request.reader.path();
  if (!request.reader.good()) return kMalformed;
  return ::unlinkat(AT_FDCWD, path.c_str(), folder ? AT_REMOVEDIR : 0) == 0 ? 0 : errno;
}

int SftpServer::make_folder(Request& request) {
  const std::string path = request.reader.path();
  const SftpAttributes attributes = read_attributes(request.reader);
  if (!request.reader.good()) return kMalformed;
  return ::mkdir(path.c_str(), attributes.mode.value_or(0777) & 07777) == 0 ? 0 : errno;
}

int SftpServer::real_path(Request& request, bool expand) {
  std::string path = request.reader.path();
  if (!request.reader.good()) return kMalformed;
  if (path.empty()) path = ".";
  if (expand && path.front() == '~') {
    if (path.size() > 1 && path[1] != '/') return ENOENT;
    path.replace(0, 1, home_);
  }
  const auto real = canonical(path);
  if (real.empty()) return errno;
  answer_name(request, real);
  return kAnswered;
}

int SftpServer::read_link(Request& request) {
  const std::string path = request.reader.path();
  if (!request.reader.good()) return kMalformed;
  std::array<char, 4096> target{};
  const ssize_t n = ::readlink(path.c_str(), target.data(), target.size());
  if (n < 0) return errno;
  answer_name(request, {target.data(), static_cast<std::size_t>(n)});
  return kAnswered;
}

/// OpenSSH's order, which everybody follows and the draft does not: first the target, then the link.
int SftpServer::make_link(Request& request, bool symbolic) {
  const std::string target = request.reader.path();
  const std::string path = request.reader.path();
  if (!request.reader.good()) return kMalformed;
  const int rc = symbolic ? ::symlink(target.c_str(), path.c_str()) : ::link(target.c_str(), path.c_str());
  return rc == 0 ? 0 : errno;
}

int SftpServer::rename(Request& request, bool replace) {
  const std::string from = request.reader.path();
  const std::string to = request.reader.path();
  if (!request.reader.good()) return kMalformed;
  if (replace) return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  // A file system without that flag: the test and the rename are two steps there, as in every other SFTP server.
  struct stat status{};
  if (::lstat(to.c_str(), &status) == 0) return EEXIST;
  return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

int SftpServer::extended(Request& request) {
  const std::string_view name = as_text(request.reader.string());
  if (name == "posix-rename@openssh.com") return rename(request, true);
  if (name == "hardlink@openssh.com") return make_link(request, false);
  if (name == "fsync@openssh.com") return sync(request);
  if (name == "lsetstat@openssh.com") return set_attributes(request, false);
  if (name == "statvfs@openssh.com") return space(request, false);
  if (name == "fstatvfs@openssh.com") return space(request, true);
  if (name == "limits@openssh.com") return limits(request);
  if (name == "expand-path@openssh.com") return real_path(request, true);
  return EOPNOTSUPP;
}

int SftpServer::sync(Request& request) {
  const Handle* handle = find(request.reader.string());
  if (handle == nullptr) return kNoSuchHandle;
  return ::fsync(handle->fd()) == 0 ? 0 : errno;
}

int SftpServer::space(Request& request, bool of_handle) {
  struct statvfs info{};
  if (of_handle) {
    const Handle* handle = find(request.reader.string());
    if (handle == nullptr) return kNoSuchHandle;
    if (::fstatvfs(handle->fd(), &info) != 0) return errno;
  } else {
    const std::string path = request.reader.path();
    if (!request.reader.good()) return kMalformed;
    if (::statvfs(path.c_str(), &info) != 0) return errno;
  }
  const std::uint64_t flags = ((info.f_flag & ST_RDONLY) != 0 ? 1U : 0U) | ((info.f_flag & ST_NOSUID) != 0 ? 2U : 0U);
  request.out.begin(kExtendedReply);
  request.out.u32(request.id);
  for (const std::uint64_t value :
       {std::uint64_t{info.f_bsize}, std::uint64_t{info.f_frsize}, std::uint64_t{info.f_blocks},
        std::uint64_t{info.f_bfree}, std::uint64_t{info.f_bavail}, std::uint64_t{info.f_files},
        std::uint64_t{info.f_ffree}, std::uint64_t{info.f_favail}, std::uint64_t{info.f_fsid}, flags,
        std::uint64_t{info.f_namemax}}) {
    request.out.u64(value);
  }
  request.out.end();
  return kAnswered;
}

int SftpServer::limits(Request& request) {
  request.out.begin(kExtendedReply);
  request.out.u32(request.id);
  request.out.u64(kMaxSftpPacket);
  request.out.u64(kMaxSftpData);
  request.out.u64(kMaxSftpData);
  request.out.u64(kMaxHandles);
  request.out.end();
  return kAnswered;
}

}  // namespace hanse::provider
