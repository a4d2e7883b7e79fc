#include "ledger/providers.hpp"

#include "ledger/accrual.hpp"
#include "ledger/leases.hpp"
#include "ledger/requests.hpp"

namespace hanse::ledger {
namespace {

void set_watch(Context& context, const model::AccountId& provider, Liveness liveness, Time due) {
  const bool changes = context.tables.watches.at(provider).liveness != liveness;
  context.tables.watches.change(provider, [&](Watch& w) {
    w.liveness = liveness;
    w.due = due;
  });
  if (changes) context.liveness_changed(provider);
}

Time silent_at(const Context& context, const model::Provider& provider) {
  const auto timeout_s = static_cast<std::int64_t>(context.params().heartbeat_timeout_s);
  return after_ms(after_s(provider.last_heartbeat_at, timeout_s), 1);
}

/// A network that stood still could not hear anybody: then patience starts anew when it is back.
Time lost_at(const Context& context, const model::Provider& provider) {
  const Time since = std::max(provider.last_heartbeat_at, context.tables.head.resumed_at);
  return after_s(since, static_cast<std::int64_t>(context.params().provider_lost_s));
}

/// Ends leases of a provider that is lost, oldest first, at most `limit`; true if live ones are left.
bool end_leases_of_lost(Context& context, const model::AccountId& provider, std::size_t limit) {
  std::vector<model::LeaseId> live;
  bool more = false;
  if (const auto* ids = context.tables.leases.index.by_provider.find(provider)) {
    ids->for_each_after({}, [&](model::LeaseId id) {
      if (!is_live(context.tables.leases.at(id))) return true;
      more = live.size() == limit;
      if (!more) live.push_back(id);
      return !more;
    });
  }
  for (const auto id : live) {
    const auto* lease = context.tables.leases.find(id);
    if (lease == nullptr || !is_live(*lease)) continue;  // it ended with another of its gang
    if (lease->state == model::LeaseState::kept) {
      end_keeping(context, id, model::EndReason::provider_failed, std::min(context.now(), lease->kept_until));
    } else if (lease->state == model::LeaseState::matched) {
      fail_start(context, id, "the provider is lost");
    } else {
      end_lease(context, id, model::EndReason::provider_failed, std::min(context.now(), due_end(*lease)),
                "the provider is lost: no heartbeat for too long");
    }
  }
  return more;
}

void end_leases(Context& context, const model::AccountId& provider) {
  const bool more = end_leases_of_lost(context, provider, kLostLeasesAtOnce);
  set_watch(context, provider, Liveness::lost, more ? after_ms(context.now(), 1) : Time{});
}

}  // namespace

void sign_of_life(Context& context, const model::AccountId& id) {
  const auto& provider = context.tables.providers.change(id, [&](model::Provider& p) {
    p.downtime_ms += silence_ms(p, context.now(), context.params());
    p.last_heartbeat_at = context.now();
  });
  if (context.tables.watches.at(id).liveness == Liveness::reachable) return;
  set_watch(context, id, Liveness::reachable, silent_at(context, provider));
  if (provider.live_offers > 0) sweep_waiting(context, {});
}

void watch_due(Context& context, const model::AccountId& id) {
  const auto& provider = context.tables.providers.at(id);
  const Watch watch = context.tables.watches.at(id);
  if (watch.liveness == Liveness::lost) return end_leases(context, id);
  if (watch.liveness == Liveness::reachable) {
    const Time due = silent_at(context, provider);
    if (due > context.now()) return set_watch(context, id, Liveness::reachable, due);
  }
  const Time lost = lost_at(context, provider);
  if (lost > context.now()) return set_watch(context, id, Liveness::silent, lost);
  auto& event = context.emit(model::EventKind::provider_lost);
  event.account = id;
  end_leases(context, id);
}

}  // namespace hanse::ledger
