# SPDX-License-Identifier: Apache-2.0
"""dsmilctl grants, against a daemon that answers what a test wants; OpenSSL judges signatures."""
import base64
import json
import struct
import subprocess

from support import FakeDaemon, TestCase, http, refusal, run, validated

ID = "0123456789abcdef"
PREFIX = b"dsmil-grant-v1\0"


def message(device=0x8034, reg=1, value=1, signers=2, uid=1001):
    """The prefix and struct dsmil_grant_body (include/uapi/linux/dsmil.h)."""
    body = bytes(16) + bytes.fromhex(ID) + bytes(8) + bytes(64) + struct.pack("<Q", 1 << 62)
    body += struct.pack("<IIIIHBBBB2x", value, 0xFFFFFFFF, 0, uid, device, reg, 1, 0, signers)
    return PREFIX + body


def grant(state="waiting", text=None, **more):
    document = {"id": ID, "state": state, "rule": "r", "approver": "bob", "device": "0x8034", "register": "CONFIG",
                "value": 1, "mask": 0xFFFFFFFF, "old_value": None, "uid": 1001, "expires_boottime_ns": 1 << 62,
                "message": base64.b64encode(text if text is not None else message()).decode()}
    document.update(more)
    return document


class Grants(TestCase):
    def key(self, name="bob.key", curve="prime256v1"):
        path = self.path(name)
        subprocess.run(["openssl", "ecparam", "-name", curve, "-genkey", "-noout", "-out", path], check=True)
        return path

    def test_a_request_says_who_has_to_sign(self):
        daemon = FakeDaemon(self, lambda *_: http(grant()))
        result = run("grants", "request", "0x8034", "CONFIG", "1", "--approver", "bob", "--seconds", "30", "--old", "0x7",
                     DSMIL_SOCKET=daemon.socket)
        self.assertEqual(result.code, 0, result.err)
        self.assertIn("waits for bob", result.out)
        method, target, body = daemon.requests[0]
        self.assertEqual((method, target), ("POST", "/v1/grants"))
        self.assertEqual(json.loads(body), {"device": "0x8034", "register": "CONFIG", "value": 1, "seconds": 30,
                                            "old_value": 7, "approver": "bob"})

    def test_a_request_that_makes_no_sense_is_not_sent(self):
        daemon = FakeDaemon(self, lambda *_: http(grant()))
        for arguments in (["0x9999", "CONFIG", "1"], ["0x8034", "ALL", "1"], ["0x8034", "CONFIG", "0x100000000"],
                          ["0x8034", "CONFIG", "1", "--seconds", "301"]):
            with self.subTest(arguments):
                self.assertIn(run("grants", "request", *arguments, DSMIL_SOCKET=daemon.socket).code, (2, 3))
        self.assertEqual(daemon.requests, [])

    def test_every_command_has_its_schema(self):
        pem = subprocess.run(["openssl", "ec", "-in", self.key(), "-pubout"], capture_output=True, check=True).stdout
        answers = {"/v1/grants": lambda method: {"grants": [grant(), grant("expired", approver=None)]}
                   if method == "GET" else grant(),
                   "/v1/grants/revoke": lambda _: grant("revoked"), "/v1/grants/approve": lambda _: grant("approved"),
                   "/v1/grants/key": lambda _: {"owner": "dsmild", "id": "ab" * 32, "public_key_pem": pem.decode()}}
        daemon = FakeDaemon(self, lambda method, target, _: http(answers.get(target.split("?")[0], lambda _: grant())(method)))
        for arguments in (["request", "0x8034", "CONFIG", "1"], ["list"], ["revoke", ID], ["key"],
                          ["sign", ID, "--key", self.path("bob.key"), "--yes"]):
            with self.subTest(arguments):
                result = run("--json", "grants", *arguments, DSMIL_SOCKET=daemon.socket)
                self.assertEqual(result.code, 0, result.err + result.out)
                validated(result.json())

    def test_the_list_shows_what_is_signed_and_not_what_is_said(self):
        daemon = FakeDaemon(self, lambda *_: http({"grants": [grant(text=message(device=0x8015), device="0x8034")]}))
        self.assertIn("0x8015", run("grants", "list", DSMIL_SOCKET=daemon.socket).out)

    def test_who_asks_is_shown_with_the_name_of_his_account(self):
        for uid, name in ((0, "by user 0 (root)"), (4_000_000_000, "by user 4000000000 (no account here)")):
            daemon = FakeDaemon(self, lambda *_, uid=uid: http({"grants": [grant(text=message(uid=uid))]}))
            self.assertIn(name, run("grants", "list", DSMIL_SOCKET=daemon.socket).out)

    def test_the_approver_signs_the_message_with_his_own_key(self):
        daemon = FakeDaemon(self, lambda _, target, __: http(grant("approved" if "approve" in target else "waiting")))
        result = run("grants", "sign", ID, "--key", self.key(), "--yes", DSMIL_SOCKET=daemon.socket)
        self.assertEqual(result.code, 0, result.err)
        body = json.loads(daemon.requests[-1][2])
        self.assertEqual(body["id"], ID)
        with open(self.path("signature"), "wb") as file:
            file.write(base64.b64decode(body["signature"]))
        with open(self.path("message"), "wb") as file:
            file.write(message())
        subprocess.run(["openssl", "dgst", "-sha256", "-prverify", self.path("bob.key"), "-signature",
                        self.path("signature"), self.path("message")], check=True, capture_output=True)

    def test_nobody_signs_unseen(self):
        daemon = FakeDaemon(self, lambda *_: http(grant()))
        self.assertEqual(run("grants", "sign", ID, "--key", self.key(), DSMIL_SOCKET=daemon.socket).code, 2)
        self.assertEqual(len(daemon.requests), 1)

    def test_a_key_that_cannot_sign_is_said(self):
        daemon = FakeDaemon(self, lambda *_: http(grant()))
        empty = self.path("empty")
        open(empty, "wb").close()
        for key, code in ((self.key("wide.key", "secp384r1"), 2), (empty, 2), ("/nonexistent", 3)):
            with self.subTest(key):
                self.assertEqual(run("grants", "sign", ID, "--key", key, "--yes", DSMIL_SOCKET=daemon.socket).code, code)

    def test_what_does_not_wait_is_not_signed(self):
        daemon = FakeDaemon(self, lambda *_: http(grant("revoked")))
        error = self.assert_both(["grants", "sign", ID, "--key", self.key(), "--yes"], 6, "conflict",
                                 DSMIL_SOCKET=daemon.socket)
        self.assertIn("revoked", error["detail"])

    def test_an_id_that_is_none_is_a_usage_error(self):
        for wrong in ("x", "../../etc/passwd", ""):
            with self.subTest(wrong):
                self.assertEqual(run("grants", "sign", wrong, "--key", "k", "--yes").code, 2)

    def test_malformed_answers_are_failures(self):
        for answer in ({}, grant(text=b"short"), grant(text=message(reg=3)), grant(message="%"), grant(id=7)):
            with self.subTest(answer):
                daemon = FakeDaemon(self, lambda *_, a=answer: http(a))
                self.assertEqual(run("grants", "revoke", ID, DSMIL_SOCKET=daemon.socket).code, 1)
                daemon = FakeDaemon(self, lambda *_, a=answer: http({"grants": [a]}))
                self.assertEqual(run("grants", "list", DSMIL_SOCKET=daemon.socket).code, 1)

    def test_refusals_keep_their_exit_codes(self):
        for code, status, exit_code in (("grant_denied", 403, 4), ("grant_pending", 409, 75), ("conflict", 409, 6),
                                        ("grant_not_ready", 503, 5), ("not_found", 404, 3)):
            with self.subTest(code):
                daemon = FakeDaemon(self, lambda *_, c=code, s=status: refusal(c, s))
                self.assertEqual(run("grants", "revoke", ID, DSMIL_SOCKET=daemon.socket).code, exit_code)

    def test_a_write_takes_one_grant(self):
        for both in (["--request", "--grant", "x"], ["--request", "--granted", ID], ["--granted", ID, "--grant", "x"]):
            with self.subTest(both):
                self.assert_both(["write", "0x8064", "CONFIG", "1", *both], 2, "usage")
