# SPDX-License-Identifier: Apache-2.0
"""The firmware tables, read as the kernel's dell-smbios driver reads them."""

import struct
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools" / "lab"))

import tables  # noqa: E402
from errors import LabError  # noqa: E402


def structures(board):
    return dict(tables.smbios_structures(tables.board_registers(board)))


def driver_tokens(board):
    """(id, location) as dell-smbios-base.c keeps them: without the last entry."""
    found = []
    for name, data in structures(board).items():
        if name.startswith("type-da"):
            length = data[1]
            for number in range((length - 11) // 6 - 1):
                found.append(struct.unpack_from("<HH", data, 11 + 6 * number))
    return found


class Smbios(unittest.TestCase):
    def test_an_unknown_board_is_an_error(self):
        with self.assertRaises(LabError):
            tables.board_registers("round")

    def test_there_are_nine_token_structures(self):
        self.assertEqual(9, sum(name.startswith("type-da") for name in structures("full")))

    def test_the_driver_keeps_all_324_tokens_once(self):
        found = [token for token, _ in driver_tokens("full")]
        self.assertEqual(list(range(0x8000, 0x8144)), found)

    def test_the_odd_board_does_not_name_device_107(self):
        found = [token for token, _ in driver_tokens("odd")]
        self.assertEqual(list(range(0x8000, 0x8000 + 3 * 107)), found)

    def test_every_structure_says_its_length_and_ends_with_two_zeros(self):
        for name, data in structures("full").items():
            self.assertLessEqual(data[1], 255, name)
            self.assertEqual(b"\0\0", data[-2:], name)
            if not name.startswith("type-0b"):
                self.assertEqual(data[1] + 2, len(data), name)

    def test_the_oem_strings_are_those_that_the_driver_wants(self):
        data = structures("full")["type-0b"]
        self.assertEqual(2, data[4])
        self.assertEqual(b"Dell System\0www.dell.com\0\0", data[5:])

    def test_the_wmi_structure_has_the_handle_and_flag_that_the_driver_wants(self):
        data = structures("full")["type-b1"]
        self.assertEqual((0xB1, 12, 0xB100, 2), struct.unpack_from("<BBHH", data))

    def test_no_location_is_in_the_range_of_the_tokens(self):
        self.assertTrue(all(location < 0x8000 for _, location in driver_tokens("full")))

    def test_one_pair_of_tokens_shares_a_location(self):
        places = [location for _, location in driver_tokens("full")]
        self.assertEqual(323, len(set(places)))
        by_token = dict(driver_tokens("full"))
        self.assertEqual(by_token[0x807C], by_token[0x8091])


class Ssdt(unittest.TestCase):
    def test_it_compiles(self):
        with tempfile.TemporaryDirectory() as directory:
            files, aml = tables.write_tables(directory, "odd")
            self.assertEqual(b"SSDT", aml.read_bytes()[:4])
            self.assertTrue(all(path.stat().st_size for path in files))

    def test_a_location_outside_the_board_is_an_error(self):
        with self.assertRaises(LabError):
            tables.ssdt_source([tables.Register(0x8000, 0x9000, 0)])

    def test_power_on_values_differ_per_location(self):
        registers = tables.board_registers("full")
        values = {register.location: register.value for register in registers}
        self.assertEqual(323, len(set(values.values())))

    def test_the_odd_board_fails_two_reads(self):
        odd = {register.token: register for register in tables.board_registers("odd")}
        self.assertEqual(tables.FAILED, odd[0x80FC].read_outcome)
        self.assertEqual(tables.UNSUPPORTED, odd[0x80FF].read_outcome)
        self.assertEqual(tables.DONE, odd[0x80FD].read_outcome)


if __name__ == "__main__":
    unittest.main()
