#pragma once

// What must hold whatever happens. check_touched() runs in production before each commit, over what the transaction
// touched and at a cost that depends on nothing else; check_all() over everything, at start and in tests.

#include "ledger/tables.hpp"
#include "market/book.hpp"

namespace hanse::ledger {

/// Over the open transaction: no money was made or lost; balances and escrows are not negative; each touched lease and
/// request is of one piece and refers to what is there; each touched offer's leased devices and disk changed by just
/// what its touched leases took and gave, no device taken twice; provider counters follow. internal, with the broken
/// one.
Result<> check_touched(const Tables& tables);

/// The same over the whole state, and that every index and both books agree with the records.
Result<> check_all(const Tables& tables, const market::Book& book, const market::Book& spot_book);

}  // namespace hanse::ledger
