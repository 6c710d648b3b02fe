#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""clang-tidy over every C++ file of the product that the release build knows, a file
at a time on each processor. The unit tests are left out unless they are named: the
macros of their framework take its analyser minutes a file. A file that was clean is
not looked at again until it, a header that it includes (however deep), its flags, the
rules or clang-tidy change; what was clean is remembered in the cache, by content.

    tools/lint/tidy.py [--analyze] [FILE...]     from the source tree; needs build/release

Clang's analyser, two thirds of the time, is left to --analyze.
"""
import concurrent.futures
import hashlib
import json
import os
import re
import subprocess
import sys
import time

BUILD = "build/release"
STAMPS = os.path.join(os.environ.get("DSMIL_CACHE", "build/lint"), "tidy")
KEPT_SECONDS = 30 * 24 * 3600
RULES = ".clang-tidy"
# What the headers that the build makes are made from.
GENERATED = {
    "errors.def": ("lib/errors.csv", "lib/generate_errors.py"),
    "commands.inc": ("tools/dsmilctl/commands.json", "tools/dsmilctl/generate.py"),
    "dsmil_catalog.def": ("tools/catalog/devices.csv", "tools/catalog/generate.awk"),
}
INCLUDE = re.compile(rb'^\s*#\s*include\s*["<]([^">]+)[">]', re.M)


def read(path):
    with open(path, "rb") as file:
        return file.read()


class Tree:
    """The files of the tree, and which of them a file includes."""

    def __init__(self):
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True,
                                check=True).stdout.splitlines()
        self.files = [path for path in listed if os.path.exists(path)]
        self.headers = {}
        for path in self.files:
            if path.endswith((".h", ".hpp")):
                self.headers.setdefault(os.path.basename(path), []).append(path)
        self.direct = {}

    def includes(self, path):
        if path not in self.direct:
            names = [name.decode(errors="replace") for name in INCLUDE.findall(read(path))]
            self.direct[path] = [header for name in names
                                 for header in self.headers.get(os.path.basename(name), [])
                                 if ("/" + header).endswith("/" + name.removeprefix("../"))]
            for name in names:
                self.direct[path] += GENERATED.get(os.path.basename(name), ())
        return self.direct[path]

    def closure(self, path):
        seen, todo = set(), [path]
        while todo:
            now = todo.pop()
            if now not in seen:
                seen.add(now)
                todo += self.includes(now)
        return sorted(seen)


def key(tree, common, path, command):
    content = hashlib.sha256(common + command.encode())
    for part in tree.closure(path):
        content.update(part.encode() + b"\0" + hashlib.sha256(read(part)).digest())
    return content.hexdigest()[:32]


def look_at(path, stamp, checks):
    started = time.monotonic()
    done = subprocess.run(["clang-tidy", "--quiet", "-p", BUILD, "--extra-arg=-Wno-unknown-warning-option", *checks, path],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    if done.returncode == 0:
        with open(stamp, "w", encoding="utf-8"):
            pass
    return done.returncode, done.stdout, time.monotonic() - started


def forget_old():
    for name in os.listdir(STAMPS):
        path = os.path.join(STAMPS, name)
        if time.time() - os.stat(path).st_mtime > KEPT_SECONDS:
            os.unlink(path)


def main():
    wanted = set(sys.argv[1:]) - {"--analyze"}
    checks = [] if "--analyze" in sys.argv[1:] else ["--checks=-clang-analyzer-*"]
    os.makedirs(STAMPS, exist_ok=True)
    forget_old()
    tree = Tree()
    common = subprocess.run(["clang-tidy", "--version"], capture_output=True, check=True).stdout
    common += read(RULES) + repr(checks).encode()
    todo, seen = {}, set()
    known = set(tree.files)
    for entry in json.loads(read(os.path.join(BUILD, "compile_commands.json"))):
        path = os.path.relpath(os.path.join(entry["directory"], entry["file"]))
        if not path.endswith(".cpp") or path not in known or path in seen:
            continue
        if path not in wanted if wanted else path.startswith("tests/"):
            continue
        seen.add(path)
        stamp = os.path.join(STAMPS, key(tree, common, path, entry["command"]))
        if os.path.exists(stamp):
            os.utime(stamp)
        else:
            todo[path] = stamp
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        running = {pool.submit(look_at, path, stamp, checks): path for path, stamp in todo.items()}
        for done in concurrent.futures.as_completed(running):
            status, text, seconds = done.result()
            if status:
                bad += 1
                print(f"clang-tidy: {running[done]} ({seconds:.0f} s)\n{text}", flush=True)
    print(f"clang-tidy: {len(todo)} files looked at, {bad} with findings")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
