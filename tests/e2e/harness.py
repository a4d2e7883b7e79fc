"""A whole network of real programs on this machine: node, provider agent, consumer, container engine.

Every test drives the hanse program as a user would. Nothing sleeps to wait: wait_until() watches for a condition, with
a bound, and says what it saw when the bound passes.
"""

import atexit
import base64
import ctypes
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HANSE = os.environ.get("HANSE_PROGRAM", str(ROOT / "build" / "dev" / "src" / "cli" / "hanse"))
PASSPHRASE = "correct horse battery staple"
WAIT_S = 90
MOST_SWEPT = 50  # folders of dead runs at a start: the rest is the next start's
LIBC = ctypes.CDLL(None, use_errno=True)


def end_with_us():
    """In a child before it becomes a program: it ends when this one is killed, session of its own or not."""
    pr_set_pdeathsig = 1
    LIBC.prctl(pr_set_pdeathsig, signal.SIGKILL)


def make_folder(kind):
    """A new folder that bears this process's id, so that a later run can tell whose it was."""
    return Path(tempfile.mkdtemp(prefix=f"hanse-{kind}-{os.getpid()}-"))


def is_leftover(path):
    """Was it made by make_folder() in a process that has ended?"""
    owner = re.fullmatch(r"hanse-(?:e2e|engine)-(\d+)-\w+", path.name)
    return owner is not None and not os.path.exists(f"/proc/{owner[1]}")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until(what, condition, timeout_s=WAIT_S):
    """The first true value of condition(); an AssertionError that names `what` and the last value otherwise."""
    deadline = time.monotonic() + timeout_s
    seen = None
    while time.monotonic() < deadline:
        seen = condition()
        if seen:
            return seen
        time.sleep(0.05)
    raise AssertionError(f"waited {timeout_s} s for {what}; last seen: {seen!r}")


class Done:
    """A command that has ended."""

    def __init__(self, args, process):
        self.args, self.code = args, process.returncode
        self.out, self.err = process.stdout, process.stderr

    def __repr__(self):
        return f"hanse {' '.join(self.args)}\nexit code {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"

    @property
    def json(self):
        try:
            return json.loads(self.out)
        except ValueError as error:
            raise AssertionError(f"no JSON on stdout ({error})\n{self!r}") from None


class User:
    """Somebody with a home folder of their own."""

    def __init__(self, network, name):
        self.network = network
        self.home = network.folder / name
        self.environment = {**os.environ, "HANSE_HOME": str(self.home), "HANSE_PASSPHRASE": PASSPHRASE,
                            "HANSE_NODE": network.url, "HOME": str(network.folder / (name + "-home")), "NO_COLOR": "1"}
        os.makedirs(self.environment["HOME"], exist_ok=True)

    def hanse(self, *args, ok=True, timeout_s=180, cwd=None, stdin=subprocess.DEVNULL, env=None, text=None):
        """Runs a command to its end. ok=True asserts exit code 0; ok=None asserts nothing."""
        args = [str(a) for a in args]
        process = subprocess.run([HANSE, *args], capture_output=True, text=True, timeout=timeout_s, cwd=cwd, input=text,
                                 stdin=None if text is not None else stdin, env={**self.environment, **(env or {})},
                                 errors="replace", check=False)
        done = Done(args, process)
        if ok is True and done.code != 0:
            raise AssertionError(f"failed\n{done!r}")
        if ok is False and done.code == 0:
            raise AssertionError(f"did not fail\n{done!r}")
        return done

    def start(self, *args, **options):
        """Starts a command in the background; the caller ends it."""
        return subprocess.Popen([HANSE, *map(str, args)], env=self.environment, stdin=subprocess.DEVNULL,
                                preexec_fn=end_with_us, **options)

    def leases(self, everything=True):
        return self.hanse("ps", *(["--all"] if everything else []), "--json").json

    def lease(self, lease):
        return self.network.get(f"/v1/leases/{lease}")["lease"]

    def balance(self):
        return self.hanse("wallet", "show", "--json").json["balance_micros"]


class Engine:
    """The container engine: one podman service for a whole test program."""

    def __init__(self):
        self.sweep()
        self.folder = make_folder("engine")
        self.socket = self.folder / "podman.sock"
        self.process = None
        self.start()
        atexit.register(self.stop)

    @staticmethod
    def podman_command(*args):
        """Without systemd podman must be told to manage cgroups itself; runc works with every cgroup layout."""
        flags = [] if os.path.isdir("/run/systemd/system") else ["--cgroup-manager", "cgroupfs"]
        if shutil.which("runc"):
            flags += ["--runtime", "runc"]
        return ["podman", *flags, *args]

    def podman(self, *args, **options):
        return subprocess.run(self.podman_command(*args), capture_output=True, text=True, check=False, **options)

    def sweep(self):
        """Removes what runs that were killed left: containers, networks, mounts and folders."""
        left = [path for path in Path(tempfile.gettempdir()).glob("hanse-*") if is_leftover(path)]
        for folder in left[:MOST_SWEPT]:
            self.remove_agents(folder)
            mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
            for mount in [m for m in mounts if m.startswith(f"{folder}/")]:
                subprocess.run(["umount", "-l", mount], check=False)
            shutil.rmtree(folder, ignore_errors=True)

    def remove_agents(self, folder):
        """Containers and networks of the agents whose data is in the folder: they bear the agent's key as a label."""
        for key in folder.glob("**/agent_key"):
            public = subprocess.run(["ssh-keygen", "-y", "-f", key], capture_output=True, text=True, check=False).stdout
            if not public:
                continue
            label = "label=hanse.agent=" + base64.b64decode(public.split()[1])[-32:].hex()[:16]
            containers = self.podman("ps", "-aq", "--filter", label).stdout.split()
            networks = self.podman("network", "ls", "-q", "--filter", label).stdout.split()
            if containers:
                self.podman("rm", "--force", "--time", "0", *containers)
            if networks:
                self.podman("network", "rm", "--force", *networks)

    def start(self):
        self.socket.unlink(missing_ok=True)
        service = self.podman_command("system", "service", "--time", "0", f"unix://{self.socket}")
        with open(self.folder / "podman.log", "ab") as log:
            self.process = subprocess.Popen(service, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=self.folder,  # conmon leaves files in it
                                            start_new_session=True, preexec_fn=end_with_us)
        wait_until("podman's service", self.socket.exists)

    def names(self, labels):
        """Of containers that bear all these labels, running or not."""
        filters = [word for label in labels for word in ("--filter", f"label={label}")]
        return self.podman("ps", "-a", *filters, "--format", "{{.Names}}").stdout.split()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class DockerEngine(Engine):
    """The same with dockerd, where HANSE_TEST_ENGINE says docker: its store is new, and given what podman's has."""

    IMAGES = ("localhost/hanse-render", "localhost/debian:bookworm-slim")

    def __init__(self):
        self.containerd = None
        rules = subprocess.run(["iptables", "--list-rules", "FORWARD"], capture_output=True, text=True, check=False).stdout
        self.forwarded = "-P FORWARD ACCEPT" in rules  # dockerd drops what it does not know
        super().__init__()
        save = self.podman_command("save", "--quiet", "--multi-image-archive", *self.IMAGES)
        with subprocess.Popen(save, stdout=subprocess.PIPE, preexec_fn=end_with_us) as saved:
            self.ask("POST", "/images/load", body=saved.stdout, headers={"Content-Type": "application/x-tar"})
        # podman finds the default image under its short name.
        self.ask("POST", f"/images/{self.IMAGES[1]}/tag?repo=debian&tag=bookworm-slim")

    def ask(self, method, path, **options):
        """An answer of the Engine API, as JSON lines."""
        connection = http.client.HTTPConnection("engine")
        with socket.socket(socket.AF_UNIX) as connection.sock:
            connection.sock.connect(str(self.socket))
            connection.request(method, path, **options)
            answer = connection.getresponse()
            body = answer.read().decode()
        assert answer.status in (200, 201), body
        return [json.loads(line) for line in body.splitlines() if line]

    def start(self):
        if self.containerd is None:
            self.containerd = self.spawn("containerd", "--address", self.folder / "containerd.sock", "--root",
                                         self.folder / "containerd", "--state", self.folder / "containerd.run")
        self.socket.unlink(missing_ok=True)
        # Containers live on when it is killed, as podman's do; no network of its own but those that are asked for.
        self.process = self.spawn("dockerd", "--live-restore", "--bridge", "none", "--exec-opt",
                                  "native.cgroupdriver=cgroupfs", "--containerd", self.folder / "containerd.sock",
                                  "--host", f"unix://{self.socket}", "--data-root", self.folder / "data",
                                  "--exec-root", self.folder / "run", "--pidfile", self.folder / "docker.pid")
        wait_until("Docker", self.is_up)

    def is_up(self):
        assert self.process.poll() is None, (self.folder / "docker.log").read_text()[-3000:]
        try:
            return self.ask("GET", "/info")
        except OSError:
            return False

    def spawn(self, *command):
        with open(self.folder / "docker.log", "ab") as log:
            return subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                    start_new_session=True, preexec_fn=end_with_us)

    def names(self, labels):
        filters = urllib.parse.quote(json.dumps({"label": labels}))
        found, = self.ask("GET", f"/containers/json?all=1&filters={filters}")
        return [container["Names"][0].lstrip("/") for container in found]

    def stop(self):
        for process in (self.process, self.containerd):
            process.terminate()
            process.wait()
        if self.forwarded:
            subprocess.run(["iptables", "--policy", "FORWARD", "ACCEPT"], check=False)
        super().stop()


class Network:
    """A node, a provider that owns this machine, and a consumer with 1000 credits."""

    PARAMS = {"claim_window": "20s", "heartbeat_timeout": "15s", "provider_lost": "60s", "start_deadline": "60s"}

    def __init__(self, engine, params=None, price="0.36"):
        self.engine = engine
        self.folder = make_folder("e2e")
        self.name = self.folder.name  # other networks may be live on this machine, another test's or a developer's
        self.port = free_port()
        self.ssh_port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.node = self.agent = None
        self.consumer, self.provider = User(self, "consumer"), User(self, "provider")
        addresses = [u.hanse("wallet", "new", "--json").json["address"] for u in (self.consumer, self.provider)]
        self.consumer_address, self.provider_address = addresses
        settings = {**self.PARAMS, **(params or {})}
        lines = [f"network: {self.name}", "accounts:"]
        lines += [f"  - {{address: {a}, balance: 1000.00}}" for a in addresses]
        lines += ["params:"] + [f"  {key}: {value}" for key, value in settings.items()]
        (self.folder / "genesis.yaml").write_text("\n".join(lines) + "\n")
        self.start_node()
        self.provider.hanse("provider", "init", "--name", "testbed", "--advertise", "127.0.0.1", "--ssh-port",
                            self.ssh_port, "--engine", engine.socket, "--country", "DE", "--price", price)
        # What a lease may use is what the machine offers: little, so that tests may exhaust it.
        config = self.provider.home / "provider" / "provider.yaml"
        config.write_text(re.sub(r"(?m)^  memory: \S+", "  memory: 768MiB", config.read_text()))
        self.start_agent()

    def spawn(self, name, user, *args):
        with open(self.folder / f"{name}.log", "ab") as log:
            return user.start(*args, stdout=log, stderr=log, start_new_session=True)

    def log(self, name):
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace")[-6000:] if path.exists() else ""

    def start_node(self):
        self.node = self.spawn("node", self.provider, "node", "--genesis", self.folder / "genesis.yaml", "--data",
                               self.folder / "node", "--listen", f"127.0.0.1:{self.port}")

        def up():
            if self.node.poll() is not None:
                raise AssertionError(f"the node ended with {self.node.returncode}:\n{self.log('node')}")
            try:
                return self.get("/healthz", raw=True)
            except OSError:
                return None
        wait_until("the node", up)

    def start_agent(self, offered=True):
        self.agent = self.spawn("agent", self.provider, "provider", "start")

        def up():
            if self.agent.poll() is not None:
                raise AssertionError(f"the agent ended with {self.agent.returncode}:\n{self.log('agent')}")
            return not offered or [o for o in self.get("/v1/offers")["items"] if o.get("reachable", True)]
        try:
            wait_until("the agent's offer", up)
        except AssertionError as error:
            raise AssertionError(f"{error}\nagent's log:\n{self.log('agent')}") from None

    def get(self, path, raw=False):
        from urllib.request import urlopen
        with urlopen(self.url + path, timeout=20) as answer:
            body = answer.read().decode()
        return body if raw else json.loads(body)

    @staticmethod
    def kill(process, how=signal.SIGKILL):
        process.send_signal(how)
        process.wait(timeout=60)

    def revive(self):
        """Starts again what a test that failed has left dead, so that the next ones fail for their own reasons only."""
        if self.engine.process.poll() is not None:
            self.engine.start()
        if self.node.poll() is not None:
            self.start_node()
        if self.agent.poll() is not None:
            self.start_agent(offered=False)

    def end_all_leases(self):
        """Ends what the consumer still has, and waits until its machine is clean again."""
        for lease in self.consumer.leases(everything=False):
            if str(lease.get("id", "")).startswith("lease-"):
                self.consumer.hanse("stop", lease["id"], "--yes", ok=None)
        wait_until("all containers to be gone", lambda: not self.containers())

    def containers(self, lease=None):
        """Names of this network's containers, running or not: of one lease, or all."""
        return self.engine.names([f"hanse.network={self.name}", *([f"hanse.lease={lease}"] if lease else [])])

    def stop(self):
        try:
            if self.agent and self.agent.poll() is None and self.node.poll() is None:
                self.end_all_leases()
        except (AssertionError, subprocess.TimeoutExpired, OSError) as error:
            print(f"while ending leases: {error}", flush=True)
        for process in (self.agent, self.node):
            if process and process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in (self.agent, self.node):
            if process:
                try:
                    process.wait(timeout=60)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


ENGINE = None


class NetworkTest(unittest.TestCase):
    """One network for the tests of a class; set PARAMS to change its genesis."""

    PARAMS = {}
    PRICE = "0.36"

    @classmethod
    def setUpClass(cls):
        global ENGINE
        if ENGINE is None:
            ENGINE = DockerEngine() if os.environ.get("HANSE_TEST_ENGINE") == "docker" else Engine()
        cls.network = Network(ENGINE, cls.PARAMS, cls.PRICE)
        cls.addClassCleanup(cls.network.stop)
        cls.consumer, cls.provider = cls.network.consumer, cls.network.provider

    def job(self, text, name="job"):
        """A job file in a folder of its own; the file's path."""
        folder = Path(tempfile.mkdtemp(prefix=name + "-", dir=self.network.folder))
        (folder / "job.yaml").write_text(text)
        return folder / "job.yaml"

    def rent(self, *args):
        """Rents an empty machine and waits until it runs; its name."""
        lease = self.consumer.hanse("rent", "--yes", "--json", *args).json["lease"]
        lease = lease if isinstance(lease, str) else lease["id"]
        wait_until(f"{lease} to run", lambda: self.consumer.lease(lease)["state"] == "running")
        return lease

    def assert_money_adds_up(self, lease):
        view = self.consumer.hanse("bill", lease, "--json").json
        self.assertTrue(view["adds_up"], view)
        return view

    def tearDown(self):
        outcome = self._outcome
        failed = any(error for _, error in getattr(outcome, "errors", []) or []) or \
            bool(outcome.result.failures or outcome.result.errors)
        if failed:
            print(f"\n--- node's log\n{self.network.log('node')}\n--- agent's log\n{self.network.log('agent')}", flush=True)
