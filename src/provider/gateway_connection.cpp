#include "provider/gateway_connection.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "model/text.hpp"
#include "provider/gateway_key.hpp"

namespace hanse::provider {
namespace {

constexpr int kMaxLoginFailures = 6;
constexpr std::size_t kScratchBytes = 256 * 1024;
/// libssh takes 4 KiB from the socket at a time; so many turns before the channels get theirs.
constexpr int kReadsPerTurn = 64;
/// A key exchange held output back, and nothing tells when it is over.
constexpr int kStalledRetryMs = 50;

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "127.0.0.1" || host == "::1";
}

}  // namespace

Connection::Connection(const WorkContext& context, const GatewayOptions& options, SshSession session, Join join)
    : context_(context),
      options_(options),
      join_(std::move(join)),
      session_(std::move(session)),
      event_(ssh_event_new()),
      login_until_(std::chrono::steady_clock::now() + std::chrono::milliseconds(options.login_timeout_ms)),
      scratch_(kScratchBytes) {}

void Connection::close() {
  closing_ = true;
  wake_.signal();
}

void Connection::tell(const std::string& line) {
  {
    const std::lock_guard lock(lines_mutex_);
    lines_.push_back(line);
  }
  wake_.signal();
}

void Connection::run() {
  if (event_ && exchange_keys() && ssh_event_add_session(event_.get(), session_.get()) == SSH_OK) {
    serve();
    (void)::shutdown(ssh_get_fd(session_.get()),
                     SHUT_RDWR);  // Work may take a while to stop; the client need not wait.
    for (auto& channel : channels_) channel.abort();
    channels_.clear();
    ssh_event_remove_session(event_.get(), session_.get());
  }
  session_.reset();
}

int Connection::login_ms_left() const {
  if (logged_in_) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(login_until_ - std::chrono::steady_clock::now());
  return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

bool Connection::alive() const {
  if (closing_ || (ssh_get_status(session_.get()) & (SSH_CLOSED | SSH_CLOSED_ERROR)) != 0) return false;
  return ssh_is_connected(session_.get()) != 0 && login_ms_left() != 0;
}

bool Connection::exchange_keys() {
  ssh_set_blocking(session_.get(), 0);
  set_callbacks();
  int rc = SSH_AGAIN;
  while ((rc = ssh_handle_key_exchange(session_.get())) == SSH_AGAIN) {
    bool ready = false;
    if (!wait({}, login_ms_left(), ready) || closing_ || login_ms_left() == 0) return false;
  }
  return rc == SSH_OK;
}

void Connection::set_callbacks() {
  callbacks_.userdata = this;
  callbacks_.auth_pubkey_function = [](ssh_session, const char* user, ssh_key key, char signature, void* self) {
    return static_cast<Connection*>(self)->on_key(user, key, signature);
  };
  callbacks_.channel_open_request_session_function = [](ssh_session session, void* self) -> ssh_channel {
    auto& connection = *static_cast<Connection*>(self);
    if (connection.channels_.size() >= connection.options_.max_channels) return nullptr;
    const ssh_channel channel = ssh_channel_new(session);
    if (channel != nullptr) connection.open(channel);
    return channel;
  };
  ssh_callbacks_init(&callbacks_);
  ssh_set_server_callbacks(session_.get(), &callbacks_);
  ssh_set_auth_methods(session_.get(), SSH_AUTH_METHOD_PUBLICKEY);
  ssh_set_message_callback(
      session_.get(),
      [](ssh_session, ssh_message message, void* self) { return static_cast<Connection*>(self)->on_message(message); },
      this);
}

Channel* Connection::open(ssh_channel channel) {
  return &channels_.emplace_back(context_, lease_, channel, wake_);
}

int Connection::count_failure() {
  // The client is not told why: an unknown lease, an ended one and a wrong key look the same.
  if (++failures_ >= kMaxLoginFailures) closing_ = true;
  return SSH_AUTH_DENIED;
}

int Connection::on_key(const char* user, ssh_key key, int signature) {
  if (logged_in_) return SSH_AUTH_DENIED;
  const auto lease = model::parse_id<model::LeaseTag>(user);
  if (!lease || model::format_id(*lease) != user || !join_(*lease)) return count_failure();
  const auto expected = context_.host->access_key(*lease);
  if (!expected || !same_key(key, *expected)) return count_failure();
  if (signature == SSH_PUBLICKEY_STATE_NONE) return SSH_AUTH_SUCCESS;
  if (signature != SSH_PUBLICKEY_STATE_VALID) return count_failure();
  lease_ = *lease;
  logged_in_ = true;
  return SSH_AUTH_SUCCESS;
}

/// What no callback took. 1 makes libssh refuse it.
int Connection::on_message(ssh_message message) {
  const int type = ssh_message_type(message);
  const int subtype = ssh_message_subtype(message);
  if (type == SSH_REQUEST_CHANNEL_OPEN && subtype == SSH_CHANNEL_DIRECT_TCPIP) return on_forward(message);
  if (type == SSH_REQUEST_CHANNEL && subtype == SSH_CHANNEL_REQUEST_UNKNOWN) {
    const ssh_channel asked = ssh_message_channel_request_channel(message);
    for (auto& channel : channels_) {
      if (channel.handle() == asked) channel.stop_output();
    }
  }
  if (type == SSH_REQUEST_AUTH) {
    // Clients begin with "none" to learn what is accepted; that costs them nothing, once.
    if (subtype != SSH_AUTH_METHOD_NONE || std::exchange(asked_for_none_, true)) (void)count_failure();
  }
  return 1;
}

int Connection::on_forward(ssh_message message) {
  const char* host = ssh_message_channel_request_open_destination(message);
  const int port = ssh_message_channel_request_open_destination_port(message);
  if (host == nullptr || !is_loopback(host) || port < 1 || port > 65535) {
    ssh_send_debug(session_.get(), "hanse: a forward leads to localhost of the lease and nowhere else", 1);
    return 1;
  }
  if (channels_.size() >= options_.max_channels) return 1;
  const ssh_channel channel = ssh_message_channel_request_open_reply_accept(message);
  if (channel == nullptr) return 1;
  open(channel)->start_connect(static_cast<std::uint16_t>(port));
  return 0;
}

/// Waits for the connection or one of `polls`; false if waiting itself failed.
bool Connection::wait(const std::vector<pollfd>& polls, int timeout_ms, bool& session_ready) {
  const bool wants_write = (ssh_get_poll_flags(session_.get()) & SSH_WRITE_PENDING) != 0;
  std::vector<pollfd> all{{wake_.fd(), POLLIN, 0},
                          {ssh_get_fd(session_.get()), static_cast<short>(POLLIN | (wants_write ? POLLOUT : 0)), 0}};
  all.insert(all.end(), polls.begin(), polls.end());
  if (::poll(all.data(), all.size(), timeout_ms) < 0) return errno == EINTR;
  if (all[0].revents != 0) wake_.clear();
  session_ready = all[1].revents != 0;
  return true;
}

bool Connection::read_packets() {
  for (int turn = 0; turn < kReadsPerTurn && alive(); ++turn) {
    const int rc = ssh_event_dopoll(event_.get(), 0);
    if (rc == SSH_ERROR) return false;
    if (rc == SSH_AGAIN) break;
  }
  return true;
}

void Connection::pump_channels() {
  // Writing to one channel may bring in packets for another that had its turn already: go round until all is quiet.
  for (int round = 0; round < 8; ++round) {
    for (auto& channel : channels_) channel.pump(scratch_);
    channels_.remove_if([](const Channel& channel) { return channel.over(); });
    if (std::none_of(channels_.begin(), channels_.end(), [](const Channel& c) { return c.needs_turn(); })) return;
  }
  wake_.signal();
}

void Connection::pass_on_lines() {
  std::vector<std::string> lines;
  {
    const std::lock_guard lock(lines_mutex_);
    lines.swap(lines_);
  }
  for (const auto& line : lines) {
    for (auto& channel : channels_) channel.tell(line);
  }
}

void Connection::serve() {
  std::vector<pollfd> polls;
  while (alive()) {
    polls.clear();
    const bool writable = (ssh_get_status(session_.get()) & SSH_WRITE_PENDING) == 0;
    bool stalled = false;
    for (const auto& channel : channels_) {
      channel.add_polls(polls, writable);
      stalled |= channel.stalled();
    }
    bool session_ready = false;
    if (!wait(polls, stalled ? kStalledRetryMs : login_ms_left(), session_ready) || (session_ready && !read_packets()))
      break;
    pass_on_lines();
    pump_channels();
  }
}

}  // namespace hanse::provider
