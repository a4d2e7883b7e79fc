#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "house.hpp"
#include "provider/testing/free_pool.hpp"

namespace hanse::testing {
namespace {

using provider::testing::address_in;
using provider::testing::free_pool;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Agent, RentalFromTheMatchToTheLastTraceWiped) {
  House house;
  house.run_agent();
  auto job = make_job("echo on $HANSE_LEASE with $GPUS_PER_NODE; echo result >/workspace/out; exit 4");
  job.env = {"HANSE_LEASE=forged", "WORD=w"};
  const auto id = house.rent(&job);
  EXPECT_THAT(house.deliver(id, job).output, HasSubstr("\"started\""));
  EXPECT_TRUE(house.is(id, model::LeaseState::running));
  const auto heard = house.hear(id);
  EXPECT_EQ(heard.out, "on " + model::format_id(id) + " with 1\n");
  EXPECT_EQ(heard.exit, (wire::JobExit{4, false}));
  EXPECT_EQ(house.ssh(id, "cat /workspace/out").output, "result\n");  // after the job's end
  const auto record = house.lease(id);
  EXPECT_EQ(record.endpoint, "127.0.0.1:" + std::to_string(house.agent->ssh_port()));

  house.send(house.consumer, {model::EndLease{id, model::EndReason::completed, ""}});
  EXPECT_TRUE(eventually([&] { return house.traces().empty(); }));
  EXPECT_NE(house.ssh(id, "true").code, 0);  // its key opens nothing any more
}

TEST(Agent, EmptyMachineStartsByItselfAndTakesSsh) {
  House house;
  house.run_agent();
  const auto id = house.rent(nullptr);
  EXPECT_TRUE(eventually([&] { return house.is(id, model::LeaseState::running); }));
  EXPECT_EQ(house.ssh(id, "hostname").output, model::format_id(id) + "\n");
  EXPECT_THAT(house.ssh(id, "-s hanse-job", "/dev/null").output, HasSubstr("failed"));
}

TEST(Agent, AnEmptyMachineHasTheSharedMemoryThatItWasRentedWith) {
  House house;
  house.run_agent();
  const auto plain = house.rent(nullptr);
  model::Job job;
  job.name = "machine";
  job.shm_bytes = 400ULL << 20;
  const auto asked = house.rent(&job);
  EXPECT_THAT(house.deliver(asked, job).output, HasSubstr("started"));
  EXPECT_TRUE(eventually([&] { return house.is(plain, model::LeaseState::running); }));
  const std::string look = "'df -k /dev/shm | tail -1 | tr -s \" \" | cut -d \" \" -f 2'";
  EXPECT_EQ(house.ssh(plain, look).output, std::to_string(256 << 10) + "\n") << "half of its memory";
  EXPECT_EQ(house.ssh(asked, look).output, std::to_string(400 << 10) + "\n");
  EXPECT_TRUE(house.is(asked, model::LeaseState::running)) << "a job that runs nothing has no end";
}

TEST(Agent, JobWaitsForItsFiles) {
  House house;
  house.run_agent();
  auto job = make_job("cat /workspace/in");
  job.wait_for_workdir = true;
  const auto id = house.rent(&job);
  EXPECT_THAT(house.deliver(id, job).output, HasSubstr("started"));
  EXPECT_EQ(house.ssh(id, "'echo copied >/workspace/in'").code, 0);
  EXPECT_THAT(house.ssh(id, "-s hanse-go").output, HasSubstr("running"));
  EXPECT_EQ(house.hear(id).out, "copied\n");
}

TEST(Agent, ALeaseWhoseJobNeverComesEndsBeforeItsTime) {
  House house([](model::Params& params) { params.start_deadline_s = 33; });
  house.run_agent();
  const auto job = make_job("true");
  const auto id = house.rent(&job);
  EXPECT_TRUE(eventually([&] { return house.is(id, model::LeaseState::running); })) << "the held machine is paid";
  EXPECT_TRUE(eventually([&] { return house.is(id, model::LeaseState::ended); }));
  EXPECT_THAT(house.lease(id).note, HasSubstr("its job never came"));
}

TEST(Agent, ALeaseWhoseFilesNeverComeEndsOnceNobodyIsThereToSendThem) {
  House house([](model::Params& params) { params.start_deadline_s = 8; });
  house.run_agent();
  auto job = make_job("true");
  job.wait_for_workdir = true;
  const auto id = house.rent(&job);
  EXPECT_THAT(house.deliver(id, job).output, HasSubstr("started"));
  EXPECT_THAT(house.ssh(id, "'sleep 12; echo still here'").output, HasSubstr("still here")) << "somebody is there";
  EXPECT_TRUE(house.is(id, model::LeaseState::running));
  EXPECT_TRUE(eventually([&] { return house.is(id, model::LeaseState::ended); }));
  EXPECT_THAT(house.lease(id).note, HasSubstr("files of its job never came"));
}

TEST(Agent, OtherJobThanTheOneRentedForIsRefused) {
  House house;
  house.run_agent();
  const auto job = make_job("true");
  const auto id = house.rent(&job);
  EXPECT_THAT(house.deliver(id, make_job("evil")).output, HasSubstr("not the job"));
  EXPECT_THAT(house.deliver(id, job).output, HasSubstr("started"));
}

TEST(Agent, ImageThatDoesNotExistIsTheConsumersToHear) {
  House house;
  house.run_agent();
  auto job = make_job("true");
  job.image = "localhost:1/never-made:v1";
  const auto id = house.rent(&job);
  EXPECT_THAT(house.deliver(id, job).output, AllOf(HasSubstr("never-made"), HasSubstr("public registries only")));
  EXPECT_FALSE(house.is(id, model::LeaseState::ended));
  house.send(house.consumer, {model::EndLease{id, model::EndReason::cancelled, ""}});
  EXPECT_TRUE(eventually([&] { return house.traces().empty(); }));
}

TEST(Agent, RestartMidLeaseLeavesTheJobRunningAndGoesOn) {
  House house;
  house.run_agent();
  const auto job = make_job("echo before; while [ ! -e /workspace/go ]; do sleep 0.05; done; echo after; exit 3");
  const auto id = house.rent(&job);
  ASSERT_THAT(house.deliver(id, job).output, HasSubstr("started"));
  const auto pid = house.ssh(id, "cat /proc/1/stat").output;

  house.agent.reset();
  auto restarted = house.start_agent(house.config());
  ASSERT_TRUE(restarted) << restarted.error().message;
  house.agent = std::move(*restarted);
  EXPECT_EQ(house.ssh(id, "cat /proc/1/stat").output.substr(0, 2), pid.substr(0, 2));
  EXPECT_EQ(house.ssh(id, "touch /workspace/go").code, 0);
  const auto heard = house.hear(id);
  EXPECT_EQ(heard.out, "before\nafter\n") << "it was not started again";
  EXPECT_EQ(heard.exit, (wire::JobExit{3, false}));
  EXPECT_TRUE(house.is(id, model::LeaseState::running));
}

TEST(Agent, LeaseThatEndedWhileTheAgentWasAwayIsWipedAtStart) {
  House house;
  house.run_agent();
  const auto job = make_job("sleep 1000");
  const auto id = house.rent(&job);
  ASSERT_THAT(house.deliver(id, job).output, HasSubstr("started"));
  house.agent.reset();
  EXPECT_FALSE(house.traces().empty());
  house.send(house.consumer, {model::EndLease{id, model::EndReason::completed, ""}});
  house.agent = house.start_agent(house.config()).value();
  EXPECT_TRUE(eventually([&] { return house.traces().empty(); }));
}

TEST(Agent, ContainerThatVanishesEndsTheLeaseAsTheProvidersFailure) {
  House house;
  house.run_agent();
  const auto job = make_job("sleep 1000");
  const auto id = house.rent(&job);
  ASSERT_THAT(house.deliver(id, job).output, HasSubstr("started"));
  ASSERT_TRUE(EngineService::instance().engine().remove(house.container_of(id)));
  EXPECT_TRUE(eventually([&] { return house.is(id, model::LeaseState::ended); }));
  EXPECT_EQ(house.lease(id).end_reason, model::EndReason::provider_failed);
}

// The engine's answer to a stop is told, not asked for: the agent may have started the container again before the
// engine looks a last time.
std::string said(const Result<>& stopped) {
  return stopped ? "" : stopped.error().message;
}

TEST(Agent, StoppedContainerOfAnUnfinishedJobStartsAgain) {
  House house;
  house.run_agent();
  const auto job = make_job("echo run >>/workspace/runs; sleep 1000");
  const auto id = house.rent(&job);
  ASSERT_THAT(house.deliver(id, job).output, HasSubstr("started"));
  ASSERT_TRUE(eventually([&] { return house.ssh(id, "cat /workspace/runs").output == "run\n"; }));
  const auto stopped = EngineService::instance().engine().stop(house.container_of(id), 5);
  EXPECT_TRUE(eventually([&] { return house.ssh(id, "cat /workspace/runs").output == "run\nrun\n"; })) << said(stopped);
  EXPECT_TRUE(house.is(id, model::LeaseState::running));
}

TEST(Agent, ContainerThatIsSlowToStopStartsAgainToo) {
  House house;
  house.run_agent();
  const auto job = make_job("trap '' TERM; echo run >>/workspace/runs; sleep 1000");
  const auto id = house.rent(&job);
  ASSERT_THAT(house.deliver(id, job).output, HasSubstr("started"));
  ASSERT_TRUE(eventually([&] { return house.ssh(id, "cat /workspace/runs").output == "run\n"; }));
  // For these seconds the engine says that it does not run, and refuses to start it.
  const auto stopped = EngineService::instance().engine().stop(house.container_of(id), 5);
  EXPECT_TRUE(eventually([&] {
    return house.ssh(id, "cat /workspace/runs").output == "run\nrun\n" || house.is(id, model::LeaseState::ended);
  })) << said(stopped);
  EXPECT_TRUE(house.is(id, model::LeaseState::running)) << house.lease(id).note;
}

TEST(Agent, JobThatFloodsItsLayerIsStoppedWithANote) {
  House house;
  house.authorise("agent");
  auto config = house.config();
  config.layer_bytes = 20U << 20;
  house.agent = house.start_agent(config).value();
  const auto job = make_job("dd if=/dev/zero of=/flood bs=1M count=64; sleep 1000");
  const auto id = house.rent(&job);
  ASSERT_THAT(house.deliver(id, job).output, HasSubstr("started"));
  EXPECT_TRUE(eventually([&] { return house.is(id, model::LeaseState::ended); }));
  EXPECT_THAT(house.lease(id).note, HasSubstr("outside /workspace"));
}

TEST(Agent, EngineRestartEndsNoLease) {
  House house;
  house.run_agent();
  const auto job = make_job("while [ ! -e /workspace/go ]; do sleep 0.05; done; echo done");
  const auto id = house.rent(&job);
  ASSERT_THAT(house.deliver(id, job).output, HasSubstr("started"));
  EngineService::instance().restart();
  EXPECT_EQ(house.ssh(id, "touch /workspace/go").code, 0);
  EXPECT_EQ(house.hear(id).out, "done\n");
}

TEST(Agent, LeaseOnANetworkReachesNeitherTheHostNorItsGateway) {
  House house;
  house.authorise("agent");
  auto config = house.config();
  config.internet = true;
  const auto pool = free_pool(28);
  config.subnet_pool = pool;
  house.agent = house.start_agent(config).value();
  const auto id = house.rent(nullptr);
  ASSERT_TRUE(eventually([&] { return house.is(id, model::LeaseState::running); }));
  EXPECT_THAT(house.ssh(id, "ls /sys/class/net").output, HasSubstr("eth0"));
  const auto hosts = house.ssh(id, "cat /etc/hosts").output;
  EXPECT_THAT(hosts, HasSubstr("127.0.0.1 " + model::format_id(id) + "\n"));
  EXPECT_THAT(hosts, ::testing::Not(HasSubstr(".internal")));
  const auto port = std::to_string(house.server->port());
  const auto probe = [&](const std::string& host) {
    return house.ssh(id, "\"timeout 2 bash -c 'exec 3<>/dev/tcp/" + host + "/" + port + "' && echo open\"").output;
  };
  EXPECT_THAT(probe(address_in(pool, 1)), ::testing::Not(HasSubstr("open")));
  EXPECT_THAT(probe("127.0.0.1"), ::testing::Not(HasSubstr("open")));
  house.send(house.consumer, {model::EndLease{id, model::EndReason::completed, ""}});
  EXPECT_TRUE(eventually([&] { return house.traces().empty(); }));
}

TEST(Agent, TwoOnOneMachineWithOnePoolBothGiveNetworksAndAThirdSaysThatItCannot) {
  House first, second, third;
  auto config = [pool = free_pool(28)](House& house) {
    auto out = house.config();
    out.internet = true;
    out.subnet_pool = pool;
    house.authorise("agent");
    return out;
  };
  model::LeaseId leases[2];
  House* houses[] = {&first, &second};
  for (int i = 0; i < 2; ++i) {
    houses[i]->agent = houses[i]->start_agent(config(*houses[i])).value();
    EXPECT_TRUE(houses[i]->agent->notes().empty());
    leases[i] = houses[i]->rent(nullptr);
    ASSERT_TRUE(eventually([&] { return houses[i]->is(leases[i], model::LeaseState::running); }));
  }
  for (int i = 0; i < 2; ++i) EXPECT_THAT(houses[i]->ssh(leases[i], "ls /sys/class/net").output, HasSubstr("eth0"));

  third.agent = third.start_agent(config(third)).value();  // nothing left of it
  ASSERT_EQ(third.agent->notes().size(), 1U);
  EXPECT_THAT(third.agent->notes()[0], HasSubstr("leases get no network"));
  const auto job = make_job("ls /sys/class/net");
  const auto id = third.rent(&job);
  EXPECT_THAT(third.deliver(id, job).output, HasSubstr("started"));
  EXPECT_THAT(third.hear(id).notes, ElementsAre(HasSubstr("this machine gives its leases no network")));
  EXPECT_THAT(third.ssh(id, "-T").output, HasSubstr("this machine gives its leases no network"));
}

TEST(Agent, UnauthorisedKeyIsToldTheVeryCommand) {
  House house;
  const auto started = house.start_agent(house.config());
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ErrorCode::not_authorized);
  EXPECT_THAT(started.error().message, HasSubstr("hanse wallet authorize hanse1"));
  EXPECT_THAT(started.error().message, HasSubstr("confirm_lease"));
}

TEST(Agent, SecondAgentOnOneFolderOrOneAccountIsAConflict) {
  House house;
  house.run_agent();
  const auto same_folder = house.start_agent(house.config());
  ASSERT_FALSE(same_folder);
  EXPECT_EQ(same_folder.error().code, ErrorCode::conflict);
  house.authorise("other");
  const auto same_account = house.start_agent(house.config(), "other");
  ASSERT_FALSE(same_account);
  EXPECT_EQ(same_account.error().code, ErrorCode::conflict);
  EXPECT_THAT(same_account.error().message, HasSubstr("another agent serves this account"));
  EXPECT_TRUE(house.agent->health());
}

TEST(Agent, DrainedMachineTakesNoMoreLeasesAndKeepsThose) {
  House house;
  house.run_agent();
  const auto id = house.rent(nullptr);
  ASSERT_TRUE(house.agent->drain());
  EXPECT_TRUE(eventually([&] { return house.is(id, model::LeaseState::running); }));
  const auto offers = house.http->get("/v1/offers?provider=" + model::format_address(house.owner.public_key()));
  ASSERT_TRUE(offers);
  for (const auto& item : (*offers)["items"]) EXPECT_EQ(item["offer"]["state"], "withdrawn");
  EXPECT_TRUE(house.agent->is_drained());
  auto prices = house.config().prices;
  prices.on_demand_per_gpu_hour = credits(2);
  const auto resumed = house.agent->resume(prices);
  ASSERT_TRUE(resumed) << resumed.error().message;
  EXPECT_FALSE(house.agent->is_drained());
  house.agent.reset();
  auto restarted = house.start_agent(house.config());  // before its leases have ended
  ASSERT_TRUE(restarted) << restarted.error().message;
  house.agent = std::move(*restarted);
  ASSERT_TRUE(house.agent->resume(prices));
  house.send(house.consumer, {model::EndLease{id, model::EndReason::completed, ""}});
  const auto is_offered = [&] {
    const auto all = house.http->get("/v1/offers?provider=" + model::format_address(house.owner.public_key()));
    return all && !(*all)["items"].empty() && (*all)["items"].back()["offer"]["state"] == "open";
  };
  ASSERT_TRUE(eventually(is_offered));
  EXPECT_EQ(house.lease(house.rent(nullptr)).rate_per_hour, credits(2));
}

}  // namespace
}  // namespace hanse::testing
