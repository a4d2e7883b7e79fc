#include "client/wallet.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdio>
#include <fstream>
#include <thread>

namespace hanse::client {
namespace {

using ::testing::HasSubstr;

constexpr crypto::PassphraseCost kCheap{1, 8U << 20};  // tests guess no passphrases

std::string read(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void write(const std::filesystem::path& file, const std::string& text) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << text;
}
unsigned mode_of(const std::filesystem::path& file) {
  struct stat status{};
  return ::stat(file.c_str(), &status) == 0 ? status.st_mode & 0777U : 0;
}

class WalletTest : public ::testing::Test {
 protected:
  WalletTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hanse-wallet-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    file_ = folder_ / "wallet.json";
  }
  ~WalletTest() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder_), {}));
  }

  std::filesystem::path folder_, file_;
};

TEST_F(WalletTest, WhatWasMadeOpensAgainWithItsPassphraseOnly) {
  const auto made = Wallet::create(file_, "correct horse", kCheap);
  ASSERT_TRUE(made) << made.error().message;
  const auto opened = Wallet::open(file_, "correct horse");
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->key().seed(), made->key().seed());
  EXPECT_EQ(Wallet::address_of(file_).value(), made->account());
  const auto wrong = Wallet::open(file_, "correct horsf");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ErrorCode::denied);
  EXPECT_EQ(Wallet::open(folder_ / "other.json", "x").error().code, ErrorCode::not_found);
}

TEST_F(WalletTest, TheFileIsPrivateHoldsNoSecretInClearAndStandsAlone) {
  const auto made = Wallet::create(folder_ / "new" / "wallet.json", "p", kCheap);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(mode_of(folder_ / "new" / "wallet.json"), 0600U);
  EXPECT_EQ(mode_of(folder_ / "new"), 0700U);
  EXPECT_THAT(read(folder_ / "new" / "wallet.json"), ::testing::Not(HasSubstr(to_hex(made->key().seed().view()))));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_ / "new"), {}), 1);
}

TEST_F(WalletTest, NothingIsEverOverwritten) {
  write(file_, "precious");
  EXPECT_EQ(Wallet::create(file_, "p", kCheap).error().code, ErrorCode::already_exists);
  EXPECT_EQ(read(file_), "precious");
  EXPECT_EQ(files(), 1U);
}

TEST_F(WalletTest, OfManyMakersAtOnceOneWinsAndItsKeyIsTheOneOnDisk) {
  std::vector<std::thread> makers;
  std::vector<Result<Wallet>> made(4, fail(ErrorCode::internal, ""));
  for (std::size_t i = 0; i < made.size(); ++i) {
    makers.emplace_back([&, i] { made[i] = Wallet::create(file_, "p", kCheap); });
  }
  for (auto& maker : makers) maker.join();
  EXPECT_EQ(std::count_if(made.begin(), made.end(), [](const auto& w) { return w.has_value(); }), 1);
  for (const auto& wallet : made) {
    EXPECT_TRUE(!wallet || Wallet::address_of(file_).value() == wallet->account());
  }
  EXPECT_EQ(files(), 1U);
}

TEST_F(WalletTest, RestoringASeedGivesItsAccount) {
  const auto key = crypto::KeyPair::generate();
  ASSERT_TRUE(Wallet::restore(file_, key.seed(), "p", kCheap));
  EXPECT_EQ(Wallet::open(file_, "p").value().account(), key.public_key());
}

TEST_F(WalletTest, AnyAlteredCharacterIsNoticed) {
  ASSERT_TRUE(Wallet::create(file_, "p", kCheap));
  const std::string good = read(file_);
  const auto other = Wallet::create(folder_ / "other.json", "p", kCheap).value();
  // Cost 1 pass each; every 7th character keeps the test quick.
  for (std::size_t at = good.find("locked_seed") + 16; at + 4 < good.size(); at += 7) {
    std::string bad = good;
    bad[at] = bad[at] == 'a' ? 'b' : 'a';
    write(file_, bad);
    EXPECT_FALSE(Wallet::open(file_, "p")) << "character " << at;
  }
  // Another's address over this secret would send the owner's income away.
  std::string swapped = good;
  const auto begin = good.find("hanse1");
  const auto end = good.find('"', begin);
  const std::string others = read(folder_ / "other.json");
  const auto others_begin = others.find("hanse1");
  swapped.replace(begin, end - begin, others.substr(others_begin, others.find('"', others_begin) - others_begin));
  write(file_, swapped);
  EXPECT_EQ(Wallet::open(file_, "p").error().code, ErrorCode::malformed);
}

TEST_F(WalletTest, WhatIsNoWalletIsSaidToBeNone) {
  for (const std::string text : {"", "{", "[]", "{}", R"({"format":"hanse-wallet-v9"})",
                                 R"({"format":"hanse-wallet-v1","address":"hanse1x","locked_seed":"00"})"}) {
    write(file_, text);
    EXPECT_EQ(Wallet::open(file_, "p").error().code, ErrorCode::malformed) << text;
  }
  write(file_, std::string(100'000, ' '));
  EXPECT_EQ(Wallet::open(file_, "p").error().code, ErrorCode::too_large);
}

class SshKeyTest : public WalletTest {};

std::string output_of(const std::string& command) {
  std::string out;
  FILE* pipe = ::popen(command.c_str(), "r");
  char buffer[512];
  while (pipe != nullptr && std::fgets(buffer, sizeof buffer, pipe) != nullptr) out += buffer;
  if (pipe != nullptr) ::pclose(pipe);
  return out;
}

TEST_F(SshKeyTest, TheRealSshKeygenReadsTheSameKey) {
  const auto key = open_or_create_ssh_key(file_, "me@hanse");
  ASSERT_TRUE(key) << key.error().message;
  EXPECT_EQ(mode_of(file_), 0600U);
  EXPECT_EQ(output_of("ssh-keygen -y -P '' -f '" + file_.string() + "' 2>&1"),
            format_ssh_public_key(key->public_key()) + " me@hanse\n");
  EXPECT_EQ(open_or_create_ssh_key(file_, "ignored").value().seed(), key->seed());
}

TEST_F(SshKeyTest, AKeyOfTheRealSshKeygenIsRead) {
  output_of("ssh-keygen -q -t ed25519 -N '' -C theirs -f '" + file_.string() + "' 2>&1");
  const auto key = open_or_create_ssh_key(file_, "");
  ASSERT_TRUE(key) << key.error().message;
  EXPECT_EQ(format_ssh_public_key(key->public_key()) + " theirs\n", read(file_.string() + ".pub"));
}

TEST_F(SshKeyTest, KeysOfOtherKindsAndProtectedOnesAreRefusedAndLeftAlone) {
  output_of("ssh-keygen -q -t ed25519 -N 'secret' -f '" + file_.string() + "' 2>&1");
  const std::string before = read(file_);
  EXPECT_EQ(open_or_create_ssh_key(file_, "").error().code, ErrorCode::unsupported);
  EXPECT_EQ(read(file_), before);
  output_of("ssh-keygen -q -t ecdsa -N '' -f '" + (folder_ / "ecdsa").string() + "' 2>&1");
  EXPECT_EQ(open_or_create_ssh_key(folder_ / "ecdsa", "").error().code, ErrorCode::unsupported);
}

TEST_F(SshKeyTest, DamagedFilesAndOpenModesAreRefused) {
  ASSERT_TRUE(open_or_create_ssh_key(file_, ""));
  const std::string good = read(file_);
  for (std::size_t cut = 0; cut < good.size() - 40; cut += 11) {
    write(file_, good.substr(0, cut) + good.substr(good.size() - 34));
    EXPECT_FALSE(open_or_create_ssh_key(file_, "")) << "cut at " << cut;
  }
  write(file_, good);
  ::chmod(file_.c_str(), 0644);
  EXPECT_EQ(open_or_create_ssh_key(file_, "").error().code, ErrorCode::denied);
}

}  // namespace
}  // namespace hanse::client
