#include "provider/scp_link.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/bytes.hpp"
#include "provider/descriptor.hpp"

namespace hanse::provider {

ScpLink::ScpLink(int in, int out) : in_(in), out_(out) {}

void ScpLink::lose() {
  is_flawed_ = is_over_ = true;
}

bool ScpLink::read_byte(std::uint8_t& byte) {
  if (begin_ == end_) {
    begin_ = 0;
    end_ = 0;
    ssize_t n = -1;
    do n = is_over_ ? 0 : ::read(in_, buffer_.get(), kBufferBytes);
    while (n < 0 && errno == EINTR);
    if (n <= 0) return false;
    end_ = static_cast<std::size_t>(n);
  }
  byte = buffer_[begin_++];
  return true;
}

bool ScpLink::read_line(std::string& line) {
  line.clear();
  for (std::uint8_t byte = 0; read_byte(byte);) {
    if (byte == '\n') return true;
    line += static_cast<char>(byte);
    if (line.size() > kMaxLineBytes) {
      give_up("protocol error: a line is too long");
      return false;
    }
  }
  // Between two records is where a client ends that has no more to send.
  if (line.empty())
    end();
  else
    lose();
  return false;
}

std::size_t ScpLink::read(std::span<std::uint8_t> bytes) {
  const std::size_t held = std::min(bytes.size(), end_ - begin_);
  std::copy_n(buffer_.get() + begin_, held, bytes.data());
  begin_ += held;
  if (held > 0) return held;
  ssize_t n = -1;
  do n = is_over_ ? 0 : ::read(in_, bytes.data(), bytes.size());
  while (n < 0 && errno == EINTR);
  if (n <= 0) lose();
  return n <= 0 ? 0 : static_cast<std::size_t>(n);
}

void ScpLink::write(std::span<const std::uint8_t> bytes) {
  if (!is_over_ && !write_all(out_, bytes)) lose();
}

void ScpLink::write(std::string_view text) {
  write(as_bytes(text));
}

void ScpLink::agree() {
  write(std::string_view("\0", 1));
}

void ScpLink::complain(const std::string& what) {
  is_flawed_ = true;
  std::string line = "\1scp: " + what;
  // A name may hold what would end the line early.
  std::replace(line.begin(), line.end(), '\n', '?');
  write(line + "\n");
}

void ScpLink::give_up(const std::string& what) {
  complain(what);
  end();
}

bool ScpLink::is_agreed() {
  std::uint8_t answer = 0;
  if (!read_byte(answer)) {
    lose();
    return false;
  }
  if (answer == 0) return true;
  is_flawed_ = true;
  std::string words;
  if (read_line(words) && answer != 1) end();
  return false;
}

}  // namespace hanse::provider
