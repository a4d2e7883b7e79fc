// A device is tried in a real container, with stand-ins for its driver; what is taken away is told.

#include "provider/device_trial.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "provider/agent.hpp"
#include "provider/device_probe.hpp"
#include "provider/testing/engine_service.hpp"
#include "provider/testing/machine.hpp"

namespace hanse::provider {
namespace {

using testing::EngineService;
using ::testing::HasSubstr;
using testing::Machine;

namespace fs = std::filesystem;

constexpr const char* kH100 = "NVIDIA H100 80GB HBM3";

class DeviceTrial : public ::testing::Test {
 protected:
  DeviceTrial() {
    machine.install_nvidia();
    machine.add_card(0, kH100);
    machine.add_card(1, kH100);
  }
  TrialPlace place() {
    auto& engine = EngineService::instance().engine();
    return {engine,
            {machine.root(), machine.root() / "ours", !EngineService::instance().is_docker()},
            testing::kTestImage,
            HANSE_TEST_HELPER,
            testing::kTestLabel};
  }
  Device device(std::size_t i = 0) { return find_devices(machine.root()).devices.at(i); }
  Trial attempt(const Device& device) { return try_device(place(), device); }
  Check check(std::uint32_t count = 2) {
    AgentConfig config;
    config.machine.gpu_model = "H100-SXM";
    config.machine.gpu_count = count;
    return check_leased_devices(config, detect_inventory(machine.root(), machine.root()), place());
  }

  Machine machine;
};

TEST_F(DeviceTrial, EachCardIsSeenInAContainerAloneByCudaAndByOpenCl) {
  for (const std::size_t i : {0U, 1U}) {
    const auto trial = attempt(device(i));
    EXPECT_TRUE(trial.works()) << trial.fault;
    EXPECT_EQ(trial.lacks, "");
  }
  const auto all = check();
  EXPECT_EQ(all.verdict, Check::Verdict::good) << all.actual;
  EXPECT_EQ(all.actual, "2 × H100-SXM");
}

TEST_F(DeviceTrial, WhatIsTakenAwayIsTold) {
  struct Case {
    std::string path, fault, remedy;
  };
  const std::string folder = std::string("/") + Machine::kLibraries;
  for (const auto& [path, fault, remedy] :
       {Case{"/dev/nvidia-uvm", "/dev/nvidia-uvm is missing", "nvidia-modprobe -u"},
        Case{"/dev/nvidia0", "/dev/nvidia0 is missing", "nvidia-modprobe -c 0"},
        Case{folder + "/libcuda.so.1", "libcuda.so.1 of driver 580.159.04 is missing", "libnvidia-compute"}}) {
    fs::rename(machine.at(path), machine.at(path).string() + ".away");
    const auto trial = attempt(device());
    EXPECT_THAT(trial.fault, HasSubstr(fault));
    EXPECT_THAT(trial.remedy, HasSubstr(remedy));
    const auto told = check();
    EXPECT_EQ(told.verdict, Check::Verdict::bad);
    EXPECT_THAT(told.actual, HasSubstr(fault));
    fs::rename(machine.at(path).string() + ".away", machine.at(path));
  }
  EXPECT_TRUE(attempt(device()).works());
}

TEST_F(DeviceTrial, WithoutItsOpenClLibraryACardWorksAndTheNoteSaysWhatBringsIt) {
  fs::remove(machine.at("/usr/lib/x86_64-linux-gnu/libnvidia-opencl.so.1"));
  const auto trial = attempt(device());
  EXPECT_TRUE(trial.works()) << trial.fault;
  EXPECT_THAT(trial.lacks, HasSubstr("OpenCL"));
  const auto told = check();
  EXPECT_EQ(told.verdict, Check::Verdict::warning);
  EXPECT_THAT(told.remedy, HasSubstr("nvidia-opencl-icd"));
}

TEST_F(DeviceTrial, ACardWhoseMemoryIsBrokenIsFoundByUsingIt) {
  machine.make_node("/dev/nvidia0", Machine::kFull);
  const auto trial = attempt(device());
  EXPECT_THAT(trial.fault, HasSubstr("cuMemsetD32: CUDA_ERROR_ECC_UNCORRECTABLE"));
  EXPECT_THAT(trial.remedy, HasSubstr("reset the card"));
  EXPECT_TRUE(attempt(device(1)).works());
}

TEST_F(DeviceTrial, AContainerThatSeesAnotherCardIsTold) {
  auto card = device(0);
  card.number = 1;
  EXPECT_THAT(attempt(card).fault, HasSubstr("sees 1 devices, and not this one"));
}

TEST_F(DeviceTrial, TheVendorsCdiFileIsTriedTooAndOneThatGivesMoreThanTheDeviceIsTold) {
  if (EngineService::instance().is_docker()) GTEST_SKIP() << "Docker is not asked for CDI devices";
  const auto card = device(0);
  const auto spec = [&](const std::vector<std::string>& nodes) {
    const std::string library = "/usr/lib/x86_64-linux-gnu/libcuda.so.1";
    nlohmann::json edits{{"mounts",
                          {{{"hostPath", fs::canonical(machine.at(library))},
                            {"containerPath", library},
                            {"options", {"ro", "nosuid", "nodev", "bind"}}}}}};
    for (const auto& node : nodes) {
      edits["deviceNodes"].push_back({{"path", node}, {"hostPath", machine.at(node)}});
    }
    return nlohmann::json{{"cdiVersion", "0.5.0"},
                          {"kind", "nvidia.com/gpu"},
                          {"devices", {{{"name", card.id}, {"containerEdits", edits}}}}}
        .dump();
  };
  // The agent reads the machine's file, the engine its own.
  const fs::path engines = "/var/run/cdi/" + testing::test_name("trial.json");
  fs::create_directories(engines.parent_path());
  machine.write("/etc/cdi/nvidia.json", R"({"kind": "nvidia.com/gpu", "devices": [{"name": ")" + card.id +
                                            R"(", "containerEdits": {"deviceNodes": [{"path": "/dev/nvidia0"}]}}]})");
  std::ofstream(engines) << spec({"/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia0"});
  const auto good = attempt(card);
  EXPECT_TRUE(good.works()) << good.fault;
  std::ofstream(engines) << spec({"/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia0", "/dev/nvidia1"});
  EXPECT_THAT(attempt(card).fault, HasSubstr("a container with this device sees 2"));
  fs::remove(engines);
  EXPECT_THAT(attempt(card).fault, HasSubstr("does not start"));
  EXPECT_THAT(attempt(card).remedy, HasSubstr("CDI file"));
}

TEST_F(DeviceTrial, ASliceIsSeenAlone) {
  machine.add_card(2, kH100, "mig");
  machine.add_slice(2, 0, "NVIDIA H100 80GB HBM3 MIG 1g.10gb", 9'856);
  machine.add_slice(2, 1, "NVIDIA H100 80GB HBM3 MIG 1g.10gb", 9'856);
  const auto slices = devices_of(find_devices(machine.root()).devices, "H100-MIG-1g.10gb", 0);
  ASSERT_EQ(slices.size(), 2U);
  for (const auto& slice : slices) {
    const auto trial = attempt(slice);
    EXPECT_TRUE(trial.works()) << trial.fault;
  }
}

TEST_F(DeviceTrial, CardsOfAmdAndIntelAreOpenedInAContainer) {
  machine.add_render_node(128, "0000:03:00.0", "0x1002", "amdgpu", "AMD Instinct MI210", 64ULL << 30);
  machine.make_node("/dev/kfd", Machine::kNull, 109);
  const Device amd{Maker::amd, "MI210", "0000:03:00.0", "amdgpu", 64ULL << 30, 128, 0, {}};
  EXPECT_TRUE(attempt(amd).works()) << attempt(amd).fault;
  machine.remove("/dev/kfd");
  EXPECT_THAT(attempt(amd).fault, HasSubstr("/dev/kfd is missing"));
  auto intel = amd;
  intel.maker = Maker::intel;
  EXPECT_TRUE(attempt(intel).works()) << attempt(intel).fault;
}

TEST_F(DeviceTrial, AnImageWithoutAShellIsTheFault) {
  auto where = place();
  where.image = "localhost/no-such-image";
  EXPECT_THAT(try_device(where, device()).fault, HasSubstr("a container with it does not start"));
}

TEST(SeenDevices, OnlyAWholeAnswerIsOne) {
  for (const std::string text : {"", "{}", "[]", "null", R"({"closed":[1],"uuids":[]})", R"({"closed":[],"uuids":"x"})",
                                 "segmentation fault", R"({"closed":[],"uuids":[],)"}) {
    EXPECT_FALSE(parse_seen(text)) << text;
  }
  const auto seen =
      parse_seen("a driver's own words\n{\"closed\":[],\"uuids\":[\"a\"],\"opencl_gpus\":2,\"cuda_error\":3}\n");
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->opencl_gpus, 2U);
}

}  // namespace
}  // namespace hanse::provider
