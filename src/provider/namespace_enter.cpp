#include "provider/namespace_enter.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "provider/descriptor.hpp"

namespace hanse::provider {
namespace {

Error failed(std::string_view what) {
  return {ErrorCode::io, "cannot enter the container: " + std::string(what) + ": " + std::strerror(errno)};
}

/// The words after "Key:" in /proc/PID/status.
std::vector<std::string_view> status_words(std::string_view status, std::string_view key) {
  std::vector<std::string_view> words;
  std::size_t at = status.starts_with(key) ? 0 : status.find("\n" + std::string(key));
  if (at == std::string_view::npos) return words;
  at = status.find(':', at) + 1;
  const std::string_view line = status.substr(at, status.find('\n', at) - at);
  for (std::size_t from = 0; (from = line.find_first_not_of(" \t", from)) != std::string_view::npos;) {
    const std::size_t to = std::min(line.find_first_of(" \t", from), line.size());
    words.push_back(line.substr(from, to - from));
    from = to;
  }
  return words;
}

template <class Number>
std::optional<Number> number(std::string_view text, int base = 10) {
  Number value{};
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (bad != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Who the container's process is, in the container's own numbering.
struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  std::uint64_t bounding = 0, permitted = 0;
};

std::optional<Identity> parse_identity(std::string_view status) {
  const auto uids = status_words(status, "Uid:"), gids = status_words(status, "Gid:");
  const auto bounding = status_words(status, "CapBnd:"), permitted = status_words(status, "CapPrm:");
  if (uids.size() != 4 || gids.size() != 4 || bounding.size() != 1 || permitted.size() != 1) return std::nullopt;
  Identity who;
  const auto uid = number<uid_t>(uids[1]);
  const auto gid = number<gid_t>(gids[1]);
  const auto bounds = number<std::uint64_t>(bounding[0], 16), permits = number<std::uint64_t>(permitted[0], 16);
  if (!uid || !gid || !bounds || !permits) return std::nullopt;
  who.uid = *uid, who.gid = *gid, who.bounding = *bounds, who.permitted = *permits & *bounds;
  for (const auto word : status_words(status, "Groups:")) {
    if (const auto group = number<gid_t>(word)) who.groups.push_back(*group);
  }
  return who;
}

bool same_namespace(int proc, const char* name) {
  struct stat theirs{}, ours{};
  const std::string own = std::string("/proc/self/") + name;
  return ::fstatat(proc, name, &theirs, 0) == 0 && ::stat(own.c_str(), &ours) == 0 && theirs.st_ino == ours.st_ino &&
         theirs.st_dev == ours.st_dev;
}

/// Still running, the first of a pid namespace of its own, and outside of ours: never a process of the host.
Result<> check_target(int proc, int process) {
  pollfd ended{process, POLLIN, 0};
  const std::string status = read_at(proc, "status");
  const auto words = status_words(status, "NSpid:");
  if (words.size() < 2 || words.back() != "1" || same_namespace(proc, "ns/mnt") || same_namespace(proc, "ns/pid")) {
    return fail(ErrorCode::denied, "that process is not the first of a container");
  }
  if (::poll(&ended, 1, 0) != 0) return fail(ErrorCode::wrong_state, "the container has ended");
  return {};
}

/// The number of the process that a pidfd stands for; nullopt for any other descriptor.
std::optional<pid_t> process_of(int pidfd) {
  const std::string info = read_at(AT_FDCWD, ("/proc/self/fdinfo/" + std::to_string(pidfd)).c_str());
  const auto words = status_words(info, "Pid:");
  return words.size() == 1 ? number<pid_t>(words[0]) : std::nullopt;
}

/// Where a controller's hierarchy is mounted, by /proc/self/mountinfo: fields 5 (mount point), 9 (type), 11 (options).
std::string cgroup_mount(std::string_view mounts, std::string_view controllers) {
  for (std::size_t at = 0; at < mounts.size();) {
    const std::size_t end = std::min(mounts.find('\n', at), mounts.size());
    const std::string_view line = mounts.substr(at, end - at);
    at = end + 1;
    const std::size_t dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    std::string_view rest = line;
    for (int field = 1; field < 5; ++field) rest.remove_prefix(std::min(rest.find(' ') + 1, rest.size()));
    const std::string point(rest.substr(0, rest.find(' ')));
    const std::string_view tail = line.substr(dash + 3);
    if (controllers.empty() && tail.starts_with("cgroup2 ")) return point;
    if (controllers.empty() || !tail.starts_with("cgroup ")) continue;
    const std::string options = "," + std::string(tail.substr(tail.rfind(' ') + 1)) + ",";
    if (options.find("," + std::string(controllers) + ",") != std::string::npos) return point;
  }
  return {};
}

/// What the container may use, this process uses of it. Best effort by nature: a rootless engine on cgroup v1 has none.
void join_cgroups(int proc) {
  const std::string mounts = read_at(AT_FDCWD, "/proc/self/mountinfo");
  const std::string cgroups = read_at(proc, "cgroup");
  std::string_view rest = cgroups;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1), path = line.substr(second + 1);
    const std::string mount = cgroup_mount(mounts, controllers);
    if (mount.empty() || path == "/" || path.find("/..") != std::string_view::npos) continue;
    const std::string file = mount + std::string(path) + "/cgroup.procs";
    const Descriptor fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
    if (fd) (void)!::write(fd.get(), "0", 1);
  }
}

/// The container's limits, as far as they are lower than ours: raising one may need more rights than we have.
void apply_limits(pid_t pid) {
  for (const auto resource : {RLIMIT_NOFILE, RLIMIT_NPROC, RLIMIT_FSIZE, RLIMIT_MEMLOCK, RLIMIT_STACK}) {
    rlimit theirs{}, ours{};
    if (::prlimit(pid, resource, nullptr, &theirs) != 0 || ::getrlimit(resource, &ours) != 0) continue;
    theirs.rlim_max = std::min(theirs.rlim_max, ours.rlim_max);
    theirs.rlim_cur = std::min(theirs.rlim_cur, theirs.rlim_max);
    (void)::setrlimit(resource, &theirs);
  }
  const rlimit no_core{0, 0};
  (void)::setrlimit(RLIMIT_CORE, &no_core);
}

Result<> become(const Identity& who, bool own_users) {
  for (int capability = 0; capability <= 63 && ::prctl(PR_CAPBSET_READ, capability) >= 0; ++capability) {
    if ((who.bounding >> capability & 1) == 0 && ::prctl(PR_CAPBSET_DROP, capability) != 0) {
      return std::unexpected(failed("bounding set"));
    }
  }
  (void)::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  // A user namespace may forbid setgroups() or not know a group; its processes then keep the groups that we have too.
  if (::setgroups(who.groups.size(), who.groups.data()) != 0 && !(own_users && (errno == EPERM || errno == EINVAL))) {
    return std::unexpected(failed("groups"));
  }
  if (::setresgid(who.gid, who.gid, who.gid) != 0) return std::unexpected(failed("group"));
  if (::setresuid(who.uid, who.uid, who.uid) != 0) return std::unexpected(failed("user"));
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> sets{};
  for (std::size_t half = 0; half < 2 && who.uid == 0; ++half) {
    sets[half].effective = sets[half].permitted = static_cast<std::uint32_t>(who.permitted >> (32 * half));
  }
  if (::syscall(SYS_capset, &header, sets.data()) != 0) return std::unexpected(failed("capabilities"));
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return std::unexpected(failed("no_new_privs"));
  return {};
}

}  // namespace

Result<> enter_container(pid_t pid, int process) {
  // Nothing in the container may look into this process: /proc/PID/exe is the host's program.
  (void)::prctl(PR_SET_DUMPABLE, 0);
  Descriptor opened;
  if (process < 0 || process_of(process) != pid) {
    opened = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    process = opened.get();
  }
  const Descriptor proc(::open(("/proc/" + std::to_string(pid)).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (process < 0 || !proc) return std::unexpected(failed("process " + std::to_string(pid)));
  const Descriptor root(::openat(proc.get(), "root", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) return std::unexpected(failed("root"));
  if (auto good = check_target(proc.get(), process); !good) return good;

  join_cgroups(proc.get());
  apply_limits(pid);
  const bool own_users = !same_namespace(proc.get(), "ns/user");
  const int spaces = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP |
                     (own_users ? CLONE_NEWUSER : 0);
  if (::setns(process, spaces) != 0) return std::unexpected(failed("namespaces"));
  if (::fchdir(root.get()) != 0 || ::chroot(".") != 0) return std::unexpected(failed("root"));
  // Read only now: numbers in it are of the reader's user namespace.
  const auto who = parse_identity(read_at(proc.get(), "status"));
  if (!who) return fail(ErrorCode::wrong_state, "the container has ended");
  auto good = become(*who, own_users);
  // Changing users makes a process visible again.
  (void)::prctl(PR_SET_DUMPABLE, 0);
  return good;
}

}  // namespace hanse::provider
