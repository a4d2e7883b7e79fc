#include "store/store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/testing/history.hpp"

namespace hanse::store {
namespace {

using ::testing::ElementsAre;
using testing::Folder;
using testing::History;
using ::testing::IsEmpty;
using testing::key;

std::unique_ptr<Store> open_at(const std::filesystem::path& folder) {
  auto store = Store::open(folder);
  EXPECT_TRUE(store) << store.error().message;
  return store ? std::move(*store) : nullptr;
}

/// Equal to the last record: dumps are long, so a difference is told by its place.
void expect_equal(const ledger::Ledger& a, const ledger::Ledger& b) {
  const auto left = a.dump(), right = b.dump();
  ASSERT_EQ(left.size(), right.size());
  for (std::size_t i = 0; i < left.size(); ++i) {
    EXPECT_EQ(left[i].key, right[i].key) << "record " << i;
    EXPECT_EQ(left[i].value, right[i].value) << "record " << i;
  }
  EXPECT_EQ(a.state().app_hash(), b.state().app_hash());
  EXPECT_EQ(a.state().height(), b.state().height());
}

TEST(Store, IsEmptyUntilItsGenesis) {
  const Folder folder;
  History history;
  {
    const auto store = open_at(folder.path);
    EXPECT_TRUE(store->is_empty());
    ASSERT_TRUE(store->write_genesis(history.ledger));
    EXPECT_FALSE(store->is_empty());
  }
  const auto store = open_at(folder.path);
  ASSERT_FALSE(store->is_empty());
  EXPECT_EQ(store->origin().network, testing::kNetwork);
  EXPECT_EQ(store->origin().time, testing::kStart);
  EXPECT_EQ(store->origin().fingerprint, origin_of(history.ledger).fingerprint);
  EXPECT_EQ(store->height(), 0U);
  const auto loaded = store->load();
  ASSERT_TRUE(loaded) << loaded.error().message;
  expect_equal(*loaded, history.ledger);
}

TEST(Store, OriginsDifferWhereTheGenesisDoes) {
  auto other = testing::genesis();
  other.params.claim_window_s += 1;
  const auto a = ledger::Ledger::from_genesis(testing::genesis());
  const auto b = ledger::Ledger::from_genesis(other);
  ASSERT_TRUE(a && b);
  EXPECT_NE(origin_of(*a).fingerprint, origin_of(*b).fingerprint);
}

TEST(Store, RestartReproducesTheExactState) {
  const std::uint64_t seed = 20261122;
  SCOPED_TRACE("seed " + std::to_string(seed));
  const Folder folder;
  History history(seed);
  ASSERT_TRUE(open_at(folder.path)->write_genesis(history.ledger));
  for (int round = 0; round < 8; ++round) {
    const auto store = open_at(folder.path);
    auto loaded = store->load();
    ASSERT_TRUE(loaded) << loaded.error().message;
    expect_equal(*loaded, history.ledger);
    for (std::uint64_t i = history.rng.below(6); i > 0; --i) {
      const auto step = history.next_random();
      ASSERT_TRUE(store->commit(step.block, step.result));
    }
  }
}

TEST(Store, ReplayingTheBlocksOnTheGenesisGivesTheState) {
  const Folder folder;
  History history;
  const auto store = open_at(folder.path);
  ASSERT_TRUE(store->write_genesis(history.ledger));
  for (int i = 0; i < 20; ++i) {
    const auto step = history.next_random();
    ASSERT_TRUE(store->commit(step.block, step.result));
    EXPECT_EQ(store->app_hash(step.block.height), step.result.app_hash);
  }
  auto replayed = store->load_genesis();
  ASSERT_TRUE(replayed) << replayed.error().message;
  for (std::uint64_t height = 1; height <= store->height(); ++height) {
    const auto block = store->block(height);
    ASSERT_TRUE(block) << height;
    std::vector<ledger::Envelope> opened;
    for (const auto& tx : block->transactions) {
      opened.push_back(ledger::open(tx, testing::kNetwork, replayed->state().params()));
    }
    const auto result = replayed->apply({block->height, block->time, block->beacon}, opened);
    EXPECT_EQ(result.app_hash, store->app_hash(height)) << height;
  }
  expect_equal(*replayed, history.ledger);
}

TEST(Store, KeepsBlocksReceiptsAndEventsAcrossARestart) {
  const Folder folder;
  History history;
  std::vector<History::Step> steps;
  {
    const auto store = open_at(folder.path);
    ASSERT_TRUE(store->write_genesis(history.ledger));
    for (int i = 0; i < 5; ++i) {
      steps.push_back(history.next_random());
      ASSERT_TRUE(store->commit(steps.back().block, steps.back().result));
    }
  }
  const auto store = open_at(folder.path);
  std::vector<model::Event> events;
  for (const auto& step : steps) {
    EXPECT_EQ(store->block(step.block.height), step.block);
    for (const auto& receipt : step.result.receipts) EXPECT_EQ(store->receipt(receipt.tx_hash), receipt);
    events.insert(events.end(), step.result.events.begin(), step.result.events.end());
  }
  EXPECT_EQ(store->block(0), std::nullopt);
  EXPECT_EQ(store->block(6), std::nullopt);
  EXPECT_EQ(store->receipt(Hash{}), std::nullopt);

  ASSERT_GT(events.size(), 3U);
  EXPECT_EQ(store->events(0, 10'000), events);
  std::vector<model::Event> paged;
  while (paged.size() < events.size()) {
    const auto page = store->events(paged.empty() ? 0 : paged.back().sequence, 3);
    ASSERT_FALSE(page.empty());
    ASSERT_LE(page.size(), 3U);
    paged.insert(paged.end(), page.begin(), page.end());
  }
  EXPECT_EQ(paged, events);
  EXPECT_THAT(store->events(events.back().sequence, 10), IsEmpty());
  EXPECT_THAT(store->events(UINT64_MAX, 10), IsEmpty());
}

/// A block that the ledger did not make: for what the store does with a result, whatever it says.
void commit_bare(Store& store, ledger::BlockResult result) {
  model::Block block;
  block.height = store.height() + 1;
  ASSERT_TRUE(store.commit(block, result));
}

TEST(Store, TheFirstReceiptOfATransactionStays) {
  const Folder folder;
  History history;
  const auto store = open_at(folder.path);
  ASSERT_TRUE(store->write_genesis(history.ledger));
  model::Receipt first;
  first.tx_hash.data[0] = 7;
  first.height = 1;
  auto copy = first;
  copy.code = ErrorCode::replayed;
  copy.index = 1;
  ledger::BlockResult result;
  result.receipts = {first, copy};  // twice in one block
  commit_bare(*store, result);
  EXPECT_EQ(store->receipt(first.tx_hash), first);
  copy.height = 2;
  result.receipts = {copy};  // and again later
  commit_bare(*store, result);
  EXPECT_EQ(store->receipt(first.tx_hash), first);

  model::Receipt stranger = copy;  // refused as a replay of the same body under another signature: its only receipt
  stranger.tx_hash.data[0] = 8;
  result.receipts = {stranger};
  commit_bare(*store, result);
  EXPECT_EQ(store->receipt(stranger.tx_hash), stranger);
}

TEST(Store, PagesAnAccountsEndedLeasesNewestFirst) {
  const Folder folder;
  History history;
  const auto store = open_at(folder.path);
  ASSERT_TRUE(store->write_genesis(history.ledger));
  ledger::BlockResult result;
  for (std::uint64_t id : {3U, 1U, 300U, 2U, 65536U}) {
    model::Lease lease;
    lease.id = {id};
    lease.consumer = key(id % 2).public_key();
    lease.provider = key(2).public_key();
    result.archived.push_back({lease, std::nullopt});
  }
  model::Request request;
  request.id = {9};
  result.archived.push_back({std::nullopt, request});
  commit_bare(*store, result);

  const auto ids = [&](std::uint64_t account, std::uint64_t before, std::size_t limit) {
    std::vector<std::uint64_t> out;
    for (const auto& lease : store->archived_leases_of(key(account).public_key(), {before}, limit)) {
      out.push_back(lease.id.value);
    }
    return out;
  };
  EXPECT_THAT(ids(2, 0, 10), ElementsAre(65536, 300, 3, 2, 1));
  EXPECT_THAT(ids(2, 0, 2), ElementsAre(65536, 300));
  EXPECT_THAT(ids(2, 300, 2), ElementsAre(3, 2));
  EXPECT_THAT(ids(2, 1, 2), IsEmpty());
  EXPECT_THAT(ids(1, 0, 10), ElementsAre(3, 1));
  EXPECT_THAT(ids(0, 0, 10), ElementsAre(65536, 300, 2));
  EXPECT_THAT(ids(5, 0, 10), IsEmpty());
  EXPECT_EQ(store->archived_request({9}), request);
  EXPECT_EQ(store->archived_request({3}), std::nullopt);
  ASSERT_TRUE(store->archived_lease({300}));
  EXPECT_EQ(store->archived_lease({9}), std::nullopt);
}

}  // namespace
}  // namespace hanse::store
