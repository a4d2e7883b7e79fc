# Shared by run, test, bench and .ci/run; sourced, never run.
set -euo pipefail

HANSE_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

if [ -n "${NO_COLOR:-}" ] || [ ! -t 2 ]; then say() { printf '%s\n' "$*" >&2; }; fi

# as_root COMMAND...: as it is for root, through sudo for anyone else.
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# Configures and builds one preset; the build folder is build/PRESET. `build_preset release hanse` builds one target.
build_preset() {
  local preset=$1; shift
  if [ ! -f "$HANSE_ROOT/build/$preset/build.ninja" ]; then
    (cd "$HANSE_ROOT" && cmake --preset "$preset" >"/tmp/hanse-configure-$preset.log" 2>&1) ||
      { cat "/tmp/hanse-configure-$preset.log" >&2; die "cmake failed for preset $preset; see above"; }
  fi
  (cd "$HANSE_ROOT" && cmake --build "build/$preset" ${1:+--target "$@"}) >&2
}

# The arguments that podman needs here: without systemd it must be told to manage cgroups itself, and runc is the
# runtime that works with every cgroup layout.
podman_arguments() {
  [ -d /run/systemd/system ] || printf '%s\n' --cgroup-manager cgroupfs
  if command -v runc >/dev/null; then printf '%s\n' --runtime runc; fi
}

hanse_podman() { local arguments; mapfile -t arguments < <(podman_arguments); podman "${arguments[@]}" "$@"; }

# Prints the socket of a container engine that answers: the one in HANSE_ENGINE_SOCKET, Docker's, podman's, or a
# podman service that this starts (socket and pid under $1) and that stops with stop_engine.
start_engine() {
  local folder=$1 socket
  for socket in "${HANSE_ENGINE_SOCKET:-}" /run/podman/podman.sock "$folder/podman.sock" /var/run/docker.sock; do
    if [ -n "$socket" ] && curl -fsS --max-time 5 --unix-socket "$socket" http://engine/_ping >/dev/null 2>&1; then
      echo "$socket"; return
    fi
  done
  command -v podman >/dev/null || die "no container engine: install podman (apt-get install podman runc) or Docker"
  (umask 077; mkdir -p "$folder")
  socket=$folder/podman.sock
  rm -f "$socket"
  local arguments; mapfile -t arguments < <(podman_arguments)
  # In a folder of its own: podman's conmon leaves a file where it is started.
  (cd "$folder" && exec setsid podman "${arguments[@]}" system service --time 0 "unix://$socket" \
    >podman.log 2>&1 </dev/null) &
  echo $! >"$folder/podman.pid"
  local tries=0
  until curl -fsS --max-time 5 --unix-socket "$socket" http://engine/_ping >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || die "podman's service does not answer; see $folder/podman.log"
    sleep 0.1
  done
  echo "$socket"
}

stop_engine() {
  local folder=$1
  if [ -f "$folder/podman.pid" ]; then
    kill "$(cat "$folder/podman.pid")" 2>/dev/null || true
    rm -f "$folder/podman.pid" "$folder/podman.sock"
  fi
}
