#include "model/text.hpp"

#include <gtest/gtest.h>

#include "base/rng.hpp"
#include "model/bech32m.hpp"

namespace hanse::model {
namespace {

AccountId random_account(Rng& rng) {
  AccountId id;
  for (auto& byte : id.data) byte = static_cast<std::uint8_t>(rng.next());
  return id;
}

// A number whose magnitude, too, is random.
std::uint64_t any_size(Rng& rng) {
  return rng.next() >> rng.below(64);
}

TEST(Address, RoundTripsAndHas64Characters) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Rng rng(seed);
    const auto id = random_account(rng);
    const auto text = format_address(id);
    EXPECT_EQ(text.size(), 64U);
    EXPECT_TRUE(text.starts_with("hanse1"));
    EXPECT_EQ(parse_address(text).value(), id) << "seed " << seed;
    std::string upper = text;
    for (auto& c : upper) c = static_cast<char>(std::toupper(c));
    EXPECT_EQ(parse_address(upper).value(), id);
  }
}

TEST(Address, AnyMistypedCharacterIsCaught) {
  Rng rng(3);
  const auto text = format_address(random_account(rng));
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (const char c : std::string_view("qpzry9x8gf2tvdw0s3jn54khce6mua7lb1oiB \n")) {
      if (text[i] == c) continue;
      auto altered = text;
      altered[i] = c;
      EXPECT_EQ(parse_address(altered).error().code, ErrorCode::malformed) << altered;
    }
    EXPECT_FALSE(parse_address(text.substr(0, i)));
    if (i + 1 < text.size() && text[i] != text[i + 1]) {
      auto swapped = text;
      std::swap(swapped[i], swapped[i + 1]);
      EXPECT_FALSE(parse_address(swapped)) << swapped;
    }
  }
  auto mixed = text;
  mixed[0] = 'H';
  EXPECT_NE(parse_address(mixed).error().message.find("case"), std::string::npos);
}

TEST(Address, OtherLengthsAndPrefixesAreRefused) {
  EXPECT_FALSE(parse_address(format_bech32m("hanse", Bytes(31))));
  EXPECT_FALSE(parse_address(format_bech32m("hanse", Bytes(33))));
  EXPECT_FALSE(parse_address(format_bech32m("hansa", Bytes(32))));
  EXPECT_FALSE(parse_address(std::string(100000, 'q')));
  EXPECT_FALSE(parse_address(""));
}

TEST(Bech32m, HoldsBip350sVectors) {
  EXPECT_EQ(format_bech32m("a", {}), "a1lqfn3a");
  EXPECT_EQ(parse_bech32m("a", "A1LQFN3A").value(), Bytes{});
  EXPECT_EQ(parse_bech32m("a", "a1lqfn3a").value(), Bytes{});
  EXPECT_TRUE(
      parse_bech32m("an83characterlonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber1",
                    "an83characterlonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11sg7hg6"));
  // The five-bit groups 31, 30 .. 0.
  EXPECT_EQ(to_hex(parse_bech32m("abcdef", "abcdef1l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx").value()),
            "ffbbcdeb38bdab49ca307b9ac5a928398a418820");
  EXPECT_FALSE(parse_bech32m("a", "A1G7SGD8"));   // a bech32 (not -m) checksum
  EXPECT_FALSE(parse_bech32m("m", "M1VUXWEZ"));   // checksum over an upper-case prefix
  EXPECT_FALSE(parse_bech32m("in", "in1muywd"));  // checksum too short
  EXPECT_FALSE(parse_bech32m("y", "y1b0jsk6g"));  // a character outside the alphabet
  EXPECT_FALSE(parse_bech32m("1", "1p2gdwpf"));
}

TEST(MoneyText, FormatsWithTwoToSixDecimals) {
  EXPECT_EQ(format_money(Money{1'200'000}), "1.20");
  EXPECT_EQ(format_money(Money{1}), "0.000001");
  EXPECT_EQ(format_money(Money{1'234'500'000}), "1234.50");
  EXPECT_EQ(format_money(Money{0}), "0.00");
  EXPECT_EQ(format_money(Money{-500'000}), "-0.50");
}

TEST(MoneyText, RoundTripsEveryAmount) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    Rng rng(seed);
    const Money amount{static_cast<std::int64_t>(any_size(rng) % (static_cast<std::uint64_t>(kMaxMoney.micros) + 1))};
    EXPECT_EQ(parse_money(format_money(amount)).value(), amount) << "seed " << seed;
  }
  EXPECT_EQ(parse_money(format_money(kMaxMoney)).value(), kMaxMoney);
}

TEST(MoneyText, RefusesWhatIsNotAnAmount) {
  for (const char* text : {"", ".", "1.", ".5", "-1", "+1", "1e3", "1,000", " 1", "1 ", "1.1234567", "1.2.3", "0x1",
                           "nan", "99999999999999999999999", "1_0"}) {
    EXPECT_EQ(parse_money(text).error().code, ErrorCode::malformed) << text;
  }
  EXPECT_EQ(parse_money("9000000000.000001").error().code, ErrorCode::overflow);
  EXPECT_EQ(parse_money("18446744073709551615").error().code, ErrorCode::overflow);
}

TEST(DurationText, ReadsSumsFromLargeToSmall) {
  EXPECT_EQ(parse_duration_s("90s").value(), 90U);
  EXPECT_EQ(parse_duration_s("1h30m").value(), 5400U);
  EXPECT_EQ(parse_duration_s("2w3d").value(), 17U * 86400);
  EXPECT_EQ(format_duration(5400), "1h30m");
  EXPECT_EQ(format_duration(0), "0s");
  EXPECT_EQ(format_duration(14 * 86400 + 1), "14d1s");
}

TEST(DurationText, RoundTrips) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    Rng rng(seed);
    const auto seconds = any_size(rng) % (kMaxDurationSeconds + 1);
    EXPECT_EQ(parse_duration_s(format_duration(seconds)).value(), seconds) << "seed " << seed;
  }
}

TEST(DurationText, RefusesWhatIsNotADuration) {
  for (const char* text : {"", "90", "s", "1h30", "30m1h", "1h1h", "-1h", "1.5h", "1H", "1h 30m", "1y"}) {
    EXPECT_EQ(parse_duration_s(text).error().code, ErrorCode::malformed) << text;
  }
  EXPECT_NE(parse_duration_s("90").error().message.find("unit is missing"), std::string::npos);
  EXPECT_EQ(parse_duration_s("36501d").error().code, ErrorCode::too_large);
  EXPECT_EQ(parse_duration_s("18446744073709551615w").error().code, ErrorCode::too_large);
}

TEST(SizeText, ReadsDecimalAndBinaryUnits) {
  EXPECT_EQ(parse_size("24GB").value(), 24'000'000'000U);
  EXPECT_EQ(parse_size("16GiB").value(), 16ULL << 30);
  EXPECT_EQ(parse_size("1.5tib").value(), 3ULL << 39);
  EXPECT_EQ(parse_size("1EiB").value(), kMaxSizeBytes);
  EXPECT_EQ(format_size(80'000'000'000), "80GB");
  EXPECT_EQ(format_size(16ULL << 30), "16GiB");
  EXPECT_EQ(format_size(1234), "1234B");
  EXPECT_EQ(format_size(0), "0B");
}

TEST(SizeText, RoundTrips) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    Rng rng(seed);
    auto bytes = any_size(rng) % (kMaxSizeBytes + 1);
    if (rng.one_in(2)) bytes = bytes >> 30 << 30;
    if (rng.one_in(3)) bytes = bytes / 1'000'000 * 1'000'000;
    EXPECT_EQ(parse_size(format_size(bytes)).value(), bytes) << "seed " << seed;
  }
}

TEST(SizeText, RefusesWhatIsNotASize) {
  for (const char* text : {"", "24", "GB", "80XB", "-1GB", "1 GB", "1..5GB", "0.5B", "1.0000001MB", "16G"}) {
    EXPECT_EQ(parse_size(text).error().code, ErrorCode::malformed) << text;
  }
  EXPECT_EQ(parse_size("1.000001EiB").error().code, ErrorCode::too_large);
  EXPECT_EQ(parse_size("18446744073709551615EiB").error().code, ErrorCode::too_large);
}

TEST(IdText, ReadsWithAndWithoutItsPrefix) {
  EXPECT_EQ(parse_id<OfferTag>("offer-7").value(), OfferId{7});
  EXPECT_EQ(parse_id<LeaseTag>("7").value(), LeaseId{7});
  EXPECT_EQ(parse_id<RequestTag>(format_id(RequestId{UINT64_MAX})).value(), RequestId{UINT64_MAX});
  for (const char* text : {"", "0", "07", "lease-7", "offer-", "offer-0", "offer--1", "7 ", "18446744073709551616"}) {
    EXPECT_EQ(parse_id<OfferTag>(text).error().code, ErrorCode::malformed) << text;
  }
}

TEST(TimeText, IsRfc3339InUtc) {
  EXPECT_EQ(format_time(Time{0}), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_time(Time{1'795'378'500'999}), "2026-11-22T20:15:00Z");
  EXPECT_EQ(format_time(Time{951'782'400'000}), "2000-02-29T00:00:00Z");
  EXPECT_EQ(format_time(Time{-1}), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_time(kMaxTime), "9999-12-31T23:59:59Z");
}

TEST(Nearest, NamesWhatWasMostLikelyMeant) {
  const std::vector<std::string_view> fields{"image", "resources", "max_price", "max_cost"};
  EXPECT_EQ(nearest("imgae", {"imago", "image"}), "image") << "swapped neighbours are one slip";
  EXPECT_EQ(nearest("wlalet", {"wallet"}), "wallet");
  EXPECT_EQ(nearest("imgage", fields), "image");
  EXPECT_EQ(nearest("max-price", fields), "max_price");
  EXPECT_EQ(nearest("resource", fields), "resources");
  EXPECT_EQ(nearest("zzz", fields), "");
  EXPECT_EQ(nearest(std::string(100000, 'a'), fields), "");
  EXPECT_EQ(nearest("", fields), "");
}

}  // namespace
}  // namespace hanse::model
