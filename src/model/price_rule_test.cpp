#include "model/price_rule.hpp"

#include <gtest/gtest.h>

#include "base/rng.hpp"

namespace hanse::model {
namespace {

PriceList read(std::string_view text) {
  PriceList prices;
  const auto set = set_price(prices, text);
  EXPECT_TRUE(set.has_value()) << text << ": " << (set ? "" : set.error().message);
  return prices;
}

TEST(PriceRule, AnAmountIsAFixedPriceAndEndsARule) {
  PriceList prices = read("auto floor 0.80");
  ASSERT_TRUE(set_price(prices, "1.20"));
  EXPECT_EQ(prices.rule, PriceRule::fixed);
  EXPECT_EQ(prices.on_demand_per_gpu_hour, Money{1'200'000});
  EXPECT_EQ(prices.floor_per_gpu_hour, Money{});
  EXPECT_EQ(prices.factor_permille, 0U);
}

TEST(PriceRule, ReadsPegsWithFloorAndCapInAnyOrder) {
  for (const auto* text :
       {"index*0.95 floor 1.10 cap 3", "index * 0.95 cap 3 floor 1.10", "index *0.95 floor 1.1 cap 3.00"}) {
    const PriceList prices = read(text);
    EXPECT_EQ(prices.rule, PriceRule::index) << text;
    EXPECT_EQ(prices.factor_permille, 950U);
    EXPECT_EQ(prices.floor_per_gpu_hour, Money{1'100'000});
    EXPECT_EQ(prices.cap_per_gpu_hour, Money{3'000'000});
    EXPECT_EQ(prices.on_demand_per_gpu_hour, Money{1'100'000}) << "the floor, until there is an index";
  }
  EXPECT_EQ(read("base*1.02 from 1.50").on_demand_per_gpu_hour, Money{1'500'000});
  EXPECT_EQ(read("auto from 2").factor_permille, 1000U);
  EXPECT_EQ(read("index from 2").factor_permille, 1000U);
}

TEST(PriceRule, WhatItWritesReadsTheSame) {
  Rng rng(7);
  for (int i = 0; i < 2000; ++i) {
    PriceList prices;
    prices.rule = static_cast<PriceRule>(1 + rng.below(2));
    prices.factor_permille = static_cast<std::uint32_t>(1 + rng.below(10'000));
    prices.floor_per_gpu_hour = Money{static_cast<std::int64_t>(1 + rng.below(5'000'000))};
    prices.on_demand_per_gpu_hour = prices.floor_per_gpu_hour;
    if (rng.below(2) == 0) prices.cap_per_gpu_hour = Money{prices.floor_per_gpu_hour.micros + 7};
    EXPECT_EQ(read(format_price(prices)), prices) << format_price(prices);
    prices.on_demand_per_gpu_hour = Money{static_cast<std::int64_t>(1 + rng.below(5'000'000))};
    EXPECT_EQ(read(format_price(prices, true)), prices) << format_price(prices, true);
  }
}

TEST(PriceRule, RefusesWhatItCannotReadAndChangesNothing) {
  for (const auto* text : {"",
                           " ",
                           "cheap",
                           "index*",
                           "index*0",
                           "index*0.9505 floor 1",
                           "index*11 floor 1",
                           "index*0.95",
                           "auto",
                           "auto floor",
                           "auto floor 1 floor 2",
                           "auto ceiling 3",
                           "auto floor 3 cap 2",
                           "auto*2 floor 1",
                           "* floor 1",
                           "index**2 floor 1",
                           "-1",
                           "1.20 floor 1",
                           "auto floor -1",
                           "index*0.95 floor 1 cap 2 from 1 from 2"}) {
    PriceList prices = read("1.25");
    const auto set = set_price(prices, text);
    ASSERT_FALSE(set) << text;
    EXPECT_FALSE(set.error().message.empty());
    EXPECT_EQ(prices, read("1.25")) << text;
  }
}

}  // namespace
}  // namespace hanse::model
