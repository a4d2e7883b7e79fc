#include "cli/provider_setup.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/check.hpp"
#include "client/private_file.hpp"

namespace hanse::cli {
namespace {

using ::testing::HasSubstr;

class ProviderSetup : public ::testing::Test {
 protected:
  ProviderSetup() {
    char name[] = "/tmp/hanse-setup-XXXXXX";
    HANSE_CHECK(::mkdtemp(name) != nullptr);
    home.root = name;
  }
  ~ProviderSetup() override { std::filesystem::remove_all(home.root); }

  provider::AgentConfig made(const ProviderChoices& choices, const std::optional<provider::AgentConfig>& former = {}) {
    return make_agent_config(home, owner, former, choices, notes);
  }

  Home home;
  model::AccountId owner = crypto::KeyPair::generate().public_key();
  std::vector<std::string> notes;
};

TEST_F(ProviderSetup, RenewedConfigKeepsWhatTheCommandLineDoesNotName) {
  ProviderChoices first;
  first.node_url = "http://127.0.0.1:7171";
  first.engine_socket = "/run/my.sock";
  first.ssh_port = 2322;
  first.country = "DE";
  first.price = model::PriceList{};
  first.price->on_demand_per_gpu_hour = Money{700'000};
  auto former = made(first);
  former.dns = {"8.8.8.8"};
  former.metrics_port = 9100;
  const auto other = crypto::KeyPair::generate().public_key();
  ProviderChoices second;
  second.name = "renamed";
  const auto renewed = make_agent_config(home, other, former, second, notes);
  auto expected = former;
  expected.name = "renamed";
  EXPECT_EQ(provider::format_agent_config(renewed), provider::format_agent_config(expected));
  EXPECT_EQ(renewed.owner, owner);
}

TEST_F(ProviderSetup, ACountryThatNobodyGaveStaysUnknown) {
  ::setenv("LANG", "de_DE.UTF-8", 1);
  const auto config = made({});
  ::unsetenv("LANG");
  EXPECT_EQ(config.country, "");
  EXPECT_EQ(config.machine.country, "");
  EXPECT_THAT(notes, ::testing::Contains(HasSubstr("nobody has said which country")));
  ASSERT_TRUE(save_agent_config(home, config));
  EXPECT_EQ(load_agent_config(home)->machine.country, "");
}

TEST_F(ProviderSetup, PricesThatTheLedgerWouldRefuseAreRefusedWithTheirLimits) {
  auto config = made({});
  for (const auto price : {Money{0}, credits(200'000)}) {
    config.prices.on_demand_per_gpu_hour = price;
    const auto saved = save_agent_config(home, config);
    ASSERT_FALSE(saved);
    EXPECT_THAT(saved.error().message, HasSubstr("100000"));
  }
  EXPECT_FALSE(std::filesystem::exists(home.provider_config()));
}

TEST_F(ProviderSetup, ConfigThatCouldNotBeReadBackIsNotWritten) {
  ProviderChoices choices;
  choices.country = "de";
  const auto saved = save_agent_config(home, made(choices));
  ASSERT_FALSE(saved);
  EXPECT_THAT(saved.error().message, HasSubstr("two capitals"));
  EXPECT_FALSE(std::filesystem::exists(home.provider_config()));
  choices.country = "DE";
  EXPECT_TRUE(save_agent_config(home, made(choices)));
}

TEST_F(ProviderSetup, RefusedPriceIsNamedAsItWasTyped) {
  auto prices = made({}).prices;
  EXPECT_TRUE(check_typed_prices(prices, "--price"));
  prices.on_demand_per_gpu_hour = Money{0};
  EXPECT_THAT(check_typed_prices(prices, "--price").error().message, ::testing::StartsWith("--price takes"));
}

TEST_F(ProviderSetup, FoldersOfTheHomeAreTheOwnersAlone) {
  const auto before = ::umask(022);
  ASSERT_TRUE(client::make_private_folder(home.root / "new" / "node"));
  ASSERT_TRUE(client::replace_private_file(home.root / "new" / "provider" / "provider.yaml", ""));
  ASSERT_TRUE(ProcessLock::take(home.root / "other" / "up.pid", "taken"));
  ::umask(before);
  for (const char* folder : {"new", "new/node", "new/provider", "other"}) {
    const auto mode = std::filesystem::status(home.root / folder).permissions();
    EXPECT_EQ(mode, std::filesystem::perms::owner_all) << folder;
  }
}

class FakeAgent : public provider::Agent {
 public:
  explicit FakeAgent(std::function<void()> changed) : changed_(std::move(changed)) {}
  [[nodiscard]] std::uint16_t ssh_port() const override { return 0; }
  [[nodiscard]] std::vector<std::string> notes() const override { return {}; }
  [[nodiscard]] std::string trouble() const override { return ""; }
  Result<> drain() override {
    drained_ = true;
    changed_();
    return {};
  }
  Result<> resume(const model::PriceList& prices) override {
    resumed_at = prices.on_demand_per_gpu_hour;
    drained_ = false;
    changed_();
    return {};
  }
  [[nodiscard]] bool is_drained() const override { return drained_; }
  Result<> health() override { return {}; }
  Money resumed_at;

 private:
  std::function<void()> changed_;
  bool drained_ = false;
};

TEST_F(ProviderSetup, AgentThatHasServedWaitsForItsNodeAndEngineAndOneThatHasNotIsToldAtOnce) {
  Context context;
  Interrupt interrupt;
  int tries = 0;
  const auto third_time = [&]() -> Result<std::unique_ptr<provider::Agent>> {
    ++tries;
    if (tries == 1) return fail(ErrorCode::unavailable, "no node answers");
    if (tries == 2) return fail(ErrorCode::timeout, "the engine did not answer");
    return std::make_unique<FakeAgent>([] {});
  };
  const auto first = await_agent(context, home, interrupt, third_time);
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().code, ErrorCode::unavailable);
  tries = 0;
  ASSERT_TRUE(client::replace_private_file(home.provider() / provider::kJournalFile, ""));
  const auto later = await_agent(context, home, interrupt, third_time);
  ASSERT_TRUE(later);
  EXPECT_TRUE(*later);
  const auto refused = await_agent(context, home, interrupt, []() -> Result<std::unique_ptr<provider::Agent>> {
    return fail(ErrorCode::conflict, "another agent serves this account");
  });
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  const auto left = await_agent(context, home, interrupt, []() -> Result<std::unique_ptr<provider::Agent>> {
    ::raise(SIGTERM);
    return fail(ErrorCode::unavailable, "no node answers");
  });
  ASSERT_TRUE(left);
  EXPECT_FALSE(*left) << "an interrupt ends the wait";
}

TEST_F(ProviderSetup, RunningAgentFollowsTheMarkAndResumesAtTheFilesPrices) {
  Context context;
  Interrupt interrupt;
  auto config = made({});
  config.prices.on_demand_per_gpu_hour = Money{420'000};
  ASSERT_TRUE(save_agent_config(home, config));
  ASSERT_TRUE(client::replace_private_file(drained_mark(home), ""));
  int changes = 0;
  FakeAgent agent([&] {
    ++changes;
    if (changes == 1) std::filesystem::remove(drained_mark(home));
    if (changes == 2) ::raise(SIGINT);
  });
  EXPECT_TRUE(watch_agent(context, agent, home, interrupt, [] { return Result<>(); }));
  EXPECT_EQ(changes, 2);
  EXPECT_FALSE(agent.is_drained());
  EXPECT_EQ(agent.resumed_at, Money{420'000});
}

}  // namespace
}  // namespace hanse::cli
