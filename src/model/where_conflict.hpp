#pragma once

// Contradictions between constraints: what no offer whatsoever could satisfy. Part of the `where` parser.

#include <string>

#include "model/where.hpp"

namespace hanse::model {

/// Why nothing can satisfy `next` together with `earlier`, which nothing contradicts yet; empty if something can.
/// Exact for number fields and for single names; silent where it cannot know (a provider's name against an address).
std::string conflict(const Where& earlier, const Constraint& next);

}  // namespace hanse::model
