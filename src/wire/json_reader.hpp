#pragma once

// JSON values to records, within the same bounds as bytes. Internal to the room.

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/utf8.hpp"
#include "model/text.hpp"
#include "wire/kinds.hpp"

namespace hanse::wire {

class JsonReader {
 public:
  [[nodiscard]] Error& error() { return error_; }

  /// False: error() says why.
  template <model::Described T>
  bool record(const nlohmann::json& json, T& out) {
    const auto record_name = model::Describe<T>::name;
    if (!json.is_object()) return refuse(record_name, "must be an object with the fields of its record");
    bool good = true;
    std::size_t found = 0;
    model::for_each_field<T>([&](const auto& field) {
      const auto at = json.find(field.name);
      if (at == json.end()) return set_zero(out.*field.member);
      ++found;
      good = good && value(*at, out.*field.member, path(record_name, field.name), field.limit, field.item_limit);
    });
    if (good && found != json.size()) return refuse_unknown<T>(json);
    return good;
  }

 private:
  static std::string path(std::string_view record, std::string_view field) {
    return std::string(record) + "." + std::string(field);
  }

  bool refuse(std::string_view where, std::string_view what) {
    error_ = Error{ErrorCode::invalid_argument, std::string(where) + " " + std::string(what)};
    return false;
  }

  template <class T>
  bool value(const nlohmann::json& json, T& out, const std::string& where, std::uint32_t limit,
             std::uint32_t item_limit) {
    if constexpr (List<T>) {
      return list(json, out, where, limit, item_limit);
    } else if constexpr (OneOf<T>) {
      return operation(json, out, where);
    } else if constexpr (model::Described<T>) {
      return record(json, out);
    } else if constexpr (std::same_as<T, Money>) {
      return number(json, out.micros, where);
    } else if constexpr (std::same_as<T, Time>) {
      return number(json, out.ms, where);
    } else if constexpr (std::same_as<T, bool>) {
      if (!json.is_boolean()) return refuse(where, "must be true or false");
      out = json.get<bool>();
      return true;
    } else if constexpr (std::integral<T>) {
      return number(json, out, where);
    } else {
      if (!json.is_string()) return refuse(where, "must be a string");
      return text(json.get_ref<const std::string&>(), out, where, limit);
    }
  }

  /// What is whole, also where it is written as 7.0 or 7e0, as JSON Schema has it; nullopt beyond 64 bits, and where a
  /// fraction may have been lost.
  template <std::integral T>
  static std::optional<T> whole(const nlohmann::json& json) {
    constexpr double kExact = 9'007'199'254'740'992;  // 2^53
    if (json.is_number_unsigned()) return within<T>(json.get<std::uint64_t>());
    if (json.is_number_integer()) return within<T>(json.get<std::int64_t>());
    if (!json.is_number_float()) return std::nullopt;
    const auto value = json.get<double>();
    if (value != std::trunc(value) || std::abs(value) >= kExact) return std::nullopt;
    return within<T>(static_cast<std::int64_t>(value));
  }
  template <std::integral T, std::integral From>
  static std::optional<T> within(From value) {
    return std::in_range<T>(value) ? std::optional(static_cast<T>(value)) : std::nullopt;
  }

  template <std::integral T>
  bool number(const nlohmann::json& json, T& out, const std::string& where) {
    const auto value = whole<T>(json);
    if (!value) {
      return refuse(where, "must be a whole number from " + std::to_string(std::numeric_limits<T>::min()) + " to " +
                               std::to_string(std::numeric_limits<T>::max()));
    }
    out = *value;
    return true;
  }

  /// What JSON writes as a string.
  template <class T>
  bool text(const std::string& text, T& out, const std::string& where, std::uint32_t limit) {
    if constexpr (std::is_enum_v<T>) {
      return enumerated(text, out, where);
    } else if constexpr (IsId<T>::value) {
      out = T{};
      return text.empty() || take(model::parse_id<typename T::tag>(text), out, where);
    } else if constexpr (std::same_as<T, crypto::PublicKey>) {
      out = T{};
      return text.empty() || take(model::parse_address(text), out, where);
    } else if constexpr (Fixed<T>) {
      out = T{};
      return text.empty() || take(fixed_from_hex<T::size>(text), static_cast<FixedBytes<T::size>&>(out), where);
    } else if constexpr (std::same_as<T, Bytes>) {
      if (text.size() / 2 > limit) return too_long(where, limit);
      return take(from_hex(text), out, where);
    } else {
      if (text.size() > limit) return too_long(where, limit);
      if (!is_utf8(as_bytes(text))) return refuse(where, "is not UTF-8 text");
      out = text;
      return true;
    }
  }

  template <class T>
  bool enumerated(const std::string& text, T& out, const std::string& where) {
    using hanse::name_of;
    using model::name_of;
    std::vector<std::string_view> names;
    for (std::size_t i = 0; i < count_of<T>(); ++i) {
      names.push_back(name_of(static_cast<T>(i)));
      if (names.back() != text) continue;
      out = static_cast<T>(i);
      return true;
    }
    std::string all;
    for (const auto name : names) all += (all.empty() ? "" : ", ") + std::string(name);
    return refuse(where, "must be one of " + all);
  }

  template <class T>
  bool take(const Result<T>& parsed, T& out, const std::string& where) {
    if (!parsed) return refuse(where, "is wrong: " + parsed.error().message);
    out = *parsed;
    return true;
  }

  bool too_long(const std::string& where, std::uint32_t limit) {
    return refuse(where, "is longer than " + std::to_string(limit) + " bytes");
  }

  template <class T>
  bool list(const nlohmann::json& json, std::vector<T>& out, const std::string& where, std::uint32_t limit,
            std::uint32_t item_limit) {
    if (!json.is_array()) return refuse(where, "must be a list");
    if (json.size() > limit) return refuse(where, "has more than " + std::to_string(limit) + " items");
    out.clear();
    for (const auto& item : json) {
      if (!value(item, out.emplace_back(), where, item_limit, 0)) return false;
    }
    return true;
  }

  bool operation(const nlohmann::json& json, model::Operation& out, const std::string& where) {
    if (!json.is_object() || json.size() != 1) {
      return refuse(where, "must hold objects with one key each, the name of the operation");
    }
    const auto only = json.begin();
    return alternative(only.key(), only.value(), out, where,
                       std::make_index_sequence<std::variant_size_v<model::Operation>>());
  }

  template <std::size_t... Index>
  bool alternative(const std::string& name, const nlohmann::json& body, model::Operation& out, const std::string& where,
                   std::index_sequence<Index...>) {
    bool good = false;
    const bool known =
        ((name == model::name_of_operation(Index) && (good = record(body, out.emplace<Index>()), true)) || ...);
    if (known) return good;
    const auto& names = model::Names<model::Operation>::names;
    return unknown(where, name, {names.begin(), names.end()});
  }

  bool unknown(std::string_view where, std::string_view key, const std::vector<std::string_view>& known) {
    const auto meant = model::nearest(key, known);
    return refuse(where, "has no \"" + std::string(key.substr(0, 64)) + "\"" +
                             (meant.empty() ? std::string() : ": did you mean \"" + std::string(meant) + "\"?"));
  }

  template <class T>
  bool refuse_unknown(const nlohmann::json& json) {
    std::vector<std::string_view> known;
    model::for_each_field<T>([&](const auto& field) { known.push_back(field.name); });
    for (const auto& item : json.items()) {
      if (std::find(known.begin(), known.end(), item.key()) == known.end()) {
        return unknown(model::Describe<T>::name, item.key(), known);
      }
    }
    return true;
  }

  Error error_;
};

}  // namespace hanse::wire
