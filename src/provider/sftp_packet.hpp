#pragma once

// The bytes of SFTP packets: a reader that never leaves its packet, and a buffer of replies.

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/check.hpp"

namespace hanse::provider {

inline constexpr std::uint32_t kMaxSftpPacket = 256 * 1024;           ///< Without its length field.
inline constexpr std::uint32_t kMaxSftpData = kMaxSftpPacket - 1024;  ///< Of one read or write.

/// Reads fields from the front. Once a field does not fit, good() is false for ever and every field is empty or 0.
class SftpReader {
 public:
  explicit SftpReader(ByteView bytes) : rest_(bytes) {}

  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] bool at_end() const { return good_ && rest_.empty(); }

  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  std::uint64_t u64() { return number(8); }
  ByteView string() { return take(u32()); }
  /// A string that the kernel takes for what it is: no NUL, at most 4095 bytes.
  std::string path() {
    const ByteView bytes = string();
    if (bytes.size() >= 4096 || std::memchr(bytes.data(), 0, bytes.size()) != nullptr) good_ = false;
    return good_ ? std::string(as_text(bytes)) : std::string();
  }

 private:
  ByteView take(std::size_t size) {
    if (!good_ || size > rest_.size()) {
      good_ = false;
      return rest_.first(0);
    }
    const ByteView front = rest_.first(size);
    rest_ = rest_.subspan(size);
    return front;
  }
  std::uint64_t number(std::size_t size) {
    std::uint64_t value = 0;
    for (const std::uint8_t byte : take(size)) value = value << 8 | byte;
    return value;
  }

  ByteView rest_;
  bool good_ = true;
};

/// Replies, one after another, until they are written out. Fixed size: room for a batch and one reply of any size.
class SftpReplies {
 public:
  static constexpr std::size_t kBatch = 512 * 1024;  ///< Write them out once so much is there.
  static constexpr std::size_t kCapacity = kBatch + kMaxSftpPacket + 4;

  SftpReplies() : bytes_(std::make_unique_for_overwrite<std::uint8_t[]>(kCapacity)) {}

  [[nodiscard]] ByteView bytes() const { return {bytes_.get(), size_}; }
  [[nodiscard]] bool full() const { return size_ >= kBatch; }
  void clear() { size_ = 0; }

  /// Every reply stands between a begin() and an end().
  void begin(std::uint8_t type) {
    start_ = size_;
    u32(0);
    u8(type);
  }
  void end() {
    const std::size_t length = size_ - start_ - 4;
    HANSE_CHECK(length <= kMaxSftpPacket);
    set_u32(start_, static_cast<std::uint32_t>(length));
  }
  /// Takes the reply back.
  void cancel() { size_ = start_; }
  [[nodiscard]] std::size_t reply_size() const { return size_ - start_; }

  void u8(std::uint8_t value) { *space(1) = value; }
  void u32(std::uint32_t value) {
    space(4);
    set_u32(size_ - 4, value);
  }
  void u64(std::uint64_t value) {
    u32(static_cast<std::uint32_t>(value >> 32));
    u32(static_cast<std::uint32_t>(value));
  }
  void string(std::string_view text) {
    u32(static_cast<std::uint32_t>(text.size()));
    if (!text.empty()) std::memcpy(space(text.size()), text.data(), text.size());
  }
  /// Adds so many bytes, to be filled in by the caller.
  std::uint8_t* space(std::size_t size) {
    HANSE_CHECK(size <= kCapacity - size_);
    size_ += size;
    return bytes_.get() + size_ - size;
  }
  void give_back(std::size_t size) { size_ -= size; }
  [[nodiscard]] std::size_t position() const { return size_; }
  void set_u32(std::size_t at, std::uint32_t value) {
    for (std::size_t i = 0; i < 4; ++i) bytes_[at + i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
  }

 private:
  std::unique_ptr<std::uint8_t[]> bytes_;
  std::size_t size_ = 0, start_ = 0;
};

}  // namespace hanse::provider
