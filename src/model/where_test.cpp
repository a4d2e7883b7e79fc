#include "model/where.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/rng.hpp"
#include "model/country.hpp"
#include "model/lease.hpp"
#include "model/text.hpp"

namespace hanse::model {
namespace {

Where parsed(std::string_view text) {
  auto where = parse_where(text);
  EXPECT_TRUE(where.has_value()) << (where ? "" : where.error().message);
  return where ? *where : Where{};
}

Constraint one(std::string_view text) {
  const auto where = parsed(text);
  EXPECT_EQ(where.size(), 1U) << text;
  return where.empty() ? Constraint{} : where.front();
}

/// Equal but for where in the text they stand.
bool same_meaning(Constraint a, Constraint b) {
  a.offset = b.offset = a.length = b.length = 0;
  return a == b;
}

/// Column and length of the carets in an error's second line.
std::pair<std::size_t, std::size_t> carets(const std::string& message) {
  const auto line = message.substr(message.find('\n') + 1);
  const auto begin = line.find('^');
  return {begin, line.find_first_not_of('^', begin) - begin};
}

TEST(Where, ReadsTheExampleOfTheDesign) {
  const auto where =
      parsed("gpu in [H100,A100] vram>=80GB reliability>0.99 country in [EU] inet_down>=500Mbps price<=2.50 verified");
  ASSERT_EQ(where.size(), 7U);
  EXPECT_EQ(where[0].values, (std::vector<std::string>{"a100", "h100"}));
  EXPECT_EQ(where[0].op, WhereOp::in);
  EXPECT_EQ(where[1].number, 80'000'000'000);
  EXPECT_EQ(where[2].number, 990'000);
  EXPECT_EQ(where[2].op, WhereOp::greater);
  EXPECT_EQ(where[3].values.size(), 27U);
  EXPECT_EQ(where[4].number, 500);
  EXPECT_EQ(where[5].number, 2'500'000);
  EXPECT_EQ(where[6].field, WhereField::verified);
  EXPECT_EQ(where[1].offset, 19U);
  EXPECT_EQ(where[1].length, 10U);
}

TEST(Where, TakesBlanksAndAndAndLettersOfAnyCase) {
  EXPECT_TRUE(parsed("").empty());
  EXPECT_TRUE(parsed(" \t\n ").empty());
  const auto where = parsed("  GPU == h100 AND\n vram >= 80gb and Country Not In [ fr , de ]");
  ASSERT_EQ(where.size(), 3U);
  EXPECT_EQ(where[0].values, std::vector<std::string>{"h100"});
  EXPECT_EQ(where[2].op, WhereOp::not_in);
  EXPECT_EQ(where[2].values, (std::vector<std::string>{"de", "fr"}));
}

TEST(Where, ReadsEachFieldInItsUnits) {
  EXPECT_EQ(one("gpus>=8").number, 8);
  EXPECT_EQ(one("cpu>=16").number, 16);
  EXPECT_EQ(one("memory>=16GiB").number, 16LL << 30);
  EXPECT_EQ(one("disk>1.5TB").number, 1'500'000'000'000);
  EXPECT_EQ(one("inet_down>=500").number, 500);
  EXPECT_EQ(one("inet_up>=1Gbps").number, 1000);
  EXPECT_EQ(one("inet_up>=2.5Gbps").number, 2500);
  EXPECT_EQ(one("price<0.000001").number, 1);
  EXPECT_EQ(one("reliability>=1").number, 1'000'000);
  EXPECT_EQ(one("cuda>=12.4").number, 12'004);
  EXPECT_EQ(one("cuda>=12").number, 12'000);
  EXPECT_EQ(one("duration>=1h30m").number, 5400);
}

TEST(Where, ExpandsGroupsOfCountries) {
  EXPECT_EQ(one("country=EU").op, WhereOp::in);
  EXPECT_EQ(one("country!=eu").op, WhereOp::not_in);
  EXPECT_EQ(one("country=EEA").values.size(), 30U);
  EXPECT_EQ(one("country in [EEA,EU,DE,US]").values.size(), 31U);
  EXPECT_TRUE(allows(one("country=EU"), "de"));
  EXPECT_FALSE(allows(one("country=EU"), "ch"));
  EXPECT_FALSE(allows(one("country=EU"), "no"));
  EXPECT_TRUE(allows(one("country=EEA"), "no"));
  EXPECT_EQ(format_constraint(one("country in [eu,us]")), "country in [EU,US]");
  EXPECT_EQ(format_constraint(one("country in [fr,de]")), "country in [DE,FR]");
  EXPECT_EQ(format_constraint(one("country!=EEA")), "country not in [EEA]");
}

TEST(Where, EveryMemberOfAGroupIsACountry) {
  for (const std::string_view group : {"EU", "EEA"}) {
    const auto members = country_group(group);
    EXPECT_TRUE(std::is_sorted(members.begin(), members.end()));
    for (const auto member : members) EXPECT_TRUE(is_country(member)) << member;
  }
  for (const std::string_view no : {"EU", "UK", "de", "D", "DEU", "XX", "ED", ""}) EXPECT_FALSE(is_country(no)) << no;
}

TEST(Where, GpuModelsMatchWholeNamesAndPartsUpToASeparator) {
  const auto matches = [](std::string_view pattern, std::string_view model) {
    return allows(one("gpu=\"" + std::string(pattern) + "\""), fold(WhereField::gpu, model));
  };
  EXPECT_TRUE(matches("H100", "H100"));
  EXPECT_TRUE(matches("h100", "H100-SXM"));
  EXPECT_TRUE(matches("H100", "H100 PCIe"));
  EXPECT_TRUE(matches("H100 pcie", "H100-PCIe"));
  EXPECT_TRUE(matches("H100-SXM", "H100_SXM 80GB"));
  EXPECT_FALSE(matches("H100-SXM", "H100-PCIe"));
  EXPECT_FALSE(matches("H100-SXM", "H100"));
  EXPECT_FALSE(matches("A10", "A100"));
  EXPECT_FALSE(matches("RTX4090", "RTX 4090"));
  EXPECT_FALSE(allows(one("gpu not in [H100,A100]"), "h100-sxm"));
  EXPECT_TRUE(allows(one("gpu not in [H100-SXM]"), "h100-pcie"));
}

TEST(Where, QuotesAndBlanksInNames) {
  EXPECT_EQ(one("gpu in [RTX 4090, A100]").values, (std::vector<std::string>{"a100", "rtx-4090"}));
  EXPECT_EQ(one("provider='Joe \"the GPU\" Smith'").values, std::vector<std::string>{"joe \"the gpu\" smith"});
  EXPECT_EQ(one("machine in [\"a, b\",c]").values, (std::vector<std::string>{"a, b", "c"}));
  EXPECT_EQ(format_constraint(one("machine=\"it's here\"")), "machine=\"it's here\"");
}

struct Wrong {
  std::string_view text;
  std::size_t column;
  std::size_t length;
  std::string_view says;
};

TEST(Where, ErrorsPointAtTheCharacter) {
  for (const auto& [text, column, length, says] : std::vector<Wrong>{
           {"vram>=80XB", 6, 4, "write a size such as 80GB"},
           {"vram>=80", 6, 2, "unit is missing"},
           {"gpu=H100 vrm>=80GB", 9, 3, "did you mean \"vram\"?"},
           {"gpu=H100 zzzzzz=1", 9, 6, "gpu, country, provider"},
           {"vram", 4, 1, "takes = != < <= > >="},
           {"vram >", 6, 1, "a number must stand here"},
           {"vram=>80GB", 5, 1, "a number must stand here"},
           {"vram in [80GB]", 5, 2, "is a number"},
           {"gpu>H100", 3, 1, "takes = and !="},
           {"gpu in H100", 7, 1, "a list must stand here"},
           {"gpu in []", 7, 2, "the list is empty"},
           {"gpu in [H100,]", 13, 1, "a value must stand here"},
           {"gpu in [H100", 7, 1, "never closed"},
           {"gpu in [H100=A]", 12, 1, "expected , or ]"},
           {"gpu=\"H100", 4, 1, "quote"},
           {"gpu=", 4, 1, "a value must stand here"},
           {"price<=-1", 7, 2, "negative"},
           {"price<=1e3", 7, 3, ""},
           {"price<=9000000001", 7, 10, ""},
           {"price<=1.0000001", 7, 9, ""},
           {"reliability>1.5", 12, 3, "from 0 to 1"},
           {"cuda>=twelve", 6, 6, "12.4"},
           {"inet_down>=1MBps", 11, 5, "500Mbps"},
           {"inet_down>=0.5", 11, 3, "whole number"},
           {"disk>=2EiB", 6, 4, ""},
           {"duration>=90", 10, 2, ""},
           {"kind=tpu", 5, 3, "gpu or cpu"},
           {"country=UK", 8, 2, "GB"},
           {"country in [DE,XX]", 15, 2, "is no country"},
           {"provider=hanse1qqqq", 9, 10, ""},
           {"gpu=H100,price<2", 8, 1, "separate constraints by blanks"},
           {"gpu=H100 or gpu=A100", 9, 2, "there is no \"or\""},
           {"verified=true", 8, 1, "stands alone"},
           {"gpu=H100 and", 8, 4, "must follow"},
           {"gpu=H100 & price<1", 9, 1, "expected a constraint"},
           {"gpu=H\xc3\xa9", 5, 1, ""},
           {"gpu=---", 4, 3, "a name must stand here"},
       }) {
    const auto where = parse_where(text);
    ASSERT_FALSE(where.has_value()) << text;
    EXPECT_EQ(carets(where.error().message), (std::pair{column, length})) << where.error().message;
    EXPECT_NE(where.error().message.find(says), std::string::npos) << where.error().message;
    EXPECT_NE(where.error().code, ErrorCode::internal);
  }
}

TEST(Where, RefusesContradictions) {
  for (const std::string_view text :
       {"price<1 price>2", "price<1 price>0.999999", "gpus=2 gpus=3", "gpus<1", "gpus!=1 gpus<2", "reliability>1",
        "price<0", "gpu in [A100] gpu in [H100]", "gpu=H100-SXM gpu=H100-PCIe", "gpu=H100 gpu!=H100",
        "gpu=H100-SXM gpu!=H100", "kind=gpu kind=cpu", "kind!=gpu kind!=cpu", "country=DE country not in [EU]",
        "cpu>=4 cpu<=6 cpu!=4 cpu!=5 cpu!=6", "machine in [a,b] machine in [b,c] machine!=b",
        "provider=alice provider=bob", "kind not in [gpu,cpu]"}) {
    const auto where = parse_where(text);
    ASSERT_FALSE(where.has_value()) << text;
    EXPECT_EQ(where.error().code, ErrorCode::invalid_argument) << where.error().message;
  }
  EXPECT_NE(parse_where("gpus=1 price<1 price>2").error().message.find("contradicts price<1.00"), std::string::npos);
}

TEST(Where, AcceptsWhatOnlyLooksContradictory) {
  for (const std::string_view text :
       {"price<1 price>0.99", "gpus>=2 gpus<=2", "gpus!=1 gpus<3", "gpu=H100 gpu=H100-SXM", "gpu=H100 gpu!=H100-SXM",
        "gpu in [A100,H100] gpu in [H100 PCIe,L4]", "kind!=cpu", "country=EU country!=DE", "vram>=40GB vram>=80GB",
        "reliability<=1 reliability>=1", "gpu!=A gpu!=B", "cpu>=4 cpu<=6 cpu!=4 cpu!=5"}) {
    EXPECT_TRUE(parse_where(text).has_value()) << text;
  }
  const AccountId account;
  EXPECT_TRUE(parse_where("provider=alice provider=" + format_address(account)).has_value());
}

TEST(Where, KeepsADuplicateOnce) {
  EXPECT_EQ(parsed("vram>=80GB gpu in [A,B] vram>=80GB gpu in [b, a, A] verified verified").size(), 3U);
}

TEST(Where, RefusesWhatIsTooLong) {
  std::string many;
  for (int i = 0; i < 10'000; ++i) many += "vram>=80GB ";
  EXPECT_EQ(parse_where(many).error().code, ErrorCode::too_large);

  std::string per_field;
  for (std::size_t i = 0; i <= kMaxConstraintsPerField; ++i) per_field += "cpu!=" + std::to_string(i + 1) + " ";
  EXPECT_EQ(parse_where(per_field).error().code, ErrorCode::too_large);

  std::string values = "machine in [m0";
  for (std::size_t i = 1; i < kMaxValuesPerConstraint; ++i) values += ",m" + std::to_string(i);
  EXPECT_TRUE(parse_where(values + "]").has_value());
  EXPECT_EQ(parse_where(values + ",one-more]").error().code, ErrorCode::too_large);

  EXPECT_TRUE(parse_where("machine=" + std::string(kMaxValueBytes, 'a')).has_value());
  EXPECT_EQ(parse_where("machine=" + std::string(kMaxValueBytes + 1, 'a')).error().code, ErrorCode::too_large);

  std::string different;
  const std::string_view fields[] = {"gpus", "cpu", "price", "inet_up", "inet_down", "cuda", "memory", "disk", "vram"};
  for (const auto field : fields) {
    const bool size = field == "memory" || field == "disk" || field == "vram";
    for (int i = 1; i <= 8; ++i) different += std::string(field) + "!=" + std::to_string(i) + (size ? "GB " : " ");
  }
  const auto where = parse_where(different);
  ASSERT_FALSE(where.has_value());
  EXPECT_EQ(where.error().code, ErrorCode::too_large);
  EXPECT_NE(where.error().message.find("64 constraints"), std::string::npos) << where.error().message;
}

TEST(Where, LimitsCountWhatDiffers) {
  std::string same, different;
  for (int i = 1; i <= 60; ++i) same += "gpus>=1 ";
  for (int i = 1; i <= 9; ++i) different += "gpus!=" + std::to_string(i) + " ";
  ASSERT_TRUE(parse_where(same));
  EXPECT_EQ(parse_where(same)->size(), 1U);
  EXPECT_EQ(parse_where(different).error().code, ErrorCode::too_large);
}

TEST(Where, PointsIntoTheRightLineAndCutsLongOnes) {
  EXPECT_EQ(point_at("one\ntwo three\nfour", 8, 5, "why"), "two three\n    ^^^^^ why");
  EXPECT_EQ(point_at("abc", 3, 1, "why"), "abc\n   ^ why");
  EXPECT_EQ(point_at("a\tb\x01\xff", 2, 99, "why"), "a b??\n  ^^^ why");
  const std::string longline(1000, 'x');
  const auto message = point_at(longline + "HERE" + longline, 1000, 4, "why");
  const auto [column, length] = carets(message);
  EXPECT_EQ(message.substr(column, length), "HERE");
  EXPECT_LT(message.size(), 300U);
}

/// A random text that is often right: tokens of the language in some order.
std::string random_text(Rng& rng) {
  static constexpr std::string_view kTokens[] = {
      "gpu",  "country", "provider", "machine", "kind",   "vram",   "price",    "reliability", "cuda", "duration",
      "disk", "inet_up", "gpus",     "cpu",     "memory", "driver", "verified", "and",         "in",   "not",
      "[",    "]",       ",",        "=",       "!=",     "<",      "<=",       ">",           ">=",   "==",
      " ",    "  ",      "80GB",     "1.5TB",   "24GiB",  "0.99",   "2.50",     "12.4",        "H100", "H100-SXM",
      "A100", "EU",      "DE",       "EEA",     "gpu",    "cpu",    "12h",      "500Mbps",     "8",    "\"",
      "'",    "\n",      "x",        "-",       "\xff",   "hanse1", "RTX 4090"};
  std::string text;
  for (auto n = rng.below(24); n > 0; --n) {
    text += kTokens[rng.below(std::size(kTokens))];
    if (rng.one_in(40)) text += static_cast<char>(rng.below(256));
  }
  return text;
}

/// A random text that is right as to its form.
std::string random_constraints(Rng& rng) {
  static constexpr std::string_view kParts[] = {"gpu in [H100,A100]",
                                                "gpu=L4",
                                                "gpu not in [T4, RTX 4090]",
                                                "country in [EU,US]",
                                                "country!=DE",
                                                "vram>=80GB",
                                                "vram<1234B",
                                                "memory>7MiB",
                                                "disk>=1.25TB",
                                                "inet_up>=10Gbps",
                                                "inet_down<77",
                                                "price<=2.5",
                                                "price!=0.123456",
                                                "reliability>=0.987654",
                                                "cuda>=11.8",
                                                "cuda=12",
                                                "duration>=1w2d3h",
                                                "kind=gpu",
                                                "driver=550.54.14",
                                                "machine in ['a b',\"c'd\"]",
                                                "provider=Joe",
                                                "verified",
                                                "gpus>=2",
                                                "cpu>=3"};
  std::string text;
  for (auto n = 1 + rng.below(6); n > 0; --n) text += std::string(kParts[rng.below(std::size(kParts))]) + " ";
  return text;
}

TEST(Where, RandomTextsAreReadOrRefusedAndWhatIsReadRoundTrips) {
  int read = 0;
  for (std::uint64_t seed = 1; seed <= 20'000; ++seed) {
    Rng rng(seed);
    const std::string text = seed % 2 == 0 ? random_text(rng) : random_constraints(rng);
    const auto where = parse_where(text);
    if (!where) {
      ASSERT_NE(where.error().code, ErrorCode::internal) << "seed " << seed << ": " << text;
      ASSERT_NE(where.error().message.find('^'), std::string::npos) << "seed " << seed;
      continue;
    }
    ++read;
    for (const auto& c : *where) {
      const auto again = parse_where(format_constraint(c));
      ASSERT_TRUE(again.has_value()) << "seed " << seed << ": " << format_constraint(c);
      ASSERT_EQ(again->size(), 1U);
      ASSERT_TRUE(same_meaning(c, again->front())) << "seed " << seed << ": " << format_constraint(c);
      ASSERT_EQ(format_constraint(again->front()), format_constraint(c)) << "seed " << seed;
      // The place it points at is the constraint itself.
      const auto alone = parse_where(text.substr(c.offset, c.length));
      ASSERT_TRUE(alone.has_value() && alone->size() == 1 && same_meaning(c, alone->front())) << "seed " << seed;
    }
  }
  EXPECT_GT(read, 5'000);
}

/// The contradiction search against trying every value of a small range.
TEST(Where, NumberContradictionsAreExact) {
  static constexpr std::string_view kOps[] = {"=", "!=", "<", "<=", ">", ">="};
  int refused = 0;
  for (std::uint64_t seed = 1; seed <= 5'000; ++seed) {
    Rng rng(seed);
    std::string text;
    Where each;
    for (auto n = 1 + rng.below(5); n > 0; --n) {
      const auto term = "cpu" + std::string(kOps[rng.below(6)]) + std::to_string(1 + rng.below(5));
      each.push_back(one(term));
      text += term + " ";
    }
    bool possible = false;
    for (std::int64_t v = 0; v < 20 && !possible; ++v) {
      possible = std::all_of(each.begin(), each.end(), [&](const auto& c) { return allows(c, v); });
    }
    const auto where = parse_where(text);
    ASSERT_EQ(where.has_value(), possible) << "seed " << seed << ": " << text;
    refused += where ? 0 : 1;
  }
  EXPECT_GT(refused, 500);
}

/// Names over a two-letter alphabet with separators: if any name satisfies all, the text must be accepted, and only
/// then.
TEST(Where, NameContradictionsAreExact) {
  const std::vector<std::string> names{"a",     "b",     "a-a", "a-b", "b-a", "b-b",
                                       "a-a-a", "a-b-b", "c",   "a-c", "b-c", "a-a-c"};
  for (std::uint64_t seed = 1; seed <= 5'000; ++seed) {
    Rng rng(seed);
    std::string text;
    Where each;
    for (auto n = 1 + rng.below(4); n > 0; --n) {
      std::string term = rng.one_in(2) ? "gpu in [" : "gpu not in [";
      term += names[rng.below(8)];
      if (rng.one_in(2)) term += "," + names[rng.below(8)];
      term += "]";
      each.push_back(one(term));
      text += term + " ";
    }
    const bool possible = std::any_of(names.begin(), names.end(), [&](const auto& name) {
      return std::all_of(each.begin(), each.end(), [&](const auto& c) { return allows(c, name); });
    });
    ASSERT_EQ(parse_where(text).has_value(), possible) << "seed " << seed << ": " << text;
  }
}

TEST(Where, VersionsReadAsNumbers) {
  EXPECT_EQ(parse_version("12.4"), 12'004);
  EXPECT_EQ(parse_version("11"), 11'000);
  for (const std::string_view no : {"", ".", "12.", ".4", "12.4.1", "1234", "12.1234", "a", "-1", "1 2"}) {
    EXPECT_EQ(parse_version(no), -1) << no;
  }
}

}  // namespace
}  // namespace hanse::model
