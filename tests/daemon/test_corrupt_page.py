# SPDX-License-Identifier: Apache-2.0
"""A disk that gives back something else than was written: the ledger is refused and left as it is."""
import pathlib
import sqlite3
import subprocess
import unittest

from support import DSMILD, TIMEOUT_S, TestCase


class CorruptPage(TestCase):
    def test_each_one_that_is_read_at_the_start_is_refused_and_left_as_it_is(self):
        daemon = self.dsmild()
        self.assertEqual(daemon.stop(), 0)
        ledger = sqlite3.connect(daemon.ledger)
        # Whoever writes to these next is told; audit verify reads them, too.
        later = [number for (number,) in ledger.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name IN ('anchors', 'quotes')")]
        ledger.close()
        file = pathlib.Path(daemon.ledger)
        whole = file.read_bytes()
        size = int.from_bytes(whole[16:18], "big")
        numbers = [number for number in range(1, len(whole) // size + 1) if number not in later]
        self.assertGreater(len(numbers), 4)
        for number in numbers:
            at = (number - 1) * size
            broken = whole[:at] + bytes(byte ^ 0x55 for byte in whole[at:at + size]) + whole[at + size:]
            file.write_bytes(broken)
            again = subprocess.run([DSMILD, "--config", daemon.config], capture_output=True, timeout=TIMEOUT_S,
                                   check=False)
            self.assertIn(again.returncode, (1, 7), (number, again.stderr))
            self.assertEqual(file.read_bytes(), broken, number)
        file.write_bytes(whole)
        daemon.errors.close()
        daemon.start()


if __name__ == "__main__":
    unittest.main()
