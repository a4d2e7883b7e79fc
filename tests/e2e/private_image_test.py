#!/usr/bin/env python3
"""A job whose image is in a registry that wants to know who asks: a real one, on a port of this machine."""

import base64
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import unittest
from pathlib import Path

from harness import NetworkTest, end_with_us, free_port, make_folder, wait_until

USER, PASSWORD = "renter", "open-sesame-4711"
HASHED = "$2b$05$hanseHanseHanseHanseHuhRMov6Gnx70KavToF/vi7Fm2ggRE5pK"  # bcrypt
JOB = "max_cost: 0.10\nmax_duration: 5m\nresources: {disk: 64MB}\nrun: echo $WHO\n"


class PrivateImage(NetworkTest):
    @classmethod
    def setUpClass(cls):
        cls.folder = make_folder("registry")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.place = f"127.0.0.1:{free_port()}"
        cls.image = cls.place + "/house/tool:1"
        (cls.folder / "htpasswd").write_text(f"{USER}:{HASHED}\n")
        (cls.folder / "config.yml").write_text(
            f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {cls.folder}/data}}}}\nhttp: {{addr: '{cls.place}'}}\n"
            f"auth: {{htpasswd: {{realm: test, path: {cls.folder}/htpasswd}}}}\n")
        with open(cls.folder / "log", "wb") as log:
            cls.registry = subprocess.Popen(["docker-registry", "serve", cls.folder / "config.yml"], stdout=log, stderr=log,
                                            preexec_fn=end_with_us)
        cls.addClassCleanup(cls.registry.wait)
        cls.addClassCleanup(cls.registry.kill)
        # The engine speaks plain HTTP to it, and reads that when it starts.
        (cls.folder / "registries.conf").write_text(f'[[registry]]\nlocation = "{cls.place}"\ninsecure = true\n')
        os.environ["CONTAINERS_REGISTRIES_CONF"] = str(cls.folder / "registries.conf")
        super().setUpClass()
        cls.push()
        config = cls.provider.home / "provider" / "provider.yaml"
        config.write_text(re.sub(r"(?m)^registries: .*$", f"registries: ['{cls.place}']", config.read_text()))
        cls.network.kill(cls.network.agent)
        cls.network.start_agent()

    @classmethod
    def push(cls):
        """An image that is in the registry and not in the engine."""
        podman = cls.network.engine.podman
        made = podman("create", "localhost/hanse-render", "true").stdout.strip()
        podman("commit", "--change", "ENV WHO=private", made, cls.image)
        podman("rm", made)
        wait_until("the image in the registry", lambda: podman(
            "push", "--tls-verify=false", "--creds", f"{USER}:{PASSWORD}", cls.image).returncode == 0)
        podman("rmi", cls.image)

    def logins(self, place, password=PASSWORD):
        file = self.folder / "auth.json"
        auth = base64.b64encode(f"{USER}:{password}".encode()).decode()
        file.write_text(json.dumps({"auths": {place: {"auth": auth}}}))
        return file

    def run_job(self, *words):
        done = self.consumer.hanse("run", self.job(f"image: {self.image}\n" + JOB), "--yes", *words, ok=None)
        self.network.end_all_leases()
        return done

    def test_with_its_login_it_runs_and_leaves_nothing(self):
        done = self.run_job("--registry-auth", self.logins(self.place))
        self.assertEqual((done.code, done.out), (0, "private\n"), done.err)
        self.assertIn(f"the login of {USER} for {self.place} goes to the machine", done.err)
        wait_until("the image to be gone", lambda: self.network.engine.podman("image", "exists", self.image).returncode)
        kept = [file for home in (self.network.folder, Path(self.consumer.home), Path(self.provider.home))
                for file in home.rglob("*") if file.is_file() and PASSWORD.encode() in file.read_bytes()]
        self.assertEqual(kept, [])

    def has_job(self):
        """Has the agent taken a job?"""
        file = self.provider.home / "provider" / "journal.sqlite"
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as journal:
            return journal.execute("SELECT count(*) FROM leases WHERE length(job) > 0").fetchone()[0] > 0

    def test_an_agent_that_is_killed_while_it_pulls_is_given_job_and_login_again(self):
        self.registry.send_signal(signal.SIGSTOP)  # it holds whoever asks
        process = self.consumer.start("run", self.job(f"image: {self.image}\n" + JOB), "--yes", "--registry-auth",
                                      self.logins(self.place), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            wait_until("the job to be there", self.has_job)
            self.network.kill(self.network.agent)
        finally:
            self.registry.send_signal(signal.SIGCONT)
            self.network.revive()
        out, err = process.communicate(timeout=120)
        self.assertEqual((process.returncode, out), (0, b"private\n"), err.decode())

    def test_without_one_or_with_a_wrong_one_it_does_not_and_says_what_to_do(self):
        done = self.run_job()
        self.assertEqual(done.code, 125, done)
        self.assertIn("hanse run --registry-auth FILE", done.err)
        done = self.run_job("--registry-auth", self.logins(self.place, "wrong"))
        self.assertEqual(done.code, 125, done)
        self.assertIn(f"as {USER}", done.err)

    def test_a_file_without_its_login_is_refused_before_anything_is_rented(self):
        before = len(self.consumer.leases())
        done = self.run_job("--registry-auth", self.logins("ghcr.io"))
        self.assertEqual(done.code, 120, done)
        self.assertIn(f"has no login for {self.place}, but for ghcr.io", done.err)
        self.assertEqual(self.run_job("--registry-auth", "").code, 120, "an empty name is not the same as none")
        self.assertEqual(len(self.consumer.leases()), before)


if __name__ == "__main__":
    unittest.main()
