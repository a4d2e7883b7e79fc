#pragma once

// What is for rent and who gets it. The book holds every open offer and answers: which one serves this demand at the
// lowest expected cost per useful hour (price ÷ reliability; ties by age, then id), and if none does, why.
//
// Straightforward on purpose: a scan over offers with free capacity. It is the oracle for faster engines behind the
// same interface. Pure and deterministic; not thread-safe (the ledger owns it, readers hold the node's lock).

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "market/price.hpp"
#include "market/steering.hpp"
#include "model/where.hpp"

namespace hanse::market {

/// A demand whose `where` is parsed. Made once per request. A duration of 0 asks for no length in particular (to browse
/// what there is): every offer takes it, without term discount and without a lock.
struct Wanted {
  model::Demand demand;
  model::Where where;
  std::vector<model::AccountId> excluded_providers;

  /// Errors: those of parse_where; invalid_argument where a number of the demand is out of its range; unsupported for
  /// modes and gangs that this build does not match.
  static Result<Wanted> from(const model::Demand& demand, std::vector<model::AccountId> excluded = {});
};

struct Match {
  model::OfferId offer;
  model::AccountId provider;
  std::uint64_t devices = 0;  ///< The free devices it would get, lowest numbers first.
  Price price;
  Keep keep;   ///< Of its files, once its job is done.
  Money lock;  ///< What the escrow must hold: for its run, and for keeping its files.

  bool operator==(const Match&) const = default;
};

/// Of `where`'s constraints, and of what the book itself demands.
inline constexpr std::size_t kMaxRuled = model::kMaxConstraints + 8;

/// Why nothing matched, for a person and for a program. Constraint texts are canonical (`vram>=80GB`); built-in ones
/// read `capacity`, `duration`, `max_price`, `max_cost`, `disk`, `open`, `reachable`, `excluded`.
///
/// To relax a constraint of `where`, `max_price`, `max_cost` or `excluded` is to drop it; to relax `capacity`,
/// `duration` or `disk` is to ask for what the offer has instead (its free GPUs, the nearest duration, its free disk).
/// `open` and `reachable` are not the consumer's to relax and never carry a price. An offer that three or more
/// constraints rule out is no relaxation's.
struct Explanation {
  struct Ruled {
    std::string constraint;
    std::uint64_t offers = 0;     ///< Ruled out by it (an offer counts at each constraint it fails).
    std::uint64_t only_this = 0;  ///< Failed this one alone, or would match were this one alone relaxed.
    std::string best;             ///< The value nearest to fitting among only_this, e.g. "0.987"; may be empty.
    std::optional<Price> price;   ///< The best offer with this alone relaxed: it would match at that ...
    model::OfferId offer;         ///< ... and is this one.
  };
  std::uint64_t offers = 0;   ///< Looked at: all in the book, or the one that the demand names.
  std::uint64_t fitting = 0;  ///< Of these; each machine by itself, where several are wanted.
  bool keeps = false;         ///< Files are to be kept: what a lease costs at least includes that.
  std::vector<Ruled> ruled;   ///< Cheapest single relaxation first, then by how many it ruled out.

  /// A few lines, 2,000 bytes at most: "None of 40 machines fits. 12 machines match but for `reliability>0.99`: the
  /// best has 0.987, the cheapest costs 1.85/h (offer-7). ..."
  [[nodiscard]] std::string text() const;
};

class Book {
 public:
  Book();
  ~Book();
  Book(Book&&) noexcept;
  Book& operator=(Book&&) noexcept;

  /// Adds or replaces an offer and what is known of its provider. The book copies what it needs.
  void put(const model::Offer& offer, const model::Provider& provider);
  /// Only its price list changed. Requires that it is there.
  void set_prices(const model::Offer& offer);
  /// Only its leased devices and disk changed. Requires that it is there.
  void set_leased(const model::Offer& offer);
  void erase(model::OfferId offer);
  /// The provider's standing changed (reliability, endpoint, liveness): all its offers follow.
  void update(const model::Provider& provider);
  /// An unreachable provider's offers match nothing until it is back.
  void set_reachable(const model::AccountId& provider, bool reachable);

  [[nodiscard]] std::optional<Match> find(const Wanted& wanted) const;
  /// Would this very offer serve it? (capacity and all constraints)
  [[nodiscard]] std::optional<Match> fits(const Wanted& wanted, model::OfferId offer) const;
  [[nodiscard]] Explanation explain(const Wanted& wanted) const;
  /// All that fit, best first, at most `limit`: what `hanse offers` shows.
  [[nodiscard]] std::vector<Match> list(const Wanted& wanted, std::size_t limit) const;

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] Capacity capacity(const model::PriceClass& price_class) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hanse::market
