#include "provider/control.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace hanse::provider {

namespace {

// On SIGTERM everything in the container is told to end, and the job is waited for; the engine's SIGKILL bounds that.
// The script of a stage waits for the command that it runs before it ends by a SIGTERM that it does not handle itself.
// `wait` returns early when a signal comes, so it is repeated for as long as the process is there.
constexpr const char* kSupervisor = R"(cd /workspace 2>/dev/null || cd /
dir=/run/hanse; job=; token=
read -r token <$dir/token
on_term() { trap '' TERM INT; kill -TERM -1 2>/dev/null; [ -n "$job" ] && wait "$job" 2>/dev/null; exit 143; }
trap on_term TERM INT
stage() {
  if [ -e $dir/preempt_at ]; then read -r HANSE_PREEMPT_AT <$dir/preempt_at; export HANSE_PREEMPT_AT; fi
  /bin/sh -c 'trap "exit 143" TERM; . "$0"' "$dir/$1" </dev/null &
  job=$!
  while :; do wait "$job"; code=$?; kill -0 "$job" 2>/dev/null || break; done
  job=
}
finish() {
  echo "$1" >$dir/exit_code
  printf '\036hanse-end:%s\n' "$token"
  printf '\036hanse-end:%s\n' "$token" >&2
  idle
}
idle() { while :; do sleep 3600 & wait $!; done; }
while [ ! -e $dir/go ]; do sleep 0.05 & wait $!; done
if [ -e $dir/notice ]; then read -r notice <$dir/notice; echo "hanse: $notice" >&2; fi
if [ -e $dir/setup ]; then
  stage setup
  if [ "$code" -ne 0 ]; then echo "hanse: setup ended with exit code $code" >&2; finish "$code"; fi
fi
[ -e $dir/run ] || idle
stage run
finish "$code")";

/// An open folder; -1 if it is none. Closed when it goes.
class Folder {
 public:
  explicit Folder(const std::string& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)) {}
  ~Folder() {
    if (fd_ >= 0) ::close(fd_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

/// A new file, never one that the container put there, be it a link or a pipe.
Result<> write_new(const Folder& folder, const char* name, std::string_view text) {
  ::unlinkat(folder.fd(), name, 0);
  const int fd = ::openat(folder.fd(), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  bool written = fd >= 0;
  while (written && !text.empty()) {
    const auto n = ::write(fd, text.data(), text.size());
    written = n > 0;
    if (written) text.remove_prefix(static_cast<std::size_t>(n));
  }
  const int why = errno;
  if (fd >= 0) ::close(fd);
  if (!written) return fail(ErrorCode::io, std::string("cannot write the job's ") + name + ": " + std::strerror(why));
  return {};
}

/// Passes output on up to the end mark of each stream.
class JobOutput : public ExecStream {
 public:
  JobOutput(std::unique_ptr<ExecStream> logs, const std::string& token)
      : logs_(std::move(logs)), mark_("\x1ehanse-end:" + token + "\n") {}

  Result<Chunk> read() override {
    while (!(sides_[0].ended && sides_[1].ended)) {
      auto chunk = logs_->read();
      if (!chunk) return chunk;
      if (chunk->source == Source::end) return drain();
      auto& side = sides_[chunk->source == Source::err ? 1 : 0];
      auto bytes = pass(side, chunk->bytes);
      if (!bytes.empty()) return Chunk{chunk->source, std::move(bytes)};
    }
    return Chunk{Source::end, {}};
  }
  Result<> write(ByteView bytes) override { return logs_->write(bytes); }
  void close_input() override { logs_->close_input(); }
  Result<> resize(std::uint16_t columns, std::uint16_t rows) override { return logs_->resize(columns, rows); }
  Result<int> exit_code() override { return logs_->exit_code(); }
  void abort() override { logs_->abort(); }

 private:
  struct Side {
    std::string held;  ///< Bytes that may be the beginning of the mark.
    bool ended = false;
  };

  Bytes pass(Side& side, ByteView bytes) {
    if (side.ended) return {};
    std::string text = std::exchange(side.held, {}) + std::string(as_text(bytes));
    if (const auto at = text.find(mark_); at != std::string::npos) {
      side.ended = true;
      text.resize(at);
    } else {
      auto begun = std::min(text.size(), mark_.size() - 1);
      while (!text.ends_with(std::string_view(mark_).substr(0, begun))) --begun;
      side.held = text.substr(text.size() - begun);
      text.resize(text.size() - begun);
    }
    return {text.begin(), text.end()};
  }

  /// The container ended without a mark: what was held back was no mark.
  Chunk drain() {
    for (std::size_t i = 0; i < sides_.size(); ++i) {
      if (sides_[i].held.empty()) continue;
      const auto text = std::exchange(sides_[i].held, {});
      return {i == 1 ? Source::err : Source::out, Bytes(text.begin(), text.end())};
    }
    return {Source::end, {}};
  }

  std::unique_ptr<ExecStream> logs_;
  const std::string mark_;
  std::array<Side, 2> sides_;
};

}  // namespace

std::vector<std::string> supervisor_command() {
  return {"/bin/sh", "-c", kSupervisor};
}

Result<> write_control(const std::string& folder, const model::Job& job, const std::string& token,
                       const std::string& notice) {
  const Folder at(folder);
  if (at.fd() < 0) return fail(ErrorCode::io, "cannot open " + folder + ": " + std::strerror(errno));
  for (const char* name : {"exit_code", "go", "notice", "setup", "run"}) ::unlinkat(at.fd(), name, 0);
  if (auto r = write_new(at, "token", token + "\n"); !r) return r;
  if (!notice.empty()) {
    if (auto r = write_new(at, "notice", notice + "\n"); !r) return r;
  }
  if (!job.setup.empty()) {
    if (auto r = write_new(at, "setup", job.setup); !r) return r;
  }
  if (!job.run.empty()) {
    if (auto r = write_new(at, "run", job.run); !r) return r;
  }
  return {};
}

Result<> write_go(const std::string& folder) {
  const Folder at(folder);
  if (at.fd() < 0) return fail(ErrorCode::io, "cannot open " + folder + ": " + std::strerror(errno));
  return write_new(at, "go", "");
}

Result<> write_preempt_at(const std::string& folder, Time at) {
  const Folder open(folder);
  if (open.fd() < 0) return fail(ErrorCode::io, "cannot open " + folder + ": " + std::strerror(errno));
  return write_new(open, "preempt_at", std::to_string(at.ms / 1000) + "\n");
}

std::optional<int> read_exit_code(const std::string& folder) {
  const Folder at(folder);
  if (at.fd() < 0) return std::nullopt;
  const int fd = ::openat(at.fd(), "exit_code", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  char text[16] = {};
  const auto n = ::read(fd, text, sizeof text);
  ::close(fd);
  int code = 0;
  const auto [end, error] = std::from_chars(text, text + std::max<ssize_t>(n, 0), code);
  const bool whole = error == std::errc() && end < text + n && *end == '\n';  // without its newline it is half written
  if (!whole || code < 0 || code > 255) return std::nullopt;
  return code;
}

std::unique_ptr<ExecStream> make_job_output(std::unique_ptr<ExecStream> logs, const std::string& token) {
  return std::make_unique<JobOutput>(std::move(logs), token);
}

}  // namespace hanse::provider
