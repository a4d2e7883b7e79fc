#include "ledger/accrual.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "base/int128.hpp"
#include "market/reserved.hpp"

namespace hanse::ledger {
namespace {

std::int64_t signed_of(std::uint64_t seconds) {
  return static_cast<std::int64_t>(seconds);
}

/// What the first `seconds` cost, in 1/3600 micros. Requires that it remembers rates.
Int128 earned_so_far(const model::Lease& lease, std::int64_t seconds) {
  const model::RateChange* piece = nullptr;
  for (const auto& change : lease.rates) {
    if (change.from_s <= seconds) piece = &change;
  }
  if (piece == nullptr) return 0;
  return static_cast<Int128>(piece->earned_before.micros) * 3600 + piece->earned_rest +
         static_cast<Int128>(piece->rate_per_hour.micros) * (seconds - piece->from_s);
}

/// What has passed the claim window of a run that is over.
Money releasable_of_run(const model::Lease& lease, Time now, std::int64_t window_ms) {
  const std::int64_t pending_ms = lease.ends_at.ms + window_ms - now.ms;
  if (pending_ms <= 0) return run_cost(lease);
  const std::int64_t seconds = std::max<std::int64_t>(lease.billed_s - (pending_ms + 999) / 1000, 0);
  return std::min(price_of(lease, seconds), run_cost(lease));
}

/// The seconds that everything locked for its run pays for in full.
std::int64_t affordable_s(const model::Lease& lease) {
  const auto duration = signed_of(lease.duration_s);
  if (lease.rate_per_hour.micros == 0) return duration;
  Int128 seconds = static_cast<Int128>(run_lock(lease).micros) * 3600;
  if (lease.rates.empty()) {
    seconds /= lease.rate_per_hour.micros;
  } else {
    const auto& last = lease.rates.back();
    seconds = last.from_s + (seconds - earned_so_far(lease, last.from_s)) / lease.rate_per_hour.micros;
  }
  return seconds < duration ? static_cast<std::int64_t>(seconds) : duration;
}

}  // namespace

std::int64_t silence_ms(const model::Provider& provider, Time at, const model::Params& params) {
  const std::int64_t gap = at.ms - provider.last_heartbeat_at.ms;
  return gap > signed_of(params.heartbeat_timeout_s) * 1000 ? gap : 0;
}

std::int64_t downtime_ms(const model::Lease& lease, const model::Provider& provider, Time at,
                         const model::Params& params) {
  HANSE_CHECK(lease.started_at.ms != 0);
  return provider.downtime_ms + silence_ms(provider, at, params) - lease.downtime_at_start_ms;
}

std::int64_t delivered_s(const model::Lease& lease, const model::Provider& provider, Time at,
                         const model::Params& params) {
  const std::int64_t ms = at.ms - lease.started_at.ms - downtime_ms(lease, provider, at, params);
  return std::clamp<std::int64_t>(ms / 1000, 0, signed_of(lease.duration_s));
}

Money most_per_hour(const model::Lease& lease) {
  return lease.mode == model::Mode::spot ? Money{lease.bid_per_gpu_hour.micros * lease.gpu_count} : lease.rate_per_hour;
}

Time due_end(const model::Lease& lease) {
  return lease.preempt_at.ms == 0 ? lease.ends_at : std::min(lease.ends_at, lease.preempt_at);
}

Money price_of(const model::Lease& lease, std::int64_t seconds) {
  if (!lease.rates.empty()) {
    const Int128 micros = earned_so_far(lease, seconds) / 3600;
    const Money most = run_lock(lease);
    return micros < most.micros ? Money{static_cast<std::int64_t>(micros)} : most;
  }
  const auto amount = accrued(lease.rate_per_hour, seconds);
  return amount ? std::min(*amount, run_lock(lease)) : run_lock(lease);
}

Money keep_cost(const model::Lease& lease, const model::Provider& provider, Time at, const model::Params& params) {
  const std::int64_t ms = at.ms - lease.ends_at.ms - downtime_ms(lease, provider, at, params);
  const auto amount = accrued(lease.keep_rate_per_hour, std::max<std::int64_t>(ms / 1000, 0));
  return amount ? std::min(*amount, lease.keep_reserve) : lease.keep_reserve;
}

Money owed(const model::Lease& lease, model::EndReason reason, Time ends_at, std::int64_t billed_s) {
  return lease.rates.empty() ? market::final_cost(lease, reason, ends_at, billed_s) : price_of(lease, billed_s);
}

Money releasable(const model::Lease& lease, const model::Provider& provider, Time now, const model::Params& params) {
  const std::int64_t window_ms = signed_of(params.claim_window_s) * 1000;
  if (lease.started_at.ms == 0) return Money{};
  if (!holds_devices(lease)) {
    Money due = releasable_of_run(lease, now, window_ms);
    const bool keeping_is_paid =
        lease.state == model::LeaseState::ended && after_ms(lease.kept_until, window_ms) <= now;
    if (keeping_is_paid) due.micros += lease.keep_reserve.micros;
    return std::max(lease.released, due);
  }
  const Time at = std::min(now, due_end(lease));
  const std::int64_t ms = at.ms - window_ms - lease.started_at.ms - downtime_ms(lease, provider, at, params);
  const std::int64_t seconds = std::clamp<std::int64_t>(ms / 1000, 0, signed_of(lease.duration_s));
  return std::max(lease.released, price_of(lease, seconds));
}

void change_rate(model::Lease& lease, std::int64_t from_s, Money rate_per_hour, std::int64_t forget_before_s) {
  auto& rates = lease.rates;
  if (rate_per_hour == lease.rate_per_hour) return;
  if (rates.empty()) rates.push_back({0, lease.rate_per_hour, Money{}, 0});
  // Seconds that turned out to be downtime are delivered again, at other rates.
  while (rates.size() > 1 && rates.back().from_s >= from_s) rates.pop_back();
  if (from_s > rates.back().from_s) {
    const Int128 earned = std::min(earned_so_far(lease, from_s), static_cast<Int128>(run_lock(lease).micros) * 3600);
    rates.push_back({from_s, rate_per_hour, Money{static_cast<std::int64_t>(earned / 3600)},
                     static_cast<std::uint32_t>(earned % 3600)});
  } else {
    rates.back().rate_per_hour = rate_per_hour;  // that rate never held for a whole second
  }
  lease.rate_per_hour = rate_per_hour;
  while (rates.size() > 1 && rates[1].from_s <= forget_before_s) rates.erase(rates.begin());
  if (rates.size() <= model::kMaxRateChanges) return;
  rates[0].rate_per_hour = std::min(rates[0].rate_per_hour, rates[1].rate_per_hour);
  rates.erase(rates.begin() + 1);
}

Time end_of(const model::Lease& lease, std::int64_t downtime_so_far_ms) {
  const Time by_time = after_s(lease.started_at, signed_of(lease.duration_s));
  const Time by_money = after_ms(after_s(lease.started_at, affordable_s(lease)), downtime_so_far_ms);
  return std::min(by_time, by_money);
}

bool is_bounded_by_money(const model::Lease& lease, std::int64_t downtime_so_far_ms) {
  return affordable_s(lease) * 1000 + downtime_so_far_ms < signed_of(lease.duration_s) * 1000;
}

}  // namespace hanse::ledger
