# SPDX-License-Identifier: Apache-2.0
"""What tidy.py looks at again, and what not."""
import os
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import tidy  # noqa: E402


class Closure(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder.name)
        subprocess.run(["git", "init", "-q"], check=True)
        self.write("lib/a.cpp", '#include "a.hpp"\n#include <vector>\n')
        self.write("lib/a.hpp", '#include "deep/b.hpp"\n')
        self.write("lib/deep/b.hpp", "int b;\n")
        self.write("lib/c.hpp", "int c;\n")

    def write(self, path, text):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def key(self, command="c++"):
        return tidy.key(tidy.Tree(), b"rules", "lib/a.cpp", command)

    def test_has_what_is_included_however_deep_and_nothing_else(self):
        self.assertEqual(tidy.Tree().closure("lib/a.cpp"), ["lib/a.cpp", "lib/a.hpp", "lib/deep/b.hpp"])

    def test_a_change_in_a_deep_header_is_another_key(self):
        before = self.key()
        self.write("lib/deep/b.hpp", "long b;\n")
        self.assertNotEqual(before, self.key())

    def test_a_change_elsewhere_is_the_same_key(self):
        before = self.key()
        self.write("lib/c.hpp", "long c;\n")
        self.assertEqual(before, self.key())

    def test_other_flags_are_another_key(self):
        self.assertNotEqual(self.key(), self.key("c++ -O2"))

    def test_two_headers_that_include_each_other_end(self):
        self.write("lib/deep/b.hpp", '#include "a.hpp"\n')
        self.assertEqual(len(tidy.Tree().closure("lib/a.cpp")), 3)


if __name__ == "__main__":
    unittest.main()
