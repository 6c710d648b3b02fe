# SPDX-License-Identifier: Apache-2.0
"""dsmilctl grants sign with a key that lies in a token: SoftHSM through OpenSSL's pkcs11 provider. OpenSSL
without a token judges the signature."""
import base64
import json
import os
import subprocess
import unittest

from support import TIMEOUT_S, FakeDaemon, http, run
from test_grants import ID, Grants, grant, message

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "1234"


class Token(Grants):
    """What test_grants has, and a token with keys of several kinds. Its own tests are not run again."""

    def setUp(self):
        super().setUp()
        os.mkdir(self.path("tokens"))
        with open(self.path("softhsm2.conf"), "w", encoding="utf-8") as file:
            file.write("directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n".format(
                self.path("tokens")))
        self.environment = {"SOFTHSM2_CONF": self.path("softhsm2.conf"), "PKCS11_PROVIDER_MODULE": MODULE}
        self.tool("softhsm2-util", "--init-token", "--free", "--label", "approver", "--pin", PIN, "--so-pin", "5678")
        self.put("bob", "01", "ecparam", "-name", "prime256v1", "-genkey", "-noout")
        self.daemon = FakeDaemon(self, lambda _, target, __: http(grant("approved" if "approve" in target else "waiting")))

    def tool(self, *command):
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False,
                              env={**os.environ, **self.environment})
        self.assertEqual(done.returncode, 0, (command, done.stderr))
        return done.stdout

    def put(self, label, number, *make):
        """A key that openssl makes, into the token; the public half stays beside it."""
        key = self.path(label + ".key")
        self.tool("openssl", *make, "-out", key)
        self.tool("openssl", "pkcs8", "-topk8", "-nocrypt", "-in", key, "-out", key + ".p8")
        self.tool("openssl", "pkey", "-in", key, "-pubout", "-out", self.path(label + ".pub"))
        self.tool("softhsm2-util", "--import", key + ".p8", "--token", "approver", "--label", label, "--id", number,
                  "--pin", PIN)
        os.unlink(key)
        os.unlink(key + ".p8")

    def sign(self, uri, *words, **environment):
        return run(*words, "grants", "sign", ID, "--key", uri, "--yes", DSMIL_SOCKET=self.daemon.socket,
                   **{**self.environment, **environment})

    def refused(self, uri, code, exit_code, *texts, **environment):
        """A plain error that says what is wrong, shows no PIN, and sent nothing."""
        result = self.sign(uri, **environment)
        self.assert_text_error(result, exit_code)
        self.assertNotIn("pin-value=" + PIN, result.err)
        error = self.sign(uri, "--json", **environment).json()["error"]
        self.assertEqual(error["code"], code, error)
        for text in texts:
            self.assertIn(text, json.dumps(error))
        self.assertNotIn("/v1/grants/approve", [target for _, target, _ in self.daemon.requests])

    def verify(self):
        """With the public half, and without the token."""
        with open(self.path("signature"), "wb") as file:
            file.write(base64.b64decode(json.loads(self.daemon.requests[-1][2])["signature"]))
        with open(self.path("message"), "wb") as file:
            file.write(message())
        self.tool("openssl", "dgst", "-sha256", "-verify", self.path("bob.pub"), "-signature", self.path("signature"),
                  self.path("message"))

    def test_the_key_in_the_token_signs_and_openssl_verifies(self):
        result = self.sign("pkcs11:token=approver;object=bob;type=private?pin-value=" + PIN)
        self.assertEqual(result.code, 0, result.err)
        self.verify()

    def test_the_pin_may_come_from_a_file(self):
        with open(self.path("pin"), "w", encoding="utf-8") as file:
            file.write(PIN)
        result = self.sign("pkcs11:token=approver;object=bob;type=private?pin-source=file:" + self.path("pin"))
        self.assertEqual(result.code, 0, result.err)
        self.verify()

    def test_a_wrong_pin_is_said(self):
        self.refused("pkcs11:token=approver;object=bob;type=private?pin-value=9999", "usage", 2, "PIN")
        # One try each: the token is not locked.
        self.assertEqual(self.sign("pkcs11:token=approver;object=bob;type=private?pin-value=" + PIN).code, 0)

    def test_without_a_terminal_nobody_is_asked_for_the_pin(self):
        self.refused("pkcs11:token=approver;object=bob;type=private", "usage", 2, "PIN")

    def test_a_token_or_a_key_that_is_not_there_is_said(self):
        for uri in ("pkcs11:token=nobody;object=bob;type=private?pin-value=" + PIN,
                    "pkcs11:token=approver;object=alice;type=private?pin-value=" + PIN):
            with self.subTest(uri):
                self.refused(uri, "usage", 2, "no private key")

    def test_a_key_of_another_kind_is_said(self):
        self.put("wide", "02", "ecparam", "-name", "secp384r1", "-genkey", "-noout")
        self.put("rsa", "03", "genpkey", "-algorithm", "RSA")
        for label in ("wide", "rsa"):
            with self.subTest(label):
                self.refused("pkcs11:token=approver;object={};type=private?pin-value={}".format(label, PIN), "usage", 2,
                             "not of P-256")

    def test_a_module_that_is_not_there_is_said(self):
        self.refused("pkcs11:token=approver;object=bob?pin-value=" + PIN, "failed", 1, "PKCS11_PROVIDER_MODULE",
                     PKCS11_PROVIDER_MODULE="/nonexistent/module.so")

    def test_without_the_provider_it_says_what_to_install(self):
        self.refused("pkcs11:token=approver;object=bob?pin-value=" + PIN, "failed", 1, "install pkcs11-provider",
                     OPENSSL_MODULES="/nonexistent")


def load_tests(loader, _tests, _pattern):
    """Only the tests of this file: those that Grants brings run elsewhere."""
    return unittest.TestSuite(Token(name) for name in loader.getTestCaseNames(Token) if name in Token.__dict__)


if __name__ == "__main__":
    unittest.main()
