#!/usr/bin/env python3
"""GPUs that are not here, rented out by the real program: an NVIDIA driver and two cards, as a user would find them.

The cards are stand-ins (tests/standins): nodes of /dev/null in a /dev of the test's own, and libraries over the
machine's. The test and all that it starts run in a mount namespace of their own, so that nobody else sees them.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

INSIDE = "HANSE_INSIDE_MACHINE"
if __name__ == "__main__" and INSIDE not in os.environ:
    os.environ[INSIDE] = "yes"
    os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv])

from harness import ROOT, NetworkTest, make_folder, wait_until  # noqa: E402

STANDINS = Path(os.environ.get("HANSE_STANDINS", ROOT / "build" / "dev" / "tests" / "standins"))
LIBRARIES = Path("/usr/lib/x86_64-linux-gnu")
DRIVER = "580.159.04"
UUIDS = [f"GPU-00000000-0000-4000-8000-{minor:012x}" for minor in range(2)]


def run(*command):
    subprocess.run([str(word) for word in command], check=True)


class Machine:
    """An NVIDIA driver with two H100s, for whoever shares this mount namespace."""

    def __init__(self):
        self.folder = make_folder("e2e")
        run("mount", "-t", "tmpfs", "machine", self.folder)
        self.make_libraries()
        self.make_devices()
        self.states = ["ok", "ok"]
        self.xids = []
        self.save()

    def make_libraries(self):
        """Over the machine's own: files by the driver's version, links by the names that programs ask for."""
        upper, work = self.folder / "upper", self.folder / "work"
        upper.mkdir()
        work.mkdir()
        for kind, name in (("nvml", "libnvidia-ml"), ("cuda", "libcuda"), ("opencl", "libnvidia-opencl")):
            shutil.copy(STANDINS / f"lib{kind}_standin.so", upper / f"{name}.so.{DRIVER}")
            (upper / f"{name}.so.1").symlink_to(f"{name}.so.{DRIVER}")
        run("mount", "-t", "overlay", "-o", f"lowerdir={LIBRARIES},upperdir={upper},workdir={work}", "machine", LIBRARIES)

    def make_devices(self):
        """The machine's /dev, and what the driver makes there."""
        devices = self.folder / "dev"
        devices.mkdir()
        run("mount", "-t", "tmpfs", "machine", devices)
        for entry in Path("/dev").iterdir():
            if entry.is_dir() and not entry.is_symlink():
                (devices / entry.name).mkdir()
                run("mount", "--rbind", entry, devices / entry.name)
            else:
                run("cp", "-a", entry, devices / entry.name)
        run("mount", "--rbind", devices, "/dev")
        for node in ("nvidiactl", "nvidia-uvm", "nvidia0", "nvidia1"):
            self.make_node(node)

    @staticmethod
    def make_node(name):
        run("mknod", "-m", "666", f"/dev/{name}", "c", "1", "3")

    def save(self):
        lines = [f"driver {DRIVER} 13000"]
        lines += [f"card {UUIDS[i]} {i} 81559 {state} NVIDIA H100 80GB HBM3" for i, state in enumerate(self.states)]
        with tempfile.NamedTemporaryFile("w", dir=LIBRARIES, delete=False) as file:
            file.write("\n".join(lines + self.xids) + "\n")
        os.rename(file.name, LIBRARIES / "cards")

    def kill(self, card):
        self.states[card] = "lost"
        self.xids.append(f"xid 79 {UUIDS[card]}")
        self.save()

    def revive(self, card):
        self.states[card] = "ok"
        self.save()


class Gpu(NetworkTest):
    @classmethod
    def setUpClass(cls):
        cls.machine = Machine()
        super().setUpClass()

    def test_1_the_self_test_sees_each_card_in_a_container_and_tells_what_was_taken_away(self):
        good = self.provider.hanse("provider", "init")
        self.assertIn("devices: 2 × H100-SXM", good.out)
        self.assertIn("devices in a lease: 2 × H100-SXM", good.out)
        os.remove("/dev/nvidia-uvm")
        try:
            bad = self.provider.hanse("provider", "init", ok=False)
        finally:
            self.machine.make_node("nvidia-uvm")
        self.assertIn("/dev/nvidia-uvm is missing", bad.out)
        self.assertIn("nvidia-modprobe -u", bad.out)

    def test_2_a_job_finds_its_card_with_nothing_written_by_hand(self):
        offer = self.network.get("/v1/offers")["items"][0]["offer"]["machine"]
        self.assertEqual((offer["gpu_model"], offer["gpu_count"], offer["device_kind"]), ("H100-SXM", 2, "gpu"))
        self.assertEqual((offer["driver_version"], offer["cuda_version"]), (DRIVER, "13.0"))
        look = ('import ctypes; ctypes.CDLL("libcuda.so.1"); import pyopencl as cl; '
                'print([d.name for p in cl.get_platforms() for d in p.get_devices(cl.device_type.GPU)])')
        job = self.job("image: localhost/hanse-render\nwhere: gpu in [H100-SXM]\nmax_cost: 0.10\nmax_duration: 5m\n"
                       f"resources: {{disk: 64MB}}\nrun: ls /dev | grep nvidia; python3 -c '{look}'\n")
        done = self.consumer.hanse("run", job, "--yes")
        self.assertEqual(done.out.splitlines(),
                         ["nvidia-uvm", "nvidia0", "nvidiactl", "['NVIDIA H100 80GB HBM3']"], done)

    def test_3_a_card_that_dies_is_told_to_all_and_comes_back_by_itself(self):
        lease = self.rent("gpu in [H100-SXM]", "--duration", "10m")
        card = self.consumer.hanse("ssh", lease, "--", "echo $NVIDIA_VISIBLE_DEVICES").out.strip()
        self.machine.kill(UUIDS.index(card))
        wait_until("the lease's end", lambda: self.consumer.lease(lease)["state"] == "ended")
        record = self.consumer.lease(lease)
        self.assertEqual(record["end_reason"], "provider_failed")
        self.assertIn("fallen off the bus", record["note"])
        self.assertIn("fallen off the bus", self.consumer.hanse("bill", lease).out)
        wait_until("the status", lambda: card in self.provider.hanse("provider", "status").out)
        self.assertIn("NOT offered", self.provider.hanse("provider", "status").out)
        self.assertIn("Nothing is offered until this is mended", self.network.log("agent"))
        self.machine.revive(UUIDS.index(card))
        wait_until("the offer", lambda: [o for o in self.network.get("/v1/offers")["items"] if o["offer"]["state"] == "open"])
        wait_until("the status", lambda: "NOT offered" not in self.provider.hanse("provider", "status").out)
        self.rent("gpu in [H100-SXM]", "--duration", "10m")

    def test_4_an_agent_that_comes_back_without_a_card_serves_the_other_leases_and_offers_nothing(self):
        self.network.end_all_leases()
        wait_until("the offer", lambda: self.network.get("/v1/offers")["items"][0]["free_devices"] == 2)
        first, second = (self.rent("gpu in [H100-SXM]", "--duration", "10m") for _ in range(2))
        self.network.kill(self.network.agent)
        self.machine.kill(0)
        self.network.start_agent(offered=False)
        wait_until("the end of the lost card's lease", lambda: self.consumer.lease(first)["state"] == "ended")
        said = self.consumer.hanse("ssh", second, "--", "echo $NVIDIA_VISIBLE_DEVICES")
        self.assertEqual(said.out.strip(), UUIDS[1])
        self.assertIn("nothing is offered until this is mended", self.network.log("agent"))
        self.machine.revive(0)


if __name__ == "__main__":
    unittest.main()
