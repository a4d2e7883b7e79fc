#include "client/private_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
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

/// Makes what is missing on the way, private to the user. Folders that are there keep their mode.
Result<> make_folders(const std::filesystem::path& folder) {
  if (folder.empty() || std::filesystem::exists(folder)) return {};
  if (auto above = make_folders(folder.parent_path()); !above) return above;
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return io_error("cannot make the folder", folder, errno);
  return {};
}

}  // namespace

Result<> write_private_file(const std::filesystem::path& file, std::string_view content) {
  std::error_code ignored;
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  if (auto made = make_folders(folder); !made) return made;
  const auto temporary = folder / ("." + file.filename().string() + "." + to_hex(random_bytes<8>().view()));
  int failed = 0;
  {
    const Descriptor fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fd.is_open()) return io_error("cannot write", file, errno);
    failed = write_all(fd.get(), content);
  }
  // link() and not rename(): it refuses to replace a file that somebody else made meanwhile.
  if (failed == 0 && ::link(temporary.c_str(), file.c_str()) != 0) failed = errno;
  std::filesystem::remove(temporary, ignored);
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
