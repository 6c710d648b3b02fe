# SPDX-License-Identifier: Apache-2.0
"""The finished daemon over a TPM that hangs, or answers what is no answer."""
import os
import sqlite3

from support import TIMEOUT_S, TestCase


class BrokenTpm(TestCase):
    """A program in the TPM's place (tcti-cmd), which answers each command with what it was told."""

    def daemon_with(self, answer):
        script = self.path("tpm.py", b"import os, sys\n"
                           b"while os.read(0, 4096):\n" + answer)
        return self.dsmild(**{"tpm.tcti": "cmd:python3 " + script})

    def await_trouble(self, daemon):
        for _ in range(TIMEOUT_S):
            tpm = daemon.get("/v1/tpm")
            if tpm["state"] != "starting":
                return tpm
            daemon.get("/v1/ledger/records?after=1000000&wait_ms=100")
        return self.fail("it never noticed")

    def test_garbage_is_no_answer_and_the_daemon_goes_on(self):
        # Whole by their header, as tcti-cmd reads them: another body, another code, a body cut short, none.
        for answer in (b"    os.write(1, b'\\x80\\x01\\0\\0\\0\\x40\\0\\0\\0\\0' + b'\\xa5' * 54)\n",
                       b"    os.write(1, b'\\x80\\x01\\0\\0\\0\\x0a\\xde\\xad\\xbe\\xef')\n",
                       b"    os.write(1, b'\\x80\\x01\\0\\0\\0\\x0b\\0\\0\\0\\0\\0')\n",
                       b"    sys.exit(3)\n"):
            with self.subTest(answer):
                daemon = self.daemon_with(answer)
                tpm = self.await_trouble(daemon)
                self.assertFalse(tpm["attested"])
                self.assertTrue(tpm["trouble"] and tpm["remedy"], tpm)
                status, error = daemon.request("POST", "/v1/attest", {"nonce": "0011223344556677"})
                self.assertGreaterEqual(status, 500)
                self.assertTrue(error["error"]["detail"] and error["error"]["remedy"], error)
                self.assertEqual(daemon.get("/v1/health")["ledger"], "ok")
                self.assertEqual(daemon.stop(), 0)
                self.assertEqual([name for name in os.listdir(daemon.state) if "key" in name], ["cosign-key.pem"])

    def test_a_tpm_that_never_answers_holds_nobody_up_but_those_who_ask_it(self):
        daemon = self.daemon_with(b"    os.read(os.pipe()[0], 1)\n")
        self.assertEqual(daemon.get("/v1/tpm")["state"], "starting")
        self.assertEqual(daemon.get("/v1/health")["ledger"], "ok")
        self.assertGreaterEqual(daemon.get("/v1/ledger/head")["size"], 1)
        # It waits for the command for 10 s, then goes without it; everything is recorded.
        self.assertEqual(daemon.stop(), 1)
        self.assertIn("thread_hangs", [line["event_type"] for line in daemon.log])
        ledger = sqlite3.connect(daemon.ledger)
        self.assertEqual(ledger.execute("SELECT count(*) FROM records").fetchone()[0], 2)
        ledger.close()
