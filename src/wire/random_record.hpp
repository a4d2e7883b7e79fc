#pragma once

// Records with random contents, within their tables' limits: what property tests and fuzz seeds are made of. Fields
// are often zero and lists often empty, so that what is absent is met as often as what is there. For tests only.

#include "base/rng.hpp"
#include "wire/kinds.hpp"

namespace hanse::wire {

class RandomRecord {
 public:
  explicit RandomRecord(std::uint64_t seed) : rng_(seed) {}

  template <model::Described T>
  T make() {
    T out;
    fill(out, 0, 0);
    return out;
  }

  [[nodiscard]] Rng& rng() { return rng_; }

 private:
  template <class T>
  void fill(T& out, std::uint32_t limit, std::uint32_t item_limit) {
    if constexpr (model::Described<T>) {
      model::for_each_field<T>([&](const auto& field) {
        auto& member = out.*field.member;
        if (rng_.one_in(4)) return set_zero(member);
        fill(member, field.limit, field.item_limit);
      });
    } else if constexpr (OneOf<T>) {
      operation(out, rng_.below(std::variant_size_v<T>), std::make_index_sequence<std::variant_size_v<T>>());
    } else if constexpr (List<T>) {
      out.clear();
      const auto count = rng_.below(1 + std::min(limit, 5U));
      for (std::uint64_t i = 0; i < count; ++i) fill(out.emplace_back(), item_limit, 0);
    } else if constexpr (Fixed<T>) {
      for (auto& byte : out.data) byte = static_cast<std::uint8_t>(rng_.next());
    } else if constexpr (std::same_as<T, Bytes>) {
      out.resize(rng_.below(1 + std::min(limit, 100U)));
      for (auto& byte : out) byte = static_cast<std::uint8_t>(rng_.next());
    } else if constexpr (std::same_as<T, std::string>) {
      text(out, std::min(limit, 40U));
    } else if constexpr (std::is_enum_v<T>) {
      out = static_cast<T>(rng_.below(count_of<T>()));
    } else if constexpr (std::same_as<T, bool>) {
      out = rng_.one_in(2);
    } else {
      from_varint(sizeof(T) == 4 ? rng_.next() >> (32 + rng_.below(32)) : rng_.next() >> rng_.below(64), out);
    }
  }

  template <std::size_t... Index>
  void operation(model::Operation& out, std::size_t which, std::index_sequence<Index...>) {
    ((which == Index ? fill(out.emplace<Index>(), 0, 0) : void()), ...);
  }

  void text(std::string& out, std::uint32_t limit) {
    constexpr std::array<std::string_view, 8> kPieces{"a", "Z", "0", " ", "\"", "é", "€", "😀"};
    out.clear();
    for (auto count = rng_.below(limit + 1U); count > 0; --count) {
      const auto piece = kPieces[rng_.below(kPieces.size())];
      if (out.size() + piece.size() <= limit) out += piece;
    }
  }

  Rng rng_;
};

}  // namespace hanse::wire
