#!/usr/bin/env python3
"""Spot, with the real program: a bid, an auction, a container that is told of its pre-emption, sealed bids."""

import re
import signal
import subprocess
import unittest

from harness import NetworkTest, User, wait_until

IMAGE = "debian:bookworm-slim"
CAREFUL = f"""name: careful
image: {IMAGE}
mode: spot
bid: 0.80
max_duration: 1h
outputs: [saved]
run: |
  trap 'echo "until $(cut -d" " -f1 $HANSE_END_FILE)" >/workspace/saved; exit 7' TERM
  echo at work
  while :; do sleep 0.1; done
"""


class Spot(NetworkTest):
    PRICE = "1.00"
    PERIOD_S, NOTICE_S = 20, 12
    PARAMS = {"auction_period": f"{PERIOD_S}s", "reveal_window": "8s", "preempt_notice": f"{NOTICE_S}s"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        network = cls.network
        network.kill(network.agent, signal.SIGTERM)
        config = cls.provider.home / "provider" / "provider.yaml"
        config.write_text(re.sub(r"(?m)^  spot_floor: \S+", "  spot_floor: 0.20", config.read_text()))
        network.start_agent()
        wait_until("the spot floor", lambda: network.get("/v1/offers")["items"][0]["offer"]["prices"]
                   ["spot_floor_micros_per_gpu_hour"] == 200_000)

    def waiting(self, user=None):
        return [item for item in (user or self.consumer).leases(everything=False)
                if item["id"].startswith("request-") and item["state"] == "waiting"]

    def test_a_job_is_told_of_its_pre_emption_and_its_results_come_back(self):
        job = self.job(CAREFUL)
        with open(job.parent / "log", "w+") as log:
            run = self.consumer.start("run", job, "--yes", stdout=log, stderr=log)
            self.addCleanup(run.kill)
            text = lambda: (job.parent / "log").read_text()
            wait_until("the job", lambda: "at work" in text() or run.poll() is not None)
            self.assertRegex(text(), r"at most 0\.80/h, pays the clearing price")
            self.assertRegex(text(), r"the auction clears at|bids until")
            lease = re.search(r"lease-\d+", str(self.consumer.leases(everything=False)))[0]
            running = self.consumer.lease(lease)
            self.assertEqual((running["rate_micros_per_hour"], running["bid_micros_per_gpu_hour"]), (200_000, 800_000))
            self.assertIn("spot: bids 0.80 per GPU-hour", self.consumer.hanse("ps").out)
            self.assertRegex(self.consumer.hanse("auctions").out, r"(?m)^\S+/europe +0\.20 +1 +1 +1 ")

            # Somebody on demand finds nothing free, waits, and so takes the place.
            other = self.job(f"name: other\nimage: {IMAGE}\nmax_duration: 1h\nrun: echo mine\n"
                             "retry: {on: [no_capacity], for: 1h}\n")
            done = self.provider.hanse("run", other, "--yes")
            self.assertIn("mine", done.out)
            self.assertEqual(run.wait(timeout=90), 7, text())
        until = self.consumer.lease(lease)["preempt_at_ms"]
        self.assertEqual((job.parent / "saved").read_text(), f"until {until // 1000}\n")
        self.assertIn(f"Others pay more for {lease}", text())
        bill = self.consumer.hanse("bill", lease).out
        self.assertIn("bid 0.80, cleared at 0.20 per GPU-hour", bill)
        self.assert_money_adds_up(lease)
        wait_until("the container to go", lambda: not self.network.containers(lease))
        self.assertEqual(self.waiting(), [])

    def test_an_empty_machine_is_taken_away_at_the_end_of_the_notice(self):
        lease = self.rent("--spot", "--bid", "0.50", "--duration", "1h")
        shell = subprocess.Popen(
            ["script", "-qec", f"ssh -F {self.consumer.home}/ssh/config {lease}", "/dev/null"],
            env=self.consumer.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(shell.kill)
        shell.stdin.write(b"touch /workspace/open\n")
        shell.stdin.flush()
        wait_until("the shell", lambda: self.consumer.hanse("ssh", lease, "--", "test", "-e", "/workspace/open",
                                                            ok=None).code == 0)
        waiting = self.provider.start("run", self.job(
            f"name: other\nimage: {IMAGE}\nmax_duration: 1h\nrun: echo mine\n"
            "retry: {on: [no_capacity], for: 1h}\n"), "--yes", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until("the notice", lambda: self.consumer.lease(lease)["preempt_at_ms"])
        self.assertRegex(self.consumer.hanse("ps").out, "others pay more, it ends at")
        until = self.consumer.lease(lease)["preempt_at_ms"] // 1000
        said = self.consumer.hanse("ssh", lease, "--", "echo $HANSE_END_AT", ok=None).out
        self.assertEqual(said, f"{until}\n")
        self.assertIn(" ends at", shell.communicate(timeout=60)[0].decode(errors="replace"))
        ended = wait_until("the end", lambda: (lambda r: r["state"] == "ended" and r)(self.consumer.lease(lease)))
        self.assertEqual((ended["end_reason"], ended["ends_at_ms"]), ("preempted", ended["preempt_at_ms"]))
        self.assert_money_adds_up(lease)
        self.assertEqual(waiting.wait(timeout=90), 0)

    def test_a_sealed_bid_is_revealed_by_itself_and_after_a_kill_by_command(self):
        lease = self.rent("--spot", "--bid", "0.40", "--sealed", "--duration", "1h")
        self.assertEqual(self.consumer.lease(lease)["bid_micros_per_gpu_hour"], 400_000)
        self.consumer.hanse("stop", lease, "--yes")
        self.assert_money_adds_up(lease)

        client = self.consumer.start("rent", "--spot", "--bid", "0.45", "--sealed", "--duration", "1h", "--wait", "5m",
                                     "--yes", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        said = ""
        while "hanse reveal request-" not in said:
            line = client.stderr.readline()
            self.assertTrue(line, said)
            said += line
        client.kill()
        client.wait()
        client.stderr.close()
        request = re.search(r"hanse reveal (request-\d+)", said)[1]
        record = self.network.get(f"/v1/requests/{request}")["request"]
        if record["bid_micros_per_gpu_hour"] == 0:  # it had no time to reveal it
            elsewhere = User(self.network, "elsewhere")
            self.assertIn("is not in this home folder",
                          elsewhere.hanse("reveal", request, ok=False).err)
            self.consumer.hanse("reveal", request)
        self.assertIn("revealed its bid already", self.consumer.hanse("reveal", request, ok=False).err)
        won = wait_until("the lease", lambda: self.network.get(f"/v1/requests/{request}")["request"]["lease"])
        self.assertEqual(self.consumer.lease(won)["bid_micros_per_gpu_hour"], 450_000)
        self.consumer.hanse("stop", won, "--yes")
        self.assertEqual(list((self.consumer.home / "bids").iterdir()), [])

    def test_json_has_the_plan_of_a_bid(self):
        job = self.job(f"name: brief\nimage: {IMAGE}\nmax_duration: 1h\nmode: spot\nbid: 0.30\nrun: 'true'\n")
        report = self.consumer.hanse("run", job, "--yes", "--json").json
        plan = report["plan"]
        self.assertEqual((plan["mode"], plan["bid_micros_per_gpu_hour"], plan["sealed"]), ("spot", 300_000, False))
        self.assertLessEqual(report["bill"]["locked_micros"], plan["most_micros"])

    def test_bids_that_cannot_be_are_refused_and_cost_nothing(self):
        before = self.consumer.balance()
        for bid, why in (("0", "above 0"), ("-1", ""), ("1e3", ""), ("5000000", "can cost"), ("2000", "can cost")):
            refused = self.consumer.hanse("rent", "--spot", f"--bid={bid}", "--yes", ok=False)
            self.assertIn(why, refused.err)
        self.assertIn("--bid", self.consumer.hanse("rent", "--spot", "--yes", ok=False).err)
        self.assertIn("--spot", self.consumer.hanse("rent", "--bid", "1", "--yes", ok=False).err)
        nothing = self.consumer.hanse("rent", "gpu=H999", "--spot", "--bid", "1", "--yes", ok=False)
        self.assertIn("no machine that is for rent on spot fits", nothing.err)
        low = self.consumer.hanse("rent", "--spot", "--bid", "0.10", "--yes", ok=False)
        self.assertIn("got no machine", low.err)
        wrong = self.job(f"name: x\nimage: {IMAGE}\nmode: spot\nbid: 0\nmax_duration: 1h\n")
        self.assertIn("bid is 0", self.consumer.hanse("run", wrong, "--yes", ok=False).err)
        self.assertIn("has no sealed bid", self.refusal_of_an_open_bid())
        self.assertEqual(self.consumer.balance(), before)
        self.assertEqual(self.waiting(), [])

    def refusal_of_an_open_bid(self):
        """`hanse reveal` of a request with an open bid that waits for its auction."""
        client = self.consumer.start("rent", "--spot", "--bid", "0.10", "--yes", stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL)
        request = wait_until("the request", self.waiting)[0]["id"]
        said = self.consumer.hanse("reveal", request, ok=False).err
        client.send_signal(signal.SIGINT)
        client.wait(timeout=60)
        return said


if __name__ == "__main__":
    unittest.main()
