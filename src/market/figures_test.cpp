#include "market/figures.hpp"

#include <gtest/gtest.h>

namespace hanse::market {
namespace {

using model::WhereField;

TEST(Figures, WhatWasMeasuredCountsAndElseWhatIsDeclared) {
  model::Machine machine;
  machine.vram_bytes = 80'000'000'000;
  machine.inet_down_mbps = 900;
  EXPECT_EQ(figure_of(machine, WhereField::vram), 80'000'000'000);
  EXPECT_FALSE(measured_figure(machine, WhereField::vram));
  machine.measured = {{"vram", 79'000'000'000, {1}}, {"inet_down", 0, {1}}};
  EXPECT_EQ(figure_of(machine, WhereField::vram), 79'000'000'000);
  EXPECT_EQ(declared_figure(machine, WhereField::vram), 80'000'000'000);
  EXPECT_EQ(figure_of(machine, WhereField::inet_down), 0);
}

TEST(Figures, AreKeptWithinWhatSharesCanBeTakenOf) {
  model::Machine machine;
  machine.disk_bytes = UINT64_MAX;
  machine.measured = {{"memory", -5, {1}}, {"vram", INT64_MAX, {1}}};
  EXPECT_EQ(figure_of(machine, WhereField::disk), static_cast<std::int64_t>(kMaxFigure));
  EXPECT_EQ(figure_of(machine, WhereField::memory), 0);
  EXPECT_EQ(figure_of(machine, WhereField::vram), static_cast<std::int64_t>(kMaxFigure));
}

TEST(Figures, EveryMeasurableFieldIsDeclaredTooAndKnowsItsPlace) {
  const model::Machine machine;
  for (std::size_t i = 0; i < kMeasurable.size(); ++i) {
    EXPECT_EQ(measurable_index(kMeasurable[i]), i);
    EXPECT_GE(declared_figure(machine, kMeasurable[i]), 0);
  }
  EXPECT_FALSE(measurable_index(WhereField::price));
}

}  // namespace
}  // namespace hanse::market
