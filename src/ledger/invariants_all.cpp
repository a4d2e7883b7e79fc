#include <bit>
#include <map>

#include "ledger/invariants.hpp"
#include "ledger/invariants_detail.hpp"
#include "ledger/prices.hpp"
#include "ledger/spending.hpp"

namespace hanse::ledger {
namespace {

/// What the leases of one offer add up to.
struct Use {
  std::uint64_t devices = 0;
  std::uint64_t disk_bytes = 0;
};
struct Counts {
  std::uint64_t leases = 0;
  std::uint64_t offers = 0;
};

Result<> check_leases(const Tables& tables, std::int64_t& money, std::map<model::OfferId, Use>& used,
                      std::map<model::AccountId, Counts>& counts) {
  const auto& index = tables.leases.index;
  for (const auto id : tables.leases.sorted_keys()) {
    const auto& lease = tables.leases.at(id);
    if (auto checked = check_lease(tables, lease); !checked) return checked;
    money += escrow(lease).micros;
    const auto* consumers = index.by_consumer.find(lease.consumer);
    const auto* providers = index.by_provider.find(lease.provider);
    if (!index.all.contains(id) || consumers == nullptr || !consumers->contains(id) || providers == nullptr ||
        !providers->contains(id) || id.value >= tables.head.next_lease) {
      return broken(model::format_id(id) + " is missing in an index");
    }
    if (index.spot.contains({lease.offer, id}) != (holds_devices(lease) && is_spot(lease))) {
      return broken(model::format_id(id) + " is not where spot leases are");
    }
    if (!is_live(lease)) continue;
    auto& use = used[lease.offer];
    const std::uint64_t devices = holds_devices(lease) ? lease.devices : 0;
    if ((use.devices & devices) != 0) return broken("a device is leased twice: " + model::format_id(id));
    use.devices |= devices;
    use.disk_bytes += lease.disk_bytes;
    ++counts[lease.provider].leases;
  }
  return index.all.size() == tables.leases.size() ? Result<>{} : broken("the index of leases holds others");
}

Result<> check_offers(const Tables& tables, const market::Book& book, const market::Book& spot_book,
                      std::map<model::OfferId, Use>& used, std::map<model::AccountId, Counts>& counts) {
  std::size_t open = 0, spot = 0;
  for (const auto id : tables.offers.sorted_keys()) {
    const auto& offer = tables.offers.at(id);
    if (auto checked = check_offer(offer); !checked) return checked;
    const Use use = used[id];
    if (offer.leased_devices != use.devices || offer.leased_disk_bytes != use.disk_bytes) {
      return broken(model::format_id(id) + "'s leased devices or disk are not those of its leases");
    }
    if (!tables.providers.find(offer.provider)) return broken(model::format_id(id) + "'s provider is not there");
    const auto& index = tables.offers.index;
    const auto* own = index.by_provider.find(offer.provider);
    if (!index.all.contains(id) || own == nullptr || !own->contains(id) ||
        !index.machines.contains({offer.provider, offer.machine.name}) || id.value >= tables.head.next_offer) {
      return broken(model::format_id(id) + " is missing in an index");
    }
    ++counts[offer.provider].offers;
    if (offer.state == model::OfferState::open) ++open;
    if (!is_spot(offer)) continue;
    ++spot;
    const auto found = index.spot_classes.find(model::id_of(model::class_of(offer.machine)).value);
    if (found == index.spot_classes.end() || !found->second.contains(id)) {
      return broken(model::format_id(id) + " is missing in its class");
    }
  }
  if (used.size() > tables.offers.size() || tables.offers.index.all.size() != tables.offers.size() ||
      tables.offers.index.machines.size() != tables.offers.size()) {
    return broken("the index of offers holds others");
  }
  std::size_t listed = 0;
  for (const auto& [key, offers] : tables.offers.index.spot_classes) listed += offers.size();
  if (listed != spot || spot != spot_book.size()) return broken("other offers are for rent on spot than say so");
  return open == book.size() ? Result<>{} : broken("the book holds other offers than are open");
}

Result<> check_requests(const Tables& tables, std::int64_t& money) {
  const auto& index = tables.requests.index;
  std::size_t waiting = 0, won = 0;
  for (const auto id : tables.requests.sorted_keys()) {
    const auto& request = tables.requests.at(id);
    if (auto checked = check_request(tables, request); !checked) return checked;
    const auto* own = index.by_consumer.find(request.consumer);
    if (!index.all.contains(id) || own == nullptr || !own->contains(id) || id.value >= tables.head.next_request) {
      return broken(model::format_id(id) + " is missing in an index");
    }
    if (request.state == model::RequestState::waiting) ++waiting;
    if (request.won) ++won;
    money += request.held.micros;
  }
  if (index.waiting.size() + index.bidding.size() != waiting || index.won.size() != won ||
      index.all.size() != tables.requests.size()) {
    return broken("the index of requests holds others");
  }
  for (const auto id : tables.former_prices.sorted_keys()) {
    if (auto former = check_former_prices(tables, tables.former_prices.at(id)); !former) return former;
  }
  const std::size_t timers =
      tables.leases.size() + waiting + tables.sweeps.size() + tables.former_prices.size() + tables.classes.size();
  return tables.timers.size() == timers ? Result<>{} : broken("there are timers of nothing");
}

Result<> check_providers(const Tables& tables, std::map<model::AccountId, Counts>& counts) {
  std::size_t due = 0;
  for (const auto& id : tables.providers.sorted_keys()) {
    const auto& provider = tables.providers.at(id);
    const auto* watch = tables.watches.find(id);
    if (watch == nullptr) return broken("a provider has no watch");
    if (watch->due.ms == 0 && (watch->liveness != Liveness::lost || provider.live_leases != 0)) {
      return broken("nobody watches a provider that has leases");
    }
    if (watch->due.ms != 0) ++due;
    if (!tables.providers.index.all.contains(id)) return broken("a provider is missing in the index");
    if (provider.live_leases != counts[id].leases || provider.live_offers != counts[id].offers) {
      return broken("a provider's counts are not those of its leases and offers");
    }
  }
  const bool same = tables.watches.size() == tables.providers.size() && tables.watches.index.due.size() == due &&
                    tables.providers.index.all.size() == tables.providers.size();
  return same ? Result<>{} : broken("there are watches of nobody");
}

Result<> check_grants(const Tables& tables) {
  for (const auto& key : tables.grants.sorted_keys()) {
    const auto& grant = tables.grants.at(key);
    if (grant.spent > grant.spend_limit || !is_valid(grant.spent)) return broken("an authorised key overspent");
  }
  return tables.grants.index.by_owner.size() == tables.grants.size() ? Result<>{}
                                                                     : broken("the index of grants holds others");
}

/// That each class has what its offers add up to, and remembers no more than it may.
Result<> check_prices(const Tables& tables, const market::Book& book) {
  std::map<std::string, market::Capacity> capacities;
  std::size_t following = 0;
  for (const auto& id : tables.offers.sorted_keys()) {
    const auto& offer = tables.offers.at(id);
    if (offer.state != model::OfferState::open) continue;
    following += follows(offer) ? 1 : 0;
    auto& capacity = capacities[model::format_class(model::class_of(offer.machine))];
    ++capacity.offers;
    if (tables.watches.at(offer.provider).liveness != Liveness::reachable) continue;
    capacity.gpus += offer.machine.gpu_count;
    capacity.leased += static_cast<std::uint64_t>(std::popcount(offer.leased_devices));
  }
  for (const auto& [name, capacity] : capacities) {
    if (book.capacity(*model::parse_class(name)) != capacity) return broken("a class's capacity is not its offers'");
  }
  for (const auto& [id, offers] : tables.offers.index.following) following -= offers.size();
  if (following != 0) return broken("the index of offers that follow their class holds others");
  for (const auto& id : tables.classes.sorted_keys()) {
    if (!is_whole(tables.classes.at(id))) return broken("a class's prices are out of range");
  }
  for (const auto& key : tables.trades.sorted_keys()) {
    const auto& trade = tables.trades.at(key);
    if (trade.slot >= model::kTradeSlots || !is_valid(trade.price) || trade.price.micros == 0 ||
        tables.classes.find(trade.price_class) == nullptr) {
      return broken("a trade is out of range");
    }
  }
  return tables.classes.index.names.size() == tables.classes.size() ? Result<>{}
                                                                    : broken("the index of classes holds others");
}

}  // namespace

Result<> check_all(const Tables& tables, const market::Book& book, const market::Book& spot_book) {
  std::int64_t money = tables.head.treasury.micros;
  for (const auto& id : tables.accounts.sorted_keys()) {
    const auto& account = tables.accounts.at(id);
    if (!is_valid(account.balance)) return broken("a balance is out of range");
    money += account.balance.micros;
  }
  std::map<model::OfferId, Use> used;
  std::map<model::AccountId, Counts> counts;
  if (auto leases = check_leases(tables, money, used, counts); !leases) return leases;
  if (auto requests = check_requests(tables, money); !requests) return requests;
  if (money != tables.head.issued.micros) {
    return broken("there are " + std::to_string(money) + " micro-credits where " +
                  std::to_string(tables.head.issued.micros) + " were issued");
  }
  if (auto offers = check_offers(tables, book, spot_book, used, counts); !offers) return offers;
  if (auto providers = check_providers(tables, counts); !providers) return providers;
  if (!tables.params.fee_tiers.empty() || tables.spending.size() == 0) {
    for (const auto& id : tables.spending.sorted_keys()) {
      if (!is_whole(tables.spending.at(id))) return broken("an account's spending is out of range");
    }
  } else {
    return broken("spending is on record though no tier asks for it");
  }
  if (auto due = check_next_auction(tables); !due) return due;
  if (auto prices = check_prices(tables, book); !prices) return prices;
  return check_grants(tables);
}

}  // namespace hanse::ledger
