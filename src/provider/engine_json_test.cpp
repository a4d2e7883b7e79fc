#include "provider/engine_json.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/rng.hpp"
#include "provider/engine_api.hpp"
#include "provider/engine_stream.hpp"
#include "provider/pull_follower.hpp"

namespace hanse::provider {
namespace {

using nlohmann::json;

ContainerSpec full_spec() {
  return {.name = "hanse-7",
          .hostname = "lease-7",
          .image = "debian:12",
          .command = {"/bin/sh", "-c", "true"},
          .env = {"A=1"},
          .workspace_host_path = "/w",
          .control_host_path = "/c",
          .hosts_host_path = "/h",
          .network = "hanse-7",
          .dns = {"9.9.9.9"},
          .devices = {.nodes = {{"/dev/nvidia0", "/dev/nvidia0"}},
                      .files = {{"/usr/lib/libcuda.so.1", "/opt/lib/libcuda.so.1"}},
                      .groups = {44, 104},
                      .cdi = {"nvidia.com/gpu=0", "nvidia.com/gpu=2"},
                      .libraries = "/opt/lib"},
          .labels = {"hanse.lease=7"},
          .memory_bytes = 1000,
          .shm_bytes = 500,
          .nano_cpus = 1'500'000'000,
          .pids_limit = 64};
}

TEST(EngineJson, DockerGetsNodesFilesAndGroupsAndEqualSwap) {
  const json body = docker_create_json(full_spec(), {100, 200}, true);
  const json& host = body["HostConfig"];
  EXPECT_EQ(host["Devices"],
            json::array(
                {{{"PathOnHost", "/dev/nvidia0"}, {"PathInContainer", "/dev/nvidia0"}, {"CgroupPermissions", "rw"}}}));
  EXPECT_EQ(host["GroupAdd"], (json{"44", "104"}));
  EXPECT_EQ(host["Mounts"][3]["Source"], "/usr/lib/libcuda.so.1");
  EXPECT_EQ(host["Mounts"][3]["ReadOnly"], true);
  EXPECT_EQ(host["Memory"], host["MemorySwap"]);
  EXPECT_EQ(host["CapDrop"], json::array({"ALL"}));
  EXPECT_EQ(host["SecurityOpt"], json::array({"no-new-privileges"}));
  EXPECT_EQ(host["Ulimits"][0]["Hard"], 100);
  EXPECT_EQ(host["Dns"], json::array({"9.9.9.9"}));
  EXPECT_EQ(body["Entrypoint"], json::array({"/bin/sh"}));
  EXPECT_EQ(body["Cmd"], (json{"-c", "true"}));
  EXPECT_FALSE(host.contains("Privileged"));
  EXPECT_EQ(host["Mounts"][0]["ReadOnly"], false);
  EXPECT_EQ(host["Mounts"][2]["Target"], "/etc/hosts");
  EXPECT_EQ(host["Mounts"][2]["ReadOnly"], true);
}

TEST(EngineJson, PodmanGetsCdiNamesNodesFilesGroupsAndCpuQuota) {
  const json body = podman_create_json(full_spec(), {100, 200}, false);
  EXPECT_EQ(body["devices"], json::array({{{"path", "nvidia.com/gpu=0"}},
                                          {{"path", "nvidia.com/gpu=2"}},
                                          {{"path", "/dev/nvidia0:/dev/nvidia0:rw"}}}));
  EXPECT_EQ(body["groups"], (json{"44", "104"}));
  EXPECT_EQ(body["mounts"][3]["destination"], "/opt/lib/libcuda.so.1");
  EXPECT_EQ(body["resource_limits"]["cpu"]["quota"], 150'000);
  EXPECT_EQ(body["resource_limits"]["memory"]["swap"], 1000);
  EXPECT_EQ(body["netns"]["nsmode"], "bridge");
  EXPECT_EQ(body["no_new_privileges"], true);
  EXPECT_EQ(body["mounts"][2]["destination"], "/etc/hosts");
  EXPECT_EQ(body["mounts"][2]["options"], (json{"rbind", "ro", "nosuid", "nodev"}));
}

TEST(EngineJson, WithoutANetworkThereIsNone) {
  auto spec = full_spec();
  spec.network = "none";
  EXPECT_EQ(podman_create_json(spec, {1, 1}, false)["netns"]["nsmode"], "none");
  EXPECT_FALSE(docker_create_json(spec, {1, 1}, false)["HostConfig"].contains("Dns"));
}

TEST(EngineJson, NoDangerousCapabilityIsGiven) {
  for (const std::string name : kCapabilities) {
    EXPECT_FALSE(name.starts_with("SYS_") || name == "NET_RAW" || name == "NET_ADMIN" || name == "MKNOD") << name;
  }
}

TEST(EngineJson, ImageNamesSplitAsRegistriesDo) {
  EXPECT_EQ(split_image("debian").tag, "latest");
  EXPECT_EQ(split_image("debian:12").name, "debian");
  EXPECT_EQ(split_image("host:5000/a/b").name, "host:5000/a/b");
  EXPECT_EQ(split_image("host:5000/a/b").tag, "latest");
  EXPECT_EQ(split_image("host:5000/a/b:v1").tag, "v1");
  EXPECT_EQ(split_image("a@sha256:00").tag, "");
}

TEST(EngineJson, OddStateReadsAsZero) {
  for (const char* text : {"{}", R"({"State":null})", R"({"State":{"Pid":"x","ExitCode":-4}})", R"({"Id":7})"}) {
    const auto json_text = json::parse(text);
    EXPECT_EQ(parse_state(json_text).pid, 0) << text;
    EXPECT_EQ(parse_stats(json_text).cpu_ns, 0U) << text;
  }
}

TEST(EngineJson, InterfaceNameFollowsFromTheSubnet) {
  EXPECT_EQ(network_interface_of("10.213.0.8/29").value(), "hanse0ad50008");
  EXPECT_FALSE(network_interface_of("10.213.0.8"));
  EXPECT_FALSE(network_interface_of("host/29"));
}

TEST(FrameReader, FramesCutAnywhereComeBackWhole) {
  const std::uint64_t seed = 20261122;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  for (int round = 0; round < 200; ++round) {
    Bytes wire;
    std::string out, err;
    for (int i = 0; i < 20; ++i) {
      const bool is_error = rng.one_in(3);
      const auto size = rng.below(300);
      wire.insert(wire.end(), {static_cast<std::uint8_t>(is_error ? 2 : 1), 0, 0, 0, 0, 0,
                               static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size)});
      for (std::uint64_t b = 0; b < size; ++b) {
        const auto byte = static_cast<std::uint8_t>(rng.next());
        wire.push_back(byte);
        (is_error ? err : out) += static_cast<char>(byte);
      }
    }
    FrameReader reader;
    std::string got_out, got_err;
    for (std::size_t at = 0; at < wire.size();) {
      const auto n = std::min<std::size_t>(1 + rng.below(50), wire.size() - at);
      reader.feed(ByteView(wire).subspan(at, n));
      at += n;
      for (;;) {
        auto chunk = reader.next();
        ASSERT_TRUE(chunk);
        if (!*chunk) break;
        ((*chunk)->source == ExecStream::Source::err ? got_err : got_out) += as_text((*chunk)->bytes);
      }
    }
    EXPECT_EQ(got_out, out);
    EXPECT_EQ(got_err, err);
  }
}

TEST(FrameReader, WhatIsNoFrameIsMalformed) {
  FrameReader reader;
  reader.feed(as_bytes("HTTP/1.1 500 oops"));
  EXPECT_EQ(reader.next().error().code, ErrorCode::malformed);
}

TEST(PullFollower, FailureWithoutAReasonIsAFailure) {
  for (const std::string line : {R"({"error":""})", R"({"error":"no such tag"})"}) {
    const Engine::Progress nobody;
    PullFollower follower(nobody);
    follower.feed(as_bytes(line));
    follower.finish();
    EXPECT_NE(follower.error(), "") << line;
  }
  EXPECT_NE(error_of("pulling x", {500, R"({"message":""})"}).message.find("without a reason"), std::string::npos);
}

}  // namespace
}  // namespace hanse::provider
