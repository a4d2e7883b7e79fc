// Which devices a machine has, and what a container is given for each: on machines that the test makes up.

#include "provider/device.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "provider/agent.hpp"
#include "provider/device_access.hpp"
#include "provider/testing/machine.hpp"

namespace hanse::provider {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Machine;
using ::testing::Not;

namespace fs = std::filesystem;

constexpr const char* kH100 = "NVIDIA H100 80GB HBM3";
constexpr std::uint64_t kGiB = 1ULL << 30;

class Devices : public ::testing::Test {
 protected:
  FoundDevices find(const std::vector<OpenClDevice>& opencl = {}) {
    const auto nvml = Nvml::open(machine.root());
    return find_devices(machine.root(), nvml.get(), opencl);
  }
  Result<DeviceAccess> access(const std::vector<Device>& devices, bool has_cdi = false) {
    return device_access({machine.root(), machine.root() / "ours", has_cdi}, devices);
  }
  std::vector<std::string> nodes_of(const std::vector<Device>& devices) {
    const auto got = access(devices);
    EXPECT_TRUE(got) << got.error().message;
    std::vector<std::string> out;
    for (const auto& node : got->nodes) {
      out.push_back(node.path);
      EXPECT_EQ(node.host, machine.at(node.path)) << "the same node, of this machine";
    }
    return out;
  }
  std::string refusal(const std::vector<Device>& devices) {
    const auto got = access(devices);
    EXPECT_FALSE(got);
    return got ? "" : got.error().message;
  }

  Machine machine;
};

TEST_F(Devices, ACardOfNvidiaIsKnownByItsUuidAndOpenedByItsOwnNodeAndTheDriversCommonOnes) {
  machine.install_nvidia();
  machine.add_card(3, kH100);
  const auto found = find();
  ASSERT_EQ(found.devices.size(), 1U);
  const auto& card = found.devices[0];
  EXPECT_EQ(card.maker, Maker::nvidia);
  EXPECT_EQ(card.model, "H100-SXM");
  EXPECT_EQ(card.id, Machine::uuid_of(3));
  EXPECT_EQ(card.driver, Machine::kDriver);
  EXPECT_EQ(card.memory_bytes, 81'559ULL << 20);
  EXPECT_EQ(found.cuda_version, "13.0");
  EXPECT_THAT(nodes_of({card}),
              ElementsAre("/dev/nvidiactl", "/dev/nvidia3", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools"));
}

TEST_F(Devices, TheDriversLibrariesComeByEveryNameThatProgramsAskForAndNoOthersCome) {
  machine.install_nvidia();
  machine.add_card(0, kH100);
  machine.write("usr/lib/x86_64-linux-gnu/libnvidia-container.so.1.17.8", "of the toolkit");
  machine.write("usr/lib/x86_64-linux-gnu/libcuda.so.535.1.2", "of another driver");
  machine.write("usr/lib/x86_64-linux-gnu/libc.so.6", "of the machine");
  const auto got = access(find().devices);
  ASSERT_TRUE(got) << got.error().message;
  std::vector<std::string> libraries, others;
  for (const auto& file : got->files) {
    EXPECT_TRUE(fs::is_regular_file(file.host)) << file.host;
    const bool is_library = file.path.starts_with(std::string(kNvidiaLibraries) + "/");
    (is_library ? libraries : others).push_back(is_library ? fs::path(file.path).filename().string() : file.path);
  }
  EXPECT_THAT(libraries, ::testing::UnorderedElementsAre("libcuda.so.1", "libcuda.so.580.159.04", "libnvidia-ml.so.1",
                                                         "libnvidia-ml.so.580.159.04", "libnvidia-opencl.so.1",
                                                         "libnvidia-opencl.so.580.159.04"));
  EXPECT_THAT(others, ::testing::UnorderedElementsAre("/etc/OpenCL/vendors/nvidia.icd", "/usr/bin/nvidia-smi"));
  EXPECT_EQ(got->libraries, kNvidiaLibraries);
  EXPECT_THAT(got->cdi, IsEmpty());
}

TEST_F(Devices, EachThingOfNvidiasThatIsMissingIsNamedWithWhatBringsIt) {
  machine.install_nvidia();
  machine.add_card(0, kH100);
  const auto devices = find().devices;
  for (const auto& [path, remedy] : std::vector<std::pair<std::string, std::string>>{
           {"/dev/nvidia0", "nvidia-modprobe -c 0"},
           {"/dev/nvidiactl", "nvidia-modprobe"},
           {"/dev/nvidia-uvm", "nvidia-modprobe -u"},
           {"/usr/lib/x86_64-linux-gnu/libcuda.so.580.159.04", "libnvidia-compute"}}) {
    const auto kept = machine.at(path).string() + ".away";
    fs::rename(machine.at(path), kept);
    const auto said = refusal(devices);
    EXPECT_THAT(said, HasSubstr(path.find("libcuda") == path.npos ? path : "libcuda.so.1"));
    EXPECT_THAT(said, HasSubstr(remedy));
    fs::rename(kept, machine.at(path));
    EXPECT_TRUE(access(devices));
  }
}

TEST_F(Devices, EightCardsAreEightDevicesAndALeaseOfTwoOpensTwo) {
  machine.install_nvidia();
  for (unsigned i = 0; i < 8; ++i) machine.add_card(7 - i, kH100);
  const auto devices = devices_of(find().devices, "H100-SXM", 0);
  ASSERT_EQ(devices.size(), 8U);
  const auto nodes = nodes_of({devices[1], devices[6]});
  EXPECT_THAT(nodes, Contains("/dev/nvidia6"));
  EXPECT_THAT(nodes, Contains("/dev/nvidia1"));
  EXPECT_EQ(nodes.size(), 5U) << "each common node once, and no other card's";
}

TEST_F(Devices, OfTwoModelsEachIsItsOwn) {
  machine.install_nvidia();
  machine.add_card(0, "NVIDIA GeForce RTX 4090", "ok", 24'564);
  machine.add_card(1, kH100);
  machine.add_card(2, "NVIDIA GeForce RTX 4090", "ok", 24'564);
  const auto all = find().devices;
  EXPECT_EQ(devices_of(all, "RTX4090", 0).size(), 2U);
  EXPECT_THAT(nodes_of({devices_of(all, "RTX4090", 0)[1]}), Contains("/dev/nvidia2"));
  EXPECT_THAT(nodes_of(devices_of(all, "H100-SXM", 0)), Not(Contains("/dev/nvidia0")));
}

TEST_F(Devices, OfOneModelWithMoreAndWithLessMemoryAnOfferPromisesTheLess) {
  machine.install_nvidia();
  machine.add_card(0, "NVIDIA A100-SXM4-80GB", "ok", 81'920);
  machine.add_card(1, "NVIDIA A100-SXM4-40GB", "ok", 40'960);
  const auto all = find().devices;
  EXPECT_EQ(devices_of(all, "A100-SXM", 80 * kGiB).size(), 1U);
  EXPECT_EQ(devices_of(all, "A100-SXM", 40 * kGiB).size(), 2U);
  const auto found = detect_inventory(machine.root(), machine.root()).machine;
  EXPECT_EQ(found.gpu_count, 2U);
  EXPECT_EQ(found.vram_bytes, 40 * kGiB);
}

TEST_F(Devices, ASliceIsADeviceOfItsOwnOpenedWithItsTwoRights) {
  machine.install_nvidia();
  machine.add_card(0, kH100, "mig");
  machine.add_slice(0, 0, "NVIDIA H100 80GB HBM3 MIG 1g.10gb", 9'856);
  machine.add_slice(0, 1, "NVIDIA H100 80GB HBM3 MIG 1g.10gb", 9'856);
  const auto devices = find().devices;
  ASSERT_EQ(devices.size(), 2U) << "the card itself is none";
  EXPECT_EQ(devices[1].model, "H100-MIG-1g.10gb");
  EXPECT_EQ(devices[1].id, Machine::slice_uuid(3));
  EXPECT_EQ(devices[1].memory_bytes, 9'856ULL << 20);
  const auto nodes = nodes_of({devices[1]});
  EXPECT_THAT(nodes, Contains("/dev/nvidia0"));
  EXPECT_THAT(nodes, Contains("/dev/nvidia-caps/nvidia-cap2"));
  EXPECT_THAT(nodes, Contains("/dev/nvidia-caps/nvidia-cap3"));
  EXPECT_THAT(nodes, Not(Contains("/dev/nvidia-caps/nvidia-cap0"))) << "not the other slice's";
  machine.remove("/proc/driver/nvidia/capabilities");
  EXPECT_THAT(refusal({devices[1]}), HasSubstr("is MIG enabled?"));
}

TEST_F(Devices, TheVendorsOwnCdiFileIsUsedWhereItNamesTheDeviceAndFitsTheDriver) {
  machine.install_nvidia();
  machine.add_card(4, kH100);
  const auto devices = find().devices;
  const auto spec = [&](const std::string& name, const std::string& library, const std::string& card = "4") {
    machine.write("/etc/cdi/nvidia.yaml", "cdiVersion: 0.5.0\nkind: nvidia.com/gpu\ndevices:\n- name: \"" + name +
                                              "\"\n  containerEdits:\n    deviceNodes:\n    - path: /dev/nvidia" +
                                              card +
                                              "\n"
                                              "containerEdits:\n  mounts:\n  - hostPath: " +
                                              library + "\n    containerPath: /usr/lib/libcuda.so.1\n");
  };
  const std::string library = "/usr/lib/x86_64-linux-gnu/libcuda.so.580.159.04";
  for (const auto& name : {std::string("0"), Machine::uuid_of(4), std::string("gpu0")}) {
    spec(name, library);
    const auto got = access(devices, true);
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_THAT(got->cdi, ElementsAre("nvidia.com/gpu=" + name));
    EXPECT_THAT(got->nodes, IsEmpty());
    EXPECT_THAT(got->files, ElementsAre(Field(&HostFile::path, "/etc/OpenCL/vendors/nvidia.icd")));
    EXPECT_FALSE(access(devices, false)->nodes.empty()) << "an engine without CDI gets it piece by piece";
  }
  spec("1", library);
  EXPECT_THAT(access(devices, true)->cdi, IsEmpty()) << "another name";
  spec("0", library, "5");
  EXPECT_THAT(access(devices, true)->cdi, IsEmpty()) << "the same name for another card";
  spec("0", "/usr/lib/x86_64-linux-gnu/libcuda.so.535.1.2");
  EXPECT_THAT(access(devices, true)->cdi, IsEmpty()) << "of a driver that is gone";
  machine.write("/etc/cdi/nvidia.yaml", "kind: [nvidia.com/gpu\n");
  EXPECT_THAT(access(devices, true)->cdi, IsEmpty());
  machine.write("/etc/cdi/nvidia.yaml", "kind: nvidia.com/gpu\ndevices:\n- {}\n- 7\n");
  EXPECT_THAT(access(devices, true)->cdi, IsEmpty());
}

TEST_F(Devices, ACardOfAmdsGetsItsRenderNodeAndTheComputeNodeWithTheirGroups) {
  machine.add_render_node(129, "0000:83:00.0", "0x1002", "amdgpu", "AMD Instinct MI210", 64 * kGiB);
  machine.add_render_node(128, "0000:03:00.0", "0x1002", "amdgpu", "AMD Instinct MI210", 64 * kGiB);
  machine.make_node("/dev/kfd", Machine::kNull, 109);
  const auto found = find();
  ASSERT_EQ(found.devices.size(), 2U);
  EXPECT_EQ(found.devices[0].maker, Maker::amd);
  EXPECT_EQ(found.devices[0].id, "0000:03:00.0") << "in the order of the bus";
  EXPECT_EQ(found.devices[0].model, "MI210");
  EXPECT_EQ(found.devices[0].memory_bytes, 64 * kGiB);
  EXPECT_THAT(nodes_of({found.devices[1]}), ElementsAre("/dev/dri/renderD129", "/dev/kfd"));
  EXPECT_THAT(access({found.devices[1]})->groups, ElementsAre(104, 109));
  machine.remove("/dev/kfd");
  EXPECT_THAT(refusal({found.devices[1]}), HasSubstr("/dev/kfd is missing: the amdgpu driver makes it"));
  machine.remove("/dev/dri/renderD129");
  EXPECT_THAT(refusal({found.devices[1]}), HasSubstr("modprobe amdgpu"));
}

TEST_F(Devices, ACardOfIntelsHasItsNameAndMemoryFromOpenClAndGetsItsRenderNode) {
  machine.add_render_node(128, "0000:03:00.0", "0x8086", "xe", "", 0);
  machine.add_render_node(129, "0000:04:00.0", "0x8086", "xe", "", 0);
  EXPECT_THAT(find().devices, IsEmpty());
  EXPECT_THAT(find().note, HasSubstr("the Intel GPU at 0000:03:00.0 says neither its name nor its memory"));
  const OpenClDevice arc{"Intel(R) Arc(TM) A770 Graphics", "24.35", 16 * kGiB, true, 0x8086, ""};
  auto second = arc;
  second.pci = "0000:04:00.0";
  const auto found = find({second, arc});
  ASSERT_EQ(found.devices.size(), 2U);
  EXPECT_EQ(found.devices[0].id, "0000:03:00.0");
  EXPECT_EQ(found.devices[1].memory_bytes, 16 * kGiB);
  EXPECT_THAT(nodes_of({found.devices[0]}), ElementsAre("/dev/dri/renderD128"));
}

TEST_F(Devices, WhatNoLeaseCouldUseIsNotOfferedAndTheNoteSaysWhy) {
  const OpenClDevice radeon{"AMD Radeon RX 7900 XTX", "3590.0", 24 * kGiB, true, 0x1002, "0000:03:00.0"};
  const OpenClDevice cpu{"cpu-znver4", "3.1", 64 * kGiB, false, 0x1022, ""};
  const auto found = find({radeon, cpu});
  ASSERT_EQ(found.devices.size(), 1U);
  EXPECT_EQ(found.devices[0].maker, Maker::cpu);
  EXPECT_THAT(found.note,
              HasSubstr("OpenCL finds a GPU of AMD, but no lease could use it: it has no /dev/dri/renderD*"));
  EXPECT_THAT(find().note, HasSubstr("pocl-opencl-icd"));
}

TEST_F(Devices, CardsOfSeveralMakersInOneMachineAreAllFound) {
  machine.install_nvidia();
  machine.add_card(0, kH100);
  machine.add_render_node(128, "0000:03:00.0", "0x1002", "amdgpu", "AMD Radeon RX 7900 XTX", 24 * kGiB);
  machine.add_render_node(129, "0000:05:00.0", "0x10de", "nvidia", "", 0);
  const auto found = find();
  ASSERT_EQ(found.devices.size(), 2U) << "NVIDIA's own render node is no second device";
  EXPECT_EQ(found.devices[1].model, "RX7900XTX");
}

TEST_F(Devices, ADriverThatIsNotLoadedIsNoDriver) {
  machine.install_nvidia();
  machine.add_card(0, kH100);
  machine.unload_driver();
  EXPECT_THAT(find().devices, IsEmpty());
  EXPECT_THAT(find().note, HasSubstr("no NVIDIA driver"));
}

TEST_F(Devices, NvmlTellsOfACardThatIsLostAndOfMemoryThatFailedSinceItWasOpened) {
  machine.install_nvidia();
  machine.add_card(0, kH100, "5");
  machine.add_card(1, kH100);
  const auto nvml = Nvml::open(machine.root());
  ASSERT_TRUE(nvml);
  EXPECT_TRUE(nvml->check(Machine::uuid_of(0))) << "what failed before counts no more";
  machine.set_state(0, "6");
  EXPECT_THAT(nvml->check(Machine::uuid_of(0)).error().message, HasSubstr("uncorrectable errors (ECC): 6"));
  EXPECT_TRUE(nvml->check(Machine::uuid_of(1)));
  machine.set_state(1, "lost");
  EXPECT_THAT(nvml->check(Machine::uuid_of(1)).error().message, HasSubstr("fallen off the bus"));
  EXPECT_EQ(nvml->use(Machine::uuid_of(0))->utilization_percent, 42U);
  EXPECT_FALSE(nvml->use(Machine::uuid_of(1)));
  EXPECT_FALSE(nvml->wait_fault(1));
  machine.report_xid(79, 1);
  const auto fault = nvml->wait_fault(60'000);
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->xid, 79U);
  EXPECT_EQ(fault->card, Machine::uuid_of(1));
}

TEST(Xid, AJobsOwnMistakesEndNoCard) {
  for (const std::uint64_t xid : {79, 48, 95, 119}) EXPECT_TRUE(ends_card(xid)) << xid;
  for (const std::uint64_t xid : {13, 31, 43, 45, 68, 94, 109}) EXPECT_FALSE(ends_card(xid)) << xid;
}

}  // namespace
}  // namespace hanse::provider
