#include "ledger/invariants_detail.hpp"

#include <algorithm>
#include <bit>

#include "market/price.hpp"
#include "market/reserved.hpp"

namespace hanse::ledger {
namespace {

Result<> check_lease_money(const model::Lease& lease) {
  const bool valid = is_valid(lease.locked) && is_valid(lease.released) && is_valid(lease.refunded) &&
                     is_valid(lease.rate_per_hour) && is_valid(lease.keep_reserve) && escrow(lease).micros >= 0 &&
                     run_lock(lease).micros >= 0;
  if (!valid) return broken(model::format_id(lease.id) + " paid out more than it locked");
  switch (lease.state) {
    case model::LeaseState::matched:
      if (lease.released.micros != 0 || lease.refunded.micros != 0) {
        return broken(model::format_id(lease.id) + " paid out before it ran");
      }
      return {};
    case model::LeaseState::running:
      if (lease.refunded.micros != 0) return broken(model::format_id(lease.id) + " refunded while it runs");
      return {};
    case model::LeaseState::kept:
      if (run_cost(lease) < lease.released)
        return broken(model::format_id(lease.id) + " paid for its keeping too early");
      break;
    case model::LeaseState::ended:
      break;
  }
  if (run_cost(lease) < price_of(lease, lease.billed_s)) {
    return broken(model::format_id(lease.id) + " left less than was earned");
  }
  if (run_cost(lease) > std::max(owed(lease, lease.end_reason, lease.ends_at, lease.billed_s), lease.released)) {
    return broken(model::format_id(lease.id) + " left more than was owed");
  }
  return {};
}

/// The reserve is whole until its keeping ends, and is what that cost from then on.
Result<> check_keep(const model::Lease& lease) {
  const auto wrong = [&](std::string_view what) { return broken(model::format_id(lease.id) + std::string(what)); };
  if (lease.keep_s == 0) {
    const bool is_none = lease.keep_rate_per_hour.micros == 0 && lease.keep_reserve.micros == 0 &&
                         lease.kept_until.ms == 0 && lease.keep_end == model::EndReason::none &&
                         lease.state != model::LeaseState::kept;
    return is_none ? Result<>{} : wrong(" keeps files that nobody asked for");
  }
  const bool was_kept = lease.kept_until.ms != 0;
  const bool ended = !is_live(lease);
  if (was_kept != (lease.state == model::LeaseState::kept || (ended && lease.keep_end != model::EndReason::none)) ||
      (!ended && lease.keep_end != model::EndReason::none)) {
    return wrong("'s keeping does not fit its state");
  }
  const auto whole = market::keep_at(lease.keep_rate_per_hour, lease.keep_s);
  if (!whole || (!ended && lease.keep_reserve != whole->reserve)) return wrong(" has not the reserve for its files");
  if (!was_kept)
    return ended && lease.keep_reserve.micros != 0 ? wrong(" paid for files that were not kept") : Result<>{};
  const Time most = after_s(lease.ends_at, lease.keep_s);
  if (lease.disk_bytes == 0 || lease.kept_until < lease.ends_at || lease.kept_until > most ||
      (!ended && lease.kept_until != most)) {
    return wrong(" is kept for a time that it did not ask for");
  }
  if (!ended) return {};
  const bool is_lost = lease.keep_end == model::EndReason::provider_failed;
  const auto cost = accrued(lease.keep_rate_per_hour, (lease.kept_until.ms - lease.ends_at.ms) / 1000);
  const bool is_owed = is_lost ? lease.keep_reserve.micros == 0 : cost && lease.keep_reserve <= *cost;
  return is_owed ? Result<>{} : wrong(" paid more for its files than was owed");
}

/// Leaving early never pays less than the term's own rate, and what is prepaid is prepaid whole.
Result<> check_reserved(const model::Lease& lease) {
  const auto whole = market::lock_for(lease.rate_per_hour, lease.duration_s, Money{});
  if (!whole || run_lock(lease) < *whole) return broken(model::format_id(lease.id) + " is not prepaid for its term");
  Money dearer = kMaxMoney;
  std::uint64_t from_s = 0;
  for (const auto& step : lease.early_rates) {
    const bool is_first = &step == &lease.early_rates.front();
    if (step.rate_per_hour > dearer || step.rate_per_hour < lease.rate_per_hour ||
        (is_first ? step.from_s != 0 : step.from_s <= from_s)) {
      return broken(model::format_id(lease.id) + "'s rates for leaving early do not fall");
    }
    dearer = step.rate_per_hour;
    from_s = step.from_s;
  }
  return {};
}

/// A gang's request has the leases from its first on; one that moved on leaves kept and ended ones behind. So does a
/// request that was pre-empted and bids again.
bool is_its_request(const Tables& tables, const model::Lease& lease, const model::Request* request) {
  const bool is_over = !holds_devices(lease);
  if (lease.end_reason == model::EndReason::preempted) return request == nullptr || request->lease != lease.id;
  if (!lease.gang) {
    const auto state = is_over ? model::RequestState::ended : model::RequestState::matched;
    return request != nullptr && request->lease == lease.id && request->state == state;
  }
  if (request == nullptr || request->lease != lease.gang) return is_over;
  return lease.id.value - lease.gang.value < request->demand.machines && check_request(tables, *request).has_value() &&
         (is_over || request->state == model::RequestState::matched);
}

/// It never costs more than it bid, and its rates follow one another up to the one that holds.
Result<> check_spot(const model::Lease& lease) {
  if (!is_spot(lease)) {
    return lease.rates.empty() && lease.preempt_at.ms == 0 ? Result<>{}
                                                           : broken(model::format_id(lease.id) + " is not on spot");
  }
  if (lease.rate_per_hour.micros > lease.bid_per_gpu_hour.micros * lease.gpu_count) {
    return broken(model::format_id(lease.id) + " costs more than it bid");
  }
  const auto& rates = lease.rates;
  for (std::size_t i = 1; i < rates.size(); ++i) {
    if (rates[i].from_s <= rates[i - 1].from_s || rates[i].earned_before < rates[i - 1].earned_before) {
      return broken(model::format_id(lease.id) + "'s rates are in disorder");
    }
  }
  const bool right = rates.empty() || rates.back().rate_per_hour == lease.rate_per_hour;
  return right ? Result<>{} : broken(model::format_id(lease.id) + "'s rate is not its last one");
}

}  // namespace

Result<> check_next_auction(const Tables& tables) {
  const bool needed = !tables.requests.index.bidding.empty() || !tables.leases.index.spot.empty();
  return !needed || tables.head.auction_due.ms != 0 ? Result<>{} : broken("somebody bids and no auction is due");
}

std::unexpected<Error> broken(std::string what) {
  return fail(ErrorCode::internal, "broken invariant: " + std::move(what));
}

Result<> check_lease(const Tables& tables, const model::Lease& lease) {
  if (auto money = check_lease_money(lease); !money) return money;
  if (auto keep = check_keep(lease); !keep) return keep;
  if (auto spot = check_spot(lease); !spot) return spot;
  const auto wrong = [&](std::string_view what) { return broken(model::format_id(lease.id) + std::string(what)); };
  const bool started = lease.started_at.ms != 0;
  const bool is_over = !holds_devices(lease);
  if (is_over != (lease.end_reason != model::EndReason::none) ||
      (lease.state == model::LeaseState::running && !started) ||
      (lease.state == model::LeaseState::matched && started)) {
    return wrong("'s state does not fit its history");
  }
  if (static_cast<std::uint32_t>(std::popcount(lease.devices)) != lease.gpu_count || lease.gpu_count == 0) {
    return wrong(" has not the devices that it pays for");
  }
  if (!tables.providers.find(lease.provider)) return wrong("'s provider is not there");
  const auto* request = tables.requests.find(lease.request);
  if (!is_live(lease)) {
    if (escrow(lease).micros == 0) return wrong(" has paid everything and is not closed");
  } else {
    const auto* offer = tables.offers.find(lease.offer);
    if (offer == nullptr || offer->provider != lease.provider) return wrong("'s offer is not there");
    if (!is_over && (offer->leased_devices & lease.devices) != lease.devices) return wrong("'s devices are not marked");
  }
  if (!is_its_request(tables, lease, request)) return wrong("'s request is not its own");
  if (lease.mode == model::Mode::reserved) {
    if (auto reserved = check_reserved(lease); !reserved) return reserved;
  } else if (!lease.early_rates.empty()) {
    return wrong(" is not reserved and has rates for leaving early");
  }
  if (!tables.timers.contains(tables.leases.index.timer(lease))) return wrong(" has no timer out of its state");
  return {};
}

Result<> check_request(const Tables& tables, const model::Request& request) {
  const auto wrong = [&](std::string_view what) { return broken(model::format_id(request.id) + std::string(what)); };
  const bool waits = request.state == model::RequestState::waiting;
  const auto& index = tables.requests.index;
  if ((waits && !is_spot(request)) != index.waiting.contains(request.id) ||
      (waits && is_spot(request)) != index.bidding.contains(request.id)) {
    return wrong(" is not where it waits");
  }
  const bool won = static_cast<bool>(request.won);
  if (won != index.won.contains({request.won, request.id}) || (won && !(waits && is_spot(request))) ||
      won != (request.held.micros != 0) || !is_valid(request.held) || (!won && request.held_keep_rate.micros != 0)) {
    return wrong(" holds money for nothing, or nothing for what it won");
  }
  if (waits) {
    if (request.lease) return wrong(" waits and has a lease");
    const Timer timer{request.wait_until, request.id.value, TimerKind::request_expiry};
    return tables.timers.contains(timer) ? Result<>{} : wrong(" has no timer out of its state");
  }
  bool has_lease = false;
  bool runs = false;
  for_each_lease(tables, request, [&](const model::Lease& lease) {
    has_lease = true;
    runs = runs || holds_devices(lease);
  });
  if (!has_lease) return wrong("'s lease is not there");
  if (runs != (request.state == model::RequestState::matched)) return wrong(" lags behind its lease");
  return {};
}

Result<> check_former_prices(const Tables& tables, const model::FormerPrices& former) {
  const auto* offer = tables.offers.find(former.offer);
  const auto earlier = [](const model::FormerList& a, const model::FormerList& b) { return a.until < b.until; };
  const bool is_whole = offer != nullptr && offer->state == model::OfferState::open && !former.lists.empty() &&
                        former.lists.size() <= model::kMaxFormerPrices &&
                        std::is_sorted(former.lists.begin(), former.lists.end(), earlier) &&
                        former.lists.back().until <= tables.head.time &&
                        tables.timers.contains(tables.former_prices.index.position(former));
  return is_whole ? Result<>{} : broken(model::format_id(former.offer) + "'s former prices are not its own");
}

Result<> check_offer(const model::Offer& offer) {
  const std::uint32_t count = offer.machine.gpu_count;
  const std::uint64_t all = count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
  if ((offer.leased_devices & ~all) != 0) return broken(model::format_id(offer.id) + " leases devices it has not");
  if (offer.leased_disk_bytes > offer.machine.disk_bytes) {
    return broken(model::format_id(offer.id) + " leases more disk than it has");
  }
  if (offer.state == model::OfferState::withdrawn && offer.leased_devices == 0 && offer.leased_disk_bytes == 0) {
    return broken(model::format_id(offer.id) + " is withdrawn, empty, and still there");
  }
  return {};
}

}  // namespace hanse::ledger
