#include "cli/forwarder.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

namespace hanse::cli {
namespace {

constexpr std::size_t kMaxConnections = 24;  // the gateway takes 32 channels of one session

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

}  // namespace

/// One accepted socket and its channel. Bytes that the socket does not take yet wait in `to_socket`, and the channel
/// is not read meanwhile: its window closes and the other side stops.
struct Forwarder::Connection {
  int fd = -1;
  std::unique_ptr<SshChannel> channel;
  Bytes to_socket;
  bool socket_ended = false, channel_ended = false;
  ~Connection() {
    if (fd >= 0) ::close(fd);
  }
};

Forwarder::Forwarder(const StopSource& outer) : stop_(&outer) {}

Result<PortPair> parse_ports(const std::string& text) {
  const auto colon = text.find(':');
  const auto local = parse_port(std::string_view(text).substr(0, colon));
  const auto remote = colon == std::string::npos ? local : parse_port(std::string_view(text).substr(colon + 1));
  if (!local || !remote) {
    return fail(ErrorCode::invalid_argument, "\"" + text +
                                                 "\" is not a port: 8888, or 8080:80 for port 8080 here and 80 "
                                                 "in the lease");
  }
  return PortPair{*local, *remote};
}

Result<std::unique_ptr<Forwarder>> Forwarder::start(std::unique_ptr<SshSession> session, std::vector<PortPair> ports,
                                                    const StopSource& outer) {
  std::unique_ptr<Forwarder> self(new Forwarder(outer));
  self->session_ = std::move(session);
  self->session_->set_stop(self->stop_);
  for (auto& pair : ports) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return fail(ErrorCode::io, std::string("cannot open a socket: ") + std::strerror(errno));
    self->listeners_.push_back(fd);
    const int yes = 1;
    (void)::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(pair.local);
    socklen_t size = sizeof address;
    if (::bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(fd, 16) != 0 ||
        ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      return fail(ErrorCode::conflict, "port " + std::to_string(pair.local) +
                                           " of this machine cannot be listened on: " + std::strerror(errno) +
                                           "; 'hanse forward LEASE OTHER:" + std::to_string(pair.remote) +
                                           "' takes another");
    }
    pair.local = ntohs(address.sin_port);
  }
  self->ports_ = std::move(ports);
  self->thread_ = std::thread([raw = self.get()] { raw->serve(); });
  return self;
}

Forwarder::~Forwarder() {
  stop_.stop();
  if (thread_.joinable()) thread_.join();
  connections_.clear();
  for (const int fd : listeners_) ::close(fd);
}

void Forwarder::accept_new() {
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    while (connections_.size() < kMaxConnections) {
      const int fd = ::accept4(listeners_[i], nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (fd < 0) break;
      auto connection = std::make_unique<Connection>();
      connection->fd = fd;
      auto channel = session_->forward(ports_[i].remote);
      if (!channel) continue;  // nobody listens there: the local connection just ends, as it would there
      connection->channel = std::move(*channel);
      connections_.push_back(std::move(connection));
    }
  }
}

/// Moves what can be moved; false once both directions have ended.
bool Forwarder::pump(Connection& c) {
  std::array<std::uint8_t, 32 * 1024> buffer;
  while (!c.socket_ended) {
    const std::size_t room = std::min<std::size_t>(buffer.size(), ssh_channel_window_size(c.channel->raw()));
    if (room == 0) break;
    const ssize_t n = ::read(c.fd, buffer.data(), room);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) break;
    if (n <= 0) {
      c.socket_ended = true;
      (void)c.channel->end_input();
      break;
    }
    if (!c.channel->write({buffer.data(), static_cast<std::size_t>(n)})) return false;
  }
  while (!c.channel_ended || !c.to_socket.empty()) {
    if (!c.to_socket.empty()) {
      const ssize_t n = ::send(c.fd, c.to_socket.data(), c.to_socket.size(), MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN) return true;
      if (n < 0) return false;
      c.to_socket.erase(c.to_socket.begin(), c.to_socket.begin() + n);
      continue;
    }
    const auto got = c.channel->read_now(buffer.data(), buffer.size());
    if (!got) return false;
    if (*got > 0) {
      c.to_socket.assign(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*got));
    } else if (c.channel->at_end()) {
      c.channel_ended = true;
      ::shutdown(c.fd, SHUT_WR);
    } else {
      break;
    }
  }
  return !(c.socket_ended && c.channel_ended) && ssh_channel_is_closed(c.channel->raw()) == 0;
}

void Forwarder::serve() {
  while (session_->is_connected()) {
    std::vector<pollfd> polls{{stop_.fd(), POLLIN, 0}, {session_->fd(), POLLIN, 0}};
    for (const int fd : listeners_) {
      polls.push_back({fd, static_cast<short>(connections_.size() < kMaxConnections ? POLLIN : 0), 0});
    }
    for (const auto& c : connections_) {
      const bool can_read = !c->socket_ended && ssh_channel_window_size(c->channel->raw()) > 0;
      polls.push_back({c->fd, static_cast<short>((can_read ? POLLIN : 0) | (c->to_socket.empty() ? 0 : POLLOUT)), 0});
    }
    (void)::poll(polls.data(), polls.size(), 1000);
    if (polls[0].revents != 0 || !session_->tick((polls[1].revents & POLLIN) != 0)) break;
    accept_new();
    std::erase_if(connections_, [&](const auto& c) { return !pump(*c); });
  }
  alive_ = false;
}

}  // namespace hanse::cli
