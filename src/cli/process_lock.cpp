#include "cli/process_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "cli/settings.hpp"
#include "client/private_file.hpp"

namespace hanse::cli {

Result<ProcessLock> ProcessLock::take(const std::filesystem::path& file, const std::string& what) {
  if (auto made = client::write_private_file(file, ""); !made && made.error().code != ErrorCode::already_exists) {
    return fail(made);
  }
  const int fd = ::open(file.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return fail(ErrorCode::io, file.string() + ": " + std::strerror(errno));
  ProcessLock lock(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    return fail(ErrorCode::conflict, what + " (process " + std::to_string(holder(file)) + ")");
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return fail(ErrorCode::io, file.string() + ": " + std::strerror(errno));
  }
  return lock;
}

pid_t ProcessLock::holder(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return 0;
  std::array<char, 32> text{};
  const bool is_held = ::flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  const ssize_t n = ::pread(fd, text.data(), text.size() - 1, 0);
  ::close(fd);
  return is_held && n > 0 ? static_cast<pid_t>(std::atoi(text.data())) : 0;
}

ProcessLock::~ProcessLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace hanse::cli
