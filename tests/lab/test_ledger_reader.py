# SPDX-License-Identifier: Apache-2.0
"""The independent ledger reader against the roots that are published for RFC 6962."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "vm"))

import ledger_reader  # noqa: E402

# The leaves and roots of certificate-transparency's merkletree tests.
LEAVES = [bytes.fromhex(text) for text in
          ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")]
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


class TreeRoot(unittest.TestCase):
    def test_the_published_roots_come_out(self):
        for size, root in enumerate(ROOTS, start=1):
            self.assertEqual(root, ledger_reader.tree_root(LEAVES[:size]).hex(), size)

    def test_the_empty_tree_is_the_hash_of_nothing(self):
        self.assertTrue(ledger_reader.tree_root([]).hex().startswith("e3b0c44298fc1c14"))

    def test_another_leaf_gives_another_root(self):
        self.assertNotEqual(ROOTS[1], ledger_reader.tree_root([b"", b"\1"]).hex())


class Signature(unittest.TestCase):
    def test_a_note_of_another_key_does_not_hold(self):
        note = "origin\n1\nroot\n\n— somebody AAAAAAAA\n"
        self.assertFalse(ledger_reader.signature_holds(note, "other+00000000+AgAA"))


if __name__ == "__main__":
    unittest.main()
