#include "provider/control.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

namespace hanse::provider {

namespace {

// On SIGTERM everything in the container is told to end, and the job is waited for; the engine's SIGKILL bounds that.
// That is no end of the job's own, which begins again after a restart of the machine, unless it is to be over.
// A script is for bash where there is one, else for sh, and ends at its first failure; it waits for the command that it
// runs before it ends by a SIGTERM that it does not handle itself. One that names its interpreter is a program of its
// own: started by us, for the folder is mounted noexec, with one argument at most, as the kernel would. `wait` returns
// early when a signal comes, so it is repeated for as long as the process is there.
constexpr const char* kSupervisor = R"(cd /workspace 2>/dev/null || cd /
dir=/run/hanse; job=
exec 3<>$dir/output 4<>$dir/errors
on_term() {
  trap '' TERM INT
  kill -TERM -1 2>/dev/null
  [ -n "$job" ] || exit 143
  wait "$job" 2>/dev/null; code=$?
  if [ -e $dir/over ]; then echo "$code $at" 1<>$dir/exit; fi
  exit 143
}
trap on_term TERM INT
has_interpreter() {
  missing=${1:-nothing}
  command -v "$missing" >/dev/null || return 1
  case "$1 ${2:-}" in
  */env' '[!-]*)
    missing=${2%% *}
    case $missing in *=*) ;; *) command -v "$missing" >/dev/null || return 1 ;; esac ;;
  esac
}
stage() {
  at=$1; script=$dir/$1
  if [ -e $dir/end_at ]; then read -r HANSE_END_AT why <$dir/end_at; export HANSE_END_AT; fi
  IFS= read -r first <"$script" || :
  case $first in
  '#!'*)
    set -f; set -- ${first#??}; set +f
    if [ $# -gt 1 ]; then program=$1; shift; set -- "$program" "$*"; fi
    if ! has_interpreter "$@"; then
      echo "$missing" >$dir/missing
      code=127; return
    fi ;;
  *)
    if [ -x /bin/bash ]; then set -- /bin/bash -euo pipefail; else set -- /bin/sh -eu; fi
    set -- "$@" -c 'trap "exit 143" TERM; . "$0"' ;;
  esac
  "$@" "$script" </dev/null >$dir/output 2>$dir/errors 3>&- 4>&- &
  job=$!
  while :; do wait "$job"; code=$?; kill -0 "$job" 2>/dev/null || break; done
  job=
}
finish() {
  echo "$1 $2" 1<>$dir/exit
  idle
}
idle() { while :; do sleep 3600 & wait $!; done; }
while [ ! -e $dir/go ]; do sleep 0.05 & wait $!; done
if [ -e $dir/setup ]; then
  stage setup
  if [ "$code" -ne 0 ]; then finish "$code" setup; fi
fi
[ -e $dir/run ] || idle
stage run
finish "$code" run)";

/// The exit's place is kept from the beginning: a job that fills the folder ends all the same. An empty line: not yet.
constexpr std::string_view kNoExit = "\n              \n";
constexpr std::size_t kMaxNameBytes = 128;
constexpr mode_t kPipeMode = 0666;  ///< A job that has dropped root opens its /dev/stdout by it.
constexpr int kJobPipeBytes = 1 << 20;

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

/// A pipe by name. One that is something else now (the job may have put it there) is replaced.
Result<Descriptor> open_pipe(const Folder& folder, const char* name) {
  for (int tries = 0; tries < 2; ++tries) {
    if (::mkfifoat(folder.fd(), name, kPipeMode) == 0)
      ::fchmodat(folder.fd(), name, kPipeMode, 0);  // whatever the umask
    Descriptor pipe(::openat(folder.fd(), name, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
    struct stat info{};
    if (pipe && ::fstat(pipe.get(), &info) == 0 && S_ISFIFO(info.st_mode)) {
      (void)::fcntl(pipe.get(), F_SETPIPE_SZ, kJobPipeBytes);  // a wish: the kernel gives less to who holds many
      return pipe;
    }
    ::unlinkat(folder.fd(), name, 0);
  }
  return fail(ErrorCode::io, std::string("cannot make the pipe of the job's ") + name + ": " + std::strerror(errno));
}

/// Of a file that the container may have put there.
std::string read_start(const std::string& folder, const char* name, std::size_t most) {
  const Folder at(folder);
  const int fd = at.fd() < 0 ? -1 : ::openat(at.fd(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return {};
  std::string text(most, '\0');
  const auto n = ::read(fd, text.data(), text.size());
  ::close(fd);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  return text;
}

}  // namespace

std::vector<std::string> supervisor_command() {
  return {"/bin/sh", "-c", kSupervisor, std::string(kSupervisorMark)};
}

Result<> write_control(const std::string& folder, const model::Job& job) {
  const Folder at(folder);
  if (at.fd() < 0) return fail(ErrorCode::io, "cannot open " + folder + ": " + std::strerror(errno));
  for (const char* name : {"go", "over", "setup", "run", "missing"}) ::unlinkat(at.fd(), name, 0);
  if (auto r = write_new(at, "exit", kNoExit); !r) return r;
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

Result<> write_over(const std::string& folder) {
  const Folder at(folder);
  if (at.fd() < 0) return fail(ErrorCode::io, "cannot open " + folder + ": " + std::strerror(errno));
  return write_new(at, "over", "");
}

Result<> write_end(const std::string& folder, Time at, std::string_view why) {
  const Folder open(folder);
  if (open.fd() < 0) return fail(ErrorCode::io, "cannot open " + folder + ": " + std::strerror(errno));
  ::unlinkat(open.fd(), "end_at", 0);
  if (at.ms == 0) return {};
  return write_new(open, "end_at", std::to_string(at.ms / 1000) + " " + std::string(why) + "\n");
}

Result<JobPipes> open_job_pipes(const std::string& folder) {
  const Folder at(folder);
  if (at.fd() < 0) return fail(ErrorCode::io, "cannot open " + folder + ": " + std::strerror(errno));
  auto output = open_pipe(at, "output");
  if (!output) return fail(output);
  auto errors = open_pipe(at, "errors");
  if (!errors) return fail(errors);
  return JobPipes{std::move(*output), std::move(*errors)};
}

/// "CODE STAGE" on the first line: without its end that is half written.
std::optional<wire::JobExit> read_exit(const std::string& folder) {
  const auto text = read_start(folder, "exit", 16);
  const char* const end = text.data() + text.size();
  wire::JobExit exit;
  const auto [rest, error] = std::from_chars(text.data(), end, exit.code);
  const std::string_view stage(rest, static_cast<std::size_t>(end - rest));
  if (error != std::errc() || exit.code < 0 || exit.code > 255) return std::nullopt;
  exit.in_setup = stage.starts_with(" setup\n");
  if (!exit.in_setup && !stage.starts_with(" run\n")) return std::nullopt;
  return exit;
}

std::string read_missing(const std::string& folder) {
  auto text = read_start(folder, "missing", kMaxNameBytes);
  text.resize(std::min(text.find('\n'), text.size()));
  return text;
}

}  // namespace hanse::provider
