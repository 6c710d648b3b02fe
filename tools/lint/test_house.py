# SPDX-License-Identifier: Apache-2.0
"""Each rule of house.py finds its own bad example, and leaves the good one alone."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import house  # noqa: E402

HEAD = "// SPDX-License-Identifier: Apache-2.0\n"


def rules(path, text):
    return {rule for _, rule, _ in house.findings(path, text)}


class House(unittest.TestCase):
    def bad(self, rule, path, line):
        self.assertIn(rule, rules(path, HEAD + line + "\n"))
        self.assertNotIn(rule, rules(path, HEAD + line + " // house: " + rule + ", the reason\n"))

    def test_every_line_rule_has_an_example(self):
        examples = {
            "ioctl": ("daemon/x.cpp", "ioctl(fd, 1);"),
            "unfinished": ("lib/x.cpp", "// TODO later"),
            "throw": ("daemon/x.cpp", "    throw 1;"),
            "namespace": ("lib/x.cpp", "using namespace std;"),
            "sleep": ("tests/x.py", "time.sleep(1)"),
            "raw-new": ("daemon/x.cpp", "auto *a = new int;"),
            "kill-by-name": ("tests/x", "pkill swtpm"),
            "kernel-version": ("kernel/core/x.c", "#if LINUX_VERSION_CODE > 1"),
        }
        self.assertEqual(set(examples), {rule for rule, *_ in house.LINES})
        for rule, (path, line) in examples.items():
            with self.subTest(rule):
                self.bad(rule, path, line)

    def test_a_missing_licence_is_found(self):
        self.assertIn("spdx", rules("lib/x.cpp", "int x;\n"))
        self.assertIn("spdx", rules("tools/x", "#!/bin/sh\ntrue\n"))

    def test_a_long_file_is_found(self):
        self.assertIn("length", rules("lib/x.cpp", HEAD + "\n" * house.MAX_LINES))

    def test_a_header_needs_its_pragma(self):
        self.assertIn("pragma-once", rules("lib/x.hpp", HEAD))
        self.assertNotIn("pragma-once", rules("lib/x.hpp", HEAD + "#pragma once\n"))

    def test_a_missing_last_newline_is_found(self):
        self.assertIn("newline", rules("docs/x.md", "text"))

    def test_libdsmil_may_call_ioctl(self):
        self.assertNotIn("ioctl", rules("lib/src/x.cpp", HEAD + "ioctl(fd, 1);\n"))

    def test_the_tests_of_the_abi_may_call_ioctl_and_others_not(self):
        self.assertNotIn("ioctl", rules("tests/kselftest/x.c", HEAD + "ioctl(fd, 1);\n"))
        self.assertIn("ioctl", rules("tests/vm/x.py", HEAD + "ioctl(fd, 1);\n"))

    def test_the_compat_layer_may_ask_for_the_kernel_version(self):
        self.assertNotIn("kernel-version", rules("kernel/compat/x.h", HEAD + "#if LINUX_VERSION_CODE\n"))


if __name__ == "__main__":
    unittest.main()
