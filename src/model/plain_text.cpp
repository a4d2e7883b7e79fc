#include "model/plain_text.hpp"

#include <algorithm>

#include "base/utf8.hpp"

namespace hanse::model {

namespace {

struct Range {
  std::uint32_t first, last;
};

bool is_in(const Range* begin, const Range* end, std::uint32_t code) {
  return std::any_of(begin, end, [&](const Range& range) { return code >= range.first && code <= range.last; });
}

bool is_control(std::uint32_t code) {
  constexpr Range kControls[] = {{0x00, 0x1f}, {0x7f, 0x9f}, {0x2028, 0x2029}};
  return is_in(std::begin(kControls), std::end(kControls), code);
}

/// Of Unicode's default-ignorable and bidirectional characters those that no name needs.
bool hides(std::uint32_t code) {
  constexpr Range kHidden[] = {{0xad, 0xad},     {0x034f, 0x034f}, {0x061c, 0x061c},   {0x115f, 0x1160},
                               {0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x200b, 0x200f},   {0x202a, 0x202e},
                               {0x2060, 0x206f}, {0x3164, 0x3164}, {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},
                               {0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff}};
  return is_in(std::begin(kHidden), std::end(kHidden), code);
}

}  // namespace

bool is_plain(std::string_view text) {
  const auto bytes = as_bytes(text);
  for (std::size_t at = 0; at < bytes.size();) {
    const auto character = character_at(bytes, at);
    if (character.size == 0 || is_control(character.code) || hides(character.code)) return false;
    at += character.size;
  }
  return true;
}

std::string make_plain(std::string_view text, std::size_t most) {
  const auto bytes = as_bytes(text);
  std::string out;
  for (std::size_t at = 0; at < bytes.size();) {
    const auto character = character_at(bytes, at);
    const auto size = std::max<std::size_t>(character.size, 1);
    std::string_view piece = text.substr(at, size);
    at += size;
    if (character.size == 0)
      piece = "?";
    else if (is_control(character.code))
      piece = " ";
    else if (hides(character.code))
      continue;
    if (out.size() + piece.size() > most) break;
    out += piece;
  }
  return out;
}

}  // namespace hanse::model
