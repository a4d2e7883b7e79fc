#include "market/book.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "market/book_impl.hpp"
#include "market/check.hpp"
#include "market/search.hpp"
#include "model/text.hpp"

namespace hanse::market {

namespace {

std::uint64_t lowest_bits(std::uint64_t mask, std::uint32_t count) {
  std::uint64_t out = 0;
  for (; count > 0 && mask != 0; --count) {
    out |= mask & -mask;
    mask &= mask - 1;
  }
  return out;
}

Match make_match(const Wanted& wanted, const Row& row, const Price& price) {
  Match match;
  match.offer = row.id();
  match.provider = row.seller().account;
  match.devices = lowest_bits(row.free_devices(), wanted.demand.gpu_count);
  match.price = price;
  const auto keep = keep_of(row.terms().storage_per_gib_hour, wanted.demand);
  HANSE_CHECK(keep.has_value());  // what would overflow does not fit (evaluate.cpp)
  const auto lock = lock_for(price.rate_per_hour, wanted.demand.duration_s, wanted.demand.max_cost, keep->reserve);
  HANSE_CHECK(lock.has_value());
  match.keep = *keep;
  match.lock = *lock;
  return match;
}

Result<> check_gang(const model::Demand& demand) {
  if (demand.machines == 0 || demand.machines > model::kMaxMachines) {
    return fail(ErrorCode::invalid_argument, "machines is " + std::to_string(demand.machines) + ": ask for 1 to " +
                                                 std::to_string(model::kMaxMachines));
  }
  if (static_cast<std::size_t>(demand.placement) >= model::Names<model::Placement>::names.size()) {
    return fail(ErrorCode::invalid_argument, "placement is anywhere, same_provider or same_country");
  }
  if (demand.machines == 1 && demand.placement != model::Placement::anywhere) {
    return fail(ErrorCode::invalid_argument, "placement " + std::string(name_of(demand.placement)) +
                                                 " is for several machines: ask for more than one, or leave it out");
  }
  if (demand.machines > 1 && demand.offer) {
    return fail(ErrorCode::invalid_argument,
                model::format_id(demand.offer) + " is one machine: leave it out to ask for several, or ask for one");
  }
  return {};
}

}  // namespace

Result<Wanted> Wanted::from(const model::Demand& demand, std::vector<model::AccountId> excluded) {
  if (demand.gpu_count == 0 || demand.gpu_count > model::kMaxDevicesPerMachine) {
    return fail(ErrorCode::invalid_argument, "gpu_count is " + std::to_string(demand.gpu_count) + ": ask for 1 to 64");
  }
  if (static_cast<std::size_t>(demand.mode) >= model::Names<model::Mode>::names.size()) {
    return fail(ErrorCode::unsupported, "mode takes on_demand, spot or reserved");
  }
  if (demand.mode == model::Mode::spot && demand.machines > 1) {
    return fail(ErrorCode::unsupported,
                "an auction gives one machine a request: several together are on_demand or reserved");
  }
  if (auto gang = check_gang(demand); !gang) return fail(gang);
  if (demand.keep_s > 0 && demand.disk_bytes == 0) {
    return fail(ErrorCode::invalid_argument, "files are kept on a disk of their own: ask for one, such as disk 1GiB");
  }
  if (demand.disk_bytes > kMaxBytes) return fail(ErrorCode::invalid_argument, "disk_bytes is over 2^60 (1EiB)");
  if (!is_valid(demand.max_price_per_gpu_hour) || !is_valid(demand.max_cost)) {
    return fail(ErrorCode::invalid_argument, "max_price and max_cost are amounts of money from 0 to 9000000000");
  }
  auto where = model::parse_where(demand.where);
  if (!where) return fail(where);
  const auto is_price = [](const model::Constraint& c) { return c.field == model::WhereField::price; };
  if (demand.mode == model::Mode::spot && std::any_of(where->begin(), where->end(), is_price)) {
    return fail(ErrorCode::invalid_argument,
                "a spot request pays what the auction clears at: leave price out of where, and bid with max_price");
  }
  return Wanted{demand, std::move(*where), std::move(excluded)};
}

Book::Book() : impl_(std::make_unique<Impl>()) {}
Book::~Book() = default;
Book::Book(Book&&) noexcept = default;
Book& Book::operator=(Book&&) noexcept = default;

template <class Visitor>
void Book::Impl::for_each_of(std::uint32_t seller, Visitor&& visit) {
  for (std::uint32_t slot = rows.sellers[seller].first; slot != kNoSlot;) {
    visit(rows.row(slot));
    slot = rows.chunk_of(slot).next[slot % kRowsPerChunk];
  }
}

void Book::Impl::refresh_all_of(std::uint32_t seller) {
  for_each_of(seller, [&](const Row& row) { index.refresh(row, Change::standing); });
}

void Book::put(const model::Offer& offer, const model::Provider& provider) {
  erase(offer.id);
  update(provider);
  const Row row = impl_->rows.row(impl_->rows.add(offer));
  impl_->index.add(row);
  impl_->capacities.add(row);
}

void Book::set_prices(const model::Offer& offer) {
  const std::uint32_t slot = impl_->rows.find(offer.id);
  HANSE_CHECK(slot != kNoSlot);
  const std::uint32_t terms = impl_->rows.row(slot).terms_number();
  impl_->rows.set_prices(slot, offer.prices);
  const Row row = impl_->rows.row(slot);
  if (row.terms_number() == terms) return impl_->index.refresh(row, Change::standing);
  impl_->index.remove(row);
  impl_->index.add(row);
}

void Book::set_leased(const model::Offer& offer) {
  const std::uint32_t slot = impl_->rows.find(offer.id);
  HANSE_CHECK(slot != kNoSlot);
  const Row row = impl_->rows.row(slot);
  impl_->capacities.take_out(row);
  impl_->rows.set_leased(slot, offer);
  impl_->capacities.put_back(row);
  impl_->index.refresh(row, Change::leased);
}

void Book::erase(model::OfferId offer) {
  const std::uint32_t slot = impl_->rows.find(offer);
  if (slot == kNoSlot) return;
  const Row row = impl_->rows.row(slot);
  impl_->capacities.remove(row);
  impl_->index.remove(row);
  impl_->rows.remove(slot);
}

void Book::update(const model::Provider& provider) {
  const std::uint32_t number = impl_->rows.seller_of(provider.account);
  impl_->rows.set_name(number, provider.name);
  Standing& standing = impl_->rows.standings[number];
  const auto before = std::exchange(standing.reliability, static_cast<std::int32_t>(reliability_millionths(provider)));
  if (before / 1000 != standing.reliability / 1000) impl_->refresh_all_of(number);
}

void Book::set_reachable(const model::AccountId& provider, bool reachable) {
  const std::uint32_t number = impl_->rows.seller_of(provider);
  if (impl_->rows.standings[number].reachable == reachable) return;
  impl_->for_each_of(number, [&](const Row& row) { impl_->capacities.take_out(row); });
  impl_->rows.standings[number].reachable = reachable;
  impl_->for_each_of(number, [&](const Row& row) { impl_->capacities.put_back(row); });
  impl_->refresh_all_of(number);
}

std::optional<Match> Book::find(const Wanted& wanted) const {
  if (wanted.demand.offer) return fits(wanted, wanted.demand.offer);
  const auto found = search(impl_->rows, impl_->index, wanted, 1);
  if (found.empty()) return std::nullopt;
  return make_match(wanted, impl_->rows.row(found.front().slot), found.front().price);
}

std::optional<Match> Book::fits(const Wanted& wanted, model::OfferId offer) const {
  const std::uint32_t slot = impl_->rows.find(offer);
  if (slot == kNoSlot || (wanted.demand.offer && wanted.demand.offer != offer)) return std::nullopt;
  const Row row = impl_->rows.row(slot);
  const auto price = price_if_fits(wanted, row);
  if (!price) return std::nullopt;
  return make_match(wanted, row, *price);
}

std::vector<Match> Book::list(const Wanted& wanted, std::size_t limit) const {
  std::vector<Match> out;
  if (wanted.demand.offer) {
    if (const auto match = fits(wanted, wanted.demand.offer); match && limit > 0) out.push_back(*match);
    return out;
  }
  for (const auto& found : search(impl_->rows, impl_->index, wanted, limit)) {
    out.push_back(make_match(wanted, impl_->rows.row(found.slot), found.price));
  }
  return out;
}

std::size_t Book::size() const {
  return impl_->rows.size();
}

Capacity Book::capacity(const model::PriceClass& price_class) const {
  return impl_->capacities.of(price_class);
}

}  // namespace hanse::market
