#pragma once

// "One at a time", and who it is: a file that holds a process's id and is locked for as long as that process lives,
// however it dies.

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <utility>

#include "base/error.hpp"

namespace hanse::cli {

class ProcessLock {
 public:
  /// conflict, with the other's process id, if another process holds it.
  static Result<ProcessLock> take(const std::filesystem::path& file, const std::string& what);
  /// Who holds it; 0: nobody.
  static pid_t holder(const std::filesystem::path& file);

  ProcessLock(ProcessLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ProcessLock& operator=(ProcessLock&&) = delete;
  ~ProcessLock();

 private:
  explicit ProcessLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace hanse::cli
