# SPDX-License-Identifier: Apache-2.0
"""The host's side of the lab's port, fed as a guest would, and as a bad one would."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools" / "lab"))

import channel  # noqa: E402
import journal  # noqa: E402
from errors import LabError  # noqa: E402


class Port(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.out = Path(scratch.name)
        self.journal = self.out / "journal.bin"
        self.journal.write_bytes(b"")
        self.sent = b""
        self.talk = channel.Channel(self.send, self.out, self.journal, {}, lambda *_: None)

    def send(self, data):
        self.sent += data

    def test_what_is_no_request_is_an_error(self):
        for line in (b"hello\n", b"[]\n", b'{"op":1}\n', b'{"op":"put","bytes":-1}\n',
                     b'{"op":"put","name":"../x","bytes":0}\n', b'{"op":"put","name":3,"bytes":0}\n'):
            with self.subTest(line=line), self.assertRaises(LabError):
                channel.Channel(self.send, self.out, self.journal, {}, lambda *_: None).feed(line)

    def test_a_line_without_end_is_an_error(self):
        with self.assertRaises(LabError):
            self.talk.feed(b"x" * (channel.LINE_LIMIT + 1))

    def test_an_unknown_request_is_refused(self):
        self.talk.feed(b'{"op":"fly","name":""}\n')
        self.assertIn(b'"ok": false', self.sent)

    def test_a_verdict_other_than_pass_and_fail_is_refused(self):
        self.talk.feed(b'{"op":"verdict","name":"maybe","lines":1}\nhm\n')
        self.assertIn(b'"ok": false', self.sent)
        self.assertEqual([], self.talk.verdicts)

    def test_a_file_named_dot_dot_is_refused(self):
        self.talk.feed(b'{"op":"put","name":"..","bytes":0}\n')
        self.assertIn(b'"ok": false', self.sent)

    def test_a_request_may_come_byte_by_byte(self):
        for byte in b'{"op":"step","name":"","lines":1}\nsay "hi"\n':
            self.talk.feed(bytes([byte]))
        self.assertEqual(['say "hi"'], self.talk.steps)

    def test_a_file_arrives_whole(self):
        self.talk.feed(b'{"op":"put","name":"a.db","bytes":4}\n\n{\0\n')
        self.assertEqual(b"\n{\0\n", (self.out / "files" / "a.db").read_bytes())

    def test_tap_lines_are_kept_by_suite_with_its_status(self):
        self.talk.feed(b'{"op":"tap","name":"x","lines":1}\nok 1\n{"op":"tap-end","name":"x","lines":1}\n3\n')
        self.assertEqual((["ok 1"], 3), (self.talk.suites["x"].lines, self.talk.suites["x"].status))

    def test_a_mark_is_the_number_of_the_next_record(self):
        self.journal.write_bytes(journal.LAYOUT.pack(0, 0, 0, 0, 0, 0, 0) + b"part")
        self.talk.feed(b'{"op":"mark","name":"here"}\n')
        self.assertEqual({"here": 1}, self.talk.marks)
        self.assertTrue(self.sent.endswith(b"}\n1\n"))

    def test_the_journal_comes_back_as_text(self):
        self.journal.write_bytes(journal.LAYOUT.pack(0, 1, 0, 0x0400, 5, 0, 5))
        self.talk.feed(b'{"op":"journal","name":"0"}\n')
        self.assertIn(b"WRITE at 0x0400: 0x00000005", self.sent)


if __name__ == "__main__":
    unittest.main()
