#pragma once

// Ed25519 keys and signatures. All functions are thread-safe and, but for key generation, deterministic.
//
// The one verification predicate of the network (every node must agree on it to the last bit). A signature (R, S) by
// the public key A over M is valid if and only if
//   1. S < L, the group order (RFC 8032, 5.1.7);
//   2. A is a canonical encoding (y < 2^255 − 19) and decodes to a curve point;
//   3. neither A nor R is an encoding of a point of small order;
//   4. encode([S]B − [k]A) = R, byte for byte, where k = SHA-512(R ‖ A ‖ M) mod L (the cofactorless equation).
// This is what libsodium's crypto_sign_verify_detached checks; the edge cases are held by keys_test.cpp.

#include "base/bytes.hpp"

namespace hanse::crypto {

struct PublicKey : FixedBytes<32> {
  auto operator<=>(const PublicKey&) const = default;
  bool operator==(const PublicKey&) const = default;
};

struct Signature : FixedBytes<64> {
  bool operator==(const Signature&) const = default;
};

/// 32 secret bytes (RFC 8032's seed). Wiped when destroyed.
struct Seed : FixedBytes<32> {
  Seed() = default;
  Seed(const Seed&) = default;
  Seed& operator=(const Seed&) = default;
  ~Seed();
};

/// A key pair. Move-only is not enforced: copies are wiped too.
class KeyPair {
 public:
  static KeyPair generate();  ///< From the operating system's randomness.
  static KeyPair from_seed(const Seed& seed);
  KeyPair(const KeyPair&) = default;
  KeyPair& operator=(const KeyPair&) = default;
  ~KeyPair();

  [[nodiscard]] const PublicKey& public_key() const { return public_key_; }
  [[nodiscard]] const Seed& seed() const { return seed_; }
  /// Signs domain ‖ message. A domain names what is signed ("hanse/tx/v1") so that no signature can serve elsewhere.
  [[nodiscard]] Signature sign(std::string_view domain, ByteView message) const;

 private:
  KeyPair() = default;
  Seed seed_;
  PublicKey public_key_;
  FixedBytes<64> expanded_;
};

/// The predicate above, over domain ‖ message.
[[nodiscard]] bool verify(const PublicKey& key, std::string_view domain, ByteView message, const Signature& signature);

/// False for keys that `verify` could never accept a signature of (rules 2 and 3): refuse them early.
[[nodiscard]] bool is_valid(const PublicKey& key);

}  // namespace hanse::crypto
