#pragma once

// Records to JSON values. Internal to the room.

#include <nlohmann/json.hpp>

#include "model/text.hpp"
#include "wire/kinds.hpp"

namespace hanse::wire {

template <class T>
nlohmann::json json_of(const T& value) {
  using hanse::name_of;
  using model::name_of;
  if constexpr (List<T>) {
    auto list = nlohmann::json::array();
    for (const auto& item : value) list.push_back(json_of(item));
    return list;
  } else if constexpr (OneOf<T>) {
    auto object = nlohmann::json::object();
    object[std::string(model::name_of_operation(value.index()))] =
        std::visit([](const auto& op) { return json_of(op); }, value);
    return object;
  } else if constexpr (model::Described<T>) {
    auto object = nlohmann::json::object();
    model::for_each_field<T>(
        [&](const auto& field) { object[std::string(field.name)] = json_of(value.*field.member); });
    return object;
  } else if constexpr (std::is_enum_v<T>) {
    return std::string(name_of(value));
  } else if constexpr (IsId<T>::value) {
    return value ? model::format_id(value) : std::string();
  } else if constexpr (std::same_as<T, Money>) {
    return value.micros;
  } else if constexpr (std::same_as<T, Time>) {
    return value.ms;
  } else if constexpr (std::same_as<T, crypto::PublicKey>) {
    return value.is_zero() ? std::string() : model::format_address(value);
  } else if constexpr (Fixed<T>) {
    return value.is_zero() ? std::string() : to_hex(value.view());
  } else if constexpr (std::same_as<T, Bytes>) {
    return to_hex(value);
  } else {
    return value;  // text, numbers, booleans
  }
}

}  // namespace hanse::wire
