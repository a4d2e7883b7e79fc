#pragma once

// For tests only: what leases cost, second by second, from nothing but the times at which their providers were heard.

#include <algorithm>
#include <map>
#include <vector>

#include "model/lease.hpp"

namespace hanse::ledger {

class Oracle {
 public:
  explicit Oracle(std::int64_t timeout_ms) : timeout_ms_(timeout_ms) {}

  void heard(const model::AccountId& provider, Time at) { heard_[provider].push_back(at); }

  [[nodiscard]] std::int64_t delivered_s(const model::Lease& lease) const {
    const auto found = heard_.find(lease.provider);
    std::int64_t delivered = 0;
    for (Time t = lease.started_at; after_s(t, 1) <= lease.ends_at; t = after_s(t, 1)) {
      // The gap that this second lies in, as known when the lease ended.
      Time from = lease.started_at;
      Time to = lease.ends_at;
      for (const Time beat : found->second) {
        if (beat <= t) from = std::max(from, beat);
        if (beat > t) to = std::min(to, beat);
      }
      if (to.ms - from.ms <= timeout_ms_) ++delivered;
    }
    return std::min<std::int64_t>(delivered, static_cast<std::int64_t>(lease.duration_s));
  }

  /// What keeping its files came to: gaps of which any part lies in that time are taken off whole, but for one that was
  /// known, and so taken off its run, when the keeping began.
  [[nodiscard]] Money keep_cost(const model::Lease& lease) const {
    if (lease.keep_end != model::EndReason::completed) return Money{};
    auto beats = heard_.at(lease.provider);
    std::erase_if(beats, [&](Time beat) { return beat >= lease.kept_until; });
    beats.push_back(lease.kept_until);
    std::int64_t ms = lease.kept_until.ms - lease.ends_at.ms;
    for (std::size_t i = 1; i < beats.size(); ++i) {
      if (beats[i] <= lease.ends_at || beats[i].ms - beats[i - 1].ms <= timeout_ms_) continue;
      const std::int64_t before = lease.ends_at.ms - beats[i - 1].ms;
      ms -= beats[i].ms - beats[i - 1].ms - (before > timeout_ms_ ? before : 0);
    }
    return Money{lease.keep_rate_per_hour.micros * std::max<std::int64_t>(ms / 1000, 0) / 3600};
  }

 private:
  const std::int64_t timeout_ms_;
  std::map<model::AccountId, std::vector<Time>> heard_;
};

}  // namespace hanse::ledger
