#include "cli/ssh_client.hpp"

#include <libssh/server.h>  // ssh_send_keepalive
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/check.hpp"
#include "base/clock.hpp"
#include "client/wallet.hpp"
#include "model/text.hpp"
#include "net/connect.hpp"

namespace hanse::cli {
namespace {

struct KeyFree {
  void operator()(ssh_key key) const { ssh_key_free(key); }
};
using Key = std::unique_ptr<ssh_key_struct, KeyFree>;

constexpr int kAnswerMs = 60'000;   ///< For what a gateway answers at once.
constexpr int kAskMs = 15'000;      ///< After so much silence it is asked whether it is there ...
constexpr int kSilenceMs = 60'000;  ///< ... and after so much it is not.
constexpr std::size_t kMaxComplaint = 4096;

/// "host:port" or "[v6]:port".
Result<std::pair<std::string, std::uint16_t>> split_endpoint(const std::string& endpoint) {
  const auto colon = endpoint.rfind(':');
  unsigned port = 0;
  if (colon != std::string::npos) {
    for (const char c : endpoint.substr(colon + 1)) {
      port = c >= '0' && c <= '9' && port <= 65535 ? port * 10 + static_cast<unsigned>(c - '0') : 65536;
    }
  }
  std::string host = endpoint.substr(0, colon == std::string::npos ? 0 : colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (host.empty() || port == 0 || port > 65535) {
    return fail(ErrorCode::malformed,
                "the provider's endpoint \"" + endpoint + "\" is not host:port; tell the provider");
  }
  return std::pair{host, static_cast<std::uint16_t>(port)};
}

/// A connection whose other end vanished is noticed within half a minute, also while something waits to be sent.
void keep_alive(int fd) {
  const auto set = [fd](int level, int name, int value) { (void)::setsockopt(fd, level, name, &value, sizeof value); };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 10);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 5);
  set(IPPROTO_TCP, TCP_KEEPCNT, 4);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, 30'000);
  set(IPPROTO_TCP, TCP_NODELAY, 1);
}

Result<> check_host_key(ssh_session session, const std::string& endpoint, const crypto::PublicKey& expected) {
  ssh_key raw = nullptr;
  if (ssh_get_server_publickey(session, &raw) != SSH_OK) {
    return fail(ErrorCode::denied, endpoint + " shows no host key; do not trust it");
  }
  const Key key(raw);
  char* text = nullptr;
  if (ssh_pki_export_pubkey_base64(key.get(), &text) != SSH_OK) {
    return fail(ErrorCode::denied, endpoint + " shows a host key that cannot be read; do not trust it");
  }
  const std::string shown = std::string(ssh_key_type_to_char(ssh_key_type(key.get()))) + " " + text;
  ssh_string_free_char(text);
  if (shown != client::format_ssh_public_key(expected)) {
    return fail(ErrorCode::denied, endpoint +
                                       " shows another host key than the ledger has for this provider: "
                                       "somebody may be in between. Nothing was sent");
  }
  return {};
}

}  // namespace

void SshSessionFree::operator()(ssh_session session) const {
  ssh_disconnect(session);
  ssh_free(session);
}

void SshChannelFree::operator()(ssh_channel channel) const {
  if (ssh_channel_is_open(channel) != 0) ssh_channel_close(channel);
  ssh_channel_free(channel);
}

/// libssh closes a socket that it was given when the connection breaks, and leaves it open when it is ended: closing
/// what is closed would close whatever has its number by then.
SshSession::~SshSession() {
  const int left = session_ && is_connected() ? fd() : -1;
  session_.reset();
  if (left >= 0) ::close(left);
}

/// One step after the other until one no longer says "again".
template <class Step>
Result<int> SshSession::complete(Step&& step, int timeout_ms, const std::string& doing) {
  const auto until = system_clock().monotonic_ms() + timeout_ms;
  while (true) {
    if (stopped()) return fail(ErrorCode::wrong_state, "interrupted");
    const int rc = step();
    if (rc != SSH_AGAIN) return rc;
    const auto left = until - system_clock().monotonic_ms();
    if (left <= 0) return fail(ErrorCode::timeout, endpoint_ + ": " + doing + " took too long");
    if (auto waited = wait(static_cast<int>(left)); !waited) return fail(waited);
  }
}

Error SshSession::lost(const std::string& doing) const {
  const char* why = session_ ? ssh_get_error(session_.get()) : "";
  return {ErrorCode::unavailable,
          endpoint_ + ": " + doing + " failed" + (why != nullptr && *why != 0 ? ": " + std::string(why) : "")};
}

Result<std::unique_ptr<SshSession>> SshSession::connect(const std::string& endpoint, const crypto::PublicKey& host_key,
                                                        const StopSource& stop, int timeout_ms) {
  const auto where = split_endpoint(endpoint);
  if (!where) return fail(where);
  std::unique_ptr<SshSession> self(new SshSession(stop));
  self->endpoint_ = endpoint;
  self->session_.reset(ssh_new());
  HANSE_CHECK(self->session_ != nullptr);
  if (auto opened = self->open_transport(where->first, where->second, timeout_ms); !opened) return fail(opened);
  ssh_session session = self->session_.get();
  const auto rc = self->complete([&] { return ssh_connect(session); }, timeout_ms, "the key exchange");
  if (!rc) return fail(rc);
  if (*rc != SSH_OK) return std::unexpected(self->lost("connecting"));
  const auto checked = check_host_key(session, endpoint, host_key);
  if (!checked) return fail(checked);
  return self;
}

/// The socket, and libssh's settings: nothing but what stands here.
Result<> SshSession::open_transport(const std::string& host, std::uint16_t port, int timeout_ms) {
  const auto addresses = net::resolve(host, port, timeout_ms, stop_->fd());
  if (!addresses)
    return fail(addresses.error().code == ErrorCode::wrong_state ? ErrorCode::wrong_state : ErrorCode::unavailable,
                endpoint_ + ": " + addresses.error().message);
  const auto fd = net::connect(*addresses, timeout_ms, stop_->fd());
  if (!fd) return fail(fd.error().code, endpoint_ + ": connecting failed: " + fd.error().message);
  keep_alive(*fd);
  ssh_session session = session_.get();
  const unsigned port_option = port;
  const int no = 0;
  // AES-GCM is several times faster than the default where the processor knows AES, which is nearly everywhere.
  const char* ciphers = "aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes256-ctr";
  const bool set =
      ssh_options_set(session, SSH_OPTIONS_FD, &*fd) == SSH_OK &&
      ssh_options_set(session, SSH_OPTIONS_PROCESS_CONFIG, &no) == SSH_OK &&
      ssh_options_set(session, SSH_OPTIONS_HOST, host.c_str()) == SSH_OK &&
      ssh_options_set(session, SSH_OPTIONS_PORT, &port_option) == SSH_OK &&
      ssh_options_set(session, SSH_OPTIONS_USER, "hanse") == SSH_OK &&  // the login names the lease
      ssh_options_set(session, SSH_OPTIONS_HOSTKEYS, "ssh-ed25519") == SSH_OK &&
      ssh_options_set(session, SSH_OPTIONS_KEY_EXCHANGE, "curve25519-sha256,curve25519-sha256@libssh.org") == SSH_OK &&
      ssh_options_set(session, SSH_OPTIONS_CIPHERS_C_S, ciphers) == SSH_OK &&
      ssh_options_set(session, SSH_OPTIONS_CIPHERS_S_C, ciphers) == SSH_OK;
  if (!set) {
    return fail(ErrorCode::internal, std::string("libssh refuses an option: ") + ssh_get_error(session));
  }
  ssh_set_blocking(session, 0);
  heard_at_ms_ = system_clock().monotonic_ms();
  return {};
}

Result<> SshSession::login(model::LeaseId lease, const std::filesystem::path& key_file) {
  ssh_key raw = nullptr;
  if (ssh_pki_import_privkey_file(key_file.c_str(), nullptr, nullptr, nullptr, &raw) != SSH_OK) {
    return fail(ErrorCode::io, key_file.string() + ": not a readable OpenSSH private key");
  }
  const Key key(raw);
  const std::string user = model::format_id(lease);
  const auto step = [&] {
    const int rc = ssh_userauth_publickey(session_.get(), user.c_str(), key.get());
    return rc == SSH_AUTH_AGAIN ? SSH_AGAIN : rc;
  };
  const auto rc = complete(step, kAnswerMs, "logging in");
  if (!rc) return fail(rc);
  if (*rc == SSH_AUTH_SUCCESS) return {};
  if (*rc == SSH_AUTH_ERROR) return std::unexpected(lost("logging in"));
  return fail(ErrorCode::denied,
              endpoint_ + " does not let this key into " + user +
                  ": the lease has ended, or was made with another access key; 'hanse ps' lists yours");
}

Result<std::unique_ptr<SshChannel>> SshSession::subsystem(const std::string& name) {
  auto channel = std::make_unique<SshChannel>(*this, ssh_channel_new(session_.get()));
  const ssh_channel raw = channel->raw();
  const auto opened = complete([&] { return ssh_channel_open_session(raw); }, kAnswerMs, "opening a channel");
  if (!opened) return fail(opened);
  if (*opened != SSH_OK) return std::unexpected(lost("opening a channel"));
  const std::string starting = "starting " + name;
  const auto started = complete([&] { return ssh_channel_request_subsystem(raw, name.c_str()); }, kAnswerMs, starting);
  if (!started) return fail(started);
  if (*started != SSH_OK) return std::unexpected(lost(starting));
  return channel;
}

Result<std::unique_ptr<SshChannel>> SshSession::forward(std::uint16_t port) {
  auto channel = std::make_unique<SshChannel>(*this, ssh_channel_new(session_.get()));
  const ssh_channel raw = channel->raw();
  const std::string doing = "forwarding to port " + std::to_string(port);
  const auto step = [&] { return ssh_channel_open_forward(raw, "127.0.0.1", port, "127.0.0.1", 0); };
  const auto opened = complete(step, kAnswerMs, doing);
  if (!opened) return fail(opened);
  if (*opened != SSH_OK) return std::unexpected(lost(doing));
  return channel;
}

bool SshSession::is_connected() const {
  return ssh_is_connected(session_.get()) != 0;
}

Result<> SshSession::wait(int timeout_ms) {
  if (!is_connected()) return std::unexpected(lost("the connection"));
  const auto flags = ssh_get_poll_flags(session_.get());
  const auto events = static_cast<short>(POLLIN | ((flags & SSH_WRITE_PENDING) != 0 ? POLLOUT : 0));
  std::array<pollfd, 2> polls{{{fd(), events, 0}, {stop_->fd(), POLLIN, 0}}};
  const int longest = timeout_ms < 0 ? kAskMs : std::min(timeout_ms, kAskMs);
  (void)::poll(polls.data(), polls.size(), longest);
  if (polls[1].revents != 0) return fail(ErrorCode::wrong_state, "interrupted");
  return tick((polls[0].revents & POLLIN) != 0);
}

Result<> SshSession::tick(bool has_come) {
  const auto now = system_clock().monotonic_ms();
  if (has_come) heard_at_ms_ = now;
  if (now - heard_at_ms_ >= kSilenceMs) {
    return fail(ErrorCode::unavailable, endpoint_ + " has said nothing for a minute");
  }
  if (now - std::max(heard_at_ms_, asked_at_ms_) >= kAskMs) {
    asked_at_ms_ = now;
    (void)ssh_send_keepalive(session_.get());
  }
  return {};
}

Result<> SshChannel::write(ByteView bytes) {
  while (!bytes.empty()) {
    const auto chunk = static_cast<std::uint32_t>(std::min<std::size_t>(bytes.size(), 1 << 20));
    const int n = ssh_channel_write(channel_.get(), bytes.data(), chunk);
    if (n < 0 && n != SSH_AGAIN) return std::unexpected(session_.lost("sending"));
    if (n > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(n));
      continue;
    }
    if (ssh_channel_is_closed(channel_.get()) != 0) {
      hear_complaints();
      return fail(ErrorCode::unavailable,
                  "the machine takes no more" + (complaint().empty() ? "" : ": " + complaint()));
    }
    if (auto waited = session_.wait(-1); !waited) return waited;
  }
  return {};
}

Result<> SshChannel::end_input() {
  const auto sent = session_.complete([&] { return ssh_channel_send_eof(channel_.get()); }, kAnswerMs, "sending");
  if (!sent) return fail(sent);
  if (*sent != SSH_OK) return std::unexpected(session_.lost("sending"));
  return {};
}

/// Unread it would keep the channel from ever being at its end, and in time close its window.
void SshChannel::hear_complaints() {
  std::array<std::uint8_t, 4096> buffer;
  while (true) {
    const int n = ssh_channel_read_nonblocking(channel_.get(), buffer.data(), buffer.size(), 1);
    if (n <= 0) return;
    const auto room = kMaxComplaint - std::min(complaint_.size(), kMaxComplaint);
    complaint_.append(reinterpret_cast<const char*>(buffer.data()), std::min(static_cast<std::size_t>(n), room));
  }
}

std::string SshChannel::complaint() const {
  std::string line = complaint_;
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line.starts_with("hanse: ") ? line.substr(7) : line;
}

Result<std::size_t> SshChannel::read_now(std::uint8_t* out, std::size_t size) {
  hear_complaints();
  const int n = ssh_channel_read_nonblocking(channel_.get(), out, static_cast<std::uint32_t>(size), 0);
  if (n == SSH_ERROR) return std::unexpected(session_.lost("the connection"));
  if (n <= 0) return 0;  // SSH_EOF and SSH_AGAIN are nothing now
  session_.heard_at_ms_ = system_clock().monotonic_ms();
  return static_cast<std::size_t>(n);
}

Result<std::size_t> SshChannel::read(std::uint8_t* out, std::size_t size, int timeout_ms) {
  const auto until = system_clock().monotonic_ms() + timeout_ms;
  while (true) {
    const auto n = read_now(out, size);
    if (!n || *n > 0 || at_end()) return n;
    const auto left = timeout_ms < 0 ? -1 : std::max<std::int64_t>(until - system_clock().monotonic_ms(), 0);
    if (left == 0) return fail(ErrorCode::timeout, "the machine has nothing to say for now");
    if (auto waited = session_.wait(static_cast<int>(left)); !waited) return fail(waited);
  }
}

bool SshChannel::at_end() const {
  return ssh_channel_is_eof(channel_.get()) != 0 || ssh_channel_is_closed(channel_.get()) != 0;
}

}  // namespace hanse::cli
