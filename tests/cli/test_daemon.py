# SPDX-License-Identifier: Apache-2.0
"""Commands that talk to dsmild, against one that answers what a test wants."""
import base64
import hashlib
import json
import os
import socket
import subprocess
import unittest

from machine import NONCE, Machine
from support import SOURCE, FakeDaemon, TestCase, http, refusal, run, validated

# Of C2SP signed-note's own example.
VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n"


class Unavailable(TestCase):
    COMMANDS = (["audit", "key"], ["audit", "tail"], ["attest"])

    def test_without_a_socket_the_daemon_is_missing(self):
        for arguments in self.COMMANDS + (["audit", "export", self.path("new")],):
            with self.subTest(arguments):
                error = self.assert_both(arguments, 5, "daemon_missing")
                self.assertIn("/nonexistent/dsmild.sock", error["detail"])

    def test_a_socket_that_nobody_listens_on_is_a_missing_daemon(self):
        path = self.path("dead.sock")
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(path)
        self.assert_both(["audit", "key", "--socket", path], 5, "daemon_missing")

    def test_a_daemon_that_hangs_up_is_missing(self):
        daemon = FakeDaemon(self, lambda *_: b"")
        for arguments in self.COMMANDS:
            with self.subTest(arguments):
                self.assert_both(arguments, 5, "daemon_missing", DSMIL_SOCKET=daemon.socket)

    def test_the_option_is_stronger_than_the_environment(self):
        daemon = FakeDaemon(self, lambda *_: http({"vkey": "machine+0+k"}))
        self.assertEqual(run("audit", "key", "--socket", daemon.socket, DSMIL_SOCKET="/nonexistent").out,
                         "machine+0+k\n")


class MalformedAnswers(TestCase):
    def test_what_is_no_http_is_a_failure(self):
        daemon = FakeDaemon(self, lambda *_: b"220 mail.example ESMTP\r\n\r\n")
        self.assert_both(["audit", "key"], 1, "failed", DSMIL_SOCKET=daemon.socket)

    def test_an_answer_that_breaks_off_is_a_failure(self):
        daemon = FakeDaemon(self, lambda *_: http({"vkey": "x" * 100})[:-50])
        self.assert_both(["audit", "key"], 1, "failed", DSMIL_SOCKET=daemon.socket)

    def test_what_is_no_json_is_a_failure(self):
        for body in (b"", b"<html>", b"[1]", b"{", b'{"vkey":7}', b"\xff\xfe{}"):
            with self.subTest(body):
                daemon = FakeDaemon(self, lambda *_, body=body: http(body))
                self.assert_both(["audit", "key"], 1, "failed", DSMIL_SOCKET=daemon.socket)

    def test_an_answer_without_end_is_cut_off_at_the_limit(self):
        daemon = FakeDaemon(self, lambda *_: b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n" + b"x" * 100000)
        error = self.assert_both(["audit", "key"], 1, "failed", DSMIL_SOCKET=daemon.socket)
        self.assertIn("too large", error["detail"])

    def test_headers_without_end_are_cut_off_at_the_limit(self):
        daemon = FakeDaemon(self, lambda *_: b"HTTP/1.1 200 OK\r\n" + b"X-Y: " + b"z" * 100000 + b"\r\n\r\n")
        self.assert_both(["audit", "key"], 1, "failed", DSMIL_SOCKET=daemon.socket)

    def test_an_error_without_a_body_names_its_status(self):
        daemon = FakeDaemon(self, lambda *_: http(b"", 502))
        error = self.assert_both(["audit", "key"], 1, "failed", DSMIL_SOCKET=daemon.socket)
        self.assertIn("502", error["detail"])


class Refusals(TestCase):
    def test_a_role_that_is_missing_is_a_denial_with_the_daemons_reason(self):
        daemon = FakeDaemon(self, lambda *_: refusal("permission", 403, "the role operator is needed"))
        error = self.assert_both(["attest"], 4, "permission", DSMIL_SOCKET=daemon.socket)
        self.assertEqual(error["detail"], "the role operator is needed")
        self.assertEqual(error["causes"], ["c"])

    def test_the_daemons_codes_keep_their_exit_codes(self):
        for code, status, exit_code in (("tpm_missing", 503, 5), ("try_again", 503, 75), ("tpm_failed", 502, 1),
                                        ("conflict", 409, 6), ("of_a_newer_release", 500, 1)):
            with self.subTest(code):
                daemon = FakeDaemon(self, lambda *_, c=code, s=status: refusal(c, s))
                self.assertEqual(run("attest", DSMIL_SOCKET=daemon.socket).code, exit_code)

    def test_what_a_terminal_would_obey_is_not_printed(self):
        daemon = FakeDaemon(self, lambda *_: refusal("failed", 500, "\x1b[2Jgone"))
        self.assertNotIn("\x1b", run("audit", "key", DSMIL_SOCKET=daemon.socket).err)


class Attest(TestCase):
    def setUp(self):
        super().setUp()
        self.machine = Machine(self)

    def attest(self, *arguments, **changes):
        daemon = FakeDaemon(self, lambda _m, _t, body: self.machine.answer(body, **dict(changes)))
        return run("attest", "--json", "--nonce", NONCE, *arguments, DSMIL_SOCKET=daemon.socket)

    def assert_does_not_hold(self, result, detail):
        self.assertEqual(result.code, 7, result.out)
        error = result.json()["error"]
        self.assertEqual(error["code"], "attestation_failed")
        self.assertRegex(error["detail"], detail)

    def test_a_quote_over_another_nonce_does_not_hold(self):
        self.assert_does_not_hold(self.attest(nonce=b"another nonce"), "nonce")

    def test_a_changed_quote_does_not_hold(self):
        quoted = bytearray(self.machine.quote(bytes.fromhex(NONCE), range(8)))
        quoted[-1] ^= 1
        self.assert_does_not_hold(self.attest(quoted=base64.b64encode(quoted).decode()), "signature")

    def test_a_changed_pcr_value_does_not_hold(self):
        pcrs = {str(number): self.machine.pcrs[number].hex() for number in range(8)}
        pcrs["3"] = "00" * 32
        self.assert_does_not_hold(self.attest(pcrs=pcrs), "PCR")

    def test_a_missing_pcr_value_does_not_hold(self):
        pcrs = {str(number): self.machine.pcrs[number].hex() for number in range(7)}
        self.assert_does_not_hold(self.attest(pcrs=pcrs), "PCR")

    def test_a_quote_that_is_none_does_not_hold(self):
        quoted = self.machine.quote(bytes.fromhex(NONCE), range(8), kind=0x8017)
        self.assert_does_not_hold(self.attest(quoted=base64.b64encode(quoted).decode(),
                                              signature=base64.b64encode(self.machine.sign(quoted)).decode()), "quote")

    def test_a_quote_of_another_key_than_the_expected_does_not_hold(self):
        other = subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout"],
                               capture_output=True, check=True).stdout
        subprocess.run(["openssl", "ec", "-pubout", "-out", self.path("other.pem")], input=other,
                       capture_output=True, check=True)
        self.assert_does_not_hold(self.attest("--ak", self.path("other.pem")), "--ak")

    def test_answers_that_lack_something_do_not_hold(self):
        for name in ("quoted", "signature", "ak_public_pem", "pcr_bank", "pcrs"):
            for wrong in (None, 7, "!"):
                with self.subTest((name, wrong)):
                    self.assertEqual(self.attest(**{name: wrong}).code, 7)

    def test_nothing_is_kept_of_what_does_not_hold(self):
        result = self.attest("--out", self.path("evidence"), nonce=b"another nonce")
        self.assertEqual(result.code, 7)
        self.assertFalse(os.path.exists(self.path("evidence")))

    def test_a_file_that_is_no_key_is_a_usage_error(self):
        with open(self.path("no.pem"), "w", encoding="utf-8") as file:
            file.write("no key")
        self.assert_both(["attest", "--ak", self.path("no.pem")], 2, "usage")
        self.assert_both(["attest", "--ak", self.path("missing.pem")], 3, "not_found")

    def test_a_quote_that_holds_is_shown_with_the_fingerprint_of_its_key(self):
        document = self.attest("--pcrs", "7,0").json()
        self.assertEqual(document["nonce"], NONCE)
        self.assertEqual(set(document["pcrs"]), {"0", "7"})
        der = subprocess.run(["openssl", "ec", "-pubin", "-outform", "DER"], input=self.machine.pem.encode(),
                             capture_output=True, check=True).stdout
        self.assertEqual(document["ak_fingerprint"], hashlib.sha256(der).hexdigest())
        self.assertFalse(document["ak_known"])

    def test_a_nonce_is_made_when_none_is_given_and_each_is_another(self):
        daemon = FakeDaemon(self, lambda _m, _t, body: self.machine.answer(body))
        nonces = [run("attest", "--json", DSMIL_SOCKET=daemon.socket).json()["nonce"] for _ in range(2)]
        self.assertEqual([len(nonce) for nonce in nonces], [64, 64])
        self.assertNotEqual(*nonces)

    def test_the_evidence_is_what_an_independent_verifier_takes(self):
        folder = self.path("evidence")
        self.assertEqual(self.attest("--pcrs", "0,2,7", "--out", folder).json()["out"], folder)
        self.check_quote(folder)
        with open(os.path.join(folder, "nonce"), encoding="utf-8") as file:
            self.assertEqual(file.read().strip(), NONCE)

    def test_the_evidence_of_any_number_of_pcrs_is_taken(self):
        for count in (1, 7, 8, 9, 24):
            folder = self.path(f"evidence{count}")
            self.attest("--pcrs", ",".join(map(str, range(count))), "--out", folder)
            self.check_quote(folder)

    def check_quote(self, folder):
        done = subprocess.run(["tpm2_checkquote", "-u", "ak.pem", "-m", "quote.msg", "-s", "quote.sig", "-f",
                               "quote.pcrs", "-q", NONCE], cwd=folder, capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr.decode())

    def test_without_a_place_for_the_evidence_nothing_is_asked(self):
        daemon = FakeDaemon(self, lambda _m, _t, body: self.fail("it was asked"))
        for folder, code in ((self.path("no", "such"), 3), (self.path("file"), 6)):
            if code == 6:
                with open(folder, "wb"):
                    pass
            with self.subTest(folder):
                self.assertEqual(run("attest", "--out", folder, DSMIL_SOCKET=daemon.socket).code, code)

    def test_an_attestation_that_fails_leaves_no_folder(self):
        result = run("attest", "--out", self.path("evidence"), DSMIL_SOCKET="/nonexistent")
        self.assertEqual(result.code, 5)
        self.assertFalse(os.path.exists(self.path("evidence")))

    def test_evidence_never_replaces_older_evidence(self):
        os.mkdir(self.path("evidence"))
        with open(self.path("evidence", "ak.pem"), "w", encoding="utf-8") as file:
            file.write("older")
        result = self.attest("--out", self.path("evidence"))
        self.assertEqual(result.code, 6)
        self.assertEqual(os.listdir(self.path("evidence")), ["ak.pem"])


def ledger(records):
    """An API with that ledger; long polls answer at once, so a follower sees what there is."""
    def answer(_method, target, _body):
        if target == "/v1/ledger/head":
            return http({"size": len(records), "root": "", "checkpoint": None, "origin": "o"})
        query = dict(part.split("=") for part in target.partition("?")[2].split("&"))
        first = int(query["after"])
        return http({"records": records[first:first + int(query["limit"])]})
    return answer


def record(sequence):
    return {"sequence": sequence, "time": "2023-11-14T22:13:20.000000001Z", "source": "kernel", "action": "read",
            "outcome": "ok", "device_id": "0x8009"}


class Tail(TestCase):
    def test_records_out_of_order_are_a_failure(self):
        daemon = FakeDaemon(self, ledger([record(1), record(0)]))
        self.assert_both(["audit", "tail"], 1, "failed", DSMIL_SOCKET=daemon.socket)

    def test_records_that_are_kept_back_are_a_failure(self):
        def answer(_method, target, _body):
            return http({"size": 5}) if target == "/v1/ledger/head" else http({"records": []})
        daemon = FakeDaemon(self, answer)
        self.assert_both(["audit", "tail"], 1, "failed", DSMIL_SOCKET=daemon.socket)

    def test_an_empty_ledger_has_no_tail(self):
        daemon = FakeDaemon(self, ledger([]))
        result = run("audit", "tail", DSMIL_SOCKET=daemon.socket)
        self.assertEqual((result.code, result.out, result.err), (0, "", ""))

    def test_the_newest_records_come_last(self):
        daemon = FakeDaemon(self, ledger([record(n) for n in range(1200)]))
        lines = run("audit", "tail", "-n", "1000", DSMIL_SOCKET=daemon.socket).out.splitlines()
        self.assertEqual([line.split()[1] for line in lines], [str(n) for n in range(200, 1200)])
        self.assertEqual(lines[0], "2023-11-14T22:13:20.000000001Z 200 kernel read ok device_id=0x8009")

    def test_as_json_each_record_is_one_valid_line(self):
        daemon = FakeDaemon(self, ledger([record(n) for n in range(3)]))
        lines = run("audit", "tail", "--json", DSMIL_SOCKET=daemon.socket).out.splitlines()
        self.assertEqual([validated(json.loads(line))["record"]["sequence"] for line in lines], [0, 1, 2])

    def test_following_ends_when_the_reader_has_enough(self):
        records = [record(n) for n in range(5)]
        daemon = FakeDaemon(self, ledger(records))
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "wb") as closed:
            result = run("audit", "tail", "-f", stdout=closed, DSMIL_SOCKET=daemon.socket)
        self.assertEqual((result.code, result.err), (0, ""))


class Export(TestCase):
    def test_an_existing_file_is_never_replaced(self):
        with open(self.path("old"), "w", encoding="utf-8") as file:
            file.write("old")
        daemon = FakeDaemon(self, lambda *_: http(b"new", kind="application/vnd.sqlite3"))
        self.assert_both(["audit", "export", self.path("old")], 6, "exists", DSMIL_SOCKET=daemon.socket)
        self.assertEqual(daemon.requests, [])

    def test_a_copy_that_breaks_off_leaves_nothing(self):
        daemon = FakeDaemon(self, lambda *_: http(b"x" * 100000, kind="application/vnd.sqlite3")[:-5])
        self.assert_both(["audit", "export", self.path("new")], 1, "failed", DSMIL_SOCKET=daemon.socket)
        self.assertEqual([name for name in os.listdir(self.folder) if "new" in name], [])

    def test_a_refused_copy_leaves_nothing(self):
        daemon = FakeDaemon(self, lambda *_: refusal("permission", 403))
        self.assert_both(["audit", "export", self.path("new")], 4, "permission", DSMIL_SOCKET=daemon.socket)
        self.assertEqual([name for name in os.listdir(self.folder) if "new" in name], [])

    def test_a_folder_that_is_not_there_is_not_found(self):
        self.assert_both(["audit", "export", self.path("no", "new")], 3, "not_found")

    def test_the_copy_has_the_bytes_of_the_answer(self):
        content = os.urandom(1_000_000)
        daemon = FakeDaemon(self, lambda *_: http(content, kind="application/vnd.sqlite3"))
        document = run("audit", "export", self.path("new"), "--json", DSMIL_SOCKET=daemon.socket).json()
        self.assertEqual(document["bytes"], len(content))
        with open(self.path("new"), "rb") as file:
            self.assertEqual(file.read(), content)


class Doctor(TestCase):
    def ledger(self, size, signed, **health):
        note = "test.example/log\n{}\n{}\n\n\u2014 test.example/log {}\n".format(
            signed, base64.b64encode(bytes(32)).decode(), base64.b64encode(bytes(68)).decode())
        answers = {"/v1/health": {"tpm": "ready", "version": "1", **health},
                   "/v1/ledger/head": {"size": size, "checkpoint": note}}
        daemon = FakeDaemon(self, lambda _, target, __: http(answers.get(target, {})))
        checks = run("doctor", "--json", DSMIL_SOCKET=daemon.socket).json()["checks"]
        return next(check for check in checks if check["name"] == "ledger")

    def test_says_how_far_the_ledger_is_signed_and_why_no_further(self):
        self.assertEqual(self.ledger(3, 3)["state"], "ok")
        behind = self.ledger(3, 2)
        self.assertEqual(behind["state"], "ok", behind)  # it is a matter of a second
        self.assertIn("signed up to 2", json.dumps(behind))
        stuck = self.ledger(3, 2, unsigned_detail="another secret")
        self.assertEqual(stuck["state"], "warn", stuck)
        self.assertIn("another secret", json.dumps(stuck))


def folder_root(folder):
    """The size and root that a folder of tlog-tiles says, and those that its bundles give."""
    with open(os.path.join(folder, "checkpoint"), encoding="utf-8") as file:
        _, size, signed = file.read().split("\n\n")[0].splitlines()
    with open(os.path.join(folder, "tile/entries/000.p", size), "rb") as file:
        bundle = file.read()
    leaves = []
    while bundle:
        length = int.from_bytes(bundle[:2], "big")
        leaves.append(hashlib.sha256(b"\0" + bundle[2:2 + length]).digest())
        bundle = bundle[2 + length:]
    with open(os.path.join(folder, "tile/0/000.p", size), "rb") as file:
        assert file.read() == b"".join(leaves)
    a, b, c = leaves
    tree = hashlib.sha256(b"\1" + hashlib.sha256(b"\1" + a + b).digest() + c).digest()
    return int(size), base64.b64decode(signed), len(leaves), tree


class ExportTiles(TestCase):
    SEED = os.path.join(SOURCE, "tests/fuzz/corpus/verify/ledger")

    def files(self, folder):
        return sorted(os.path.relpath(os.path.join(at, name), folder)
                      for at, _, names in os.walk(folder) for name in names)

    def test_file_or_folder_and_not_both(self):
        for arguments in ([], [self.path("a"), "--tiles", self.path("b")], [self.path("a"), "--from", self.SEED]):
            with self.subTest(arguments):
                self.assert_both(["audit", "export"] + arguments, 2, "usage")

    def test_a_copy_becomes_a_folder_of_which_anybody_can_compute_the_root(self):
        document = run("audit", "export", "--tiles", self.path("log"), "--from", self.SEED, "--json").json()
        self.assertEqual((document["size"], document["origin"]), (3, "seed.example/log"))
        self.assertEqual(self.files(self.path("log")), ["checkpoint", "tile/0/000.p/3", "tile/entries/000.p/3"])
        self.assertEqual(document["files"], 3)
        size, signed, count, computed = folder_root(self.path("log"))
        self.assertEqual((size, signed), (count, computed))

    def test_the_daemon_gives_the_copy_and_nothing_but_the_folder_stays(self):
        with open(self.SEED, "rb") as file:
            seed = file.read()
        daemon = FakeDaemon(self, lambda *_: http(seed, kind="application/vnd.sqlite3"))
        before = set(os.listdir(self.folder))
        result = run("audit", "export", "--tiles", self.path("log"), DSMIL_SOCKET=daemon.socket)
        self.assertEqual(result.code, 0, result.err)
        self.assertEqual(set(os.listdir(self.folder)) - before, {"log"})

    def test_what_is_no_ledger_leaves_nothing(self):
        daemon = FakeDaemon(self, lambda *_: http(b"x" * 5000, kind="application/vnd.sqlite3"))
        before = set(os.listdir(self.folder))
        self.assert_both(["audit", "export", "--tiles", self.path("log")], 1, "failed", DSMIL_SOCKET=daemon.socket)
        self.assertEqual(set(os.listdir(self.folder)), before)

    def test_a_folder_with_something_in_it_is_left_alone(self):
        os.makedirs(self.path("log", "mine"))
        self.assert_both(["audit", "export", "--tiles", self.path("log"), "--from", self.SEED], 6, "exists")
        self.assertEqual(os.listdir(self.path("log")), ["mine"])

    def test_a_copy_that_is_not_there_is_not_found(self):
        self.assert_both(["audit", "export", "--tiles", self.path("log"), "--from", self.path("no")], 3, "not_found")


class TpmStatus(TestCase):
    ANSWER = {"state": "ready", "attested": True, "trouble": None, "remedy": None,
              "tpm": {"manufacturer": "IBM", "firmware_version": "1.2", "reset_count": 3, "restart_count": 0,
                      "lockout": {"locked": False, "counter": 0, "limit": 3, "interval_s": 1000, "left_s": 0},
                      "secrets": {"owner": False}, "persistent": {"objects": 4, "room": 3},
                      "nv": {"writes": 4, "endurance": 100000, "worn": 0.00004}},
              "keys": {"checkpoint": None}, "queue": {"waiting": 0, "limit": 256},
              "commands": [{"command": "Sign", "count": 2, "p50_ms": 0.5, "p95_ms": 1, "p99_ms": 1,
                            "longest_ms": 0.75}],
              "errors": {"busy": 1}}

    def ask(self, answer, *more):
        daemon = FakeDaemon(self, lambda *_: http(answer))
        return run("tpm", "status", *more, DSMIL_SOCKET=daemon.socket)

    def test_it_shows_chip_queue_and_commands(self):
        text = self.ask(self.ANSWER)
        self.assertEqual((text.code, text.err), (0, ""))
        self.assertRegex(text.out, "Sign +2 +0.50")
        self.assertEqual(self.ask(self.ANSWER, "--json").json()["tpm"]["nv_writes"], 4)

    def test_a_lockout_says_how_long(self):
        chip = {**self.ANSWER["tpm"], "lockout": {"counter": 3, "limit": 3, "left_s": 1000}}
        self.assertIn("LOCKED OUT", self.ask({**self.ANSWER, "tpm": chip}).out)

    def test_without_a_tpm_the_machine_is_unattested_and_that_is_exit_5(self):
        answer = {**self.ANSWER, "state": "missing", "attested": False, "trouble": "no", "remedy": "yes", "tpm": None}
        text = self.ask(answer)
        self.assertEqual(text.code, 5)
        self.assertIn("UNATTESTED", text.out)
        self.assertEqual(self.ask(answer, "--json").json()["trouble"], "no")

    def test_an_answer_that_is_none_is_an_error(self):
        for name in ("state", "attested", "queue", "commands", "errors"):
            for wrong in (None, 7, [7], {"waiting": "x"}):
                with self.subTest((name, wrong)):
                    result = self.ask({**self.ANSWER, name: wrong}, "--json")
                    self.assertEqual(result.code, 1, result.out)


class Verify(TestCase):
    def test_nobody_waits_for_the_other_end_of_a_pipe(self):
        os.mkfifo(self.path("pipe"))
        with open(self.path("some.vkey"), "w", encoding="utf-8") as file:
            file.write(VKEY)
        self.assert_both(["audit", "verify", self.path("pipe"), "--key", self.path("some.vkey")], 1, "failed")
        self.assert_both(["audit", "verify", "/x", "--key", self.path("pipe")], 2, "usage")

    def test_without_a_key_nothing_is_verified(self):
        self.assert_both(["audit", "verify", self.path("ledger.db")], 2, "usage")

    def test_a_missing_key_or_ledger_is_not_found(self):
        self.assert_both(["audit", "verify", "/x", "--key", self.path("no.vkey")], 3, "not_found")
        with open(self.path("some.vkey"), "w", encoding="utf-8") as file:
            file.write(VKEY)
        self.assert_both(["audit", "verify", "/x", "--key", self.path("some.vkey")], 3, "not_found")

    def test_a_file_that_is_no_ledger_is_said_to_be_none(self):
        with open(self.path("some.vkey"), "w", encoding="utf-8") as file:
            file.write(VKEY)
        result = run("audit", "verify", self.path("some.vkey"), "--key", self.path("some.vkey"))
        self.assertIn(result.code, (1, 7))
        self.assertEqual(result.out, "")

    def test_a_key_that_is_none_is_a_usage_error(self):
        with open(self.path("bad.vkey"), "w", encoding="utf-8") as file:
            file.write("no key")
        self.assert_both(["audit", "verify", "/x", "--key", self.path("bad.vkey")], 2, "usage")


if __name__ == "__main__":
    unittest.main()
