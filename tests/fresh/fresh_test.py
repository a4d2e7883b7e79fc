"""What the README says, on machines that never had anything of Hanse's: what is installed here helps nothing there.

`./test` has the first command on Debian 12; `./test --long` also Debian 13, a user with sudo, ./test and ./bench.
"""

import os
import pty
import re
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FRESH_ROOT = str(ROOT / "tests/fresh/fresh_root")
PASSWORD = b"anchor\n"  # fresh_root's, of its user
LONG = unittest.skipUnless(os.environ.get("HANSE_LONG"), "./test --long")


def fresh(*words):
    """Runs it on a terminal, as a person would, and answers what it asks; its exit code and what it said."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm"
        os.execv(FRESH_ROOT, [FRESH_ROOT, *words])
    said = b""
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # its other end is closed
            break
        said += piece
        if re.search(rb"\[Y/n\] $", said):
            os.write(terminal, b"\n")
        elif re.search(rb"password for \w+: $", said):
            os.write(terminal, PASSWORD)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said.decode(errors="replace")


class FreshTest(unittest.TestCase):
    def assert_there(self, *words):
        code, said = fresh(*words)
        self.assertEqual(code, 0, f"{' '.join(words)} said:\n{said[-8000:]}")
        self.assertNotRegex(said, r"(?m)^error: ")
        return said

    def assert_picture(self, *options):
        picture = ROOT / "build/fresh/out.png"
        picture.unlink(missing_ok=True)
        said = self.assert_there("--keep", "examples/render/out.png", *options, "./run", "--once")
        self.assertEqual(picture.read_bytes()[:8], b"\x89PNG\r\n\x1a\n")
        self.assertGreater(picture.stat().st_size, 1000)
        self.assertRegex(said, r"Building hanse \(about \d+ minutes? from nothing")
        self.assertRegex(said, r"\d+ of \d+, \d+:\d\d", "progress is shown")
        took = re.search(r"after (\d+:\d\d) in all", said)
        print(f"    ./run --once took {took[1]}", flush=True)
        return said

    def test_the_first_command_on_debian_12(self):
        self.assert_picture()

    @LONG
    def test_the_first_command_on_debian_13(self):
        self.assert_picture("--release", "trixie")

    @LONG
    def test_a_user_is_asked_for_sudo_once(self):
        said = self.assert_picture("--user")
        self.assertEqual(len(re.findall(r"\[Y/n\]", said)), 1, said)
        self.assertEqual(len(re.findall(r"password for", said)), 1, said)

    @LONG
    def test_the_first_steps_of_test(self):
        said = self.assert_there("./test", "^(architecture|scripts|base|crypto|model)")
        self.assertRegex(said, r"100% tests passed")

    @LONG
    def test_a_benchmark(self):
        said = self.assert_there("./bench", "ledger.apply")
        self.assertRegex(said, r'"name":"ledger.apply"')


if __name__ == "__main__":
    if subprocess.run(["id", "-u"], capture_output=True, text=True, check=True).stdout.strip() != "0":
        sys.exit("namespaces and mounts take root: run this with sudo")
    unittest.main()
