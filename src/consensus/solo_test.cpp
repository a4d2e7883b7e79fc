#include "consensus/solo.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "consensus/testing/running_node.hpp"

namespace hanse::consensus {
namespace {

using namespace testing;
using ::testing::HasSubstr;
using Answer = Result<model::Receipt>;

class SoloTest : public ::testing::Test {
 protected:
  /// (Re)starts the node on the test's folder.
  void start(SoloOptions options = {}) {
    node.reset();
    auto started = try_start(genesis(), options);
    ASSERT_TRUE(started) << started.error().message;
    node = std::move(*started);
  }
  Result<std::unique_ptr<Node>> try_start(const ledger::Genesis& from, SoloOptions options = {}) {
    auto store = store::Store::open(folder.path);
    if (!store) return fail(store);
    options.idle_block_ms = 1;
    return start_solo(std::move(*store), from, options, clock);
  }
  Bytes payment(std::uint64_t from, std::uint64_t to, std::int64_t micros) {
    return sign(key(from), after_s(clock.now(), 60), rng, {transfer(to, micros)});
  }
  std::uint64_t height() {
    std::uint64_t out = 0;
    node->read([&](const ledger::Ledger& ledger) { out = ledger.state().height(); });
    return out;
  }

  Folder folder;
  VirtualClock clock;
  Rng rng{7};
  std::unique_ptr<Node> node;
};

/// So long that a second block never comes while a test runs: the clock is virtual.
constexpr SoloOptions kOneBlock{.block_interval_ms = 3'600'000};

TEST_F(SoloTest, AnswersWithAReceiptThatIsDurableAndInTheState) {
  start();
  std::promise<bool> checked;
  const auto bytes = payment(0, 1, 250);
  node->submit(bytes, [&](const Answer& answer) {
    const auto stored = node->store().receipt(wire::transaction_hash(bytes));
    checked.set_value(answer && stored && *stored == *answer && answer->code == ErrorCode::ok &&
                      balance(*node, key(1).public_key()) == Money{1'000'000'000'250});
  });
  EXPECT_TRUE(checked.get_future().get());
  EXPECT_EQ(balance(*node, key(0).public_key()), (Money{1'000'000'000'000 - 250 - 100}));
}

TEST_F(SoloTest, AnswersATransactionThatFailsInItsBlockWithAReceiptThatSaysSo) {
  start();
  const auto answer = send(*node, payment(0, 1, 2'000'000'000'000));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->code, ErrorCode::insufficient_funds);
  EXPECT_EQ(answer->fee, Money{100});
}

TEST_F(SoloTest, RestartReproducesTheExactState) {
  start();
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(send(*node, payment(rng.below(8), rng.below(12), rng.between(1, 1000))));
  const auto dump = [&] {
    std::vector<ledger::StateRecord> out;
    node->read([&](const ledger::Ledger& ledger) { out = ledger.dump(); });
    return out;
  };
  const auto before = dump();
  start();
  EXPECT_TRUE(dump() == before);
  EXPECT_EQ(height(), 30U);
}

TEST_F(SoloTest, AnswersInTheOrderOfArrivalEachOnce) {
  start();
  constexpr std::size_t kCount = 1000;
  std::vector<std::size_t> answered;  // of the block thread until the last
  std::promise<void> done;
  for (std::size_t i = 0; i < kCount; ++i) {
    node->submit(payment(i % 8, (i + 1) % 8, 1), [&, i](const Answer& answer) {
      EXPECT_TRUE(answer && answer->code == ErrorCode::ok);
      answered.push_back(i);
      if (answered.size() == kCount) done.set_value();
    });
  }
  ASSERT_EQ(done.get_future().wait_for(kLongest), std::future_status::ready);
  node.reset();
  ASSERT_EQ(answered.size(), kCount);
  for (std::size_t i = 0; i < kCount; ++i) EXPECT_EQ(answered[i], i);
}

TEST_F(SoloTest, ManySubmittersShareASync) {
  start();
  constexpr std::uint64_t kSubmitters = 64, kEach = 20;
  std::vector<std::vector<Bytes>> work(kSubmitters);
  for (auto& each : work) {
    for (std::uint64_t i = 0; i < kEach; ++i) each.push_back(payment(rng.below(8), rng.below(8), 1));
  }
  std::atomic<std::uint64_t> acknowledged = 0;
  {
    std::vector<std::jthread> submitters;
    for (auto& each : work) {
      submitters.emplace_back([&] {
        for (auto& bytes : each) acknowledged += send(*node, std::move(bytes)).has_value() ? 1 : 0;
      });
    }
  }
  EXPECT_EQ(acknowledged, kSubmitters * kEach);
  const auto stats = node->stats();
  EXPECT_EQ(stats.transactions, kSubmitters * kEach);
  EXPECT_LT(stats.blocks, stats.transactions);
  EXPECT_GT(stats.commit_us, 0U);
  EXPECT_EQ(stats.queued, 0U);
  EXPECT_EQ(stats.stopped_because, "");
}

TEST_F(SoloTest, SendingTheSameBytesAgainAppliesThemOnce) {
  start();
  const auto bytes = payment(0, 9, 5);
  std::vector<std::future<Answer>> together;
  for (int i = 0; i < 50; ++i) together.push_back(submit(*node, bytes));
  const auto first = answer_of(std::move(together.front()));
  ASSERT_TRUE(first) << first.error().message;
  for (std::size_t i = 1; i < together.size(); ++i) EXPECT_EQ(answer_of(std::move(together[i])), first);
  EXPECT_EQ(send(*node, bytes), first);  // committed by now
  clock.advance_ms(3'600'000);           // and after its window
  EXPECT_EQ(send(*node, bytes), first);
  start();
  EXPECT_EQ(send(*node, bytes), first);
  EXPECT_EQ(balance(*node, key(9).public_key()), Money{5});
}

TEST_F(SoloTest, KeepsOutOfBlocksWhatNeedsNoStateToRefuse) {
  start();
  const auto code_of = [&](Bytes bytes) {
    const auto answer = send(*node, std::move(bytes));
    return answer ? ErrorCode::ok : answer.error().code;
  };
  const auto good = payment(0, 1, 1);
  EXPECT_EQ(code_of({}), ErrorCode::wrong_network);  // no bytes are a transaction whose fields are all zero
  EXPECT_EQ(code_of({1, 2, 3}), ErrorCode::malformed);
  EXPECT_EQ(code_of(Bytes(good.begin(), good.end() - 1)), ErrorCode::malformed);
  EXPECT_EQ(code_of(Bytes(model::kMaxTransactionBytes + 1, 0)), ErrorCode::too_large);
  auto forged = good;
  forged.back() ^= 1;
  EXPECT_EQ(code_of(forged), ErrorCode::bad_signature);
  auto elsewhere = transaction(key(0), after_s(clock.now(), 60), rng, {transfer(1, 1)});
  elsewhere.network = "another";
  EXPECT_EQ(code_of(sign(elsewhere, key(0))), ErrorCode::wrong_network);
  EXPECT_EQ(code_of(sign(key(0), after_ms(clock.now(), -1), rng, {transfer(1, 1)})), ErrorCode::expired);
  EXPECT_EQ(code_of(sign(key(0), after_s(clock.now(), 3600), rng, {transfer(1, 1)})), ErrorCode::too_far_ahead);
  EXPECT_EQ(height(), 0U);
  EXPECT_EQ(node->stats().refused, 8U);
  EXPECT_EQ(code_of(good), ErrorCode::ok);
  EXPECT_EQ(height(), 1U);
}

TEST_F(SoloTest, AFullQueueSaysSoAndStoppingAnswersTheRest) {
  auto options = kOneBlock;
  options.max_queued = 4;
  start(options);
  ASSERT_TRUE(send(*node, payment(0, 1, 1)));
  std::vector<std::future<Answer>> waiting;
  const auto same = payment(0, 1, 2);
  for (int i = 0; i < 4; ++i) waiting.push_back(submit(*node, i < 2 ? same : payment(0, 1, 3)));
  EXPECT_EQ(node->stats().queued, 4U);
  const auto refused = send(*node, payment(0, 1, 4));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
  EXPECT_THAT(refused.error().message, HasSubstr("queue of 4"));

  node.reset();
  for (auto& each : waiting) {
    const auto answer = answer_of(std::move(each));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
    EXPECT_THAT(answer.error().message, HasSubstr("stopping"));
  }
  start();
  EXPECT_EQ(height(), 1U);
}

TEST_F(SoloTest, StoppingUnderLoadLosesNothingThatWasAcknowledged) {
  start();
  std::vector<std::pair<Hash, std::future<Answer>>> sent;
  for (int i = 0; i < 500; ++i) {
    auto bytes = payment(rng.below(8), rng.below(8), 1);
    const auto hash = wire::transaction_hash(bytes);
    sent.emplace_back(hash, submit(*node, std::move(bytes)));
  }
  node.reset();
  start();
  for (auto& [hash, future] : sent) {
    const auto answer = answer_of(std::move(future));
    const auto stored = node->store().receipt(hash);
    EXPECT_EQ(answer.has_value(), stored.has_value());
    if (answer && stored) {
      EXPECT_EQ(*answer, *stored);
    }
  }
}

TEST_F(SoloTest, MakesNoBlocksWhenThereIsNothingToDo) {
  start();
  Watcher watcher(*node);
  clock.advance_ms(86'400'000);
  EXPECT_FALSE(watcher.wait([](const auto& notices) { return !notices.empty(); }, std::chrono::milliseconds(50)));
  EXPECT_EQ(height(), 0U);
  ASSERT_TRUE(send(*node, payment(0, 1, 1)));
  EXPECT_EQ(height(), 1U);
}

TEST_F(SoloTest, FiresTimersWhenTheClockReachesThem) {
  start();
  Watcher watcher(*node);
  model::SubmitRequest request;
  request.demand.duration_s = 3600;
  request.demand.max_cost = credits(1);
  request.wait_until = after_s(clock.now(), 600);
  const auto answer = send(*node, sign(key(0), after_s(clock.now(), 60), rng, {request}));
  ASSERT_TRUE(answer) << answer.error().message;
  ASSERT_EQ(answer->code, ErrorCode::ok) << answer->message;

  const auto has_ended = [&](const auto&) {
    const auto events = node->store().events(0, 100);
    return !events.empty() && events.back().kind == model::EventKind::request_ended;
  };
  EXPECT_FALSE(has_ended(0));
  clock.advance_ms(599'000);
  clock.advance_ms(2'000);
  ASSERT_TRUE(watcher.wait(has_ended));
  EXPECT_GT(height(), 1U);
  EXPECT_EQ(node->stats().transactions, 1U);
}

TEST_F(SoloTest, BlockTimeNeverGoesBack) {
  start();
  const auto first = send(*node, payment(0, 1, 1));
  ASSERT_TRUE(first);
  clock.turn_back_ms(500);
  const auto second = send(*node, payment(0, 1, 1));
  ASSERT_TRUE(second);
  EXPECT_EQ(second->time, first->time);
}

TEST_F(SoloTest, TellsOfEveryBlockInOrderUntilUnsubscribed) {
  start();
  Watcher watcher(*node);
  std::atomic<int> once = 0;
  std::shared_ptr<void> handle;
  handle = node->subscribe([&](const Node::BlockNotice&) {
    ++once;
    handle.reset();  // inside its own call
  });
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(send(*node, payment(0, 1, 1)));
  ASSERT_TRUE(watcher.wait([](const auto& notices) { return notices.size() == 20; }));
  watcher.wait([&](const auto& notices) {
    for (std::size_t i = 0; i < notices.size(); ++i) {
      EXPECT_EQ(notices[i].height, i + 1);
      EXPECT_EQ(notices[i].transactions, 1U);
    }
    EXPECT_EQ(notices.back().last_event_sequence, node->store().events(0, 1000).back().sequence);
    return true;
  });
  EXPECT_EQ(once, 1);
}

TEST_F(SoloTest, ReadersSeeWholeBlocksUnderLoad) {
  start();
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> wrong = 0, reads = 0;
  std::vector<std::jthread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      std::uint64_t last = 0;
      while (!stop) {
        node->read([&](const ledger::Ledger& ledger) {
          Money sum = ledger.state().treasury();
          for (std::uint64_t n = 0; n < 8; ++n) sum = *add(sum, ledger.state().account(key(n).public_key())->balance);
          wrong += sum == ledger.state().issued() && ledger.state().height() >= last ? 0 : 1;
          last = ledger.state().height();
        });
        ++reads;
      }
    });
  }
  for (int i = 0; i < 200; ++i) EXPECT_TRUE(send(*node, payment(rng.below(8), rng.below(8), 1)));
  stop = true;
  readers.clear();
  EXPECT_EQ(wrong, 0U);
  EXPECT_GT(reads, 0U);
}

TEST_F(SoloTest, RefusesAStoreOfAnotherNetworkOrGenesis) {
  start();
  node.reset();
  auto other = genesis();
  other.network = "hanse-other";
  auto refused = try_start(other);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::wrong_network);
  EXPECT_THAT(refused.error().message, HasSubstr("belongs to the network 'hanse-test', not to 'hanse-other'"));

  other = genesis(9);
  refused = try_start(other);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::wrong_network);
  EXPECT_THAT(refused.error().message, HasSubstr("another genesis"));
  EXPECT_TRUE(try_start(genesis()));
}

TEST_F(SoloTest, AGenesisWithoutATimeKeepsThatOfTheFirstStart) {
  auto timeless = genesis();
  timeless.time = {};
  ASSERT_TRUE(try_start(timeless));
  clock.advance_ms(10'000);
  auto again = try_start(timeless);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ((*again)->store().origin().time, after_s(kStart, 1));
}

}  // namespace
}  // namespace hanse::consensus
