#include "ledger/context.hpp"

#include "base/check.hpp"
#include "model/text.hpp"

namespace hanse::ledger {

HeldOnSpot held_on_spot(const Tables& tables, model::OfferId offer) {
  HeldOnSpot out;
  tables.leases.index.spot.for_each_after({offer, {}}, [&](const auto& held) {
    if (held.first != offer) return false;
    const auto& lease = tables.leases.at(held.second);
    if (lease.preempt_at.ms != 0) {
      out.someone_leaves = true;
      return true;
    }
    out.leases.push_back(lease.id);
    out.devices |= lease.devices;
    out.disk_bytes += lease.disk_bytes;
    return true;
  });
  return out;
}

void Context::reset(const model::AccountId& for_whom) {
  account = for_whom;
  grant.reset();
  events.clear();
  archived.clear();
  touched_offers.clear();
  touched_providers.clear();
}

model::Event& Context::emit(model::EventKind kind) {
  events.emplace_back();
  events.back().kind = kind;
  return events.back();
}

Result<> Context::spend(Money amount, std::string_view what_for) {
  HANSE_CHECK(is_valid(amount));
  if (grant) {
    const auto& record = tables.grants.at(*grant);
    const auto spent = add(record.spent, amount);
    if (!spent || *spent > record.spend_limit) {
      return fail(ErrorCode::spend_limit, "this key may spend " + model::format_money(record.spend_limit) +
                                              " credits in all and has spent " + model::format_money(record.spent) +
                                              "; " + std::string(what_for) + " takes " + model::format_money(amount) +
                                              ": sign with the account's own key, or authorise it for more");
    }
    if (amount.micros > 0) tables.grants.change(*grant, [&](model::KeyGrant& g) { g.spent = *spent; });
  }
  if (debit(account, amount)) return {};
  const auto* owner = tables.accounts.find(account);
  return fail(ErrorCode::insufficient_funds,
              std::string(what_for) + " takes " + model::format_money(amount) + " credits and the account holds " +
                  model::format_money(owner ? owner->balance : Money{}) + ": add the difference first");
}

bool Context::debit(const model::AccountId& from, Money amount) {
  if (amount.micros == 0) return true;
  const auto* record = tables.accounts.find(from);
  if (record == nullptr || record->balance < amount) return false;
  tables.accounts.change(from, [&](model::Account& a) { a.balance.micros -= amount.micros; });
  return true;
}

void Context::credit(const model::AccountId& to, Money amount) {
  if (amount.micros == 0) return;
  if (!tables.accounts.find(to)) {
    tables.accounts.insert({to, amount});
    return;
  }
  tables.accounts.change(to, [&](model::Account& a) {
    const auto sum = add(a.balance, amount);
    HANSE_CHECK(sum.has_value());  // all balances together are at most what was issued, which is valid money
    a.balance = *sum;
  });
}

void Context::offer_changed(model::OfferId id) {
  touched_offers.push_back(id);
  const auto* offer = tables.offers.find(id);
  spot_changed(id, offer);
  if (offer == nullptr || offer->state != model::OfferState::open) return book.erase(id);
  book.put(*offer, tables.providers.at(offer->provider));
}

void Context::offer_leased(model::OfferId id) {
  touched_offers.push_back(id);
  const auto& offer = tables.offers.at(id);
  if (offer.state != model::OfferState::open) return;
  if (is_spot(offer)) spot_changed(id, &offer);
  book.set_leased(offer);
}

void Context::offer_repriced(model::OfferId id) {
  touched_offers.push_back(id);
  const auto& offer = tables.offers.at(id);
  spot_changed(id, &offer);
  if (offer.state == model::OfferState::open) book.set_prices(offer);
}

void Context::spot_changed(model::OfferId id, const model::Offer* offer) {
  if (offer == nullptr || !is_spot(*offer)) {
    if (spot_book.size() > 0) spot_book.erase(id);
    return;
  }
  const auto& provider = tables.providers.at(offer->provider);
  const auto held = held_on_spot(tables, id);
  if (held.devices == 0) return spot_book.put(*offer, provider);
  auto without = *offer;
  without.leased_devices &= ~held.devices;
  without.leased_disk_bytes -= held.disk_bytes;
  spot_book.put(without, provider);
}

void Context::provider_changed(const model::AccountId& id) {
  touched_providers.push_back(id);
  const auto* provider = tables.providers.find(id);
  if (provider == nullptr) return;
  book.update(*provider);
  if (spot_book.size() > 0) spot_book.update(*provider);
}

void Context::liveness_changed(const model::AccountId& id) {
  touched_providers.push_back(id);
  const auto* watch = tables.watches.find(id);
  if (watch == nullptr) return;
  book.set_reachable(id, watch->liveness == Liveness::reachable);
  spot_book.set_reachable(id, watch->liveness == Liveness::reachable);
}

void Context::load_books() {
  for (const auto id : tables.offers.sorted_keys()) offer_changed(id);
  for (const auto& id : tables.watches.sorted_keys()) liveness_changed(id);
  reset({});
}

void Context::restore_book() {
  const auto offers = std::exchange(touched_offers, {});
  const auto providers = std::exchange(touched_providers, {});
  for (const auto id : offers) offer_changed(id);
  for (const auto& id : providers) {
    provider_changed(id);
    liveness_changed(id);
  }
}

}  // namespace hanse::ledger
