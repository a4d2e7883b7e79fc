#!/usr/bin/env python3
"""Holds the map of rooms to the code: a room includes only rooms on lower floors, and the core stays pure."""

import re
import sys
import unittest
from pathlib import Path

SRC = Path(__file__).resolve().parents[2] / "src"

FLOORS = {"base": 1, "net": 2, "crypto": 2, "model": 3, "wire": 4, "market": 4, "proof": 4, "ledger": 5, "client": 5, "store": 6,
          "provider": 6, "consensus": 7, "api": 8, "cli": 9}
CORE = ("model", "market", "proof", "ledger")

# What the core may not use, and why a line that matches would break it.
IMPURE = {
    r"#include <(ctime|time\.h|thread|mutex|shared_mutex|condition_variable|future|atomic|random)>":
        "a clock, threads or randomness",
    r"#include <(iostream|fstream|cstdio|stdio\.h|filesystem|locale|clocale|sstream|iomanip|unistd\.h|sys/.*)>":
        "I/O or locale",
    r"_clock\b": "a clock (calendar arithmetic of <chrono> is pure)",
    r"#include \"base/clock\.hpp\"": "the clock",
    r"\b(float|double)\b": "floats",
    r"\b(throw|try|catch)\b": "exceptions",
    r"\b(printf|fprintf|std::cout|std::cerr|getenv|rand|srand|time\(nullptr\))\b": "I/O or the environment",
    r"\bstd::(stod|stof|strtod|to_chars\(.*double)\b": "floats",
}


def sources(room, tests=False):
    for path in sorted((SRC / room).rglob("*")):
        if path.suffix in (".cpp", ".hpp") and (tests or not path.stem.endswith("_test")):
            yield path


def code_lines(path):
    """Lines without comments and string contents."""
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group().count("\n"), path.read_text(), flags=re.S)
    for number, line in enumerate(text.splitlines(), 1):
        bare = line if line.lstrip().startswith("#include") else re.sub(r'"(\\.|[^"\\])*"', '""', line)
        yield number, re.sub(r"//.*", "", bare)


class Floors(unittest.TestCase):
    def test_every_room_has_a_floor(self):
        rooms = {p.name for p in SRC.iterdir() if p.is_dir() and any(sources(p.name))}
        self.assertLessEqual(rooms, FLOORS.keys())

    def test_rooms_include_only_rooms_below(self):
        wrong = []
        for room, floor in FLOORS.items():
            for path in sources(room, tests=True):
                for number, line in code_lines(path):
                    found = re.match(r'\s*#include "([a-z_]+)/', line)
                    if found and found.group(1) != room and FLOORS.get(found.group(1), 0) >= floor:
                        wrong.append(f"{path.relative_to(SRC)}:{number} includes {found.group(1)}")
        self.assertEqual(wrong, [])

    def test_the_core_is_pure(self):
        wrong = []
        for room in CORE:
            for path in sources(room):
                for number, line in code_lines(path):
                    for pattern, what in IMPURE.items():
                        if re.search(pattern, line):
                            wrong.append(f"{path.relative_to(SRC)}:{number} uses {what}: {line.strip()}")
        self.assertEqual(wrong, [])

    def test_the_core_does_not_iterate_in_hash_order(self):
        wrong = []
        for room in CORE:
            hashed = set()
            for path in sources(room):
                for _, line in code_lines(path):
                    hashed.update(re.findall(r"\bunordered_[a-z_]+<.*>\s+(\w+)\s*[;{=]", line))
            for path in sources(room):
                lines = list(code_lines(path))
                for at, (number, line) in enumerate(lines):
                    found = re.search(r"for \(.*:\s*([\w.>-]*?)(\w+)\)", line)
                    sorted_after = any("std::sort(" in later for _, later in lines[at:at + 4])
                    if found and found.group(2) in hashed and not sorted_after:
                        wrong.append(f"{path.relative_to(SRC)}:{number}: {line.strip()}")
        self.assertEqual(wrong, [])

    def test_files_stay_readable(self):
        long = [f"{p.relative_to(SRC)}: {n}" for room in FLOORS for p in sources(room)
                if (n := len(p.read_text().splitlines())) > 400]
        self.assertEqual(long, [])


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
