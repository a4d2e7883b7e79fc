#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.hpp"
#include "model/text.hpp"
#include "provider/agent.hpp"
#include "provider/gpu_models.hpp"
#include "provider/network.hpp"

namespace hanse::provider {
namespace {

using ::testing::HasSubstr;

AgentConfig full_config() {
  AgentConfig c;
  c.owner = crypto::KeyPair::generate().public_key();
  c.name = "box \"of\" mine: #1";
  c.advertise_host = "gpu.example.org";
  c.country = c.machine.country = "DE";
  c.default_image = "debian:bookworm-slim";
  c.dns = {"1.1.1.1", "9.9.9.9"};
  c.registries = {"registry.lan:5000"};
  c.internet = false;
  c.machine.name = "box";
  c.machine.gpu_model = "RTX4090";
  c.machine.gpu_count = 2;
  c.machine.vram_bytes = 24ULL << 30;
  c.machine.cpu_threads = 16;
  c.machine.memory_bytes = 64ULL << 30;
  c.machine.disk_bytes = 1'000'000'000'000;
  c.machine.interconnect = model::Interconnect::nvlink;
  c.machine.driver_version = "550.54";
  c.prices.on_demand_per_gpu_hour = Money{350'000};
  c.prices.storage_per_gib_hour = Money{1};
  c.prices.min_duration_s = 60;
  c.prices.term_discounts = {{86'400, 250}, {604'800, 1000}};
  c.prices.volume_discounts = {{2, 500}};
  return c;
}

TEST(Config, WhatInitWritesReadsBackEqual) {
  const auto config = full_config();
  const auto text = format_agent_config(config);
  const auto back = parse_agent_config(text);
  ASSERT_TRUE(back) << back.error().message << "\n" << text;
  EXPECT_EQ(back->machine, config.machine);
  EXPECT_EQ(back->prices, config.prices);
  EXPECT_EQ(back->owner, config.owner);
  EXPECT_EQ(back->name, config.name);
  EXPECT_EQ(back->dns, config.dns);
  EXPECT_EQ(back->registries, config.registries);
  EXPECT_EQ(back->internet, config.internet);
  EXPECT_EQ(back->layer_bytes, config.layer_bytes);
  EXPECT_EQ(back->output_bytes, config.output_bytes);
  EXPECT_EQ(back->fetch_grace_s, config.fetch_grace_s);
  EXPECT_EQ(format_agent_config(*back), text);
}

struct Mistake {
  const char* good;
  const char* bad;
  const char* said;
};

TEST(Config, EveryMistakeNamesItsLineAndWhatToDo) {
  const Mistake mistakes[] = {
      {"ssh_port:", "shh_port:", "ssh_port"},
      {"ssh_port: 2222", "ssh_port: 70000", "at most 65535"},
      {"country: \"DE\"", "country: \"de\"", "two capitals"},
      {"country: \"DE\"", "country: \"EU\"", "two capitals"},
      {"on_demand: 0.35", "on_demand: cheap", "on_demand"},
      {"vram: ", "vram: 24 # ", "vram"},
      {"internet: false", "internet: maybe", "neither true nor false"},
      {"registries: [registry", "registries: [http://registry", "is no registry"},
      {"dns: [1.1.1.1", "dns: [one.one", "is not an IP address"},
      {"subnet_pool: 10.213.0.0/16", "subnet_pool: 8.8.0.0/16", "private subnet"},
      {"from: 1d, percent: 2.50", "from: 1d, percent: 100", "percentage"},
      {"from: 1d, percent: 2.50", "from: 8d, percent: 2.50", "ascending"},
      {"kind: gpu", "kind: tpu", "neither gpu nor cpu"},
      {"gpus: 2", "gpus: 65", "at most 64"},
      {"interconnect: nvlink", "interconnect: nvlinc", "write none, pcie, nvlink or infiniband"},
      {"owner: hanse1", "owner: hanse2", "owner"},
  };
  const auto text = format_agent_config(full_config());
  for (const auto& [good, bad, said] : mistakes) {
    auto broken = text;
    const auto at = broken.find(good);
    ASSERT_NE(at, std::string::npos) << good;
    broken.replace(at, std::string(good).size(), bad);
    const auto parsed = parse_agent_config(broken);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_THAT(parsed.error().message, HasSubstr(said)) << bad;
    EXPECT_THAT(parsed.error().message, HasSubstr("line")) << bad;
  }
}

TEST(Config, TheLeastThatIsMissingIsNamed) {
  auto config = full_config();
  config.advertise_host.clear();
  const auto parsed = parse_agent_config(format_agent_config(config));
  ASSERT_FALSE(parsed);
  EXPECT_THAT(parsed.error().message, HasSubstr("advertise_host"));
}

TEST(GpuModels, NamesOfRealCards) {
  const std::pair<const char*, const char*> table[] = {
      {"NVIDIA GeForce RTX 4090", "RTX4090"},
      {"NVIDIA GeForce RTX 3080 Ti", "RTX3080Ti"},
      {"NVIDIA GeForce GTX 1080 Ti", "GTX1080Ti"},
      {"NVIDIA GeForce RTX 5090", "RTX5090"},
      {"GeForce RTX 2060", "RTX2060"},
      {"NVIDIA H100 80GB HBM3", "H100-SXM"},
      {"NVIDIA H100 PCIe", "H100-PCIe"},
      {"NVIDIA H100 NVL", "H100-NVL"},
      {"NVIDIA H200", "H200"},
      {"NVIDIA A100-SXM4-80GB", "A100-SXM"},
      {"NVIDIA A100-PCIE-40GB", "A100-PCIe"},
      {"NVIDIA A100 80GB PCIe", "A100-PCIe"},
      {"Tesla V100-SXM2-16GB", "V100-SXM"},
      {"Tesla T4", "T4"},
      {"NVIDIA L40S", "L40S"},
      {"NVIDIA L4", "L4"},
      {"NVIDIA A10G", "A10G"},
      {"NVIDIA RTX A6000", "RTXA6000"},
      {"NVIDIA RTX 6000 Ada Generation", "RTX6000-Ada"},
      {"NVIDIA B200", "B200"},
      {"AMD Instinct MI300X", "MI300X"},
      {"AMD Radeon RX 7900 XTX", "RX7900XTX"},
      {"", "GPU"},
  };
  for (const auto& [name, model] : table) EXPECT_EQ(canonical_gpu_model(name), model) << name;
}

TEST(SubnetPool, EachIsGivenOnceAndComesBack) {
  auto pool = SubnetPool::parse("10.213.0.0/27").value();
  EXPECT_EQ(pool.take().value(), "10.213.0.0/29");
  EXPECT_EQ(pool.take().value(), "10.213.0.8/29");
  EXPECT_FALSE(pool.take("10.213.0.8/29"));
  EXPECT_TRUE(pool.take("10.213.0.24/29"));
  EXPECT_EQ(pool.take().value(), "10.213.0.16/29");
  EXPECT_EQ(pool.take().error().code, ErrorCode::limit_reached);
  pool.give_back("10.213.0.8/29");
  EXPECT_EQ(pool.take().value(), "10.213.0.8/29");
}

TEST(SubnetPool, OnlyPrivateAlignedPoolsAreTaken) {
  for (const char* text :
       {"8.8.8.0/24", "10.0.0.1/24", "10.0.0.0/30", "10.0.0.0/7", "10.0.0.0", "x/24", "172.32.0.0/16"}) {
    EXPECT_FALSE(SubnetPool::parse(text)) << text;
  }
  EXPECT_TRUE(SubnetPool::parse("192.168.64.0/20"));
  EXPECT_TRUE(SubnetPool::parse("172.16.0.0/12"));
}

TEST(Inventory, FindsThreadsMemoryAndADeviceThatIsLabelled) {
  const auto found = detect_inventory("/tmp");
  EXPECT_GT(found.machine.cpu_threads, 0U);
  EXPECT_GT(found.machine.memory_bytes, 0U);
  EXPECT_GT(found.machine.disk_bytes, 0U);
  for (const auto& device : found.devices) EXPECT_EQ(device.model == "CPU", !device.is_gpu());
  EXPECT_FALSE(found.note.empty());
}

TEST(CheckDevices, AnOfferPromisesNoMoreThanTheMachineHasOfItsModel) {
  Inventory found;
  for (const char* model : {"H100-SXM", "H100-SXM", "L40S"}) found.devices.push_back({.model = model});
  for (const std::string model : {"H100-SXM", "L40S", "H100-PCIE"}) {
    const auto there =
        std::count_if(found.devices.begin(), found.devices.end(), [&](const auto& d) { return d.model == model; });
    for (std::uint32_t promised = 1; promised <= 4; ++promised) {
      AgentConfig config;
      config.machine.gpu_model = model;
      config.machine.gpu_count = promised;
      const auto check = check_devices(config, found);
      EXPECT_EQ(check.verdict == Check::Verdict::bad, promised > there) << promised << " of " << model;
    }
  }
}

}  // namespace
}  // namespace hanse::provider
