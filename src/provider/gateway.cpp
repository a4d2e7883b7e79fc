#include "provider/gateway.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <list>
#include <mutex>
#include <thread>

#include <libssh/libssh.h>
#include <libssh/server.h>

#include <spdlog/spdlog.h>

#include "base/caught.hpp"
#include "provider/gateway_connection.hpp"
#include "provider/gateway_key.hpp"

namespace hanse::provider {
namespace {

// AES-GCM alone: every OpenSSH since 6.2 has it, and it is several times faster here than ChaCha20-Poly1305, which
// OpenSSH would choose if it were offered, for the client's order decides.
constexpr const char* kCiphers = "aes128-gcm@openssh.com,aes256-gcm@openssh.com";
constexpr const char* kMacs = "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com";
constexpr const char* kKeyExchange =
    "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521";

/// OpenSSH's client tells only a server of that name when nobody reads its output any more (`ssh lease yes | head -1`).
constexpr const char* kBanner = "OpenSSH-compatible_hanse";

struct SshBindFree {
  void operator()(ssh_bind bind) const { ssh_bind_free(bind); }
};
using SshBind = std::unique_ptr<ssh_bind_struct, SshBindFree>;

Error system_error(const std::string& what) {
  return {ErrorCode::io, what + ": " + std::strerror(errno)};
}

Result<Descriptor> listen_on(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) {
    return fail(ErrorCode::invalid_argument, "'" + host + "' is no address to listen on: give one like 0.0.0.0 or ::");
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  Descriptor fd(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) {
    return std::unexpected(system_error("socket"));
  }
  if (::bind(fd.get(), found->ai_addr, found->ai_addrlen) != 0 || ::listen(fd.get(), 128) != 0) {
    return fail(errno == EADDRINUSE ? ErrorCode::conflict : ErrorCode::io,
                "cannot listen on port " + std::to_string(port) + " of " + host + ": " + std::strerror(errno) +
                    "; choose another ssh_port");
  }
  return fd;
}

std::uint16_t port_of(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

/// Small packets at once, and a peer that vanished is noticed within three minutes.
void tune(int fd) {
  const auto set = [fd](int level, int option, int value) {
    (void)::setsockopt(fd, level, option, &value, sizeof value);
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 60);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 30);
  set(IPPROTO_TCP, TCP_KEEPCNT, 4);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, 180'000);
}

Result<SshBind> make_bind(const crypto::KeyPair& host_key) {
  auto key = to_ssh_key(host_key);
  if (!key) return fail(key);
  SshBind bind(ssh_bind_new());
  const bool no_file = false;
  const bool good =
      bind && ssh_bind_options_set(bind.get(), SSH_BIND_OPTIONS_PROCESS_CONFIG, &no_file) == SSH_OK &&
      ssh_bind_options_set(bind.get(), SSH_BIND_OPTIONS_CIPHERS_C_S, kCiphers) == SSH_OK &&
      ssh_bind_options_set(bind.get(), SSH_BIND_OPTIONS_CIPHERS_S_C, kCiphers) == SSH_OK &&
      ssh_bind_options_set(bind.get(), SSH_BIND_OPTIONS_HMAC_C_S, kMacs) == SSH_OK &&
      ssh_bind_options_set(bind.get(), SSH_BIND_OPTIONS_HMAC_S_C, kMacs) == SSH_OK &&
      ssh_bind_options_set(bind.get(), SSH_BIND_OPTIONS_KEY_EXCHANGE, kKeyExchange) == SSH_OK &&
      ssh_bind_options_set(bind.get(), SSH_BIND_OPTIONS_HOSTKEY_ALGORITHMS, "ssh-ed25519") == SSH_OK &&
      ssh_bind_options_set(bind.get(), SSH_BIND_OPTIONS_PUBKEY_ACCEPTED_KEY_TYPES, "ssh-ed25519") == SSH_OK &&
      ssh_bind_options_set(bind.get(), SSH_BIND_OPTIONS_BANNER, kBanner) == SSH_OK;
  if (!good || ssh_bind_options_set(bind.get(), SSH_BIND_OPTIONS_IMPORT_KEY, key->get()) != SSH_OK) {
    return fail(ErrorCode::unsupported,
                std::string("this libssh cannot serve: ") + (bind ? ssh_get_error(bind.get()) : "out of memory"));
  }
  (void)key->release();  // The bind owns it now.
  return bind;
}

class SshGateway final : public Gateway {
 public:
  SshGateway(WorkContext context, GatewayOptions options, SshBind bind, Descriptor listener)
      : context_(std::move(context)),
        options_(std::move(options)),
        bind_(std::move(bind)),
        listener_(std::move(listener)),
        port_(port_of(listener_.get())),
        thread_([this] { accept_all(); }) {}

  ~SshGateway() override {
    stopping_ = true;
    wake_.signal();
    thread_.join();
    for (auto& guest : guests_) guest.connection->close();
    for (auto& guest : guests_) guest.thread.join();
  }

  [[nodiscard]] std::uint16_t port() const override { return port_; }

  void drop(model::LeaseId lease) override {
    const std::lock_guard lock(mutex_);
    for (auto& guest : guests_) {
      if (guest.lease == lease) guest.connection->close();
    }
  }

  bool has_guests(model::LeaseId lease) override {
    const std::lock_guard lock(mutex_);
    return std::any_of(guests_.begin(), guests_.end(),
                       [&](const auto& guest) { return guest.lease == lease && guest.connection->logged_in(); });
  }

  void tell(model::LeaseId lease, const std::string& line) override {
    const std::lock_guard lock(mutex_);
    for (auto& guest : guests_) {
      if (guest.lease == lease && guest.connection->logged_in()) guest.connection->tell(line);
    }
  }

 private:
  struct Guest {
    model::LeaseId lease;  ///< Whose key was asked for last.
    std::atomic<bool> gone = false;
    std::unique_ptr<Connection> connection;
    std::thread thread;
  };

  void accept_all();
  void admit(Descriptor socket);
  void reap();
  bool join(Guest& guest, model::LeaseId lease);
  void make_room();

  WorkContext context_;
  GatewayOptions options_;
  SshBind bind_;
  Descriptor listener_;
  std::uint16_t port_;
  Wake wake_;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::list<Guest> guests_;  ///< Guarded; oldest first. Only the accepting thread adds and removes.
  std::thread thread_;
};

void SshGateway::accept_all() {
  block_sigpipe();
  while (!stopping_) {
    std::array<pollfd, 2> fds{{{wake_.fd(), POLLIN, 0}, {listener_.get(), POLLIN, 0}}};
    if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) return;
    if (fds[0].revents != 0) wake_.clear();
    reap();
    if (stopping_ || fds[1].revents == 0) continue;
    Descriptor socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (socket) {
      static_cast<void>(caught([&] { admit(std::move(socket)); }));
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
      // Out of descriptors: poll() would return at once for ever. Wait until a connection ends, or a moment.
      pollfd wake{wake_.fd(), POLLIN, 0};
      (void)::poll(&wake, 1, 100);
    }
  }
}

void SshGateway::reap() {
  std::list<Guest> gone;
  {
    const std::lock_guard lock(mutex_);
    for (auto it = guests_.begin(); it != guests_.end();) {
      const auto next = std::next(it);
      if (it->gone) gone.splice(gone.end(), guests_, it);
      it = next;
    }
  }
  for (auto& guest : gone) guest.thread.join();
}

/// Strangers that only hold a connection may not keep lease holders out: when the house is full the oldest of them
/// goes.
void SshGateway::make_room() {
  const std::lock_guard lock(mutex_);
  if (guests_.size() < options_.max_connections) return;
  for (auto& guest : guests_) {
    if (!guest.connection->logged_in()) return guest.connection->close();
  }
}

void SshGateway::admit(Descriptor socket) {
  make_room();
  // Twice the number while those that were told to go are going; beyond that the newcomer is refused.
  if (guests_.size() >= options_.max_connections * std::size_t{2}) return;
  const auto logged_in =
      std::count_if(guests_.begin(), guests_.end(), [](const Guest& g) { return g.connection->logged_in(); });
  if (static_cast<std::size_t>(logged_in) >= options_.max_connections) return;
  tune(socket.get());
  SshSession session(ssh_new());
  if (!session || ssh_bind_accept_fd(bind_.get(), session.get(), socket.get()) != SSH_OK) return;
  (void)socket.release();  // The session's now.
  const std::lock_guard lock(mutex_);
  Guest& guest = guests_.emplace_back();
  guest.connection = std::make_unique<Connection>(context_, options_, std::move(session),
                                                  [this, &guest](model::LeaseId lease) { return join(guest, lease); });
  guest.thread = std::thread([this, &guest] {
    block_sigpipe();
    if (const auto ran = caught([&guest] { guest.connection->run(); }); !ran) {
      spdlog::error("gateway: a connection ended: {}", ran.error().message);
    }
    guest.gone = true;
    wake_.signal();
  });
}

bool SshGateway::join(Guest& guest, model::LeaseId lease) {
  const std::lock_guard lock(mutex_);
  guest.lease = lease;
  const auto others = std::count_if(guests_.begin(), guests_.end(), [&](const Guest& other) {
    return &other != &guest && other.lease == lease && other.connection->logged_in();
  });
  // One lease may hold a quarter of the house.
  return static_cast<std::size_t>(others) < std::max(options_.max_connections / 4, 1U);
}

}  // namespace

Result<std::unique_ptr<Gateway>> Gateway::start(const crypto::KeyPair& host_key, Engine& engine, LeaseHost& host,
                                                GatewayOptions options) {
  ssh_init();
  auto bind = make_bind(host_key);
  if (!bind) return fail(bind);
  auto listener = listen_on(options.host, options.port);
  if (!listener) return fail(listener);
  WorkContext context{&engine, &host, options.helper};
  return std::make_unique<SshGateway>(std::move(context), std::move(options), std::move(*bind), std::move(*listener));
}

}  // namespace hanse::provider
