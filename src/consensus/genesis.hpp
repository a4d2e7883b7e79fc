#pragma once

// Genesis from a readable YAML file:
//
//   network: hanse-local
//   time: 2026-11-22T20:00:00Z        # optional: when the network first starts
//   accounts:
//     - {address: hanse1..., balance: 1000.00}     # credits
//   params: {claim_window: 1h, start_deadline: 5m, fees: {transfer: 0.0001}}
//
// Unknown keys are refused with the nearest known one; durations are text, money is credits. Errors (malformed,
// invalid_argument, too_large) name the line. format and parse round-trip.

#include <string>
#include <string_view>

#include "ledger/ledger.hpp"

namespace hanse::consensus {

/// Without `time` the genesis has Time{0}: start_solo fills in the clock's when it first writes the store.
Result<ledger::Genesis> parse_genesis(std::string_view yaml);
std::string format_genesis(const ledger::Genesis& genesis);

}  // namespace hanse::consensus
