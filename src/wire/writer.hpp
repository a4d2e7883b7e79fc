#pragma once

// Records to bytes, in one pass. The length of a nested message is known only behind it: one byte is kept for it, and
// the few messages of 128 bytes and more are moved along to make room. Internal to the room.

#include <bit>
#include <cstring>
#include <protozero/types.hpp>
#include <protozero/varint.hpp>
#include <type_traits>
#include <variant>

#include "wire/kinds.hpp"

namespace hanse::wire {

inline constexpr std::uint32_t kVarint = static_cast<std::uint32_t>(protozero::pbf_wire_type::varint);
inline constexpr std::uint32_t kLengthDelimited =
    static_cast<std::uint32_t>(protozero::pbf_wire_type::length_delimited);

constexpr std::uint32_t make_tag(std::uint32_t number, std::uint32_t wire_type) {
  return number << 3 | wire_type;
}

/// protozero's length_of_varint, without its loop.
constexpr std::size_t varint_size(std::uint64_t value) {
  return (static_cast<std::size_t>(std::bit_width(value | 1)) * 9 + 64) / 64;
}

/// Such a value is not written.
template <class T>
bool is_absent(const T& value) {
  if constexpr (Scalar<T>) {
    return to_varint(value) == 0;
  } else if constexpr (Fixed<T>) {
    return value.is_zero();
  } else if constexpr (OneOf<T>) {
    return false;
  } else if constexpr (Nested<T>) {
    bool absent = true;
    model::for_each_field<T>([&](const auto& field) { absent = absent && is_absent(value.*field.member); });
    return absent;
  } else {
    return value.empty();
  }
}

inline constexpr std::size_t kMaxVarint = 10;

/// The most that the fields of one size (numbers, hashes, keys) take, with their tags.
template <model::Described T>
constexpr std::size_t most_fixed() {
  std::size_t size = 0;
  model::for_each_field<T>([&](const auto& field) {
    using Value = std::remove_cvref_t<decltype(std::declval<T>().*field.member)>;
    if constexpr (Scalar<Value>) size += 2 * kMaxVarint;
    if constexpr (Fixed<Value>) size += 2 * kMaxVarint + Value::size;
  });
  return size;
}

/// Appends to `out`. The place that is written next goes from hand to
/// hand: bytes may alias anything, so a member would be stored and loaded again with each.
class Writer {
 public:
  explicit Writer(Bytes& out) : out_(out) {}

  template <model::Described T>
  void append(const T& value) {
    const std::size_t before = out_.size();
    out_.resize(before + most_fixed<T>() + kStep);
    const char* const end = record(begin() + before, value);
    out_.resize(static_cast<std::size_t>(end - begin()));
  }

 private:
  static constexpr std::size_t kStep = 256;

  char* begin() { return reinterpret_cast<char*>(out_.data()); }

  /// The same place, which may have moved, with at least `size` bytes behind it.
  char* room(char* at, std::size_t size) {
    const auto used = static_cast<std::size_t>(at - begin());
    if (out_.size() - used >= size) return at;
    out_.resize(used + size + kStep);
    return begin() + used;
  }

  /// Inlined where the number is a constant, this is one store.
  [[gnu::always_inline]] static char* tag(char* at, std::uint32_t number, std::uint32_t type) {
    const std::uint32_t value = make_tag(number, type);
    if (value >= 0x80) return varint(at, value);
    *at = static_cast<char>(value);
    return at + 1;
  }

  static char* varint(char* at, std::uint64_t value) {
    if (value < 0x80) {  // every tag of the first fifteen fields, most lengths
      *at = static_cast<char>(value);
      return at + 1;
    }
    return at + protozero::add_varint_to_buffer(at, value);
  }

  template <model::Described T>
  char* record(char* at, const T& value) {
    constexpr std::size_t kMost = most_fixed<T>();
    at = room(at, kMost);
    model::for_each_field<T>([&](const auto& field) {
      using Value = std::remove_cvref_t<decltype(value.*field.member)>;
      at = this->field(at, field.number, value.*field.member);
      if constexpr (!Scalar<Value> && !Fixed<Value>) at = room(at, kMost);
    });
    return at;
  }

  template <class T>
  char* field(char* at, std::uint32_t number, const T& value) {
    if constexpr (Scalar<T>) {
      const auto number_value = to_varint(value);
      return number_value == 0 ? at : varint(tag(at, number, kVarint), number_value);
    } else if constexpr (Fixed<T>) {
      return is_absent(value) ? at : put(tag(at, number, kLengthDelimited), value.data.data(), T::size);
    } else if constexpr (List<T>) {
      return list(at, number, value);
    } else {
      return is_absent(value) ? at : delimited(at, number, value);
    }
  }

  template <class T>
  char* list(char* at, std::uint32_t number, const std::vector<T>& items) {
    if constexpr (Scalar<T>) {
      if (items.empty()) return at;
      at = tag(room(at, kMaxVarint), number, kLengthDelimited);
      return with_length(at, [&](char* to) {
        for (const auto& item : items) to = varint(room(to, kMaxVarint), to_varint(item));
        return to;
      });
    } else {
      for (const auto& item : items) at = delimited(at, number, item);
      return at;
    }
  }

  template <class T>
  char* delimited(char* at, std::uint32_t number, const T& value) {
    at = tag(room(at, kMaxVarint), number, kLengthDelimited);
    if constexpr (OneOf<T>) {
      return with_length(at, [&](char* to) {
        const auto kind = static_cast<std::uint32_t>(value.index()) + 1;
        return std::visit([&](const auto& op) { return this->delimited(to, kind, op); }, value);
      });
    } else if constexpr (model::Described<T>) {
      return with_length(at, [&](char* to) { return record(to, value); });
    } else if constexpr (Fixed<T>) {
      return put(room(at, kMaxVarint + T::size), value.data.data(), T::size);
    } else {
      return put(room(at, kMaxVarint + value.size()), value.data(), value.size());
    }
  }

  /// What `write` writes, behind its length.
  template <class Write>
  char* with_length(char* at, Write&& write) {
    at = room(at, 1);
    const auto before = static_cast<std::size_t>(at - begin());
    at = write(at + 1);
    const auto size = static_cast<std::size_t>(at - begin()) - before - 1;
    const std::size_t more = varint_size(size) - 1;
    if (more > 0) {
      at = room(at, more);
      std::memmove(at - size + more, at - size, size);
    }
    varint(begin() + before, size);
    return at + more;
  }

  /// The length and the bytes, where there is room for both.
  static char* put(char* at, const void* from, std::size_t size) {
    at = varint(at, size);
    if (size > 0) std::memcpy(at, from, size);
    return at + size;
  }

  Bytes& out_;
};

}  // namespace hanse::wire
