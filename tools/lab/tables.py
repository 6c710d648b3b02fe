# SPDX-License-Identifier: Apache-2.0
"""The firmware tables of the emulated Latitude, made from the catalogue.

SMBIOS structures tell the in-tree dell-smbios driver which tokens there are; an
SSDT answers the token calls through ACPI-WMI and writes each of them to the
firmware journal (journal.py).
"""

import dataclasses
import re
import struct
import subprocess
from pathlib import Path

import journal
from errors import EXIT_NOT_FOUND, EXIT_UNAVAILABLE, LabError

SOURCE = Path(__file__).resolve().parents[2]
CATALOG = SOURCE / "tools" / "catalog"

LOCATION_BASE = 0x0400
LOCATION_COUNT = 324
JOURNAL_PORT = 0x504
BOARDS = ("full", "odd", "wmi-only")

# What a call to the firmware answers in its first output word.
DONE, FAILED, UNSUPPORTED = 0, -1, -2

# With this token Dell's driver finds that SMM is closed, and uses ACPI-WMI alone.
# Nothing answers at its location: the driver only looks whether it is listed.
WSMT_TOKEN, WSMT_LOCATION = 0x04EC, 0x0600

# A structure's length is one byte: 11 bytes of header and at most 40 entries,
# the last of which the driver drops. 36 tokens are twelve devices, a group.
TOKENS_PER_STRUCTURE = 36
TERMINATOR = (0xFFFF, 0x0000, 0x0000)


@dataclasses.dataclass(frozen=True)
class Register:
    """A register at power-on. Outcomes are DONE, FAILED or UNSUPPORTED."""

    token: int
    location: int
    value: int
    listed: bool = True  # named in SMBIOS
    read_outcome: int = DONE
    write_outcome: int = DONE


def catalog_registers():
    """The DSMIL_EMULATED_REGISTER lines of the generated catalogue."""
    command = ["awk", "-f", CATALOG / "generate.awk", CATALOG / "devices.csv"]
    try:
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except FileNotFoundError as error:
        raise LabError("awk is missing; run the lab inside the build root", EXIT_UNAVAILABLE) from error
    except subprocess.CalledProcessError as error:
        raise LabError(f"the catalogue does not generate: {error.stderr.strip()}") from error
    line = re.compile(r"^DSMIL_EMULATED_REGISTER\((0x\w+), (0x\w+), (0x\w+)\)$", re.MULTILINE)
    return [Register(*(int(number, 16) for number in match)) for match in line.findall(text)]


def board_registers(board):
    """The registers of a board: "full" as the catalogue says; "odd" lacks device
    107 and fails reads of the STATUS of devices 84 (error) and 85 (unsupported) and
    writes of the CONFIG (error) and the DATA (unsupported) of device 32; "wmi-only" is full, and
    has no way to the firmware beside ACPI-WMI."""
    if board not in BOARDS:
        raise LabError(f"there is no board '{board}'; boards: {', '.join(BOARDS)}", EXIT_NOT_FOUND)
    registers = catalog_registers()
    if board == "full":
        return registers
    if board == "wmi-only":
        return [*registers, Register(WSMT_TOKEN, WSMT_LOCATION, 0)]
    absent = {"listed": False, "read_outcome": FAILED, "write_outcome": FAILED}
    changes = {0x8000 + 3 * 107 + reg: absent for reg in range(3)}
    changes[0x8000 + 3 * 84] = {"read_outcome": FAILED}
    changes[0x8000 + 3 * 85] = {"read_outcome": UNSUPPORTED}
    changes[0x8000 + 3 * 32 + 1] = {"write_outcome": FAILED}
    changes[0x8000 + 3 * 32 + 2] = {"write_outcome": UNSUPPORTED}
    return [dataclasses.replace(register, **changes.get(register.token, {})) for register in registers]


def _structure(kind, handle, body, strings=()):
    head = struct.pack("<BBH", kind, 4 + len(body), handle)
    tail = b"".join(text.encode("ascii") + b"\0" for text in strings) or b"\0"
    return head + body + tail + b"\0"


def smbios_structures(registers):
    """[(name, bytes)]: one structure each, as `-smbios file=` takes them."""
    oem = ("Dell System", "www.dell.com")
    # Flags: bit 1 says that ACPI-WMI is there. The driver wants handle 0xB100.
    structures = [
        ("type-0b", _structure(0x0B, 0x0B00, bytes([len(oem)]), oem)),
        ("type-b1", _structure(0xB1, 0xB100, struct.pack("<HHI", 0x02, 0, 0))),
    ]
    tokens = [(register.token, register.location, 0) for register in registers if register.listed]
    for number, first in enumerate(range(0, len(tokens), TOKENS_PER_STRUCTURE)):
        entries = tokens[first : first + TOKENS_PER_STRUCTURE] + [TERMINATOR]
        # The SMI port and code of a real board, and the classes: 0 read, 1 write.
        body = struct.pack("<HBI", 0xB2, 0xDA, 0x3)
        body += b"".join(struct.pack("<HHH", *entry) for entry in entries)
        structures.append((f"type-da-{number}", _structure(0xDA, 0xDA00 + number, body)))
    return structures


def _asl_bytes(data, indent):
    lines = []
    for first in range(0, len(data), 16):
        lines.append(indent + ", ".join(f"0x{byte:02X}" for byte in data[first : first + 16]))
    return ",\n".join(lines)


def _outcome_code(outcome):
    return -outcome  # 0 done, 1 failed, 2 unsupported


def ssdt_source(registers):
    """The ASL of the ACPI-WMI device. A location that no register has, and one that
    is outside the table, answers FAILED."""
    values = bytearray(4 * LOCATION_COUNT)
    outcomes = bytearray([_outcome_code(FAILED) | _outcome_code(FAILED) << 4] * LOCATION_COUNT)
    for register in registers:
        if register.token == WSMT_TOKEN:
            continue
        index = register.location - LOCATION_BASE
        if not 0 <= index < LOCATION_COUNT:
            raise LabError(f"location 0x{register.location:04X} of the catalogue is outside the board")
        struct.pack_into("<I", values, 4 * index, register.value)
        outcomes[index] = _outcome_code(register.read_outcome) | _outcome_code(register.write_outcome) << 4
    template = (Path(__file__).parent / "latitude.asl.in").read_text(encoding="ascii")
    record = range(journal.RECORD_BYTES)
    replacements = {
        "@RECORD_NAMES@": "\n".join(f"        CreateByteField (JREC, {byte}, B_{byte:02X})" for byte in record),
        "@RECORD_OUT@": "\n".join(f"            JBYT = B_{byte:02X}" for byte in record),
        "@VALUES@": _asl_bytes(values, "            "),
        "@OUTCOMES@": _asl_bytes(outcomes, "            "),
        "@RECORD_BYTES@": str(journal.RECORD_BYTES),
        "@JOURNAL_PORT@": f"0x{JOURNAL_PORT:04X}",
        "@LOCATION_BASE@": f"0x{LOCATION_BASE:04X}",
        "@LOCATION_COUNT@": str(LOCATION_COUNT),
    }
    for name, text in replacements.items():
        template = template.replace(name, text)
    return template


def write_tables(directory, board):
    """Writes the tables of a board; returns (SMBIOS files, the compiled SSDT)."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    registers = board_registers(board)
    files = []
    for name, data in smbios_structures(registers):
        files.append(directory / f"{name}.bin")
        files[-1].write_bytes(data)
    source = directory / "latitude.asl"
    source.write_text(ssdt_source(registers), encoding="ascii")
    try:
        done = subprocess.run(
            ["iasl", "-va", "-p", directory / "latitude", source], capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise LabError("iasl is missing; run the lab inside the build root", EXIT_UNAVAILABLE) from error
    if done.returncode != 0:
        raise LabError(f"iasl refuses {source}:\n{done.stdout}{done.stderr}")
    return files, directory / "latitude.aml"
