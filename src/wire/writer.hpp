#pragma once

// Records to bytes: first their exact size, then one pass that writes. Nested messages are sized again where they are
// written; records are at most five deep, and sizing costs less than keeping the sizes would. Internal to the room.

#include <bit>
#include <protozero/types.hpp>
#include <protozero/varint.hpp>
#include <variant>

#include "base/check.hpp"
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

template <model::Described T>
std::size_t size_of(const T& record);
inline std::size_t size_of(const model::Operation& operation);

/// The size of what follows the length of a length-delimited value.
template <class T>
std::size_t payload_size(const T& value) {
  if constexpr (Nested<T>) {
    return size_of(value);
  } else if constexpr (Fixed<T>) {
    return T::size;
  } else {
    return value.size();
  }
}

template <class T>
bool is_absent(const T& value) {
  if constexpr (Scalar<T>) {
    return to_varint(value) == 0;
  } else if constexpr (Fixed<T>) {
    return value.is_zero();
  } else if constexpr (Nested<T>) {
    return size_of(value) == 0;
  } else {
    return value.empty();
  }
}

inline std::size_t delimited_size(std::uint32_t number, std::size_t payload) {
  return varint_size(make_tag(number, kLengthDelimited)) + varint_size(payload) + payload;
}

template <class T>
std::size_t packed_size(const std::vector<T>& list) {
  std::size_t size = 0;
  for (const auto& item : list) size += varint_size(to_varint(item));
  return size;
}

template <class T>
std::size_t field_size(std::uint32_t number, const T& value) {
  if constexpr (List<T>) {
    using Item = typename T::value_type;
    if (value.empty()) return 0;
    if constexpr (Scalar<Item>) {
      return delimited_size(number, packed_size(value));
    } else {
      std::size_t size = 0;
      for (const auto& item : value) size += delimited_size(number, payload_size(item));
      return size;
    }
  } else if constexpr (Scalar<T>) {
    const auto varint = to_varint(value);
    return varint == 0 ? 0 : varint_size(make_tag(number, kVarint)) + varint_size(varint);
  } else if constexpr (Nested<T>) {
    const auto size = size_of(value);
    return size == 0 ? 0 : delimited_size(number, size);
  } else {
    return is_absent(value) ? 0 : delimited_size(number, payload_size(value));
  }
}

template <model::Described T>
std::size_t size_of(const T& record) {
  std::size_t size = 0;
  model::for_each_field<T>([&](const auto& field) { size += field_size(field.number, record.*field.member); });
  return size;
}

inline std::size_t size_of(const model::Operation& operation) {
  return std::visit(
      [&](const auto& op) { return delimited_size(static_cast<std::uint32_t>(operation.index()) + 1, size_of(op)); },
      operation);
}

/// Writes into memory of exactly the size that size_of gave.
class Writer {
 public:
  explicit Writer(char* at) : at_(at) {}
  [[nodiscard]] const char* at() const { return at_; }

  template <model::Described T>
  void record(const T& value) {
    model::for_each_field<T>([&](const auto& field) { this->field(field.number, value.*field.member); });
  }

 private:
  void varint(std::uint64_t value) {
    if (value < 0x80) {  // every tag of the first fifteen fields, most lengths
      *at_++ = static_cast<char>(value);
    } else {
      at_ += protozero::add_varint_to_buffer(at_, value);
    }
  }

  template <class T>
  void field(std::uint32_t number, const T& value) {
    if constexpr (List<T>) {
      list(number, value);
    } else if constexpr (Scalar<T>) {
      const auto number_value = to_varint(value);
      if (number_value == 0) return;
      varint(make_tag(number, kVarint));
      varint(number_value);
    } else if (!is_absent(value)) {
      delimited(number, value);
    }
  }

  template <class T>
  void list(std::uint32_t number, const std::vector<T>& items) {
    if constexpr (Scalar<T>) {
      if (items.empty()) return;
      varint(make_tag(number, kLengthDelimited));
      varint(packed_size(items));
      for (const auto& item : items) varint(to_varint(item));
    } else {
      for (const auto& item : items) delimited(number, item);
    }
  }

  template <class T>
  void delimited(std::uint32_t number, const T& value) {
    const auto size = payload_size(value);
    varint(make_tag(number, kLengthDelimited));
    varint(size);
    if constexpr (OneOf<T>) {
      std::visit([&](const auto& op) { this->delimited(static_cast<std::uint32_t>(value.index()) + 1, op); }, value);
    } else if constexpr (model::Described<T>) {
      record(value);
    } else if constexpr (Fixed<T>) {
      copy(value.data.data(), size);
    } else {
      copy(value.data(), size);
    }
  }

  void copy(const void* from, std::size_t size) {
    if (size == 0) return;
    std::memcpy(at_, from, size);
    at_ += size;
  }

  char* at_;
};

}  // namespace hanse::wire
