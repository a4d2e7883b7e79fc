#include "api/views.hpp"

#include <algorithm>
#include <bit>

#include "ledger/accrual.hpp"
#include "market/reserved.hpp"
#include "model/text.hpp"
#include "wire/json.hpp"

namespace hanse::api {
namespace {

/// What an invoice and a lease's accrual have in common, all of it from the same figures.
struct Bill {
  std::int64_t billed_s = 0;
  Money accrued, keeping, pending, escrow, unspent;  // keeping: of what accrued
};

Bill bill_of(const ledger::State& state, const model::Lease& lease, Time now) {
  const auto accrual = state.accrual(lease, now);
  Bill out;
  out.billed_s = accrual.billed_s;
  out.accrued = accrual.amount;
  out.keeping = accrual.keeping;
  out.pending = Money{std::max<std::int64_t>(0, accrual.amount.micros - lease.released.micros)};
  out.escrow = model::escrow(lease);
  out.unspent = Money{out.escrow.micros - out.pending.micros};
  return out;
}

/// What the lease would come to if its consumer ended it now.
Money left_now(const model::Lease& lease, const Bill& bill, Time now) {
  if (lease.state != model::LeaseState::running) return bill.accrued;
  const Time at = std::min(now, ledger::due_end(lease));
  return std::max(ledger::owed(lease, model::EndReason::completed, at, bill.billed_s), lease.released);
}

}  // namespace

Time now(const ledger::State& state, Time clock) {
  return std::max(state.time(), clock);
}

nlohmann::json page(nlohmann::json items, const std::string& next) {
  nlohmann::json out{{"items", std::move(items)}, {"next", nullptr}};
  if (!next.empty()) out["next"] = next;
  return out;
}

nlohmann::json spending_view(const ledger::State::Incentive& incentive) {
  nlohmann::json out{{"spent_micros", incentive.spent.micros},
                     {"fee_discount_bps", incentive.fee_discount_bps},
                     {"next_tier", nullptr}};
  if (incentive.next) {
    out["next_tier"] = {{"from_micros", incentive.next->from.micros}, {"discount_bps", incentive.next->discount_bps}};
  }
  return out;
}

nlohmann::json price_view(const market::Price& price) {
  return {{"rate_micros_per_hour", price.rate_per_hour.micros},
          {"price_micros_per_gpu_hour", price.per_gpu_hour.micros},
          {"term_discount_bps", price.term_discount_bps},
          {"volume_discount_bps", price.volume_discount_bps}};
}

nlohmann::json provider_view(const ledger::State& state, const model::Provider& provider, Time now) {
  return {{"provider", wire::to_json(provider)},
          {"reliability_millionths", market::reliability_millionths(provider)},
          {"reachable", state.is_reachable(provider, now)}};
}

nlohmann::json offer_view(const ledger::State& state, const model::Offer& offer, const model::Demand& demand,
                          Time now) {
  const auto price = market::price_of(offer.prices, demand);
  const auto* provider = state.provider(offer.provider);
  const auto leased = static_cast<std::uint32_t>(std::popcount(offer.leased_devices));
  nlohmann::json out{{"offer", wire::to_json(offer)},
                     {"price", nullptr},
                     {"quote", nullptr},
                     {"quoted_until_ms", nullptr},
                     {"provider_name", provider != nullptr ? provider->name : std::string()},
                     {"reliability_millionths", provider != nullptr ? market::reliability_millionths(*provider) : 0},
                     {"free_devices", offer.machine.gpu_count - std::min(leased, offer.machine.gpu_count)},
                     {"reachable", provider != nullptr && state.is_reachable(*provider, now)}};
  model::Demand kept = demand;  // a quote is good for files that are kept, whether this demand asks for that or not
  kept.keep_s = std::max<std::uint64_t>(demand.keep_s, 1);
  const auto keep = market::keep_of(offer.prices.storage_per_gib_hour, kept);
  if (!price || !keep) return out;
  out["price"] = price_view(*price);
  out["quote"] = wire::to_json(model::Quote{offer.id, price->rate_per_hour, now, keep->rate_per_hour});
  out["quoted_until_ms"] = after_s(now, static_cast<std::int64_t>(state.params().quote_s)).ms;
  return out;
}

nlohmann::json explanation_view(const market::Explanation& explanation) {
  auto ruled = nlohmann::json::array();
  for (const auto& one : explanation.ruled) {
    nlohmann::json item{{"constraint", one.constraint},
                        {"offers", one.offers},
                        {"only_this", one.only_this},
                        {"best", one.best},
                        {"price", nullptr},
                        {"offer", one.offer ? model::format_id(one.offer) : ""}};
    if (one.price) item["price"] = price_view(*one.price);
    ruled.push_back(std::move(item));
  }
  return {{"offers", explanation.offers},
          {"fitting", explanation.fitting},
          {"text", explanation.text()},
          {"ruled", std::move(ruled)}};
}

nlohmann::json match_view(const ledger::State& state, const model::Demand& demand, const market::Match& match,
                          Time now) {
  const auto& offer = *state.offer(match.offer);
  auto exits = nlohmann::json::array();
  if (demand.mode == model::Mode::reserved) {
    const auto rates = market::early_rates(offer.prices, demand, match.price.rate_per_hour);
    for (const auto& exit : market::early_exits(rates, demand.duration_s, match.price.rate_per_hour)) {
      exits.push_back({{"after_s", exit.after_s},
                       {"cost_micros", exit.cost.micros},
                       {"at_term_rate_micros", exit.at_term_rate.micros}});
    }
  }
  return {{"offer", offer_view(state, offer, demand, now)},
          {"provider", provider_view(state, *state.provider(match.provider), now)},
          {"devices", match.devices},
          {"price", price_view(match.price)},
          {"lock_micros", match.lock.micros},
          {"keep_rate_micros_per_hour", match.keep.rate_per_hour.micros},
          {"keep_reserve_micros", match.keep.reserve.micros},
          {"early_exits", std::move(exits)}};
}

nlohmann::json request_view(const model::Request& request, bool live) {
  return {{"request", wire::to_json(request)}, {"live", live}};
}

nlohmann::json lease_view(const ledger::State& state, const model::Lease& lease, bool live, Time now) {
  const Bill bill = bill_of(state, lease, now);
  return {{"lease", wire::to_json(lease)},
          {"accrual",
           {{"billed_s", bill.billed_s},
            {"accrued_micros", bill.accrued.micros},
            {"keep_micros", bill.keeping.micros},
            {"pending_micros", bill.pending.micros},
            {"escrow_micros", bill.escrow.micros},
            {"left_now_micros", left_now(lease, bill, now).micros}}},
          {"live", live}};
}

nlohmann::json invoice_view(const ledger::State& state, const model::Lease& lease, Time now) {
  const Bill bill = bill_of(state, lease, now);
  const bool ended = lease.state == model::LeaseState::ended;
  const bool started = lease.started_at.ms != 0;
  const Time until = holds_devices(lease) ? now : lease.ends_at;
  const std::int64_t running_s = started ? std::max<std::int64_t>(0, until.ms - lease.started_at.ms) / 1000 : 0;
  return {{"lease", model::format_id(lease.id)},
          {"consumer", model::format_address(lease.consumer)},
          {"provider", model::format_address(lease.provider)},
          {"state", std::string(model::name_of(lease.state))},
          {"end_reason", std::string(model::name_of(lease.end_reason))},
          {"gpu_count", lease.gpu_count},
          {"rate_micros_per_hour", lease.rate_per_hour.micros},
          {"started_at_ms", lease.started_at.ms},
          {"until_ms", started ? until.ms : 0},
          {"running_s", running_s},
          {"billed_s", bill.billed_s},
          {"accrued_micros", bill.accrued.micros},
          {"keep_rate_micros_per_hour", lease.keep_rate_per_hour.micros},
          {"keep_micros", bill.keeping.micros},
          {"kept_until_ms", lease.kept_until.ms},
          {"locked_micros", lease.locked.micros},
          {"released_micros", lease.released.micros},
          {"pending_micros", bill.pending.micros},
          {"unspent_micros", bill.unspent.micros},
          {"escrow_micros", bill.escrow.micros},
          {"refunded_micros", lease.refunded.micros},
          {"final", ended && bill.escrow.micros == 0}};
}

}  // namespace hanse::api
