"""One real node on a folder of its own, for tests of what it serves. No container engine, no provider's agent."""

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
from harness import HANSE, end_with_us, free_port, make_folder, wait_until  # noqa: E402

NETWORK = "api-test"
# Nobody beats a heart here: a provider must not be lost while a test runs.
PARAMS = {"max_validity": "1d", "claim_window": "1d", "heartbeat_timeout": "1d", "provider_lost": "1d"}


class Node:
    def __init__(self, addresses=(), options=()):
        self.folder = make_folder("e2e")
        self.url = f"http://127.0.0.1:{free_port()}"
        lines = [f"network: {NETWORK}", "accounts:" if addresses else "accounts: []"]
        lines += [f"  - {{address: {a}, balance: 1000.00}}" for a in addresses]
        lines += ["params:"] + [f"  {key}: {value}" for key, value in PARAMS.items()]
        (self.folder / "genesis.yaml").write_text("\n".join(lines) + "\n")
        self.process = subprocess.Popen(
            [HANSE, "node", "--genesis", self.folder / "genesis.yaml", "--data", self.folder / "node", "--listen",
             self.url.removeprefix("http://"), *options],
            stdin=subprocess.DEVNULL, env={**os.environ, "HANSE_HOME": str(self.folder / "home")},
            preexec_fn=end_with_us)
        wait_until("the node", self.is_up)

    def is_up(self):
        assert self.process.poll() is None, f"the node ended with {self.process.returncode}"
        try:
            return self.ask("GET", "/healthz").status == 200
        except OSError:
            return False

    def ask(self, method, path, body=None, **headers):
        """The answer, whatever its status. `headers`: Content_Type for Content-Type."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.url + path, data=body, method=method, headers=named)
        try:
            answer = urllib.request.urlopen(request, timeout=60)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            answer.text = answer.read().decode()
        return answer

    def get(self, path):
        answer = self.ask("GET", path)
        assert answer.status == 200, answer.text
        return json.loads(answer.text)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=60)
        shutil.rmtree(self.folder, ignore_errors=True)
