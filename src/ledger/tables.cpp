#include "ledger/tables.hpp"

namespace hanse::ledger {

Tables::Tables() {
  requests.index.timers = &timers;
  leases.index.timers = &timers;
  sweeps.index.timers = &timers;
  former_prices.index.timers = &timers;
  classes.index.timers = &timers;
}

void Tables::begin_block() {
  for_each_table([](auto& table) { table.begin_block(); });
}

void Tables::begin() {
  head_before_ = head;
  for_each_table([](auto& table) { table.begin(); });
}

void Tables::commit() {
  for_each_table([](auto& table) { table.commit(); });
}

void Tables::rollback() {
  head = head_before_;
  for_each_table([](auto& table) { table.rollback(); });
}

std::optional<Time> Tables::next_timer() const {
  std::optional<Time> next;
  if (const Timer* timer = timers.first()) next = timer->at;
  if (const auto* watch = watches.index.due.first(); watch != nullptr && (!next || watch->first < *next)) {
    next = watch->first;
  }
  if (head.auction_due.ms != 0 && (!next || head.auction_due < *next)) next = head.auction_due;
  return next;
}

}  // namespace hanse::ledger
