#include "provider/namespace_helper.hpp"

#include <arpa/inet.h>
#include <linux/close_range.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "provider/descriptor.hpp"
#include "provider/device_probe.hpp"
#include "provider/namespace_enter.hpp"
#include "provider/scp_server.hpp"
#include "provider/sftp_server.hpp"

namespace hanse::provider {
namespace {

constexpr int kUsage = 2, kFailed = 1;
constexpr std::size_t kMoveBytes = 256 * 1024;

int complain(const std::string& message) {
  std::fprintf(stderr, "hanse: %s\n", message.c_str());
  return kFailed;
}

Descriptor connect_local(std::uint16_t port) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (socket && ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&v4), sizeof v4) == 0) return socket;
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  v6.sin6_addr = in6addr_loopback;
  const int refused = errno;
  socket = Descriptor(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (socket && ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&v6), sizeof v6) == 0) return socket;
  errno = refused;
  return {};
}

/// One direction of a forward, to its end. Copied and not spliced: a splice that waits for the socket holds the pipe's
/// lock, and the gateway at the other end of the pipe would wait with it, non-blocking or not.
void move_all(int from, int to) {
  const auto buffer = std::make_unique_for_overwrite<std::uint8_t[]>(kMoveBytes);
  while (true) {
    const ssize_t n = ::read(from, buffer.get(), kMoveBytes);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0 || !write_all(to, {buffer.get(), static_cast<std::size_t>(n)})) return;
  }
}

/// Joins stdin and stdout to the socket; each direction ends by itself, as in TCP. In two processes, because each may
/// block on its own slow side.
int join_streams(int socket) {
  const pid_t upward = ::fork();
  if (upward < 0) return complain("cannot fork: the lease's limit of processes is reached");
  if (upward == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(STDOUT_FILENO);
    ::close(STDERR_FILENO);
    move_all(STDIN_FILENO, socket);
    ::shutdown(socket, SHUT_WR);
    ::_exit(0);
  }
  ::close(STDIN_FILENO);
  move_all(socket, STDOUT_FILENO);
  // The client learns of the end only when nobody holds stdout; input may still flow the other way.
  ::close(STDOUT_FILENO);
  ::close(STDERR_FILENO);
  wait_process(upward);
  return 0;
}

int connect_port(std::uint16_t port) {
  const Descriptor socket = connect_local(port);
  if (!socket)
    return complain("nothing answers on port " + std::to_string(port) + " of the lease: " + std::strerror(errno));
  const int on = 1;
  (void)::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return join_streams(socket.get());
}

void go_to_workspace() {
  if (::chdir("/workspace") != 0) (void)!::chdir("/");
  ::umask(022);
}

template <class Number>
bool parse(std::string_view text, Number& value) {
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), value);
  return bad == std::errc() && end == text.data() + text.size() && value > 0;
}

/// What is to be done inside, by the arguments; empty if they ask for nothing.
std::function<int()> parse_work(int count, const char* const* arguments) {
  const std::string_view what = count > 0 ? arguments[0] : "";
  std::uint16_t port = 0;
  if (what == "devices" && count >= 3) {
    const std::string cuda = arguments[2];
    const std::vector<std::string> nodes(arguments + 3, arguments + count);
    load_for_devices();
    return [cuda, nodes] { return print_devices(cuda, nodes); };
  }
  if (what == "sftp" && count == 2) return [] { return serve_sftp(STDIN_FILENO, STDOUT_FILENO); };
  if (what == "connect" && count == 3 && parse(arguments[2], port)) return [port] { return connect_port(port); };
  const auto copy = what == "scp" && count == 3 ? parse_scp_command(arguments[2]) : std::nullopt;
  if (!copy) return {};
  return [copy] { return serve_scp(*copy, STDIN_FILENO, STDOUT_FILENO); };
}

/// In the container, as a process of its pid namespace; our own process stays outside, waits, and passes the end on.
int run_inside(const std::function<int()>& work) {
  const pid_t child = ::fork();
  if (child < 0) return complain("cannot fork: the lease's limit of processes is reached");
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::prctl(PR_SET_DUMPABLE, 0);
    std::signal(SIGPIPE, SIG_IGN);
    go_to_workspace();
    ::_exit(work());
  }
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::close(fd);
  const int status = wait_process(child);
  if (!WIFSIGNALED(status)) return WEXITSTATUS(status);
  std::signal(WTERMSIG(status), SIG_DFL);
  ::raise(WTERMSIG(status));
  return kFailed;
}

}  // namespace

int run_namespace_helper(int count, const char* const* arguments) {
  pid_t pid = 0;
  const auto work = parse_work(count, arguments);
  if (!work || !parse(arguments[1], pid)) {
    std::fprintf(
        stderr,
        "usage: hanse namespace-helper sftp PID | scp PID COMMAND | connect PID PORT | devices PID CUDA NODE...   "
        "(started by the agent)\n");
    return kUsage;
  }
  constexpr int kInheritedProcess = 3;
  if (const auto entered = enter_container(pid, kInheritedProcess); !entered) return complain(entered.error().message);
  ::close_range(3, ~0U, 0);
  return run_inside(work);
}

}  // namespace hanse::provider
