#pragma once

// Rules that several operations share. Each error says what is allowed.

#include "ledger/context.hpp"

namespace hanse::ledger {

/// No control characters, and from `least` to `most` bytes (decoding saw to it that it is UTF-8). invalid_argument,
/// too_large.
Result<> check_text(std::string_view name, std::string_view text, std::size_t least, std::size_t most);

/// `host:port`; the host a name, an IPv4 address or an IPv6 address in brackets. invalid_argument.
Result<> check_endpoint(std::string_view endpoint);

/// A key that signatures can be verified by. invalid_argument.
Result<> check_key(std::string_view name, const crypto::PublicKey& key);

/// What a spot request may bid for a GPU-hour: above 0, and no more than a price may be. invalid_argument.
Result<> check_bid_amount(Money bid_per_gpu_hour);

/// What may be asked for, by this network's parameters. invalid_argument, unsupported, malformed (`where`).
Result<market::Wanted> check_demand(const model::Demand& demand, const model::Params& params);

/// not_found with where to look.
Result<const model::Provider*> find_provider(const Context& context, const model::AccountId& account);
Result<const model::Offer*> find_own_offer(const Context& context, model::OfferId offer);
Result<const model::Lease*> find_lease(const Context& context, model::LeaseId lease);
/// Of a lease that runs or will, and whose consumer the transaction's account is. not_found, not_authorized,
/// wrong_state.
Result<const model::Lease*> find_own_working_lease(const Context& context, model::LeaseId lease);

/// limit_reached if an account that holds `count` of `what` may not have one more.
Result<> check_limit(const Context& context, std::size_t count, std::string_view what);

}  // namespace hanse::ledger
