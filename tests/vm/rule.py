# SPDX-License-Identifier: Apache-2.0
"""Which writes may reach the firmware, told a second time and independently of the
kernel's guard: from devices.csv and from the token structures that the machine was
given. Judges a firmware journal by it."""

import collections
import csv
import struct
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]

STRICTNESS = {"safe": 0, "monitored": 1, "guarded": 2, "locked": 3, "quarantined": 4}
# A token's number may be read as a device id; only these risks count in that reading.
COUNTED_AS_ID = ("guarded", "locked", "quarantined")
TOKENS = range(0x8000, 0x8000 + 3 * 108)


def device_risks():
    """{number: risk} from the catalogue."""
    with (SOURCE / "tools" / "catalog" / "devices.csv").open(newline="", encoding="utf-8") as file:
        return {int(row["number"]): row["risk"] for row in csv.DictReader(file)}


def token_locations(tables):
    """{token: location} of the SMBIOS structures in the folder `tables`."""
    found = {}
    for path in sorted(Path(tables).glob("type-da-*.bin")):
        data = path.read_bytes()
        entries = list(struct.iter_unpack("<HHH", data[11 : data[1]]))
        for token, location, _ in entries[:-1]:  # the driver drops the last
            found[token] = location
    return found


def own_risk(token, risks):
    """The stricter of both readings; an unknown token counts as locked."""
    if token not in TOKENS:
        return "locked"
    readings = [risks[(token - 0x8000) // 3]]
    as_id = risks.get(token - 0x8000)
    if as_id in COUNTED_AS_ID:
        readings.append(as_id)
    return max(readings, key=STRICTNESS.get)


class Rule:
    """What a board allows."""

    def __init__(self, tables):
        self.locations = token_locations(tables)
        risks = device_risks()
        self._risk_at = {}
        for token, location in self.locations.items():
            risk = own_risk(token, risks)
            before = self._risk_at.get(location, "safe")
            self._risk_at[location] = max(risk, before, key=STRICTNESS.get)
        self.writable = {token for token, location in self.locations.items() if self._risk_at[location] == "safe"}
        self.writable_locations = {self.locations[token] for token in self.writable}

    def violations(self, calls, granted=()):
        """A sentence for each call that should never have reached the firmware, and for
        each of the (token, value) pairs in `granted` that did not, or that no grant opens.
        Each pair stands for one write that needed its grant."""
        found = [f"a grant opened token 0x{token:04X}, which is {self._risk_at.get(self.locations.get(token))}"
                 for token, _ in granted
                 if self._risk_at.get(self.locations.get(token)) not in ("monitored", "guarded")]
        open_once = collections.Counter((self.locations.get(token), value) for token, value in granted)
        for call in calls:
            if call.call_class == 0:
                continue
            if call.call_class != 1:
                found.append(f"call {call.sequence} is of class {call.call_class}")
            elif call.location not in self.writable_locations and open_once[call.location, call.value]:
                open_once[call.location, call.value] -= 1
            elif call.location not in self.writable_locations:
                risk = self._risk_at.get(call.location, "unknown")
                found.append(f"call {call.sequence} wrote 0x{call.value:08X} to location "
                             f"0x{call.location:04X}, which is {risk}")
        found += [f"the granted write of 0x{value:08X} to location 0x{location:04X} never arrived"
                  for (location, value), count in open_once.items() if count]
        return found

    def differences(self, calls, expected):
        """How the writes among `calls` differ from the (token, value) pairs expected,
        each of which must be there exactly once. The order does not matter."""
        seen = collections.Counter((call.location, call.value) for call in calls if call.call_class == 1)
        wanted = collections.Counter((self.locations[token], value) for token, value in expected)
        missing = [f"missing: {count} x 0x{value:08X} to 0x{location:04X}"
                   for (location, value), count in sorted((wanted - seen).items())]
        extra = [f"too many: {count} x 0x{value:08X} to 0x{location:04X}"
                 for (location, value), count in sorted((seen - wanted).items())]
        return missing + extra
