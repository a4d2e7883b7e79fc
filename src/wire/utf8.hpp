#pragma once

// Whether bytes are UTF-8 text.

#include "base/bytes.hpp"

namespace hanse::wire {

/// As RFC 3629 has it: no overlong forms, no surrogates, nothing beyond U+10FFFF.
[[nodiscard]] bool is_utf8(ByteView bytes);

}  // namespace hanse::wire
