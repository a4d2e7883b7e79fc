#pragma once

// The beginning of a ledger.

#include "ledger/tables.hpp"

namespace hanse::ledger {

/// Whether the parameters are in range and make sense together. invalid_argument names the one that does not.
Result<> check_params(const model::Params& params);

/// Fills empty tables. invalid_argument names what is wrong with the genesis.
Result<> fill_from(const Genesis& genesis, Tables& tables);

}  // namespace hanse::ledger
