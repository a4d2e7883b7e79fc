// What stays here: .hanseignore files as their documentation says, and as git itself reads them.

#include "cli/ignore_list.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <map>

#include "base/check.hpp"
#include "base/rng.hpp"
#include "cli/file_tree.hpp"

namespace hanse::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class IgnoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "hanse-ignore-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = fs::canonical(name);
  }
  void TearDown() override { fs::remove_all(folder_); }
  void put(const std::string& name, const std::string& text = "") const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
    HANSE_CHECK(fs::exists(folder_ / name));
  }
  /// What is copied, but for the .hanseignore in the folder itself.
  [[nodiscard]] std::vector<std::string> copied() const {
    std::vector<std::string> out;
    const auto tree = scan(folder_, Ignoring::listed);
    EXPECT_TRUE(tree) << tree.error().message;
    if (!tree) return out;
    for (const auto& file : tree->files) {
      if (file.relative != kIgnoreFile) out.push_back(file.relative);
    }
    return out;
  }
  [[nodiscard]] std::vector<std::string> copied(const std::string& ignore) const {
    put(std::string(kIgnoreFile), ignore);
    return copied();
  }
  [[nodiscard]] std::string refusal(const std::string& ignore, const std::string& below = "") const {
    put(below + std::string(kIgnoreFile), ignore);
    const auto tree = scan(folder_, Ignoring::listed);
    return tree ? "accepted" : tree.error().message;
  }

  fs::path folder_;
};

TEST_F(IgnoreTest, SecretsThatWereToStayStay) {
  for (const auto* name : {".env", "top.pem", "sub/mid.pem", "sub/deep/low.pem", "sub/deep/.env"}) put(name);
  EXPECT_THAT(copied("\xef\xbb\xbf.env\n*.pem\n"), IsEmpty()) << "after a byte order mark";
  EXPECT_THAT(copied("**/*.pem\n**/.env\n"), IsEmpty()) << "at any depth, also at none";
  EXPECT_THAT(copied(".env\r\n*.pem  \r\n"), IsEmpty()) << "from another system";
  EXPECT_THAT(copied("*.pem\n/.env"), ElementsAre("sub/deep/.env"));
}

TEST_F(IgnoreTest, LinesMeanWhatGitSays) {
  for (const auto* name : {"a.png", "keep.png", "sub/b.png", "build/out.o", "src/build", "src/gen/x.c", "docs/gen/x.md",
                           "#a", "!a", "c ", "d"}) {
    put(name);
  }
  EXPECT_THAT(copied("*.png\n!keep.png\n"), ElementsAre("!a", "#a", "build/out.o", "c ", "d", "docs/gen/x.md",
                                                        "keep.png", "src/build", "src/gen/x.c"));
  EXPECT_THAT(copied("# folders called build\nbuild/\n*.png\n\\#a\n\\!a\n\n   \n"),
              ElementsAre("c ", "d", "docs/gen/x.md", "src/build", "src/gen/x.c"));
  EXPECT_THAT(copied("/src/gen\n*.png\nbuild\n[!a-z]*\nc\\ \nd "), ElementsAre("docs/gen/x.md"));
  EXPECT_THAT(copied("*\n!sub/\n!b.png"), ElementsAre("sub/b.png"));
  EXPECT_THAT(copied("sub/\n!b.png\n*.*\nc*\nd*\nbuild\n"), ElementsAre("!a", "#a")) << "not below what is left out";
}

TEST_F(IgnoreTest, ADeeperFileDecidesBeforeOneAbove) {
  for (const auto* name : {"a.log", "sub/a.log", "sub/b.log", "sub/deep/a.log", "gone/a.log"}) put(name);
  put("sub/.hanseignore", "!/a.log\n");
  put("gone/.hanseignore", "!a.log\n");
  EXPECT_THAT(copied("*.log\ngone/"), ElementsAre("sub/.hanseignore", "sub/a.log"));
  put("sub/.hanseignore", "!*.log\n/deep\n.hanseignore");
  EXPECT_THAT(copied("*.log"), ElementsAre("gone/.hanseignore", "gone/a.log", "sub/a.log", "sub/b.log"));
}

TEST_F(IgnoreTest, WhatIsTakenBackIsKnownAsMeant) {
  for (const auto* name : {".env", "sub/.env", "x"}) put(name);
  put(".hanseignore", "!/.env\n");
  const auto tree = scan(folder_, Ignoring::listed);
  std::vector<std::string> meant;
  for (const auto& file : tree->files) {
    if (file.is_meant) meant.push_back(file.relative);
  }
  EXPECT_THAT(meant, ElementsAre(".env"));
}

TEST_F(IgnoreTest, LinksAreTakenForWhatTheyLeadTo) {
  put("real/x");
  fs::create_symlink("real", folder_ / "link");
  EXPECT_THAT(copied("link/\n"), ElementsAre("real/x"));
  put("shared", "real\nlink\n");
  fs::remove(folder_ / kIgnoreFile);
  fs::create_symlink("shared", folder_ / kIgnoreFile);
  EXPECT_THAT(copied(), ElementsAre("shared"));
}

TEST_F(IgnoreTest, ALineThatCouldNeverMatchIsRefusedWithWhatToWrite) {
  const std::map<std::string, std::string> advice{
      {"./.env", "write /.env"},
      {"a/./b/", "write /a/b/"},
      {"a//b", "write /a/b"},
      {"!a/../b", "write !/b"},
      {"//a", "write /a"},
      {"a//", "write /a/"},
      {"../secret", "a folder above"},
      {"..", "a folder above"},
      {".", "write * for all"},
      {"/", "write * for all"},
      {"!", "behind the !"},
      {"[ab", "no ] closes"},
      {"[[:letter:]]", "there are alnum"},
      {"a\\", "write \\\\"},
      {"a\\/", "write \\\\"},
      {"~/.ssh", "path of this machine: write it as it is seen from this folder"},
      {folder_.string() + "/sub/.env", "this folder, like /sub/.env"},
      {".env  # secrets", "a comment stands on a line of its own"},
  };
  for (const auto& [line, said] : advice) {
    EXPECT_THAT(refusal("# one\n" + line + "\nok\n"), HasSubstr(".hanseignore, line 2: \"" + line.substr(0, 40)))
        << line;
    EXPECT_THAT(refusal(line), HasSubstr(said)) << line;
  }
  EXPECT_EQ(refusal("\\~/.ssh\n\\#a\na\\ \\#b\n"), "accepted");
  put(folder_.relative_path().begin()->string() + "/x");
  EXPECT_EQ(refusal(folder_.string() + "/sub/.env"), "accepted") << "here it may mean that folder";
  EXPECT_THAT(refusal("ok\n./x", "sub/"), HasSubstr("sub/.hanseignore, line 2: "));
}

TEST_F(IgnoreTest, AFileThatIsNoListIsRefusedAndNotPassedOver) {
  EXPECT_THAT(refusal(std::string("\xff\xfe.\0e\0", 6)), HasSubstr("UTF-8"));
  EXPECT_THAT(refusal(std::string(5000, 'a')), HasSubstr("line 1: a line has at most"));
  EXPECT_THAT(refusal(std::string(kMaxIgnoreBytes + 1, '\n')), HasSubstr("1 MiB"));
  std::string many;
  for (std::size_t i = 0; i <= kMaxIgnorePatterns; ++i) many += "a\n";
  EXPECT_THAT(refusal(many), HasSubstr("at most 10000 patterns"));
  many.resize(many.size() - 2);
  EXPECT_EQ(refusal(many), "accepted");
  EXPECT_THAT(refusal("b", "sub/"), HasSubstr("more than 10000 patterns count for it"));
  fs::remove_all(folder_ / "sub");
  fs::remove(folder_ / kIgnoreFile);
  fs::create_symlink("nowhere", folder_ / kIgnoreFile);
  EXPECT_THAT(scan(folder_, Ignoring::listed).error().message, HasSubstr("must be a file"));
  fs::remove(folder_ / kIgnoreFile);
  fs::create_directory(folder_ / kIgnoreFile);
  EXPECT_THAT(scan(folder_, Ignoring::listed).error().message, HasSubstr("must be a file"));
  EXPECT_TRUE(scan(folder_)) << "what is copied whole is not looked at";
}

/// All that git would add of the folder, by .hanseignore files.
std::vector<std::string> git_files(const fs::path& folder) {
  const std::string git =
      "env -u GIT_DIR -u GIT_WORK_TREE -u GIT_INDEX_FILE GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null "
      "git -C " +
      folder.string();
  HANSE_CHECK(std::system((git + " init -q").c_str()) == 0);
  const std::string list = git + " ls-files -z -o --exclude-per-directory=.hanseignore";
  FILE* pipe = ::popen(list.c_str(), "r");
  HANSE_CHECK(pipe != nullptr);
  std::string text;
  std::array<char, 65536> buffer{};
  while (const auto n = std::fread(buffer.data(), 1, buffer.size(), pipe)) text.append(buffer.data(), n);
  HANSE_CHECK(::pclose(pipe) == 0);
  fs::remove_all(folder / ".git");
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size(); at = text.find('\0', at) + 1) out.emplace_back(text.c_str() + at);
  std::sort(out.begin(), out.end());
  return out;
}

/// Few names, so that patterns meet them; with what is special in patterns among them.
std::string random_name(Rng& rng) {
  static const std::vector<std::string> names{"a",   "b",        "ab",  "ba",  "abb", ".a",  "a.b", "a b",
                                              "A",   "a*",       "[a]", "a-b", "!a",  "#a",  "a?",  "\\",
                                              "a\\", "\xc3\xa4", "5",   "a]",  "^",   "...", " ",   "b\t"};
  return names[rng.one_in(2) ? rng.below(4) : rng.below(names.size())];
}

std::string random_pattern(Rng& rng) {
  static const std::vector<std::string> pieces{"*",
                                               "**",
                                               "?",
                                               "[ab]",
                                               "[!a]",
                                               "[^b-z]",
                                               "/",
                                               "/",
                                               "/**/",
                                               "/**",
                                               "**/",
                                               "[[:alpha:]]",
                                               "[]a]",
                                               "\\*",
                                               "\\[",
                                               "\\",
                                               "[a",
                                               "[/]",
                                               "[a/b]",
                                               "[[:punct:]b-]",
                                               "[[:space:]]",
                                               "[+--]",
                                               "[\\]-a]",
                                               "***",
                                               "**\\/",
                                               "\\a",
                                               "[[:nope:]]",
                                               "[a-]",
                                               "[[:a]",
                                               "]",
                                               ".",
                                               "..",
                                               "[[:cntrl:][:graph:]]",
                                               "[^[:xdigit:]]",
                                               "[a-a-b]"};
  std::string out;
  for (auto n = 1 + rng.below(4); n > 0; --n) {
    if (rng.one_in(2)) out += random_name(rng);
    if (rng.one_in(2)) out += pieces[rng.one_in(2) ? rng.below(11) : rng.below(pieces.size())];
    if (rng.one_in(3)) out += "/";
  }
  if (rng.one_in(4)) out = "/" + out;
  if (rng.one_in(4)) out = "!" + out;
  if (rng.one_in(8)) out += " ";
  return out;
}

bool is_known_comment(const std::string& line) {
  return line.find(" #") != std::string::npos || line.find("\t#") != std::string::npos;
}

/// A list of patterns that are good or, with `bad`, that are all refused.
std::string random_list(Rng& rng, bool bad) {
  std::string out = rng.one_in(8) ? "\xef\xbb\xbf" : "";
  for (auto n = 1 + rng.below(12); n > 0;) {
    const auto line = random_pattern(rng);
    if (is_known_comment(line) || IgnoreList::parse(line).has_value() == bad) continue;
    out += line + (rng.one_in(8) ? "\r\n" : "\n");
    --n;
  }
  if (rng.one_in(8)) out.pop_back();
  return out;
}

constexpr int kDepth = 2;

void random_tree(const fs::path& folder, Rng& rng, bool bad, int depth) {
  fs::create_directories(folder);
  for (auto n = 2 + rng.below(6); n > 0; --n) {
    const auto path = folder / random_name(rng);
    if (fs::exists(path)) continue;
    if (depth > 0 && rng.one_in(3)) {
      random_tree(path, rng, bad, depth - 1);
    } else {
      std::ofstream(path).put('x');
    }
  }
  if (depth == kDepth || (!bad && rng.one_in(4))) std::ofstream(folder / kIgnoreFile) << random_list(rng, bad);
}

TEST_F(IgnoreTest, GitLeavesOutTheSameFilesOfRandomTrees) {
  const std::uint64_t seed = 20'260'715;
  SCOPED_TRACE("seed " + std::to_string(seed));
  Rng rng(seed);
  constexpr int kTrees = 300;
  for (int i = 0; i < kTrees; ++i) random_tree(folder_ / std::to_string(i), rng, false, kDepth);
  const auto expected = git_files(folder_);
  auto ours = copied();
  std::sort(ours.begin(), ours.end());
  EXPECT_GT(ours.size(), 500U);
  std::vector<std::string> differ;
  std::set_symmetric_difference(ours.begin(), ours.end(), expected.begin(), expected.end(), std::back_inserter(differ));
  for (std::size_t i = 0; i < std::min<std::size_t>(differ.size(), 5); ++i) {
    const bool is_ours = std::binary_search(ours.begin(), ours.end(), differ[i]);
    std::ifstream list(folder_ / differ[i].substr(0, differ[i].find('/')) / kIgnoreFile);
    ADD_FAILURE() << differ[i] << (is_ours ? " goes, and git leaves it out" : " is left out, and git takes it") << "\n"
                  << std::string(std::istreambuf_iterator<char>(list), {});
  }
  EXPECT_THAT(differ, IsEmpty());
}

TEST_F(IgnoreTest, GitHasTheSameCharactersInEachClass) {
  for (const std::string name :
       {"alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "xdigit"}) {
    put(name + "/.hanseignore", "[[:" + name + ":]]\n");
    for (int c = 1; c < 256; ++c) {
      if (c != '/' && c != '.') put(name + "/" + static_cast<char>(c));
    }
  }
  const auto expected = git_files(folder_);
  auto ours = copied();
  std::sort(ours.begin(), ours.end());
  EXPECT_EQ(ours, expected);
}

TEST_F(IgnoreTest, GitMatchesNothingByALineThatIsRefused) {
  const std::uint64_t seed = 20'260'716;
  SCOPED_TRACE("seed " + std::to_string(seed));
  Rng rng(seed);
  constexpr int kTrees = 100;
  for (int i = 0; i < kTrees; ++i) random_tree(folder_ / std::to_string(i), rng, true, kDepth);
  const auto git = git_files(folder_);
  const auto all = scan(folder_);
  std::vector<std::string> ours;
  for (const auto& file : all->files) ours.push_back(file.relative);
  std::sort(ours.begin(), ours.end());
  EXPECT_EQ(git, ours);
}

}  // namespace
}  // namespace hanse::cli
