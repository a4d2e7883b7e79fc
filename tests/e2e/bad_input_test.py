#!/usr/bin/env python3
"""Jobs that are wrong, unruly or hostile: a clear message, no lost money, an exit code, a healthy machine."""

import re
import unittest

from harness import NetworkTest, wait_until

LIMITS = "max_cost: 0.20\nmax_duration: 10m\nresources: {memory: 256MB.., disk: 128MB}\n"


class BadJobFiles(NetworkTest):
    PRICE = "0.60"  # 2000 hours of it are more than the consumer has

    def refused(self, text, *words, code=120):
        before = len(self.consumer.leases())
        done = self.consumer.hanse("run", self.job(text), "--yes", ok=None)
        self.assertEqual(done.code, code, done)
        for word in words:
            self.assertIn(word, done.err)
        self.assertEqual(len(self.consumer.leases()), before, "nothing may be rented")

    def test_unknown_key_names_the_nearest(self):
        self.refused("name: x\nimmage: debian:bookworm-slim\nrun: 'true'\n" + LIMITS, "immage", "image")

    def test_bad_duration_and_size_say_what_they_take(self):
        self.refused("name: x\nimage: debian:bookworm-slim\nrun: 'true'\nmax_duration: 5\n", "max_duration", "unit is missing", "1h30m")
        self.refused("name: x\nimage: debian:bookworm-slim\nrun: 'true'\nmax_duration: 5m\n"
                     "resources: {disk: 20XB}\n", "20XB")

    def test_where_error_points_at_the_character(self):
        self.refused("name: x\nimage: debian:bookworm-slim\nrun: 'true'\nwhere: 'vrm>=80GB'\nmax_duration: 5m\n",
                     "vrm", "vram", "^")

    def test_nothing_fits_and_price_ceiling_have_their_own_exit_code(self):
        self.refused("name: x\nimage: debian:bookworm-slim\nrun: 'true'\nwhere: 'gpu in [H100]'\nmax_duration: 5m\n",
                     "gpu", code=121)
        self.refused("name: x\nimage: debian:bookworm-slim\nrun: 'true'\nmax_price: 0.01\nmax_duration: 5m\n",
                     "max_price", code=121)

    def test_more_money_than_there_is(self):
        self.refused("name: x\nimage: debian:bookworm-slim\nrun: 'true'\nmax_duration: 2000h\n", "balance", code=124)

    def test_no_such_file(self):
        done = self.consumer.hanse("run", "nowhere.yaml", "--yes", ok=None)
        self.assertEqual(done.code, 120, done)
        self.assertIn("nowhere.yaml", done.err)


class BadProviders(NetworkTest):
    def test_no_machine_offers_more_devices_than_it_has(self):
        greedy = self.consumer
        greedy.hanse("provider", "init", "--name", "greedy", "--advertise", "127.0.0.1", "--engine", self.network.engine.socket,
                     "--country", "DE", "--price", "1", ok=None)
        config = greedy.home / "provider" / "provider.yaml"
        honest = config.read_text()
        for lie, said in ((r"gpus: 64", "64 × "), (r"gpu_model: H100-SXM", "× H100-SXM")):
            config.write_text(re.sub(rf"(?m)^  {lie.split()[0]} \S+", f"  {lie}", honest))
            done = greedy.hanse("provider", "start", ok=None)
            self.assertNotEqual(done.code, 0)
            self.assertIn(said, done.err)
            self.assertIn("this machine has", done.err)
        self.assertEqual(len(self.network.get("/v1/offers")["items"]), 1, "of the honest provider alone")


class UnrulyJobs(NetworkTest):
    def run_job(self, run, extra="", image="debian:bookworm-slim", **options):
        text = f"name: unruly\nimage: {image}\nrun: |\n  {run}\n" + LIMITS + extra
        done = self.consumer.hanse("run", self.job(text), "--yes", ok=None, **options)
        newest = max(self.consumer.leases(), key=lambda l: int(l["id"].split("-")[1]))
        self.assertEqual(newest["state"], "ended", done)
        self.assert_money_adds_up(newest["id"])
        wait_until("the machine to be clean", lambda: not self.network.containers(newest["id"]))
        return done

    def test_image_that_does_not_exist(self):
        done = self.run_job("true", image="localhost/no-such-image:ever")
        self.assertEqual(done.code, 125, done)
        self.assertIn("no-such-image", done.err)

    def test_exits_at_once(self):
        self.assertEqual(self.run_job("exit 3").code, 3)

    def test_eats_its_memory_and_is_told_so(self):
        done = self.run_job("head -c 4G /dev/zero | tail")
        self.assertNotEqual(done.code, 0)

    def test_fills_its_disk_and_hurts_nobody(self):
        done = self.run_job("head -c 1G /dev/zero > /workspace/full || echo rest $?; df /workspace | tail -1")
        self.assertIn("No space left on device", done.err + done.out)

    def test_forks_without_end_and_hits_its_limit(self):
        done = self.run_job("for i in $(seq 9000); do sleep 60 & done; echo made them all")
        self.assertNotEqual(done.code, 0)
        self.consumer.hanse("run", self.job("name: next\nimage: debian:bookworm-slim\nrun: echo fine\n" + LIMITS), "--yes")

    def test_ignores_sigterm_and_ends_all_the_same(self):
        text = "name: stubborn\nimage: debian:bookworm-slim\nrun: |\n  trap '' TERM; while true; do sleep 1; done\n" + LIMITS
        lease = self.consumer.hanse("run", self.job(text), "--yes", "--detach", "--json").json["lease"]
        lease = lease if isinstance(lease, str) else lease["id"]
        wait_until("it to run", lambda: self.consumer.lease(lease)["state"] == "running")
        self.consumer.hanse("stop", lease, "--yes")
        wait_until("it to be gone", lambda: not self.network.containers(lease))

    def test_leases_reach_neither_the_host_nor_each_other(self):
        probe = ("for host in 10.213.0.1 10.213.0.9 127.0.0.1 $(ip route 2>/dev/null | awk '/default/{print $3}') "
                 f"$(awk '$2==\"00000000\"{{print $3}}' /proc/net/route); do (timeout 3 bash -c "
                 f"\"echo > /dev/tcp/$host/{self.network.port}\" 2>/dev/null && echo REACHED $host) || true; done; echo probed")
        done = self.run_job(probe)
        self.assertIn("probed", done.out)
        self.assertNotIn("REACHED", done.out)


if __name__ == "__main__":
    unittest.main()
