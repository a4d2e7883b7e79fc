#include "provider/testing/leftovers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <fmt/format.h>

#include "provider/testing/engine_service.hpp"
#include "provider/testing/free_pool.hpp"
#include "provider/workspace.hpp"

namespace hanse::provider::testing {
namespace {

using ::testing::Contains;
using ::testing::Not;

TEST(Leftovers, OfADeadRunGoAndThoseOfALiveOneStay) {
  const pid_t dead = ::fork();
  if (dead == 0) ::_exit(0);
  ASSERT_EQ(::waitpid(dead, nullptr, 0), dead);
  auto& engine = EngineService::instance().engine();
  const TestContainer live("sleep 1000");
  const TestContainer left("sleep 1000", {.name = fmt::format("hanse-test-{}-1", dead)});
  const auto network = fmt::format("hanse-test-{}-net", dead), live_network = test_name("net");
  ASSERT_TRUE(engine.create_network(network, testing::free_pool(29), kTestLabel));
  ASSERT_TRUE(engine.create_network(live_network, testing::free_pool(29), kTestLabel));

  const fs::path folder = fmt::format("/tmp/hanse-agent-{}-left", dead);
  const auto live_folder = make_test_folder("agent");
  const auto label = [&] {  // of the agent that the dead run had
    fs::create_directories(folder / "agent");
    HANSE_CHECK(client::open_or_create_ssh_key(folder / "agent" / kAgentKeyFile, "agent"));
    return agent_label(folder / "agent");
  }();
  const TestContainer lease("sleep 1000", {.name = "hanse-leftover-lease", .labels = {label}});
  Workspaces workspaces(folder / "agent" / "leases");
  ASSERT_TRUE(workspaces.open("lease-1", 32U << 20));

  sweep_leftovers(engine);
  EXPECT_TRUE(engine.inspect(live.id()));
  EXPECT_EQ(engine.inspect(left.id()).error().code, ErrorCode::not_found);
  EXPECT_EQ(engine.inspect(lease.id()).error().code, ErrorCode::not_found);
  EXPECT_THAT(engine.list_networks(kTestLabel).value(), Contains(live_network));
  EXPECT_THAT(engine.list_networks(kTestLabel).value(), Not(Contains(network)));
  EXPECT_FALSE(fs::exists(folder));  // which its mounts would have kept
  EXPECT_TRUE(fs::exists(live_folder));
  EXPECT_TRUE(engine.remove_network(live_network));
  fs::remove_all(live_folder);
}

TEST(Leftovers, ANameThatBearsNoProcessIsNobodysLeftover) {
  const pid_t dead = ::fork();
  if (dead == 0) ::_exit(0);
  ASSERT_EQ(::waitpid(dead, nullptr, 0), dead);
  EXPECT_TRUE(is_leftover(fmt::format("hanse-agent-{}-x", dead)));
  EXPECT_FALSE(is_leftover(fmt::format("hanse-agent-{}-x", ::getpid())));
  EXPECT_FALSE(is_leftover(fmt::format("hanse-cli-{}rnQs", dead)));
  EXPECT_FALSE(is_leftover(fmt::format("hanse-cli-{}", dead)));
  EXPECT_FALSE(is_leftover("hanse-cli"));
}

}  // namespace
}  // namespace hanse::provider::testing
