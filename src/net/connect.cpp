#include "net/connect.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <mutex>
#include <thread>

namespace hanse::net {
namespace {

using Clock = std::chrono::steady_clock;

std::unexpected<Error> stopped() {
  return fail(ErrorCode::wrong_state, "interrupted");
}

enum class Woken { ready, stopped, late };

/// Until `fd` has the event, or sooner.
Woken await(int fd, short event, int stop_fd, Clock::time_point until) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    std::array<pollfd, 2> polls{{{fd, event, 0}, {stop_fd, POLLIN, 0}}};
    const int rc = ::poll(polls.data(), polls.size(), static_cast<int>(std::max<std::int64_t>(left, 0)));
    if (polls[1].revents != 0) return Woken::stopped;
    if (polls[0].revents != 0) return Woken::ready;
    if (rc == 0 || left <= 0) return Woken::late;
  }
}

/// What the asking thread and the waiting one share; whoever leaves last takes it along.
struct Question {
  Question() : answered(::eventfd(0, EFD_CLOEXEC)) {}
  ~Question() {
    if (answered >= 0) ::close(answered);
  }
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;

  void ask(const std::string& host, std::uint16_t port, int flags) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const int code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, [](addrinfo* a) {
      if (a != nullptr) ::freeaddrinfo(a);
    });
    const std::lock_guard lock(mutex);
    rc = code;
    for (const addrinfo* at = code == 0 ? found : nullptr; at != nullptr; at = at->ai_next) {
      if (at->ai_family != AF_INET && at->ai_family != AF_INET6) continue;
      std::memcpy(&addresses.emplace_back(), at->ai_addr, std::min<std::size_t>(at->ai_addrlen, sizeof(Address)));
    }
    (void)::eventfd_write(answered, 1);
  }

  const int answered;
  std::mutex mutex;
  int rc = 0;
  std::vector<Address> addresses;
};

Result<std::vector<Address>> answer_of(Question& question, const std::string& host) {
  const std::lock_guard lock(question.mutex);
  if (question.rc == 0 && !question.addresses.empty()) return question.addresses;
  if (question.rc == EAI_AGAIN || question.rc == EAI_SYSTEM || question.rc == EAI_MEMORY) {
    return fail(ErrorCode::unavailable, "the name server does not answer for " + host + ": is this machine online?");
  }
  return fail(ErrorCode::not_found, "there is no host named " + host);
}

}  // namespace

Result<std::vector<Address>> resolve(const std::string& host, std::uint16_t port, int timeout_ms, int stop_fd) {
  const auto question = std::make_shared<Question>();
  question->ask(host, port, AI_NUMERICHOST);  // an address needs no server and no thread
  if (question->rc == 0) return answer_of(*question, host);
  const auto named = std::make_shared<Question>();
  if (named->answered < 0) return fail(ErrorCode::io, std::string("cannot look up names: ") + std::strerror(errno));
  std::thread([named, host, port] { named->ask(host, port, 0); }).detach();
  switch (await(named->answered, POLLIN, stop_fd, Clock::now() + std::chrono::milliseconds(timeout_ms))) {
    case Woken::ready:
      return answer_of(*named, host);
    case Woken::stopped:
      return stopped();
    case Woken::late:
      break;
  }
  return fail(ErrorCode::timeout, "the name server does not answer for " + host + " in time: try again");
}

Result<int> connect(const std::vector<Address>& addresses, int timeout_ms, int stop_fd) {
  const auto share = std::chrono::milliseconds(timeout_ms) / std::max<std::size_t>(addresses.size(), 1);
  Error last{ErrorCode::unavailable, "no address to connect to"};
  for (const auto& address : addresses) {
    const int fd = ::socket(address.head.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return fail(ErrorCode::io, std::string("cannot open a socket: ") + std::strerror(errno));
    auto woken = Woken::ready;
    int why = ::connect(fd, &address.head, address.size()) == 0 ? 0 : errno;
    if (why == EINPROGRESS) {
      woken = await(fd, POLLOUT, stop_fd, Clock::now() + share);
      socklen_t size = sizeof why;
      if (woken == Woken::ready && ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &size) != 0) why = errno;
    }
    if (woken == Woken::ready && why == 0) return fd;
    ::close(fd);
    if (woken == Woken::stopped) return stopped();
    last = woken == Woken::late ? Error{ErrorCode::timeout, "no answer in time"}
                                : Error{ErrorCode::unavailable, std::strerror(why)};
  }
  return std::unexpected(last);
}

}  // namespace hanse::net
