#include "market/book.hpp"

#include <unordered_map>

#include "base/check.hpp"
#include "market/book_impl.hpp"
#include "model/text.hpp"

namespace hanse::market {

namespace {

constexpr std::uint64_t kMaxBytes = 1ULL << 60;

std::uint64_t lowest_bits(std::uint64_t mask, std::uint32_t count) {
  std::uint64_t out = 0;
  for (; count > 0 && mask != 0; --count) {
    out |= mask & -mask;
    mask &= mask - 1;
  }
  return out;
}

Match make_match(const Wanted& wanted, const Listing& listing, const Seller& seller, const Price& price) {
  Match match;
  match.offer = listing.id;
  match.provider = seller.account;
  match.devices = lowest_bits(listing.free_devices, wanted.demand.gpu_count);
  match.price = price;
  const auto lock = lock_for(price.rate_per_hour, wanted.demand.duration_s, wanted.demand.max_cost);
  HANSE_CHECK(lock.has_value());  // what would overflow does not fit (evaluate.cpp)
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
  if (demand.mode != model::Mode::on_demand && demand.mode != model::Mode::reserved) {
    return fail(ErrorCode::unsupported, "mode " + std::string(name_of(demand.mode)) +
                                            " is not matched by this network: "
                                            "use on_demand or reserved");
  }
  if (auto gang = check_gang(demand); !gang) return fail(gang);
  if (demand.disk_bytes > kMaxBytes) return fail(ErrorCode::invalid_argument, "disk_bytes is over 2^60 (1EiB)");
  if (!is_valid(demand.max_price_per_gpu_hour) || !is_valid(demand.max_cost)) {
    return fail(ErrorCode::invalid_argument, "max_price and max_cost are amounts of money from 0 to 9000000000");
  }
  auto where = model::parse_where(demand.where);
  if (!where) return fail(where);
  return Wanted{demand, std::move(*where), std::move(excluded)};
}

Book::Book() : impl_(std::make_unique<Impl>()) {}
Book::~Book() = default;
Book::Book(Book&&) noexcept = default;
Book& Book::operator=(Book&&) noexcept = default;

std::uint32_t Book::Impl::seller_index(const model::AccountId& account) {
  const auto [it, added] = seller_of.try_emplace(account, static_cast<std::uint32_t>(sellers.size()));
  if (added) {
    Seller seller;
    seller.account = account;
    seller.address = model::format_address(account);
    sellers.push_back(std::move(seller));
  }
  return it->second;
}

void Book::Impl::refresh(Seller& seller, const model::Provider& provider) {
  seller.reliability = reliability_millionths(provider);
  if (seller.name == provider.name) return;
  seller.name = provider.name;
  seller.folded_name = model::fold(model::WhereField::provider, provider.name);
}

Listing& Book::Impl::listing_for(model::OfferId id) {
  auto& place = by_id[id.value];
  if (place == nullptr) {
    auto listing = std::make_unique<Listing>();
    place = listing.get();
    place->id = id;
    place->slot = static_cast<std::uint32_t>(all.size());
    all.push_back(std::move(listing));
  }
  return *place;
}

void Book::Impl::set_available(Listing& listing, bool available) {
  if (available == (listing.free_slot != kNoSlot)) return;
  if (available) {
    listing.free_slot = static_cast<std::uint32_t>(free.size());
    free.push_back(&listing);
    return;
  }
  free[listing.free_slot] = free.back();
  free[listing.free_slot]->free_slot = listing.free_slot;
  free.pop_back();
  listing.free_slot = kNoSlot;
}

const Listing* Book::Impl::find_listing(model::OfferId id) const {
  const auto it = by_id.find(id.value);
  return it == by_id.end() ? nullptr : it->second;
}

void Book::put(const model::Offer& offer, const model::Provider& provider) {
  const bool is_new = impl_->find_listing(offer.id) == nullptr;
  auto& listing = impl_->listing_for(offer.id);
  if (is_new || impl_->sellers[listing.seller].account != offer.provider) {
    listing.seller = impl_->seller_index(offer.provider);
  }
  impl_->refresh(impl_->sellers[listing.seller], provider);

  // Most calls tell of a lease that came or went: comparing is cheaper than preparing the machine again.
  if (is_new || listing.machine != offer.machine) describe(listing, offer.machine);
  if (is_new || listing.prices != offer.prices) listing.prices = offer.prices;
  const auto& machine = offer.machine;
  const std::uint64_t devices =
      machine.gpu_count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << machine.gpu_count) - 1;
  listing.open = offer.state == model::OfferState::open;
  listing.posted_at = offer.posted_at;
  listing.free_devices = devices & ~offer.leased_devices;
  listing.leased_disk_bytes = std::min(offer.leased_disk_bytes, machine.disk_bytes);
  listing.free_disk_bytes = machine.disk_bytes - listing.leased_disk_bytes;
  impl_->set_available(listing, listing.open && listing.free_devices != 0);
}

void Book::erase(model::OfferId offer) {
  const auto it = impl_->by_id.find(offer.value);
  if (it == impl_->by_id.end()) return;
  impl_->set_available(*it->second, false);
  const std::uint32_t slot = it->second->slot;
  impl_->by_id.erase(it);
  std::swap(impl_->all[slot], impl_->all.back());
  impl_->all[slot]->slot = slot;
  impl_->all.pop_back();
}

void Book::update(const model::Provider& provider) {
  const auto it = impl_->seller_of.find(provider.account);
  if (it != impl_->seller_of.end()) impl_->refresh(impl_->sellers[it->second], provider);
}

void Book::set_reachable(const model::AccountId& provider, bool reachable) {
  impl_->sellers[impl_->seller_index(provider)].reachable = reachable;
}

std::optional<Match> Book::find(const Wanted& wanted) const {
  if (wanted.demand.offer) return fits(wanted, wanted.demand.offer);
  const Listing* best = nullptr;
  Price best_price;
  for (const auto* listing : impl_->free) {
    const auto price = price_if_fits(wanted, *listing, impl_->seller(*listing));
    if (!price) continue;
    if (best == nullptr ||
        is_better(*listing, impl_->seller(*listing), *price, *best, impl_->seller(*best), best_price)) {
      best = listing;
      best_price = *price;
    }
  }
  if (best == nullptr) return std::nullopt;
  return make_match(wanted, *best, impl_->seller(*best), best_price);
}

std::optional<Match> Book::fits(const Wanted& wanted, model::OfferId offer) const {
  const auto* listing = impl_->find_listing(offer);
  if (listing == nullptr || (wanted.demand.offer && wanted.demand.offer != offer)) return std::nullopt;
  const auto price = price_if_fits(wanted, *listing, impl_->seller(*listing));
  if (!price) return std::nullopt;
  return make_match(wanted, *listing, impl_->seller(*listing), *price);
}

std::vector<Match> Book::list(const Wanted& wanted, std::size_t limit) const {
  struct Candidate {
    const Listing* listing;
    Price price;
  };
  std::vector<Candidate> candidates;
  for (const auto* listing : impl_->free) {
    if (wanted.demand.offer && wanted.demand.offer != listing->id) continue;
    if (const auto price = price_if_fits(wanted, *listing, impl_->seller(*listing))) {
      candidates.push_back({listing, *price});
    }
  }
  const auto shown = std::min(limit, candidates.size());
  std::partial_sort(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(shown), candidates.end(),
                    [&](const Candidate& a, const Candidate& b) {
                      return is_better(*a.listing, impl_->seller(*a.listing), a.price, *b.listing,
                                       impl_->seller(*b.listing), b.price);
                    });
  std::vector<Match> out;
  out.reserve(shown);
  for (std::size_t i = 0; i < shown; ++i) {
    const auto& c = candidates[i];
    out.push_back(make_match(wanted, *c.listing, impl_->seller(*c.listing), c.price));
  }
  return out;
}

std::size_t Book::size() const {
  return impl_->all.size();
}

}  // namespace hanse::market
