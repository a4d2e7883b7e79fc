#include "model/pattern.hpp"

#include <gtest/gtest.h>

#include <regex>

#include "base/rng.hpp"
#include "model/price_class.hpp"
#include "model/text.hpp"

namespace hanse::model {
namespace {

bool fits(const std::string& pattern, const std::string& text) {
  return std::regex_match(text, std::regex(pattern));
}

/// A text that a parser takes with a few characters changed, added or lost: near enough to be taken now and then.
std::string near(Rng& rng, std::string text, std::string_view letters) {
  for (auto changes = rng.below(3); changes > 0; --changes) {
    const auto at = rng.below(text.size() + 1);
    const char c = letters[rng.below(letters.size())];
    const auto how = rng.below(3);
    if (how == 0 || at == text.size()) {
      text.insert(at, 1, c);
    } else if (how == 1) {
      text[at] = c;
    } else {
      text.erase(at, 1);
    }
  }
  return text;
}

/// Holds `parse` to the pattern on texts near to `samples`. `beyond`: of a text that fits and is refused, whether that
/// is for what the pattern does not tell.
template <class Parse, class Beyond>
void expect_same(const std::string& pattern, const std::vector<std::string>& samples, std::string_view letters,
                 Parse&& parse, Beyond&& beyond) {
  Rng rng(7);
  const std::regex expression(pattern);
  int taken = 0, refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto text = near(rng, samples[rng.below(samples.size())], letters);
    const bool fits = std::regex_match(text, expression);
    const auto parsed = static_cast<bool>(parse(text));
    ++(parsed ? taken : refused);
    if (parsed) {
      ASSERT_TRUE(fits) << text << " is taken and does not fit " << pattern;
    } else {
      ASSERT_TRUE(!fits || beyond(text)) << text << " fits " << pattern << " and is refused";
    }
  }
  EXPECT_GT(taken, 1000);
  EXPECT_GT(refused, 1000);
}

TEST(Pattern, OfAnAddressIsWhatTheParserTakesButForTheChecksum) {
  AccountId id;
  id.data[7] = 5;
  const auto lower = format_address(id);
  std::string upper = lower;
  for (auto& c : upper) c = static_cast<char>(std::toupper(c));
  const auto is_mistyped = [](const std::string& text) {
    const auto message = parse_address(text).error().message;
    return message.find("checksum") != std::string::npos;
  };
  expect_same(address_pattern(true), {lower, upper}, "hHaAqQ1bBiIoO0 ", parse_address, is_mistyped);
  EXPECT_TRUE(fits(address_pattern(false), lower));
  EXPECT_FALSE(fits(address_pattern(false), upper));
}

TEST(Pattern, OfAnIdIsWhatTheParserTakesUpToNineteenDigits) {
  const auto never = [](const std::string&) { return false; };
  expect_same(id_pattern<LeaseTag>(), {"lease-7", "7", "lease-18446744073709551", "90"}, "0123456789-lease ",
              parse_id<LeaseTag>, never);
  const std::string most(19, '9');
  EXPECT_TRUE(fits(id_pattern<OfferTag>(), "offer-" + most) && parse_id<OfferTag>("offer-" + most));
  EXPECT_FALSE(fits(id_pattern<OfferTag>(), "offer-1" + most));
}

TEST(Pattern, OfADurationIsWhatTheParserTakesUpToTheLongest) {
  const auto is_long = [](const std::string& text) {
    return text.size() < 2 || text.size() > kMaxNumberText ||
           parse_duration_s(text).error().code == ErrorCode::too_large;
  };
  expect_same(duration_pattern(), {"1w2d", "90s", "1h30m", "36500d", "5m7s"}, "0123456789wdhms.- ", parse_duration_s,
              is_long);
}

TEST(Pattern, OfASizeIsWhatTheParserTakesInWholeBytes) {
  const auto is_no_amount = [](const std::string& text) {
    const auto error = parse_size(text).error();
    return error.code == ErrorCode::too_large || error.message.find("whole number of bytes") != std::string::npos;
  };
  expect_same(size_pattern(), {"80GB", "16gib", "1.5TB", "12B", "0.000001MB", "1EiB"}, "0123456789.kKMgiIbBE ",
              parse_size, is_no_amount);
}

TEST(Pattern, OfAClassIsWhatTheParserTakesOfANameThatIsPrintable) {
  const auto never = [](const std::string&) { return false; };
  const auto parse = [](const std::string& text) {
    const auto found = parse_class(text);
    return found && !found->gpu.empty();
  };
  expect_same(class_pattern(), {"h100-sxm/europe", "rtx4090/asia", "a/b-c/oceania", "[x]^~/africa"},
              "abhH-_ /{}!~@`10[\\]^", parse, never);
}

}  // namespace
}  // namespace hanse::model
