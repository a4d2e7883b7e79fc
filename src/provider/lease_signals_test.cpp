#include "provider/lease_signals.hpp"

#include <spawn.h>
#include <sys/wait.h>

#include <array>
#include <atomic>
#include <csignal>
#include <string>
#include <thread>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "provider/testing/leftovers.hpp"

namespace hanse::provider {
namespace {

pid_t start(std::array<const char*, 4> command, const std::string& session) {
  const std::string mark = std::string(kSessionVariable) + "=" + session;
  std::array<char*, 2> environment{const_cast<char*>(mark.c_str()), nullptr};
  posix_spawnattr_t own_session;
  ::posix_spawnattr_init(&own_session);
  ::posix_spawnattr_setflags(&own_session, POSIX_SPAWN_SETSID);
  pid_t pid = 0;
  const int bad = ::posix_spawn(&pid, command[0], nullptr, &own_session, const_cast<char* const*>(command.data()),
                                environment.data());
  ::posix_spawnattr_destroy(&own_session);
  return bad == 0 ? pid : -1;
}

int status_of(pid_t pid) {
  int status = -1;
  ::waitpid(pid, &status, 0);
  return status;
}

TEST(LeaseSignals, EndsTheSessionThatBearsTheMarkAndNoOther) {
  const pid_t ours = start({"/bin/sleep", "1000", nullptr}, "a-mark"),
              other = start({"/bin/sleep", "1000", nullptr}, "b");
  hang_up_session("a-mark");
  const int status = status_of(ours);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP);
  EXPECT_EQ(::waitpid(other, nullptr, WNOHANG), 0) << "still runs";
  ::kill(other, SIGKILL);
  status_of(other);
}

// A process that ends between the opening of its /proc file and the reading once took the whole agent with it.
TEST(LeaseSignals, ProcessesThatEndWhileTheyAreLookedAtDoNoHarm) {
  std::atomic<bool> stop = false;
  std::thread looking([&] {
    while (!stop) hang_up_session("nobody");
  });
  for (int i = 0; i < 1500; ++i) status_of(start({"/bin/true", nullptr}, "x"));
  stop = true;
  looking.join();
}

TEST(LeaseSignals, TerminatesChildrenAndTheirsButNeitherTheAncestorNorWhoIsSpared) {
  const auto folder = testing::make_test_folder("signals");
  const std::string family =
      "cd " + folder.string() +
      "; sh -c 'while :; do sleep 1000; done' the-spared & echo $! >spared; "
      "sh -c 'sleep 1000; exit 1' & echo >ready; wait $!; test $? = 143 && echo >told; sleep 1000";
  const pid_t ancestor = start({"/bin/sh", "-c", family.c_str(), nullptr}, "x");
  const pid_t other = start({"/bin/sleep", "1000", nullptr}, "y");
  const auto appears = [&](const char* name) {
    while (!std::filesystem::exists(folder / name)) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  };
  appears("ready");
  terminate_descendants(ancestor, "the-spared");
  appears("told");
  pid_t spared = 0;
  std::ifstream(folder / "spared") >> spared;
  ASSERT_GT(spared, 0);
  EXPECT_EQ(::kill(spared, 0), 0);
  for (const pid_t pid : {ancestor, other}) {
    EXPECT_EQ(::waitpid(pid, nullptr, WNOHANG), 0) << "still runs";
    ::kill(-pid, SIGKILL);
    status_of(pid);
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace hanse::provider
