#include "base/utf8.hpp"

namespace hanse {
namespace {

// The length of the character that starts at `at`, 0 if there is none.
std::size_t character_size(ByteView bytes, std::size_t at) {
  const auto lead = bytes[at];
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const std::size_t size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (bytes.size() - at < size) return 0;
  // The second byte's range excludes overlong forms (E0, F0), surrogates (ED) and what lies beyond U+10FFFF (F4).
  const std::uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const std::uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (bytes[at + 1] < low || bytes[at + 1] > high) return 0;
  for (std::size_t i = 2; i < size; ++i) {
    if ((bytes[at + i] & 0xc0) != 0x80) return 0;
  }
  return size;
}

}  // namespace

Character character_at(ByteView bytes, std::size_t at) {
  const auto size = character_size(bytes, at);
  if (size <= 1) return {size == 0 ? 0U : bytes[at], size};
  std::uint32_t code = bytes[at] & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) code = code << 6 | (bytes[at + i] & 0x3fU);
  return {code, size};
}

bool is_utf8(ByteView bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    std::uint64_t eight = 0;
    if (bytes.size() - at >= sizeof eight) {
      std::memcpy(&eight, bytes.data() + at, sizeof eight);
      if ((eight & 0x8080808080808080U) == 0) {
        at += sizeof eight;
        continue;
      }
    }
    const auto size = character_size(bytes, at);
    if (size == 0) return false;
    at += size;
  }
  return true;
}

}  // namespace hanse
