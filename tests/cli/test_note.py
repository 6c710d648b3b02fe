# SPDX-License-Identifier: Apache-2.0
"""Signed notes: what public logs and witnesses signed, what openssl and Go sign, and what must not pass."""
import base64
import unittest

import judge
from notes import DASH, NoteCase, key_id, line, read_vector, vkey
from support import run

TEXT = "example.com/log\n3\n" + base64.b64encode(b"r" * 32).decode() + "\n"


class CheckCase(NoteCase):
    def check(self, note, *keys):
        """audit check-note of a note and keys as texts."""
        with open(self.path("note"), "w", encoding="utf-8", newline="") as file:
            file.write(note)
        with open(self.path("keys"), "w", encoding="utf-8") as file:
            file.write("\n".join(keys) + "\n")
        return ["audit", "check-note", self.path("note"), "--key", self.path("keys")]


class PublishedNotes(CheckCase):
    def test_a_checkpoint_of_the_go_checksum_database_holds(self):
        result = run("--json", *self.check(read_vector("sumdb_checkpoint.txt"), read_vector("sumdb_checkpoint.vkey")))
        self.assertEqual(result.json()["signed_by"],
                         [{"name": "sum.golang.org", "id": "033de0ae", "type": 1, "timestamp": None}])

    def test_a_checkpoint_with_cosignatures_of_public_witnesses_holds(self):
        answer = run("--json", *self.check(read_vector("witnessed_checkpoint.txt"), read_vector("witnessed_checkpoint.vkey"))).json()
        self.assertEqual([(signer["type"], signer["timestamp"]) for signer in answer["signed_by"]],
                         [(1, None), (4, 1779573024), (4, 1779573024)])
        self.assertEqual(answer["signatures"], 6)

    def test_a_checkpoint_of_a_log_with_ml_dsa_44_holds(self):
        note = read_vector("mldsa_checkpoint.txt").split("\n\n", 1)[1]
        answer = run("--json", *self.check(note, read_vector("mldsa_checkpoint.vkey"))).json()
        self.assertEqual([signer["type"] for signer in answer["signed_by"]], [6])
        self.assert_both(self.check(note.replace("\n1\n", "\n2\n"), read_vector("mldsa_checkpoint.vkey")), 7, "signature_refused")

    def test_what_was_changed_does_not_hold(self):
        note = read_vector("witnessed_checkpoint.txt")
        for name in read_vector("witnessed_checkpoint.vkey").splitlines():
            self.assert_both(self.check(note.replace("1432088532", "1432088533"), name), 7, "signature_refused")


class Signatures(CheckCase):
    def test_of_openssl_on_every_curve_of_the_specification_hold(self):
        for curve in ("P-256", "P-384", "P-521"):
            key, public = self.make_key("key.pem", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:" + curve)
            note = TEXT + "\n" + line("example.com/log", 2, public,
                                      self.sign(key, TEXT.encode(), "-digest", "sha256"))
            with self.subTest(curve):
                self.assertEqual(run(*self.check(note, vkey("example.com/log", 2, public))).code, 0)

    def test_of_another_curve_are_none(self):
        _, public = self.make_key("key.pem", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1")
        self.assert_both(self.check(TEXT + "\n" + DASH + "x AAAAAAA=\n", vkey("x", 2, public)), 2, "usage")

    def test_of_openssl_with_ml_dsa_44_hold(self):
        key, public = self.make_key("key.pem", "-algorithm", "ML-DSA-44")
        raw = public[-1312:]
        message = (b"subtree/v1\n\0" + b"\x01w" + (7).to_bytes(8, "big") + b"\x0fexample.com/log" +
                   (0).to_bytes(8, "big") + (3).to_bytes(8, "big") + b"r" * 32)
        signature = (7).to_bytes(8, "big") + self.sign(key, message)
        answer = run("--json", *self.check(TEXT + "\n" + line("w", 6, raw, signature), vkey("w", 6, raw))).json()
        self.assertEqual(answer["signed_by"][0]["timestamp"], 7)

    def test_of_openssl_with_ed25519_hold_as_signature_and_as_cosignature(self):
        key, public = self.make_key("key.pem", "-algorithm", "ED25519")
        raw = public[-32:]
        cosigned = self.sign(key, b"cosignature/v1\ntime 1700000000\n" + TEXT.encode())
        note = (TEXT + "\n" + line("x", 1, raw, self.sign(key, TEXT.encode())) +
                line("x", 4, raw, (1700000000).to_bytes(8, "big") + cosigned))
        keys = [vkey("x", 1, raw), vkey("x", 4, raw)]
        result = run(*self.check(note, *keys))
        self.assertEqual(result.code, 0, result.err)
        self.assertIn("at 2023-11-14T22:13:20", result.out)
        # The same bytes under the other type are another key, and do not hold.
        swapped = note.replace(base64.b64encode(key_id("x", 1, raw))[:4].decode(), "AAAA")
        self.assertEqual(run(*self.check(swapped, keys[0])).code, 11)

    def test_of_go_hold_here_and_ours_of_the_example_there(self):
        judge.build()
        key, = judge.judge("log", self.path("log"), 10)
        with open(self.path("log/checkpoint"), encoding="utf-8") as file:
            note = file.read()
        self.assertEqual(run(*self.check(note, key)).code, 0)
        changed = note.replace("\n10\n", "\n11\n")
        self.assertEqual(run(*self.check(changed, key)).code, 7)
        claims = ["note {} {}".format(key, base64.b64encode(text.encode()).decode()) for text in (note, changed)]
        self.assertEqual(judge.check(claims), [True, False])


class Verdicts(CheckCase):
    def setUp(self):
        super().setUp()
        self.key, public = self.make_key("key.pem", "-algorithm", "ED25519")
        self.raw = public[-32:]
        self.good = line("x", 1, self.raw, self.sign(self.key, TEXT.encode()))
        self.vkey = vkey("x", 1, self.raw)

    def test_signatures_of_unknown_keys_are_ignored(self):
        others = DASH + "y AAAAAAA=\n" + DASH + "x AAAAAAA=\n"
        self.assertEqual(run(*self.check(TEXT + "\n" + others + self.good + others, self.vkey)).code, 0)

    def test_a_note_that_the_key_did_not_sign_is_not_signed(self):
        self.assert_both(self.check(TEXT + "\n" + DASH + "y AAAAAAA=\n", self.vkey), 11, "not_signed")

    def test_a_wrong_signature_of_the_key_spoils_the_note(self):
        wrong = line("x", 1, self.raw, b"\0" * 64)
        for note in (TEXT + "\n" + self.good + wrong, TEXT + "\n" + wrong + self.good):
            self.assert_both(self.check(note, self.vkey), 7, "signature_refused")

    def test_a_note_takes_16_signatures_and_more_and_32_of_ml_dsa_44(self):
        other = DASH + "y " + base64.b64encode(b"0" * 2432).decode() + "\n"
        self.assertEqual(run(*self.check(TEXT + "\n" + other * 31 + self.good, self.vkey)).code, 0)
        self.assert_both(self.check(TEXT + "\n" + other * 32 + self.good, self.vkey), 1, "failed")

    def test_what_is_no_note_could_not_be_checked(self):
        for note in ("", TEXT, TEXT + "\n", TEXT + "\n" + self.good[:-1], TEXT + "\n" + self.good + "x",
                     TEXT.replace("log", "l\tg") + "\n" + self.good):
            self.assert_both(self.check(note, self.vkey), 1, "failed")
        self.assert_both(["audit", "check-note", self.path("nowhere"), "--key", self.vkey], 3, "not_found")

    def test_the_key_may_be_given_as_it_is(self):
        self.check(TEXT + "\n" + self.good, self.vkey)
        self.assertEqual(run("audit", "check-note", self.path("note"), "--key", self.vkey).code, 0)
        self.assert_both(["audit", "check-note", self.path("note"), "--key", self.path("note")], 2, "usage")


if __name__ == "__main__":
    unittest.main()
