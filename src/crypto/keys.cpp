#include "crypto/keys.hpp"

#include <sodium.h>

#include "base/check.hpp"
#include "base/clock.hpp"
#include "crypto/sodium.hpp"

namespace hanse::crypto {
namespace {

// The y coordinates of the eight points of small order: 0, 1, −1 and two of order eight.
constexpr std::array<std::string_view, 5> kSmallOrder{
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"};

// Of a canonical encoding.
bool has_small_order(FixedBytes<32> point) {
  static const auto table = [] {
    std::array<FixedBytes<32>, kSmallOrder.size()> out;
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = fixed_from_hex<32>(kSmallOrder[i]).value();
    return out;
  }();
  point.data[31] &= 0x7f;  // the sign of x
  return std::find(table.begin(), table.end(), point) != table.end();
}

Bytes join(std::string_view domain, ByteView message) {
  Bytes out;
  out.reserve(domain.size() + message.size());
  out.insert(out.end(), domain.begin(), domain.end());
  out.insert(out.end(), message.begin(), message.end());
  return out;
}

}  // namespace

Seed::~Seed() {
  sodium_memzero(data.data(), data.size());
}

KeyPair::~KeyPair() {
  sodium_memzero(expanded_.data.data(), expanded_.data.size());
}

KeyPair KeyPair::generate() {
  Seed seed;
  system_random(seed.data);
  return from_seed(seed);
}

KeyPair KeyPair::from_seed(const Seed& seed) {
  need_sodium();
  KeyPair pair;
  pair.seed_ = seed;
  HANSE_CHECK(crypto_sign_seed_keypair(pair.public_key_.data.data(), pair.expanded_.data.data(), seed.data.data()) ==
              0);
  return pair;
}

Signature KeyPair::sign(std::string_view domain, ByteView message) const {
  const Bytes joined = join(domain, message);
  Signature out;
  HANSE_CHECK(crypto_sign_detached(out.data.data(), nullptr, joined.data(), joined.size(), expanded_.data.data()) == 0);
  return out;
}

bool verify(const PublicKey& key, std::string_view domain, ByteView message, const Signature& signature) {
  need_sodium();
  const Bytes joined = join(domain, message);
  return crypto_sign_verify_detached(signature.data.data(), joined.data(), joined.size(), key.data.data()) == 0;
}

bool is_valid(const PublicKey& key) {
  need_sodium();
  // Adding the neutral point decodes the key, if it is on the curve, and encodes it again, canonically. (libsodium's
  // own crypto_core_ed25519_is_valid_point would also refuse mixed-order points, which `verify` does not.)
  const FixedBytes<32> neutral{{1}};
  FixedBytes<32> again;
  if (crypto_core_ed25519_add(again.data.data(), key.data.data(), neutral.data.data()) != 0) return false;
  return again.data == key.data && !has_small_order(again);
}

}  // namespace hanse::crypto
