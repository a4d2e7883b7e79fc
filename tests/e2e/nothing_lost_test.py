#!/usr/bin/env python3
"""Commands always end, results always come home: whatever breaks on the way, nothing that is promised is lost."""

import base64
import json
import os
import random
import signal
import subprocess
import time
import unittest
from pathlib import Path

from harness import NetworkTest, wait_until

IMAGE = "image: localhost/hanse-render\nmax_cost: 1.00\nresources: {disk: 512MB}\n"

# Lines of 100 bytes, numbered, as fast as the pipes take them; the shell's own number of seconds between chunks.
COUNTED = """python3 - <<'P'
import sys, time
for chunk in range({chunks}):
    sys.stdout.write(''.join('%07d %s\\n' % (chunk * 10000 + i, 'x' * 91) for i in range(10000)))
    sys.stdout.flush(); time.sleep({pause})
P
"""


def indented(script):
    return "run: |\n" + "".join(f"  {line}\n" for line in script.splitlines())


def assert_counted(test, output, lines):
    """Every line is there once, in order, and nothing else."""
    got = output.split(b"\n")
    test.assertEqual(got.pop(), b"", "it ends with a whole line")
    for number, line in enumerate(got):
        test.assertEqual(line[:8], b"%07d " % number, "a gap, a repetition, or what is none of the job's")
    test.assertEqual(len(got), lines)


class NothingLost(NetworkTest):
    def setUp(self):
        self.addCleanup(self.network.end_all_leases)
        self.addCleanup(self.network.revive)  # before it: cleanups run from the last to the first

    def started(self, *words, **options):
        """A command in the background that is killed at the test's end."""
        process = self.consumer.start(*words, **options)
        self.addCleanup(self.let_go, process)
        return process

    @staticmethod
    def let_go(process):
        if process.poll() is None:
            process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()

    def newest(self):
        return max(self.consumer.leases(), key=lambda lease: int(lease["id"].split("-")[1]))["id"]

    def state(self, lease):
        return self.consumer.lease(lease)["state"]

    def detached(self, job, cwd=None):
        lease = self.consumer.hanse("run", job, "--yes", "--detach", "--json", cwd=cwd).json["lease"]
        wait_until(f"{lease} to run", lambda: self.state(lease) in ("running", "kept"))
        return lease

    def test_a_copy_ends_where_its_helper_cannot_start(self):
        fill = indented("python3 -c '\nimport threading, time\nthreading.stack_size(65536)\ntry:\n"
                        "  while True: threading.Thread(target=time.sleep, args=(500,), daemon=True).start()\n"
                        "except RuntimeError: print(\"full\", flush=True)\ntime.sleep(500)'")
        lease = self.detached(self.job(IMAGE + "max_duration: 10m\n" + fill))
        wait_until("the limit of processes", lambda: "full" in self.consumer.hanse("logs", lease, ok=None).out)
        done = self.consumer.hanse("cp", __file__, f"{lease}:", ok=False, timeout_s=60)
        self.assertEqual(done.code, 5, done)
        self.assertIn("limit of processes is reached", done.err)

    def test_a_copy_ends_with_its_lease_and_by_interrupt(self):
        for ending in ("interrupt", "lease"):
            lease = self.rent("--duration", "10m")
            big = Path(self.network.folder) / "big"
            big.write_bytes(os.urandom(1 << 20) * 400)
            process = self.started("cp", big, f"{lease}:big", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            wait_until("part of it", lambda: "big" in self.consumer.hanse("ssh", lease, "--", "ls -A", ok=None).out)
            if ending == "interrupt":
                process.send_signal(signal.SIGINT)
            else:
                self.consumer.hanse("stop", lease, "--yes")
            code = process.wait(timeout=60)
            self.assertIn(code, (130,) if ending == "interrupt" else (0, 1, 5), process.stderr.read())
            self.network.end_all_leases()

    def test_a_run_outlives_its_engine_and_255_is_the_jobs_own(self):
        job = self.job(IMAGE + "max_duration: 10m\n" + indented(
            "for i in $(seq 60); do echo tick $i; echo err $i >&2; sleep 0.2; done\nexit 255"))
        with open(self.network.folder / "out", "wb") as out, open(self.network.folder / "err", "wb") as err:
            process = self.started("run", job, "--yes", stdout=out, stderr=err)
            said = Path(out.name)
            wait_until("ticks", lambda: b"tick 5\n" in said.read_bytes())
            self.network.engine.kill()
            wait_until("ticks without an engine", lambda: b"tick 25\n" in said.read_bytes())
            self.network.engine.start()
            self.assertEqual(process.wait(timeout=120), 255)
        self.assertEqual(said.read_bytes(), b"".join(b"tick %d\n" % i for i in range(1, 61)))
        errors = Path(err.name).read_bytes()
        for i in range(1, 61):
            self.assertIn(b"err %d\n" % i, errors)

    def test_outputs_come_home_while_the_engine_is_away(self):
        job = self.job(IMAGE + "max_duration: 10m\noutputs: [out]\n" + indented(
            "echo up; while [ ! -e go ]; do sleep 0.1; done; echo result >out"))
        process = self.started("run", job, "--yes", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.assertEqual(process.stdout.readline(), b"up\n")
        self.consumer.hanse("cp", __file__, f"{self.newest()}:go")
        self.network.engine.kill()
        try:
            wait_until("the output", (job.parent / "out").exists)
            self.assertEqual(process.wait(timeout=90), 0)
        finally:
            self.network.engine.start()

    def test_each_output_is_tried_and_patterns_find_theirs(self):
        job = self.job(IMAGE + 'max_duration: 5m\noutputs: [eval.json, fin, "res/*.txt", "**/*.log", /workspace/ok.txt]\n' +
                       indented("mkdir -p fin res a/b; echo weights >fin/model.bin; echo ok >ok.txt\n"
                                "echo 1 >res/a.txt; echo 2 >res/b.bin; echo l >x.log; echo m >a/b/y.log"))
        done = self.consumer.hanse("run", job, "--yes", ok=False)
        self.assertEqual(done.code, 120, done)
        self.assertIn("output eval.json did not come back", done.err)
        came = sorted(str(p.relative_to(job.parent)) for p in job.parent.rglob("*") if p.is_file())
        self.assertEqual(came, ["a/b/y.log", "fin/model.bin", "job.yaml", "ok.txt", "res/a.txt", "x.log"])
        self.assertEqual(self.state(self.newest()), "ended", "what is not there will not come")

    def test_an_output_comes_whatever_lies_here_with_its_size_and_time(self):
        job = self.job(IMAGE + "max_duration: 5m\noutputs: [same]\n" + indented(
            "echo new >same; touch -d @1700000000 same"))
        (job.parent / "same").write_text("old\n")
        os.utime(job.parent / "same", (1700000000, 1700000000))
        self.consumer.hanse("run", job, "--yes")
        self.assertEqual((job.parent / "same").read_text(), "new\n")

    def test_a_failure_for_good_hides_none_that_may_pass(self):
        job = self.job(IMAGE + 'max_duration: 5m\nkeep: 5m\noutputs: ["*"]\n' + indented(
            "ln -s nowhere a-latest; mkdir way; echo 1 >way/x; echo 2 >z; exit 9"))
        (job.parent / "way").write_text("in the way")
        done = self.consumer.hanse("run", job, "--yes", "--json", ok=None)
        self.assertEqual(done.code, 9, done)
        self.assertEqual(done.json["exit_code"], 9)
        self.assertEqual(len(done.json["missing"]), 2, done.json)
        left, = done.json["left"]
        self.assertEqual((job.parent / "z").read_text(), "2\n")
        (job.parent / "way").unlink()
        again = self.consumer.hanse("attach", left["lease"], "--to", job.parent, ok=None)
        self.assertEqual(again.code, 9, again)
        self.assertEqual((job.parent / "way" / "x").read_text(), "1\n")
        self.assertIn("a-latest", again.err, "what a failed job did not leave is said too")
        self.assertIn("The job ended with exit code 9.", again.err)
        self.assertEqual(self.state(left["lease"]), "ended")

    def test_ctrl_c_while_outputs_come_leaves_them_there(self):
        job = self.job(IMAGE + "max_duration: 10m\nkeep: 5m\noutputs: [huge]\n" + indented(
            "head -c 400M /dev/urandom >huge"))
        process = self.started("run", job, "--yes", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        wait_until("a part", lambda: any(name.endswith(".part") for name in os.listdir(job.parent)))
        process.send_signal(signal.SIGINT)
        err = process.communicate(timeout=60)[1].decode()
        self.assertEqual(process.returncode, 130, err)
        self.assertIn("'hanse attach", err)
        self.consumer.hanse("attach", self.newest(), "--to", job.parent)
        self.assertEqual((job.parent / "huge").stat().st_size, 400 << 20)

    def test_a_machine_rented_without_a_job_has_no_output_to_follow(self):
        lease = self.rent("--duration", "10m", "--shm", "64MB")
        for command in (["attach", lease], ["logs", "-f", lease], ["logs", lease]):
            done = self.consumer.hanse(*command, ok=False, timeout_s=60)
            self.assertIn("was rented without a job", done.err)

    def test_an_output_that_cannot_be_written_here_waits_there(self):
        job = self.job(IMAGE + "max_duration: 5m\noutputs: [first, second]\n" + indented("echo 1 >first; echo 2 >second"))
        (job.parent / "first").mkdir()
        done = self.consumer.hanse("run", job, "--yes", ok=False)
        lease = self.newest()
        self.assertEqual((job.parent / "second").read_text(), "2\n")
        self.assertIn(f"hanse attach {lease}", done.err)
        self.assertEqual(self.state(lease), "kept", done)
        (job.parent / "first").rmdir()
        self.consumer.hanse("attach", lease, cwd=job.parent)
        self.assertEqual((job.parent / "first").read_text(), "1\n")
        self.assertEqual(self.state(lease), "ended")
        self.assert_money_adds_up(lease)

    def test_a_detached_jobs_results_wait_for_whoever_attaches_and_its_device_is_free(self):
        lease = self.detached(self.job(IMAGE + "max_duration: 10m\noutputs: [ok.txt]\nkeep: 30m\n" +
                                       indented("echo ok >ok.txt; echo DONE; exit 7")))
        wait_until("its files to be kept", lambda: self.state(lease) == "kept")
        other = self.rent("--duration", "10m")  # the machine's only device
        self.assertEqual(self.consumer.hanse("ssh", lease, "--", "cat ok.txt").out, "ok\n")
        home = Path(self.network.folder) / "elsewhere"
        home.mkdir()
        done = self.consumer.hanse("attach", lease, "--json", cwd=home, ok=None)
        self.assertEqual(done.code, 7, done)
        self.assertEqual((home / "ok.txt").read_text(), "ok\n")
        self.assertEqual(self.state(other), "running")
        bill = self.assert_money_adds_up(lease)
        self.assertLess(bill["used_micros"] + bill["keep_micros"], bill["locked_micros"])
        wait_until("its container to be gone", lambda: not self.network.containers(lease))

    def test_a_job_is_told_before_its_time_is_over_and_its_results_outlive_it(self):
        job = self.job(IMAGE + "max_duration: 1m\nnotice: 45s\noutputs: [saved, step]\n" + indented(
            "trap 'echo until $(cat $HANSE_END_FILE) >saved' TERM\n"
            "while true; do date +%s >step; sleep 0.2 || true; done"))
        done = self.consumer.hanse("run", job, "--yes", ok=None, timeout_s=150)
        lease = self.consumer.lease(self.newest())
        self.assertIn("hanse extend", done.err)
        until, why = (job.parent / "saved").read_text().split()[1:]
        self.assertEqual((int(until), why), (lease["ends_at_ms"] // 1000, "time"))
        self.assertGreater(int((job.parent / "step").read_text()), int(until) - 10, "it worked on to the end")
        self.assertEqual(lease["state"], "ended")

    def test_output_at_full_speed_over_restarts_of_the_agent_comes_whole(self):
        job = self.job(IMAGE + "max_duration: 10m\n" + indented(COUNTED.format(chunks=150, pause=0.02)))
        with open(self.network.folder / "counted", "wb") as out:
            process = self.started("run", job, "--yes", stdout=out, stderr=subprocess.DEVNULL)
            for size in (10_000_000, 60_000_000):
                wait_until("output", lambda s=size: os.path.getsize(out.name) > s)
                self.network.kill(self.network.agent)
                self.network.start_agent(offered=False)
            self.assertEqual(process.wait(timeout=180), 0)
        assert_counted(self, Path(out.name).read_bytes(), 1_500_000)

    def test_what_the_machine_no_longer_keeps_is_said_and_counted(self):
        lease = self.detached(self.job(IMAGE + "max_duration: 10m\n" + indented(COUNTED.format(chunks=400, pause=0))))
        done = wait_until("all of it", lambda: (d := self.consumer.hanse("logs", lease, ok=None, timeout_s=120)) and
                          "3999999 x" in d.out and d)
        self.assertIn("of output are missing here", done.err)
        first = int(done.out[:7])
        self.assertEqual(len(done.out), (4_000_000 - first) * 100 if done.out[7] == " " else None)

    def test_logs_as_json_are_whole_lines_exact_to_the_byte(self):
        script = "python3 -c '\nimport sys\nfor i in range(20000): sys.stdout.write(\"a\" * (i % 7) + \"é🚀ü\" * 9 + \"\\n\")\n" \
                 "sys.stdout.flush(); sys.stdout.buffer.write(bytes(range(256)))'"
        lease = self.detached(self.job(IMAGE + "max_duration: 10m\n" + indented(script)))
        wait_until("the job's end", lambda: self.consumer.hanse("logs", lease, "-f", ok=None).code == 0)
        told = b""
        for line in self.consumer.hanse("logs", lease, "--json").out.splitlines():
            one = json.loads(line)
            told += one["text"].encode() if "text" in one else base64.b64decode(one["base64"])
        wanted = "".join("a" * (i % 7) + "é🚀ü" * 9 + "\n" for i in range(20000)).encode() + bytes(range(256))
        self.assertEqual(told, wanted)

    def test_a_terminal_that_closes_ends_the_run_and_its_lease(self):
        process = self.started("run", self.job(IMAGE + "max_duration: 10m\nrun: echo up; sleep 500\n"), "--yes",
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.assertEqual(process.stdout.readline(), b"up\n")
        lease = self.newest()
        process.send_signal(signal.SIGHUP)
        self.assertEqual(process.wait(timeout=60), 130)
        self.assertEqual(self.state(lease), "ended")

    def test_an_agent_that_boots_before_its_node_and_engine_waits_for_both(self):
        network = self.network
        job = self.job(IMAGE + "max_duration: 10m\n" + indented(COUNTED.format(chunks=20, pause=0.5) + "exit 4"))
        with open(network.folder / "boot", "wb") as out:
            process = self.started("run", job, "--yes", stdout=out, stderr=subprocess.DEVNULL)
            wait_until("output", lambda: os.path.getsize(out.name) > 0)
            network.engine.kill()
            network.kill(network.agent)
            network.kill(network.node)
            network.start_agent(offered=False)
            wait_until("its word", lambda: "waiting: no node answers" in network.log("agent"))
            network.start_node()
            wait_until("its word", lambda: "waiting: no container engine answers" in network.log("agent"))
            network.engine.start()
            self.assertEqual(process.wait(timeout=120), 4)
        assert_counted(self, Path(out.name).read_bytes(), 200_000)

    def test_cables_pulled_at_random_lose_nothing(self):
        seed = int(os.environ.get("HANSE_SEED", time.time()))
        print(f"    HANSE_SEED={seed}", flush=True)
        draw = random.Random(seed)
        for _ in range(8 if os.environ.get("HANSE_LONG") else 1):
            self.pull_cables(draw, seed)

    def pull_cables(self, draw, seed):
        network = self.network
        job = self.job(IMAGE + "max_duration: 10m\noutputs: [sum]\n" + indented(
            COUNTED.format(chunks=40, pause=0.5) + "echo 400000 >sum\nexit 3"))

        def engine():
            network.engine.kill()
            time.sleep(draw.random() * 4)  # how long the cable is out
            network.engine.start()

        def agent():
            network.kill(network.agent)
            network.start_agent(offered=False)

        def node():
            network.kill(network.node)
            network.start_node()

        with open(network.folder / "chaos", "wb") as out, open(network.folder / "chaos.err", "wb") as err:
            process = self.started("run", job, "--yes", stdout=out, stderr=err)
            wait_until("output", lambda: os.path.getsize(out.name) > 0)
            pulled = []
            while process.poll() is None and len(pulled) < 6:
                cable = draw.choice((engine, agent, node))
                pulled.append(cable.__name__)
                cable()
            code = process.wait(timeout=240)
        said = f"seed {seed}: {' '.join(pulled)}\n{Path(err.name).read_text()[-3000:]}"
        self.assertEqual(code, 3, said)
        assert_counted(self, Path(out.name).read_bytes(), 400_000)
        self.assertEqual((job.parent / "sum").read_text(), "400000\n", said)
        wait_until("the lease to end", lambda: self.state(self.newest()) == "ended")


if __name__ == "__main__":
    unittest.main()
