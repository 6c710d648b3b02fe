# SPDX-License-Identifier: Apache-2.0
"""The checker of firmware journals must find what is forged into one."""

import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools" / "lab"), str(ROOT / "tests" / "vm")]

import journal  # noqa: E402
import rule  # noqa: E402
import tables  # noqa: E402


def write(location, value=1, call_class=journal.CLASS_WRITE):
    return journal.Call(0, call_class, 0, location, value, 0, value)


class ForgedJournal(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as directory:
            tables.write_tables(directory, "full")
            cls.rule = rule.Rule(directory)

    def place(self, token):
        return self.rule.locations[token]

    def test_a_write_to_a_quarantined_device_is_found(self):
        self.assertEqual(1, len(self.rule.violations([write(self.place(0x8000 + 3 * 9))])))

    def test_a_write_to_a_token_that_reads_as_a_quarantined_id_is_found(self):
        for token in (0x8009, 0x800A, 0x800B, 0x8019, 0x801A, 0x801B, 0x8029):
            self.assertEqual(1, len(self.rule.violations([write(self.place(token))])), hex(token))

    def test_a_write_to_the_alias_of_a_quarantined_token_is_found(self):
        self.assertEqual(1, len(self.rule.violations([write(self.place(0x8091))])))

    def test_a_write_to_the_locked_device_is_found(self):
        self.assertEqual(1, len(self.rule.violations([write(self.place(0x8000 + 3 * 83))])))

    def test_a_write_to_a_monitored_device_is_found(self):
        self.assertEqual(1, len(self.rule.violations([write(self.place(0x8003))])))

    def test_a_write_to_a_place_without_a_token_is_found(self):
        self.assertEqual(1, len(self.rule.violations([write(0x8009)])))

    def test_a_call_of_another_class_is_found(self):
        self.assertEqual(1, len(self.rule.violations([write(self.place(0x8010), call_class=17)])))

    def test_an_allowed_write_and_any_read_are_no_violation(self):
        calls = [write(self.place(0x8010)), write(self.place(0x8009), call_class=journal.CLASS_READ)]
        self.assertEqual([], self.rule.violations(calls))

    def test_a_granted_write_is_no_violation_but_a_second_one_is(self):
        calls = [write(self.place(0x812D), 7)]
        self.assertEqual([], self.rule.violations(calls, [(0x812D, 7)]))
        self.assertEqual(1, len(self.rule.violations(calls * 2, [(0x812D, 7)])))

    def test_a_granted_write_of_another_value_is_found(self):
        self.assertEqual(2, len(self.rule.violations([write(self.place(0x812D), 8)], [(0x812D, 7)])))

    def test_no_grant_opens_a_quarantined_register_here_either(self):
        calls = [write(self.place(0x801C), 7)]
        self.assertEqual(1, len(self.rule.violations(calls, [(0x801C, 7)])))

    def test_a_missing_write_is_a_difference(self):
        self.assertEqual(1, len(self.rule.differences([], [(0x8010, 1)])))

    def test_a_write_too_many_is_a_difference(self):
        calls = [write(self.place(0x8010)), write(self.place(0x8010))]
        self.assertEqual(1, len(self.rule.differences(calls, [(0x8010, 1)])))

    def test_a_write_of_another_value_is_a_difference(self):
        self.assertEqual(2, len(self.rule.differences([write(self.place(0x8010), 2)], [(0x8010, 1)])))

    def test_what_is_writable_is_what_the_catalogue_calls_safe_in_both_readings(self):
        devices = {number for number, risk in rule.device_risks().items() if risk == "safe"}
        own = {token for token in rule.TOKENS if (token - 0x8000) // 3 in devices}
        self.assertEqual(6, len(devices))
        self.assertEqual(own - self.rule.writable, {0x8019, 0x801A, 0x8091})


if __name__ == "__main__":
    unittest.main()
