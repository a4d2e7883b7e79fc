#include "market/rows.hpp"

#include <algorithm>
#include <bit>

#include "base/check.hpp"
#include "market/codes.hpp"
#include "model/text.hpp"

namespace hanse::market {
std::uint16_t country_number(const std::string& code) {
  if (code.size() != 2) return kNoCountry;
  unsigned number = 0;
  for (const char c : code) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    if (lower < 'a' || lower > 'z') return kNoCountry;
    number = number * 26 + static_cast<unsigned>(lower - 'a');
  }
  return static_cast<std::uint16_t>(number);
}

std::string country_code(std::uint16_t number) {
  if (number >= kNoCountry) return {};
  return {static_cast<char>('A' + number / 26), static_cast<char>('A' + number % 26)};
}

std::uint32_t Rows::find(model::OfferId id) const {
  const auto it = slots_.find(id.value);
  return it == slots_.end() ? kNoSlot : it->second;
}

std::uint32_t Rows::seller_of(const model::AccountId& account) {
  const auto [it, added] = seller_numbers_.try_emplace(account, static_cast<std::uint32_t>(sellers.size()));
  if (added) {
    Seller seller;
    seller.account = account;
    seller.address = model::format_address(account);
    sellers.push_back(std::move(seller));
    standings.emplace_back();
  }
  return it->second;
}

std::vector<std::uint32_t> Rows::sellers_called(const std::string& text) const {
  std::vector<std::uint32_t> out;
  for (auto it = seller_names_.lower_bound({text, 0}); it != seller_names_.end() && it->first == text; ++it) {
    out.push_back(it->second);
  }
  const auto account = model::parse_address(text);
  if (const auto seller = account ? find_seller(*account) : std::nullopt) out.push_back(*seller);
  return out;
}

/// At most one more than kMostNamed.
void Rows::add_named(const model::Constraint& c, std::vector<std::uint32_t>& out) const {
  for (const auto& value : c.values) {
    if (c.field == model::WhereField::machine) {
      const std::uint32_t hash = hash_of_name(value);
      for (auto it = machines_.lower_bound({hash, 0}); it != machines_.end() && it->first == hash; ++it) {
        if (out.size() > kMostNamed) return;
        out.push_back(it->second);
      }
      continue;
    }
    for (const auto seller : sellers_called(value)) {
      for (auto slot = sellers[seller].first; slot != kNoSlot; slot = chunk_of(slot).next[slot % kRowsPerChunk]) {
        if (out.size() > kMostNamed) return;
        out.push_back(slot);
      }
    }
  }
}

std::optional<std::vector<std::uint32_t>> Rows::named(const model::Where& where) const {
  for (const auto& c : where) {
    const bool is_name = c.field == model::WhereField::machine || c.field == model::WhereField::provider;
    if (!is_name || (c.op != model::WhereOp::equal && c.op != model::WhereOp::in)) continue;
    std::vector<std::uint32_t> out;
    add_named(c, out);
    if (out.size() > kMostNamed) continue;
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
  }
  return std::nullopt;
}

void Rows::set_name(std::uint32_t number, const std::string& name) {
  Seller& seller = sellers[number];
  if (seller.name == name) return;
  seller_names_.erase({seller.folded_name, number});
  seller.name = name;
  seller.folded_name = model::fold(model::WhereField::provider, name);
  seller_names_.emplace(seller.folded_name, number);
}

std::optional<std::uint32_t> Rows::find_seller(const model::AccountId& account) const {
  const auto it = seller_numbers_.find(account);
  return it == seller_numbers_.end() ? std::nullopt : std::optional(it->second);
}

Rows::TermsKey Rows::key_of(const std::vector<model::Discount>& term, const std::vector<model::Discount>& volume,
                            Money storage) {
  std::vector<std::uint64_t> flat{term.size()};
  for (const auto* list : {&term, &volume}) {
    for (const auto& discount : *list) flat.insert(flat.end(), {discount.from, discount.discount_bps});
  }
  return {std::move(flat), storage.micros};
}

std::uint32_t Rows::use_terms(const model::PriceList& prices) {
  auto key = key_of(prices.term_discounts, prices.volume_discounts, prices.storage_per_gib_hour);
  const auto [it, added] = terms_numbers_.try_emplace(std::move(key), 0);
  if (added) {
    if (free_terms_.empty()) {
      free_terms_.push_back(static_cast<std::uint32_t>(terms_.size()));
      terms_.emplace_back();
    }
    it->second = free_terms_.back();
    free_terms_.pop_back();
    terms_[it->second] = {prices.term_discounts, prices.volume_discounts, prices.storage_per_gib_hour};
  }
  ++terms_[it->second].uses;
  return it->second;
}

void Rows::drop_terms(std::uint32_t number) {
  Terms& terms = terms_[number];
  if (--terms.uses > 0) return;
  terms_numbers_.erase(key_of(terms.term_discounts, terms.volume_discounts, terms.storage_per_gib_hour));
  terms = {};
  free_terms_.push_back(number);
}

std::uint32_t Rows::take_slot() {
  if (free_slots_.empty()) {
    const auto first = static_cast<std::uint32_t>(chunks_.size() * kRowsPerChunk);
    chunks_.push_back(std::make_unique<Chunk>());
    chunks_.back()->live.fill(0);
    for (auto i = static_cast<std::uint32_t>(kRowsPerChunk); i-- > 0;) free_slots_.push_back(first + i);
  }
  const std::uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  return slot;
}

void Rows::describe(Chunk& chunk, std::size_t at, const model::Machine& machine) {
  chunk.measured[at] = 0;
  for (std::size_t i = 0; i < kMeasurable.size(); ++i) {
    const auto measured = measured_figure(machine, kMeasurable[i]);
    chunk.figures[i][at] = measured.value_or(declared_figure(machine, kMeasurable[i]));
    if (measured) chunk.measured[at] |= static_cast<std::uint8_t>(1U << i);
  }
  chunk.cuda[at] =
      static_cast<std::int32_t>(std::min<std::int64_t>(model::parse_version(machine.cuda_version), INT32_MAX));
  chunk.model[at] = models.use(machine.gpu_model);
  chunk.driver[at] = drivers.use(machine.driver_version);
  chunk.country[at] = country_number(machine.country);
  chunk.gpu_count[at] = static_cast<std::uint8_t>(std::min(machine.gpu_count, model::kMaxDevicesPerMachine));
  chunk.kind[at] = static_cast<std::uint8_t>(machine.device_kind);
  chunk.name[at] = model::fold(model::WhereField::machine, machine.name);
}

std::uint32_t Rows::add(const model::Offer& offer) {
  const std::uint32_t slot = take_slot();
  const bool added = slots_.emplace(offer.id.value, slot).second;
  HANSE_CHECK(added);
  Chunk& c = chunk(slot);
  const std::size_t at = slot % kRowsPerChunk;
  describe(c, at, offer.machine);
  c.posted_at[at] = offer.posted_at.ms;
  c.id[at] = offer.id.value;
  c.terms[at] = use_terms(offer.prices);
  fill_prices(c, at, offer.prices);
  c.open[at] = offer.state == model::OfferState::open ? 1 : 0;
  c.live[at] = 1;
  link(slot, seller_of(offer.provider));
  machines_.emplace(hash_of_name(c.name[at]), slot);
  set_leased(slot, offer);
  return slot;
}

void Rows::fill_prices(Chunk& chunk, std::size_t at, const model::PriceList& prices) {
  const auto seconds = [](std::uint64_t s) {
    return static_cast<std::int64_t>(std::min<std::uint64_t>(s, kNoMaximum));
  };
  chunk.price[at] = prices.on_demand_per_gpu_hour.micros;
  chunk.min_duration[at] = seconds(prices.min_duration_s);
  chunk.max_duration[at] = prices.max_duration_s == 0 ? kNoMaximum : seconds(prices.max_duration_s);
}

void Rows::set_prices(std::uint32_t slot, const model::PriceList& prices) {
  Chunk& c = chunk(slot);
  const std::size_t at = slot % kRowsPerChunk;
  const Terms& terms = terms_[c.terms[at]];
  if (terms.term_discounts != prices.term_discounts || terms.volume_discounts != prices.volume_discounts ||
      terms.storage_per_gib_hour != prices.storage_per_gib_hour) {
    const std::uint32_t before = c.terms[at];
    c.terms[at] = use_terms(prices);
    drop_terms(before);
  }
  fill_prices(c, at, prices);
}

void Rows::set_leased(std::uint32_t slot, const model::Offer& offer) {
  Chunk& c = chunk(slot);
  const std::size_t at = slot % kRowsPerChunk;
  const std::uint32_t count = c.gpu_count[at];
  const std::uint64_t devices = count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
  c.free_devices[at] = devices & ~offer.leased_devices;
  c.free_count[at] = static_cast<std::uint8_t>(std::popcount(c.free_devices[at]));
  const std::uint64_t leased = std::min(offer.leased_disk_bytes, offer.machine.disk_bytes);
  c.leased_disk[at] = clamped(leased);
  c.free_disk[at] = clamped(offer.machine.disk_bytes - leased);
}

void Rows::remove(std::uint32_t slot) {
  Chunk& c = chunk(slot);
  const std::size_t at = slot % kRowsPerChunk;
  HANSE_CHECK(slots_.erase(c.id[at]) == 1);
  unlink(slot);
  models.drop(c.model[at]);
  drivers.drop(c.driver[at]);
  drop_terms(c.terms[at]);
  machines_.erase({hash_of_name(c.name[at]), slot});
  c.live[at] = 0;
  c.name[at] = {};
  free_slots_.push_back(slot);
}

void Rows::link(std::uint32_t slot, std::uint32_t seller) {
  Chunk& c = chunk(slot);
  const std::size_t at = slot % kRowsPerChunk;
  std::uint32_t& first = sellers[seller].first;
  c.seller[at] = seller;
  c.previous[at] = kNoSlot;
  c.next[at] = first;
  if (first != kNoSlot) chunk(first).previous[first % kRowsPerChunk] = slot;
  first = slot;
}

void Rows::unlink(std::uint32_t slot) {
  const Chunk& c = chunk(slot);
  const std::size_t at = slot % kRowsPerChunk;
  const std::uint32_t next = c.next[at], previous = c.previous[at];
  if (next != kNoSlot) chunk(next).previous[next % kRowsPerChunk] = previous;
  if (previous == kNoSlot) {
    sellers[c.seller[at]].first = next;
  } else {
    chunk(previous).next[previous % kRowsPerChunk] = next;
  }
}

}  // namespace hanse::market
