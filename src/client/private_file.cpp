#include "client/private_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/clock.hpp"

namespace hanse::client {
namespace {

constexpr std::size_t kMaxFileBytes = 64 * 1024;

std::unexpected<Error> io_error(const std::string& what, const std::filesystem::path& file, int reason) {
  return fail(ErrorCode::io, what + " '" + file.string() + "': " + std::strerror(reason));
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }

 private:
  int fd_;
};

/// Writes and syncs; 0 or an errno.
int write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno != EINTR) return errno;
    if (n > 0) content.remove_prefix(static_cast<std::size_t>(n));
  }
  return ::fsync(fd) == 0 ? 0 : errno;
}

/// Gives what root has just made to whoever owns the folder that it is in, if it was they who came by sudo (any other
/// owner may have swapped the folder meanwhile, and would be given what is not theirs); 0 or an errno.
int give_to_owner_of(const std::filesystem::path& folder, int fd) {
  const char* by_sudo = std::getenv("SUDO_UID");
  struct stat owner{};
  if (::geteuid() != 0 || by_sudo == nullptr) return 0;
  if (::stat(folder.c_str(), &owner) != 0) return errno;
  if (owner.st_uid == 0 || std::to_string(owner.st_uid) != by_sudo) return 0;
  return ::fchown(fd, owner.st_uid, owner.st_gid) == 0 ? 0 : errno;
}

std::filesystem::path folder_of(const std::filesystem::path& file) {
  return file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
}

/// Writes and syncs a draft beside the file, then puts it in its place: link() refuses to replace a file that somebody
/// else made meanwhile, rename() replaces it.
Result<> put(const std::filesystem::path& file, std::string_view content, int (*place)(const char*, const char*)) {
  const auto folder = folder_of(file);
  if (auto made = make_private_folder(folder); !made) return made;
  const auto draft = folder / ("." + file.filename().string() + "." + to_hex(random_bytes<8>().view()));
  int failed = 0;
  {
    const Descriptor fd(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd.is_open()) return io_error("cannot write", file, errno);
    failed = give_to_owner_of(folder, fd.get());
    if (failed == 0) failed = write_all(fd.get(), content);
  }
  if (failed == 0 && place(draft.c_str(), file.c_str()) != 0) failed = errno;
  ::unlink(draft.c_str());
  if (failed == EEXIST) {
    return fail(
        ErrorCode::already_exists,
        "'" + file.string() + "' is there already and is never overwritten: choose another name or move it away");
  }
  if (failed != 0) return io_error("cannot write", file, failed);
  const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.is_open() || ::fsync(directory.get()) != 0) return io_error("cannot sync the folder of", file, errno);
  return {};
}

}  // namespace

Result<> make_private_folder(const std::filesystem::path& folder) {
  std::error_code ignored;
  if (folder.empty() || std::filesystem::exists(folder, ignored)) return {};
  const auto above = folder_of(folder);
  if (auto made = make_private_folder(above); !made) return made;
  if (::mkdir(folder.c_str(), S_IRWXU) != 0) {
    if (errno == EEXIST) return {};
    return io_error("cannot make the folder", folder, errno);
  }
  const Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.is_open()) return io_error("cannot open the folder", folder, errno);
  if (const int failed = give_to_owner_of(above, fd.get()); failed != 0) {
    return io_error("cannot hand over the folder", folder, failed);
  }
  return {};
}

Result<> write_private_file(const std::filesystem::path& file, std::string_view content) {
  return put(file, content, ::link);
}

Result<> replace_private_file(const std::filesystem::path& file, std::string_view content) {
  return put(file, content, std::rename);
}

Result<std::string> read_small_file(const std::filesystem::path& file) {
  const Descriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open() && errno == ENOENT) return fail(ErrorCode::not_found, "there is no '" + file.string() + "'");
  if (!fd.is_open()) return io_error("cannot read", file, errno);
  std::string out(kMaxFileBytes + 1, '\0');
  std::size_t size = 0;
  while (size < out.size()) {
    const ssize_t n = ::read(fd.get(), out.data() + size, out.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error("cannot read", file, errno);
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
  }
  if (size > kMaxFileBytes) return fail(ErrorCode::too_large, "'" + file.string() + "' is larger than 64 KiB");
  out.resize(size);
  return out;
}

}  // namespace hanse::client
