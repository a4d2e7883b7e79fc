#include "model/plain_text.hpp"

#include <gtest/gtest.h>

#include "base/rng.hpp"

namespace hanse::model {
namespace {

TEST(PlainText, WhatIsReadAsMoreThanALetterIsNotPlain) {
  for (const std::string text : {"", "plain words", "Zürich 東京 🙂", "e\u0301"}) EXPECT_TRUE(is_plain(text)) << text;
  for (const std::string text :
       {"line\nbreak", "tab\t", "esc\x1b[31m", "del\x7f", "c1 \u009b31m", "next\u0085line", "sep\u2028", "sep\u2029",
        "rtl\u202e", "isolate\u2066", "zero\u200bwidth", "joiner\u200d", "mark\ufeff", "soft\u00adhyphen", "alm\u061c",
        "filler\u3164", "tag\U000e0041", "not utf8 \xff", "cut \xe2\x82"}) {
    EXPECT_FALSE(is_plain(text)) << text;
    EXPECT_TRUE(is_plain(make_plain(text, 100))) << text;
  }
}

TEST(PlainText, AnythingMadePlainIsPlainAndShortEnoughAndPlainTextStaysAsItIs) {
  const std::uint64_t seed = 20261128;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (auto left = rng.below(40); left > 0; --left) {
      const char* pieces[] = {"a", " ", "\xe2\x80\x8b", "\xc2\x9b", "ü", "東", "\x1b", "\xf0\x9f\x99\x82"};
      text += rng.one_in(2) ? std::string(1, static_cast<char>(rng.next())) : pieces[rng.below(std::size(pieces))];
    }
    const auto most = rng.below(60);
    const auto plain = make_plain(text, most);
    EXPECT_LE(plain.size(), most);
    EXPECT_TRUE(is_plain(plain));
    EXPECT_EQ(make_plain(plain, most), plain);
    if (is_plain(text)) {
      EXPECT_EQ(make_plain(text, text.size()), text);
    }
  }
}

}  // namespace
}  // namespace hanse::model
