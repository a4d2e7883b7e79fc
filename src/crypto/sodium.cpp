#include "crypto/sodium.hpp"

#include <sodium.h>

#include "base/bytes.hpp"
#include "base/check.hpp"

namespace hanse::crypto {
namespace {

// The signature numbered 4 in the vectors of "Taming the many EdDSAs" (https://ia.cr/2020/1244): only the equation
// with the cofactor holds for it. Some versions of libsodium check that one; the network's predicate is the other.
bool verifies_without_cofactor() {
  const auto message = fixed_from_hex<32>("e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c");
  const auto key = fixed_from_hex<32>("cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d");
  const auto signature = fixed_from_hex<64>(
      "160a1cb0dc9c0258cd0a7d23e94d8fa878bcb1925f2c64246b2dee1796bed512"
      "5ec6bc982a269b723e0668e540911a9a6a58921d6925e434ab10aa7940551a09");
  return crypto_sign_verify_detached(signature->data.data(), message->data.data(), message->data.size(),
                                     key->data.data()) != 0;
}

}  // namespace

void need_sodium() {
  static const bool ready = [] {
    HANSE_CHECK(sodium_init() >= 0);
    HANSE_CHECK(verifies_without_cofactor());
    return true;
  }();
  HANSE_CHECK(ready);
}

}  // namespace hanse::crypto
