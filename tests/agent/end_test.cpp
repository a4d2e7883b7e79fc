// The end of a lease's run: it is told of in time, and files that are to stay do.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "house.hpp"

namespace hanse::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::uint64_t kKeepS = 600;

TEST(KeptLease, GivesAllBackButTheFilesAndTheOutputOfItsJob) {
  House house;
  house.run_agent();
  auto job = make_job("echo said; echo result >/workspace/out; echo gone >/tmp/outside; (sleep 1000 &); exit 4");
  job.outputs = {"out"};
  const auto id = house.rent(&job, 3600, kKeepS);
  ASSERT_THAT(house.deliver(id, job).output, HasSubstr("started"));
  const auto before = house.ssh(id, "hostname").output;
  ASSERT_TRUE(eventually([&] { return house.is(id, model::LeaseState::kept); }));
  const auto record = house.lease(id);
  EXPECT_EQ(record.end_reason, model::EndReason::completed);
  EXPECT_THAT(record.note, HasSubstr("exited with code 4"));

  ASSERT_TRUE(eventually([&] { return house.ssh(id, "cat /proc/self/cgroup; nproc").code == 0; }));
  EXPECT_EQ(house.ssh(id, "hostname").output, before);
  EXPECT_EQ(house.ssh(id, "cat /workspace/out").output, "result\n");
  EXPECT_THAT(house.ssh(id, "'cat /proc/[0-9]*/cmdline | tr \"\\0\" \" \"'").output, Not(HasSubstr("sleep 1000")));
  EXPECT_NE(house.ssh(id, "cat /tmp/outside").code, 0) << "only /workspace stays";
  EXPECT_THAT(house.ssh(id, "-T").output, HasSubstr("its job is over"));
  const auto heard = house.hear(id);
  EXPECT_EQ(heard.out, "said\n");
  EXPECT_EQ(heard.exit, (wire::JobExit{4, false}));
  EXPECT_EQ(house.ssh(id, "-s hanse-delivered").output, std::string(as_text(wire::encode(job))));
  EXPECT_THAT(house.deliver(id, job).output, HasSubstr("started")) << "who delivers again hears what was";

  const auto second = house.rent(nullptr), third = house.rent(nullptr);  // both of the machine's devices
  EXPECT_TRUE(eventually(
      [&] { return house.is(second, model::LeaseState::running) && house.is(third, model::LeaseState::running); }));

  house.agent.reset();  // another agent goes on with it
  house.agent = house.start_agent(house.config()).value();
  ASSERT_TRUE(eventually([&] { return house.ssh(id, "cat /workspace/out").output == "result\n"; }));
  EXPECT_EQ(house.hear(id).exit, (wire::JobExit{4, false}));

  for (const auto lease : {id, second, third}) {
    house.send(house.consumer, {model::EndLease{lease, model::EndReason::completed, ""}});
  }
  EXPECT_TRUE(eventually([&] { return house.traces().empty(); }));
}

TEST(KeptLease, OutlivesItsTimeAndItsJobIsEnded) {
  House house;
  house.run_agent();
  auto job = make_job(
      "trap 'echo told $(cut -d\" \" -f2 $HANSE_END_FILE) >>/workspace/log' TERM\n"
      "echo began; while :; do date +%s >/workspace/step; sleep 0.1 || :; done");
  job.notice_s = 50;
  const auto id = house.rent(&job, 60, kKeepS);
  ASSERT_THAT(house.deliver(id, job).output, HasSubstr("started"));
  ASSERT_TRUE(eventually([&] { return house.ssh(id, "cat /workspace/log").output == "told time\n"; }));
  EXPECT_THAT(house.ssh(id, "'echo $HANSE_END_AT'").output, ::testing::MatchesRegex("[0-9]{10}\n"));
  ASSERT_TRUE(eventually([&] { return house.is(id, model::LeaseState::kept); }));
  const auto heard = house.hear(id);
  EXPECT_EQ(heard.out, "began\n");
  ASSERT_TRUE(heard.exit);
  EXPECT_NE(heard.exit->code, 0);
  EXPECT_THAT(heard.notes, Contains(HasSubstr("hanse extend")));
  const auto step = std::stoll(house.ssh(id, "cat /workspace/step").output);
  EXPECT_GE(step, house.lease(id).ends_at.ms / 1000 - 5) << "it might work to the end";
  house.send(house.consumer, {model::EndLease{id, model::EndReason::completed, ""}});
  EXPECT_TRUE(eventually([&] { return house.traces().empty(); }));
}

TEST(EndOfALease, ThatMovedAwayIsTakenBackAndToldAgain) {
  House house;
  house.run_agent();
  auto job = make_job("trap 'echo told >>/workspace/log' TERM; while :; do sleep 0.05 || :; done");
  job.notice_s = 55;
  const auto id = house.rent(&job, 60);
  ASSERT_THAT(house.deliver(id, job).output, HasSubstr("started"));
  ASSERT_TRUE(eventually([&] { return house.ssh(id, "cat /workspace/log").output == "told\n"; }));
  EXPECT_EQ(house.ssh(id, "test -e /run/hanse/end_at").code, 0);
  house.send(house.consumer, {model::ExtendLease{id, 3600}});
  EXPECT_TRUE(eventually([&] { return house.ssh(id, "test -e /run/hanse/end_at").code == 1; }));
  EXPECT_EQ(house.ssh(id, "'echo ${HANSE_END_AT:-none}'").output, "none\n");
  EXPECT_EQ(house.ssh(id, "cat /workspace/log").output, "told\n");
}

}  // namespace
}  // namespace hanse::testing
