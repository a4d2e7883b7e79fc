#pragma once

// The conversation of scp's old protocol, which both sides of a copy speak: lines, bytes, and answers of one byte: 0
// for "go on", 1 and a line for what was not copied, 2 and a line for the end. Single-threaded. Once it is over,
// nothing more is sent or read.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace hanse::provider {

class ScpLink {
 public:
  /// The descriptors block, and outlive it.
  ScpLink(int in, int out);

  /// One line without its end. False: it ended, or the line is longer than 8 KiB; then it is over.
  bool read_line(std::string& line);
  /// Some bytes; 0: it is over.
  std::size_t read(std::span<std::uint8_t> bytes);
  void write(std::span<const std::uint8_t> bytes);
  void write(std::string_view text);

  void agree();
  /// Tells that something was not copied; the copy goes on.
  void complain(const std::string& what);
  /// Tells why it cannot go on, and ends it.
  void give_up(const std::string& what);
  /// The other side complained.
  void note_complaint() { is_flawed_ = true; }
  /// Waits for the other side's answer; false: it declines, or it is over.
  bool is_agreed();
  void end() { is_over_ = true; }

  [[nodiscard]] bool is_over() const { return is_over_; }
  /// As scp's: 1 if either side complained.
  [[nodiscard]] int exit_code() const { return is_flawed_ ? 1 : 0; }

 private:
  bool read_byte(std::uint8_t& byte);
  void lose();

  static constexpr std::size_t kBufferBytes = 64 * 1024;
  static constexpr std::size_t kMaxLineBytes = 8 * 1024;
  int in_, out_;
  std::unique_ptr<std::uint8_t[]> buffer_ = std::make_unique_for_overwrite<std::uint8_t[]>(kBufferBytes);
  std::size_t begin_ = 0, end_ = 0;
  bool is_flawed_ = false, is_over_ = false;
};

}  // namespace hanse::provider
