# SPDX-License-Identifier: Apache-2.0
"""The lab's command line: exit codes, and errors that are one plain line."""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "lab"))

import journal  # noqa: E402


def lab(*arguments):
    return subprocess.run([ROOT / "tools" / "lab" / "lab", *arguments], capture_output=True, text=True, check=False)


class CommandLine(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.scratch = Path(scratch.name)

    def write(self, data):
        (self.scratch / "journal.bin").write_bytes(data)
        return self.scratch / "journal.bin"

    def assert_error(self, done, code, what):
        self.assertEqual(code, done.returncode, done.stderr)
        self.assertIn(what, done.stderr)
        self.assertNotIn("Traceback", done.stderr)

    def test_an_unknown_command_is_a_usage_error(self):
        self.assert_error(lab("fly"), 2, "fly")

    def test_an_unknown_board_is_a_usage_error(self):
        self.assert_error(lab("tables", self.scratch, "--board", "round"), 2, "round")

    def test_a_missing_script_is_not_found(self):
        self.assert_error(lab("run", "--script", "/nowhere"), 3, "/nowhere")

    def test_a_missing_kernel_is_not_found(self):
        self.assert_error(lab("run", "--kernel", "2.4"), 3, "2.4")

    def test_a_folder_without_modules_is_not_found(self):
        self.assert_error(lab("run", "--modules", self.scratch), 3, "dsmil.ko")

    def test_a_missing_journal_is_not_found(self):
        self.assert_error(lab("journal", "/nowhere"), 3, "/nowhere")

    def test_a_damaged_journal_is_a_failure(self):
        self.assert_error(lab("journal", self.write(b"xyz")), 1, "journal")

    def test_a_journal_is_shown_as_lines_and_as_json(self):
        path = self.write(journal.LAYOUT.pack(0, 1, 0, 0x04A9, 42, 0, 42))
        self.assertIn("token 0x8010 (device 5 CONFIG)", lab("journal", path).stdout)
        fields = json.loads(lab("journal", path, "--json").stdout)
        self.assertEqual((1, 42, [0x8010]), (fields["class"], fields["value"], fields["tokens"]))

    def test_tables_are_written(self):
        done = lab("tables", self.scratch / "t")
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual(12, len(done.stdout.splitlines()))


if __name__ == "__main__":
    unittest.main()
