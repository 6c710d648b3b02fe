# SPDX-License-Identifier: Apache-2.0
"""The boots of the VM tests: as few as show everything."""

import dataclasses
from pathlib import Path

import checks
import guest
import session
import tables
import ynl
from errors import EXIT_NOT_FOUND, LabError

ROOT = Path(__file__).resolve().parents[2]
GUEST = ROOT / "tests" / "vm" / "guest"
# What the guest's Python programs import.
PYTHON = ("collections", "csv", "ctypes", "errno", "fcntl", "json", "os", "pathlib", "select", "socket",
          "struct", "subprocess", "pyroute2.netlink.generic", *ynl.IMPORTS)


@dataclasses.dataclass(frozen=True)
class Boot:
    """One machine from power-on to power-off. suites must all have run; each of
    checks(report) yields (name, problems)."""

    name: str
    what: str
    script: str
    suites: tuple
    checks: tuple
    kernel: str = ""
    board: str = "full"
    tpm: bool = True
    python: bool = False
    timeout: float = 400


BOOTS = (
    Boot("dell", "the newest kernel, every device, the whole way", "boot-dell.sh",
         ("kselftest-dell", "kselftest-sim", "grants-slow", "netlink", "ynl", "doors", "cli", "daemon", "kill", "full-disk",
          "vanish", "no-module"),
         (checks.same_on_both_paths, checks.every_command, checks.specification_is_valid, checks.every_door,
          checks.nothing_forbidden, checks.grants_open, checks.bypass_is_seen, checks.ledger_read_independently),
         python=True, timeout=900),
    Boot("odd", "a board without device 107 whose firmware fails two reads, and no TPM", "boot-odd.sh",
         ("kselftest-dell", "kselftest-sim", "odd", "netlink", "no-tpm"),
         (checks.same_on_both_paths, checks.nothing_forbidden, checks.grants_open), board="odd", tpm=False, python=True),
    Boot("old", "the oldest kernel", "boot-old.sh",
         ("kselftest-dell", "kselftest-sim", "netlink", "ynl", "cli", "daemon"),
         (checks.same_on_both_paths, checks.every_command, checks.nothing_forbidden, checks.grants_stay_shut),
         kernel="6.1", python=True),
)


def _guest_files(board):
    files = {f"lab/source/tests/vm/{path.name}": (path.read_bytes(), 0o755)
             for path in sorted(GUEST.iterdir()) if path.is_file()}
    files["lab/source/tests/vm/rule.py"] = ((ROOT / "tests" / "vm" / "rule.py").read_bytes(), 0o644)
    for name in ("tools/catalog/devices.csv", "docs/netlink/dsmil.yaml"):
        files[f"lab/source/{name}"] = ((ROOT / name).read_bytes(), 0o644)
    files |= ynl.client_files("lab/ynl")
    for name, data in tables.smbios_structures(tables.board_registers(board)):
        files[f"lab/tables/{name}.bin"] = (data, 0o644)
    return files


def make_setup(boot, build, modules):
    """What the lab needs for a boot; LabError if it is not built."""
    release = guest.pick_kernel(boot.kernel)
    directory = modules / release / "kernel"
    kselftest = build / "tests" / "kselftest"
    for needed in (directory, kselftest):
        if not needed.is_dir():
            raise LabError(f"{needed} is missing; run make", EXIT_NOT_FOUND)
    return session.Setup(
        out=ROOT / "build" / "vm" / boot.name, kernel=release, board=boot.board, modules=directory,
        programs=(build,), tests=(kselftest,), extra=(ROOT / "tests" / "vm" / "overlay",),
        files=_guest_files(boot.board), python_imports=PYTHON if boot.python else (),
        script=GUEST / boot.script, tpm=boot.tpm, timeout=boot.timeout)
