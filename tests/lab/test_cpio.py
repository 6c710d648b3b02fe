# SPDX-License-Identifier: Apache-2.0
"""The initramfs writer, read back by cpio(1)."""

import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools" / "lab"))

from cpio import Tree  # noqa: E402


def listing(tree):
    done = subprocess.run(["cpio", "-itv"], input=tree.archive(), capture_output=True, check=True)
    return done.stdout.decode()


class Archive(unittest.TestCase):
    def test_cpio_reads_files_links_and_devices(self):
        tree = Tree()
        tree.file("a/b/file", b"hello", 0o755)
        tree.link("a/link", "b/file")
        tree.character_device("dev/console", 5, 1)
        text = listing(tree)
        self.assertRegex(text, r"-rwxr-xr-x .* 5 .* a/b/file")
        self.assertIn("a/link -> b/file", text)
        self.assertRegex(text, r"crw------- .*5, +1 .* dev/console")

    def test_a_file_s_folders_are_made(self):
        tree = Tree()
        tree.file("a/b/file", b"")
        self.assertIn("a/b", tree)
        self.assertIn("drwxr-xr-x", listing(tree))

    def test_the_same_tree_gives_the_same_bytes(self):
        one, two = Tree(), Tree()
        one.file("x", b"1")
        one.file("y", b"2")
        two.file("y", b"2")
        two.file("x", b"1")
        self.assertEqual(one.archive(), two.archive())


if __name__ == "__main__":
    unittest.main()
