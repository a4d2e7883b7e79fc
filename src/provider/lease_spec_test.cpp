#include "provider/lease_spec.hpp"

#include <gmock/gmock.h>

namespace hanse::provider {
namespace {

using ::testing::Contains;
using ::testing::Not;

constexpr std::uint64_t kGiB = 1ULL << 30;

/// Of two devices of a machine with eight, 64 GiB and 32 threads.
ContainerSpec spec_of(const model::Job& job, std::uint64_t memory_bytes = 64 * kGiB,
                      std::vector<std::string> image_env = {}) {
  AgentConfig config;
  config.machine.gpu_count = 8;
  config.machine.cpu_threads = 32;
  config.machine.memory_bytes = memory_bytes;
  config.default_image = "debian";
  model::Lease lease;
  lease.id = {7};
  lease.gpu_count = 2;
  lease.devices = 0b110;
  LeasePlace place;
  place.devices = {{.maker = Maker::nvidia, .id = "gpu1"}, {.maker = Maker::nvidia, .id = "gpu2"}};
  place.access.nodes = {{"/dev/nvidia1", "/dev/nvidia1"}};
  place.access.libraries = "/driver";
  place.image_env = std::move(image_env);
  return lease_spec(config, lease, job, place);
}

TEST(LeaseSpec, ALeaseGetsItsShareOfTheMachine) {
  const auto spec = spec_of({});
  EXPECT_EQ(spec.memory_bytes, 16 * kGiB);
  EXPECT_EQ(spec.nano_cpus, 8'000'000'000);
  EXPECT_EQ(spec.image, "debian");
  EXPECT_EQ(spec.devices.nodes.size(), 1U);
}

TEST(LeaseSpec, SharedMemoryIsHalfOfTheMemoryUnlessAskedFor) {
  model::Job job;
  EXPECT_EQ(spec_of(job).shm_bytes, 8 * kGiB);
  job.shm_bytes = kGiB;
  EXPECT_EQ(spec_of(job).shm_bytes, kGiB);
  job.shm_bytes = 12 * kGiB;
  EXPECT_EQ(spec_of(job).shm_bytes, 12 * kGiB);
  job.shm_bytes = 100 * kGiB;
  EXPECT_EQ(spec_of(job).shm_bytes, 16 * kGiB) << "not more than there is";
  EXPECT_EQ(spec_of({}, 0).shm_bytes, kShmOfUnknownMemory);
}

TEST(LeaseSpec, WhatTheMachineSetsAJobCannotSet) {
  model::Job job;
  for (const auto name : model::kMachinesVariables) job.env.push_back(std::string(name) + "=forged");
  job.env.push_back("WORD=a=b");
  const auto spec = spec_of(job);
  EXPECT_THAT(spec.env, Contains("WORD=a=b"));
  EXPECT_THAT(spec.env, Contains("HANSE_LEASE=lease-7"));
  EXPECT_THAT(spec.env, Contains("NVIDIA_VISIBLE_DEVICES=gpu1,gpu2"));
  EXPECT_THAT(spec.env, Not(Contains(::testing::HasSubstr("forged"))));
  for (const auto& entry : spec.env) {
    EXPECT_TRUE(entry == "WORD=a=b" || entry == "LD_LIBRARY_PATH=/driver" ||
                model::is_machines_variable(entry.substr(0, entry.find('='))))
        << entry;
  }
}

TEST(LeaseSpec, TheDriversLibrariesComeAfterWhatTheJobOrElseItsImageSearches) {
  model::Job job;
  EXPECT_THAT(spec_of(job).env, Contains("LD_LIBRARY_PATH=/driver"));
  EXPECT_THAT(spec_of(job, kGiB, {"LD_LIBRARY_PATH=/image"}).env, Contains("LD_LIBRARY_PATH=/image:/driver"));
  job.env = {"LD_LIBRARY_PATH=/own"};
  const auto env = spec_of(job, kGiB, {"LD_LIBRARY_PATH=/image"}).env;
  EXPECT_THAT(env, Contains("LD_LIBRARY_PATH=/own:/driver"));
  EXPECT_EQ(std::count_if(env.begin(), env.end(), [](const auto& e) { return e.starts_with("LD_LIBRARY_PATH="); }), 1);
}

}  // namespace
}  // namespace hanse::provider
