#include "provider/engine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <fmt/format.h>
#include <fstream>

#include "provider/cgroup.hpp"
#include "provider/testing/engine_service.hpp"
#include "provider/testing/free_pool.hpp"

namespace hanse::provider {
namespace {

using ::testing::Contains;
using testing::EngineService;
using ::testing::HasSubstr;
using testing::kTestImage;
using ::testing::Not;
using testing::read_all;
using testing::TestContainer;

Engine& engine() {
  return EngineService::instance().engine();
}

std::string run_in(const std::string& command, ContainerSpec spec = {}) {
  const TestContainer container(command, std::move(spec));
  EXPECT_TRUE(engine().wait(container.id()));
  auto logs = engine().logs(container.id(), false);
  EXPECT_TRUE(logs);
  return logs ? read_all(**logs).out : "";
}

TEST(Engine, NamesItsKindAndVersion) {
  const auto info = engine().info();
  ASSERT_TRUE(info);
  EXPECT_EQ(info->kind, EngineService::instance().is_docker() ? "docker" : "podman");
  EXPECT_FALSE(info->version.empty());
}

TEST(Engine, NobodyAtTheSocketIsUnavailableAndSaysWhatToDo) {
  const auto none = open_engine("/nonexistent/engine.sock");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::unavailable);
  EXPECT_THAT(none.error().message, HasSubstr("engine_socket"));
}

TEST(Engine, KnowsWhichImagesAreThere) {
  const auto id = engine().image_id(kTestImage);
  ASSERT_TRUE(id && *id);
  EXPECT_EQ(engine().image_id(**id).value(), **id) << "an id names it too";
  EXPECT_EQ(engine().image_id("localhost/never-made:latest").value(), std::nullopt);
  EXPECT_TRUE(engine().remove_image("localhost/never-made:latest")) << "it is not there already";
}

TEST(Engine, PullOfAnImageThatDoesNotExistNamesIt) {
  const auto pulled = engine().pull("localhost:1/never-made:latest", {});
  ASSERT_FALSE(pulled);
  EXPECT_THAT(pulled.error().message, HasSubstr("never-made"));
}

TEST(Engine, ContainerOfAnImageThatDoesNotExistIsNotFound) {
  ContainerSpec spec{.name = "hanse-no-image", .image = "localhost/never-made:latest"};
  const auto created = engine().create(spec);
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code, ErrorCode::not_found);
}

TEST(Engine, OutputAndExitCodeComeBack) {
  const TestContainer container("echo to-out; echo to-err >&2; exit 7");
  EXPECT_EQ(engine().wait(container.id()).value(), 7);
  auto logs = engine().logs(container.id(), true);
  ASSERT_TRUE(logs);
  const auto output = read_all(**logs);
  EXPECT_EQ(output.out, "to-out\n");
  EXPECT_EQ(output.err, "to-err\n");
  const auto state = engine().inspect(container.id());
  ASSERT_TRUE(state);
  EXPECT_FALSE(state->running);
  EXPECT_EQ(state->exit_code, 7);
  EXPECT_EQ(state->pid, 0);
}

TEST(Engine, FollowedOutputArrivesWhileTheContainerRuns) {
  const TestContainer container("echo first; while [ ! -e /tmp/go ]; do sleep 0.02; done; echo second");
  auto logs = engine().logs(container.id(), true);
  ASSERT_TRUE(logs);
  auto chunk = (*logs)->read();
  ASSERT_TRUE(chunk);
  EXPECT_EQ(as_text(chunk->bytes), "first\n");
  auto touch = engine().exec(container.id(), {.command = {"touch", "/tmp/go"}, .env = {}, .workdir = "/"});
  ASSERT_TRUE(touch);
  read_all(**touch);
  EXPECT_EQ(read_all(**logs).out, "second\n");
}

TEST(Engine, AbortedFollowReturns) {
  const TestContainer container("sleep 1000");
  auto logs = engine().logs(container.id(), true);
  ASSERT_TRUE(logs);
  std::jthread reader([&] { read_all(**logs); });
  (*logs)->abort();
}

TEST(Engine, ExecKeepsStreamsApartAndTakesInput) {
  const TestContainer container("sleep 1000");
  auto exec =
      engine().exec(container.id(),
                    {.command = {"sh", "-c", "cat; echo done; echo bad >&2; exit 3"}, .env = {"A=b"}, .workdir = "/"});
  ASSERT_TRUE(exec) << exec.error().message;
  ASSERT_TRUE((*exec)->write(as_bytes("hello\n")));
  (*exec)->close_input();
  const auto output = read_all(**exec);
  EXPECT_EQ(output.out, "hello\ndone\n");
  EXPECT_EQ(output.err, "bad\n");
  EXPECT_EQ((*exec)->exit_code().value(), 3);
}

TEST(Engine, ExecCarriesMegabytesBothWaysUnchanged) {
  const TestContainer container("sleep 1000");
  auto exec = engine().exec(container.id(), {.command = {"cat"}, .env = {}, .workdir = "/"});
  ASSERT_TRUE(exec);
  std::string sent(5U << 20, '\0');
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>((i * 2654435761U) >> 13);
  std::jthread writer([&] {
    EXPECT_TRUE((*exec)->write(as_bytes(sent)));
    (*exec)->close_input();
  });
  EXPECT_TRUE(read_all(**exec).out == sent);
}

TEST(Engine, TerminalHasTheSizeThatWasAskedFor) {
  const TestContainer container("sleep 1000");
  ExecSpec spec{.command = {"sh", "-c", "read go; stty size; read go; stty size"},
                .env = {},
                .tty = true,
                .columns = 101,
                .rows = 33,
                .workdir = "/"};
  auto exec = engine().exec(container.id(), spec);
  ASSERT_TRUE(exec) << exec.error().message;
  ASSERT_TRUE((*exec)->write(as_bytes("go\n")));
  std::string seen;
  while (seen.find("33 101") == std::string::npos) {
    auto chunk = (*exec)->read();
    ASSERT_TRUE(chunk);
    ASSERT_NE(chunk->source, ExecStream::Source::end) << seen;
    seen += as_text(chunk->bytes);
  }
  ASSERT_TRUE((*exec)->resize(80, 20));
  ASSERT_TRUE((*exec)->write(as_bytes("go\n")));
  EXPECT_THAT(read_all(**exec).out, HasSubstr("20 80"));
}

TEST(Engine, CommandThatDoesNotExistFailsWithTheCodeOfTheShell) {
  const TestContainer container("sleep 1000");
  auto exec = engine().exec(container.id(), {.command = {"/no/such/program"}, .env = {}, .workdir = "/"});
  if (!exec) return;  // refused at once
  read_all(**exec);
  EXPECT_NE((*exec)->exit_code().value_or(127), 0);
}

TEST(Engine, ContainerThatIgnoresTermIsKilledAfterItsGrace) {
  const TestContainer container("trap '' TERM; echo up; while :; do sleep 1; done");
  auto logs = engine().logs(container.id(), true);
  ASSERT_TRUE((*logs)->read());  // the trap stands
  ASSERT_TRUE(engine().stop(container.id(), 1));
  const auto state = engine().inspect(container.id());
  ASSERT_TRUE(state);
  EXPECT_FALSE(state->running);
  EXPECT_EQ(state->exit_code, 137);
}

TEST(Engine, RemovingWhatIsNotThereIsFine) {
  EXPECT_TRUE(engine().remove("hanse-never-made"));
  EXPECT_TRUE(engine().remove_network("hanse-never-made"));
  const auto state = engine().inspect("hanse-never-made");
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().code, ErrorCode::not_found);
}

TEST(Engine, ListFindsStoppedContainersByLabel) {
  const auto label = fmt::format("hanse.test=list-{}", ::getpid());
  const TestContainer stopped("true", {.labels = {label}});
  const TestContainer running("sleep 1000", {.labels = {label, "other=1"}});
  ASSERT_TRUE(engine().wait(stopped.id()));
  const auto list = engine().list(label);
  ASSERT_TRUE(list) << list.error().message;
  ASSERT_EQ(list->size(), 2U);
  for (const auto& state : *list) {
    EXPECT_EQ(state.running, state.id == running.id());
    EXPECT_EQ(state.pid > 0, state.running);
    EXPECT_THAT(state.labels, Contains(label));
  }
}

TEST(Engine, ContainerHasOnlyAHarmlessFewCapabilities) {
  const auto status = run_in("grep -e CapBnd -e CapEff -e NoNewPrivs -e Seccomp: /proc/self/status");
  EXPECT_THAT(status, HasSubstr("CapEff:\t00000000000004fb"));  // exactly kCapabilities
  EXPECT_THAT(status, HasSubstr("CapBnd:\t00000000000004fb"));
  EXPECT_THAT(status, HasSubstr("NoNewPrivs:\t1"));
  EXPECT_THAT(status, HasSubstr("Seccomp:\t2"));
}

TEST(Engine, ContainerSeesNoDeviceOfTheHost) {
  const auto refused = run_in("mknod /tmp/d b 7 0 2>&1; mount -t tmpfs none /mnt 2>&1; ls /dev");
  EXPECT_THAT(refused, HasSubstr("not permitted"));
  EXPECT_THAT(refused, Not(HasSubstr("loop")));
}

TEST(Engine, SpecReachesTheContainer) {
  ContainerSpec spec{.hostname = "lease-7", .env = {"WORD=a=b c"}, .shm_bytes = 32U << 20};
  const auto seen = run_in("hostname; echo $WORD; df -k /dev/shm | tail -1; pwd", spec);
  EXPECT_THAT(seen, HasSubstr("lease-7\na=b c\n"));
  EXPECT_THAT(seen, HasSubstr(" 32768 "));
}

TEST(Engine, MemoryEaterIsKilledAndTheKernelsCountTells) {
  ContainerSpec spec{.memory_bytes = 64U << 20};
  const TestContainer container("perl -e '$x = \"a\" x (512*1024*1024)'; echo code $?; sleep 1000", spec);
  auto logs = engine().logs(container.id(), true);
  ASSERT_TRUE(logs);
  std::string seen;
  while (seen.find("code ") == std::string::npos) {
    auto chunk = (*logs)->read();
    ASSERT_TRUE(chunk && chunk->source != ExecStream::Source::end) << seen;
    seen += as_text(chunk->bytes);
  }
  EXPECT_THAT(seen, HasSubstr("code 137"));
  const auto kills = out_of_memory_kills(engine().inspect(container.id())->pid);
  ASSERT_TRUE(kills);
  EXPECT_GE(*kills, 1U);
}

TEST(Engine, ForkBombStaysUnderItsLimit) {
  ContainerSpec spec{.memory_bytes = 256U << 20, .pids_limit = 40};
  // The bomb is a shell of its own: one that cannot fork gives up, and the first would take the container with it.
  const TestContainer container("(for i in $(seq 200); do sleep 1000 & done) 2>/dev/null; echo full; exec sleep 1000",
                                spec);
  auto logs = engine().logs(container.id(), true);
  ASSERT_TRUE(logs);
  std::string seen;
  while (seen.find("full") == std::string::npos) {
    auto chunk = (*logs)->read();
    ASSERT_TRUE(chunk && chunk->source != ExecStream::Source::end) << seen;
    seen += as_text(chunk->bytes);
  }
  const auto stats = engine().stats(container.id());
  ASSERT_TRUE(stats) << stats.error().message;
  EXPECT_GT(stats->pids, 10U);
  EXPECT_LE(stats->pids, 40U);
}

TEST(Engine, StatsCountCpuMemoryAndProcesses) {
  ContainerSpec spec{.memory_bytes = 128U << 20, .nano_cpus = 500'000'000};
  const TestContainer container("while :; do :; done", spec);
  ContainerStats first, second;
  for (int i = 0; i < 200 && second.cpu_ns <= first.cpu_ns; ++i) {
    first = i == 0 ? engine().stats(container.id()).value() : first;
    second = engine().stats(container.id()).value();
  }
  EXPECT_GT(second.cpu_ns, first.cpu_ns);
  EXPECT_EQ(second.memory_limit_bytes, 128U << 20);
  EXPECT_GT(second.memory_bytes, 0U);
  EXPECT_GE(second.pids, 1U);
}

TEST(Engine, WritableBytesGrowWithWhatTheContainerWrites) {
  const TestContainer container("dd if=/dev/zero of=/big bs=1M count=20 2>/dev/null; echo written; sleep 1000");
  auto logs = engine().logs(container.id(), true);
  ASSERT_TRUE((*logs)->read());
  EXPECT_GE(engine().writable_bytes(container.id()).value(), 20U << 20);
}

TEST(Engine, ServiceRestartLeavesContainersRunning) {
  const TestContainer container("sleep 1000");
  EngineService::instance().restart();
  const auto state = engine().inspect(container.id());
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_TRUE(state->running);
}

TEST(Engine, NetworksAreMadeListedAndRemoved) {
  const auto name = testing::test_name("net");
  ASSERT_TRUE(engine().create_network(name, testing::free_pool(29), testing::kTestLabel));
  EXPECT_THAT(engine().list_networks(testing::kTestLabel).value(), Contains(name));
  const auto seen = run_in("cat /etc/resolv.conf; ls /sys/class/net", {.network = name, .dns = {"203.0.113.53"}});
  // Docker's own resolver stands between: it asks the one given, from inside the container's network.
  EXPECT_THAT(seen, HasSubstr(EngineService::instance().is_docker() ? "127.0.0.11" : "203.0.113.53"));
  EXPECT_THAT(seen, HasSubstr("eth0"));
  ASSERT_TRUE(engine().remove_network(name));
  EXPECT_THAT(engine().list_networks(testing::kTestLabel).value(), Not(Contains(name)));
}

TEST(Engine, NodesFilesAndGroupsOfADeviceReachTheContainerAndNothingElseCanBeOpened) {
  const auto folder = testing::make_test_folder("device");
  std::ofstream(folder / "driver.so") << "library";
  // A node of /dev/null under another name: what stands for a card here.
  ASSERT_EQ(::mknod((folder / "card").c_str(), S_IFCHR | 0600, ::makedev(1, 3)), 0);
  const auto said = run_in(
      "exec 2>&1; echo into > /dev/cards/card7 && echo opened; cat /opt/driver/lib.so.1; echo x > "
      "/opt/driver/lib.so.1; id -G; "
      "mknod /dev/mine c 1 3 || echo no other",
      {.devices = {.nodes = {{folder / "card", "/dev/cards/card7"}},
                   .files = {{folder / "driver.so", "/opt/driver/lib.so.1"}},
                   .groups = {4711}}});
  EXPECT_THAT(said, HasSubstr("opened"));
  EXPECT_THAT(said, HasSubstr("library"));
  EXPECT_THAT(said, HasSubstr("ead-only file system"));
  EXPECT_THAT(said, HasSubstr("4711"));
  EXPECT_THAT(said, HasSubstr("no other"));
  std::filesystem::remove_all(folder);
}

TEST(Engine, CdiDeviceReachesTheContainer) {
  if (EngineService::instance().is_docker()) GTEST_SKIP() << "Docker is not asked for CDI devices";
  // A device of nvidia.com/gpu that is none: the same way as a real one takes, on a machine without a GPU.
  std::filesystem::create_directories("/var/run/cdi");
  const std::string file = "/var/run/cdi/" + testing::test_name("cdi.json");
  std::ofstream(file) << R"({"cdiVersion":"0.5.0","kind":"nvidia.com/gpu","devices":[{"name":"hanse-test",
    "containerEdits":{"env":["FOUND_GPU=yes"]}}]})";
  EXPECT_THAT(run_in("echo gpu=$FOUND_GPU", {.devices = {.cdi = {"nvidia.com/gpu=hanse-test"}}}), HasSubstr("gpu=yes"));
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace hanse::provider
