#pragma once

// The parts of the `where` parser. Inside the model.

#include <string>
#include <string_view>

#include "model/where.hpp"

namespace hanse::model {

/// The number that stands in a constraint on `field`, in the field's smallest unit. Errors say what it takes.
Result<std::int64_t> parse_number(WhereField field, std::string_view text);

/// Why nothing can satisfy `next` together with `earlier`, which nothing contradicts yet; empty if something can.
/// Exact for number fields and for single names; silent where it cannot know (a provider's name against an address).
std::string conflict(const Where& earlier, const Constraint& next);

}  // namespace hanse::model
