#pragma once

// Reading YAML with errors that a person can act on: every one names its line. Internal to the room: it drags yaml-cpp
// in. Values are taken as the text that stands there, so that 1.20 stays 1.20 and never passes through a float.

#include <yaml-cpp/yaml.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace hanse::client::yaml {

inline constexpr std::size_t kMaxBytes = 256 * 1024;

/// "line 7: …"
std::unexpected<Error> refuse(const YAML::Node& at, std::string_view why, ErrorCode code = ErrorCode::invalid_argument);
/// The same, for an error of a value's own parser; one that points at a character starts on a line of its own.
std::unexpected<Error> refuse(const YAML::Node& at, std::string_view key, const Error& error);

/// One document, parsed without throwing.
Result<YAML::Node> parse(std::string_view text);

/// A mapping whose keys are all known and stand once.
class Map {
 public:
  /// `what` names the mapping in errors: "a job", "resources".
  static Result<Map> from(const YAML::Node& node, std::string_view what,
                          const std::vector<std::string_view>& known_keys);

  /// The value of a key, unless it is missing or null.
  [[nodiscard]] std::optional<YAML::Node> find(std::string_view key) const;
  /// The key itself, where it stands there without a value, or with YAML's words for none: ~ and null.
  [[nodiscard]] std::optional<YAML::Node> find_null(std::string_view key) const;
  /// The text of a scalar; "" if the key is missing.
  [[nodiscard]] Result<std::string> text(std::string_view key, std::size_t max_bytes) const;
  /// The scalars of a list, each with its line; a single scalar is a list of one. Empty if the key is missing.
  [[nodiscard]] Result<std::vector<YAML::Node>> list(std::string_view key, std::size_t max_items) const;

 private:
  std::vector<std::pair<YAML::Node, YAML::Node>> entries_;
};

}  // namespace hanse::client::yaml
