# SPDX-License-Identifier: Apache-2.0
"""The boots of the VM tests: as few as show everything."""

import dataclasses
import re
import subprocess
from pathlib import Path

import checks
import guest
import module_source
import session
import signed
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
    timeout: float = 900  # of a machine that hangs: a busy host makes the slowest boot take minutes
    tools: tuple = ()  # programs of the build root, with our udev rules
    unpinned: bool = False  # carries a dsmil_dell that knows no symbol version
    load: str = "dell"
    secure_boot: bool = False  # UEFI with Secure Boot on, and modules signed by several keys


BOOTS = (
    Boot("dell", "the newest kernel, every device, the whole way", "boot-dell.sh",
         ("kselftest-dell", "kselftest-sim", "netlink", "ynl", "doors", "cli", "grants", "grants-daemon", "daemon",
          "kill", "full-disk", "vanish", "no-module"),
         (checks.same_on_both_paths, checks.every_command, checks.specification_is_valid, checks.every_door,
          checks.nothing_forbidden, checks.grants_open, checks.bypass_is_seen, checks.ledger_read_independently),
         python=True),
    Boot("odd", "a board without device 107 whose firmware fails two reads, and no TPM", "boot-odd.sh",
         ("kselftest-dell", "kselftest-sim", "odd", "netlink", "no-tpm"),
         (checks.same_on_both_paths, checks.nothing_forbidden, checks.grants_open), board="odd", tpm=False, python=True),
    Boot("old", "the oldest kernel", "boot-old.sh",
         ("kselftest-dell", "kselftest-sim", "netlink", "ynl", "cli", "grants", "daemon"),
         (checks.same_on_both_paths, checks.every_command, checks.nothing_forbidden, checks.grants_stay_shut),
         kernel="6.1", python=True),
    Boot("firmware", "Dell's driver loses its way, and is one that nobody tested", "boot-firmware.sh",
         ("backend", "read-only"), (checks.nothing_forbidden,), board="wmi-only", unpinned=True),
    Boot("udev", "a real systemd-udevd makes nodes, groups and links, a real kmod loads", "boot-udev.sh",
         ("udev", "modprobe"), (checks.nothing_forbidden,), tpm=False,
         tools=("/usr/bin/udevadm", "/usr/lib/systemd/systemd-udevd", "/usr/bin/systemd-sysusers",
                "/usr/bin/kmod", "/usr/lib/x86_64-linux-gnu/libkmod.so.2")),
    Boot("systemd", "a real systemd starts our units", "boot-systemd.sh",
         ("systemd",), (checks.nothing_forbidden,),
         tools=("/usr/bin/udevadm", "/usr/lib/systemd/systemd-udevd", "/usr/bin/systemd-sysusers",
                "/usr/lib/systemd/systemd", "/usr/lib/systemd/systemd-executor", "/usr/bin/systemctl")),
    Boot("secureboot", "the firmware has Secure Boot on, and two certificates of ours", "boot-secureboot.sh",
         ("secure-boot",), (checks.nothing_forbidden,), tpm=False, load="none", secure_boot=True,
         tools=("/usr/bin/kmod",)),
    Boot("trace", "the tracepoints, with a real bpftrace and a real perf", "boot-trace.sh",
         ("trace",), (checks.nothing_forbidden,), tpm=False, tools=("/usr/bin/bpftrace", "/usr/bin/perf")),
)


def _guest_files(board):
    files = {f"lab/source/tests/vm/{path.name}": (path.read_bytes(), 0o755)
             for path in sorted(GUEST.iterdir()) if path.is_file()}
    files["lab/source/tests/vm/rule.py"] = ((ROOT / "tests" / "vm" / "rule.py").read_bytes(), 0o644)
    for name in ("tools/catalog/devices.csv", "docs/netlink/dsmil.yaml", "docs/examples/dsmil.bt"):
        files[f"lab/source/{name}"] = ((ROOT / name).read_bytes(), 0o644)
    files |= ynl.client_files("lab/ynl")
    files["usr/libexec/dsmil/dsmil-grant-keys"] = ((ROOT / "deploy/systemd/dsmil-grant-keys").read_bytes(), 0o755)
    for name, data in tables.smbios_structures(tables.board_registers(board)):
        files[f"lab/tables/{name}.bin"] = (data, 0o644)
    return files


def _unpinned_module(release):
    """dsmil_dell.ko of a source tree whose list of known symbol versions fits no kernel."""
    place = ROOT / "build" / "vm" / "unpinned"
    source = place / "source"
    module_source.copy(source)
    known = source / "kernel/dell/known_symbols.txt"
    text = known.read_text(encoding="ascii")
    text = re.sub(r"^(dell_\w+) .*$", r"\1 0x00000001", text, flags=re.MULTILINE)
    known.write_text(re.sub(r"^kernel .*\n", "", text, flags=re.MULTILINE), encoding="ascii")
    subprocess.run([source / "tools/kbuild", release, place / release], check=True, stdout=subprocess.DEVNULL)
    return (place / release / "kernel/dsmil_dell.ko").read_bytes()


def make_setup(boot, build, modules):
    """What the lab needs for a boot; LabError if it is not built."""
    release = guest.pick_kernel(boot.kernel)
    directory = modules / release / "kernel"
    kselftest = build / "tests" / "kselftest"
    for needed in (directory, kselftest):
        if not needed.is_dir():
            raise LabError(f"{needed} is missing; run make", EXIT_NOT_FOUND)
    files = _guest_files(boot.board)
    variables = None
    if boot.secure_boot:
        variables, signed_modules = signed.prepare(ROOT / "build" / "vm" / "signed", release, directory)
        files |= signed_modules
    if boot.tools:
        files["usr/lib/udev/rules.d/90-dsmil.rules"] = ((ROOT / "udev/90-dsmil.rules").read_bytes(), 0o644)
        loads_modules = guest.require("/usr/lib/udev/rules.d/80-drivers.rules")  # systemd's own
        files[str(loads_modules).lstrip("/")] = (loads_modules.read_bytes(), 0o644)
        files["usr/lib/modprobe.d/dsmil.conf"] = ((ROOT / "deploy/modprobe.d/dsmil.conf").read_bytes(), 0o644)
        files["usr/lib/sysusers.d/dsmil.conf"] = ((ROOT / "deploy/systemd/dsmil.sysusers").read_bytes(), 0o644)
        for path in Path("/usr/lib/systemd/system").glob("*.target"):
            files[str(path).lstrip("/")] = (path.read_bytes(), 0o644)
        for unit in ("dsmild.service", "dsmil-quarantine.service", "dsmil-quarantine-now.path",
                     "dsmil-quarantine-now.service", "dsmil-grant-keys.service"):
            files[f"usr/lib/systemd/system/{unit}"] = ((build / "deploy/systemd" / unit).read_bytes(), 0o644)
        files["usr/libexec/dsmil/dsmil-quarantine"] = ((ROOT / "deploy/systemd/dsmil-quarantine").read_bytes(), 0o755)
    if boot.unpinned:
        files["lab/unpinned/dsmil_dell.ko"] = (_unpinned_module(release), 0o644)
    return session.Setup(
        out=ROOT / "build" / "vm" / boot.name, kernel=release, board=boot.board, modules=directory,
        programs=(build, build / "tests" / "vm"), tests=(kselftest,), extra=(ROOT / "tests" / "vm" / "overlay",),
        files=files, python_imports=PYTHON if boot.python else (),
        tools=boot.tools, script=GUEST / boot.script, load=boot.load, tpm=boot.tpm,
        variables=variables, timeout=boot.timeout)
