# Shared by run, test, bench and the scripts here; sourced, never run. Three rules that tests/scripts holds them to:
#   - nothing ends without a word: `die` says what to do next, and a trap names the line of whatever else fails;
#   - messages reach the terminal and programs stand where programs must: no function is redirected, or given to sudo or
#     timeout, so what needs arguments of its own is an array (as_root, podman);
#   - nobody leaves a pipe early: its writer would die of it, and pipefail would call that a failure.
set -Eeuo pipefail
unset CDPATH

HANSE_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
HANSE_LOGS=$HANSE_ROOT/build/log

bold='' reset=''
if [ -z "${NO_COLOR:-}" ] && [ -t 2 ]; then bold=$'\e[1m' reset=$'\e[0m'; fi
say() { printf '%s%s%s\n' "$bold" "$*" "$reset" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# What nobody foresaw: says where it was. A subshell leaves that to the line that started it.
fell() {
  [ "$BASH_SUBSHELL" = 0 ] || exit "$1"
  printf 'error: %s, line %s: "%s" failed with exit code %s\n' "${BASH_SOURCE[1]}" "${BASH_LINENO[0]}" "$2" "$1" >&2
  exit "$1"
}
trap 'fell $? "$BASH_COMMAND"' ERR

# on_exit COMMAND: run when the script ends, however it ends; the last one first.
exit_commands=()
on_exit() { exit_commands=("$1" "${exit_commands[@]}"); }
leave() { local command; for command in "${exit_commands[@]}"; do eval "$command" || true; done; }
trap leave EXIT

# part SCRIPT [ARGUMENT...]: another script of ours, which says by itself what went wrong.
part() { "$HANSE_ROOT/scripts/$1" "${@:2}" || exit $?; }

# "${as_root[@]}" PROGRAM...: as it is for root, through sudo for anyone else (after need_root).
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)

# need_root WHY: asks a user for sudo, once, before anything is done, and keeps it for as long as the script runs.
need_root() {
  if [ "$(id -u)" = 0 ] || [ -n "${HANSE_SUDO_GRANTED:-}" ]; then return; fi
  command -v sudo >/dev/null || die "root is needed, $1: there is no sudo here, so run this as root"
  [ -t 0 ] || die "root is needed, $1: run 'sudo $0', or run this on a terminal, where sudo can ask"
  local answer
  read -rp "Root is needed, $1. Go on with sudo? [Y/n] " answer || die "no answer: nothing was done"
  case "$answer" in [nN]*) die "nothing was done; 'sudo $0' does it as root" ;; esac
  sudo -n true 2>/dev/null || sudo -v || die "sudo did not let you in: run this as root, or as a user who may use sudo"
  export HANSE_SUDO_GRANTED=1
  (trap - EXIT; while sudo -n true; do sleep 50; done) >/dev/null 2>&1 </dev/null &
  on_exit "kill $!"
}

# The folder of logs, for whoever runs this: what root made there before a user did is in the way.
make_logs() {
  local folder
  for folder in "$HANSE_ROOT" "$HANSE_ROOT/build" "$HANSE_LOGS"; do
    if [ -d "$folder" ] && [ ! -w "$folder" ]; then
      die "$folder is not yours to write: 'sudo chown -R $(id -un) $HANSE_ROOT/build', or use a checkout of your own"
    fi
  done
  mkdir -p "$HANSE_LOGS"
}

# As root in somebody else's checkout: what is built there is theirs.
if [ "$(id -u)" = 0 ] && [ "$(stat -c %u "$HANSE_ROOT")" != 0 ]; then
  on_exit '[ ! -d "$HANSE_ROOT/build" ] || chown -R --reference="$HANSE_ROOT" "$HANSE_ROOT/build"'
fi

# logged NAME WHAT PROGRAM...: runs it with its output in build/log/NAME.log, and shows how far ninja or apt say that
# they are. If it fails, shows the end of the log and dies.
logged() {
  local log=$HANSE_LOGS/$1.log what=$2
  shift 2
  make_logs
  rm -f "$log"
  if "$@" 2>&1 </dev/null | follow "$log"; then return; fi
  tail -n 40 "$log" >&2
  die "$what failed; its whole log is $log"
}

# follow LOG: copies stdin to LOG. Counts like ninja's [7/120] and apt's pmstatus:…:12.5:… become one line that moves on
# a terminal, and a line for each tenth elsewhere.
follow() {
  local line percent tenth=0 count
  while IFS= read -r line || [ -n "$line" ]; do
    printf '%s\n' "$line"
    if [[ $line =~ ^\[([1-9][0-9]{0,5})/([1-9][0-9]{0,5})\] ]]; then
      count="${BASH_REMATCH[1]} of ${BASH_REMATCH[2]}"
      percent=$((BASH_REMATCH[1] * 100 / BASH_REMATCH[2]))
    elif [[ $line =~ ^(dl|pm)status:[^:]*:([0-9]{1,3}) ]]; then
      percent=${BASH_REMATCH[2]}
      if [ "${BASH_REMATCH[1]}" = dl ]; then count="$percent % fetched"; else count="$percent % unpacked and set up"; fi
    else
      continue
    fi
    if [ -t 2 ]; then
      printf '\r\e[K  %s, %d:%02d' "$count" $((SECONDS / 60)) $((SECONDS % 60)) >&2
    elif [ $((percent / 10)) != "$tenth" ]; then
      printf '  %s, %d:%02d\n' "$count" $((SECONDS / 60)) $((SECONDS % 60)) >&2
    fi
    tenth=$((percent / 10))
  done >"$1"
  if [ -t 2 ] && [ -n "${count:-}" ]; then printf '\n' >&2; fi
}

# build_preset PRESET [TARGET...]: configures and builds it in build/PRESET.
build_preset() {
  local preset=$1 folder=$HANSE_ROOT/build/$1
  shift
  if [ ! -f "$folder/build.ninja" ]; then
    logged "configure-$preset" "configuring the build" cmake -S "$HANSE_ROOT" --preset "$preset"
  fi
  local targets=()
  [ $# = 0 ] || targets=(--target "$@")
  logged "build-$preset" "the build" env NINJA_STATUS='[%f/%t] ' cmake --build "$folder" "${targets[@]}"
}

# Container images are made while the build runs: they wait for the network and the disk, it does not. In a process group
# of their own, so that all of it ends when this script is interrupted.
images=
start_images() {
  make_logs
  set -m
  "$HANSE_ROOT/scripts/images" >"$HANSE_LOGS/images.log" 2>&1 </dev/null &
  images=$!
  set +m
  on_exit '[ -z "$images" ] || "${as_root[@]}" kill -- "-$images"'
}
await_images() {
  local process=$images
  if kill -0 "$process" 2>/dev/null; then say "Container images (a minute where no registry answers) ..."; fi
  if wait "$process"; then images=; return; fi
  images=
  cat "$HANSE_LOGS/images.log" >&2
  die "the container images could not be made; what was said is above and in $HANSE_LOGS/images.log"
}

# What building from nothing took on the two cores where it was measured (docs/performance.md), in core-seconds.
HANSE_CORE_SECONDS=550 BENCH_CORE_SECONDS=700 ALL_CORE_SECONDS=1250
# minutes_to_build CORE_SECONDS: what it may take here, in words.
minutes_to_build() { local minutes=$((($1 / $(nproc) + 59) / 60)); printf '%s minute%s' $minutes "$([ $minutes = 1 ] || echo s)"; }

# podman as it works here: without systemd it must be told to manage cgroups itself, and runc is the runtime that works
# with every cgroup layout.
podman=(podman)
[ -d /run/systemd/system ] || podman+=(--cgroup-manager cgroupfs)
if command -v runc >/dev/null || [ -x /usr/sbin/runc ]; then podman+=(--runtime runc); fi

# Sets engine to the one that images are made with and leases run in: podman, or docker where there is no podman or
# HANSE_ENGINE_SOCKET is Docker's.
choose_engine() {
  engine=podman
  if [[ ${HANSE_ENGINE_SOCKET:-} == *docker* ]] || ! command -v podman >/dev/null; then engine=docker; fi
  command -v "$engine" >/dev/null || die "no container engine: install podman (apt-get install podman runc) or Docker"
}

engine_answers() {
  [ -n "$1" ] && "${as_root[@]}" curl -fsS --max-time 5 --unix-socket "$1" http://engine/_ping >/dev/null 2>&1
}

# start_engine FOLDER: sets engine_socket to that of the chosen engine, if it answers: the one in HANSE_ENGINE_SOCKET, the
# machine's own, or else a podman service that this starts (socket and pid in FOLDER) and stop_engine stops.
start_engine() {
  local folder=$1
  choose_engine
  local sockets=("${HANSE_ENGINE_SOCKET:-}" /run/podman/podman.sock "$folder/podman.sock")
  [ "$engine" = podman ] || sockets=("${HANSE_ENGINE_SOCKET:-}" /var/run/docker.sock)
  for engine_socket in "${sockets[@]}"; do
    if engine_answers "$engine_socket"; then return; fi
  done
  [ "$engine" = podman ] || die "Docker does not answer at ${sockets[*]}: start it (systemctl start docker), or install podman"
  (umask 077; mkdir -p "$folder")
  engine_socket=$folder/podman.sock
  # In a folder of its own, for podman's conmon leaves a file where it is started; and in a session of its own.
  "${as_root[@]}" sh -c 'cd "$1"; rm -f podman.sock; shift
    setsid "$@" system service --time 0 "unix://$PWD/podman.sock" >podman.log 2>&1 </dev/null & echo $! >podman.pid' \
    sh "$folder" "${podman[@]}"
  local tries=0
  until engine_answers "$engine_socket"; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || die "podman's service does not answer; its log is $folder/podman.log"
    sleep 0.1
  done
}

# Ends the service that start_engine started, if it is still that: the number may long be another process's.
stop_engine() {
  "${as_root[@]}" sh -c 'cd "$1" 2>/dev/null && [ -f podman.pid ] || exit 0
    pid=$(cat podman.pid)
    if tr "\\0" " " <"/proc/$pid/cmdline" 2>/dev/null | grep -F "unix://$PWD/podman.sock" >/dev/null; then kill "$pid"; fi
    rm -f podman.pid podman.sock' sh "$1"
}
