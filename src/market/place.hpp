#pragma once

// Where a demand goes: to the best offer, or, for a gang, to as many machines at once as it wants. Pure.

#include <boost/container/small_vector.hpp>
#include <functional>
#include <string>

#include "market/book.hpp"

namespace hanse::market {

/// One match a machine, each on an offer of its own; empty: it cannot be placed.
using Matches = boost::container::small_vector<Match, 1>;

/// The records behind the book's answers.
struct Records {
  std::function<const model::Offer&(model::OfferId)> offer;
  std::function<const model::Provider&(const model::AccountId&)> provider;
};

/// One machine is what Book::find() finds. A gang is placed at the lowest expected cost in all; of equally cheap
/// choices the one that leaves the fewest devices of its machines free, then the one whose last member comes first in
/// the book's own order (cost, age, id).
///
/// What is reserved, and every gang, is paid for in advance: each lock is the price of the whole duration, and all of
/// them together are within the demand's max_cost, or it is not placed. (A single lease on demand locks what max_cost
/// allows and ends when that is used up.)
///
/// Best of all there is, or, where more than kMostCompared offers cost so nearly the same that none of them can be left
/// out, best of the first kMostCompared.
inline constexpr std::size_t kMostCompared = 4096;
[[nodiscard]] Matches place(const Book& book, const Wanted& wanted, const Records& records);

/// Why it cannot be placed, for a person: how many machines would fit, or what it costs, or Book::explain().
[[nodiscard]] std::string why_not(const Book& book, const Wanted& wanted, const Records& records);

/// What all of them lock.
[[nodiscard]] Money lock_of(const Matches& matches);

}  // namespace hanse::market
