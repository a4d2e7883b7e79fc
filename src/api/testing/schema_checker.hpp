#pragma once

// Checks JSON against the part of JSON Schema that api/schema.cpp uses. A keyword that it does not know is an error, so
// that a new one cannot pass unchecked.

#include <cmath>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <string>

namespace hanse::api::testing {

class SchemaChecker {
 public:
  explicit SchemaChecker(const nlohmann::json& document) : document_(document) {}

  /// "" if it fits, else where and why not.
  [[nodiscard]] std::string check(const nlohmann::json& value, const nlohmann::json& schema,
                                  const std::string& at = "$") const {
    static const std::set<std::string> known{
        "$ref",       "type",    "enum",     "const", "pattern",    "minLength", "maxLength",
        "minimum",    "maximum", "required", "items", "properties", "maxItems",  "additionalProperties",
        "oneOf",      "allOf",   "if",       "then",  "default",    "format",    "examples",
        "description"};
    for (const auto& item : schema.items()) {
      if (!known.contains(item.key())) return at + ": the checker does not know " + item.key();
    }
    if (schema.contains("$ref")) return check(value, resolve(schema["$ref"]), at);
    if (schema.contains("oneOf")) return check_one_of(value, schema["oneOf"], at);
    for (const auto& part : schema.value("allOf", nlohmann::json::array())) {
      if (auto reason = check(value, part, at); !reason.empty()) return reason;
    }
    if (schema.contains("if") && check(value, schema["if"], at).empty()) {
      if (auto reason = check(value, schema["then"], at); !reason.empty()) return reason;
    }
    if (schema.contains("const") && value != schema["const"]) return at + ": is not " + schema["const"].dump();
    if (schema.contains("type") && !has_type(value, schema["type"])) {
      return at + ": " + value.dump() + " is not of type " + schema["type"].dump();
    }
    if (schema.contains("enum")) {
      const auto& all = schema["enum"];
      if (std::find(all.begin(), all.end(), value) == all.end())
        return at + ": " + value.dump() + " is not in the enum";
    }
    if (value.is_string()) return check_text(value.get<std::string>(), schema, at);
    if (value.is_number()) return check_number(value, schema, at);
    if (value.is_array()) return check_list(value, schema, at);
    if (value.is_object()) return check_object(value, schema, at);
    return "";
  }

 private:
  [[nodiscard]] const nlohmann::json& resolve(const std::string& ref) const {
    return document_.at(nlohmann::json::json_pointer(ref.substr(1)));
  }

  static bool has_type(const nlohmann::json& value, const nlohmann::json& type) {
    if (type.is_array()) {
      return std::any_of(type.begin(), type.end(), [&](const auto& one) { return has_type(value, one); });
    }
    return (type == "object" && value.is_object()) || (type == "array" && value.is_array()) ||
           (type == "string" && value.is_string()) || (type == "integer" && is_whole(value)) ||
           (type == "boolean" && value.is_boolean()) || (type == "null" && value.is_null());
  }

  static bool is_whole(const nlohmann::json& value) {
    return value.is_number_integer() || (value.is_number_float() && value == std::trunc(value.get<double>()));
  }

  [[nodiscard]] std::string check_one_of(const nlohmann::json& value, const nlohmann::json& choices,
                                         const std::string& at) const {
    std::size_t fitting = 0;
    std::string reasons;
    for (const auto& choice : choices) {
      const auto reason = check(value, choice, at);
      fitting += reason.empty();
      reasons += "; " + reason;
    }
    return fitting == 1 ? "" : at + ": fits " + std::to_string(fitting) + " of oneOf" + reasons;
  }

  static std::string check_text(const std::string& text, const nlohmann::json& schema, const std::string& at) {
    const auto is_first = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };  // of a character
    const auto length = static_cast<std::size_t>(std::count_if(text.begin(), text.end(), is_first));
    if (schema.contains("maxLength") && length > schema["maxLength"].get<std::size_t>()) return at + ": too long";
    if (schema.contains("minLength") && length < schema["minLength"].get<std::size_t>()) return at + ": too short";
    if (schema.contains("pattern") && !std::regex_search(text, std::regex(schema["pattern"].get<std::string>()))) {
      return at + ": \"" + text + "\" does not fit " + schema["pattern"].get<std::string>();
    }
    return "";
  }

  static std::string check_number(const nlohmann::json& value, const nlohmann::json& schema, const std::string& at) {
    if (schema.contains("minimum") && value < schema["minimum"]) return at + ": " + value.dump() + " is too small";
    if (schema.contains("maximum") && value > schema["maximum"]) return at + ": " + value.dump() + " is too large";
    return "";
  }

  [[nodiscard]] std::string check_list(const nlohmann::json& value, const nlohmann::json& schema,
                                       const std::string& at) const {
    if (schema.contains("maxItems") && value.size() > schema["maxItems"].get<std::size_t>()) return at + ": too many";
    for (std::size_t i = 0; schema.contains("items") && i < value.size(); ++i) {
      auto reason = check(value[i], schema["items"], at + "[" + std::to_string(i) + "]");
      if (!reason.empty()) return reason;
    }
    return "";
  }

  [[nodiscard]] std::string check_object(const nlohmann::json& value, const nlohmann::json& schema,
                                         const std::string& at) const {
    const auto properties = schema.value("properties", nlohmann::json::object());
    for (const auto& name : schema.value("required", nlohmann::json::array())) {
      if (!value.contains(name.get<std::string>())) return at + ": " + name.dump() + " is missing";
    }
    for (const auto& item : value.items()) {
      if (!properties.contains(item.key())) {
        if (schema.contains("additionalProperties")) return at + ": \"" + item.key() + "\" is not in the schema";
        continue;
      }
      auto reason = check(item.value(), properties[item.key()], at + "." + item.key());
      if (!reason.empty()) return reason;
    }
    return "";
  }

  const nlohmann::json& document_;
};

}  // namespace hanse::api::testing
