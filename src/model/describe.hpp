#pragma once

// How a record describes itself: once, in one table of its fields. Encoding to protobuf bytes and JSON, bounds,
// printing and the proto contract's test all follow from this table (room wire).
//
//   template <> struct Describe<Lease> {
//     static constexpr std::string_view name = "Lease";
//     static constexpr auto fields = std::tuple{field<1>("id", &Lease::id), ...};
//   };
//
// Numbers and names are the wire contract: never reuse one, only add. A field that holds its zero value is absent on
// the wire. Limits apply on decode: the most bytes of a string, the most items of a list.

#include <array>
#include <cstdint>
#include <string_view>
#include <tuple>

namespace hanse::model {

template <class T>
struct Describe;  // specialised beside each record

/// The names of an enum's values, from 0 up without gaps: `static constexpr std::array names{...};`
template <class T>
struct Names;

template <class Owner, class Member>
struct Field {
  std::uint32_t number;
  std::string_view name;
  Member Owner::* member;
  std::uint32_t limit;       ///< The most bytes of a string, the most items of a list.
  std::uint32_t item_limit;  ///< The most bytes of each string in a list.
};

inline constexpr std::uint32_t kDefaultLimit = 256;

template <std::uint32_t Number, class Owner, class Member>
constexpr Field<Owner, Member> field(std::string_view name, Member Owner::* member, std::uint32_t limit = kDefaultLimit,
                                     std::uint32_t item_limit = kDefaultLimit) {
  static_assert(Number > 0 && Number < 19000);
  return {Number, name, member, limit, item_limit};
}

template <class T>
concept Described = requires { Describe<T>::fields; };

template <class T>
concept Named = requires { Names<T>::names; };

template <Named T>
constexpr std::string_view name_of(T value) {
  const auto index = static_cast<std::size_t>(value);
  return index < Names<T>::names.size() ? Names<T>::names[index] : std::string_view("unknown");
}

/// Calls `visit(field)` for each field of T in the order of the table (ascending numbers).
template <Described T, class Visitor>
constexpr void for_each_field(Visitor&& visit) {
  std::apply([&](const auto&... f) { (visit(f), ...); }, Describe<T>::fields);
}

}  // namespace hanse::model
