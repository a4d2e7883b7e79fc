#include "ledger/state.hpp"

#include "ledger/accrual.hpp"
#include "ledger/prices.hpp"
#include "ledger/spending.hpp"
#include "ledger/tables.hpp"

namespace hanse::ledger {
namespace {

/// A page of records from the ids after `after`; no ids, no records.
template <class Id, class TheTable>
auto page(const OrderedSet<Id>* ids, const TheTable& table, const Id& after, std::size_t limit) {
  std::vector<decltype(table.find(after))> out;
  if (ids == nullptr || limit == 0) return out;
  ids->for_each_after(after, [&](const Id& id) {
    out.push_back(&table.at(id));
    return out.size() < limit;
  });
  return out;
}

}  // namespace

const std::string& State::network() const {
  return tables_->network;
}
const model::Params& State::params() const {
  return tables_->params;
}
std::uint64_t State::height() const {
  return tables_->head.height;
}
Time State::time() const {
  return tables_->head.time;
}
Hash State::app_hash() const {
  return tables_->app_hash;
}
Money State::issued() const {
  return tables_->head.issued;
}
Money State::treasury() const {
  return tables_->head.treasury;
}
std::uint64_t State::last_event_sequence() const {
  return tables_->head.last_event_sequence;
}
std::optional<Time> State::next_timer() const {
  return tables_->next_timer();
}

const model::Account* State::account(const model::AccountId& id) const {
  return tables_->accounts.find(id);
}
const model::Provider* State::provider(const model::AccountId& id) const {
  return tables_->providers.find(id);
}
const model::Offer* State::offer(model::OfferId id) const {
  return tables_->offers.find(id);
}
const model::Request* State::request(model::RequestId id) const {
  return tables_->requests.find(id);
}
const model::Lease* State::lease(model::LeaseId id) const {
  return tables_->leases.find(id);
}

const model::Auction* State::auction(model::ClassId id) const {
  return tables_->auctions.find(id);
}

std::vector<const model::Auction*> State::auctions() const {
  std::vector<const model::Auction*> out;
  for (const auto id : tables_->auctions.sorted_keys()) out.push_back(&tables_->auctions.at(id));
  std::sort(out.begin(), out.end(), [](const auto* a, const auto* b) { return a->price_class < b->price_class; });
  return out;
}

std::vector<model::KeyGrant> State::grants_of(const model::AccountId& owner) const {
  std::vector<model::KeyGrant> out;
  const auto& keys = tables_->grants.index.by_owner;
  for (auto key = keys.lower_bound({owner, {}}); key != keys.end() && key->owner == owner; ++key) {
    out.push_back(tables_->grants.at(*key));
  }
  return out;
}

std::vector<const model::Provider*> State::providers(const model::AccountId& after, std::size_t limit) const {
  return page(&tables_->providers.index.all, tables_->providers, after, limit);
}

std::vector<const model::Offer*> State::offers(const model::AccountId& provider, model::OfferId after,
                                               std::size_t limit) const {
  const auto& index = tables_->offers.index;
  return page(provider.is_zero() ? &index.all : index.by_provider.find(provider), tables_->offers, after, limit);
}

std::vector<const model::Request*> State::requests(const model::AccountId& consumer, model::RequestId after,
                                                   std::size_t limit) const {
  const auto& index = tables_->requests.index;
  return page(consumer.is_zero() ? &index.all : index.by_consumer.find(consumer), tables_->requests, after, limit);
}

std::vector<const model::Lease*> State::leases_of_consumer(const model::AccountId& consumer, model::LeaseId after,
                                                           std::size_t limit) const {
  const auto& index = tables_->leases.index;
  return page(consumer.is_zero() ? &index.all : index.by_consumer.find(consumer), tables_->leases, after, limit);
}

std::vector<const model::Lease*> State::leases_of_provider(const model::AccountId& provider, model::LeaseId after,
                                                           std::size_t limit) const {
  const auto& index = tables_->leases.index;
  return page(provider.is_zero() ? &index.all : index.by_provider.find(provider), tables_->leases, after, limit);
}

State::Incentive State::incentive(const model::AccountId& account, Time now) const {
  Incentive out;
  out.spent = spent_lately(*tables_, account, now);
  if (const auto* tier = tier_of(tables_->params, out.spent)) out.fee_discount_bps = tier->discount_bps;
  if (const auto* next = tier_above(tables_->params, out.spent)) out.next = *next;
  return out;
}

State::Counts State::counts() const {
  return {tables_->accounts.size(), tables_->providers.size(), tables_->offers.size(), tables_->requests.size(),
          tables_->leases.size()};
}

State::Accrual State::accrual(const model::Lease& lease, Time now) const {
  if (lease.state == model::LeaseState::matched) return {0, Money{}, Money{}};
  const auto of_past = [&](Money keeping) {
    return Accrual{lease.billed_s, Money{run_cost(lease).micros + keeping.micros}, keeping};
  };
  if (lease.state == model::LeaseState::ended) return of_past(lease.keep_reserve);
  const auto* provider = tables_->providers.find(lease.provider);
  if (provider == nullptr) return {0, Money{}, Money{}};
  if (lease.state == model::LeaseState::kept) {
    const Time at = std::min(now, lease.kept_until);
    return of_past(keep_cost(lease, *provider, at, tables_->params));
  }
  const std::int64_t seconds = delivered_s(lease, *provider, std::min(now, due_end(lease)), tables_->params);
  return {seconds, price_of(lease, seconds), Money{}};
}

bool State::is_reachable(const model::Provider& provider, Time now) const {
  return silence_ms(provider, now, tables_->params) == 0;
}

const model::ClassPrices* State::class_prices(model::ClassId id) const {
  return tables_->classes.find(id);
}

std::vector<const model::ClassPrices*> State::classes(const std::string& after, std::size_t limit) const {
  std::vector<const model::ClassPrices*> out;
  const auto& names = tables_->classes.index.names;
  for (auto it = names.upper_bound(after); it != names.end() && out.size() < limit; ++it) {
    out.push_back(&tables_->classes.at(model::id_of_class(*it)));
  }
  return out;
}

std::vector<model::PricePoint> State::price_history(model::ClassId id, std::uint64_t from_hour) const {
  std::vector<model::PricePoint> out;
  const std::uint64_t now = hour_of(time());
  for (std::uint64_t hour = std::max(from_hour, now - std::min(now, model::kPriceHistoryHours)); hour <= now; ++hour) {
    if (const auto* point = tables_->points.find({id, hour})) out.push_back(*point);
  }
  return out;
}

}  // namespace hanse::ledger
