#include "crypto/hash.hpp"

#include <sodium.h>

#include "base/check.hpp"
#include "crypto/sodium.hpp"

namespace hanse::crypto {

Hash hash(std::string_view domain, std::initializer_list<ByteView> parts) {
  HANSE_CHECK(domain.size() <= 255);
  need_sodium();
  crypto_generichash_state state;
  const auto domain_size = static_cast<std::uint8_t>(domain.size());
  crypto_generichash_init(&state, nullptr, 0, Hash::size);
  crypto_generichash_update(&state, &domain_size, 1);
  crypto_generichash_update(&state, as_bytes(domain).data(), domain.size());
  for (const auto part : parts) crypto_generichash_update(&state, part.data(), part.size());
  Hash out;
  crypto_generichash_final(&state, out.data.data(), Hash::size);
  return out;
}

Hash sha256(ByteView data) {
  need_sodium();
  Hash out;
  crypto_hash_sha256(out.data.data(), data.data(), data.size());
  return out;
}

}  // namespace hanse::crypto
