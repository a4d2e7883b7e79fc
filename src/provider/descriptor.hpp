#pragma once

// File descriptors that close themselves, and the few system calls around them that the gateway shares. Everything
// made here is close-on-exec.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/error.hpp"

namespace hanse::provider {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() { reset(); }

  [[nodiscard]] int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  [[nodiscard]] int release();
  void reset();

 private:
  int fd_ = -1;
};

/// Reads block, or not, as the flags of the descriptor say.
struct Pipe {
  Descriptor read_end, write_end;
};

/// The capacity is a wish: the kernel may give less to a user who holds many pipes.
Result<Pipe> make_pipe(int capacity_bytes);
Result<> set_nonblocking(int fd);

/// Wakes a poll() from any thread.
class Wake {
 public:
  Wake();
  void signal() const;
  void clear() const;
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  Descriptor fd_;
};

/// Writes all of it to a blocking descriptor; false when nobody reads any more.
bool write_all(int fd, std::span<const std::uint8_t> bytes);
bool write_all(int fd, std::string_view text);

/// What a file of /proc says, up to `most` bytes of it; empty, or what was read so far, when it cannot be read (on).
/// `folder` is a descriptor, or AT_FDCWD. Never throws: a process may end between the opening and the reading, which a
/// stream's iterators report with an exception.
std::string read_at(int folder, const char* path, std::size_t most = 64 * 1024);

/// A writer whose reader is gone must get EPIPE and not be killed. For the calling thread and those it starts.
void block_sigpipe();

/// What a started helper gets: its standard streams and, as descriptor 3, the container's process. -1: none.
struct HelperFiles {
  int in = -1, out = -1, err = -1, process = -1;
};

/// Starts `program arguments…` with an empty environment and no other descriptor; its process id.
Result<pid_t> start_process(const std::string& program, const std::vector<std::string>& arguments, HelperFiles files);

/// Waits for a child; how it ended as waitpid() says.
int wait_process(pid_t pid);

}  // namespace hanse::provider
