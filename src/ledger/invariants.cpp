#include "ledger/invariants.hpp"

#include <boost/container/small_vector.hpp>

#include "ledger/invariants_detail.hpp"
#include "ledger/prices.hpp"
#include "ledger/spending.hpp"

namespace hanse::ledger {
namespace {

/// What the transaction's leases did to one offer, or to one provider.
template <class Key>
struct Delta {
  Key key;
  std::uint64_t freed = 0;
  std::uint64_t taken = 0;
  std::int64_t disk = 0;
  std::int64_t live = 0;
};
template <class Key>
using Deltas = boost::container::small_vector<Delta<Key>, 4>;  // searched from the back, where the last one is

template <class Key>
Delta<Key>& delta_of(Deltas<Key>& deltas, const Key& key) {
  for (auto delta = deltas.rbegin(); delta != deltas.rend(); ++delta) {
    if (delta->key == key) return *delta;
  }
  deltas.push_back(Delta<Key>{key});
  return deltas.back();
}

struct Touched {
  std::int64_t money = 0;  // how much more there is than before
  Deltas<model::OfferId> offers;
  Deltas<model::AccountId> providers;
};

void add_lease(Touched& touched, const model::Lease& lease, bool after) {
  const std::int64_t sign = after ? 1 : -1;
  touched.money += sign * escrow(lease).micros;
  if (!is_live(lease)) return;
  delta_of(touched.providers, lease.provider).live += sign;
  auto& offer = delta_of(touched.offers, lease.offer);
  if (holds_devices(lease)) (after ? offer.taken : offer.freed) |= lease.devices;
  offer.disk += sign * static_cast<std::int64_t>(lease.disk_bytes);
}

Result<> check_leases(const Tables& tables, Touched& touched) {
  Result<> result;
  tables.leases.for_each_touched([&](const model::Lease* before, const model::Lease* after) {
    // All that leave are counted before any that enter: a device may pass from one lease to another.
    if (before != nullptr) add_lease(touched, *before, false);
    if (after != nullptr && result) result = check_lease(tables, *after);
  });
  tables.leases.for_each_touched([&](const model::Lease*, const model::Lease* after) {
    if (after == nullptr || !result) return;
    if (holds_devices(*after) && (delta_of(touched.offers, after->offer).taken & after->devices) != 0) {
      result = broken("a device is leased twice: " + model::format_id(after->id));
    }
    add_lease(touched, *after, true);
  });
  return result;
}

Result<> check_offers(const Tables& tables, Touched& touched) {
  Result<> result;
  tables.offers.for_each_touched([&](const model::Offer* before, const model::Offer* after) {
    if (!result) return;
    const auto id = before != nullptr ? before->id : after != nullptr ? after->id : model::OfferId{};
    if (!id) return;
    auto& delta = delta_of(touched.offers, id);
    const std::uint64_t old_devices = before != nullptr ? before->leased_devices : 0;
    const std::uint64_t kept = old_devices & ~delta.freed;
    const std::uint64_t expected = kept | delta.taken;
    const std::int64_t disk =
        (before != nullptr ? static_cast<std::int64_t>(before->leased_disk_bytes) : 0) + delta.disk;
    const bool right = (old_devices & delta.freed) == delta.freed && (kept & delta.taken) == 0 &&
                       (after != nullptr ? after->leased_devices : 0) == expected &&
                       (after != nullptr ? static_cast<std::int64_t>(after->leased_disk_bytes) : 0) == disk;
    if (!right) result = broken(model::format_id(id) + "'s leased devices or disk are not those of its leases");
    if (result && after != nullptr) result = check_offer(*after);
    const bool is_open = after != nullptr && after->state == model::OfferState::open;
    if (result && !is_open && tables.former_prices.find(id) != nullptr) {
      result = broken(model::format_id(id) + " is withdrawn and its former prices are not");
    }
    delta = {id};  // accounted for
  });
  for (const auto& delta : touched.offers) {
    if (result && (delta.freed != delta.taken || delta.disk != 0)) {
      result = broken(model::format_id(delta.key) + " did not follow its leases");
    }
  }
  return result;
}

Result<> check_providers(const Tables& tables, Touched& touched) {
  Result<> result;
  tables.offers.for_each_touched([&](const model::Offer* before, const model::Offer* after) {
    const auto* offer = before != nullptr ? before : after;
    const bool changed = (before == nullptr) != (after == nullptr);
    if (changed) delta_of(touched.providers, offer->provider).disk += after != nullptr ? 1 : -1;  // offers, here
  });
  tables.providers.for_each_touched([&](const model::Provider* before, const model::Provider* after) {
    if (after == nullptr || !result) return;
    auto& delta = delta_of(touched.providers, after->account);
    const auto leases = after->live_leases - (before != nullptr ? before->live_leases : 0);
    const auto offers = after->live_offers - (before != nullptr ? before->live_offers : 0);
    if (static_cast<std::int64_t>(leases) != delta.live || static_cast<std::int64_t>(offers) != delta.disk) {
      result = broken("a provider's counts do not follow its leases and offers");
    }
    if (!tables.watches.find(after->account)) result = broken("a provider has no watch");
    delta = {after->account};
  });
  for (const auto& delta : touched.providers) {
    if (result && (delta.live != 0 || delta.disk != 0)) result = broken("a provider did not follow its leases");
  }
  return result;
}

}  // namespace

Result<> check_touched(const Tables& tables) {
  Touched touched;
  Result<> result;
  tables.accounts.for_each_touched([&](const model::Account* before, const model::Account* after) {
    touched.money += (after != nullptr ? after->balance.micros : 0) - (before != nullptr ? before->balance.micros : 0);
    if (after != nullptr && !is_valid(after->balance)) result = broken("a balance is out of range");
  });
  touched.money += tables.head.treasury.micros - tables.head_before().treasury.micros;
  if (!result) return result;
  if (auto leases = check_leases(tables, touched); !leases) return leases;
  tables.requests.for_each_touched([&](const model::Request* before, const model::Request* after) {
    touched.money += (after != nullptr ? after->held.micros : 0) - (before != nullptr ? before->held.micros : 0);
    if (after != nullptr && result) result = check_request(tables, *after);
  });
  if (!result) return result;
  if (touched.money != tables.head.issued.micros - tables.head_before().issued.micros) {
    return broken("money was made or lost: " + std::to_string(touched.money) + " micro-credits");
  }
  if (auto offers = check_offers(tables, touched); !offers) return offers;
  if (auto providers = check_providers(tables, touched); !providers) return providers;
  tables.former_prices.for_each_touched([&](const model::FormerPrices*, const model::FormerPrices* after) {
    if (after != nullptr && result) result = check_former_prices(tables, *after);
  });
  tables.spending.for_each_touched([&](const model::Spending*, const model::Spending* after) {
    if (after != nullptr && !is_whole(*after)) result = broken("an account's spending is out of range");
  });
  tables.classes.for_each_touched([&](const model::ClassPrices*, const model::ClassPrices* after) {
    if (after != nullptr && !is_whole(*after)) result = broken("a class's prices are out of range");
  });
  return result ? check_next_auction(tables) : result;
}

}  // namespace hanse::ledger
