#pragma once

// What the book knows of every offer, exactly: one slot an offer, in columns of kRowsPerChunk, so that a pass over one
// figure of all offers reads nothing else. Slots never move. Inside the market; not thread-safe.

#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "market/figures.hpp"
#include "market/price.hpp"
#include "market/texts.hpp"

namespace hanse::market {

inline constexpr std::uint32_t kNoSlot = UINT32_MAX;
/// `max_duration` of an offer that takes leases of any length.
inline constexpr std::int64_t kNoMaximum = INT64_MAX;

/// A provider as the book knows it; shared by its offers.
struct Seller {
  model::AccountId account;
  std::string address;            ///< As `provider` compares it.
  std::string name;               ///< As registered ...
  std::string folded_name;        ///< ... and as `provider` compares it.
  std::uint32_t first = kNoSlot;  ///< Its offers are a list through Chunk::next.
};

/// What of a seller every pass over all offers asks, by itself: small enough to stay in the cache.
struct Standing {
  std::int32_t reliability = 0;  ///< Millionths.
  bool reachable = true;
};

/// What beside the posted price makes an offer's price: kept once for all offers that have the same.
struct Terms {
  std::vector<model::Discount> term_discounts, volume_discounts;
  Money storage_per_gib_hour;
  std::uint32_t uses = 0;
};

inline constexpr std::size_t kRowsPerChunk = 1024;
inline constexpr std::size_t kMostNamed = 1024;

struct Chunk {
  template <class T>
  using Column = std::array<T, kRowsPerChunk>;

  std::array<Column<std::int64_t>, kMeasurable.size()> figures;  ///< By kMeasurable: figure_of().
  Column<std::int64_t> price;                                    ///< Posted, per GPU-hour.
  Column<std::int64_t> min_duration, max_duration;
  Column<std::int64_t> free_disk, leased_disk;
  Column<std::int64_t> posted_at;
  Column<std::uint64_t> id;
  Column<std::uint64_t> free_devices;
  Column<std::int32_t> cuda;  ///< -1: none.
  Column<std::uint32_t> seller, terms, model, driver;
  Column<std::uint32_t> next, previous;  ///< Of the same seller.
  Column<std::uint16_t> country;
  Column<std::uint8_t> gpu_count, free_count, measured, kind;  ///< measured: bit i for figures[i].
  Column<std::uint8_t> live, open;
  Column<std::string> name;  ///< Folded.
};

/// The two letters as a number below kCountries; anything else, and none, is the last.
inline constexpr std::size_t kCountries = 26 * 26 + 1;
inline constexpr auto kNoCountry = static_cast<std::uint16_t>(kCountries - 1);
[[nodiscard]] std::uint16_t country_number(const std::string& code);
[[nodiscard]] std::string country_code(std::uint16_t number);

class Rows;

/// One offer, for reading; as valid as its slot.
class Row {
 public:
  Row(const Rows& rows, std::uint32_t slot);
  [[nodiscard]] std::uint32_t slot() const { return slot_; }
  [[nodiscard]] model::OfferId id() const { return {chunk_->id[at_]}; }
  [[nodiscard]] Time posted_at() const { return {chunk_->posted_at[at_]}; }
  [[nodiscard]] const Seller& seller() const;
  [[nodiscard]] std::int64_t reliability() const;
  [[nodiscard]] bool reachable() const;
  [[nodiscard]] const Terms& terms() const;
  [[nodiscard]] std::uint32_t seller_number() const { return chunk_->seller[at_]; }
  [[nodiscard]] std::uint32_t terms_number() const { return chunk_->terms[at_]; }
  [[nodiscard]] Money price() const { return {chunk_->price[at_]}; }
  [[nodiscard]] bool open() const { return chunk_->open[at_] != 0; }
  [[nodiscard]] std::uint64_t free_devices() const { return chunk_->free_devices[at_]; }
  [[nodiscard]] std::uint32_t free_count() const { return chunk_->free_count[at_]; }
  [[nodiscard]] std::uint32_t gpu_count() const { return chunk_->gpu_count[at_]; }
  [[nodiscard]] model::DeviceKind kind() const { return static_cast<model::DeviceKind>(chunk_->kind[at_]); }
  [[nodiscard]] std::int64_t figure(std::size_t measurable) const { return chunk_->figures[measurable][at_]; }
  [[nodiscard]] std::uint32_t measured() const { return chunk_->measured[at_]; }
  [[nodiscard]] std::int64_t free_disk() const { return chunk_->free_disk[at_]; }
  [[nodiscard]] std::int64_t leased_disk() const { return chunk_->leased_disk[at_]; }
  [[nodiscard]] std::int64_t min_duration() const { return chunk_->min_duration[at_]; }
  [[nodiscard]] std::int64_t max_duration() const { return chunk_->max_duration[at_]; }
  [[nodiscard]] std::int64_t cuda() const { return chunk_->cuda[at_]; }
  [[nodiscard]] std::uint16_t country() const { return chunk_->country[at_]; }
  [[nodiscard]] std::uint32_t model() const { return chunk_->model[at_]; }
  [[nodiscard]] std::uint32_t driver() const { return chunk_->driver[at_]; }
  [[nodiscard]] const std::string& name() const { return chunk_->name[at_]; }
  [[nodiscard]] const Rows& rows() const { return *rows_; }

 private:
  const Rows* rows_;
  const Chunk* chunk_;
  std::uint32_t slot_;
  std::size_t at_;
};

class Rows {
 public:
  Texts models{model::WhereField::gpu};
  Texts drivers{model::WhereField::driver};
  std::vector<Seller> sellers;  ///< Providers stay once seen: they are as few as the accounts that registered as one.

  std::vector<Standing> standings;  ///< Of the sellers, in their order.

  [[nodiscard]] std::size_t size() const { return slots_.size(); }
  [[nodiscard]] std::uint32_t find(model::OfferId id) const;  ///< kNoSlot: it is not there.
  [[nodiscard]] Row row(std::uint32_t slot) const { return {*this, slot}; }
  [[nodiscard]] const Terms& terms(std::uint32_t number) const { return terms_[number]; }
  [[nodiscard]] std::size_t terms_slots() const { return terms_.size(); }
  [[nodiscard]] const std::vector<std::unique_ptr<Chunk>>& chunks() const { return chunks_; }
  [[nodiscard]] const Chunk& chunk_of(std::uint32_t slot) const { return *chunks_[slot / kRowsPerChunk]; }

  /// The seller with that account, made if it is new.
  std::uint32_t seller_of(const model::AccountId& account);
  /// Every seller by that address, or of that (folded) name.
  [[nodiscard]] std::vector<std::uint32_t> sellers_called(const std::string& text) const;
  /// The offers of which the constraints name the machine or the provider, ascending; nullopt: they name none, or more
  /// than kMostNamed.
  [[nodiscard]] std::optional<std::vector<std::uint32_t>> named(const model::Where& where) const;
  /// nullopt: never seen.
  [[nodiscard]] std::optional<std::uint32_t> find_seller(const model::AccountId& account) const;

  void set_name(std::uint32_t seller, const std::string& name);

  /// The offer must not be there yet.
  std::uint32_t add(const model::Offer& offer);
  void remove(std::uint32_t slot);
  /// Its price list, from an offer that has changed in nothing else.
  void set_prices(std::uint32_t slot, const model::PriceList& prices);
  /// Its leased devices and disk, from an offer that has changed in nothing else.
  void set_leased(std::uint32_t slot, const model::Offer& offer);

 private:
  std::uint32_t take_slot();
  std::uint32_t use_terms(const model::PriceList& prices);
  void drop_terms(std::uint32_t number);
  void describe(Chunk& chunk, std::size_t at, const model::Machine& machine);
  static void fill_prices(Chunk& chunk, std::size_t at, const model::PriceList& prices);
  void link(std::uint32_t slot, std::uint32_t seller);
  void unlink(std::uint32_t slot);
  Chunk& chunk(std::uint32_t slot) { return *chunks_[slot / kRowsPerChunk]; }
  void add_named(const model::Constraint& c, std::vector<std::uint32_t>& out) const;

  using TermsKey = std::pair<std::vector<std::uint64_t>, std::int64_t>;
  static TermsKey key_of(const std::vector<model::Discount>& term, const std::vector<model::Discount>& volume,
                         Money storage);

  // Ordered, not hashed: an account id is chosen by whoever makes the key. Offer ids are the ledger's own counter.
  std::map<model::AccountId, std::uint32_t> seller_numbers_;
  std::set<std::pair<std::string, std::uint32_t>> seller_names_;   // folded; names are not unique
  std::set<std::pair<std::uint32_t, std::uint32_t>> machines_;     // hash of the name, slot
  boost::unordered_flat_map<std::uint64_t, std::uint32_t> slots_;  // never iterated
  std::vector<std::unique_ptr<Chunk>> chunks_;
  std::vector<std::uint32_t> free_slots_;
  std::map<TermsKey, std::uint32_t> terms_numbers_;
  std::vector<Terms> terms_;
  std::vector<std::uint32_t> free_terms_;
};

inline Row::Row(const Rows& rows, std::uint32_t slot)
    : rows_(&rows), chunk_(&rows.chunk_of(slot)), slot_(slot), at_(slot % kRowsPerChunk) {}
inline const Seller& Row::seller() const {
  return rows_->sellers[chunk_->seller[at_]];
}
inline std::int64_t Row::reliability() const {
  return rows_->standings[chunk_->seller[at_]].reliability;
}
inline bool Row::reachable() const {
  return rows_->standings[chunk_->seller[at_]].reachable;
}
inline const Terms& Row::terms() const {
  return rows_->terms(chunk_->terms[at_]);
}

}  // namespace hanse::market
