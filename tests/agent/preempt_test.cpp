// A spot lease that loses its place: who is told, how, and how often.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "house.hpp"

namespace hanse::testing {
namespace {

using ::testing::HasSubstr;

/// The notice is as long as what a test does within it may take on a slow machine.
struct SpotHouse : House {
  explicit SpotHouse(std::uint64_t notice_s)
      : House([=](model::Params& params) {
          params.auction_period_s = notice_s + 2;
          params.reveal_window_s = 1;
          params.preempt_notice_s = notice_s;
        }) {
    authorise("agent");
    start();
  }
  void start() {
    auto with_floor = config();
    with_floor.prices.spot_floor_per_gpu_hour = Money{100'000};
    agent = start_agent(with_floor).value();
  }
  /// Somebody on demand wants the machine: the spot lease must leave.
  Time take(model::LeaseId from) {
    model::SubmitRequest request;
    request.demand.duration_s = 60;
    request.demand.gpu_count = 1;
    request.wait_until = after_s(system_clock().now(), 600);
    send(owner, {request});
    const Time at = lease(from).preempt_at;
    EXPECT_GT(at.ms, 0);
    return at;
  }
};

model::Job careful_job() {
  return make_job(
      "echo up\n"
      "trap 'echo told $(cut -d\" \" -f1 $HANSE_END_FILE) >>/workspace/log' TERM\n"
      "echo began at ${HANSE_END_AT:-no end} of $HANSE_END_FILE >/workspace/log\n"
      "while :; do sleep 0.05 || :; done");
}

std::string read(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Preemption, TellsTheJobTheSessionsAndWhatStartsLaterAndWipesAtTheTime) {
  SpotHouse house(15);
  const auto job = careful_job();
  const auto id = house.win(&job, credits(1));
  ASSERT_THAT(house.deliver(id, job).output, HasSubstr("started"));
  const auto log = [&] { return house.ssh(id, "cat /workspace/log").output; };
  ASSERT_TRUE(eventually([&] { return log() == "began at no end of /run/hanse/end_at\n"; }));
  EXPECT_EQ(house.ssh(id, "'echo ${HANSE_END_AT:-none}'").output, "none\n");
  const auto logs = house.folder / "logs";
  auto follower = std::async(std::launch::async, [&] { house.ssh(id, "-s hanse-logs > " + logs.string()); });
  auto terminal = std::async(std::launch::async,
                             [&] { return house.ssh(id, "-tt 'touch /workspace/open; exec sleep 1000'").output; });
  EXPECT_TRUE(eventually([&] {
    return read(logs).find("up\n") != std::string::npos && house.ssh(id, "test -e /workspace/open").code == 0;
  }));

  const Time at = house.take(id);
  const auto seconds = std::to_string(at.ms / 1000);
  EXPECT_TRUE(eventually([&] { return log().ends_with("told " + seconds + "\n"); }));
  EXPECT_EQ(house.ssh(id, "'echo $HANSE_END_AT'").output, seconds + "\n");
  EXPECT_TRUE(house.is(id, model::LeaseState::running)) << "it may work to the end of the notice";

  const auto line = " ends at " + model::format_time(at);
  EXPECT_THAT(house.ssh(id, "-T").output, HasSubstr(line));  // who comes later reads it too
  follower.get();
  EXPECT_THAT(read(logs), HasSubstr(line));
  EXPECT_THAT(terminal.get(), HasSubstr(line));
  EXPECT_TRUE(house.is(id, model::LeaseState::ended));
  const auto ended = house.lease(id);
  EXPECT_EQ(ended.end_reason, model::EndReason::preempted);
  EXPECT_EQ(ended.ends_at, at);
  EXPECT_TRUE(eventually([&] {
    for (const auto& trace : house.traces()) {
      if (trace.ends_with(model::format_id(id))) return false;
    }
    return true;
  }));
}

TEST(Preemption, IsToldOnceHoweverOftenTheAgentStarts) {
  SpotHouse house(40);
  const auto job = careful_job();
  const auto id = house.win(&job, credits(1));
  ASSERT_THAT(house.deliver(id, job).output, HasSubstr("started"));
  const auto log = [&] { return house.ssh(id, "cat /workspace/log").output; };
  ASSERT_TRUE(eventually([&] { return log() == "began at no end of /run/hanse/end_at\n"; }));
  house.agent.reset();
  const auto seconds = std::to_string(house.take(id).ms / 1000);  // nobody is there to hear of it
  const std::string told = "began at no end of /run/hanse/end_at\ntold " + seconds + "\n";
  house.start();
  std::vector<std::string> seen{""};  // each once
  EXPECT_TRUE(eventually([&] {
    if (const auto now = log(); now != seen.back()) seen.push_back(now);
    return seen.back() == told || house.is(id, model::LeaseState::ended);
  }));
  EXPECT_EQ(seen.back(), told) << ::testing::PrintToString(seen);
  house.agent.reset();
  house.start();
  EXPECT_EQ(house.ssh(id, "'echo $HANSE_END_AT'").output, seconds + "\n");  // it knows, and has told
  EXPECT_EQ(log(), told);
}

}  // namespace
}  // namespace hanse::testing
