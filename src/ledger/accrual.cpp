#include "ledger/accrual.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace hanse::ledger {
namespace {

__extension__ using Wide = __int128;

std::int64_t signed_of(std::uint64_t seconds) {
  return static_cast<std::int64_t>(seconds);
}

/// The seconds that everything locked pays for in full.
std::int64_t affordable_s(const model::Lease& lease) {
  const auto duration = signed_of(lease.duration_s);
  if (lease.rate_per_hour.micros == 0) return duration;
  const Wide seconds = static_cast<Wide>(lease.locked.micros) * 3600 / lease.rate_per_hour.micros;
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

Money price_of(const model::Lease& lease, std::int64_t seconds) {
  const auto amount = accrued(lease.rate_per_hour, seconds);
  return amount ? std::min(*amount, lease.locked) : lease.locked;
}

Money releasable(const model::Lease& lease, const model::Provider& provider, Time now, const model::Params& params) {
  const std::int64_t window_ms = signed_of(params.claim_window_s) * 1000;
  if (lease.started_at.ms == 0) return Money{};
  if (lease.state == model::LeaseState::ended) {
    const Money final{lease.locked.micros - lease.refunded.micros};
    const std::int64_t pending_ms = lease.ends_at.ms + window_ms - now.ms;
    if (pending_ms <= 0) return final;
    const std::int64_t seconds = std::max<std::int64_t>(lease.billed_s - (pending_ms + 999) / 1000, 0);
    return std::max(lease.released, std::min(price_of(lease, seconds), final));
  }
  const Time at = std::min(now, lease.ends_at);
  const std::int64_t ms = at.ms - window_ms - lease.started_at.ms - downtime_ms(lease, provider, at, params);
  const std::int64_t seconds = std::clamp<std::int64_t>(ms / 1000, 0, signed_of(lease.duration_s));
  return std::max(lease.released, price_of(lease, seconds));
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
