// Secrets, settings, file trees: what the command reads from and writes to this machine's disk.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "cli/copy.hpp"
#include "cli/file_tree.hpp"
#include "cli/passphrase.hpp"
#include "cli/process_lock.hpp"
#include "cli/settings.hpp"
#include "cli/ssh_files.hpp"
#include "client/private_file.hpp"

namespace hanse::cli {
namespace {

namespace fs = std::filesystem;

class FilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "hanse-cli-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }
  void put(const std::string& name, const std::string& text = "x") {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }
  std::vector<std::string> names() {
    std::vector<std::string> out;
    const auto tree = scan(folder_);
    for (const auto& file : tree->files) out.push_back(file.relative);
    return out;
  }
  fs::path folder_;
};

int descriptor_with(const std::string& text) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  EXPECT_EQ(::write(ends[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  ::close(ends[1]);
  return ends[0];
}

TEST_F(FilesTest, CommandsThatWriteOneFileAtOneTimeDoNotSpoilIt) {
  const auto file = folder_ / "known_hosts";
  std::atomic<int> failed = 0;
  {
    std::vector<std::jthread> writers;
    for (char who = 'a'; who < 'e'; ++who) {
      writers.emplace_back([&, who] {
        for (int i = 0; i < 50; ++i) failed += client::replace_private_file(file, std::string(20'000, who)) ? 0 : 1;
      });
    }
  }
  EXPECT_EQ(failed, 0);
  const auto text = read_text(file).value();
  EXPECT_EQ(text, std::string(20'000, text.front())) << "one writer's, whole";
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1) << "no draft is left";
}

TEST_F(FilesTest, PassphraseComesFromTheFirstSourceGiven) {
  put("phrase", "from file\n");
  PassphraseSources sources;
  EXPECT_EQ(read_passphrase(sources).error().code, ErrorCode::invalid_argument);
  sources.file = (folder_ / "phrase").string();
  EXPECT_EQ(*read_passphrase(sources), "from file");
  sources.environment = "from environment";
  EXPECT_EQ(*read_passphrase(sources), "from environment");
  sources.fd = descriptor_with("from descriptor\n");
  EXPECT_EQ(*read_passphrase(sources), "from descriptor");
  EXPECT_EQ(*read_passphrase(sources), "from descriptor") << "a descriptor is read once and remembered";
}

TEST_F(FilesTest, PassphraseIsNeverEmptyNorEndless) {
  PassphraseSources sources;
  sources.environment = "";
  EXPECT_FALSE(read_passphrase(sources));
  sources.environment = std::string(2000, 'x');
  EXPECT_EQ(read_passphrase(sources).error().code, ErrorCode::too_large);
  sources.environment.reset();
  sources.fd = 999;
  EXPECT_FALSE(read_passphrase(sources)) << "a descriptor that is not open";
}

TEST_F(FilesTest, ANewPassphraseHasEightCharacters) {
  PassphraseSources sources;
  for (const auto* phrase : {"x", "seven77", "äöü"}) {
    sources.environment = phrase;
    EXPECT_TRUE(read_passphrase(sources)) << "one from before opens its wallet";
    sources.is_new = true;
    EXPECT_EQ(read_passphrase(sources).error().code, ErrorCode::invalid_argument) << phrase;
    sources.is_new = false;
  }
  sources.is_new = true;
  sources.environment = "eight888";
  EXPECT_TRUE(read_passphrase(sources));
}

TEST_F(FilesTest, ConfigRoundTripsAndIsPrivate) {
  const auto file = folder_ / "config.yaml";
  EXPECT_EQ(read_config(file)->node, "") << "a missing file is an empty config";
  ASSERT_TRUE(write_config(file, {"http://a:1", "/ca.pem", "/p: #x"}));
  const auto config = read_config(file);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->node, "http://a:1");
  EXPECT_EQ(config->ca_file, "/ca.pem");
  EXPECT_EQ(config->passphrase_file, "/p: #x");
  EXPECT_EQ(fs::status(file).permissions() & fs::perms::all, fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(FilesTest, BrokenConfigsAreErrors) {
  for (const auto* text : {"[1,2]", "node: [a]", "nod: x", "a: b: c", "\x01"}) {
    put("config.yaml", text);
    EXPECT_FALSE(read_config(folder_ / "config.yaml")) << text;
  }
}

TEST_F(FilesTest, TreeHoldsEverythingBelow) {
  put("a.txt", "12345");
  put("sub/deep/b.txt");
  ::symlink("a.txt", (folder_ / "link").c_str());
  ::symlink("..", (folder_ / "sub/circle").c_str());
  ::symlink("nowhere", (folder_ / "broken").c_str());
  const auto tree = scan(folder_);
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_THAT(names(), ::testing::ElementsAre("a.txt", "link", "sub/deep/b.txt"));
  EXPECT_THAT(tree->skipped, ::testing::SizeIs(2)) << "the circle and the broken link are said";
  EXPECT_EQ(tree->bytes, 5U + 5U + 1U);
}

TEST_F(FilesTest, TheKernelsOwnFilesAreNotWalked) {
  EXPECT_EQ(scan("/proc/self").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(scan("/proc/cpuinfo").error().code, ErrorCode::invalid_argument);
  put("a.txt");
  ::symlink("/proc/self", (folder_ / "link").c_str());
  const auto tree = scan(folder_);
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_THAT(names(), ::testing::ElementsAre("a.txt"));
  EXPECT_THAT(tree->skipped, ::testing::SizeIs(1));
}

TEST_F(FilesTest, PartNameBindsSizeAndTime) {
  EXPECT_NE(part_name("a", 1, 2), part_name("a", 2, 2));
  EXPECT_NE(part_name("a", 1, 2), part_name("a", 1, 3));
  EXPECT_TRUE(part_name("a", 1, 2).starts_with(".a."));
}

TEST_F(FilesTest, ACopyThatWouldFillTheDiskIsRefusedWithBothFigures) {
  constexpr std::uint64_t kGb = 1'000'000'000, kMb = 1'000'000;
  const auto here = [](std::uint64_t to_come, Space space) { return check_space(to_come, space, "/data"); };
  EXPECT_TRUE(here(19 * kGb, {20 * kGb, 1000 * kGb}));
  EXPECT_TRUE(here(0, {0, 1000 * kGb})) << "what is here already needs no room";
  EXPECT_TRUE(here(98 * kMb, {99 * kMb, 100 * kMb})) << "of a small file system 1 % is left";
  EXPECT_FALSE(here(99 * kMb, {99 * kMb, 100 * kMb}));
  EXPECT_FALSE(here(20 * kGb - kMb, {20 * kGb, 1000 * kGb})) << "of a large one 64 MiB";
  EXPECT_FALSE(here(UINT64_MAX, {20 * kGb, 1000 * kGb}));
  const auto refused = here(5000 * kGb, {20 * kGb, 1000 * kGb});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr("5.0 TB are to come and 20.0 GB are free at /data"));
}

TEST_F(FilesTest, OneHolderOfALockAtATime) {
  const auto file = folder_ / "lock.pid";
  EXPECT_EQ(ProcessLock::holder(file), 0);
  {
    const auto lock = ProcessLock::take(file, "taken");
    ASSERT_TRUE(lock);
    EXPECT_EQ(ProcessLock::holder(file), ::getpid());
    EXPECT_EQ(ProcessLock::take(file, "taken").error().code, ErrorCode::conflict);
  }
  EXPECT_EQ(ProcessLock::holder(file), 0);
}

model::Lease lease_at(std::uint64_t id, std::string endpoint) {
  model::Lease lease;
  lease.id.value = id;
  lease.endpoint = std::move(endpoint);
  lease.host_key.data.fill(static_cast<std::uint8_t>(id));
  return lease;
}

TEST_F(FilesTest, SshFilesNameEachLeaseAndItsKey) {
  const Home home{folder_};
  ASSERT_TRUE(write_ssh_files({lease_at(7, "gpu.example.org:2222"), lease_at(8, "[::1]:22")}, home));
  const auto config = *read_text(home.ssh() / "config");
  EXPECT_NE(config.find("Host lease-7\n  HostName gpu.example.org\n  Port 2222\n  User lease-7\n"), std::string::npos);
  EXPECT_NE(config.find("HostName ::1"), std::string::npos);
  EXPECT_NE(config.find("StrictHostKeyChecking yes"), std::string::npos);
  EXPECT_NE(read_text(home.ssh() / "known_hosts")->find("lease-8 ssh-ed25519 AAAA"), std::string::npos);
}

TEST_F(FilesTest, AnEndedLeaseLeavesTheSshConfigAlone) {
  const Home home{folder_};
  ASSERT_TRUE(write_ssh_files({lease_at(7, "a:1"), lease_at(70, "b:2"), lease_at(8, "c:3")}, home));
  for (const std::uint64_t ended : {7, 8, 9}) forget_ssh_host(model::LeaseId{ended}, home);
  EXPECT_EQ(*read_text(home.ssh() / "config"), ssh_config_text({lease_at(70, "b:2")}, home));
}

TEST_F(FilesTest, AnEndpointCannotSmuggleOptionsIntoTheSshConfig) {
  for (const auto* evil : {"a\n  ProxyCommand evil:22", "-oProxyCommand=x:22", "a b:22", "$(x):22", "\"a\":22"}) {
    const auto config = ssh_config_text({lease_at(7, evil)}, Home{folder_});
    EXPECT_EQ(config.find("Host "), std::string::npos) << config;
  }
}

TEST_F(FilesTest, TheIncludeLineStandsFirstAndOnce) {
  const Home home{folder_ / "home"};
  const auto config = folder_ / "ssh" / "config";
  fs::create_directories(config.parent_path());
  put("ssh/config", "Host other\n");
  ASSERT_TRUE(add_include(home, config));
  ASSERT_TRUE(add_include(home, config));
  const auto text = *read_text(config);
  EXPECT_TRUE(text.starts_with(include_line(home)));
  EXPECT_EQ(text.find("Include", 1), std::string::npos);
  EXPECT_TRUE(text.ends_with("Host other\n"));
}

}  // namespace
}  // namespace hanse::cli
