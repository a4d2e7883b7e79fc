#pragma once

// What the GPUs of a price class cost, as the ledger keeps it: an index of what was paid, a base price that follows
// use, and their history.

#include <string>
#include <tuple>

#include "base/money.hpp"
#include "base/time.hpp"
#include "model/describe.hpp"
#include "model/price_class.hpp"

namespace hanse::model {

/// A class at its last step. All prices are of one GPU for an hour, without storage and discounts.
struct ClassPrices {
  std::string price_class;   ///< As format_class() writes it.
  Money index;               ///< The median of what leases paid lately; 0: none has told yet.
  Money base;                ///< Moves with use; 0 until there is an index.
  Money hour_base;           ///< What `base` was when the hour began.
  std::uint64_t hour = 0;    ///< That hour, counted from the Unix epoch.
  std::uint32_t trades = 0;  ///< What the index was made of.
  std::uint64_t gpus = 0;    ///< On offer by providers that can be reached.
  std::uint64_t leased = 0;  ///< Of these, but for those on spot.
  Time next_step;
  Time due;                      ///< When its timer fires: the next step, or the next batch of offers to be repriced.
  OfferId reprice_after;         ///< Offers that follow its figures are repriced in a ring; this one was the last.
  std::uint64_t to_reprice = 0;  ///< So many after it are still to be.
  Money spot;                    ///< Of the last auction; 0: nobody won, or there was none.

  bool operator==(const ClassPrices&) const = default;
};

/// A lease that ran long enough, told once for each pair of consumer and provider: the latest stays.
struct Trade {
  ClassId price_class;
  std::uint32_t slot = 0;  ///< Below kTradeSlots, by the hash of the pair: a class remembers no more.
  Money price;             ///< As posted when it was matched.
  Time at;                 ///< When the lease ended.

  bool operator==(const Trade&) const = default;
};
inline constexpr std::uint32_t kTradeSlots = 512;

/// The prices of a class in the last step of an hour.
struct PricePoint {
  ClassId price_class;
  std::uint64_t hour = 0;  ///< Counted from the Unix epoch.
  Money index, base;
  Money spot;
  std::uint64_t gpus = 0, leased = 0;

  bool operator==(const PricePoint&) const = default;
};
inline constexpr std::uint64_t kPriceHistoryHours = 30 * 24;

template <>
struct Describe<ClassPrices> {
  static constexpr std::string_view name = "ClassPrices";
  static constexpr auto fields = std::tuple{field<1>("price_class", &ClassPrices::price_class, kMaxClassBytes),
                                            field<2>("index_micros", &ClassPrices::index),
                                            field<3>("base_micros", &ClassPrices::base),
                                            field<4>("hour_base_micros", &ClassPrices::hour_base),
                                            field<5>("hour", &ClassPrices::hour),
                                            field<6>("trades", &ClassPrices::trades),
                                            field<7>("gpus", &ClassPrices::gpus),
                                            field<8>("leased", &ClassPrices::leased),
                                            field<9>("next_step_ms", &ClassPrices::next_step),
                                            field<10>("due_ms", &ClassPrices::due),
                                            field<11>("reprice_after", &ClassPrices::reprice_after),
                                            field<12>("to_reprice", &ClassPrices::to_reprice),
                                            field<13>("spot_micros", &ClassPrices::spot)};
};
template <>
struct Describe<Trade> {
  static constexpr std::string_view name = "Trade";
  static constexpr auto fields =
      std::tuple{field<1>("price_class", &Trade::price_class), field<2>("slot", &Trade::slot),
                 field<3>("price_micros", &Trade::price), field<4>("at_ms", &Trade::at)};
};
template <>
struct Describe<PricePoint> {
  static constexpr std::string_view name = "PricePoint";
  static constexpr auto fields = std::tuple{field<1>("price_class", &PricePoint::price_class),
                                            field<2>("hour", &PricePoint::hour),
                                            field<3>("index_micros", &PricePoint::index),
                                            field<4>("base_micros", &PricePoint::base),
                                            field<5>("spot_micros", &PricePoint::spot),
                                            field<6>("gpus", &PricePoint::gpus),
                                            field<7>("leased", &PricePoint::leased)};
};

}  // namespace hanse::model
