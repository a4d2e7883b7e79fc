// Which commands are scp's, and what names they give, held to what sh makes of the same words.

#include "provider/scp_command.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace hanse::provider {
namespace {

using ::testing::ElementsAre;

/// In a folder of its own, which is the working folder.
class ScpNames : public ::testing::Test {
 protected:
  ScpNames() {
    char name[] = "/tmp/hanse-scp-XXXXXX";
    EXPECT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
    before_ = std::filesystem::current_path();
    std::filesystem::current_path(folder_);
  }
  ~ScpNames() override {
    std::filesystem::current_path(before_);
    std::filesystem::remove_all(folder_);
  }
  static std::vector<std::string> names(const std::string& words) {
    const auto command = parse_scp_command("scp -f " + words);
    return command ? expand_names(command->names).value() : std::vector<std::string>{"(the shell's)"};
  }
  /// The same by sh, whose home is the working folder.
  std::vector<std::string> names_by_sh(const std::string& words) {
    const std::string script =
        "HOME=" + folder_.string() + "; for name in " + words + "\ndo printf '%s\\0' \"$name\"; done";
    FILE* pipe = ::popen(script.c_str(), "r");
    std::vector<std::string> out;
    std::string name;
    for (int c = 0; (c = std::fgetc(pipe)) != EOF;) {
      if (c != 0)
        name += static_cast<char>(c);
      else
        out.push_back(std::exchange(name, ""));
    }
    ::pclose(pipe);
    return out;
  }

  std::filesystem::path folder_, before_;
};

TEST(ScpCommand, OptionsSayWhatIsAsked) {
  const auto sink = parse_scp_command("scp -v -r -p -d -t -- -name");
  ASSERT_TRUE(sink);
  EXPECT_TRUE(sink->is_sink && sink->is_recursive && sink->keeps_times && sink->into_folder);
  ASSERT_EQ(sink->names.size(), 1U);
  EXPECT_EQ(sink->names[0].text, "-name");
  const auto source = parse_scp_command("scp -qpf a b");
  ASSERT_TRUE(source);
  EXPECT_FALSE(source->is_sink || source->is_recursive || source->into_folder);
  EXPECT_TRUE(source->keeps_times);
  EXPECT_EQ(source->names.size(), 2U);
}

TEST(ScpCommand, WhatIsMoreThanThatIsTheShells) {
  for (const auto* text : {"",
                           "scp",
                           "scp -t",
                           "scp -r x",
                           "scp a b:",
                           "scp -t -f x",
                           "scp -x -t y",
                           "scp -S prog -t y",
                           "/bin/scp -t x",
                           "scpx -t x",
                           "scp -t x; id",
                           "scp -t x | cat",
                           "scp -t x && id",
                           "scp -t $(id)",
                           "scp -t \"$(id)\"",
                           "scp -t `id`",
                           "scp -t \"`id`\"",
                           "scp -t $HOME",
                           "scp -t x > y",
                           "scp -t x < y",
                           "scp -t x\nid",
                           "scp -t (x)",
                           "scp -t x #y",
                           "scp -t ~root/x",
                           "scp -t ~'/x'",
                           "scp -t 'x",
                           "scp -t \"x",
                           "scp -t x\\",
                           "A=b scp -t x",
                           "~scp -t x"}) {
    EXPECT_FALSE(parse_scp_command(text)) << text;
  }
  EXPECT_FALSE(parse_scp_command(std::string_view("scp -t x\0y", 10)));
  EXPECT_FALSE(parse_scp_command("scp -t " + std::string(64 * 1024, 'x')));
}

TEST_F(ScpNames, MeanWhatTheyMeanToSh) {
  for (const auto* name : {"a1", "a2", "b c", "st*r", "q'q", "d\\b", ".hidden", "[x]", "-dash"})
    std::ofstream(name) << 1;
  std::filesystem::create_directory("sub");
  std::ofstream("sub/a 3") << 1;
  for (const auto* words :
       {"a1 a2",    "'b c'",   "b\\ c",   "\"b c\"", "a*",    "a?",      "[ab]*",     "'a*'",      "a\\*",
        "\"a*\"",   "st'*'r",  "st\\*r",  "*\\**",   "q\\'q", "\"q'q\"", "'q'\\''q'", "d\\\\b",    "\"d\\\\b\"",
        "\"d\\b\"", "\\[x]",   "'['x]",   "[[]*",    "*",     ".h*",     "*/*",       "sub/a\\ *", "sub/'a '*",
        "none*",    "'none'*", "no\\ne*", "~",       "~/a1",  "~/a*",    "~/'a*'",    "a~",        "'~'",
        "\\~",      "''",      "\"\"",    "./-dash", "[!a]*", "['!a']*", "{a1,a2}",   "a\\\tb",    "\"\\$x\"",
        "é*",       "=",       "a=b",     "!",       "a#b"}) {
    EXPECT_EQ(names(words), names_by_sh(words)) << words;
  }
}

TEST_F(ScpNames, AreBounded) {
  for (int i = 0; i < 400; ++i) std::ofstream(std::to_string(i)) << 1;
  std::string words = "scp -f";
  for (int i = 0; i < 300; ++i) words += " *";
  EXPECT_EQ(expand_names(parse_scp_command(words)->names).error().code, ErrorCode::too_large);
}

}  // namespace
}  // namespace hanse::provider
