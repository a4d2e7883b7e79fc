#pragma once

// Secrets at rest: XChaCha20-Poly1305 under a key that Argon2id derives from a passphrase. Thread-safe.

#include "base/bytes.hpp"

namespace hanse::crypto {

/// How dear guessing a passphrase is. The default is libsodium's "moderate": 256 MiB and 3 passes.
struct PassphraseCost {
  std::uint64_t passes = 3;
  std::uint64_t memory_bytes = 256U << 20;
};

/// Self-contained: version, cost, salt and nonce stand before the ciphertext and are authenticated with it.
[[nodiscard]] Bytes lock(ByteView plain, std::string_view passphrase, PassphraseCost cost = {});

/// denied: wrong passphrase or altered bytes. malformed: not made by lock(), or a cost beyond 1 GiB / 16 passes.
[[nodiscard]] Result<Bytes> unlock(ByteView locked, std::string_view passphrase);

}  // namespace hanse::crypto
