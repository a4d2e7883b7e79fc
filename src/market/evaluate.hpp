#pragma once

// One offer against one demand. Inside the market: the book keeps listings, and asks here whether a listing serves a
// demand, at what price, and if not, what stands against it.

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <string>

#include "market/book.hpp"
#include "model/offer.hpp"

namespace hanse::market {

/// A provider as the book knows it; shared by its listings.
struct Seller {
  model::AccountId account;
  std::string address;           ///< As `provider` compares it.
  std::string name;              ///< As registered ...
  std::string folded_name;       ///< ... and as `provider` compares it.
  std::int64_t reliability = 0;  ///< Millionths.
  bool reachable = true;
};

/// The fields that can be measured, in the order of Listing::measured.
inline constexpr std::array<model::WhereField, 6> kMeasurable{model::WhereField::vram,      model::WhereField::cpu,
                                                              model::WhereField::memory,    model::WhereField::disk,
                                                              model::WhereField::inet_down, model::WhereField::inet_up};

inline constexpr std::uint32_t kNoSlot = UINT32_MAX;
/// `duration` of an offer that takes leases of any length.
inline constexpr std::int64_t kNoMaximum = INT64_MAX;

/// An offer, prepared for comparing.
struct Listing {
  model::OfferId id;
  std::uint32_t seller = 0;           ///< Index of the Seller.
  std::uint32_t slot = 0;             ///< Where it stands among all listings ...
  std::uint32_t free_slot = kNoSlot;  ///< ... and among those that could take a lease.
  bool open = true;
  std::uint64_t free_devices = 0;
  std::uint64_t free_disk_bytes = 0;
  std::uint64_t leased_disk_bytes = 0;
  Time posted_at;
  model::Machine machine;
  model::PriceList prices;
  std::array<std::int64_t, kMeasurable.size()> figures{};  ///< Measured where measured, declared otherwise.
  std::uint32_t measured = 0;                              ///< Bit i: figures[i] was measured.
  std::int64_t cuda = -1;                                  ///< -1: none.
  std::string gpu, country, machine_name, driver;          ///< Folded.

  [[nodiscard]] std::uint32_t free_count() const { return static_cast<std::uint32_t>(std::popcount(free_devices)); }
};

/// What the book itself demands, beside the constraints of `where`.
enum class Builtin : std::uint8_t { open, reachable, excluded, capacity, duration, disk, max_price, max_cost };
inline constexpr std::size_t kBuiltins = 8;
[[nodiscard]] std::string_view name_of(Builtin builtin);

/// What stands against a listing. Bit i of `where`: constraint i; of `builtin`: that one.
struct Verdict {
  std::uint64_t where = 0;
  std::uint32_t builtin = 0;
  std::optional<Price> price;  ///< Where it can be priced at all.

  [[nodiscard]] bool fits() const { return where == 0 && builtin == 0; }
  [[nodiscard]] int failures() const { return std::popcount(where) + std::popcount(builtin); }
};

/// Prepares what depends on the machine alone; the caller sets seller, capacity and state.
void describe(Listing& listing, const model::Machine& machine);

/// The price if the listing serves the demand, stopping at the first thing against it. Never allocates.
[[nodiscard]] std::optional<Price> price_if_fits(const Wanted& wanted, const Listing& listing, const Seller& seller);

/// Everything that stands against it.
[[nodiscard]] Verdict judge(const Wanted& wanted, const Listing& listing, const Seller& seller);

/// A number field's value for this demand; nullopt where the listing has none. `price` is of this listing.
[[nodiscard]] std::optional<std::int64_t> number_of(model::WhereField field, const Wanted& wanted,
                                                    const Listing& listing, const Seller& seller,
                                                    const std::optional<Price>& price);

/// A set field's value, for people.
[[nodiscard]] const std::string& text_of(model::WhereField field, const Listing& listing, const Seller& seller);

/// Is a at its price a better deal than b at its? Lower price ÷ reliability; ties by age, then id.
[[nodiscard]] bool is_better(const Listing& a, const Seller& a_seller, const Price& a_price, const Listing& b,
                             const Seller& b_seller, const Price& b_price);

}  // namespace hanse::market
