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
// GPU-hour, all-in), reliability (0..1), cuda (version a.b), duration (longest lease the offer takes), interconnect
// (none < pcie < nvlink < infiniband).
// Flag: verified — every constrained field that can be measured must be measured. (A measured value, where there is
// one, is always what counts; `verified` is what makes its absence a reason to refuse.)
//
// A value with blanks or signs in it is quoted, "like this" or 'like this'; in a list, single blanks need no quotes.
// GPU models: blanks, '_' and '-' are one and the same separator, and a value also matches every model that goes on
// with a separator: H100 matches H100-SXM and "H100 PCIe", H100-SXM does not match H100-PCIe. docs/where.md tells all
// of this to users.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace hanse::model {

inline constexpr std::size_t kMaxConstraints = 64;
inline constexpr std::size_t kMaxConstraintsPerField = 8;  ///< Keeps the search for contradictions cheap.
inline constexpr std::size_t kMaxValuesPerConstraint = 64;
inline constexpr std::size_t kMaxValueBytes = 64;  ///< The longest name that there is.

enum class WhereField : std::uint8_t {
  gpu,
  country,
  provider,
  machine,
  kind,
  driver,  // sets
  gpus,
  vram,
  cpu,
  memory,
  disk,
  inet_down,
  inet_up,
  price,
  reliability,
  cuda,
  duration,
  interconnect,  // numbers
  verified       // flag
};
enum class WhereOp : std::uint8_t { equal, not_equal, less, less_equal, greater, greater_equal, in, not_in };

struct Constraint {
  WhereField field = WhereField::gpu;
  WhereOp op = WhereOp::equal;
  /// Number fields: in the field's smallest unit: bytes, threads, Mbps, micro-credits, reliability in millionths,
  /// cuda as major × 1000 + minor, seconds, an Interconnect.
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
///         ^^^^ "80XB" is not a size: write a size such as 80GB or 512MiB
/// Unknown fields name the nearest known one. A contradiction (`price<1 price>2`) is refused as such
/// (invalid_argument). A constraint that stands there twice is kept once. `=` with a country group becomes `in`.
Result<Where> parse_where(std::string_view text);

/// A set field's value as constraints hold it: lower case; for gpu every run of separators is one '-'.
std::string fold(WhereField field, std::string_view value);

/// Does an offer with this value satisfy the constraint? For set fields the value is folded.
[[nodiscard]] bool allows(const Constraint& constraint, std::string_view folded);
[[nodiscard]] bool allows(const Constraint& constraint, std::int64_t value);

/// "12.4" as 12004; -1 where it is not a version. What `cuda` compares.
[[nodiscard]] std::int64_t parse_version(std::string_view text);

/// A number in the words of its field: "80GB", "500Mbps", "0.99", "2.50", "12.4", "1h30m".
std::string format_number(WhereField field, std::int64_t number);

/// The canonical text of a constraint, e.g. "vram>=80GB", "country in [DE,FR]".
std::string format_constraint(const Constraint& constraint);

/// An error's text of two lines: the source line that holds `offset`, and carets under the place followed by the
/// reason. Long lines are cut around the place, and bytes that are not printable ASCII become '?', so that foreign text
/// is safe to show. Shared by all small languages here.
std::string point_at(std::string_view text, std::size_t offset, std::size_t length, std::string_view reason);

}  // namespace hanse::model
