#pragma once

// What a block made happen, one flat record an event: what clients, agents and invoices follow.

#include <string>
#include <tuple>

#include "base/money.hpp"
#include "base/time.hpp"
#include "model/describe.hpp"
#include "model/ids.hpp"

namespace hanse::model {

enum class EventKind : std::uint8_t {
  none,
  transferred,  // account → counterparty, amount
  key_authorized,
  key_revoked,
  provider_registered,
  provider_updated,
  provider_lost,  // its leases end
  offer_posted,
  offer_updated,
  offer_withdrawn,
  request_waiting,
  request_matched,
  request_ended,
  lease_matched,
  lease_running,
  lease_topped_up,
  lease_extended,    // amount: locked in addition
  lease_ended,       // amount: refunded to the consumer; note: the end reason, of a kept one why that ended
  lease_released,    // amount: paid to the provider
  lease_closed,      // all money out; the lease moves to history
  bid_revealed,      // amount: the bid per GPU-hour
  lease_preempting,  // it ends in a while; note: when (its preempt_at)
  lease_repriced,    // amount: what an hour of it costs from now on
  auction_cleared,   // amount: the price of a GPU-hour; note: the class
  prices_moved,      // of a class; amount: its base price; note: the class, its index and base price
  lease_kept,        // its devices are free; amount: refunded to the consumer; note: the end reason of its run
};

struct Event {
  std::uint64_t sequence = 0;  ///< From 1, without gaps: the cursor.
  std::uint64_t height = 0;
  Time time;
  EventKind kind = EventKind::none;
  AccountId account;       ///< Whose doing or whose concern: the consumer of a request or lease.
  AccountId counterparty;  ///< The provider of a lease; the receiver of a transfer.
  OfferId offer;
  RequestId request;
  LeaseId lease;
  Money amount;
  std::string note;

  bool operator==(const Event&) const = default;
};

template <>
struct Names<EventKind> {
  static constexpr std::array<std::string_view, 26> names{"none",
                                                          "transferred",
                                                          "key_authorized",
                                                          "key_revoked",
                                                          "provider_registered",
                                                          "provider_updated",
                                                          "provider_lost",
                                                          "offer_posted",
                                                          "offer_updated",
                                                          "offer_withdrawn",
                                                          "request_waiting",
                                                          "request_matched",
                                                          "request_ended",
                                                          "lease_matched",
                                                          "lease_running",
                                                          "lease_topped_up",
                                                          "lease_extended",
                                                          "lease_ended",
                                                          "lease_released",
                                                          "lease_closed",
                                                          "bid_revealed",
                                                          "lease_preempting",
                                                          "lease_repriced",
                                                          "auction_cleared",
                                                          "prices_moved",
                                                          "lease_kept"};
};

template <>
struct Describe<Event> {
  static constexpr std::string_view name = "Event";
  static constexpr auto fields =
      std::tuple{field<1>("sequence", &Event::sequence), field<2>("height", &Event::height),
                 field<3>("time_ms", &Event::time),      field<4>("kind", &Event::kind),
                 field<5>("account", &Event::account),   field<6>("counterparty", &Event::counterparty),
                 field<7>("offer", &Event::offer),       field<8>("request", &Event::request),
                 field<9>("lease", &Event::lease),       field<10>("amount_micros", &Event::amount),
                 field<11>("note", &Event::note, 2048)};
};

}  // namespace hanse::model
