#pragma once

// bech32m (BIP-350): bytes as lower-case text that catches typing mistakes: any 4 wrong characters in an address, and
// all but one in a billion of the rest. Deterministic, thread-safe.

#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace hanse::model {

inline constexpr std::size_t kMaxBech32mText = 90;  ///< As BIP-173 has it.
inline constexpr std::size_t kBech32mChecksum = 6;  ///< Characters at the end.
inline constexpr std::string_view kBech32mAlphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// `prefix`: 1 to 83 lower-case letters or digits. The text must not come out longer than kMaxBech32mText.
std::string format_bech32m(std::string_view prefix, ByteView data);

/// The bytes behind `prefix`. Takes text wholly in lower or wholly in upper case; malformed says what is wrong.
Result<Bytes> parse_bech32m(std::string_view prefix, std::string_view text);

}  // namespace hanse::model
