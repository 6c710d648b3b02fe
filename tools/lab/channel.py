# SPDX-License-Identifier: Apache-2.0
"""The host's side of the lab's port: a request from the guest, an answer back.

A request is a line of JSON, {"op", "name", then "lines": 1 or "bytes": N}, followed
by that line or those bytes. The answer is a line, {"ok": true, "bytes": N}, followed
by N bytes; or {"ok": false, "error": TEXT}. What the guest sends is not trusted:
names are checked, sizes bounded.
"""

import dataclasses
import json
import re
from pathlib import Path

import journal
from errors import LabError

LINE_LIMIT = 64 * 1024
BYTES_LIMIT = 256 * 1024 * 1024


@dataclasses.dataclass
class Suite:
    """TAP lines of a suite, and the status its program ended with."""

    lines: list = dataclasses.field(default_factory=list)
    status: int | None = None


class Channel:
    """Takes the guest's bytes by feed(), hands answers to send(bytes)."""

    def __init__(self, send, out, journal_file, places, observer):
        self._send = send
        self._out = Path(out)
        self._journal_file = Path(journal_file)
        self._places = places
        self._observer = observer  # observer(op, name, text), for what people watch
        self._buffer = bytearray()
        self._request = None
        self.release = None
        self.verdicts = []  # (passed, text)
        self.steps = []
        self.suites = {}
        self.marks = {}  # name: number of the journal's next record at that time
        self.dmesg = None
        self.tainted = 0

    def feed(self, data):
        """Raises LabError when the guest does not keep to the protocol."""
        self._buffer += data
        while self._advance():
            pass

    def _line(self):
        end = self._buffer.find(b"\n")
        if end < 0:
            if len(self._buffer) > LINE_LIMIT:
                raise LabError("the guest sent a line without end")
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line

    def _advance(self):
        """One step; whether there may be another."""
        if self._request is None:
            line = self._line()
            if line is None:
                return False
            self._request = self._parse(line)
        request = self._request
        if "lines" in request:
            payload = self._line()
            if payload is None:
                return False
        else:
            length = request.get("bytes", 0)
            if len(self._buffer) < length:
                return False
            payload = bytes(self._buffer[:length])
            del self._buffer[:length]
        self._request = None
        self._answer(request, payload)
        return True

    @staticmethod
    def _parse(line):
        try:
            request = json.loads(line)
            name, length = request.get("name", ""), request.get("bytes", 0)
            valid = isinstance(request["op"], str) and isinstance(length, int) and 0 <= length <= BYTES_LIMIT
        except (ValueError, KeyError, AttributeError, TypeError):
            valid = False
        if not valid or not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9._-]{0,80}", name):
            raise LabError(f"the guest sent no request: {line[:200]!r}")
        return {"name": "", **request}

    def _answer(self, request, payload):
        handler = getattr(self, "_on_" + request["op"].replace("-", "_"), None)
        try:
            if handler is None:
                raise LabError(f"unknown request {request['op']}")
            reply = handler(request["name"], payload) or b""
        except LabError as error:
            self._send(json.dumps({"ok": False, "error": str(error)}).encode() + b"\n")
            return
        self._send(json.dumps({"ok": True, "bytes": len(reply)}).encode() + b"\n" + reply)

    @staticmethod
    def _text(payload):
        return payload.decode(errors="replace")

    def _on_hello(self, _name, payload):
        self.release = self._text(payload)
        self._observer("hello", "", self.release)

    def _on_step(self, _name, payload):
        self.steps.append(self._text(payload))
        self._observer("step", "", self.steps[-1])

    def _on_verdict(self, name, payload):
        if name not in ("pass", "fail"):
            raise LabError("a verdict is pass or fail")
        self.verdicts.append((name == "pass", self._text(payload)))
        self._observer("verdict", name, self._text(payload))

    def _on_tap(self, name, payload):
        self.suites.setdefault(name, Suite()).lines.append(self._text(payload))
        self._observer("tap", name, self._text(payload))

    def _on_tap_end(self, name, payload):
        try:
            self.suites.setdefault(name, Suite()).status = int(payload)
        except ValueError as error:
            raise LabError("a suite ends with a number") from error

    def _calls(self, first=0):
        return journal.decode(self._journal_file.read_bytes(), first, live=True)

    def _on_mark(self, name, _payload):
        position = self._journal_file.stat().st_size // journal.RECORD_BYTES
        if name:
            self.marks[name] = position
        return f"{position}\n".encode()

    def _on_journal(self, name, _payload):
        if not name.isdecimal():
            raise LabError("the journal is asked from a record's number on")
        calls = self._calls(int(name))
        return "".join(journal.as_text(call, self._places) + "\n" for call in calls).encode()

    def _on_put(self, name, payload):
        if not name.strip("."):
            raise LabError("a file needs a name")
        files = self._out / "files"
        files.mkdir(exist_ok=True)
        (files / name).write_bytes(payload)

    def _on_dmesg(self, name, payload):
        self.tainted = int(name) if name.isdecimal() else 0
        self.dmesg = self._text(payload)
