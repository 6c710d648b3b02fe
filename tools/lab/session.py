# SPDX-License-Identifier: Apache-2.0
"""One run of the lab: boot, listen to the guest, judge, leave the evidence."""

import contextlib
import dataclasses
import json
import os
import re
import selectors
import shutil
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

import channel
import guest
import journal
import machine
import tables
from errors import EXIT_FAILED, EXIT_OK, LabError

# What dmesg must not hold, whatever the script says.
SPLATS = re.compile(r"WARNING: |\bBUG\b|\bOops\b|Call Trace|general protection|Kernel panic|"
                    r"rcu.*(stall|detected)|blocked for more than|refcount_t:|UBSAN|KASAN|kmemleak: [1-9]")
TAINT_DIED, TAINT_WARNED = 1 << 7, 1 << 9
# From the verdict to the end of the machine.
POWER_OFF_SECONDS = 20
CONSOLE_TAIL_LINES = 40


@dataclasses.dataclass
class Setup:
    """What to boot. Paths are Path objects; None means there is none."""

    out: Path
    kernel: str = ""
    board: str = "full"
    modules: Path | None = None
    programs: tuple = ()  # folders whose programs go to /usr/bin
    tests: tuple = ()  # the same, to /lab/kselftest
    extra: tuple = ()  # cpio archives and directories laid over the guest's root
    files: dict = dataclasses.field(default_factory=dict)  # guest path: (bytes, mode)
    python_imports: tuple = ()
    tools: tuple = ()  # programs of the build root
    script: Path | None = None
    load: str = "dell"
    tpm: bool = True
    variables: Path | None = None  # of a UEFI firmware with Secure Boot (secure_boot.py); None boots with SeaBIOS
    state: Path | None = None
    shell: bool = False
    show_console: bool = False
    timeout: float = 180.0
    initramfs: Path | None = None  # set by run()


@dataclasses.dataclass
class Report:
    """What came of it. passed is the only verdict; failures say why not."""

    failures: list
    steps: list
    suites: dict
    calls: list
    marks: dict
    release: str | None
    seconds: float
    out: Path

    @property
    def passed(self):
        return not self.failures


def _make_initramfs(setup, path):
    if setup.load not in ("dell", "sim", "none"):
        raise LabError(f"load what? dell, sim or none, not '{setup.load}'")
    settings = {"LAB_LOAD": setup.load, "LAB_SHELL": "1" if setup.shell else "0"}
    if setup.show_console and sys.stdout.isatty():
        size = shutil.get_terminal_size()
        settings |= {"TERM": os.environ.get("TERM", "dumb"), "LAB_ROWS": str(size.lines),
                     "LAB_COLUMNS": str(size.columns)}
    if "TERM" not in settings or "NO_COLOR" in os.environ:
        settings |= {"TERM": settings.get("TERM", "dumb"), "NO_COLOR": "1"}
    files = dict(setup.files)
    archives = [guest.base_archive(), guest.modules_archive(setup.kernel, setup.modules)]
    if setup.python_imports:
        archives.append(guest.python_archive(setup.python_imports))
    if setup.tools:
        archives.append(guest.tools_archive(setup.tools))
    for directories, place in ((setup.programs, "usr/bin"), (setup.tests, "lab/kselftest")):
        if directories:
            archives.append(guest.programs_archive(directories, place))
    for extra in setup.extra:
        if extra.is_dir():
            files |= guest.directory_files(extra)
        else:
            archives.append(extra)
    with path.open("wb") as out:
        for archive in archives:
            data = archive.read_bytes()
            # Every archive starts on a multiple of four bytes.
            out.write(data + b"\0" * (-len(data) % 4))
        out.write(guest.run_archive(setup.script, settings, files))


@contextlib.contextmanager
def _terminal_restored():
    """QEMU puts the terminal in raw mode, and may not live to take it back."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _listen(process, port, talk, deadline):
    """Feeds the channel until the machine is off. Returns a failure or None."""
    selector = selectors.DefaultSelector()
    selector.register(port, selectors.EVENT_READ)
    while True:
        if talk.dmesg is not None:
            deadline = min(deadline, time.monotonic() + POWER_OFF_SECONDS) if deadline else None
        remaining = deadline - time.monotonic() if deadline else 60
        if remaining <= 0:
            return "the machine did not turn off" if talk.dmesg is not None else "timeout: no verdict in time"
        if not selector.select(min(remaining, 60)):
            continue
        data = port.recv(1 << 20)
        if not data:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(POWER_OFF_SECONDS)
            return None
        talk.feed(data)


def _suite_failures(suites):
    for name, suite in suites.items():
        bad = [line for line in suite.lines if line.startswith("not ok") and "# SKIP" not in line]
        yield from (f"{name}: {line}" for line in bad)
        if suite.status is None:
            yield f"{name}: did not end"
        elif suite.status != 0 and not bad:
            yield f"{name}: ended with {suite.status}"
        planned = [int(match[1]) for line in suite.lines if (match := re.match(r"1\.\.(\d+)", line))]
        results = sum(1 for line in suite.lines if re.match(r"(not )?ok\b", line))
        if not planned:
            yield f"{name}: gave no plan"
        elif planned[0] != results:
            yield f"{name}: planned {planned[0]} tests and ran {results}"


def judge(talk, ended):
    """Why the run failed, nothing if it passed. ended: what cut it short, or None."""
    failures = []
    if ended:
        failures.append(ended)
    if not talk.verdicts and not ended:
        failures.append("the machine went without a verdict")
    failures += [text for passed, text in talk.verdicts if not passed]
    failures += _suite_failures(talk.suites)
    if talk.verdicts and talk.dmesg is None and not ended:
        failures.append("the machine went without its kernel log")
    for line in (talk.dmesg or "").splitlines():
        if SPLATS.search(line):
            failures.append(f"kernel log: {line}")
    if talk.tainted & (TAINT_DIED | TAINT_WARNED):
        failures.append(f"the kernel is tainted: {talk.tainted}")
    return failures


def run(setup, observer=lambda op, name, text: None):
    """Boots and waits for the verdict. observer(op, name, text) hears the guest."""
    started = time.monotonic()
    setup.out = Path(setup.out).resolve()
    setup.out.mkdir(parents=True, exist_ok=True)
    setup.kernel = guest.pick_kernel(setup.kernel)
    places = journal.tokens_by_location(tables.board_registers(setup.board))
    with contextlib.ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lab-")))
        setup.initramfs = scratch / "initramfs"
        _make_initramfs(setup, setup.initramfs)
        tpm = None
        if setup.tpm:
            state = (setup.state or scratch) / "tpm-state"
            tpm = stack.enter_context(machine.software_tpm(state, scratch, setup.out / "swtpm.log"))
        stack.enter_context(_terminal_restored())
        process, port = stack.enter_context(machine.latitude(setup, scratch, tpm))
        talk = channel.Channel(port.sendall, setup.out, setup.out / "journal.bin", places, observer)
        # A person at the shell may take all day.
        deadline = None if setup.shell else started + setup.timeout
        try:
            ended = _listen(process, port, talk, deadline)
        except LabError as error:
            ended = str(error)
    failures = judge(talk, ended)
    try:
        calls = journal.decode((setup.out / "journal.bin").read_bytes())
    except LabError as error:
        failures.append(str(error))
        calls = []
    if talk.dmesg is not None:
        (setup.out / "dmesg.log").write_text(talk.dmesg, encoding="utf-8")
    report = Report(failures, talk.steps, talk.suites, calls, talk.marks, talk.release,
                    time.monotonic() - started, setup.out)
    _write_report(report)
    return report


def _write_report(report):
    text = json.dumps({
        "schema": "dsmil.lab/1", "passed": report.passed, "failures": report.failures, "steps": report.steps,
        "kernel": report.release, "seconds": round(report.seconds, 2), "firmware_calls": len(report.calls),
        "suites": {name: dataclasses.asdict(suite) for name, suite in report.suites.items()}}, indent=1)
    (report.out / "report.json").write_text(text + "\n", encoding="utf-8")


def console_tail(out):
    """The last lines of the console, for a failure's message."""
    log = Path(out) / "console.log"
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join(lines[-CONSOLE_TAIL_LINES:])


def exit_code(report):
    return EXIT_OK if report.passed else EXIT_FAILED
