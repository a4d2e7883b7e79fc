#pragma once

// JSON Schemas of simple things, from which schema_*.cpp put theirs together. Internal to the room. Pure.

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/money.hpp"
#include "base/time.hpp"
#include "model/pattern.hpp"
#include "wire/kinds.hpp"

namespace hanse::api::part {

using nlohmann::json;

/// A whole number, with the format that generated clients choose a type by.
inline json number(std::int64_t least, std::uint64_t most) {
  const bool small = least >= INT32_MIN && most <= INT32_MAX;
  const char* format = small ? "int32" : most <= INT64_MAX ? "int64" : "uint64";
  return {{"type", "integer"}, {"format", format}, {"minimum", least}, {"maximum", most}};
}
inline json count() {
  return number(0, INT64_MAX);
}
inline json money() {
  return number(0, kMaxMoney.micros);
}
inline json time() {
  return number(0, kMaxTime.ms);
}
inline json any_int64() {
  return number(INT64_MIN, INT64_MAX);
}
inline json basis_points() {
  return number(0, 10'000);
}
inline json millionths() {
  return number(0, 1'000'000);
}
inline json flag() {
  return {{"type", "boolean"}};
}

/// `pattern`: of the whole text.
inline json text(const std::string& pattern) {
  return {{"type", "string"}, {"pattern", "^" + pattern + "$"}};
}
inline json text_up_to(std::size_t length) {
  return {{"type", "string"}, {"maxLength", length}};
}
inline json hash() {
  return text("[0-9a-f]{64}");
}
template <class Names>
json one_of(const Names& names) {
  return {{"type", "string"}, {"enum", names}};
}
/// Of an enum.
template <class T>
json names_of() {
  using hanse::name_of;
  using model::name_of;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < wire::count_of<T>(); ++i) names.emplace_back(name_of(static_cast<T>(i)));
  return one_of(names);
}

inline json or_null(json schema) {
  return {{"oneOf", json::array({std::move(schema), {{"type", "null"}}})}};
}
inline json list_of(json item, std::size_t most) {
  return {{"type", "array"}, {"items", std::move(item)}, {"maxItems", most}};
}
/// An object that has all of these and nothing else.
inline json object(json properties) {
  auto names = json::array();
  for (const auto& item : properties.items()) names.push_back(item.key());
  return {{"type", "object"},
          {"properties", std::move(properties)},
          {"required", std::move(names)},
          {"additionalProperties", false}};
}

/// `schema` with one keyword more.
inline json with(json schema, const char* keyword, json value) {
  schema[keyword] = std::move(value);
  return schema;
}
inline json with_example(json schema, json example) {
  return with(std::move(schema), "examples", json::array({std::move(example)}));
}

}  // namespace hanse::api::part
