# SPDX-License-Identifier: Apache-2.0
"""Decoding the firmware journal."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools" / "lab"))

import journal  # noqa: E402
from errors import LabError  # noqa: E402


def record(sequence, call_class=journal.CLASS_READ, location=0x0400, value=0, outcome=0, result=0):
    return journal.LAYOUT.pack(sequence, call_class, 0, location, value, outcome, result)


class Decode(unittest.TestCase):
    def test_a_partial_record_is_an_error(self):
        with self.assertRaises(LabError):
            journal.decode(record(0) + b"\1")

    def test_a_partial_record_of_a_live_journal_is_left_out(self):
        self.assertEqual(1, len(journal.decode(record(0) + b"\1", live=True)))

    def test_a_hole_is_an_error(self):
        with self.assertRaises(LabError):
            journal.decode(record(0) + record(2))

    def test_a_journal_that_does_not_start_at_zero_is_an_error(self):
        with self.assertRaises(LabError):
            journal.decode(record(1))

    def test_an_empty_journal_has_no_calls(self):
        self.assertEqual([], journal.decode(b""))

    def test_records_before_the_first_wanted_are_left_out(self):
        calls = journal.decode(record(0) + record(1), first=1)
        self.assertEqual([1], [call.sequence for call in calls])

    def test_every_field_comes_back(self):
        data = journal.LAYOUT.pack(0, 1, 2, 0x0412, 0xDEADBEEF, -2, 7)
        self.assertEqual([journal.Call(0, 1, 2, 0x0412, 0xDEADBEEF, -2, 7)], journal.decode(data))


class Text(unittest.TestCase):
    def test_a_line_names_every_token_at_the_location(self):
        call = journal.decode(record(0, journal.CLASS_WRITE, result=1))[0]
        line = journal.as_text(call, {0x0400: [0x807C, 0x8091]})
        self.assertIn("WRITE", line)
        self.assertIn("token 0x807C (device 41 CONFIG)", line)
        self.assertIn("token 0x8091 (device 48 CONFIG)", line)

    def test_a_failure_is_named(self):
        calls = journal.decode(record(0, outcome=-1) + record(1, outcome=-2))
        self.assertIn("failed", journal.as_text(calls[0], {}))
        self.assertIn("unsupported", journal.as_text(calls[1], {}))
        self.assertIn("no token", journal.as_text(calls[0], {}))

    def test_the_object_names_class_and_tokens(self):
        call = journal.decode(record(0, journal.CLASS_WRITE))[0]
        fields = journal.as_dict(call, {0x0400: [0x8010]})
        self.assertEqual((1, [0x8010]), (fields["class"], fields["tokens"]))


if __name__ == "__main__":
    unittest.main()
