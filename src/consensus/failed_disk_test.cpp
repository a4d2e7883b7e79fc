// A node whose disk takes no more: nothing is acknowledged, nothing goes on, and all is well after a restart.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>

#include "consensus/testing/running_node.hpp"

namespace hanse::consensus {
namespace {

using namespace testing;
using ::testing::HasSubstr;

std::unique_ptr<Node> start(const std::filesystem::path& folder, Clock& clock) {
  auto store = store::Store::open(folder);
  EXPECT_TRUE(store) << store.error().message;
  auto node = start_solo(std::move(*store), genesis(), {.idle_block_ms = 1}, clock);
  EXPECT_TRUE(node) << node.error().message;
  return std::move(*node);
}

void limit_file_size(rlim_t bytes) {
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  ::getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = std::min(bytes, limit.rlim_max);
  ::setrlimit(RLIMIT_FSIZE, &limit);
}

TEST(FailedDisk, StopsTheNodeWithoutAcknowledgingAndTheSameBytesWorkAfterARestart) {
  const Folder folder;
  VirtualClock clock;
  Rng rng(3);
  const auto pay = [&] { return sign(key(0), after_s(clock.now(), 60), rng, {transfer(9, 5)}); };
  const auto lost = pay();
  auto node = start(folder.path, clock);
  ASSERT_TRUE(send(*node, pay()));

  limit_file_size(16);
  const auto answer = send(*node, lost);
  limit_file_size(RLIM_INFINITY);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
  EXPECT_THAT(answer.error().message, HasSubstr("could not be stored"));
  EXPECT_THAT(answer.error().message, HasSubstr("send the same again"));

  // The disk is well again, but a node that could not keep a block does not guess: it stays stopped.
  const auto later = send(*node, pay());
  ASSERT_FALSE(later);
  EXPECT_EQ(later.error().code, ErrorCode::unavailable);
  EXPECT_THAT(node->stats().stopped_because, HasSubstr("could not be stored"));
  EXPECT_EQ(balance(*node, key(9).public_key()), Money{5}) << "readers see the durable state";
  EXPECT_EQ(node->stats().blocks, 1U);

  node.reset();
  node = start(folder.path, clock);
  const auto retried = send(*node, lost);
  ASSERT_TRUE(retried) << retried.error().message;
  EXPECT_EQ(balance(*node, key(9).public_key()), Money{10});
}

}  // namespace
}  // namespace hanse::consensus
