#include "client/glob.hpp"

#include <gmock/gmock.h>

#include <chrono>

namespace hanse::client {
namespace {

using ::testing::HasSubstr;

/// Which of the paths the pattern matches.
std::vector<std::string> matched(const std::string& pattern, const std::vector<std::string>& paths) {
  const auto glob = Glob::parse(pattern);
  EXPECT_TRUE(glob) << pattern << ": " << glob.error().message;
  std::vector<std::string> out;
  for (const auto& path : paths) {
    if (glob && glob->matches(path)) out.push_back(path);
  }
  return out;
}

using Paths = std::vector<std::string>;

TEST(Glob, StarsAndQuestionMarksStayWithinAName) {
  EXPECT_EQ(matched("res/*.txt", {"res/a.txt", "res/.txt", "a.txt", "res/sub/a.txt", "res/a.txt.gz"}),
            (Paths{"res/a.txt", "res/.txt"}));
  EXPECT_EQ(matched("?", {"a", "", "ab", "/"}), (Paths{"a"}));
  EXPECT_EQ(matched("*/x", {"a/x", "x", "a/b/x"}), (Paths{"a/x"}));
  EXPECT_EQ(matched("a*b*c", {"abc", "aXbbYc", "ab", "a/bc", "abcabd"}), (Paths{"abc", "aXbbYc"}));
  EXPECT_EQ(matched("*", {"a", ".a", "a/b"}), (Paths{"a", ".a"}));
}

TEST(Glob, TwoStarsGoAcrossFolders) {
  EXPECT_EQ(matched("**/*.pem", {"a.pem", "x/a.pem", "x/y/a.pem", "a.pem/x"}),
            (Paths{"a.pem", "x/a.pem", "x/y/a.pem"}));
  EXPECT_EQ(matched("a/**/b", {"a/b", "a/x/b", "a/x/y/b", "ab", "a/xb", "x/a/b"}), (Paths{"a/b", "a/x/b", "a/x/y/b"}));
  EXPECT_EQ(matched("a/**", {"a/b", "a/b/c", "a", "ab/c"}), (Paths{"a/b", "a/b/c"}));
  EXPECT_EQ(matched("**", {"a", "a/b/c"}), (Paths{"a", "a/b/c"}));
  EXPECT_EQ(matched("x?**/b", {"xya/b", "xy/b", "xya/c/b"}), (Paths{"xya/b", "xy/b"}))
      << "beside a name it is one star";
  EXPECT_EQ(matched("**/a/**/b/*", {"a/b/c", "x/a/a/x/b/b/c", "a/b", "b/a/c"}), (Paths{"a/b/c", "x/a/a/x/b/b/c"}));
}

TEST(Glob, SetsHoldCharactersRangesAndClasses) {
  const Paths letters{"a", "b", "c", "-", "]", "[", "^", "!", "\\", "5", "Z"};
  EXPECT_EQ(matched("[a-c]", letters), (Paths{"a", "b", "c"}));
  EXPECT_EQ(matched("[!a-c5Z]", letters), (Paths{"-", "]", "[", "^", "!", "\\"}));
  EXPECT_EQ(matched("[^a-c5Z]", letters), (Paths{"-", "]", "[", "^", "!", "\\"}));
  EXPECT_EQ(matched("[5-5-Z]", letters), (Paths{"-", "5", "Z"})) << "the end of a range begins none";
  EXPECT_EQ(matched("[]-]", letters), (Paths{"-", "]"}));
  EXPECT_EQ(matched("[]-a]", letters), (Paths{"a", "]", "^"})) << "a range that begins with ]";
  EXPECT_EQ(matched("[\\]\\\\]", letters), (Paths{"]", "\\"}));
  EXPECT_EQ(matched("[[:alpha:][:digit:]]", letters), (Paths{"a", "b", "c", "5", "Z"}));
  EXPECT_EQ(matched("[[:upper:]-]", letters), (Paths{"-", "Z"}));
  EXPECT_EQ(matched("[c-a]", letters), (Paths{"c"})) << "backwards, a range is what it begins with";
  EXPECT_EQ(matched("a[!x]b", {"a/b", "ayb", "axb"}), (Paths{"ayb"})) << "no set takes a slash";
}

TEST(Glob, ABackslashTakesWhatFollowsAsItself) {
  EXPECT_EQ(matched("a\\*b", {"a*b", "axb", "a\\*b"}), (Paths{"a*b"}));
  EXPECT_EQ(matched("\\[x]", {"[x]", "x"}), (Paths{"[x]"}));
  EXPECT_TRUE(is_pattern("a*"));
  EXPECT_TRUE(is_pattern("\\\\?"));
  EXPECT_TRUE(is_pattern("[a"));
  EXPECT_FALSE(is_pattern("a\\*b\\"));
  EXPECT_FALSE(is_pattern("out.png"));
  EXPECT_EQ(without_escapes("a\\*b\\\\"), "a*b\\");
}

TEST(Glob, WhatNoPathCanMatchIsRefused) {
  const auto refusal = [](const std::string& pattern) {
    const auto glob = Glob::parse(pattern);
    return glob ? "accepted" : glob.error().message;
  };
  for (const auto* bad : {"[a", "[", "a/[!]", "[]", "[a-", "[[:alpha:]", "[a\\", "[a\\]"}) {
    EXPECT_THAT(refusal(bad), HasSubstr("no ] closes")) << bad;
  }
  EXPECT_THAT(refusal("[[:letter:]]"), HasSubstr("there are alnum, alpha"));
  EXPECT_THAT(refusal("x[/]y"), HasSubstr("takes no character"));
  EXPECT_THAT(refusal("a\\"), HasSubstr("write \\\\"));
  EXPECT_THAT(refusal(std::string("a\0b", 3)), HasSubstr("zero byte"));
  EXPECT_EQ(Glob::parse(std::string(5000, 'a')).error().code, ErrorCode::too_large);
  for (const auto* bad : {"", "/", "a//b", "/a", "a/", "**//b", "a/**/"}) {
    EXPECT_THAT(refusal(bad), HasSubstr("is empty")) << bad;
  }
  for (const auto* bad : {".", "..", "./a", "a/../b", "a/.", "**/./a", "\\./a"})
    EXPECT_THAT(refusal(bad), HasSubstr("\"..\"")) << bad;
  for (const auto* good : {"...", ".*", ".?/a", "a.", "*/..a", "[.]"}) EXPECT_EQ(refusal(good), "accepted") << good;
}

TEST(Glob, OneThatIsBadMatchesNothingAndATrailingSlashCountsForNothing) {
  EXPECT_TRUE(glob_matches("logs*/", "logs1"));
  EXPECT_FALSE(glob_matches("[", "["));
}

TEST(Glob, TimeGrowsAsPatternTimesPathAndNoFaster) {
  const auto start = std::chrono::steady_clock::now();
  std::string stars, folders, path;
  for (int i = 0; i < 1000; ++i) stars += "*a";
  for (int i = 0; i < 600; ++i) folders += "**/a*/";
  for (int i = 0; i < 2000; ++i) path += "a/";
  for (const auto& pattern :
       {stars + "b", "*" + std::string(2000, '?') + "b", folders + "b", "**/**/**/" + stars + "b"}) {
    const auto glob = Glob::parse(pattern);
    ASSERT_TRUE(glob) << glob.error().message;
    EXPECT_FALSE(glob->matches(std::string(4000, 'a')));
    EXPECT_FALSE(glob->matches(path + "c"));
  }
  const auto took = std::chrono::steady_clock::now() - start;
  EXPECT_LT(std::chrono::duration_cast<std::chrono::seconds>(took).count(), 5) << "with a factor of 50 to spare";
}

}  // namespace
}  // namespace hanse::client
