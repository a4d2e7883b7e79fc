#pragma once

// How keys are hashed, compared and sorted: a word at a time, for these are the ledger's innermost loops.

#include <bit>
#include <cstdint>
#include <cstring>

#include "base/bytes.hpp"
#include "base/int128.hpp"
#include "model/ids.hpp"

namespace hanse::ledger {

/// Mixes all bytes, starting from an address of this process: senders choose account ids freely, and must not be able
/// to choose the bucket. Nothing iterates in the order of these hashes.
struct KeyHash {
  using is_avalanching = void;
  static std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
    const UInt128 product = static_cast<UInt128>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  }
  static std::uint64_t seed() {
    static const int anchor = 0;
    return reinterpret_cast<std::uintptr_t>(&anchor) * 0x9e3779b97f4a7c15U;
  }
  static std::uint64_t of_bytes(const std::uint8_t* bytes, std::size_t words, std::uint64_t state) {
    for (std::size_t i = 0; i < words; ++i) {
      std::uint64_t word;
      std::memcpy(&word, bytes + 8 * i, sizeof word);
      state = mix(state ^ word, 0xbf58476d1ce4e5b9U + state);
    }
    return state;
  }

  template <std::size_t N>
  std::size_t operator()(const FixedBytes<N>& bytes) const {
    static_assert(N % 8 == 0);
    return of_bytes(bytes.data.data(), N / 8, seed());
  }
  template <class Tag>
  std::size_t operator()(model::Id<Tag> id) const {
    return mix(id.value ^ 0x94d049bb133111ebU, 0x9e3779b97f4a7c15U);
  }
  template <class Pair>
    requires requires(const Pair& pair) { pair.price_class; }
  std::size_t operator()(const Pair& pair) const {
    return mix((*this)(pair.price_class) ^ pair.number, 0xbf58476d1ce4e5b9U);
  }
  template <class Pair>
    requires requires(const Pair& pair) {
      pair.owner;
      pair.key;
    }
  std::size_t operator()(const Pair& pair) const {
    return of_bytes(pair.key.data.data(), 4, of_bytes(pair.owner.data.data(), 4, seed()));
  }
};

/// The bytes as numbers whose order is theirs.
template <std::size_t N>
[[nodiscard]] std::uint64_t ordered_word(const FixedBytes<N>& bytes, std::size_t index) {
  static_assert(N % 8 == 0 && std::endian::native == std::endian::little);
  std::uint64_t word;
  std::memcpy(&word, bytes.data.data() + 8 * index, sizeof word);
  return __builtin_bswap64(word);
}

struct KeyEqual {
  template <std::size_t N>
  bool operator()(const FixedBytes<N>& a, const FixedBytes<N>& b) const {
    std::uint64_t different = 0;
    for (std::size_t i = 0; i < N / 8; ++i) different |= ordered_word(a, i) ^ ordered_word(b, i);
    return different == 0;
  }
  template <class Key>
  bool operator()(const Key& a, const Key& b) const {
    return a == b;
  }
  bool operator()(const crypto::PublicKey& a, const crypto::PublicKey& b) const {
    return (*this)(static_cast<const FixedBytes<32>&>(a), static_cast<const FixedBytes<32>&>(b));
  }
};

/// The same order as `<`.
struct KeyLess {
  template <std::size_t N>
  bool operator()(const FixedBytes<N>& a, const FixedBytes<N>& b) const {
    for (std::size_t i = 0; i < N / 8; ++i) {
      const auto left = ordered_word(a, i);
      const auto right = ordered_word(b, i);
      if (left != right) return left < right;
    }
    return false;
  }
  template <class Key>
  bool operator()(const Key& a, const Key& b) const {
    return a < b;
  }
  bool operator()(const crypto::PublicKey& a, const crypto::PublicKey& b) const {
    return (*this)(static_cast<const FixedBytes<32>&>(a), static_cast<const FixedBytes<32>&>(b));
  }
};

}  // namespace hanse::ledger
