#include "provider/control.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "provider/journal.hpp"
#include "provider/lease_signals.hpp"
#include "provider/output_pump.hpp"
#include "provider/testing/engine_service.hpp"
#include "provider/testing/free_pool.hpp"
#include "provider/testing/heard.hpp"
#include "provider/workspace.hpp"

namespace hanse::provider {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using testing::EngineService;
using ::testing::HasSubstr;
using testing::read_all;

struct TemporaryFolder {
  const fs::path path = testing::make_test_folder("provider");
  TemporaryFolder() = default;
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
};

/// A container under the supervisor, with a real workspace.
struct Supervised {
  TemporaryFolder folder;
  Workspaces workspaces{folder.path / "leases"};
  Workspaces::Paths paths;
  std::shared_ptr<OutputLog> log;
  std::unique_ptr<OutputPump> pump;
  std::string id;

  explicit Supervised(const model::Job& job, bool go = true, ContainerSpec spec = {}) {
    paths = workspaces.open("one", 64U << 20).value();
    log = OutputLog::open(paths.output, 64U << 20).value();
    pump = OutputPump::start(paths.control, log, [](const wire::JobExit&) {}).value();
    HANSE_CHECK(write_control(paths.control, job).has_value());
    if (go) HANSE_CHECK(write_go(paths.control).has_value());
    spec.name = testing::test_name("supervised");
    spec.labels = {testing::kTestLabel};
    spec.image = testing::kTestImage;
    spec.network = "none";
    spec.workspace_host_path = paths.workspace;
    spec.control_host_path = paths.control;
    spec.command = supervisor_command();
    auto& engine = EngineService::instance().engine();
    HANSE_CHECK(engine.remove(spec.name).has_value());
    auto created = engine.create(spec);
    if (!created) std::fprintf(stderr, "%s\n", created.error().message.c_str());
    id = created.value();
    auto started = engine.start(id);
    if (!started) std::fprintf(stderr, "%s\n", started.error().message.c_str());
    HANSE_CHECK(started.has_value());
  }
  ~Supervised() {
    pump.reset();
    static_cast<void>(EngineService::instance().engine().remove(id));
    static_cast<void>(workspaces.wipe("one"));
  }
  testing::Heard output() const { return testing::hear_until(log); }
  bool running() const { return EngineService::instance().engine().inspect(id)->running; }
};

model::Job job(std::string run, std::string setup = {}) {
  model::Job out;
  out.run = std::move(run);
  out.setup = std::move(setup);
  return out;
}

TEST(Supervisor, OutputEndsWithTheJobAndTheContainerStays) {
  const Supervised one(job("echo running; echo bad >&2; printf no-newline; exit 5", "echo set up"));
  const auto output = one.output();
  EXPECT_EQ(output.out, "set up\nrunning\nno-newline");
  EXPECT_EQ(output.err, "bad\n");
  EXPECT_EQ(output.exit, (wire::JobExit{5, false}));
  EXPECT_TRUE(one.running());
}

TEST(Supervisor, FailedSetupEndsTheJobWithItsCodeAndAddsNothingToItsOutput) {
  const Supervised one(job("echo never", "exit 9"));
  const auto output = one.output();
  EXPECT_EQ(output.all, "");
  EXPECT_EQ(output.exit, (wire::JobExit{9, true}));
}

TEST(Supervisor, AJobThatDroppedRootCanOpenItsOutputByName) {
  const Supervised one(job("su -s /bin/sh nobody -c 'echo named >/dev/stdout; echo bad >/proc/self/fd/2'"));
  const auto output = one.output();
  EXPECT_EQ(output.out, "named\n");
  EXPECT_EQ(output.err, "bad\n");
}

TEST(Supervisor, WhatTheEngineDoesIsNoneOfTheOutputsBusiness) {
  const Supervised one(job("for i in 1 2 3; do echo $i; echo $i >&2; sleep 0.2; done; exit 255"));
  static_cast<void>(testing::hear_until(one.log, "1"));
  EngineService::instance().kill();
  const auto output = one.output();
  EngineService::instance().start();
  EXPECT_EQ(output.out, "1\n2\n3\n");
  EXPECT_EQ(output.err, "1\n2\n3\n");
  EXPECT_EQ(output.exit, (wire::JobExit{255, false}));
}

TEST(Supervisor, ChildThatIsToldToEndMayFinishAndTheScriptGoesNoFurther) {
  const Supervised one(
      job("sh -c \"trap 'sleep 0.3; echo saved; exit 0' TERM; echo up; while :; do sleep 0.05; done\"\n"
          "echo never"));
  ASSERT_EQ(testing::hear_until(one.log, "up").out, "up\n");
  auto& engine = EngineService::instance().engine();
  terminate_descendants(static_cast<pid_t>(engine.inspect(one.id)->pid), kSupervisorMark);
  EXPECT_EQ(one.output().out, "up\nsaved\n");
  EXPECT_EQ(one.output().exit, (wire::JobExit{143, false}));
  EXPECT_TRUE(one.running());
}

TEST(Supervisor, AScriptIsForBashAndEndsAtItsFirstFailure) {
  const Supervised one(job("[[ -n $BASH_VERSION ]] && echo bash $-; cat; false | true; echo never"));
  const auto output = one.output();
  EXPECT_THAT(output.out, ::testing::MatchesRegex("bash [a-zA-Z]*e[a-zA-Z]*u[a-zA-Z]*\n"));
  EXPECT_EQ(output.exit, (wire::JobExit{1, false}));
  const Supervised unset(job("echo $NEVER_SET; echo never"));
  EXPECT_THAT(unset.output().err, HasSubstr("NEVER_SET: unbound variable"));
  EXPECT_NE(unset.output().exit->code, 0);
}

TEST(Supervisor, WithoutBashAScriptIsForSh) {
  const Supervised one(job("echo ${BASH_VERSION:-sh}; echo $-; false; echo never", "rm /bin/bash"));
  EXPECT_THAT(one.output().out, ::testing::MatchesRegex("sh\n.*e.*\n"));
  EXPECT_EQ(one.output().exit, (wire::JobExit{1, false}));
}

TEST(Supervisor, AScriptThatNamesItsInterpreterIsRunByIt) {
  const Supervised bash(
      job("#!/bin/bash\nset -o pipefail\nfalse\nif [[ $0 == /run/hanse/run ]]; then echo on; fi\nexit 6\n"));
  EXPECT_EQ(bash.output().out, "on\n") << "what it does at a failure is its own business";
  EXPECT_EQ(bash.output().exit, (wire::JobExit{6, false}));
  const Supervised perl(
      job("#!/usr/bin/env perl\nprint \"perl @ARGV\\n\"; print <STDIN>; exit 7", "#! /bin/sh  -e \nfalse\n"));
  EXPECT_EQ(perl.output().exit, (wire::JobExit{1, true})) << "with its argument";
  const Supervised alone(job("#!/usr/bin/perl -w -l\nprint \"${^WARNING_BITS}$^W\"; exit 7"));
  EXPECT_EQ(alone.output().exit->code, 7) << alone.output().err;
}

TEST(Supervisor, AnInterpreterThatTheImageDoesNotHaveIsNamed) {
  for (const std::string line : {"#!/opt/none/python3 -u", "#!/usr/bin/env python3.99"}) {
    const Supervised one(job(line + "\nprint(1)\n"));
    const auto heard = one.output();
    ASSERT_EQ(heard.notes.size(), 1U);
    EXPECT_THAT(heard.notes[0],
                HasSubstr(line.find("env") == line.npos ? "names /opt/none/python3," : "names python3.99,"));
    EXPECT_EQ(heard.err, "") << "the job itself said nothing";
    EXPECT_EQ(heard.exit, (wire::JobExit{127, false}));
  }
}

TEST(Supervisor, JobWaitsForTheWordToGo) {
  const Supervised one(job("cat /workspace/input"), false);
  std::ofstream(one.paths.workspace + "/input") << "copied in";
  EXPECT_FALSE(read_exit(one.paths.control));
  ASSERT_TRUE(write_go(one.paths.control));
  EXPECT_EQ(one.output().out, "copied in");
}

TEST(Supervisor, StopReachesTheJobAndItsChildren) {
  const Supervised one(job("trap 'echo bye; exit 0' TERM; echo up; sleep 1000 & wait"));
  ASSERT_EQ(testing::hear_until(one.log, "up").out, "up\n");
  ASSERT_TRUE(EngineService::instance().engine().stop(one.id, 20));
  EXPECT_THAT(testing::hear_until(one.log, "bye").out, HasSubstr("bye"));
  EXPECT_FALSE(one.running());
}

TEST(Supervisor, FilledWorkspaceHurtsTheJobAlone) {
  const Supervised one(
      job("dd if=/dev/zero of=/workspace/fill bs=1M 2>&1 || dd if=/dev/zero of=/run/hanse/fill bs=64K 2>&1 || true"));
  const auto output = one.output().out;
  ASSERT_TRUE(one.paths.is_limited);
  EXPECT_EQ(one.output().exit, (wire::JobExit{0, false})) << "its end is noted all the same";
  EXPECT_THAT(output, HasSubstr("No space left on device"));
  EXPECT_LT(fs::file_size(one.paths.workspace + "/fill"), 64U << 20);
  EXPECT_LE(fs::file_size(one.paths.control + "/fill"), 1U << 20);
}

TEST(Control, NoLinkOfTheContainersMakingIsFollowed) {
  const TemporaryFolder folder;
  const auto control = folder.path / "control";
  fs::create_directory(control);
  std::ofstream(folder.path / "host") << "7 run\n";
  fs::create_symlink(folder.path / "host", control / "exit");
  EXPECT_FALSE(read_exit(control));
  fs::create_symlink(folder.path / "host", control / "go");
  EXPECT_TRUE(write_go(control));
  EXPECT_FALSE(fs::is_symlink(control / "go"));
  fs::create_symlink(folder.path / "host", control / "output");
  EXPECT_TRUE(open_job_pipes(control));
  EXPECT_TRUE(fs::is_fifo(fs::symlink_status(control / "output")));
  EXPECT_EQ(fs::file_size(folder.path / "host"), 6U);
}

TEST(Control, OddExitCodesAreNone) {
  const TemporaryFolder folder;
  for (const char* text :
       {"", "7", "7\n", "7 run", "x run\n", "-1 run\n", "256 run\n", "99999999999999999999 run\n", "7  run\n"}) {
    std::ofstream(folder.path / "exit", std::ios::trunc) << text;
    EXPECT_FALSE(read_exit(folder.path)) << text;
  }
  std::ofstream(folder.path / "exit", std::ios::trunc) << "7 setup\n";
  EXPECT_EQ(read_exit(folder.path), (wire::JobExit{7, true}));
  fs::remove(folder.path / "exit");
  ASSERT_EQ(::mkfifo((folder.path / "exit").c_str(), 0600), 0);
  EXPECT_FALSE(read_exit(folder.path));  // and does not wait for a writer
}

TEST(Workspaces, FilesSurviveReopeningAndNothingSurvivesWiping) {
  const TemporaryFolder folder;
  Workspaces workspaces(folder.path / "w");
  const auto paths = workspaces.open("a", 32U << 20).value();
  std::ofstream(paths.workspace + "/kept") << "x";
  EXPECT_TRUE(workspaces.open("a", 32U << 20));
  EXPECT_TRUE(fs::exists(paths.workspace + "/kept"));
  EXPECT_THAT(workspaces.names(), ElementsAre("a"));
  ASSERT_TRUE(workspaces.wipe("a"));
  EXPECT_TRUE(workspaces.names().empty());
  EXPECT_TRUE(workspaces.wipe("a"));
}

TEST(Workspaces, AVolumeHoldsWhatItsRoomSays) {
  const TemporaryFolder folder;
  Workspaces workspaces(folder.path / "w");
  for (const std::uint64_t bytes : {0ULL, 64ULL << 20, 500'000'000ULL, 512ULL << 20, 1'000'000'000ULL, 1ULL << 30,
                                    2'000'000'000ULL, 10'000'000'000ULL, 100'000'000'000ULL, 1'000'000'000'000ULL}) {
    const auto paths = workspaces.open("a", bytes).value();
    ASSERT_TRUE(paths.is_limited);
    struct statvfs there{};
    ASSERT_EQ(::statvfs(paths.workspace.c_str(), &there), 0);
    const auto room = Workspaces::room(bytes);
    EXPECT_EQ(room.block_bytes, there.f_bsize) << bytes;
    EXPECT_LE(room.bytes, there.f_bavail * there.f_bsize) << bytes;
    EXPECT_GE(room.bytes, there.f_bavail * there.f_bsize / 100 * 98) << bytes;
    EXPECT_LE(room.files, there.f_ffree) << bytes;
    EXPECT_GE(room.files, there.f_ffree / 100 * 98) << bytes;
    ASSERT_TRUE(workspaces.wipe("a"));
  }
}

TEST(Workspaces, ALeaseResolvesItsOwnNamesAndNotTheMachines) {
  const TemporaryFolder folder;
  auto& engine = EngineService::instance().engine();
  const auto network = testing::test_name("hosts");
  ASSERT_TRUE(engine.create_network(network, testing::free_pool(29), testing::kTestLabel));
  const auto paths = Workspaces(folder.path / "w").open("lease-7", 32U << 20).value();
  ContainerSpec spec{.hostname = "lease-7", .hosts_host_path = paths.hosts, .network = network};
  std::optional<testing::TestContainer> container;
  const auto look = [&] {
    auto exec = engine.exec(container->id(), {.command = {"sh", "-c",
                                                          "cat /etc/hosts; getent ahosts lease-7 | head -1; "
                                                          "echo 192.0.2.1 evil >>/etc/hosts && echo written; "
                                                          "rm -f /etc/hosts || mv /etc/hosts /tmp && echo gone"},
                                              .workdir = "/"});
    return read_all(**exec).out;
  };
  const std::string own = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n127.0.0.1 lease-7\n";
  const std::string expected = own + "127.0.0.1       STREAM lease-7\n";
  container.emplace("sleep 1000", spec);
  EXPECT_EQ(look(), expected);
  ASSERT_TRUE(engine.remove(container->id()));

  Workspaces restarted(folder.path / "w");
  EXPECT_EQ(restarted.open("lease-7", 32U << 20).value().hosts, paths.hosts);
  container.emplace("sleep 1000", spec);
  EXPECT_EQ(look(), expected);
  container.reset();
  EXPECT_TRUE(engine.remove_network(network));
  EXPECT_TRUE(restarted.wipe("lease-7"));
  EXPECT_FALSE(fs::exists(paths.hosts));
}

TEST(Journal, EntriesAndNotesComeBackAfterACrash) {
  const TemporaryFolder folder;
  const JournalEntry first{{7}, "c7", "10.213.0.8/29", {1, 0, 2}, "sha256:ab", "ghcr.io/me/x:1", true, true, -1};
  const JournalEntry second{{9}, "", "", {}, "", "", false, false, 137, {1'700'000}, true};
  const pid_t child = ::fork();
  if (child == 0) {  // writes and dies without closing anything
    auto journal = Journal::open(folder.path / "journal").value();
    const bool saved = journal->save(second) && journal->save({{8}}) && journal->save(first) && journal->erase({8}) &&
                       journal->set_note("published", "here");
    ::_exit(saved ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  auto journal = Journal::open(folder.path / "journal").value();
  EXPECT_THAT(journal->entries().value(), ElementsAre(first, second));
  EXPECT_EQ(journal->note("published").value(), "here");
  EXPECT_EQ(journal->note("other").value(), "");
  EXPECT_EQ(fs::status(folder.path / "journal").permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST(Journal, ThatAnOlderAgentWroteIsTaken) {
  const TemporaryFolder folder;
  sqlite3* db = nullptr;
  ASSERT_EQ(::sqlite3_open((folder.path / "journal").c_str(), &db), SQLITE_OK);
  ASSERT_EQ(::sqlite3_exec(db,
                           "CREATE TABLE leases (id INTEGER PRIMARY KEY, container TEXT NOT NULL, subnet TEXT NOT NULL,"
                           " job BLOB NOT NULL, token TEXT NOT NULL, go INTEGER NOT NULL, confirmed INTEGER NOT NULL,"
                           " exit_code INTEGER NOT NULL) STRICT;"
                           "INSERT INTO leases VALUES (7, 'c7', '', x'', 't', 1, 1, -1)",
                           nullptr, nullptr, nullptr),
            SQLITE_OK);
  ::sqlite3_close(db);
  JournalEntry entry{{7}, "c7", "", {}, "", "", true, true, -1};
  for (int start = 0; start < 2; ++start) {
    auto journal = Journal::open(folder.path / "journal");
    ASSERT_TRUE(journal) << journal.error().message;
    EXPECT_THAT((*journal)->entries().value(), ElementsAre(entry));
    entry.told = {1'700'000};
    ASSERT_TRUE((*journal)->save(entry));
  }
}

TEST(Journal, WhatIsNoDatabaseIsRefused) {
  const TemporaryFolder folder;
  std::ofstream(folder.path / "journal") << std::string(5000, 'x');
  const auto journal = Journal::open(folder.path / "journal");
  ASSERT_FALSE(journal);
  EXPECT_EQ(journal.error().code, ErrorCode::io);
}

}  // namespace
}  // namespace hanse::provider
