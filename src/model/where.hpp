#pragma once

// The `where` language: one conjunction of constraints, the same text in the CLI, in job files and in the API.
//
//   gpu in [H100,A100] vram>=80GB reliability>0.99 country in [EU] inet_down>=500Mbps price<=2.50 verified
//
//   where      := { constraint }                    at most kMaxConstraints, separated by blanks or `and`
//   constraint := field op value | field "in" "[" value { "," value } "]" | field "not" "in" "[" ... "]" | flag
//   op         := "=" | "==" | "!=" | "<" | "<=" | ">" | ">="
//
// Set fields (text, compared without case): gpu, country (ISO codes and the groups EU, EEA), provider (an address or
// a name), machine, kind (gpu | cpu), driver. Number fields and their units: gpus, vram, cpu, memory, disk (sizes;
// of the share that the lease would get), inet_down, inet_up (Mbps or Gbps, bare = Mbps), price (credits per
// GPU-hour, all-in), reliability (0..1), cuda (version a.b), duration (longest lease the offer takes).
// Flag: verified — every constrained field that can be measured must be measured, and holds by its measured value.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace hanse::model {

inline constexpr std::size_t kMaxConstraints = 64;
inline constexpr std::size_t kMaxValuesPerConstraint = 64;

enum class WhereField : std::uint8_t {
  gpu, country, provider, machine, kind, driver,                                                       // sets
  gpus, vram, cpu, memory, disk, inet_down, inet_up, price, reliability, cuda, duration,              // numbers
  verified                                                                                             // flag
};
enum class WhereOp : std::uint8_t { equal, not_equal, less, less_equal, greater, greater_equal, in, not_in };

struct Constraint {
  WhereField field = WhereField::gpu;
  WhereOp op = WhereOp::equal;
  /// Number fields: in the field's smallest unit: bytes, threads, Mbps, micro-credits, reliability in millionths,
  /// cuda as major × 1000 + minor, seconds.
  std::int64_t number = 0;
  std::vector<std::string> values;  ///< Set fields: lower case, groups already expanded, sorted, unique.
  std::uint32_t offset = 0;         ///< Where in the text it stands, in bytes ...
  std::uint32_t length = 0;         ///< ... and how long it is.

  bool operator==(const Constraint&) const = default;
};

using Where = std::vector<Constraint>;

[[nodiscard]] bool is_number(WhereField field);
[[nodiscard]] std::string_view name_of(WhereField field);

/// Parses and checks fields, operators, units and ranges. Errors (malformed, too_large) point at the character:
///   vram>=80XB
///         ^^^^ unknown unit "XB": write a size such as 80GB or 512MiB
/// Unknown fields name the nearest known one. A contradiction (`price<1 price>2`) is refused as such.
Result<Where> parse_where(std::string_view text);

/// The canonical text of a constraint, e.g. "vram>=80GB", "country in [DE,FR]".
std::string format_constraint(const Constraint& constraint);

/// An error's text of several lines: the source line, a caret line, the reason. Shared by all small languages here.
std::string point_at(std::string_view text, std::size_t offset, std::size_t length, std::string_view reason);

}  // namespace hanse::model
