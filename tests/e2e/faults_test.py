#!/usr/bin/env python3
"""Processes that die, connections that break: no job lost, nobody pays for nothing, every end is clear."""

import hashlib
import os
import signal
import subprocess
import unittest
from pathlib import Path

from harness import NetworkTest, wait_until

IDLE = "name: idle\nimage: debian:bookworm-slim\nrun: |\n  i=0; while true; do i=$((i+1)); echo tick $i; sleep 0.2; done\n" \
       "max_cost: 1.00\nmax_duration: 30m\nresources: {disk: 512MB}\n"


class Faults(NetworkTest):
    def setUp(self):
        self.addCleanup(self.network.end_all_leases)

    def detached(self, text=IDLE):
        lease = self.consumer.hanse("run", self.job(text), "--yes", "--detach", "--json").json["lease"]
        lease = lease if isinstance(lease, str) else lease["id"]
        wait_until(f"{lease} to run", lambda: self.consumer.lease(lease)["state"] == "running")
        return lease

    def ticks(self, lease):
        done = self.consumer.hanse("logs", lease, ok=None)
        return [int(line.split()[1]) for line in done.out.splitlines() if line.startswith("tick")]

    def end(self, lease):
        self.consumer.hanse("stop", lease, "--yes")
        self.assert_money_adds_up(lease)

    def test_agent_killed_and_restarted_the_job_goes_on(self):
        lease = self.detached()
        before = wait_until("ticks", lambda: self.ticks(lease))
        containers = self.network.containers()
        self.network.kill(self.network.agent)
        self.network.start_agent()
        after = wait_until("more ticks", lambda: (t := self.ticks(lease)) and t[-1] > before[-1] and t)
        self.assertEqual(after, list(range(1, after[-1] + 1)))
        self.assertEqual(self.network.containers(), containers)
        self.assertEqual(self.consumer.lease(lease)["state"], "running")
        self.end(lease)

    def test_node_killed_and_restarted_mid_lease_nothing_is_lost(self):
        lease = self.detached()
        before, balance = self.consumer.lease(lease), self.consumer.balance()
        self.network.kill(self.network.node)
        done = self.consumer.hanse("ps", ok=False)
        self.assertEqual(done.code, 5, done)
        self.network.start_node()
        after = self.consumer.lease(lease)
        for key in ("state", "started_at_ms", "locked_micros", "devices", "provider"):
            self.assertEqual(after[key], before[key], key)
        self.assertEqual(self.consumer.balance(), balance)
        self.assertTrue(wait_until("ticks", lambda: self.ticks(lease)))
        self.end(lease)

    def test_engine_restarted_mid_lease_the_job_goes_on(self):
        lease = self.detached()
        before = wait_until("ticks", lambda: self.ticks(lease))
        self.network.engine.kill()
        self.network.engine.start()
        wait_until("more ticks", lambda: (t := self.ticks(lease)) and t[-1] > before[-1])
        self.end(lease)

    def test_lost_provider_ends_the_lease_and_its_silence_costs_nothing(self):
        lease = self.detached()
        self.network.kill(self.network.agent)
        ended = wait_until("the lease to end", lambda: (v := self.consumer.lease(lease))["state"] == "ended" and v, 150)
        self.assertEqual(ended["end_reason"], "provider_failed")
        bill = self.assert_money_adds_up(lease)
        # Silent for 60 s of its life: not one of those seconds is billed.
        lived_s = (ended["ends_at_ms"] - ended["started_at_ms"]) / 1000
        self.assertLess(bill["seconds"], lived_s - 55)
        self.network.start_agent()
        wait_until("what is left of it to be swept",
                   lambda: not self.network.containers(lease))

    def test_copy_cut_off_midway_is_taken_up_again(self):
        lease = self.detached()
        big = Path(self.network.folder) / "big"
        big.write_bytes(os.urandom(1 << 20) * 200)
        process = self.consumer.start("cp", big, f"{lease}:big", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        size = "stat -c %s /workspace/* 2>/dev/null | sort -n | tail -1"
        wait_until("part of the file", lambda: process.poll() is not None or
                   int(self.consumer.hanse("ssh", lease, "--", size, ok=None).out.strip() or 0) > 1 << 20)
        process.kill()
        process.wait()
        self.consumer.hanse("cp", big, f"{lease}:big")
        digest = self.consumer.hanse("ssh", lease, "--", "sha256sum /workspace/big").out.split()[0]
        self.assertEqual(digest, hashlib.sha256(big.read_bytes()).hexdigest())
        self.end(lease)

    def test_consumer_killed_mid_run_the_lease_ends_with_its_job(self):
        job = self.job(IDLE.replace("while true", "while [ $i -lt 20 ]"))
        process = self.consumer.start("run", job, "--yes", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        lease = wait_until("a running lease", lambda: next((l["id"] for l in self.consumer.leases(False)
                                                            if l["state"] == "running"), None))
        process.kill()
        process.wait()
        ended = wait_until("the lease to end", lambda: (v := self.consumer.lease(lease))["state"] == "ended" and v, 240)
        self.assertEqual(ended["end_reason"], "completed")
        self.assert_money_adds_up(lease)

    def test_interrupt_ends_the_lease(self):
        process = self.consumer.start("run", self.job(IDLE), "--yes", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        while not process.stdout.readline().startswith(b"tick"):
            self.assertIsNone(process.poll())
        lease = next(l["id"] for l in self.consumer.leases(False) if l["state"] == "running")
        process.send_signal(signal.SIGINT)
        process.stdout.close()
        self.assertNotEqual(process.wait(timeout=90), 0)
        wait_until("the lease to end", lambda: self.consumer.lease(lease)["state"] == "ended")
        self.assert_money_adds_up(lease)

    def test_two_agents_with_one_key_the_second_is_refused(self):
        done = self.provider.hanse("provider", "start", ok=False, timeout_s=60)
        self.assertIn("another", done.err)

    def test_provider_that_never_confirms_costs_nothing(self):
        self.network.agent.send_signal(signal.SIGSTOP)
        try:
            balance = self.consumer.balance()
            process = self.consumer.start("rent", "--yes", "--duration", "10m", stdout=subprocess.DEVNULL,
                                          stderr=subprocess.DEVNULL)
            lease = wait_until("a match", lambda: next((l["id"] for l in self.consumer.leases(False)
                                                        if l["state"] == "matched"), None))
            ended = wait_until("the start deadline", lambda: self._ended(lease), 120)
            self.assertIn(ended["end_reason"], ("never_started", "cancelled"))
            process.terminate()
            process.wait(timeout=60)
            self.assertEqual(self.consumer.balance(), balance)
        finally:
            self.network.agent.send_signal(signal.SIGCONT)
            self.network.kill(self.network.agent)
            self.network.start_agent()

    def _ended(self, lease):
        view = self.consumer.lease(lease)
        return view if view["state"] == "ended" else None


if __name__ == "__main__":
    unittest.main()
