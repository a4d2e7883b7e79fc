#include "consensus/genesis.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/text.hpp"
#include "store/testing/history.hpp"

namespace hanse::consensus {
namespace {

using store::testing::key;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string address(std::uint64_t number) {
  return model::format_address(key(number).public_key());
}

ledger::Genesis parsed(std::string_view yaml) {
  auto genesis = parse_genesis(yaml);
  EXPECT_TRUE(genesis) << genesis.error().message;
  return genesis ? *genesis : ledger::Genesis{};
}

Error refused(std::string_view yaml) {
  const auto genesis = parse_genesis(yaml);
  return genesis ? Error{ErrorCode::ok, ""} : genesis.error();
}

TEST(Genesis, ReadsEveryKey) {
  const auto genesis = parsed(
      "network: hanse-local\n"
      "time: 2026-11-22T20:00:00Z   # a comment\n"
      "accounts:\n"
      "  - {address: " +
      address(1) +
      ", balance: 1000.00}\n"
      "  - address: " +
      address(2) +
      "\n"
      "    balance: 0.5\n"
      "params: {claim_window: 90m, start_deadline: 5m, timers_per_block: 7,\n"
      "         fees: {transfer: 0.0001, post_offer: 1},\n"
      "         fee_tiers: [{from: 100, percent: 2.5}, {from: 1000, percent: 10}]}\n");
  EXPECT_EQ(genesis.network, "hanse-local");
  EXPECT_EQ(genesis.time, Time{1'795'377'600'000});
  ASSERT_EQ(genesis.accounts.size(), 2U);
  EXPECT_EQ(genesis.accounts[0], (model::Account{key(1).public_key(), credits(1000)}));
  EXPECT_EQ(genesis.accounts[1], (model::Account{key(2).public_key(), Money{500'000}}));
  EXPECT_EQ(genesis.params.claim_window_s, 5400U);
  EXPECT_EQ(genesis.params.start_deadline_s, 300U);
  EXPECT_EQ(genesis.params.timers_per_block, 7U);
  EXPECT_EQ(genesis.params.max_wait_s, model::Params{}.max_wait_s);
  EXPECT_THAT(genesis.params.fee_operations, ElementsAre("post_offer", "transfer"));
  EXPECT_THAT(genesis.params.fee_amounts, ElementsAre(credits(1), Money{100}));
  EXPECT_THAT(genesis.params.fee_tiers,
              ElementsAre(model::FeeTier{credits(100), 250}, model::FeeTier{credits(1000), 1000}));
}

TEST(Genesis, NeedsOnlyANetwork) {
  const auto genesis = parsed("network: n");
  EXPECT_EQ(genesis.time, Time{});
  EXPECT_EQ(genesis.params, model::Params{});
}

TEST(Genesis, RoundTrips) {
  auto genesis = store::testing::genesis(5);
  genesis.time.ms += 42;
  genesis.params.max_duration_s = 12'345;
  genesis.params.fee_tiers = {{credits(100), 250}, {credits(1000), 1000}};
  const auto again = parsed(format_genesis(genesis));
  EXPECT_EQ(again.network, genesis.network);
  EXPECT_EQ(again.time, genesis.time);
  EXPECT_EQ(again.accounts, genesis.accounts);
  EXPECT_EQ(again.params, genesis.params);
  EXPECT_EQ(format_genesis(again), format_genesis(genesis));
  EXPECT_EQ(format_genesis(parsed("network: n")), format_genesis(parsed(format_genesis(parsed("network: n")))));
}

TEST(Genesis, NamesTheLineAndTheNearestKnownKey) {
  const auto message_of = [](std::string_view yaml) { return refused(yaml).message; };
  EXPECT_EQ(message_of("network: n\n\nacounts: []\n"),
            "genesis, line 3: unknown key 'acounts'; did you mean 'accounts'?");
  EXPECT_THAT(message_of("network: n\nparams:\n  claim_windw: 1h\n"),
              HasSubstr("line 3: unknown key 'claim_windw'; did you mean 'claim_window'?"));
  EXPECT_THAT(message_of("network: n\nparams:\n  fees: {tranfer: 1}\n"), HasSubstr("did you mean 'transfer'?"));
  EXPECT_THAT(message_of("network: n\nzzz: 1\n"), HasSubstr("takes network, time, accounts, params"));
  EXPECT_THAT(message_of("network: n\naccounts:\n- {adress: x}\n"),
              HasSubstr("line 3: unknown key 'adress'; did you mean 'address'?"));
}

TEST(Genesis, RefusesWhatItCannotUse) {
  struct Case {
    std::string yaml;
    ErrorCode code;
    std::string says;
  };
  const std::string one = "network: n\naccounts:\n- {address: " + address(1) + ", balance: ";
  const std::vector<Case> cases{
      {"", ErrorCode::malformed, "one YAML document"},
      {"network: n\n---\nnetwork: m\n", ErrorCode::malformed, "one YAML document"},
      {"- 1", ErrorCode::malformed, "line 1: a genesis must be keys with values"},
      {"accounts: []", ErrorCode::invalid_argument, "'network' is missing"},
      {"network:", ErrorCode::malformed, "'network' takes one plain value"},
      {"network: 'a b'", ErrorCode::invalid_argument, "line 1: network: 'a b' is not a network's name"},
      {"network: n\nnetwork: m", ErrorCode::invalid_argument, "line 2: 'network' stands twice"},
      {"network: n\ntime: yesterday", ErrorCode::malformed, "line 2: time: 'yesterday' is not a UTC time"},
      {"network: n\ntime: 2026-02-30T20:00:00Z", ErrorCode::malformed, "is not a UTC time"},
      {"network: n\ntime: 2026-02-20T24:00:00Z", ErrorCode::malformed, "is not a UTC time"},
      {"network: n\nparams: {fee_tiers: 3}", ErrorCode::malformed, "'fee_tiers' must be a list"},
      {"network: n\nparams:\n  fee_tiers:\n  - {from: 1}", ErrorCode::invalid_argument, "line 4: a fee tier takes"},
      {"network: n\nparams: {fee_tiers: [{from: 1, percent: 101}]}", ErrorCode::invalid_argument,
       "'101' is not a percent"},
      {"network: n\nparams: {fee_tiers: [{from: 1, percent: 0.001}]}", ErrorCode::invalid_argument, "is not a percent"},
      {"network: n\naccounts: 3", ErrorCode::malformed, "line 2: 'accounts' must be a list"},
      {"network: n\naccounts:\n- {balance: 1}", ErrorCode::invalid_argument, "line 3: an account takes"},
      {"network: n\naccounts:\n- {address: hanse1x, balance: 1}", ErrorCode::malformed, "line 3: address: "},
      {one + "-1}", ErrorCode::malformed, "line 3: balance: "},
      {one + "1.0000001}", ErrorCode::malformed, "line 3: balance: "},
      {one + "9000000001}", ErrorCode::overflow, "line 3: balance: "},
      {one + "1}\n- {address: " + address(1) + ", balance: 1}", ErrorCode::invalid_argument, "line 4: this account"},
      {"network: n\nparams: {claim_window: 60}", ErrorCode::malformed, "line 2: claim_window: "},
      {"network: n\nparams: {timers_per_block: 0}", ErrorCode::invalid_argument, "line 2: timers_per_block: "},
      {"network: n\nparams: {timers_per_block: 5000000000}", ErrorCode::invalid_argument, "timers_per_block: "},
      {"network: n\nparams: {fees: {transfer: -1}}", ErrorCode::malformed, "transfer: "},
      {"network: [unclosed\n", ErrorCode::malformed, "line "},
      {"network: n\n\tparams: {}", ErrorCode::malformed, "line "},
      {std::string(100'000, '['), ErrorCode::malformed, ""},
  };
  for (const auto& each : cases) {
    const auto error = refused(each.yaml);
    EXPECT_EQ(name_of(error.code), name_of(each.code)) << each.yaml.substr(0, 200) << "\n" << error.message;
    EXPECT_THAT(error.message, HasSubstr(each.says)) << each.yaml.substr(0, 200);
  }
}

TEST(Genesis, SurvivesAnyBytes) {
  const std::uint64_t seed = 99;
  SCOPED_TRACE("seed " + std::to_string(seed));
  Rng rng(seed);
  const std::string good = format_genesis(store::testing::genesis(2));
  for (int i = 0; i < 2000; ++i) {
    std::string text = good.substr(0, rng.below(good.size()));
    for (std::uint64_t flips = rng.below(4); flips > 0 && !text.empty(); --flips) {
      text[rng.below(text.size())] = static_cast<char>(rng.next());
    }
    const auto genesis = parse_genesis(text);
    if (!genesis) {
      EXPECT_FALSE(genesis.error().message.empty());
    }
  }
}

}  // namespace
}  // namespace hanse::consensus
