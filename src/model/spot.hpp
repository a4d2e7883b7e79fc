#pragma once

// Spot auctions: when they are, what a sealed bid is, what became of a class's last one.

#include <string>
#include <tuple>

#include "base/money.hpp"
#include "base/time.hpp"
#include "model/account.hpp"
#include "model/describe.hpp"
#include "model/price_class.hpp"

namespace hanse::model {

/// The last auction of a class.
struct Auction {
  std::string price_class;  ///< As format_class() writes it.
  Time at;
  Money price_per_gpu_hour;  ///< What all winners pay; 0: nobody won.
  std::uint64_t bids = 0;    ///< Leases that run on spot included.
  std::uint64_t won = 0;     ///< Of these bids.
  std::uint64_t gpus = 0;    ///< Placed.

  bool operator==(const Auction&) const = default;
};

/// The first auction after `now`. Requires params.auction_period_s > 0.
[[nodiscard]] Time next_auction(Time now, const Params& params);
/// From then on, bids for the auction at `auction` are revealed and no new ones taken.
[[nodiscard]] Time reveals_from(Time auction, const Params& params);

/// What a request commits to: the bid, a random salt that keeps it from being guessed, and whose it is.
[[nodiscard]] Hash hash_bid(Money bid_per_gpu_hour, const FixedBytes<32>& salt, const AccountId& account);

template <>
struct Describe<Auction> {
  static constexpr std::string_view name = "Auction";
  static constexpr auto fields = std::tuple{field<1>("price_class", &Auction::price_class, kMaxClassBytes),
                                            field<2>("at_ms", &Auction::at),
                                            field<3>("price_micros_per_gpu_hour", &Auction::price_per_gpu_hour),
                                            field<4>("bids", &Auction::bids),
                                            field<5>("won", &Auction::won),
                                            field<6>("gpus", &Auction::gpus)};
};

}  // namespace hanse::model
