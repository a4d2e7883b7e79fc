// Leases of GPUs, on machines that the test makes up: what a lease can use, and what becomes of it when a card dies.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "house.hpp"
#include "provider/testing/machine.hpp"

namespace hanse::testing {
namespace {

using model::EndReason;
using model::LeaseState;
using provider::testing::Machine;
using ::testing::HasSubstr;
using ::testing::Not;

/// A machine with H100s, its agent, and a consumer.
class GpuHouse {
 public:
  explicit GpuHouse(unsigned cards) {
    machine.install_nvidia();
    for (unsigned i = 0; i < cards; ++i) machine.add_card(i, "NVIDIA H100 80GB HBM3");
    house.root = machine.root();
    house.authorise("agent");
  }
  provider::AgentConfig config(const std::string& model, std::uint32_t count) {
    auto config = house.config();
    config.machine.gpu_model = model;
    config.machine.device_kind = model::DeviceKind::gpu;
    config.machine.gpu_count = count;
    config.machine.vram_bytes = 9ULL << 30;  // at least
    return config;
  }
  void start(std::uint32_t count, const std::string& model = "H100-SXM") {
    house.agent.reset();
    auto started = house.start_agent(config(model, count));
    HANSE_CHECK(started);
    house.agent = std::move(*started);
  }
  model::LeaseId run(const std::string& script) {
    const auto job = make_job(script);
    const auto id = house.rent(&job);
    EXPECT_THAT(house.deliver(id, job).output, HasSubstr("\"started\""));
    return id;
  }
  /// The machine's offer, if it is open.
  std::size_t open_offers() {
    const auto answer = house.http->get("/v1/offers?provider=" + model::format_address(house.owner.public_key()));
    HANSE_CHECK(answer);
    std::size_t out = 0;
    for (const auto& item : (*answer)["items"]) out += item["offer"]["state"] == "open" ? 1 : 0;
    return out;
  }
  void end(model::LeaseId id) { house.send(house.consumer, {model::EndLease{id, EndReason::completed, ""}}); }

  Machine machine;
  House house;
};

TEST(AgentDevice, EachLeaseOpensItsOwnCardAndNoOther) {
  GpuHouse at(8);
  at.start(8);
  EXPECT_EQ(at.house.agent->trouble(), "");
  const auto first = at.run("sleep 1000"), second = at.run("sleep 1000");
  const auto one =
      at.house.ssh(first, "'ls /dev/nvidia? ; ls $LD_LIBRARY_PATH; cat /etc/OpenCL/vendors/nvidia.icd'").output;
  const auto two = at.house.ssh(second, "'ls /dev/nvidia?'").output;
  EXPECT_THAT(one, HasSubstr("/dev/nvidia0"));
  EXPECT_THAT(one, Not(HasSubstr("/dev/nvidia1")));
  EXPECT_THAT(one, HasSubstr("libcuda.so.1"));
  EXPECT_THAT(one, HasSubstr("libnvidia-opencl.so.1"));
  EXPECT_THAT(two, HasSubstr("/dev/nvidia1"));
  EXPECT_THAT(two, Not(HasSubstr("/dev/nvidia0")));
  EXPECT_EQ(at.house.ssh(first, "'echo $NVIDIA_VISIBLE_DEVICES'").output, Machine::uuid_of(0) + "\n");
  EXPECT_THAT(at.house.ssh(first, "'mknod /tmp/other c 195 1 || echo refused'").output, HasSubstr("refused"));
  at.end(first);
  at.end(second);
}

TEST(AgentDevice, ACardThatDiesEndsItsOwnLeaseAsTheMachinesFailureAndTakesTheOfferDownUntilItIsWell) {
  GpuHouse at(2);
  at.start(2);
  ASSERT_EQ(at.open_offers(), 1U);
  const auto ill = at.run("sleep 1000"), well = at.run("sleep 1000");
  at.machine.set_state(0, "lost");
  at.machine.report_xid(79, 0);
  ASSERT_TRUE(eventually([&] { return at.house.is(ill, LeaseState::ended); }));
  const auto ended = at.house.lease(ill);
  EXPECT_EQ(ended.end_reason, EndReason::provider_failed);
  EXPECT_THAT(ended.note, HasSubstr("Xid 79"));
  EXPECT_THAT(ended.note, HasSubstr("fallen off the bus"));
  EXPECT_TRUE(eventually([&] { return at.open_offers() == 0; }));
  EXPECT_THAT(at.house.agent->trouble(), HasSubstr(Machine::uuid_of(0)));
  EXPECT_TRUE(at.house.is(well, LeaseState::running)) << "the other card's lease goes on";

  at.machine.set_state(0, "ok");
  EXPECT_TRUE(eventually([&] { return at.house.agent->trouble().empty(); }));
  at.end(well);
  EXPECT_TRUE(eventually([&] { return at.open_offers() == 1; })) << "by itself";
  const auto again = at.run("sleep 1000");
  EXPECT_TRUE(at.house.is(again, LeaseState::running));
  at.end(again);
}

TEST(AgentDevice, ErrorsOfItsMemoryEndACardAndAJobsOwnErrorsDoNot) {
  GpuHouse at(1);
  at.start(1);
  const auto lease = at.run("sleep 1000");
  at.machine.report_xid(31, 0);
  at.machine.report_xid(13, 0);
  at.machine.set_state(0, "1");
  ASSERT_TRUE(eventually([&] { return at.house.is(lease, LeaseState::ended); }));
  EXPECT_THAT(at.house.lease(lease).note, HasSubstr("uncorrectable errors (ECC)"));
  EXPECT_TRUE(eventually([&] { return at.open_offers() == 1; })) << "what was counted before the trial counts no more";
}

TEST(AgentDevice, WhatALeaseCouldNotUseIsNotOfferedUntilItCan) {
  GpuHouse at(1);
  at.machine.remove("/dev/nvidia-uvm");
  at.start(1);
  EXPECT_EQ(at.open_offers(), 0U);
  EXPECT_THAT(at.house.agent->notes(), ::testing::Contains(HasSubstr("/dev/nvidia-uvm is missing")));
  EXPECT_THAT(at.house.agent->trouble(), HasSubstr("nvidia-modprobe -u"));
  at.machine.make_node("/dev/nvidia-uvm");
  EXPECT_TRUE(eventually([&] { return at.open_offers() == 1; }));
  EXPECT_EQ(at.house.agent->trouble(), "");
}

TEST(AgentDevice, WhileALeaseLivesItsNumbersMeanTheSameCardsThoughOneIsGoneWhenTheAgentComesBack) {
  GpuHouse at(2);
  at.start(2);
  const auto first = at.run("sleep 1000"), second = at.run("sleep 1000");
  at.house.agent.reset();
  at.machine.set_state(0, "lost");
  at.start(2);
  ASSERT_TRUE(eventually([&] { return at.house.is(first, LeaseState::ended); }));
  EXPECT_EQ(at.house.lease(first).end_reason, EndReason::provider_failed);
  EXPECT_TRUE(at.house.is(second, LeaseState::running)) << "its card is the other one still";
  at.end(second);
}

TEST(AgentDevice, ACardIsTheNextLeasesOnlyOnceTheFormerOnesContainerIsGone) {
  GpuHouse at(1);
  at.start(1);
  const auto first = at.run("trap '' TERM; while :; do sleep 1; done");
  const auto container = at.house.container_of(first);
  at.end(first);
  ASSERT_TRUE(eventually([&] { return at.house.is(first, LeaseState::ended); }));
  const auto second = at.run("sleep 1000");
  const auto left = EngineService::instance().engine().inspect(container);
  ASSERT_FALSE(left);
  EXPECT_EQ(left.error().code, ErrorCode::not_found);
  at.end(second);
}

TEST(AgentDevice, AContainerWhoseCardsAreNumberedOtherwiseSinceDoesNotGoOn) {
  GpuHouse at(1);
  at.start(1);
  const auto lease = at.run("sleep 1000");
  at.machine.make_node("/dev/nvidia-uvm", Machine::kFull);  // as after a start of the machine
  ASSERT_TRUE(EngineService::instance().engine().stop(at.house.container_of(lease), 0));
  ASSERT_TRUE(eventually([&] { return at.house.is(lease, LeaseState::ended); }));
  EXPECT_EQ(at.house.lease(lease).end_reason, EndReason::provider_failed);
  EXPECT_THAT(at.house.lease(lease).note, HasSubstr("numbers its devices otherwise"));
}

TEST(AgentDevice, ASliceIsLeasedAlone) {
  GpuHouse at(0);
  at.machine.add_card(0, "NVIDIA H100 80GB HBM3", "mig");
  for (const unsigned slice : {0U, 1U}) at.machine.add_slice(0, slice, "NVIDIA H100 80GB HBM3 MIG 1g.10gb", 9'856);
  at.start(2, "H100-MIG-1g.10gb");
  ASSERT_EQ(at.house.agent->trouble(), "");
  const auto first = at.run("sleep 1000"), second = at.run("sleep 1000");
  EXPECT_EQ(at.house.ssh(first, "'cd /dev/nvidia-caps && echo *'").output, "nvidia-cap0 nvidia-cap1\n");
  EXPECT_EQ(at.house.ssh(second, "'cd /dev/nvidia-caps && echo *'").output, "nvidia-cap2 nvidia-cap3\n");
  at.machine.report_xid(79, 0);
  EXPECT_TRUE(eventually([&] {
    return at.house.is(first, LeaseState::ended) && at.house.is(second, LeaseState::ended);
  })) << "a card takes all its slices along";
}

TEST(AgentDevice, AmdsCardComesWithItsNodesAndGroups) {
  GpuHouse at(0);
  at.machine.unload_driver();
  at.machine.add_render_node(128, "0000:03:00.0", "0x1002", "amdgpu", "AMD Instinct MI210", 64ULL << 30);
  at.machine.add_render_node(129, "0000:04:00.0", "0x1002", "amdgpu", "AMD Instinct MI210", 64ULL << 30);
  at.machine.make_node("/dev/kfd", Machine::kNull, 109);
  at.start(2, "MI210");
  ASSERT_EQ(at.house.agent->trouble(), "");
  const auto first = at.run("sleep 1000"), second = at.run("sleep 1000");
  EXPECT_EQ(at.house.ssh(second, "'ls /dev/kfd /dev/dri; id -G'").output,
            "/dev/kfd\n\n/dev/dri:\nrenderD129\n0 104 109\n");
  at.machine.remove("/dev/dri/renderD128");
  ASSERT_TRUE(eventually([&] { return at.house.is(first, LeaseState::ended); }));
  EXPECT_THAT(at.house.lease(first).note, HasSubstr("renderD128 is gone"));
  EXPECT_TRUE(at.house.is(second, LeaseState::running));
  at.end(second);
}

}  // namespace
}  // namespace hanse::testing
