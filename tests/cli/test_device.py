# SPDX-License-Identifier: Apache-2.0
"""dsmilctl device, against a dsmild that answers what a test wants."""
import base64
import hashlib
import json
import os
import subprocess

from machine import NONCE, Machine
from support import PROGRAM, TIMEOUT_S, FakeDaemon, TestCase, environment, http, refusal, run


class DeviceOperations(TestCase):
    def attest(self, change=lambda answer: answer, *more, tag=b"\xd5\x01"):
        machine = Machine(self)
        with open(self.path("ak.pem"), "w", encoding="ascii") as file:
            file.write(machine.pem)

        def answer(_method, _target, body):
            asked = json.loads(body)
            statement = "dsmil-device-statement-v1\ndevice {}\nfirmware sim\nload_id 00\nSTATUS none\nnonce {}\n".format(
                asked["device"], asked["nonce"])
            quoted = machine.quote(tag + hashlib.sha256(statement.encode()).digest(), asked["pcrs"])
            return http(change({"statement": statement, "quote": {
                "quoted": base64.b64encode(quoted).decode(), "signature": base64.b64encode(machine.sign(quoted)).decode(),
                "ak_public_pem": machine.pem, "pcr_bank": "sha256", "firmware_version": "4",
                "pcrs": {str(n): machine.pcrs[n].hex() for n in asked["pcrs"]}}}))
        daemon = FakeDaemon(self, answer)
        return run("device", "attest", "0x8005", *more, DSMIL_SOCKET=daemon.socket)

    def test_a_statement_that_the_tpm_signed_holds(self):
        text = self.attest()
        self.assertEqual((text.code, text.err), (0, ""))
        self.assertIn("STATUS none", text.out)
        document = self.attest(lambda answer: answer, "--json", "--nonce", NONCE).json()
        self.assertTrue(document["statement"].endswith("nonce " + NONCE + "\n"))

    def test_a_quote_that_anybody_may_ask_for_is_none_of_a_statement(self):
        self.assertEqual(self.attest(tag=b"").code, 7)
        self.assertEqual(self.attest(tag=b"\xd5\x02").code, 7)

    def test_the_key_may_be_demanded(self):
        other = self.path("other.pem")
        with open(other, "w", encoding="ascii") as file:
            file.write(Machine(self).pem)
        self.assertEqual(self.attest(lambda answer: answer, "--ak", other).code, 7)
        self.assertEqual(self.attest(lambda answer: answer, "--ak", self.path("none")).code, 3)
        with open(other, "w", encoding="ascii") as file:
            file.write("no key")
        self.assertEqual(self.attest(lambda answer: answer, "--ak", other).code, 2)
        held = self.attest(lambda answer: answer, "--ak", self.path("ak.pem"))
        self.assertEqual(held.code, 0, held.err)

    def test_the_evidence_is_kept_as_tpm2_checkquote_takes_it(self):
        place = self.path("evidence")
        document = self.attest(lambda answer: answer, "--json", "--out", place).json()
        self.assertEqual(document["out"], place)
        kept = {}
        for name in os.listdir(place):
            with open(os.path.join(place, name), "rb") as file:
                kept[name] = file.read()
        self.assertEqual(sorted(kept), ["ak.pem", "nonce", "quote.msg", "quote.pcrs", "quote.sig", "statement"])
        self.assertEqual(kept["statement"].decode(), document["statement"])
        nonce = "d501" + hashlib.sha256(kept["statement"]).hexdigest()
        self.assertEqual(kept["nonce"].decode(), nonce + "\n")
        files = [os.path.join(place, name) for name in ("quote.msg", "quote.sig", "quote.pcrs", "ak.pem")]
        words = [word for pair in zip(("--message", "--signature", "--pcrs", "--ak"), files) for word in pair]
        self.assertEqual(run("verify", "quote", *words, "--nonce", nonce).code, 0)
        self.assertEqual(self.attest(lambda answer: answer, "--out", place).code, 6)
        self.assertEqual(self.attest(lambda answer: answer, "--out", self.path("new"), tag=b"").code, 7)
        self.assertFalse(os.path.exists(self.path("new")))

    def test_a_statement_that_was_changed_or_is_of_another_device_does_not(self):
        def changed(answer):
            answer["statement"] = answer["statement"].replace("STATUS none", "STATUS 0x00000001 at 1")
            return answer

        def other(answer):
            answer["statement"] = answer["statement"].replace("0x8005", "0x8006")
            return answer

        def unsigned(answer):
            del answer["quote"]
            return answer
        for change in (changed, other, unsigned):
            result = self.attest(change)
            self.assertEqual(result.code, 7, change)
            self.assertEqual(result.out, "")

    def test_seal_writes_what_unseal_sends(self):
        sealed = {"version": 1, "public": "AA==", "private": "AA==", "pcrs": {"7": "00" * 32}, "recovery": True}

        def answer(_method, target, _body):
            return http({"device": "0x8005", "configuration": "0x8005 STATUS=none", "sealed": sealed,
                         "recovery": "ab" * 32} if target.endswith("/seal") else {"configuration": "0x8005 STATUS=none"})
        daemon = FakeDaemon(self, answer)
        path = self.path("sealed")
        document = run("--json", "device", "seal", "0x8005", path, DSMIL_SOCKET=daemon.socket).json()
        self.assertEqual(document["recovery"], "ab" * 32)
        self.assertEqual(run("device", "seal", "0x8005", path, DSMIL_SOCKET=daemon.socket).code, 6)
        secret = self.path("secret")

        def unseal(text):
            with open(secret, "w", encoding="ascii") as file:
                file.write(text)
            return run("device", "unseal", "0x8005", path, "--recovery", secret, DSMIL_SOCKET=daemon.socket)
        opened = unseal("AB" * 32 + "\n")
        self.assertEqual((opened.code, opened.out), (0, "0x8005 STATUS=none\n"))
        self.assertEqual(json.loads(daemon.requests[-1][2]),
                         {"device": "0x8005", "sealed": sealed, "recovery": "ab" * 32})
        for text in ("", "ab", "xx" * 32, "ab" * 33, "ab" * 500):
            refused = unseal(text)
            self.assertEqual((refused.code, refused.out), (2, ""), text)
        for text, code in ((b"AB" * 32, 0), (b"", 2)):
            done = subprocess.run([PROGRAM, "device", "unseal", "0x8005", path, "--recovery", "-"], input=text,
                                  capture_output=True, env=environment(DSMIL_SOCKET=daemon.socket),
                                  timeout=TIMEOUT_S, check=False)
            self.assertEqual(done.returncode, code, done.stderr)

    def test_a_refusal_leaves_no_file(self):
        daemon = FakeDaemon(self, lambda *_: refusal("tpm_missing", 503))
        path = self.path("sealed")
        self.assertEqual(run("device", "seal", "0x8005", path, DSMIL_SOCKET=daemon.socket).code, 5)
        self.assertEqual([name for name in os.listdir(self.folder) if name.startswith("sealed")], [])

    def test_a_key_that_nobody_certifies_is_not_printed(self):
        answer = {"device": "0x8005", "made": True, "public_pem": "-----BEGIN\nx\n", "name": "000b", "attest": "",
                  "signature": "", "ak_public_pem": ""}
        daemon = FakeDaemon(self, lambda *_: http(answer))
        result = run("device", "provision", "0x8005", "--out", self.path("key"), DSMIL_SOCKET=daemon.socket)
        self.assertEqual((result.code, result.out), (7, ""))
        self.assertFalse(os.path.exists(self.path("key")))
