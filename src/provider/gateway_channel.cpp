#include "provider/gateway_channel.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "provider/scp_command.hpp"

namespace hanse::provider {
namespace {

constexpr std::size_t kMaxEnv = 64;
constexpr std::size_t kMaxEnvBytes = 4096;
constexpr int kPipeBytes = 256 * 1024;
constexpr std::size_t kMaxMovePerTurn = 1024 * 1024;  ///< So that one busy channel cannot starve the others.

std::uint16_t clamp_size(int value, std::uint16_t otherwise) {
  return value > 0 && value < 10'000 ? static_cast<std::uint16_t>(value) : otherwise;
}

/// What terminals and languages need; a client may not set PATH, LD_PRELOAD and the like behind the image's back.
bool is_allowed_env(std::string_view name) {
  return name == "LANG" || name == "TERM" || name == "COLORTERM" || name == "NO_COLOR" || name.starts_with("LC_");
}

}  // namespace

Channel::Channel(const WorkContext& context, model::LeaseId lease, ssh_channel channel, const Wake& wake)
    : context_(context), wake_(wake), channel_(channel) {
  spec_.lease = lease;
  errors_.is_stderr = true;
  set_callbacks();
}

Channel::~Channel() {
  abort();
  ssh_remove_channel_callbacks(channel_, &callbacks_);
  ssh_channel_free(channel_);
}

void Channel::set_callbacks() {
  callbacks_.userdata = this;
  callbacks_.channel_data_function = [](ssh_session, ssh_channel, void* data, std::uint32_t size, int is_stderr,
                                        void* self) {
    return static_cast<int>(
        static_cast<Channel*>(self)->on_data({static_cast<const std::uint8_t*>(data), size}, is_stderr != 0));
  };
  callbacks_.channel_eof_function = [](ssh_session, ssh_channel, void* self) {
    static_cast<Channel*>(self)->remote_eof_ = true;
  };
  callbacks_.channel_close_function = [](ssh_session, ssh_channel, void* self) {
    static_cast<Channel*>(self)->remote_closed_ = true;
  };
  callbacks_.channel_pty_request_function = [](ssh_session, ssh_channel, const char* term, int width, int height, int,
                                               int, void* self) {
    auto& spec = static_cast<Channel*>(self)->spec_;
    spec.tty = true;
    spec.columns = clamp_size(width, 80);
    spec.rows = clamp_size(height, 24);
    return static_cast<Channel*>(self)->add_env("TERM", term);
  };
  callbacks_.channel_pty_window_change_function = [](ssh_session, ssh_channel, int width, int height, int, int,
                                                     void* self) {
    auto& channel = *static_cast<Channel*>(self);
    channel.spec_.columns = clamp_size(width, 80);
    channel.spec_.rows = clamp_size(height, 24);
    if (channel.work_) channel.work_->resize(channel.spec_.columns, channel.spec_.rows);
    return 0;
  };
  callbacks_.channel_env_request_function = [](ssh_session, ssh_channel, const char* name, const char* value,
                                               void* self) {
    return static_cast<Channel*>(self)->add_env(name, value);
  };
  callbacks_.channel_shell_request_function = [](ssh_session, ssh_channel, void* self) {
    return static_cast<Channel*>(self)->start(WorkSpec::Kind::shell);
  };
  callbacks_.channel_exec_request_function = [](ssh_session, ssh_channel, const char* command, void* self) {
    return static_cast<Channel*>(self)->run_command(command);
  };
  callbacks_.channel_subsystem_request_function = [](ssh_session, ssh_channel, const char* name, void* self) {
    return static_cast<Channel*>(self)->subsystem(name);
  };
  ssh_callbacks_init(&callbacks_);
  ssh_set_channel_callbacks(channel_, &callbacks_);
}

int Channel::add_env(std::string_view name, std::string_view value) {
  if (started_ || !is_allowed_env(name) || spec_.env.size() >= kMaxEnv || name.size() + value.size() > kMaxEnvBytes) {
    return 1;
  }
  spec_.env.push_back(std::string(name) + "=" + std::string(value));
  return 0;
}

int Channel::subsystem(std::string_view name) {
  using Kind = WorkSpec::Kind;
  if (name == "sftp") return start(Kind::sftp);
  if (name == "hanse-registry") return start(Kind::registry);
  if (name == "hanse-job") return start(Kind::job);
  if (name == "hanse-go") return start(Kind::go);
  if (name == "hanse-logs") return start(Kind::logs);
  if (name == "hanse-delivered") return start(Kind::delivered);
  if (name == "hanse-stats") return start(Kind::stats);
  return 1;
}

/// Images have no scp: its old protocol is spoken for them.
int Channel::run_command(std::string command) {
  const bool is_copy = !spec_.tty && parse_scp_command(command);
  return start(is_copy ? WorkSpec::Kind::scp : WorkSpec::Kind::exec, std::move(command));
}

void Channel::start_connect(std::uint16_t port) {
  spec_.port = port;
  (void)start(WorkSpec::Kind::connect);
}

int Channel::start(WorkSpec::Kind kind, std::string command) {
  if (started_) return 1;
  started_ = true;
  spec_.kind = kind;
  spec_.command = std::move(command);
  auto in = make_pipe(kPipeBytes);
  auto out = make_pipe(kPipeBytes);
  auto err = make_pipe(64 * 1024);
  if (!in || !out || !err || !set_nonblocking(in->write_end.get()) || !set_nonblocking(out->read_end.get()) ||
      !set_nonblocking(err->read_end.get())) {
    close_sent_ = ssh_channel_close(channel_) == SSH_OK;
    return 1;
  }
  input_ = std::move(in->write_end);
  output_.fd = std::move(out->read_end);
  errors_.fd = std::move(err->read_end);
  work_ = std::make_unique<Work>(
      context_, spec_, WorkFiles{std::move(in->read_end), std::move(out->write_end), std::move(err->write_end)}, wake_);
  return 0;
}

bool Channel::can_send() const {
  return !close_sent_ && !eof_sent_ && ssh_channel_window_size(channel_) > 0;
}

void Channel::add_polls(std::vector<pollfd>& polls, bool writable) const {
  if (input_ && (input_buffered_ || !input_pending_.empty())) polls.push_back({input_.get(), POLLOUT, 0});
  for (const Source* source : {&output_, &errors_}) {
    if (source->fd && source->pending.empty() && writable && can_send()) polls.push_back({source->fd.get(), POLLIN, 0});
  }
}

/// The pipe takes what it can at once; the rest stays in libssh, and so the client's window stays closed.
std::uint32_t Channel::on_data(std::span<const std::uint8_t> data, bool is_stderr) {
  const bool nobody_reads = (started_ && !input_) || close_sent_;
  if (is_stderr || nobody_reads) return static_cast<std::uint32_t>(data.size());
  input_buffered_ = true;
  if (!input_ || !input_pending_.empty()) return 0;
  const ssize_t n = ::write(input_.get(), data.data(), data.size());
  if (n < 0) return 0;
  input_buffered_ = static_cast<std::size_t>(n) < data.size();
  return static_cast<std::uint32_t>(n);
}

void Channel::pump_input(std::span<std::uint8_t> scratch) {
  for (std::size_t moved = 0; started_ && moved < kMaxMovePerTurn;) {
    if (!input_pending_.empty()) {
      const ssize_t n = input_ ? ::write(input_.get(), input_pending_.data(), input_pending_.size()) : -1;
      if (n < 0 && input_ && (errno == EAGAIN || errno == EINTR)) return;
      if (n < 0) input_.reset();
      const auto taken = n < 0 ? input_pending_.size() : static_cast<std::size_t>(n);
      input_pending_.erase(input_pending_.begin(), input_pending_.begin() + static_cast<std::ptrdiff_t>(taken));
      moved += taken;
      continue;
    }
    if (!input_buffered_) break;
    const int n = ssh_channel_read_nonblocking(channel_, scratch.data(), 64 * 1024, 0);
    if (n <= 0) input_buffered_ = false;
    if (n > 0) input_pending_.assign(scratch.begin(), scratch.begin() + n);
  }
  if (remote_eof_ && !input_buffered_ && input_pending_.empty()) input_.reset();
}

/// False if libssh did not take all: the rest is pending.
bool Channel::send(Source& source, std::span<const std::uint8_t> data) {
  const auto size = static_cast<std::uint32_t>(data.size());
  if (source.is_stderr && spec_.kind == WorkSpec::Kind::connect) {
    // A forward has no place for words; `ssh -v` shows these.
    ssh_send_debug(ssh_channel_get_session(channel_), std::string(as_text(data)).c_str(), 1);
    return true;
  }
  const int sent = source.is_stderr ? ssh_channel_write_stderr(channel_, data.data(), size)
                                    : ssh_channel_write(channel_, data.data(), size);
  if (sent < 0) {
    remote_closed_ = true;
    return false;
  }
  if (static_cast<std::uint32_t>(sent) == size) return true;
  source.pending.assign(data.begin() + sent, data.end());
  return false;
}

void Channel::pump_output(Source& source, std::span<std::uint8_t> scratch) {
  if (!source.pending.empty()) {
    const Bytes rest = std::move(source.pending);
    source.pending.clear();
    if (!send(source, rest)) return;
  }
  const ssh_session session = ssh_channel_get_session(channel_);
  for (std::size_t moved = 0; source.fd && can_send() && moved < kMaxMovePerTurn;) {
    if ((ssh_get_status(session) & SSH_WRITE_PENDING) != 0) return;
    const std::size_t room = std::min<std::size_t>(scratch.size(), ssh_channel_window_size(channel_));
    const ssize_t n = ::read(source.fd.get(), scratch.data(), room);
    if (n < 0) return;
    if (n == 0) return source.fd.reset();
    moved += static_cast<std::size_t>(n);
    if (!send(source, scratch.first(static_cast<std::size_t>(n)))) return;
  }
}

void Channel::pump(std::span<std::uint8_t> scratch) {
  if (remote_closed_ || ssh_channel_is_closed(channel_) != 0) {
    remote_closed_ = true;
    abort();
    if (!close_sent_) ssh_channel_close(channel_);
    close_sent_ = true;
    return;
  }
  if (close_sent_) return;
  pump_input(scratch);
  pump_output(errors_, scratch);
  pump_output(output_, scratch);
  finish();
}

/// End of output first, then how it ended, then the close: in that order clients lose nothing.
void Channel::finish() {
  if (!started_ || output_.fd || errors_.fd || !output_.pending.empty() || !errors_.pending.empty()) return;
  if (!eof_sent_) {
    ssh_channel_send_eof(channel_);
    eof_sent_ = true;
  }
  if (!work_ || !work_->finished()) return;
  const Outcome outcome = work_->outcome();
  if (!outcome.signal.empty()) {
    ssh_channel_request_send_exit_signal(channel_, outcome.signal.c_str(), 0, "killed", "");
  } else if (spec_.kind != WorkSpec::Kind::connect) {
    ssh_channel_request_send_exit_status(channel_, outcome.code);
  }
  ssh_channel_close(channel_);
  close_sent_ = true;
}

void Channel::tell(const std::string& line) {
  const bool is_read = spec_.tty || spec_.kind == WorkSpec::Kind::shell;
  if (!started_ || !is_read || eof_sent_ || close_sent_) return;
  const std::string text = spec_.tty ? "\r\nhanse: " + line + "\r\n" : "hanse: " + line + "\n";
  errors_.pending.insert(errors_.pending.end(), text.begin(), text.end());
}

void Channel::abort() {
  input_.reset();
  output_.fd.reset();
  errors_.fd.reset();
  if (work_) work_->abort();
}

void Channel::stop_output() {
  // On a terminal it may be another request that libssh does not know, such as a break.
  if (work_ && !spec_.tty) output_.fd.reset();
}

bool Channel::needs_turn() const {
  if (remote_closed_) return !close_sent_;
  return remote_eof_ && input_ && !input_buffered_ && input_pending_.empty();
}

bool Channel::over() const {
  return remote_closed_ && close_sent_ && (!work_ || work_->finished());
}

}  // namespace hanse::provider
