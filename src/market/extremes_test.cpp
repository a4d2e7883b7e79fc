// Demands and offers at the far end of what they can say: every question has an answer.

#include <gtest/gtest.h>

#include "market/place.hpp"
#include "market/testing.hpp"

namespace hanse::market {
namespace {

using namespace testing;

TEST(Extremes, EveryQuestionAboutADemandBeyondMoneyHasAnAnswer) {
  std::map<std::uint64_t, model::Offer> offers;
  model::Provider provider;
  provider.account = account_of(1);
  Book book;
  for (std::uint64_t id = 1; id <= 3; ++id) {
    auto offer = machine(id, "H100", 80, id == 1 ? 400'000 : kMaxMoney.micros / 64);
    offer.machine.gpu_count = 64;
    offer.provider = provider.account;
    book.put(offer, provider);
    offers[id] = offer;
  }
  const Records records{[&](model::OfferId id) -> const model::Offer& { return offers.at(id.value); },
                        [&](const model::AccountId&) -> const model::Provider& { return provider; }};
  int unplaced = 0;
  for (const std::uint64_t duration : {0ULL, 1ULL, 7'776'000ULL, 1ULL << 47, 1ULL << 60, 1ULL << 63, ~0ULL}) {
    for (const auto mode : {model::Mode::on_demand, model::Mode::reserved, model::Mode::spot}) {
      for (const std::uint32_t gpus : {1U, 64U}) {
        for (const std::uint32_t machines : {1U, 2U, 3U, 64U}) {
          for (const std::uint64_t offer : {0, 1, 2, 9}) {
            for (const std::int64_t most : {std::int64_t{0}, std::int64_t{5}, kMaxMoney.micros}) {
              model::Demand demand;
              demand.duration_s = duration;
              demand.mode = mode;
              demand.gpu_count = gpus;
              demand.machines = machines;
              demand.offer = {offer};
              demand.max_cost = {most};
              if (duration % 2 == 1) {
                demand.disk_bytes = 1ULL << 60;
                demand.keep_s = duration;
              }
              const auto wanted = Wanted::from(demand);
              if (!wanted) continue;
              const auto matches = place(book, *wanted, records);
              EXPECT_TRUE(is_valid(lock_of(matches)));
              EXPECT_FALSE(book.explain(*wanted).text().empty());
              if (!matches.empty()) continue;
              ++unplaced;
              EXPECT_FALSE(why_not(book, *wanted, records).empty());
            }
          }
        }
      }
    }
  }
  EXPECT_GT(unplaced, 100);
}

}  // namespace
}  // namespace hanse::market
