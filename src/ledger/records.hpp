#pragma once

// Records that only the ledger has, and the key of every record that it keeps.

#include "base/time.hpp"
#include "model/account.hpp"
#include "model/lease.hpp"
#include "model/offer.hpp"
#include "model/price_class.hpp"
#include "model/prices.hpp"
#include "model/spot.hpp"

namespace hanse::ledger {

/// Counters and totals: one record, changed by nearly every block.
struct Head {
  std::uint64_t height = 0;
  Time time;
  Time resumed_at;  ///< Block time at which the network last came back after standing still; 0: never stood still.
  std::uint64_t next_offer = 1;
  std::uint64_t next_request = 1;
  std::uint64_t next_lease = 1;
  std::uint64_t last_event_sequence = 0;
  Money issued;
  Money treasury;
  Time auction_at;                   ///< The next spot auction, or the one being held; 0: nobody bids.
  Time auction_due;                  ///< When its next class is cleared; 0: nobody bids.
  std::uint64_t auction_cursor = 0;  ///< The class that was cleared last in this auction; 0: none yet.

  bool operator==(const Head&) const = default;
};

struct GrantKey {
  model::AccountId owner;
  crypto::PublicKey key;

  auto operator<=>(const GrantKey&) const = default;
  bool operator==(const GrantKey&) const = default;
};

enum class Liveness : std::uint8_t { reachable, silent, lost };

/// What the ledger awaits of a provider: one a provider, moved lazily, so that a heartbeat costs no timer.
///   reachable: at `due`, see whether heartbeats stopped      silent: at `due`, see whether it is lost
///   lost: at `due`, end the next of its leases; due 0: none are left
struct Watch {
  model::AccountId provider;
  Liveness liveness = Liveness::reachable;
  Time due;

  bool operator==(const Watch&) const = default;
};

/// Waiting requests younger than `from` are still to be tried on the offer (0: on all offers).
struct Sweep {
  model::OfferId offer;
  model::RequestId from;
  Time due;

  bool operator==(const Sweep&) const = default;
};

/// What a class has many of: trades by slot, price points by hour.
struct ClassKey {
  model::ClassId price_class;
  std::uint64_t number = 0;

  auto operator<=>(const ClassKey&) const = default;
  bool operator==(const ClassKey&) const = default;
};

inline model::ClassId key_of(const model::ClassPrices& record) {
  return model::id_of_class(record.price_class);
}
inline ClassKey key_of(const model::Trade& record) {
  return {record.price_class, record.slot};
}
inline ClassKey key_of(const model::PricePoint& record) {
  return {record.price_class, record.hour};
}
inline model::AccountId key_of(const model::Account& record) {
  return record.id;
}
inline model::AccountId key_of(const model::Spending& record) {
  return record.account;
}
inline GrantKey key_of(const model::KeyGrant& record) {
  return {record.owner, record.key};
}
inline model::AccountId key_of(const model::Provider& record) {
  return record.account;
}
inline model::OfferId key_of(const model::Offer& record) {
  return record.id;
}
inline model::RequestId key_of(const model::Request& record) {
  return record.id;
}
inline model::LeaseId key_of(const model::Lease& record) {
  return record.id;
}
inline model::AccountId key_of(const Watch& record) {
  return record.provider;
}
inline model::OfferId key_of(const Sweep& record) {
  return record.offer;
}
inline model::ClassId key_of(const model::Auction& record) {
  return model::id_of_class(record.price_class);
}
inline model::OfferId key_of(const model::FormerPrices& record) {
  return record.offer;
}

[[nodiscard]] inline bool is_spot(const model::Request& request) {
  return request.demand.mode == model::Mode::spot;
}
[[nodiscard]] inline bool is_spot(const model::Lease& lease) {
  return lease.mode == model::Mode::spot;
}
/// Open, and for rent on spot.
[[nodiscard]] inline bool is_spot(const model::Offer& offer) {
  return offer.prices.spot_floor_per_gpu_hour.micros != 0 && offer.state == model::OfferState::open;
}

/// Open, and its price follows a figure of its class.
[[nodiscard]] inline bool follows(const model::Offer& offer) {
  return offer.prices.rule != model::PriceRule::fixed && offer.state == model::OfferState::open;
}

[[nodiscard]] inline bool is_live(const model::Lease& lease) {
  return lease.state != model::LeaseState::ended;
}

}  // namespace hanse::ledger
