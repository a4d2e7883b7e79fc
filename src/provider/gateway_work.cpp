#include "provider/gateway_work.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <map>

#include "base/caught.hpp"
#include "base/clock.hpp"
#include "provider/lease_signals.hpp"
#include "provider/login_shell.hpp"

namespace hanse::provider {
namespace {

constexpr std::size_t kInputChunk = 64 * 1024;

/// What a shell shows for a program that SIGPIPE ended.
constexpr int kNobodyReads = 141;

}  // namespace

Work::Work(const WorkContext& context, WorkSpec spec, WorkFiles files, const Wake& done)
    : context_(context),
      spec_(std::move(spec)),
      files_(std::move(files)),
      done_(&done),
      size_(static_cast<std::uint32_t>(spec_.columns) << 16 | spec_.rows) {
  thread_ = std::thread([this] { main(); });
}

Work::~Work() {
  abort();
  thread_.join();
}

void Work::resize(std::uint16_t columns, std::uint16_t rows) {
  size_ = static_cast<std::uint32_t>(columns) << 16 | rows;
  control_.signal();
}

void Work::abort() {
  const std::lock_guard lock(mutex_);
  if (aborted_.exchange(true)) return;
  control_.signal();
  stop_.request_stop();
  if (stream_ != nullptr) stream_->abort();
  if (helper_ > 0) ::kill(helper_, SIGKILL);
}

void Work::main() {
  block_sigpipe();
  if (const auto ran = caught([this] { outcome_ = run(); }); !ran) outcome_ = complain(ran.error());
  files_ = {};
  finished_ = true;
  done_->signal();
}

Outcome Work::run() {
  switch (spec_.kind) {
    case WorkSpec::Kind::shell:
    case WorkSpec::Kind::exec:
      return run_exec();
    case WorkSpec::Kind::sftp:
    case WorkSpec::Kind::scp:
    case WorkSpec::Kind::connect:
      return run_helper();
    case WorkSpec::Kind::job:
      return run_job();
    case WorkSpec::Kind::go:
      return run_go();
    case WorkSpec::Kind::logs:
      return run_logs();
    case WorkSpec::Kind::registry:
      return run_registry();
    case WorkSpec::Kind::delivered:
      return run_delivered();
    case WorkSpec::Kind::stats:
      return run_stats();
  }
  return {};
}

/// 255 is what ssh(1) itself exits with when it cannot run a command.
Outcome Work::complain(const Error& error) {
  write_all(files_.err.get(), "hanse: " + error.message + (spec_.tty ? "\r\n" : "\n"));
  return {255, {}};
}

Outcome Work::run_exec() {
  const auto container = context_.host->container(spec_.lease);
  if (!container) return complain(container.error());
  if (spec_.kind == WorkSpec::Kind::shell && !container->notice.empty()) {
    write_all(files_.err.get(), "hanse: " + container->notice + (spec_.tty ? "\r\n" : "\n"));
  }
  auto outcome = pump_exec(*container);
  if (!outcome) return complain(outcome.error());
  return *outcome;
}

Result<Outcome> Work::pump_exec(const LeaseHost::Container& container) {
  const std::string session = to_hex(random_bytes<16>().view());
  auto stream = context_.engine->exec(container.id, exec_spec(container, session));
  if (!stream) return fail(stream);
  adopt(stream->get());
  std::thread input([&] {
    block_sigpipe();
    static_cast<void>(caught([&] { feed_input(**stream); }));
  });
  bool complete = false;
  Result<int> code = kNobodyReads;
  const auto pumped = caught([&] {
    complete = pump_output(**stream) && !aborted_;
    if (complete) code = (*stream)->exit_code();
  });
  if (!pumped) code = fail(pumped);
  abort();  // The input thread may wait in write() for a process that is gone.
  input.join();
  adopt(nullptr);
  if (!complete) hang_up_session(session);
  if (!code) return fail(code);
  return Outcome{*code, {}};
}

ExecSpec Work::exec_spec(const LeaseHost::Container& container, const std::string& session) const {
  ExecSpec spec;
  std::string command = spec_.kind == WorkSpec::Kind::shell ? login_shell_script(spec_.tty) : spec_.command;
  spec.tty = spec_.tty;
  spec.columns = static_cast<std::uint16_t>(size_ >> 16);
  spec.rows = static_cast<std::uint16_t>(size_ & 0xffff);
  // An engine sets a terminal's size only after the program has started, which may look at once.
  if (spec.tty) {
    command =
        "stty rows " + std::to_string(spec.rows) + " cols " + std::to_string(spec.columns) + " 2>/dev/null\n" + command;
  }
  spec.command = {"/bin/sh", "-c", std::move(command)};
  // All that the job has, too: what the engine adds at a container's start is not in what it gives to others by itself.
  std::map<std::string, std::string> env;
  const auto add = [&](const std::vector<std::string>& entries) {
    for (const auto& entry : entries) env[entry.substr(0, entry.find('='))] = entry;
  };
  if (container.process) add(container.process->environment());
  add(spec_.env);
  add(container.env);
  add({std::string(kSessionVariable) + "=" + session});
  for (auto& [name, entry] : env) spec.env.push_back(std::move(entry));
  return spec;
}

/// True if it is to be used; an abort that came first is passed on.
bool Work::adopt(ExecStream* stream) {
  const std::lock_guard lock(mutex_);
  stream_ = stream;
  if (stream != nullptr && aborted_) stream->abort();
  return !aborted_;
}

void Work::feed_input(ExecStream& stream) {
  Bytes buffer(kInputChunk);
  std::uint32_t size = size_;
  bool open = true;
  while (!aborted_) {
    std::array<pollfd, 2> fds{{{control_.fd(), POLLIN, 0}, {open ? files_.in.get() : -1, POLLIN, 0}}};
    if (::poll(fds.data(), fds.size(), -1) < 0) continue;
    if (fds[0].revents != 0) control_.clear();
    if (aborted_) return;
    if (spec_.tty && size != size_) {
      size = size_;
      (void)stream.resize(static_cast<std::uint16_t>(size >> 16), static_cast<std::uint16_t>(size & 0xffff));
    }
    if (fds[1].revents == 0) continue;
    const ssize_t n = ::read(files_.in.get(), buffer.data(), buffer.size());
    if (n < 0) continue;
    open = n > 0 && stream.write(ByteView(buffer).first(static_cast<std::size_t>(n)));
    if (n == 0) stream.close_input();
    // A process that closed its input may not block the client: its side of the pipe breaks instead.
    if (!open) files_.in.reset();
  }
}

/// False if the stream broke or nobody reads any more.
bool Work::pump_output(ExecStream& stream) {
  while (true) {
    const auto chunk = stream.read();
    if (!chunk) {
      if (!aborted_) complain(chunk.error());
      return false;
    }
    if (chunk->source == ExecStream::Source::end) return true;
    const int fd = (chunk->source == ExecStream::Source::err ? files_.err : files_.out).get();
    if (!write_all(fd, chunk->bytes)) return false;
  }
}

std::vector<std::string> Work::helper_arguments(pid_t pid) const {
  const std::string process = std::to_string(pid);
  if (spec_.kind == WorkSpec::Kind::sftp) return {"namespace-helper", "sftp", process};
  if (spec_.kind == WorkSpec::Kind::scp) return {"namespace-helper", "scp", process, spec_.command};
  return {"namespace-helper", "connect", process, std::to_string(spec_.port)};
}

Outcome Work::run_helper() {
  const auto container = context_.host->container(spec_.lease);
  if (!container) return complain(container.error());
  const auto arguments = helper_arguments(container->process->pid());
  pid_t pid = 0;
  {
    const std::lock_guard lock(mutex_);
    if (aborted_) return {};
    const auto started = start_process(context_.helper, arguments,
                                       {files_.in.get(), files_.out.get(), files_.err.get(), container->process->fd()});
    if (!started) return complain(started.error());
    pid = helper_ = *started;
  }
  // The helper alone holds the pipes now, so that its end is theirs.
  files_ = {};
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
  const std::lock_guard lock(mutex_);
  helper_ = 0;
  const int status = wait_process(pid);
  if (WIFSIGNALED(status)) {
    const char* name = ::sigabbrev_np(WTERMSIG(status));
    return {255, name != nullptr ? name : "KILL"};
  }
  return {WEXITSTATUS(status), {}};
}

}  // namespace hanse::provider
