# SPDX-License-Identifier: Apache-2.0
"""The firmware journal: what truly reached the emulated firmware.

The SSDT writes one record of 24 bytes, little endian, for every call, before the
call takes effect; QEMU's debug console puts it in a file outside the guest.

    bytes  0-3   sequence, from 0, without holes
           4-5   class: 0 token read, 1 token write
           6-7   select
           8-11  the first input: the token's location
          12-15  the second input: the value of a write
          16-19  the first output: 0 done, -1 failed, -2 unsupported
          20-23  the second output: the value
"""

import dataclasses
import struct

from errors import LabError

LAYOUT = struct.Struct("<IHHIIiI")
RECORD_BYTES = LAYOUT.size
assert RECORD_BYTES == 24

CLASS_READ, CLASS_WRITE = 0, 1
REGISTER_NAMES = ("STATUS", "CONFIG", "DATA")


@dataclasses.dataclass(frozen=True)
class Call:
    """One call that reached the firmware."""

    sequence: int
    call_class: int
    select: int
    location: int
    value: int
    outcome: int
    result: int

    @property
    def is_write(self):
        return self.call_class == CLASS_WRITE


def decode(data, first=0, live=False):
    """The calls of a journal from record `first` on. A live journal may end within a
    record, which is left out; elsewhere that is an error, and a hole always is."""
    whole = len(data) // RECORD_BYTES
    if not live and whole * RECORD_BYTES != len(data):
        raise LabError(f"the journal ends within record {whole}")
    calls = []
    for number in range(first, whole):
        call = Call(*LAYOUT.unpack_from(data, number * RECORD_BYTES))
        if call.sequence != number:
            raise LabError(f"record {number} of the journal has sequence {call.sequence}")
        calls.append(call)
    return calls


def tokens_by_location(registers):
    """{location: [token...]} of the tokens that the board names."""
    places = {}
    for register in registers:
        if register.listed:
            places.setdefault(register.location, []).append(register.token)
    return places


def _verb(call):
    return {CLASS_READ: "read", CLASS_WRITE: "WRITE"}.get(call.call_class, f"class {call.call_class}")


def _outcome(call):
    if call.outcome == 0:
        return f"0x{call.result:08X}"
    return {-1: "failed", -2: "unsupported"}.get(call.outcome, f"outcome {call.outcome}")


def as_text(call, places):
    """One line: sequence, verb, location, outcome, and the tokens at that location."""
    names = []
    for token in places.get(call.location, []):
        number, register = divmod(token - 0x8000, 3)
        names.append(f"token 0x{token:04X} (device {number} {REGISTER_NAMES[register]})")
    select = f" select {call.select}" if call.select else ""
    where = " = ".join(names) or "no token"
    return f"{call.sequence:6d}  {_verb(call):5s}{select} at 0x{call.location:04X}: {_outcome(call)}  {where}"


def as_dict(call, places):
    """The same for machines."""
    fields = dataclasses.asdict(call)
    fields["class"] = fields.pop("call_class")
    fields["tokens"] = places.get(call.location, [])
    return fields
