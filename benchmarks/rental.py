#!/usr/bin/env python3
"""rental.time_to_output: from the start of `hanse run` to the job's first output, image present, against `podman run`
of the same image and command in the same run. Both give the container a network of its own."""

import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
sys.dont_write_bytecode = True
import harness  # noqa: E402

ROUNDS = 9
JOB = "name: first\nimage: debian:bookworm-slim\nrun: echo out\nmax_cost: 0.10\nmax_duration: 5m\n"


def time_to_output(command, **options):
    started = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                          **options) as process:
        line = process.stdout.readline()
        elapsed = time.monotonic() - started
        process.stdout.read()
    assert line == b"out\n" and process.returncode == 0, (command, line, process.returncode)
    return elapsed


def main():
    harness.HANSE = str(ROOT / "build" / "release" / "src" / "cli" / "hanse")
    engine = harness.Engine()
    network = harness.Network(engine)
    try:
        job = Path(network.folder) / "first.yaml"
        job.write_text(JOB)
        limits = [f"--ulimit={name}={soft}:{hard}" for name, (soft, hard) in
                  (("nofile", resource.getrlimit(resource.RLIMIT_NOFILE)), ("nproc", (4096, 4096)))]
        plain = engine.podman_command("run", "--rm", *limits, "debian:bookworm-slim", "/bin/sh", "-c", "echo out")
        rented = [harness.HANSE, "run", str(job), "--yes"]
        ours, theirs = [], []
        for _ in range(ROUNDS):
            theirs.append(time_to_output(plain))
            ours.append(time_to_output(rented, env=network.consumer.environment))
            harness.wait_until("the machine to be free again",
                               lambda: all(o["free_devices"] for o in network.get("/v1/offers")["items"]))
        value, baseline = statistics.median(ours), statistics.median(theirs)
        print(json.dumps({"name": "rental.time_to_output", "value": round(value, 4), "unit": "s",
                          "baseline": f"podman run, {baseline:.3f} s", "ratio": round(value / baseline, 3),
                          "goal": "value <= 1 and ratio <= 4"}), flush=True)
    finally:
        network.stop()


if __name__ == "__main__":
    main()
