#pragma once

// A provider's price as people write it: an amount, or a rule that follows the market.
//
//   1.20                            so much, until it is changed
//   index*0.95 floor 1.10 cap 3     5 % below the class's index, never below 1.10 nor above 3
//   base*1.02 from 1.50 floor 1     2 % above its base price; 1.50 until the class has one
//   auto floor 0.80                 the same as base*1

#include <string>
#include <string_view>

#include "base/error.hpp"
#include "model/offer.hpp"

namespace hanse::model {

/// Sets the on-demand price and the rule of `prices`, and leaves its other parts. A rule needs `from` (what it costs
/// until the class has that figure), or a floor, which then stands for it. invalid_argument says what was expected.
Result<> set_price(PriceList& prices, std::string_view text);

/// On-demand price and rule of `from`, and nothing else of it.
void copy_price(PriceList& to, const PriceList& from);

/// The same notation: `index*0.95 floor 1.10`. `from` is for a provider's own list: on the ledger that price has moved.
[[nodiscard]] std::string format_price(const PriceList& prices, bool with_from = false);

}  // namespace hanse::model
