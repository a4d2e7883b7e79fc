#pragma once

// Hashes, all with a domain so that one kind of value can never be taken for another. Deterministic, thread-safe.

#include <initializer_list>

#include "base/bytes.hpp"

namespace hanse::crypto {

/// BLAKE2b-256 of len(domain) as one byte ‖ domain ‖ the parts, in order. A domain has at most 255 bytes.
[[nodiscard]] Hash hash(std::string_view domain, std::initializer_list<ByteView> parts);
[[nodiscard]] inline Hash hash(std::string_view domain, ByteView data) {
  return hash(domain, {data});
}

/// Plain SHA-256, for what other programs compute too (SSH fingerprints, image digests).
[[nodiscard]] Hash sha256(ByteView data);

}  // namespace hanse::crypto
