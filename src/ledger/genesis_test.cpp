#include "ledger/testing.hpp"

namespace hanse::ledger {
namespace {

void expect_invalid(const Genesis& genesis, std::string_view part) {
  const auto ledger = Ledger::from_genesis(genesis);
  ASSERT_FALSE(ledger);
  EXPECT_EQ(ledger.error().code, ErrorCode::invalid_argument);
  EXPECT_THAT(ledger.error().message, ::testing::HasSubstr(part));
}

template <class Change>
Genesis changed(Change&& change) {
  auto genesis = test_genesis();
  change(genesis);
  return genesis;
}

TEST(GenesisTest, gives_the_accounts_their_balances) {
  const Network net;
  EXPECT_EQ(net.state().issued(), credits(8000));
  EXPECT_EQ(net.balance(3), credits(1000));
  EXPECT_EQ(net.state().height(), 0U);
  EXPECT_TRUE(net.ledger.check_invariants());
}

TEST(GenesisTest, refuses_what_makes_no_sense) {
  expect_invalid(changed([](Genesis& g) { g.network.clear(); }), "name");
  expect_invalid(changed([](Genesis& g) { g.time = {}; }), "time");
  expect_invalid(changed([](Genesis& g) { g.accounts.push_back(g.accounts[0]); }), "twice");
  expect_invalid(changed([](Genesis& g) { g.accounts[0].balance = Money{-1}; }), "balances");
  expect_invalid(changed([](Genesis& g) { g.accounts[0].balance = kMaxMoney; }), "balances");
  expect_invalid(changed([](Genesis& g) { g.params.claim_window_s = 89; }), "claim_window_s");
  expect_invalid(changed([](Genesis& g) { g.params.provider_lost_s = 89; }), "provider_lost_s");
  expect_invalid(changed([](Genesis& g) { g.params.heartbeat_timeout_s = 0; }), "heartbeat_timeout_s");
  expect_invalid(changed([](Genesis& g) { g.params.timers_per_block = 0; }), "timers_per_block");
  expect_invalid(changed([](Genesis& g) { g.params.fee_operations.pop_back(); }), "fee");
  expect_invalid(changed([](Genesis& g) { g.params.fee_operations[0] = "fly"; }), "fly");
  expect_invalid(changed([](Genesis& g) { g.params.fee_operations[0] = "settle"; }), "twice");
  expect_invalid(changed([](Genesis& g) { g.params.fee_amounts[0] = kMaxMoney; }), "cost");
}

TEST(GenesisTest, refuses_fee_tiers_that_do_not_rise) {
  const auto tiers = [](std::vector<model::FeeTier> list) {
    return changed([&](Genesis& g) { g.params.fee_tiers = std::move(list); });
  };
  EXPECT_TRUE(Ledger::from_genesis(tiers({{credits(1), 100}, {credits(2), 10'000}})));
  expect_invalid(tiers({{Money{}, 100}}), "fee_tiers[0]: from must be above 0");
  expect_invalid(tiers({{Money{-1}, 100}}), "from must be above 0");
  expect_invalid(tiers({{credits(1), 0}}), "at most 100 percent");
  expect_invalid(tiers({{credits(1), 10'001}}), "at most 100 percent");
  expect_invalid(tiers({{credits(1), 100}, {credits(1), 200}}), "fee_tiers[1]: from must be above the one before");
  expect_invalid(tiers({{credits(2), 100}, {credits(1), 200}}), "from must be above the one before");
  expect_invalid(tiers({{credits(1), 200}, {credits(2), 200}}), "the discount must be above the one before");
  std::vector<model::FeeTier> many;
  for (std::uint32_t i = 1; i <= 9; ++i) many.push_back({credits(i), i});
  expect_invalid(tiers(many), "at most 8");
}

Result<Ledger> load(const std::vector<StateRecord>& all) {
  std::size_t i = 0;
  return Ledger::load([&]() -> std::optional<std::pair<Bytes, Bytes>> {
    if (i == all.size()) return std::nullopt;
    const auto& record = all[i++];
    return std::pair{record.key, record.value};
  });
}

TEST(Loading, refuses_a_damaged_state) {
  const Network net;
  auto records = net.ledger.dump();
  EXPECT_TRUE(load(records));
  for (std::size_t i = 1; i < records.size(); ++i) {
    if (records[i].key[0] == 3) continue;  // default parameters are parameters
    auto fewer = records;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_FALSE(load(fewer)) << i;
  }
  auto twice = records;
  twice.push_back(records.back());
  EXPECT_FALSE(load(twice));
  auto unknown = records;
  unknown.push_back({{200}, Bytes{}});
  EXPECT_FALSE(load(unknown));
}

TEST(Loading, takes_the_shorter_head_of_an_older_node_and_no_other_length) {
  const Network net;
  const auto records = net.ledger.dump();
  ASSERT_EQ(records[1].key, Bytes{1});
  const auto with_head_of = [&](std::size_t size) {
    auto changed = records;
    changed[1].value.resize(size);
    return load(changed);
  };
  const std::size_t size = records[1].value.size();
  const auto older = with_head_of(9 * 8);  // before spot auctions
  ASSERT_TRUE(older) << older.error().message;
  EXPECT_EQ(older->dump(), records);
  for (const std::size_t wrong : {std::size_t{0}, std::size_t{8 * 8}, std::size_t{9 * 8 + 1}, size - 1, size + 8}) {
    const auto loaded = with_head_of(wrong);
    ASSERT_FALSE(loaded) << wrong;
    EXPECT_NE(loaded.error().message.find("the head"), std::string::npos) << loaded.error().message;
  }
}

}  // namespace
}  // namespace hanse::ledger
