#include "client/private_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace hanse::client {
namespace {

constexpr uid_t kUser = 12345;

class PrivateFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "hanse-private-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static struct stat stat_of(const std::filesystem::path& path) {
    struct stat out{};
    EXPECT_EQ(::lstat(path.c_str(), &out), 0) << path;
    return out;
  }

  std::filesystem::path folder_;
};

TEST_F(PrivateFileTest, OneThatIsThereIsReplacedOnlyByWhoSaysSo) {
  const auto file = folder_ / "new" / "below" / "file";
  ASSERT_TRUE(write_private_file(file, "first"));
  EXPECT_EQ(stat_of(file).st_mode & 0777U, 0600U);
  EXPECT_EQ(stat_of(file.parent_path()).st_mode & 0777U, 0700U);
  EXPECT_EQ(write_private_file(file, "second").error().code, ErrorCode::already_exists);
  EXPECT_EQ(read_small_file(file).value(), "first");
  ASSERT_TRUE(replace_private_file(file, "second"));
  EXPECT_EQ(read_small_file(file).value(), "second");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(file.parent_path()), {}), 1) << "no draft is left";
}

TEST_F(PrivateFileTest, WhatSudoMakesInItsUsersFolderIsTheUsersAndInNobodyElses) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  ASSERT_EQ(::chown(folder_.c_str(), kUser, kUser + 1), 0);
  ::setenv("SUDO_UID", std::to_string(kUser + 7).c_str(), 1);
  ASSERT_TRUE(write_private_file(folder_ / "of another", ""));
  EXPECT_EQ(stat_of(folder_ / "of another").st_uid, 0U);
  ::setenv("SUDO_UID", std::to_string(kUser).c_str(), 1);
  const auto file = folder_ / "new" / "below" / "file";
  ASSERT_TRUE(write_private_file(file, "first"));
  ASSERT_TRUE(replace_private_file(folder_ / "other", "second"));
  for (const auto& path : {folder_ / "new", folder_ / "new" / "below", file, folder_ / "other"}) {
    EXPECT_EQ(stat_of(path).st_uid, kUser) << path;
    EXPECT_EQ(stat_of(path).st_gid, kUser + 1) << path;
  }
  ::unsetenv("SUDO_UID");
}

TEST_F(PrivateFileTest, ALinkThatAUserLaysIsReplacedAndNotFollowed) {
  const auto target = folder_ / "target", link = folder_ / "link";
  ASSERT_TRUE(write_private_file(target, "precious"));
  std::filesystem::create_symlink(target, link);
  EXPECT_EQ(write_private_file(link, "new").error().code, ErrorCode::already_exists);
  ASSERT_TRUE(replace_private_file(link, "new"));
  EXPECT_EQ(read_small_file(target).value(), "precious");
  EXPECT_TRUE(S_ISREG(stat_of(link).st_mode));
}

}  // namespace
}  // namespace hanse::client
