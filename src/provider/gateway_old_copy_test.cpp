// scp as OpenSSH before 9 speaks it (`scp -O` after): a program `scp` is started over there, which images do not have.

#include "provider/testing/gateway_suite.hpp"

namespace hanse::provider {
namespace {

using ::testing::HasSubstr;
using testing::Ran;
using testing::run_shell;

class GatewayOldCopyTest : public testing::GatewaySuite<GatewayOldCopyTest> {
 protected:
  static std::string scp() { return "scp -q -F " + house().config() + " "; }
  static std::string blob() {
    static const std::string path = [] {
      const std::string file = folder() + "/blob";
      run_shell("head -c 50000000 /dev/urandom > " + file);
      return file;
    }();
    return path;
  }
  /// `SOURCE… TARGET`, where "@PATH" is PATH of the lease.
  static Ran copy(std::string names, const std::string& options = "-O") {
    for (std::size_t at = 0; (at = names.find('@', at)) != std::string::npos; at += house().target().size()) {
      names.replace(at, 1, house().target() + ":");
    }
    return run_shell("cd " + folder() + " && " + scp() + options + " " + names + " 2>&1");
  }
  static std::string there(const std::string& name) { return (house().workspace() / name).string(); }
};

TEST_F(GatewayOldCopyTest, CopiesThereAndBackUnchanged) {
  ASSERT_EQ(copy(blob() + " @there").output, "");
  EXPECT_EQ(run_shell("cmp " + blob() + " " + there("there")).code, 0);
  ASSERT_EQ(copy("@~/there back-old").output, "");
  EXPECT_EQ(run_shell("cmp " + blob() + " " + folder() + "/back-old").code, 0);
}

TEST_F(GatewayOldCopyTest, CopiesFoldersWithModesAndTimes) {
  const std::string time = " -d '2001-02-03 04:05:06 UTC' ";
  run_shell("cd " + folder() + " && mkdir -p old/deep/er && echo x > old/deep/er/file && ln -s er old/deep/link && " +
            "chmod 751 old/deep/er/file && chmod 2700 old/deep && touch" + time + "old/deep/er/file old/deep");
  ASSERT_EQ(copy("old @", "-Orp").output, "");
  const std::string look = "stat -c '%a %Y' deep/er/file deep && cat deep/link/file";
  EXPECT_EQ(run_shell("cd " + there("old") + " && " + look).output, "751 981173106\n2700 981173106\nx\n");
  ASSERT_EQ(copy("@/workspace/old back-tree", "-Orp").output, "");
  EXPECT_EQ(run_shell("cd " + folder() + "/back-tree && " + look).output, "751 981173106\n2700 981173106\nx\n");
}

TEST_F(GatewayOldCopyTest, NamesMeanWhatTheyMeanToAShell) {
  run_shell("mkdir -p " + there("names") + " && cd " + there("names") + " && touch a1 a2 'sp ace' \"q'q\" 'st*r'");
  // -T: newer clients compare the names that come with the quotes that were asked for.
  const auto got = [](const std::string& pattern) {
    run_shell("rm -rf " + folder() + "/into; mkdir " + folder() + "/into");
    const std::string said = copy("\"@" + pattern + "\" into", "-OT").output;
    return said + run_shell("ls -m " + folder() + "/into").output;
  };
  EXPECT_EQ(got("names/a*"), "a1, a2\n");
  EXPECT_EQ(got("'names/sp ace'"), "sp ace\n");
  EXPECT_EQ(got("names/sp\\ ace"), "sp ace\n");
  EXPECT_EQ(got("names/q\\'q"), "q'q\n");
  EXPECT_EQ(got("names/st\\*r"), "st*r\n");
  ASSERT_EQ(copy("into/* \"@'names/new name'\"").output, "");
  EXPECT_TRUE(std::filesystem::exists(there("names/new name")));
}

TEST_F(GatewayOldCopyTest, WhatFailsIsSaidAndIsTheExitCode) {
  const Ran missing = copy("@missing .");
  EXPECT_EQ(missing.code, 1);
  EXPECT_THAT(missing.output, HasSubstr("missing: No such file or directory"));
  EXPECT_THAT(copy(house().config() + " @/none/x").output, HasSubstr("/none/x: No such file or directory"));
  EXPECT_THAT(copy(house().config() + " " + house().config() + " @/none").output, HasSubstr("/none: "));
  const Ran full = copy(blob() + " @/dev/full");
  EXPECT_EQ(full.code, 1);
  EXPECT_THAT(full.output, HasSubstr("/dev/full: No space left on device"));
  EXPECT_TRUE(house().healthy());
}

TEST_F(GatewayOldCopyTest, IsTheContainersOwnFileSystem) {
  std::ofstream(folder() + "/old-secret") << "host";
  EXPECT_THAT(copy("@/proc/1/root" + folder() + "/old-secret stolen").output, HasSubstr("No such file"));
  EXPECT_FALSE(std::filesystem::exists(folder() + "/stolen"));
}

TEST_F(GatewayOldCopyTest, WhatIsMoreThanACopyIsTheShells) {
  EXPECT_EQ(run_shell(house().ssh() + " 'scp -t x 2>/dev/null; echo $?'").output, "127\n");
  EXPECT_EQ(run_shell(house().ssh() + " 'echo scp -t x'").output, "scp -t x\n");
}

TEST_F(GatewayOldCopyTest, OneThatIsCutHurtsNobodyElse) {
  run_shell("timeout -s KILL 0.5 " + scp() + "-O -l 80000 " + blob() + " " + house().target() + ":old-cut 2>&1");
  EXPECT_TRUE(house().healthy());
  EXPECT_LT(std::filesystem::file_size(there("old-cut")), 50'000'000U);
}

}  // namespace
}  // namespace hanse::provider
