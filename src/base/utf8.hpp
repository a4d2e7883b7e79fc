#pragma once

// Whether bytes are UTF-8 text, and its characters one by one. As RFC 3629 has it: no overlong forms, no surrogates,
// nothing beyond U+10FFFF.

#include "base/bytes.hpp"

namespace hanse {

[[nodiscard]] bool is_utf8(ByteView bytes);

struct Character {
  std::uint32_t code = 0;
  std::size_t size = 0;  ///< In bytes; 0: none starts there.
};
/// `at` < bytes.size().
[[nodiscard]] Character character_at(ByteView bytes, std::size_t at);

}  // namespace hanse
