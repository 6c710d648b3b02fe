# SPDX-License-Identifier: Apache-2.0
"""Go's own transparency log (golang.org/x/mod/sumdb) as a second opinion: judge/main.go, built where the tests are."""
import os
import shutil
import subprocess
import unittest

from support import BUILD, SOURCE

PACKAGES = "/usr/share/gocode"
PROGRAM = os.path.join(BUILD, "tests/cli/judge-program")


def build():
    """Skips the tests where there is no Go; the build root has it."""
    if not shutil.which("go") or not os.path.isdir(os.path.join(PACKAGES, "src/golang.org/x/mod/sumdb/tlog")):
        raise unittest.SkipTest("no Go with golang.org/x/mod here")
    subprocess.run(["go", "build", "-o", PROGRAM, os.path.join(SOURCE, "tests/cli/judge/main.go")], check=True,
                   env={**os.environ, "GO111MODULE": "off", "GOPATH": PACKAGES, "GOFLAGS": "", "CGO_ENABLED": "0",
                        "GOTOOLCHAIN": "local", "GOCACHE": os.path.join(BUILD, "tests/cli/go-cache")})


def judge(*arguments, text=""):
    """The lines that it prints."""
    return subprocess.run([PROGRAM, *map(str, arguments)], input=text, check=True, capture_output=True,
                          text=True).stdout.splitlines()


def write_log(case, name, size):
    """A folder of tlog-tiles in the test case's own, and the file with its key."""
    key = case.path(name + ".vkey")
    with open(key, "w", encoding="ascii") as file:
        file.write("\n".join(judge("log", case.path(name), size)) + "\n")
    return case.path(name), key


def check(claims):
    """Its verdict on each claim."""
    return [line == "true" for line in judge("check", text="".join(claim + "\n" for claim in claims))]
