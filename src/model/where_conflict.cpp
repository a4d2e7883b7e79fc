// Contradictions between constraints: what no offer whatsoever could satisfy.

#include "model/where_parts.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <span>

#include "model/offer.hpp"

namespace hanse::model {

namespace {

/// The constraints on one field, at most kMaxConstraintsPerField + 1.
using Peers = std::span<const Constraint* const>;

bool is_positive(const Constraint& c) {
  return c.op == WhereOp::equal || c.op == WhereOp::in;
}

/// Some integer in the field's range lies within all bounds and is not excluded.
bool number_exists(WhereField field, Peers peers) {
  std::int64_t low = field == WhereField::gpus ? 1 : 0;
  std::int64_t high = std::numeric_limits<std::int64_t>::max();
  if (field == WhereField::reliability) high = 1'000'000;
  if (field == WhereField::interconnect) high = static_cast<std::int64_t>(Names<Interconnect>::names.size()) - 1;
  for (const auto* c : peers) {
    if (c->op == WhereOp::equal || c->op == WhereOp::greater_equal) low = std::max(low, c->number);
    if (c->op == WhereOp::equal || c->op == WhereOp::less_equal) high = std::min(high, c->number);
    if (c->op == WhereOp::greater) low = std::max(low, c->number + 1);
    if (c->op == WhereOp::less) high = std::min(high, c->number - 1);
  }
  // Each != takes away one value at most, so one of the first peers + 1 values decides.
  for (std::size_t tried = 0; tried <= peers.size() && low <= high; ++tried, ++low) {
    if (std::all_of(peers.begin(), peers.end(), [&](const auto* c) { return allows(*c, low); })) return true;
  }
  return false;
}

/// Some name satisfies all: if any does, one that a positive constraint lists does too.
bool name_exists(WhereField field, Peers peers) {
  const auto satisfies_all = [&](std::string_view name) {
    return std::all_of(peers.begin(), peers.end(), [&](const auto* c) { return allows(*c, name); });
  };
  if (field == WhereField::kind) return satisfies_all("gpu") || satisfies_all("cpu");
  bool any_positive = false;
  for (const auto* c : peers) {
    if (!is_positive(*c)) continue;
    any_positive = true;
    if (std::any_of(c->values.begin(), c->values.end(), satisfies_all)) return true;
  }
  return !any_positive;
}

/// A provider has a name and an address: only constraints on the same of the two can contradict each other.
bool mixes_names_and_addresses(Peers peers) {
  bool names = false;
  bool addresses = false;
  for (const auto* c : peers) {
    for (const auto& value : c->values) (value.starts_with("hanse1") ? addresses : names) = true;
  }
  return names && addresses;
}

bool satisfiable(WhereField field, Peers peers) {
  if (is_number(field)) return number_exists(field, peers);
  if (field == WhereField::provider && mixes_names_and_addresses(peers)) return true;
  return name_exists(field, peers);
}

}  // namespace

std::string conflict(const Where& earlier, const Constraint& next) {
  if (next.field == WhereField::verified) return {};
  std::array<const Constraint*, kMaxConstraintsPerField + 1> peers{&next};
  std::size_t count = 1;
  for (const auto& other : earlier) {
    if (other.field == next.field && count < peers.size()) peers[count++] = &other;
  }
  if (satisfiable(next.field, {peers.data(), count})) return {};

  const std::string text = format_constraint(next);
  if (!satisfiable(next.field, {peers.data(), 1})) return "no offer can have " + text;
  for (std::size_t i = 1; i < count; ++i) {
    const std::array<const Constraint*, 2> pair{&next, peers[i]};
    if (!satisfiable(next.field, pair)) {
      return "contradicts " + format_constraint(*peers[i]) + ": no offer can satisfy both";
    }
  }
  return "leaves nothing of what the other constraints on " + std::string(name_of(next.field)) + " allow";
}

}  // namespace hanse::model
