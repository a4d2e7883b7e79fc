#include "cli/ssh_client.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "base/check.hpp"
#include "base/clock.hpp"
#include "client/wallet.hpp"
#include "model/text.hpp"

namespace hanse::cli {
namespace {

struct KeyFree {
  void operator()(ssh_key key) const { ssh_key_free(key); }
};
using Key = std::unique_ptr<ssh_key_struct, KeyFree>;

/// "host:port" or "[v6]:port".
Result<std::pair<std::string, unsigned>> split_endpoint(const std::string& endpoint) {
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
  return std::pair{host, port};
}

/// A connection whose other end vanished is noticed within half a minute.
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

Error SshSession::lost(const std::string& doing) const {
  const char* why = session_ ? ssh_get_error(session_.get()) : "";
  return {ErrorCode::unavailable,
          endpoint_ + ": " + doing + " failed" + (why != nullptr && *why != 0 ? ": " + std::string(why) : "")};
}

Result<std::unique_ptr<SshSession>> SshSession::connect(const std::string& endpoint, const crypto::PublicKey& host_key,
                                                        std::uint32_t timeout_ms) {
  const auto where = split_endpoint(endpoint);
  if (!where) return fail(where);
  std::unique_ptr<SshSession> self(new SshSession());
  self->endpoint_ = endpoint;
  self->session_.reset(ssh_new());
  HANSE_CHECK(self->session_ != nullptr);
  ssh_session session = self->session_.get();
  const long seconds = timeout_ms / 1000;
  const long micros = static_cast<long>(timeout_ms % 1000) * 1000;
  const int no = 0, yes = 1;
  const bool set =
      ssh_options_set(session, SSH_OPTIONS_PROCESS_CONFIG, &no) == SSH_OK &&  // nothing but what stands here
      ssh_options_set(session, SSH_OPTIONS_HOST, where->first.c_str()) == SSH_OK &&
      ssh_options_set(session, SSH_OPTIONS_PORT, &where->second) == SSH_OK &&
      ssh_options_set(session, SSH_OPTIONS_USER, "hanse") == SSH_OK &&  // the login names the lease
      ssh_options_set(session, SSH_OPTIONS_HOSTKEYS, "ssh-ed25519") == SSH_OK &&
      ssh_options_set(session, SSH_OPTIONS_KEY_EXCHANGE, "curve25519-sha256,curve25519-sha256@libssh.org") == SSH_OK &&
      ssh_options_set(session, SSH_OPTIONS_TIMEOUT, &seconds) == SSH_OK &&
      ssh_options_set(session, SSH_OPTIONS_TIMEOUT_USEC, &micros) == SSH_OK &&
      ssh_options_set(session, SSH_OPTIONS_NODELAY, &yes) == SSH_OK;
  // AES-GCM is several times faster than the default where the processor knows AES, which is nearly everywhere.
  const char* ciphers = "aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes256-ctr";
  if (!set || ssh_options_set(session, SSH_OPTIONS_CIPHERS_C_S, ciphers) != SSH_OK ||
      ssh_options_set(session, SSH_OPTIONS_CIPHERS_S_C, ciphers) != SSH_OK) {
    return fail(ErrorCode::internal, std::string("libssh refuses an option: ") + ssh_get_error(session));
  }
  if (ssh_connect(session) != SSH_OK) return std::unexpected(self->lost("connecting"));
  keep_alive(ssh_get_fd(session));
  const auto checked = check_host_key(session, endpoint, host_key);
  if (!checked) return fail(checked);
  return self;
}

Result<> SshSession::login(model::LeaseId lease, const std::filesystem::path& key_file) {
  ssh_key raw = nullptr;
  if (ssh_pki_import_privkey_file(key_file.c_str(), nullptr, nullptr, nullptr, &raw) != SSH_OK) {
    return fail(ErrorCode::io, key_file.string() + ": not a readable OpenSSH private key");
  }
  const Key key(raw);
  const std::string user = model::format_id(lease);
  const int rc = ssh_userauth_publickey(session_.get(), user.c_str(), key.get());
  if (rc == SSH_AUTH_SUCCESS) return {};
  if (rc == SSH_AUTH_ERROR) return std::unexpected(lost("logging in"));
  return fail(ErrorCode::denied,
              endpoint_ + " does not let this key into " + user +
                  ": the lease has ended, or was made with another access key; 'hanse ps' lists yours");
}

Result<std::unique_ptr<SshChannel>> SshSession::opened(ssh_channel raw, const std::string& doing) {
  auto channel = std::make_unique<SshChannel>(raw);
  if (ssh_channel_open_session(raw) != SSH_OK) return std::unexpected(lost(doing));
  return channel;
}

Result<std::unique_ptr<SshChannel>> SshSession::subsystem(const std::string& name) {
  auto channel = opened(ssh_channel_new(session_.get()), "opening a channel");
  if (!channel) return channel;
  if (ssh_channel_request_subsystem((*channel)->raw(), name.c_str()) != SSH_OK) {
    return std::unexpected(lost("starting " + name));
  }
  return channel;
}

Result<std::unique_ptr<SshChannel>> SshSession::exec(const std::string& command) {
  auto channel = opened(ssh_channel_new(session_.get()), "opening a channel");
  if (!channel) return channel;
  if (ssh_channel_request_exec((*channel)->raw(), command.c_str()) != SSH_OK) {
    return std::unexpected(lost("starting the command"));
  }
  return channel;
}

Result<std::unique_ptr<SshChannel>> SshSession::forward(std::uint16_t port) {
  auto channel = std::make_unique<SshChannel>(ssh_channel_new(session_.get()));
  if (ssh_channel_open_forward(channel->raw(), "127.0.0.1", port, "127.0.0.1", 0) != SSH_OK) {
    return std::unexpected(lost("forwarding to port " + std::to_string(port)));
  }
  return channel;
}

int SshSession::fd() const {
  return ssh_get_fd(session_.get());
}

bool SshSession::is_connected() const {
  return ssh_is_connected(session_.get()) != 0;
}

bool SshSession::wait(int other_fd, int timeout_ms) const {
  std::array<pollfd, 2> polls{{{fd(), POLLIN, 0}, {other_fd, POLLIN, 0}}};
  (void)::poll(polls.data(), other_fd < 0 ? 1 : 2, timeout_ms);
  return other_fd >= 0 && polls[1].revents != 0;
}

Result<> SshChannel::write(ByteView bytes) {
  while (!bytes.empty()) {
    const auto chunk = static_cast<std::uint32_t>(std::min<std::size_t>(bytes.size(), 1 << 20));
    const int n = ssh_channel_write(channel_.get(), bytes.data(), chunk);
    if (n <= 0) return fail(ErrorCode::unavailable, "the connection to the machine broke off");
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

Result<> SshChannel::end_input() {
  if (ssh_channel_send_eof(channel_.get()) != SSH_OK) {
    return fail(ErrorCode::unavailable, "the connection to the machine broke off");
  }
  return {};
}

Result<std::size_t> SshChannel::read_now(std::uint8_t* out, std::size_t size, bool is_stderr) {
  const int n = ssh_channel_read_nonblocking(channel_.get(), out, static_cast<std::uint32_t>(size), is_stderr ? 1 : 0);
  if (n == SSH_ERROR) return fail(ErrorCode::unavailable, "the connection to the machine broke off");
  return n > 0 ? static_cast<std::size_t>(n) : 0;  // SSH_EOF and SSH_AGAIN are nothing now
}

Result<std::size_t> SshChannel::read(std::uint8_t* out, std::size_t size) {
  while (true) {
    const auto n = read_now(out, size);
    if (!n || *n > 0 || at_end()) return n;
    pollfd poll_fd{ssh_get_fd(ssh_channel_get_session(channel_.get())), POLLIN, 0};
    (void)::poll(&poll_fd, 1, 1000);
  }
}

bool SshChannel::at_end() const {
  return ssh_channel_is_eof(channel_.get()) != 0 || ssh_channel_is_closed(channel_.get()) != 0;
}

namespace {

/// Below 0 while nobody knows.
int status_so_far(ssh_channel channel) {
#if LIBSSH_VERSION_INT >= SSH_VERSION_INT(0, 11, 0)
  std::uint32_t code = 0;  // the call below is deprecated since this one is there
  return ssh_channel_get_exit_state(channel, &code, nullptr, nullptr) == SSH_OK ? static_cast<int>(code) : -1;
#else
  return ssh_channel_get_exit_status(channel);
#endif
}

}  // namespace

int SshChannel::exit_status() {
  const auto until = system_clock().monotonic_ms() + 1000;
  int status = status_so_far(channel_.get());
  while (status < 0 && ssh_channel_is_closed(channel_.get()) == 0 && system_clock().monotonic_ms() < until) {
    pollfd poll_fd{ssh_get_fd(ssh_channel_get_session(channel_.get())), POLLIN, 0};
    (void)::poll(&poll_fd, 1, 50);
    std::uint8_t byte = 0;
    if (!read_now(&byte, 0)) break;
    status = status_so_far(channel_.get());
  }
  return status;
}

}  // namespace hanse::cli
