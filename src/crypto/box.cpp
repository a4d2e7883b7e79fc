#include "crypto/box.hpp"

#include <sodium.h>

#include "base/check.hpp"
#include "base/clock.hpp"
#include "crypto/sodium.hpp"

namespace hanse::crypto {
namespace {

// version ‖ passes ‖ memory_bytes ‖ salt ‖ nonce ‖ ciphertext and tag; the integers are little-endian.
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kPassesAt = 1;
constexpr std::size_t kMemoryAt = kPassesAt + 8;
constexpr std::size_t kSaltAt = kMemoryAt + 8;
constexpr std::size_t kNonceAt = kSaltAt + crypto_pwhash_argon2id_SALTBYTES;
constexpr std::size_t kHeaderBytes = kNonceAt + crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;

constexpr std::uint64_t kMaxPasses = 16;
constexpr std::uint64_t kMaxMemoryBytes = 1U << 30;

struct Key : FixedBytes<crypto_aead_xchacha20poly1305_ietf_KEYBYTES> {
  Key() = default;
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;
  ~Key() { sodium_memzero(data.data(), data.size()); }
};

bool is_allowed(const PassphraseCost& cost) {
  return cost.passes >= crypto_pwhash_argon2id_OPSLIMIT_MIN && cost.passes <= kMaxPasses &&
         cost.memory_bytes >= crypto_pwhash_argon2id_MEMLIMIT_MIN && cost.memory_bytes <= kMaxMemoryBytes;
}

void put(Bytes& out, std::size_t at, std::uint64_t value) {
  for (std::size_t i = 0; i < 8; ++i) out[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
}

std::uint64_t get(ByteView in, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value |= static_cast<std::uint64_t>(in[at + i]) << (8 * i);
  return value;
}

// False when the machine has not the memory.
bool derive(Key& key, std::string_view passphrase, const std::uint8_t* salt, const PassphraseCost& cost) {
  return crypto_pwhash(key.data.data(), key.data.size(), passphrase.data(), passphrase.size(), salt, cost.passes,
                       static_cast<std::size_t>(cost.memory_bytes), crypto_pwhash_ALG_ARGON2ID13) == 0;
}

}  // namespace

Bytes lock(ByteView plain, std::string_view passphrase, PassphraseCost cost) {
  HANSE_CHECK(is_allowed(cost));
  need_sodium();
  Bytes out(kHeaderBytes + plain.size() + kTagBytes);
  out[0] = kVersion;
  put(out, kPassesAt, cost.passes);
  put(out, kMemoryAt, cost.memory_bytes);
  system_random(std::span(out).subspan(kSaltAt, kHeaderBytes - kSaltAt));
  Key key;
  HANSE_CHECK(derive(key, passphrase, out.data() + kSaltAt, cost));
  crypto_aead_xchacha20poly1305_ietf_encrypt(out.data() + kHeaderBytes, nullptr, plain.data(), plain.size(), out.data(),
                                             kHeaderBytes, nullptr, out.data() + kNonceAt, key.data.data());
  return out;
}

Result<Bytes> unlock(ByteView locked, std::string_view passphrase) {
  need_sodium();
  if (locked.size() < kHeaderBytes + kTagBytes || locked[0] != kVersion) {
    return fail(ErrorCode::malformed, "these are not bytes locked with a passphrase: the file is damaged or another");
  }
  const PassphraseCost cost{get(locked, kPassesAt), get(locked, kMemoryAt)};
  if (!is_allowed(cost)) {
    return fail(ErrorCode::malformed, "the locked bytes ask for more than 1 GiB or 16 passes: the file is damaged");
  }
  Key key;
  if (!derive(key, passphrase, locked.data() + kSaltAt, cost)) {
    return fail(ErrorCode::unavailable, "not enough free memory to derive the key: " +
                                            std::to_string(cost.memory_bytes >> 20) + " MiB are needed");
  }
  Bytes plain(locked.size() - kHeaderBytes - kTagBytes);
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain.data(), nullptr, nullptr, locked.data() + kHeaderBytes,
                                                 locked.size() - kHeaderBytes, locked.data(), kHeaderBytes,
                                                 locked.data() + kNonceAt, key.data.data()) != 0) {
    return fail(ErrorCode::denied, "wrong passphrase, or the file was altered");
  }
  return plain;
}

}  // namespace hanse::crypto
