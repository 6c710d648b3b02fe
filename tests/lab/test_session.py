# SPDX-License-Identifier: Apache-2.0
"""How a run is judged: everything that must fail it does."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools" / "lab"))

import channel  # noqa: E402
import session  # noqa: E402


class Judgement(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.talk = channel.Channel(lambda _: None, scratch.name, Path(scratch.name) / "j", {}, lambda *_: None)
        self.talk.verdicts = [(True, "the script ended with 0")]
        self.talk.dmesg = "<6>[    0.0] Linux version\n"

    def suite(self, lines, status=0):
        self.talk.suites["s"] = channel.Suite(lines, status)

    def assert_fails(self, what, ended=None):
        failures = session.judge(self.talk, ended)
        self.assertTrue(any(what in text for text in failures), failures)

    def test_a_run_without_a_verdict_fails(self):
        self.talk.verdicts = []
        self.assert_fails("without a verdict")

    def test_one_bad_verdict_fails_whatever_comes_later(self):
        self.talk.verdicts = [(False, "step 3"), (True, "the script ended with 0")]
        self.assert_fails("step 3")

    def test_a_timeout_fails(self):
        self.assert_fails("timeout", ended="timeout")

    def test_a_missing_kernel_log_fails(self):
        self.talk.dmesg = None
        self.assert_fails("kernel log")

    def test_a_warning_an_oops_and_a_stall_in_the_kernel_log_fail(self):
        for line in ("WARNING: CPU: 0 PID: 1 at lib/x.c:1", "BUG: kernel NULL pointer dereference",
                     "Oops: 0002 [#1]", "Call Trace:", "rcu: INFO: rcu_preempt detected stalls",
                     "INFO: task x blocked for more than 120 seconds"):
            with self.subTest(line=line):
                self.talk.dmesg = f"<4>[    1.0] {line}\n"
                self.assert_fails(line)

    def test_a_kernel_tainted_by_a_warning_fails(self):
        self.talk.tainted = session.TAINT_WARNED
        self.assert_fails("tainted")

    def test_a_failed_test_fails(self):
        self.suite(["not ok 1 - x", "1..1"], 1)
        self.assert_fails("not ok 1 - x")

    def test_a_suite_without_a_plan_fails(self):
        self.suite(["ok 1 - x"])
        self.assert_fails("no plan")

    def test_a_suite_that_runs_fewer_tests_than_planned_fails(self):
        self.suite(["ok 1 - x", "1..2"])
        self.assert_fails("planned 2")

    def test_a_suite_that_dies_without_a_failed_test_fails(self):
        self.suite(["ok 1 - x", "1..1"], 139)
        self.assert_fails("ended with 139")

    def test_a_suite_that_never_ended_fails(self):
        self.suite(["ok 1 - x", "1..1"], None)
        self.assert_fails("did not end")

    def test_a_clean_run_passes(self):
        self.suite(["ok 1 - x", "ok 2 - y # SKIP no TPM", "1..2"])
        self.talk.tainted = 1 << 12 | 1 << 13  # out of tree, unsigned
        self.assertEqual([], session.judge(self.talk, None))


if __name__ == "__main__":
    unittest.main()
