#include "provider/device_watch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "provider/testing/machine.hpp"

namespace hanse::provider {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Machine;

constexpr const char* kH100 = "NVIDIA H100 80GB HBM3";

bool eventually(const std::function<bool()>& holds) {
  for (int i = 0; i < 6000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

class Watch : public ::testing::Test {
 protected:
  Watch() {
    machine.install_nvidia();
    for (const unsigned minor : {0U, 1U, 2U}) machine.add_card(minor, kH100);
  }
  DeviceWatch watch(std::vector<std::string> ids) {
    DeviceWatch::Options options;
    options.root = machine.root();
    options.model = "H100-SXM";
    options.ids = std::move(ids);
    options.find = [this] { return find_devices(machine.root()).devices; };
    options.trial = [this](const Device& device) {
      tried.fetch_or(1U << device.number);
      return Trial{broken ? "no container works" : "", "mend it", ""};
    };
    options.memory_bytes = 70ULL << 30;
    options.is_busy = [this](std::uint32_t number) { return (busy >> number & 1U) != 0; };
    options.changed = [this] { ++changes; };
    return DeviceWatch(std::move(options));
  }

  Machine machine;
  std::atomic<bool> broken{false};
  std::atomic<unsigned> tried{0}, busy{0};
  std::atomic<int> changes{0};
};

TEST_F(Watch, NumbersWithoutADeviceGetTheNextOnesAndThoseWithOneKeepIt) {
  EXPECT_THAT(watch({"", ""}).ids(), ElementsAre(Machine::uuid_of(0), Machine::uuid_of(1)));
  EXPECT_THAT(watch({Machine::uuid_of(2), ""}).ids(), ElementsAre(Machine::uuid_of(2), Machine::uuid_of(0)));
  auto of_one_that_is_gone = watch({"GPU-gone", Machine::uuid_of(1)});
  of_one_that_is_gone.try_all();
  EXPECT_FALSE(of_one_that_is_gone.device(0));
  EXPECT_THAT(of_one_that_is_gone.fault(0), HasSubstr("fallen off the bus"));
  EXPECT_EQ(of_one_that_is_gone.fault(1), "");
  EXPECT_THAT(of_one_that_is_gone.faults(), HasSubstr("device 0 (GPU-gone)"));
}

TEST_F(Watch, WhatALeaseOfAFormerOfferHoldsStaysUntilItHasEndedAndMakesRoomThen) {
  machine.add_card(3, "NVIDIA L40S");
  busy = 1;
  auto two = watch({Machine::uuid_of(3), ""});
  two.try_all();
  two.begin();
  EXPECT_EQ(two.device(0)->model, "L40S");
  EXPECT_EQ(two.device(1)->model, "H100-SXM");
  EXPECT_EQ(two.faults(), "");
  EXPECT_FALSE(two.fits());
  busy = 0;
  EXPECT_TRUE(eventually([&] { return two.fits() && two.faults().empty(); }));
  EXPECT_THAT(two.ids(), ElementsAre(Machine::uuid_of(1), Machine::uuid_of(0)));
}

TEST_F(Watch, ADriverThatIsAwayTakesTheOfferDownAndEndsNoLeaseAtOnce) {
  auto one = watch({""});
  one.try_all();
  machine.unload_driver();
  busy = 1;
  auto again = watch({Machine::uuid_of(0)});
  again.try_all();
  EXPECT_THAT(again.faults(), HasSubstr("init --force"));
  EXPECT_EQ(again.end_of_lease(0), "") << "it may be late, or on its way out and in again";
  machine.save_cards();
  again.begin();
  EXPECT_TRUE(eventually([&] { return again.faults().empty(); }));
  machine.set_state(0, "lost");
  EXPECT_TRUE(eventually([&] { return !again.end_of_lease(0).empty(); })) << "this is certain";
}

TEST_F(Watch, ABusyDeviceIsNotTriedButItsDriverIsAsked) {
  auto three = watch({"", "", ""});
  machine.set_state(2, "lost");
  busy = 0b101;
  three.try_all();
  EXPECT_EQ(tried, 0b010U);
  EXPECT_EQ(three.fault(0), "");
  EXPECT_THAT(three.fault(2), HasSubstr("fallen off the bus"));
}

TEST_F(Watch, ACardIsWellAgainOnlyWhenATrialSaysSo) {
  auto two = watch({"", ""});
  two.try_all();
  two.begin();
  // Whoever reads meanwhile sees a device and a fault, or none.
  std::jthread reader([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      EXPECT_TRUE(two.device(0) || !two.fault(0).empty() || two.faults().empty());
      static_cast<void>(two.use(1));
    }
  });
  broken = true;
  machine.report_xid(79, 1);
  ASSERT_TRUE(eventually([&] { return !two.fault(1).empty(); }));
  EXPECT_THAT(two.fault(1), HasSubstr("Xid 79"));
  EXPECT_EQ(two.fault(0), "");
  ASSERT_TRUE(eventually([&] { return two.fault(1) == "no container works"; }));
  EXPECT_THAT(two.faults(), HasSubstr("mend it"));
  broken = false;
  ASSERT_TRUE(eventually([&] { return two.faults().empty(); }));
  EXPECT_TRUE(eventually([&] { return changes >= 3; }));
}

TEST_F(Watch, ACardThatIsLostAndSaysItsNameNoMoreTakesNoOtherAlong) {
  auto three = watch({"", "", ""});
  three.try_all();
  three.begin();
  machine.set_state(1, "lost");
  machine.report_xid(79, 1);
  ASSERT_TRUE(eventually([&] { return !three.fault(1).empty(); }));
  EXPECT_EQ(three.fault(0), "");
  EXPECT_EQ(three.fault(2), "");
}

TEST_F(Watch, AJobsOwnErrorsChangeNothing) {
  auto one = watch({""});
  one.try_all();
  one.begin();
  machine.report_xid(31, 0);
  machine.report_xid(79, 1);  // another card than the offer's
  machine.report_xid(48, 0);
  ASSERT_TRUE(eventually([&] { return !one.fault(0).empty(); }));
  EXPECT_THAT(one.fault(0), HasSubstr("Xid 48")) << "the first of the three that ends this card";
}

}  // namespace
}  // namespace hanse::provider
