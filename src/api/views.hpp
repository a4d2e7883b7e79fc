#pragma once

// What answers add to the records: each function makes the JSON whose schema bears its name (api/schema.cpp). To be
// called inside Node::read, for they look things up in the state.

#include <nlohmann/json.hpp>
#include <optional>

#include "ledger/ledger.hpp"
#include "market/book.hpp"

namespace hanse::api {

nlohmann::json spending_view(const ledger::State::Incentive& incentive);
nlohmann::json price_view(const market::Price& price);
nlohmann::json provider_view(const ledger::State& state, const model::Provider& provider, Time now);
/// Its price and quote are of that demand; none where money would overflow.
nlohmann::json offer_view(const ledger::State& state, const model::Offer& offer, const model::Demand& demand, Time now);
nlohmann::json explanation_view(const market::Explanation& explanation);
/// An offer that a demand would get, what it locks, and what leaving it early would cost.
nlohmann::json match_view(const ledger::State& state, const model::Demand& demand, const market::Match& match,
                          Time now);
nlohmann::json request_view(const model::Request& request, bool live);
nlohmann::json lease_view(const ledger::State& state, const model::Lease& lease, bool live, Time now);
nlohmann::json invoice_view(const ledger::State& state, const model::Lease& lease, Time now);

/// `next` is null when it is empty.
nlohmann::json page(nlohmann::json items, const std::string& next);

/// Block time is when the last block was; for what goes on by the second, the clock knows better.
Time now(const ledger::State& state, Time clock);

}  // namespace hanse::api
