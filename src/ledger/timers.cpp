#include "ledger/timers.hpp"

#include "ledger/accrual.hpp"
#include "ledger/auctions.hpp"
#include "ledger/leases.hpp"
#include "ledger/prices.hpp"
#include "ledger/providers.hpp"
#include "ledger/quotes.hpp"
#include "ledger/requests.hpp"

namespace hanse::ledger {
namespace {

void start_due(Context& context, model::LeaseId id) {
  const auto& lease = context.tables.leases.at(id);
  const auto patience_s = static_cast<std::int64_t>(context.params().start_deadline_s);
  const Time resumed = context.tables.head.resumed_at;
  const Time grace = after_s(resumed, patience_s);
  const bool first_time = lease.start_deadline == after_s(lease.matched_at, patience_s);
  if (first_time && resumed > lease.matched_at && grace > context.now()) {
    // The network stood still, so the provider could not have confirmed. Once only, or money could stay locked.
    context.tables.leases.change(id, [&](model::Lease& l) { l.start_deadline = grace; });
    return;
  }
  fail_start(context, id, "the provider did not confirm it before the start deadline");
}

void end_due(Context& context, model::LeaseId id) {
  const auto& lease = context.tables.leases.at(id);
  const auto& provider = context.tables.providers.at(lease.provider);
  if (lease.preempt_at.ms != 0 && lease.preempt_at <= lease.ends_at) {
    return end_run(context, id, model::EndReason::preempted, lease.preempt_at, "others pay more for its place");
  }
  const std::int64_t downtime = downtime_ms(lease, provider, lease.ends_at, context.params());
  const Time end = end_of(lease, downtime);
  if (end > lease.ends_at) {
    // There was downtime that nobody pays for: the money lasts longer.
    context.tables.leases.change(id, [&](model::Lease& l) { l.ends_at = end; });
    return;
  }
  const bool by_money = is_bounded_by_money(lease, downtime);
  end_run(context, id, by_money ? model::EndReason::exhausted : model::EndReason::completed, lease.ends_at,
          by_money ? "its money is used up" : "its duration is over");
}

void sweep_due(Context& context, model::OfferId id) {
  const Sweep sweep = context.tables.sweeps.erase(id);
  sweep_waiting(context, sweep.offer, sweep.from);
}

}  // namespace

bool fire_next_timer(Context& context) {
  const Timer* timer = context.tables.timers.first();
  const auto* watch = context.tables.watches.index.due.first();
  const Time auction = context.tables.head.auction_due;
  const auto comes_first = [&](Time at) { return watch == nullptr || at <= watch->first; };
  if (timer != nullptr && comes_first(timer->at) && (auction.ms == 0 || timer->at <= auction)) {
    if (timer->at > context.now()) return false;
    const Timer due = *timer;
    switch (due.kind) {
      case TimerKind::lease_start:
        start_due(context, {due.id});
        break;
      case TimerKind::lease_end:
        end_due(context, {due.id});
        break;
      case TimerKind::lease_keep:
        end_keeping(context, {due.id}, model::EndReason::completed, due.at);
        break;
      case TimerKind::lease_release:
        settle_lease(context, {due.id});
        break;
      case TimerKind::request_expiry:
        end_request(context, {due.id}, "nothing that fits came up in time");
        break;
      case TimerKind::sweep:
        sweep_due(context, {due.id});
        break;
      case TimerKind::former_prices:
        forget_prices(context, {due.id});
        break;
      case TimerKind::price_class:
        class_due(context, {due.id});
        break;
    }
    return true;
  }
  if (auction.ms != 0 && comes_first(auction)) {
    if (auction > context.now()) return false;
    hold_auction(context);
    return true;
  }
  if (watch == nullptr || watch->first > context.now()) return false;
  watch_due(context, model::AccountId(watch->second));
  return true;
}

}  // namespace hanse::ledger
