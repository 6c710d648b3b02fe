# SPDX-License-Identifier: Apache-2.0
"""What the host finds in a boot's evidence. Each check yields (name, problems)."""

import json
import re
from pathlib import Path

import jsonschema
import yaml

import ledger_reader
import model as abi
import render_tests
import rule
import ynl

SPECIFICATION = Path(__file__).resolve().parents[2] / "docs" / "netlink" / "dsmil.yaml"

# every_door.py: the doors that let a write through where the rule allows one.
OPEN_DOORS = ("node", "dsmilctl")

# tests/kselftest/grants.c: the writes that need a grant and have one that holds.
GRANTED_WRITES = 10


def parse_tap(line):
    """(passed, name, why it was skipped or None) of a result line, else None."""
    match = re.match(r"(not ok|ok)\b\s*\d*\s*-?\s*(.*)$", line)
    if not match:
        return None
    name, _, why = match[2].partition(" # SKIP")
    skipped = (why.strip() or "no reason given") if " # SKIP" in match[2] else None
    return match[1] == "ok", name, skipped


def _results(suite):
    return [line for line in suite.lines if parse_tap(line)]


def same_on_both_paths(report):
    """The kernel's self tests say the same over Dell's firmware and the simulated one."""
    dell, sim = (_results(report.suites[name]) if name in report.suites else []
                 for name in ("kselftest-dell", "kselftest-sim"))
    problems = [] if dell and len(dell) == len(sim) else [f"{len(dell)} results on dell, {len(sim)} on sim"]
    problems += [f"dell: {a}\nsim:  {b}" for a, b in zip(dell, sim) if a != b]
    yield "the self tests have identical results on dell and sim", problems


def every_command(report):
    """Each command of the ABI's description was tried in each of its cases, and a 32-bit
    program was answered as a 64-bit one."""
    lines = _results(report.suites["kselftest-dell"]) if "kselftest-dell" in report.suites else []
    yield "every command of the ABI was tried in every case", render_tests.uncovered(abi.load(), lines)
    wide, narrow = ([re.sub(r"^((not )?ok) \d+ - \w+: ", r"\1 ", line) for line in lines if f" - {program}: " in line]
                    for program in ("commands", "commands32"))
    problems = [] if wide and len(wide) == len(narrow) else [f"{len(wide)} results of 64 bits, {len(narrow)} of 32"]
    problems += [f"64 bits: {a}\n32 bits: {b}" for a, b in zip(wide, narrow) if a != b]
    yield "a 32-bit program is answered as a 64-bit one", problems


def specification_is_valid(_report):
    """docs/netlink/dsmil.yaml keeps to the kernel's own schema of generic netlink."""
    validator = jsonschema.Draft7Validator(yaml.safe_load(ynl.schema()))
    found = validator.iter_errors(yaml.safe_load(SPECIFICATION.read_text(encoding="utf-8")))
    yield ("the specification of the netlink family keeps to the kernel's schema",
           [f"{'/'.join(str(step) for step in error.absolute_path)}: {error.message}" for error in found])


def _bypass_mark(report):
    return report.marks.get("bypass", len(report.calls))


def _granted(report, suites=("kselftest-dell", "grants", "grants-daemon")):
    """What the suites say that their grants opened on this firmware."""
    found = (re.fullmatch(r"(?:# grants: )?# granted 0x([0-9a-f]{4}) 0x([0-9a-f]{8})", line.strip())
             for name in suites if name in report.suites for line in report.suites[name].lines)
    return [(int(match[1], 16), int(match[2], 16)) for match in found if match]


def nothing_forbidden(report):
    """No write of the whole boot reached what must not be written, but by a grant."""
    board = rule.Rule(report.out / "tables")
    calls = report.calls[: _bypass_mark(report)]
    writes = sum(1 for call in calls if call.is_write)
    yield f"none of the firmware's {len(calls)} calls, {writes} of them writes, was forbidden", board.violations(calls, _granted(report))


def grants_open(report):
    """Grants opened as many writes as the self test has, each of which arrived once."""
    granted = _granted(report, ("kselftest-dell",))
    yield ("the grants that hold opened their writes",
           [] if len(granted) == GRANTED_WRITES else [f"{len(granted)} writes, not {GRANTED_WRITES}"])


def grants_stay_shut(report):
    """A kernel that cannot check signatures opens nothing."""
    granted = _granted(report)
    yield "no grant opened anything", [f"0x{token:04X} was written" for token, _ in granted]


def every_door(report):
    """Of 324 registers through every door, exactly the allowed writes arrived."""
    path = report.out / "files" / "doors.json"
    if not path.exists() or not {"doors", "doors-end"} <= report.marks.keys():
        yield "the doors were tried", ["the guest sent no doors.json"]
        return
    board = rule.Rule(report.out / "tables")
    doors = json.loads(path.read_text(encoding="utf-8"))
    calls = report.calls[report.marks["doors"] : report.marks["doors-end"]]
    yield "no door leads to a quarantined, locked or aliased register", board.violations(calls)
    expected = [(token, doors[name]["door"] << 24 | token) for name in OPEN_DOORS for token in sorted(board.writable)]
    yield f"exactly the {len(expected)} allowed writes reached the firmware", board.differences(calls, expected)
    for name in OPEN_DOORS:
        answers = {int(token): answer for token, answer in doors[name]["answers"].items()}
        done = {token for token, answer in answers.items() if not answer}
        yield (f"door {name} tried 324 registers and says done for exactly the allowed ones",
               [f"0x{token:04X}: {answers.get(token)}" for token in sorted(done ^ board.writable)]
               + ([] if len(answers) == 324 else [f"{len(answers)} registers"]))
    refused = {name: [token for token, answer in door["answers"].items() if not answer]
               for name, door in doors.items() if name in
               ("node_opened_for_reading", "forged_grant", "ctl", "register_out_of_range", "plain_write")}
    for name, accepted in refused.items():
        yield f"door {name} is shut", [f"{token} was accepted" for token in accepted]


def bypass_is_seen(report):
    """The checker is awake: a write past our doors, through Dell's own node, is found."""
    if "bypass" not in report.marks:
        yield "the bypass was tried", ["the guest set no mark"]
        return
    board = rule.Rule(report.out / "tables")
    found = board.violations(report.calls[report.marks["bypass"] :])
    yield ("a forbidden write past the module is seen in the journal",
           [] if len(found) == 1 else [f"{len(found)} violations found, not 1", *found])


def ledger_read_independently(report):
    """The exported ledger, by sqlite3 and a reader that shares no code with ours."""
    files = report.out / "files"
    if not (files / "ledger.db").exists():
        yield "the ledger was exported", ["the guest sent no ledger.db"]
        return
    key = (files / "ledger.vkey").read_text(encoding="ascii")
    yield from ledger_reader.verify(files / "ledger.db", key)
    if not (files / "flipped.db").exists():
        yield "a flipped ledger was sent", ["there is no flipped.db"]
        return
    found = [name for name, problems in ledger_reader.verify(files / "flipped.db", key) if problems]
    yield ("the second reader finds the flipped byte by the root and the tiles alone",
           [] if len(found) == 2 and "root" in found[0] and "tiles" in found[1] else [f"it complains about: {found}"])
