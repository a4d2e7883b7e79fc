#pragma once

// How each type of a field travels: the one place that maps a record's C++ types to protobuf's and JSON's. Internal to
// the room.

#include <concepts>
#include <string>
#include <type_traits>
#include <vector>

#include "base/bytes.hpp"
#include "base/money.hpp"
#include "base/time.hpp"
#include "model/describe.hpp"
#include "model/transaction.hpp"

namespace hanse::wire {

template <class T>
struct IsId : std::false_type {};
template <class Tag>
struct IsId<model::Id<Tag>> : std::true_type {};

template <class T>
struct IsList : std::false_type {};
template <class T>
struct IsList<std::vector<T>> : std::true_type {};

/// An enum with names, and ErrorCode, whose names base keeps.
template <class T>
concept Enumerated = model::Named<T> && std::is_enum_v<T>;
template <class T>
concept Code = std::same_as<T, ErrorCode>;

/// Travels as a varint.
template <class T>
concept Scalar =
    std::integral<T> || std::is_enum_v<T> || std::same_as<T, Money> || std::same_as<T, Time> || IsId<T>::value;

/// Exactly T::size bytes; all zero is "none".
template <class T>
concept Fixed = std::derived_from<T, FixedBytes<T::size>>;

/// Bytes: a list of bytes that travels as one string and not as a list of numbers.
template <class T>
concept Text = std::same_as<T, std::string> || std::same_as<T, Bytes>;

template <class T>
concept OneOf = std::same_as<T, model::Operation>;

/// What stands inside a message of its own.
template <class T>
concept Nested = model::Described<T> || OneOf<T>;

template <class T>
concept List = IsList<T>::value && !Text<T>;

/// How many values an enum has.
template <Enumerated T>
consteval std::size_t count_of() {
  return model::Names<T>::names.size();
}
template <Code T>
consteval std::size_t count_of() {
  return static_cast<std::size_t>(ErrorCode::internal) + 1;
}

template <Scalar T>
constexpr std::uint64_t to_varint(T value) {
  if constexpr (std::same_as<T, Money>) {
    return static_cast<std::uint64_t>(value.micros);
  } else if constexpr (std::same_as<T, Time>) {
    return static_cast<std::uint64_t>(value.ms);
  } else if constexpr (IsId<T>::value) {
    return value.value;
  } else {
    return static_cast<std::uint64_t>(value);
  }
}

/// False when the number is none of T's values.
template <Scalar T>
constexpr bool from_varint(std::uint64_t number, T& out) {
  if constexpr (std::same_as<T, Money>) {
    out.micros = static_cast<std::int64_t>(number);
  } else if constexpr (std::same_as<T, Time>) {
    out.ms = static_cast<std::int64_t>(number);
  } else if constexpr (IsId<T>::value) {
    out.value = number;
  } else if constexpr (std::is_enum_v<T>) {
    if (number >= count_of<T>()) return false;
    out = static_cast<T>(number);
  } else {
    out = static_cast<T>(number);
    return static_cast<std::uint64_t>(out) == number;
  }
  return true;
}

/// Sets every field to zero, also those whose member has another default: what is absent on the wire is zero.
template <class T>
void set_zero(T& value) {
  if constexpr (model::Described<T>) {
    model::for_each_field<T>([&](const auto& field) { set_zero(value.*field.member); });
  } else {
    value = T{};
  }
}

}  // namespace hanse::wire
