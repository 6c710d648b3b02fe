# SPDX-License-Identifier: Apache-2.0
"""audit show, search, prune and sinks, of a file and of a dsmild that answers what a test wants."""
import json
import os
import unittest
from urllib.parse import parse_qs, urlsplit

from support import SOURCE, FakeDaemon, TestCase, http, run, validated

SEED = os.path.join(SOURCE, "tests/fuzz/corpus/verify/ledger")


def record(sequence, **more):
    return {"sequence": sequence, "time": "2026-01-01T00:00:00.000000001Z", "source": "kernel", "action": "write",
            "outcome": "refused", "values": {"value": 7}, **more}


def found(records, following, complete=True):
    return http({"records": records, "next": following, "complete": complete})


class SearchOfAFile(TestCase):
    def numbers(self, *arguments):
        result = run("audit", "search", "--from", SEED, *arguments)
        self.assertEqual((result.code, result.err), (0, ""))
        return [line.split()[1] for line in result.out.splitlines()]

    def test_without_conditions_it_finds_all(self):
        self.assertEqual(self.numbers(), ["0", "1", "2"])

    def test_conditions_narrow_it(self):
        shown = run("audit", "show", "1", "--from", SEED, "--json").json()["record"]
        self.assertEqual(self.numbers("--action", shown["action"], "--after", "1", "--until", "2261-01-01")[0], "1")
        self.assertEqual(self.numbers("--action", "none"), [])
        self.assertEqual(self.numbers("no such text"), [])
        self.assertEqual(self.numbers("--since", "2261-01-01"), [])

    def test_the_limit_says_where_to_go_on(self):
        lines = run("audit", "search", "--from", SEED, "--limit", "2").out.splitlines()
        self.assertEqual(len(lines), 3)
        self.assertEqual(lines[2], "there may be more: --after 2")

    def test_as_json_each_line_is_valid_and_the_last_says_where_it_ended(self):
        lines = [validated(json.loads(line))
                 for line in run("audit", "search", "--from", SEED, "--json").out.splitlines()]
        self.assertEqual([line["record"]["sequence"] for line in lines[:-1]], [0, 1, 2])
        self.assertEqual((lines[-1]["next"], lines[-1]["complete"]), (3, True))

    def test_what_is_no_ledger_is_not_searched(self):
        self.assert_both(["audit", "search", "--from", __file__], 1, "failed")
        self.assert_both(["audit", "search", "--from", self.path("no")], 3, "not_found")

    def test_conditions_that_cannot_be_are_usage_errors(self):
        for arguments in (["--since", "yesterday"], ["--until", "2026-02-30"], ["--since", "99999999999999999999d"],
                          ["--uid", "-1"], ["--uid", "root"], ["--pid", "4294967296"], ["--limit", "1000001"],
                          ["--after", "x"]):
            with self.subTest(arguments):
                self.assert_both(["audit", "search", "--from", SEED] + arguments, 2, "usage")
        self.assert_both(["audit", "search", "--from", SEED, "--device", "108"], 3, "device_unknown")


class SearchOfADaemon(TestCase):
    def asked(self, daemon):
        return [{name: values[0] for name, values in parse_qs(urlsplit(target).query, keep_blank_values=True).items()}
                for _, target, _ in daemon.requests]

    def test_the_conditions_reach_it_as_they_are(self):
        daemon = FakeDaemon(self, lambda *_: found([record(4)], 5))
        result = run("audit", "search", "a&b=ü %", "--device", "Data Destruction", "--comm", "x y", "--uid", "0",
                     "--since", "2026-01-31", DSMIL_SOCKET=daemon.socket)
        self.assertEqual((result.code, result.err), (0, ""))
        self.assertEqual(self.asked(daemon), [{"after": "0", "limit": "100", "text": "a&b=ü %", "device": "0x8009",
                                               "comm": "x y", "uid": "0", "since": "2026-01-31"}])

    def test_how_long_ago_becomes_a_moment(self):
        daemon = FakeDaemon(self, lambda *_: found([], 0))
        run("audit", "search", "--since", "2h", DSMIL_SOCKET=daemon.socket)
        self.assertRegex(self.asked(daemon)[0]["since"], r"^2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$")

    def test_pages_without_records_are_gone_through(self):
        pages = [found([], 20000, False), found([record(30000)], 40000, False), found([], 50000)]
        daemon = FakeDaemon(self, lambda *_: pages[len(daemon.requests) - 1])
        result = run("audit", "search", DSMIL_SOCKET=daemon.socket)
        self.assertEqual([line.split()[1] for line in result.out.splitlines()], ["30000"])
        self.assertEqual([asked["after"] for asked in self.asked(daemon)], ["0", "20000", "40000"])

    def test_a_page_that_leads_nowhere_is_a_failure(self):
        daemon = FakeDaemon(self, lambda *_: found([], 0, False))
        self.assert_both(["audit", "search"], 1, "failed", DSMIL_SOCKET=daemon.socket)

    def test_answers_that_are_none_are_failures(self):
        for answer in ({}, {"records": []}, {"records": [], "next": 0}, {"records": [], "next": -1, "complete": True},
                       {"records": [7], "next": 0, "complete": True}):
            with self.subTest(answer):
                daemon = FakeDaemon(self, lambda *_, answer=answer: http(answer))
                self.assert_both(["audit", "search"], 1, "failed", DSMIL_SOCKET=daemon.socket)


class Show(TestCase):
    def test_all_of_a_record_is_shown_a_name_a_line(self):
        daemon = FakeDaemon(self, lambda *_: found([record(7, actor={"uid": 0, "comm": "a\x1b[31m"})], 8))
        result = run("audit", "show", "7", DSMIL_SOCKET=daemon.socket)
        rows = dict(line.split(maxsplit=1) for line in result.out.splitlines())
        self.assertEqual(rows["sequence"], "7")
        self.assertEqual(rows["values.value"], "7")
        self.assertEqual(rows["actor.comm"], "a?[31m")

    def test_as_json_it_is_what_the_daemon_gives(self):
        daemon = FakeDaemon(self, lambda *_: found([record(7)], 8))
        self.assertEqual(run("audit", "show", "7", "--json", DSMIL_SOCKET=daemon.socket).json()["record"], record(7))

    def test_a_record_that_is_not_there_is_not_found(self):
        error = self.assert_both(["audit", "show", "3", "--from", SEED], 3, "not_found")
        self.assertIn("not come so far", error["detail"])
        daemon = FakeDaemon(self, lambda *_: found([record(512)], 513))
        error = self.assert_both(["audit", "show", "7"], 3, "not_found", DSMIL_SOCKET=daemon.socket)
        self.assertIn("pruned", error["detail"])

    def test_a_number_that_is_none_is_a_usage_error(self):
        self.assert_both(["audit", "show", "first", "--from", SEED], 2, "usage")


class Prune(TestCase):
    def test_it_must_be_said_what_may_go(self):
        for arguments in ([], ["--before", "soon"], ["--keep", "-1"], ["--keep", "all"], ["--before", "2026-02-30"]):
            with self.subTest(arguments):
                self.assert_both(["audit", "prune"] + arguments, 2, "usage")

    def test_it_goes_on_as_long_as_there_is_more(self):
        answers = [{"from": 256, "first": 512, "more": True}, {"from": 512, "first": 1024, "more": False}]
        daemon = FakeDaemon(self, lambda *_: http(answers[len(daemon.requests) - 1]))
        result = run("audit", "prune", "--keep", "100", "--before", "2026-01-31", DSMIL_SOCKET=daemon.socket)
        self.assertEqual((result.code, result.out), (0, "pruned 768 records; the oldest is 1024 now\n"))
        self.assertEqual([(method, target, json.loads(body)) for method, target, body in daemon.requests],
                         [("POST", "/v1/ledger/prune", {"keep_records": 100, "before": "2026-01-31"})] * 2)

    def test_nothing_to_prune_is_no_error(self):
        daemon = FakeDaemon(self, lambda *_: http({"from": 256, "first": 256, "more": False}))
        result = run("audit", "prune", "--before", "90d", "--json", DSMIL_SOCKET=daemon.socket)
        self.assertEqual(result.json()["pruned"], 0)

    def test_an_answer_that_leads_nowhere_is_a_failure(self):
        for answer in ({"from": 2, "first": 1, "more": False}, {"from": 1, "first": 1, "more": True}, {"first": 1}):
            with self.subTest(answer):
                daemon = FakeDaemon(self, lambda *_, answer=answer: http(answer))
                self.assert_both(["audit", "prune", "--keep", "1"], 1, "failed", DSMIL_SOCKET=daemon.socket)


class Sinks(TestCase):
    SINK = {"name": "loki", "target": "http://a", "state": "failed", "position": 7, "behind": 3, "sent": 7, "refused": 0,
            "skipped": 0, "failures": 2, "detail": "nobody\x1b is there"}

    def test_each_is_a_line_and_what_is_wrong_another(self):
        daemon = FakeDaemon(self, lambda *_: http({"sinks": [self.SINK]}))
        lines = run("audit", "sinks", DSMIL_SOCKET=daemon.socket).out.splitlines()
        self.assertEqual(lines[1].split(), ["loki", "failed", "7", "3", "7", "0", "0", "2", "http://a"])
        self.assertEqual(lines[2], "loki: nobody? is there")

    def test_as_json_it_is_what_the_daemon_gives(self):
        daemon = FakeDaemon(self, lambda *_: http({"sinks": [self.SINK]}))
        self.assertEqual(run("audit", "sinks", "--json", DSMIL_SOCKET=daemon.socket).json()["sinks"], [self.SINK])

    def test_answers_that_are_none_are_failures(self):
        for answer in ({}, {"sinks": {}}, {"sinks": [7]}, {"sinks": [{**self.SINK, "behind": -1}]},
                       {"sinks": [{"name": "loki"}]}):
            with self.subTest(answer):
                daemon = FakeDaemon(self, lambda *_, answer=answer: http(answer))
                self.assert_both(["audit", "sinks"], 1, "failed", DSMIL_SOCKET=daemon.socket)


if __name__ == "__main__":
    unittest.main()
