#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The habits of this project that no public tool checks.

    house.py [FILE...]     default: every file that git knows or would add

Prints PATH:LINE: RULE: TEXT for each finding; exit 1 if there is one.
"""
import re
import subprocess
import sys

MAX_LINES = 600
SOURCE = (".c", ".h", ".cpp", ".hpp", ".py", ".sh", ".build", ".toml", ".awk", ".rules", ".S")

# rule, which paths, which text, what to do instead. A line that ends in
# "house: RULE, WHY" is an exception with its reason.
LINES = [
    ("ioctl", r"^(daemon/|tools/|tests/(?!kselftest/|testkernel/|bench/)).*\.(c|cpp|hpp|py)$", r"\bioctl\s*\(",
     "only libdsmil makes ioctls"),
    ("unfinished", r"^(?!tools/lint/).*", r"\b(TODO|FIXME|XXX|HACK)\b",
     "finish it, or let it fail with an error that says so"),
    ("throw", r"^(lib|daemon|tools)/.*\.(cpp|hpp)$", r"^\s*throw\b", "errors are values here"),
    ("namespace", r".*\.(cpp|hpp)$", r"^\s*using namespace\b", "name what you use"),
    ("sleep", r"^tests/.*", r"\b(sleep_for|usleep|nanosleep|time\.sleep)\s*\(",
     "inject a clock, or wait for the thing itself"),
    ("raw-new", r"^(lib|daemon|tools)/.*\.(cpp|hpp)$", r"=\s*new\s+\w", "use a value or unique_ptr"),
    ("kill-by-name", r".*", r"\b(pkill|killall)\b", "stop processes by their id"),
    ("kernel-version", r"^kernel/(?!compat/).*\.[ch]$", r"LINUX_VERSION_CODE",
     "kernel differences live in kernel/compat"),
]


def findings(path, text):
    """(line number, rule, message) for each broken habit in one file."""
    if path.startswith("tests/fuzz/corpus/"):
        return  # whatever a fuzzer likes
    lines = text.splitlines()
    script = bool(lines) and lines[0].startswith("#!")
    source = path.endswith(SOURCE) or script
    if source and not any("SPDX-License-Identifier:" in line for line in lines[:4]):
        yield 1, "spdx", "the first lines name the licence"
    if source and len(lines) > MAX_LINES:
        yield MAX_LINES + 1, "length", f"{len(lines)} lines; make it two files"
    if path.endswith(".hpp") and "#pragma once" not in lines:
        yield 1, "pragma-once", "a C++ header starts with #pragma once"
    if text and not text.endswith("\n"):
        yield len(lines), "newline", "the file ends without a newline"
    if path in ("tools/lint/house.py", "tools/lint/test_house.py"):
        return
    for rule, where, what, instead in LINES:
        if not re.match(where, path):
            continue
        for number, line in enumerate(lines, 1):
            if re.search(what, line) and f"house: {rule}," not in line:
                yield number, rule, instead


def tracked():
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"],
                         capture_output=True, check=True).stdout.decode()
    return sorted(name for name in out.split("\0") if name)


def main(paths):
    found = 0
    for path in paths or tracked():
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read()
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
        for number, rule, message in findings(path, text):
            print(f"{path}:{number}: {rule}: {message}")
            found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
