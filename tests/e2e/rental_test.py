#!/usr/bin/env python3
"""The way of a rental that goes well: offers, run, logs, bill, ssh, scp, sftp, rsync, forwards."""

import hashlib
import os
import socket
import struct
import subprocess
import unittest
import zlib
from pathlib import Path

from harness import ROOT, NetworkTest, User, free_port, wait_until


def png_size(path):
    """Width and height of a PNG whose every chunk checks out."""
    data = Path(path).read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n"), "not a PNG"
    at, size, kinds = 8, None, []
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        crc, = struct.unpack(">I", data[at + 8 + length:at + 12 + length])
        assert crc == zlib.crc32(kind + body), kind
        if kind == b"IHDR":
            size = struct.unpack(">II", body[:8])
        kinds.append(kind)
        at += 12 + length
    assert kinds[-1] == b"IEND", kinds
    return size


class Rental(NetworkTest):
    def test_offers_show_this_machine_with_its_whole_price(self):
        offers = self.consumer.hanse("offers", "--json").json
        items = offers["items"] if isinstance(offers, dict) else offers
        self.assertEqual(len(items), 1)
        table = self.consumer.hanse("offers").out
        self.assertIn("testbed", table)
        self.assertIn("0.36", table)
        self.assertIn("CPU", table)  # no GPU here, and said so

    def test_nothing_fits_says_what_would(self):
        done = self.consumer.hanse("offers", "vram>=4TB", "--explain", ok=None)
        self.assertIn("vram>=4TB", done.out + done.err)
        done = self.consumer.hanse("rent", "vram>=4TB", "--yes", ok=False)
        self.assertEqual(done.code, 3, done)
        self.assertIn("vram>=4TB", done.err)

    def test_hello_runs_prints_and_costs_what_its_seconds_cost(self):
        before = self.consumer.balance()
        done = self.consumer.hanse("run", ROOT / "examples/hello/job.yaml", "--yes")
        self.assertIn("hello from", done.out)
        lease = max(self.consumer.leases(), key=lambda l: int(l["id"].split("-")[1]))
        self.assertEqual(lease["state"], "ended", lease)
        bill = self.assert_money_adds_up(lease["id"])
        self.assertEqual(bill["refunded_micros"] + bill["used_micros"], bill["locked_micros"])
        self.assertEqual(before - self.consumer.balance(), bill["used_micros"])

    def test_render_copies_in_runs_and_copies_the_picture_back(self):
        folder = Path(self.network.folder) / "render"
        subprocess.run(["cp", "-r", ROOT / "examples/render", folder], check=True)
        (folder / "out.png").unlink(missing_ok=True)
        job = folder / "job.yaml"
        job.write_text(job.read_text().replace("--width 960 --height 540 --samples 32",
                                               "--width 320 --height 180 --samples 4"))
        done = self.consumer.hanse("run", job, "--yes")
        self.assertIn("device:", done.out)
        self.assertEqual(png_size(folder / "out.png"), (320, 180))

    def test_a_jobs_exit_code_is_passed_through(self):
        job = self.job("name: fails\nimage: debian:bookworm-slim\nrun: echo before; exit 41\n"
                       "max_cost: 0.10\nmax_duration: 5m\n")
        done = self.consumer.hanse("run", job, "--yes", ok=None)
        self.assertEqual(done.code, 41, done)
        self.assertIn("before", done.out)

    def test_a_reader_that_goes_away_ends_the_lease(self):
        job = self.job("name: flood\nimage: debian:bookworm-slim\nrun: while :; do echo line; done\n"
                       "max_cost: 0.10\nmax_duration: 5m\n")
        process = self.consumer.start("run", job, "--yes", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"line\n")
        process.stdout.close()  # as `| head -1`
        try:
            said = process.stderr.read()
            self.assertEqual(process.wait(timeout=60), 141, said)
        finally:
            process.kill()
            process.wait()
            process.stderr.close()
        lease = max(self.consumer.leases(), key=lambda l: int(l["id"].split("-")[1]))
        self.assertEqual(lease["state"], "ended", said)
        self.assertIn(lease["id"].encode(), said)

    def test_outputs_come_back_as_what_they_are_and_nowhere_else(self):
        job = self.job('name: odd\nimage: debian:bookworm-slim\nmax_cost: 0.10\nmax_duration: 5m\n'
                       'env: ["V=one\\ntwo \\"three\\" \'four\' $HOME `id` ä東"]\n'
                       'outputs: [value, link, folder, here]\n'
                       'run: |\n  printf %s "$V" > value\n  ln -s /etc/passwd link\n  mkdir folder\n'
                       '  ln -s ../../.. folder/up\n  ln -s /etc/shadow folder/file\n  mkfifo folder/pipe\n'
                       '  ln -s /nowhere folder/dangling\n  echo new > here\n')
        folder, victim = job.parent, job.parent.parent / "victim"
        victim.write_text("old\n")
        (folder / "here").symlink_to(victim)
        done = self.consumer.hanse("run", job, "--yes")
        self.assertNotIn("\x1b", done.err)
        self.assertEqual((folder / "value").read_text(), "one\ntwo \"three\" 'four' $HOME `id` ä東")
        self.assertFalse((folder / "link").is_symlink())
        self.assertIn("root:", (folder / "link").read_text())
        self.assertNotEqual((folder / "link").read_text(), Path("/etc/passwd").read_text())  # the container's
        self.assertEqual([f.name for f in (folder / "folder").iterdir()], ["file"])
        self.assertEqual(done.err.count("left out: "), 3, done)
        self.assertEqual(victim.read_text(), "old\n")
        self.assertEqual((folder / "here").read_text(), "new\n")

    def test_without_a_terminal_and_without_yes_nothing_is_rented(self):
        before = len(self.consumer.leases())
        done = self.consumer.hanse("run", ROOT / "examples/hello/job.yaml", ok=False)
        self.assertIn("--yes", done.err)
        self.assertEqual(len(self.consumer.leases()), before)


    def test_without_a_terminal_and_without_yes_nothing_is_sent(self):
        before = self.consumer.balance()
        done = self.consumer.hanse("wallet", "send", self.network.provider_address, "5", ok=False)
        self.assertIn("--yes", done.err)
        self.assertEqual(self.consumer.balance(), before)
        self.consumer.hanse("wallet", "send", self.network.provider_address, "5", "--yes")
        self.assertEqual(before - self.consumer.balance(), 5_000_000)


class Lease(NetworkTest):
    """Plain OpenSSH clients against one lease of the render image, which has rsync."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        job = cls.job(cls(), "name: idle\nimage: localhost/hanse-render\nrun: sleep 3600\n"
                             "max_cost: 1.00\nmax_duration: 30m\nresources: {disk: 512MB}\n")
        lease = cls.consumer.hanse("run", job, "--yes", "--detach", "--json").json["lease"]
        cls.lease = lease if isinstance(lease, str) else lease["id"]
        wait_until("the lease to run", lambda: cls.consumer.lease(cls.lease)["state"] == "running")
        cls.config = cls.consumer.home / "ssh" / "config"  # written by run --detach

    def client(self, program, *args, ok=True, **options):
        process = subprocess.run([program, *args], capture_output=True, timeout=180, check=False,
                                 env=self.consumer.environment, **options)
        if ok:
            self.assertEqual(process.returncode, 0, (program, args, process.stdout[-2000:], process.stderr[-2000:]))
        return process

    def ssh(self, *command, **options):
        return self.client("ssh", "-F", str(self.config), self.lease, *command, **options)

    def test_plain_ssh_runs_commands_and_passes_exit_codes(self):
        self.assertEqual(self.ssh("echo", "out;", "echo", "err", ">&2").stdout, b"out\n")
        self.assertEqual(self.ssh("echo err >&2").stderr.strip().splitlines()[-1], b"err")
        self.assertEqual(self.ssh("exit 7", ok=False).returncode, 7)
        self.assertEqual(self.ssh("cat", input=bytes(range(256)) * 4000).stdout, bytes(range(256)) * 4000)

    def test_hanse_ssh_passes_the_exit_code(self):
        self.assertEqual(self.consumer.hanse("ssh", self.lease, "--", "sh -c 'exit 5'", ok=None).code, 5)

    def test_scp_sftp_and_rsync_carry_files_both_ways(self):
        folder = Path(self.network.folder) / "files"
        (folder / "deep/er").mkdir(parents=True)
        (folder / "deep/er/small").write_text("small\n")
        (folder / "big").write_bytes(os.urandom(20_000_000))
        digest = hashlib.sha256((folder / "big").read_bytes()).hexdigest()
        self.client("scp", "-F", str(self.config), "-r", str(folder), f"{self.lease}:/workspace/by-scp")
        self.assertIn(digest.encode(), self.ssh("sha256sum /workspace/by-scp/big").stdout)
        self.client("sftp", "-F", str(self.config), "-b", "-", self.lease,
                    input=f"put {folder}/big by-sftp\nget by-sftp {folder}/back\nls -l\n".encode())
        self.assertEqual(hashlib.sha256((folder / "back").read_bytes()).hexdigest(), digest)
        self.client("rsync", "-a", "-e", f"ssh -F {self.config}", f"{folder}/", f"{self.lease}:/workspace/by-rsync/")
        self.client("rsync", "-a", "-e", f"ssh -F {self.config}", f"{self.lease}:/workspace/by-rsync/deep", f"{folder}/again")
        self.assertEqual((folder / "again/deep/er/small").read_text(), "small\n")
        self.consumer.hanse("cp", f"{self.lease}:by-scp/big", folder / "by-hanse")
        self.assertEqual(hashlib.sha256((folder / "by-hanse").read_bytes()).hexdigest(), digest)

    def test_copy_to_a_folder_that_is_not_there_fails_and_says_so(self):
        small = Path(self.network.folder) / "small"
        small.write_text("small\n")
        done = self.consumer.hanse("cp", small, f"{self.lease}:no/such/folder/small", ok=False)
        self.assertIn("no/such/folder", done.err)
        self.consumer.hanse("cp", small, f"{self.lease}:small")
        self.assertEqual(self.ssh("cat /workspace/small").stdout, b"small\n")

    def files_below(self, folder):
        found = self.ssh(f"cd {folder} && find . -type f | sort").stdout
        return [name[2:] for name in found.decode().split()]

    def test_the_same_copy_again_means_the_same_place(self):
        base = Path(self.network.folder) / "again"
        (base / "data/sub").mkdir(parents=True)
        (base / "data/sub/a").write_text("a\n")
        for source, target, there in (("data", "up1", "up1/data/sub/a"), ("data/", "up2", "up2/sub/a"),
                                      ("data", "up3/data", "up3/data/sub/a"), ("data/sub/a", "up4/", "up4/a")):
            self.ssh(f"mkdir -p /workspace/{there.split('/')[0]}")
            for _ in range(2):
                self.consumer.hanse("cp", source, f"{self.lease}:{target}", cwd=base)
                self.assertEqual(self.files_below(there.split("/")[0]), [there.split("/", 1)[1]], source)
        for source, target, there in (("up2", "down1", "down1/up2/sub/a"), ("up2/", "down2", "down2/sub/a"),
                                      ("up2", "down3/up2", "down3/up2/sub/a"), ("up4/a", "down4/", "down4/a")):
            for _ in range(2):
                self.consumer.hanse("cp", f"{self.lease}:{source}", target, cwd=base)
                top = base / there.split("/")[0]
                self.assertEqual([str(f.relative_to(base)) for f in top.rglob("*") if f.is_file()], [there])

    def test_what_is_no_file_is_not_copied_as_one(self):
        base = Path(self.network.folder) / "here"
        base.mkdir()
        os.mkfifo(base / "pipe")
        self.ssh("mkdir -p odd && cd odd && mkfifo pipe && ln -s /dev/null device && ln -s /etc folder && echo a > a")
        for source in ("odd/pipe", "odd/device", "/dev/null"):
            done = self.consumer.hanse("cp", f"{self.lease}:{source}", base / "got", ok=False)
            self.assertIn("neither a file nor a folder", done.err)
            self.assertFalse((base / "got").exists())
        done = self.consumer.hanse("cp", base / "pipe", f"{self.lease}:got", ok=False)
        self.assertIn("neither a file nor a folder", done.err)
        done = self.consumer.hanse("cp", f"{self.lease}:odd", base, ok=False)
        self.assertEqual(done.code, 1, done)
        self.assertEqual([f.name for f in (base / "odd").iterdir()], ["a"])
        self.assertEqual(done.err.count("left out: "), 3, done)

    def test_sftp_cannot_climb_out(self):
        script = "get ../../../../../../etc/hostname {0}/h1\nln -s /etc/hostname link\nget link {0}/h2\n"
        self.client("sftp", "-F", str(self.config), "-b", "-", self.lease,
                    input=script.format(self.network.folder).encode())
        inside = self.ssh("cat /etc/hostname").stdout
        for name in ("h1", "h2"):
            self.assertEqual((Path(self.network.folder) / name).read_bytes(), inside)
        self.assertNotEqual(inside.decode().strip(), socket.gethostname())

    def test_forward_reaches_the_leases_own_port_and_nothing_of_the_host(self):
        self.ssh("cd /tmp && echo inside > page && (setsid python3 -m http.server 8123 --bind 127.0.0.1 "
                 ">/dev/null 2>&1 </dev/null &)")
        self.ssh("for i in $(seq 100); do python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 8123))' "
                 "2>/dev/null && exit 0; sleep 0.1; done; exit 1")
        here = free_port()
        process = self.consumer.start("forward", self.lease, f"{here}:8123", stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)
        try:
            def page():
                try:
                    with socket.create_connection(("127.0.0.1", here), timeout=5) as s:
                        s.sendall(b"GET /page HTTP/1.0\r\n\r\n")
                        answer = b""
                        while piece := s.recv(65536):
                            answer += piece
                        return b"inside" in answer
                except OSError:
                    return False
            wait_until("the forwarded page", page)
        finally:
            process.terminate()
            process.wait()
        # The node listens on the host's loopback: no forward may reach it, by any name.
        for target in ("127.0.0.1", "10.213.0.1", socket.gethostname()):
            done = self.client("ssh", "-F", str(self.config), "-W", f"{target}:{self.network.port}", self.lease,
                               ok=False, input=b"GET /healthz HTTP/1.0\r\n\r\n")
            self.assertNotIn(b"200", done.stdout, target)

    def test_only_the_leases_key_gets_in(self):
        stranger = User(self.network, "stranger")
        stranger.hanse("wallet", "new")
        key = stranger.home / "access_key"
        done = self.client("ssh", "-F", str(self.config), "-o", "IdentitiesOnly=yes", "-o", f"IdentityFile={key}", "-i",
                           str(key), "-o", "IdentityAgent=none", "-o", "BatchMode=yes", "-p", str(self.network.ssh_port),
                           "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                           f"{self.lease}@127.0.0.1", "true", ok=False)
        self.assertEqual(done.returncode, 255)
        self.assertIn(b"Permission denied", done.stderr)

    def test_what_runs_of_another_network_on_this_machine_is_not_this_ones(self):
        foreign = self.network.engine.podman("create", "--label", f"hanse.lease={self.lease}", "--label",
                                             "hanse.network=another", "debian:bookworm-slim", "true").stdout.strip()
        self.addCleanup(self.network.engine.podman, "rm", foreign)
        name = self.network.engine.podman("inspect", "--format", "{{.Name}}", foreign).stdout.strip()
        self.assertTrue(name)
        ours = self.network.containers(self.lease)
        self.assertEqual(len(ours), 1, ours)
        self.assertNotIn(name, ours + self.network.containers())

    def test_top_and_metrics_show_what_the_lease_uses(self):
        top = self.consumer.hanse("top", self.lease, "--once", "--json").json
        self.assertTrue(top, top)


class Ended(NetworkTest):
    def test_after_the_end_the_key_is_refused_and_nothing_is_left(self):
        lease = self.rent("--duration", "10m")
        self.consumer.hanse("ssh", lease, "--", "true")
        config = (self.consumer.home / "ssh" / "config").read_text()
        for change in (("extend", "15m"), ("extend", "+5m"), ("topup", "0.001")):
            done = self.consumer.hanse(change[0], lease, *change[1:], ok=False)
            self.assertIn("--yes", done.err)
        self.assertEqual(self.consumer.lease(lease)["duration_s"], 600)
        self.consumer.hanse("extend", lease, "15m", "--yes")
        self.assertEqual(self.consumer.lease(lease)["duration_s"], 900)
        self.consumer.hanse("stop", lease, *(["--yes"] if "--yes" in self.consumer.hanse("stop", "--help").out else []))
        self.assert_money_adds_up(lease)
        self.assertIn(f"Host {lease}\n", config)
        self.assertNotIn(f"Host {lease}\n", (self.consumer.home / "ssh" / "config").read_text())
        saved = Path(self.network.folder) / "old-config"
        saved.write_text(config)

        def refused():
            done = subprocess.run(["ssh", "-F", str(saved), lease, "true"], capture_output=True, timeout=60, check=False,
                                  env=self.consumer.environment)
            return done.returncode == 255 and done.stderr
        wait_until("ssh to be refused", refused)
        wait_until("the container to be gone",
                   lambda: not self.network.containers(lease))


if __name__ == "__main__":
    unittest.main()
