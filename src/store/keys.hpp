#pragma once

// How the store's keys are spelled. Internal to the room.

#include <rocksdb/slice.h>

#include <string>

#include "base/bytes.hpp"

namespace hanse::store {

/// 8 bytes, big endian.
inline std::string key_of(std::uint64_t number) {
  std::string out(8, '\0');
  for (int i = 7; i >= 0; --i, number >>= 8) out[static_cast<std::size_t>(i)] = static_cast<char>(number & 0xff);
  return out;
}

/// The number that the first 8 bytes spell. Requires at least 8.
inline std::uint64_t number_of(std::string_view key) {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < 8; ++i) out = (out << 8) | static_cast<std::uint8_t>(key[i]);
  return out;
}

inline std::string archived_key(char kind, std::uint64_t id) {
  return kind + key_of(id);
}
inline std::string lease_of_key(ByteView account, std::uint64_t lease) {
  return std::string(as_text(account)) + key_of(lease);
}

inline rocksdb::Slice slice(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace hanse::store
