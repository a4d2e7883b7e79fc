"""run, test, bench and the scripts: whatever fails in them, they say where, why and what to do.

The real scripts run in a copy of what they need, on a PATH where every program that does something to the machine is a
stand-in: it notes that it was called and prints much, so that whoever leaves its pipe early would kill it. One of them
fails at a time.
"""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ["run", "test", "bench", ".ci/run", "tests/fresh/fresh_root",
           *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "scripts").iterdir() if p.name != "record")]
REAL = """bash sh env cat cp date dirname echo grep id kill ls mkdir mktemp nproc printf ps readlink realpath rm sed setsid sleep stat tail
          timeout tr touch true umask""".split()
STAND_IN = r"""#!/usr/bin/env bash
name=${0##*/}
printf '%s %s\n' "$name" "$*" >>"$CALLS"
if [[ "$name $*" =~ $FAILING ]]; then echo "the stand-in for $name fails"; exit 42; fi
much() { cat "$MUCH"; }
case "$name $*" in
  apt-cache*) echo "  Candidate: 1.0"; much ;;
  dpkg-query*) [ -z "${INSTALLED:-}" ] || for word in "$@"; do echo "$word=installed"; done; much ;;
  "cmake --build"*)
    for ((i = 1; i <= 30; ++i)); do echo "[$i/30] Building"; done
    mkdir -p "$2/src/cli" "$2/benchmarks/replay"
    for built in src/cli/hanse benchmarks/hanse_bench benchmarks/replay/market_replay; do cp "$0" "$2/$built"; done ;;
  "hanse_bench --list") echo "  ledger.apply"; echo "  ssh.exec" ;;
  *"image inspect"*) [ -n "${IMAGES:-}" ] ;;
  podman*pull*) exit 125 ;;
  "hanse run"*) echo picture >examples/render/out.png ;;
  debootstrap*) mkdir -p "${@: -1}"; much ;;
  "sudo -"[nv]*) ;;
  sudo*) while [[ $1 == -* ]]; do shift; done; exec "$@" ;;
  *) much ;;
esac
"""
STAND_INS = """apt-get apt-cache dpkg-query cmake ctest podman docker dockerd runc debootstrap curl tar hanse python3
               systemctl sudo clang-format-19 clang-tidy-19 shellcheck git xargs""".split()
NOBODY = 65534


class ScriptsTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix=f"hanse-scripts-{os.getpid()}-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.tree, self.bin = self.folder / "tree", self.folder / "bin"
        for name in SCRIPTS:
            (self.tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.tree / name)
        (self.tree / "examples/render").mkdir(parents=True)
        self.bin.mkdir()
        for name in REAL:
            real = shutil.which(name)
            if real:
                (self.bin / name).symlink_to(real)
        for name in STAND_INS:
            (self.bin / name).write_text(STAND_IN)
            (self.bin / name).chmod(0o755)
        self.much = self.folder / "much"  # more than a pipe has room for
        self.much.write_text((99 * "many " + "\n") * 300)
        self.calls = self.folder / "calls"
        self.calls.touch(mode=0o666)

    def environment(self, failing="^$", **more):
        return {"PATH": str(self.bin), "HOME": str(self.folder / "home"), "TMPDIR": str(self.folder), "NO_COLOR": "1",
                "CALLS": str(self.calls), "MUCH": str(self.much), "FAILING": failing, **more}

    def script(self, *command, failing="^$", **more):
        return subprocess.run([str(self.tree / command[0]), *command[1:]], env=self.environment(failing, **more),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)

    def made_calls(self):
        return self.calls.read_text().splitlines()

    def test_each_does_its_work_where_nothing_fails(self):
        for command in (["run", "--once"], ["test"], ["bench"], ["bench", "ssh.exec"], ["scripts/images"],
                        ["scripts/install-dependencies", "--test", "--bench", "--tools"]):
            with self.subTest(command=command):
                ran = self.script(*command)
                self.assertEqual(ran.returncode, 0, ran.stderr)
                self.assertNotIn("error", ran.stderr)

    def test_whatever_program_fails_is_told_with_what_to_look_at(self):
        cases = [(["run", "--once"], what) for what in
                 ("apt-get.* update", "apt-get.* install", "apt-cache", "cmake .*--preset", "cmake --build", "debootstrap",
                  "tar", "podman.*import", "podman.*build", "hanse up", "hanse offers", "hanse run", "hanse bill")]
        cases += [(["test"], what) for what in ("apt-get.* install", "cmake --build", "podman.*build", "ctest")]
        cases += [(["bench"], what) for what in
                  ("apt-get.* install", "cmake --build", "podman.*import", "hanse_bench $", "python3", "market_replay")]
        cases += [(["scripts/lint"], what) for what in ("clang-format", "xargs", "shellcheck")]
        for command, failing in cases:
            with self.subTest(command=command, failing=failing):
                shutil.rmtree(self.tree / "build", ignore_errors=True)
                ran = self.script(*command, failing=failing)
                self.assertNotEqual(ran.returncode, 0, ran.stderr)
                error = re.search(r"^error: (.+)$", ran.stderr, re.M)
                self.assertTrue(error, f"{command} with a failing '{failing}' said:\n{ran.stderr}")
                self.assertRegex(error[1], r"log|above|line \d+|again|install", ran.stderr)
                log = re.search(r"log is (\S+)$", error[1])
                if log:
                    self.assertIn("fails", Path(log[1]).read_text(), "the log that is named has the failure")
                    self.assertIn("the stand-in for", ran.stderr, "and its end is shown")

    def test_images_alone_say_why_one_cannot_be_pulled(self):
        ran = self.script("scripts/images")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertTrue((self.tree / "build/log/pull.log").exists(), ran.stderr)

    def test_a_link_to_a_script_is_the_script(self):
        link = self.folder / "link"
        link.symlink_to(self.tree / "run")
        ran = subprocess.run([str(link), "--frobnicate"], env=self.environment(), capture_output=True, text=True, check=False)
        self.assertEqual((ran.returncode, ran.stdout), (1, ""))
        self.assertIn("error: unknown option --frobnicate", ran.stderr)

    def test_what_root_built_and_a_user_cannot_write_is_told(self):
        self.open_to_nobody()
        (self.tree / "build").mkdir(mode=0o755)
        ran = subprocess.run([shutil.which("setpriv"), f"--reuid={NOBODY}", "--clear-groups",
                              str(self.tree / "bench"), "ledger"], env=self.environment(INSTALLED="1"),
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(ran.returncode, 1)
        self.assertRegex(ran.stderr, r"error: \S+/build is not yours to write: 'sudo chown")

    def test_a_network_that_runs_already_is_used_and_never_stopped_by_once(self):
        home = self.folder / "home/.hanse"
        home.mkdir(parents=True)
        self.assertEqual(self.script("run", "--once").returncode, 0)  # builds
        (home / "config.yaml").touch()
        self.calls.write_text("")
        ran = self.script("run")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertIn("it runs already", ran.stdout)
        ran = self.script("run", "--once")
        self.assertEqual(ran.returncode, 1)
        self.assertRegex(ran.stderr, r"error: a network runs in \S+, which --once would stop: .*--stop")
        self.assertFalse([c for c in self.made_calls() if re.match("hanse (up|down)", c)])

    def test_dockers_own_runc_stays(self):
        ran = self.script("scripts/install-dependencies")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        install = next(c for c in self.made_calls() if re.search("apt-get.* install", c))
        self.assertIn("--no-remove", install)
        self.assertNotRegex(install, r"\brunc\b", "there is one on the stand-ins' PATH")

    def test_an_engine_that_does_not_come_up_is_told(self):
        (self.bin / "sleep").unlink()
        (self.bin / "sleep").write_text("#!/bin/sh\n")  # the waiting is not what is tested
        (self.bin / "sleep").chmod(0o755)
        ran = self.script("run", "--once", failing="^curl", IMAGES="1", INSTALLED="1")
        self.assertEqual(ran.returncode, 1)
        self.assertRegex(ran.stderr, r"error: podman's service does not answer; its log is \S+/podman.log")

    def test_who_is_not_root_is_told_before_anything_is_done(self):
        self.open_to_nobody()
        for command in (["run"], ["test"], ["scripts/install-dependencies"], ["scripts/images"]):
            with self.subTest(command=command):
                ran = subprocess.run([shutil.which("setpriv"), f"--reuid={NOBODY}", "--clear-groups", str(self.tree / command[0])],
                                     env=self.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                     timeout=60, check=False, cwd=self.tree)
                self.assertNotEqual(ran.returncode, 0)
                self.assertRegex(ran.stderr, r"error: .*root.*sudo")
        done = [c for c in self.made_calls() if not re.match(r"dpkg-query|podman.*image inspect|sudo podman.*image insp", c)]
        self.assertEqual(done, [])

    def test_who_is_not_root_is_asked_once_on_a_terminal(self):
        self.open_to_nobody()
        pid, terminal = pty.fork()
        if pid == 0:
            os.setresuid(NOBODY, NOBODY, NOBODY)
            os.execve(self.tree / "run", [str(self.tree / "run"), "--once"], self.environment(TERM="dumb"))
        said = b""
        while select.select([terminal], [], [], 60)[0]:
            try:
                piece = os.read(terminal, 65536)
            except OSError:  # its other end is closed
                break
            said += piece
            if said.endswith(b"[Y/n] "):
                os.write(terminal, b"\n")
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        text = said.decode(errors="replace")
        self.assertEqual(code, 0, text)
        self.assertEqual(text.count("[Y/n]"), 1, text)
        calls = self.made_calls()
        self.assertTrue(calls[0].startswith("sudo -n true"), calls[:3])
        by_root = [c for c in calls if c.startswith("sudo ")]
        for needed in ("apt-get", "podman", "hanse up", "hanse down"):
            self.assertTrue(any(needed in c for c in by_root), (needed, by_root))
        self.assertFalse([c for c in by_root if re.search(r"cmake --|hanse (run|offers|bill)", c)], by_root)

    def open_to_nobody(self):
        self.folder.chmod(0o777)
        for path in self.folder.rglob("*"):
            if not path.is_symlink():
                path.chmod(0o777)


class ScriptTextTest(unittest.TestCase):
    """What made scripts end without a word, looked for in their text."""

    @staticmethod
    def lines(name):
        for number, line in enumerate((ROOT / name).read_text().splitlines(), 1):
            if not line.lstrip().startswith("#"):
                yield f"{name}:{number}", line

    def refuse(self, pattern, why, names=SCRIPTS):
        found = [f"{at}: {line.strip()}" for name in names for at, line in self.lines(name) if re.search(pattern, line)]
        self.assertEqual(found, [], why)

    def test_no_reader_leaves_a_pipe_early(self):
        self.refuse(r"\|\s*(grep\s+(-\w*[qm]|--quiet)|head\b|sed\s+(-n\s+)?\S*\d*q|awk\b.*\bexit)",
                    "the writer dies of SIGPIPE, and pipefail calls that a failure: read it all into a variable first")

    def test_nothing_is_written_under_a_name_in_tmp_that_others_can_guess(self):
        self.refuse(r"/tmp/(?!\S*(XXXXXX|\*))", "use mktemp, or build/log")

    def test_functions_are_never_redirected_nor_given_to_programs(self):
        library = (ROOT / "scripts/lib.sh").read_text()
        for name in SCRIPTS:
            functions = set(re.findall(r"^(\w+)\(\)", library + (ROOT / name).read_text(), re.M))
            # These only look, and say nothing.
            functions -= {"has_image", "engine_answers", "is_installed", "minutes_to_build", "elapsed"}
            word = "(?:" + "|".join(sorted(functions)) + ")"
            self.refuse(rf"(^|[;&|({{]\s*|\b(?:if|then|else|do)\s+){word}\b(?![^;|&]*\(\))(?:[^;|&'\"]|'[^']*'|\"[^\"]*\")*[0-9&]?>",
                        "its messages would be lost: redirect the program inside it", [name])
            self.refuse(rf"\b(timeout|sudo|xargs|env|nice|setsid|exec|nohup|command)\s(?:[^;|&'\"]*\s)?{word}\b",
                        "that takes a program: give it an array", [name])

    def test_each_has_the_trap_that_names_what_fell(self):
        for name in SCRIPTS:
            if name not in (".ci/run", "scripts/lib.sh"):
                self.assertRegex((ROOT / name).read_text(), r'(?m)^source "\$\(dirname "\$\(readlink -f "\$0"\)"\)/\S*lib\.sh" \|\| exit 1$', name)


if __name__ == "__main__":
    sys.exit(unittest.main())
