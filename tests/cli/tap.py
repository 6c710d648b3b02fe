# SPDX-License-Identifier: Apache-2.0
"""Runs the unittest modules that are named and reports in TAP, one line a test.

    python3 -m tap MODULE...
"""
import sys
import unittest


class Tap(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.bad = []

    def startTest(self, test):
        super().startTest(test)
        self.bad = []

    def addFailure(self, test, err):
        self.bad.append(self._exc_info_to_string(err, test))

    addError = addFailure

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.bad.append(str(subtest) + "\n" + self._exc_info_to_string(err, test))

    def addSkip(self, test, reason):
        print("ok {} - {} # SKIP {}".format(self.testsRun, test.id(), reason), flush=True)
        self.bad = None

    def stopTest(self, test):
        if self.bad is None:
            return
        print("{} {} - {}".format("not ok" if self.bad else "ok", self.testsRun, test.id()), flush=True)
        for text in self.bad:
            for line in text.splitlines():
                print("# " + line, flush=True)


def main():
    suite = unittest.defaultTestLoader.loadTestsFromNames(sys.argv[1:])
    print("1..{}".format(suite.countTestCases()), flush=True)
    suite.run(Tap())


main()
