#include "model/spot.hpp"

#include <array>

#include "base/check.hpp"
#include "crypto/hash.hpp"

namespace hanse::model {

Time next_auction(Time now, const Params& params) {
  HANSE_CHECK(params.auction_period_s > 0);
  const auto period_ms = static_cast<std::int64_t>(params.auction_period_s) * 1000;
  return Time{(now.ms / period_ms + 1) * period_ms};
}

Time reveals_from(Time auction, const Params& params) {
  return after_s(auction, -static_cast<std::int64_t>(params.reveal_window_s));
}

Hash hash_bid(Money bid_per_gpu_hour, const FixedBytes<32>& salt, const AccountId& account) {
  std::array<std::uint8_t, 8> bid;
  auto left = static_cast<std::uint64_t>(bid_per_gpu_hour.micros);
  for (std::size_t i = bid.size(); i-- > 0; left >>= 8) bid[i] = static_cast<std::uint8_t>(left);
  return crypto::hash("hanse/sealed-bid/v1", {bid, salt.view(), account.view()});
}

}  // namespace hanse::model
