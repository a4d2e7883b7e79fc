#pragma once

// Base64 (RFC 4648), with padding. Pure; thread-safe.

#include <string>
#include <string_view>

#include "base/error.hpp"

namespace hanse::crypto {

std::string to_base64(std::string_view bytes);
/// In the alphabet for addresses and file names (section 5).
std::string to_base64url(std::string_view bytes);

/// Of the usual alphabet; characters in `ignore` may stand anywhere. malformed: it is none.
Result<std::string> from_base64(std::string_view text, const char* ignore = nullptr);

}  // namespace hanse::crypto
