#include "model/price_class.hpp"

#include <gtest/gtest.h>

#include "base/rng.hpp"

#include "model/country.hpp"

namespace hanse::model {
namespace {

TEST(PriceClass, every_country_has_one_region) {
  int countries = 0;
  for (char a = 'A'; a <= 'Z'; ++a) {
    for (char b = 'A'; b <= 'Z'; ++b) {
      const std::string code{a, b};
      EXPECT_EQ(region_of(code).has_value(), is_country(code)) << code;
      countries += is_country(code);
    }
  }
  EXPECT_EQ(countries, 249);
  for (const auto member : country_group("EEA")) EXPECT_EQ(region_of(member), Region::europe) << member;
  EXPECT_EQ(region_of("US"), Region::north_america);
  EXPECT_EQ(region_of("JP"), Region::asia);
  EXPECT_FALSE(region_of("us"));
  EXPECT_EQ(region_of(""), Region::unknown);
}

TEST(PriceClass, is_one_for_all_ways_to_write_a_model) {
  Machine machine;
  machine.gpu_model = "H100-SXM";
  machine.country = "DE";
  Machine other;
  other.gpu_model = "h100 sxm";
  other.country = "FR";
  EXPECT_EQ(class_of(machine), class_of(other));
  EXPECT_EQ(id_of(class_of(machine)), id_of(class_of(other)));
  other.country = "US";
  EXPECT_NE(class_of(machine), class_of(other));
  EXPECT_NE(id_of(class_of(machine)), id_of(class_of(other)));
  other.country = "";
  EXPECT_EQ(format_class(class_of(other)), "h100-sxm/unknown");
}

TEST(PriceClass, text_reads_back) {
  Machine machine;
  machine.gpu_model = "RTX 4090";
  machine.country = "BR";
  const auto written = format_class(class_of(machine));
  EXPECT_EQ(parse_class(written), class_of(machine)) << written;
  for (const auto* text : {"", "/", "rtx4090", "rtx4090/", "-/europe", "RTX4090/europe", "rtx4090/mars"}) {
    EXPECT_FALSE(parse_class(text)) << text;
  }
}

// A name that people choose must never make a class that the ledger cannot read again.
TEST(PriceClass, WhateverAGpuIsCalledItsClassReadsBack) {
  Rng rng(5);
  Machine machine;
  machine.country = "DE";
  for (int i = 0; i < 5000; ++i) {
    machine.gpu_model.clear();
    for (std::uint64_t n = rng.below(12); n > 0; --n) {
      constexpr std::string_view kOdd = "-_ /.,=[]*a9Z~\"\\";
      machine.gpu_model += rng.below(2) == 0 ? kOdd[rng.below(kOdd.size())] : static_cast<char>(' ' + rng.below(95));
    }
    const auto price_class = class_of(machine);
    EXPECT_EQ(parse_class(format_class(price_class)), price_class) << machine.gpu_model;
  }
}

}  // namespace
}  // namespace hanse::model
