#include "provider/gateway_hangup.hpp"

#include <spawn.h>
#include <sys/wait.h>

#include <array>
#include <atomic>
#include <csignal>
#include <string>
#include <thread>

#include <gtest/gtest.h>

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

TEST(GatewayHangup, EndsTheSessionThatBearsTheMarkAndNoOther) {
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
TEST(GatewayHangup, ProcessesThatEndWhileTheyAreLookedAtDoNoHarm) {
  std::atomic<bool> stop = false;
  std::thread looking([&] {
    while (!stop) hang_up_session("nobody");
  });
  for (int i = 0; i < 1500; ++i) status_of(start({"/bin/true", nullptr}, "x"));
  stop = true;
  looking.join();
}

}  // namespace
}  // namespace hanse::provider
