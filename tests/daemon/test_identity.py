# SPDX-License-Identifier: Apache-2.0
"""Who the TPM is, from the daemon to the files: swtpm_setup is its maker, tpm2-tools and openssl
read, load and verify, and an enroller's credential goes there and back."""
import base64
import copy
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import unittest

from maker import Maker
from support import TIMEOUT_S, TestCase, cli

SECRET = bytes(range(1, 25))
EKS = ("ecc-p384", "rsa-2048")


def content_of(path):
    with open(path, "rb") as file:
        return file.read()


class WithMaker(TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.mkdtemp(prefix="maker-")
        cls.addClassCleanup(shutil.rmtree, cls.shared)
        cls.maker = Maker(cls.shared)

    def setUp(self):
        super().setUp()
        self.folder = self.directory  # where FakeDaemon has its socket
        self.tpm = self.maker.tpm(self.directory)
        self.addCleanup(self.tpm.stop)

    def start(self, **keys):
        self.daemon = self.dsmild(**{"tpm.tcti": self.tpm.tcti, **keys})
        return self.daemon

    def ctl(self, *arguments):
        return cli.run(*arguments, DSMIL_SOCKET=self.daemon.socket)

    def file(self, *names):
        return os.path.join(self.directory, *names)

    def show(self):
        """`identity show --out me`; the document."""
        return self.ctl("--json", "identity", "show", "--out", self.file("me")).json()

    def tool(self, *command):
        """tpm2-tools or openssl in the test's folder; the TPM is theirs alone, so the daemon must not have it."""
        done = subprocess.run([str(word) for word in command], cwd=self.directory, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=TIMEOUT_S, check=False,
                              env={**os.environ, "TPM2TOOLS_TCTI": self.tpm.tcti, "TSS2_LOG": "all+none"})
        assert done.returncode == 0, (command, done.stderr.decode())
        return done.stdout

    def credential(self, ek, name="attestation-key"):
        """By tpm2_makecredential in software, for an EK and a key of `me`."""
        path = self.file("credential-" + ek)
        self.tool("tpm2_makecredential", "-T", "none", "-u", self.file("me", "ek-{}.pub".format(ek)), "-s",
                  self.path("secret", SECRET), "-n", content_of(self.file("me", name + ".name")).hex(), "-o", path)
        return path

    def records(self):
        return [record for record in self.daemon.get("/v1/ledger/records?limit=100")["records"]
                if record["action"] == "credential_activated"]


class Show(WithMaker):
    def setUp(self):
        super().setUp()
        self.start()

    def test_the_maker_vouches_for_each_key_and_openssl_reads_his_certificates(self):
        document = self.show()
        self.assertEqual([ek["type"] for ek in document["ek"]], list(EKS))
        for ek in EKS:
            der = self.file("me", "ek-{}.der".format(ek))
            text = self.tool("openssl", "x509", "-inform", "DER", "-in", der, "-noout", "-text").decode()
            self.assertIn("Endorsement Key Certificate", text)
            roots = self.file("roots")
            os.makedirs(roots, exist_ok=True)
            for path in (self.maker.root, self.maker.issuer):
                shutil.copy(path, roots)
            held = cli.run("--json", "verify", "ek-cert", der, "--roots", roots, "--ek",
                           self.file("me", "ek-{}.pub".format(ek))).json()
            self.assertEqual((held["model"], held["key_compared"]), ("swtpm", True))

    def test_tpm2_tools_read_and_load_what_was_written(self):
        self.show()
        self.daemon.stop()
        for key in ("attestation-key", "checkpoint-key", "grant-key"):
            loaded = self.file(key + ".ctx")
            self.tool("tpm2_loadexternal", "-C", "n", "-u", self.file("me", key + ".pub"), "-c", loaded, "-n",
                      self.file(key + ".tool-name"))
            self.tool("tpm2_flushcontext", "-t")
            self.assertEqual(content_of(self.file(key + ".tool-name")), content_of(self.file("me", key + ".name")))
        for ek, words in (("ecc-p384", b"value: NIST p384"), ("rsa-2048", b"bits: 2048")):
            self.assertIn(words, self.tool("tpm2_print", "-t", "TPM2B_PUBLIC", self.file("me", "ek-{}.pub".format(ek))))
        for key in ("checkpoint-key", "grant-key"):
            with self.subTest(key):
                text = self.tool("tpm2_print", "-t", "TPMS_ATTEST", self.file("me", key + ".attest")).decode()
                self.assertIn("type: 8017", text)
                self.assertIn(content_of(self.file("me", key + ".name")).hex(), text)
                self.tool("tpm2_verifysignature", "-c", self.file("attestation-key.ctx"), "-g", "sha256", "-m",
                          self.file("me", key + ".attest"), "-s", self.file("me", key + ".sig"))
                self.tool("tpm2_flushcontext", "-t")

    def test_the_keys_are_those_that_persist_in_the_tpm(self):
        self.show()
        self.daemon.stop()
        for handle, name in ((0x81010001, "ek-rsa-2048"), (0x81010016, "ek-ecc-p384"), (0x8100D501, "attestation-key"),
                             (0x8100D502, "checkpoint-key"), (0x8100D503, "grant-key")):
            with self.subTest(name):
                self.tool("tpm2_readpublic", "-c", hex(handle), "-o", self.file("read"))
                self.assertEqual(content_of(self.file("read")), content_of(self.file("me", name + ".pub")))

    def test_a_key_that_was_made_later_is_certified_too_and_the_rest_is_asked_once(self):
        first = self.show()
        counts = {c["command"]: c["count"] for c in self.daemon.get("/v1/tpm")["commands"]}
        status, made = self.daemon.request("POST", "/v1/device/provision", {"device": "0x8005", "nonce": "00" * 8})
        self.assertEqual(status, 200, made)
        second = self.ctl("--json", "identity", "show").json()
        self.assertEqual([key["purpose"] for key in second["keys"]], ["checkpoint-key", "grant-key", "device-8005-key"])
        self.assertEqual(second["keys"][2]["name"], made["name"])
        self.assertEqual(second["ek"], first["ek"])
        after = {c["command"]: c["count"] for c in self.daemon.get("/v1/tpm")["commands"]}
        self.assertEqual(after["Certify"], counts["Certify"] + 2)  # provision's, and the new one's
        self.assertEqual(after["NV_Read"], counts["NV_Read"])

    def test_as_text_it_names_makers_and_keys(self):
        result = self.ctl("identity", "show")
        self.assertEqual(result.code, 0, result.err)
        self.assertRegex(result.out, r"ek ecc-p384 +000c[0-9a-f]{96}\n")
        self.assertRegex(result.out, r"certificate [0-9a-f]+ by .*swtpm-localca.*, until 9999-")
        self.assertIn("certified by the attestation key", result.out)

    def test_an_answer_that_lies_is_exit_7_and_nothing_is_written(self):
        good = self.daemon.get("/v1/identity")

        def changed(change):
            document = copy.deepcopy(good)
            change(document)
            return document

        other = base64.b64encode(content_of(self.maker.state + "/tpm2-00.permall")[:64]).decode()
        for name, change in (
                ("a name of another key", lambda d: d["ak"].update(name=d["keys"][0]["name"])),
                ("a key that is no attestation key", lambda d: d.update(ak={k: d["keys"][0][k] for k in ("public", "name")})),
                ("no attestation key", lambda d: d.pop("ak")),
                ("an EK's certificate for another EK", lambda d: d["ek"][0].update(certificate=d["ek"][1]["certificate"])),
                ("a certificate that is none", lambda d: d["ek"][0].update(certificate=other)),
                ("a chain that is none", lambda d: d["ek"][0].update(chain=[other])),
                ("a type that nobody knows", lambda d: d["ek"][0].update(type="../../x")),
                ("two of one type", lambda d: d["ek"].append(d["ek"][0])),
                ("another key's certificate", lambda d: d["keys"][0].update(certificate=d["keys"][1]["certificate"])),
                ("a certificate that was changed", lambda d: d["keys"][0]["certificate"].update(
                    attest=base64.b64encode(base64.b64decode(d["keys"][0]["certificate"]["attest"])[:-1] + b"x").decode())),
                ("a signature of another", lambda d: d["keys"][0]["certificate"].update(
                    signature=d["keys"][1]["certificate"]["signature"])),
                ("a purpose that is a path", lambda d: d["keys"][0].update(purpose="../../tmp/x")),
                ("a purpose that is an option", lambda d: d["keys"][0].update(purpose="-x")),
                ("keys that are none", lambda d: d.update(keys=[7])),
                ("base64 that is none", lambda d: d["ak"].update(public="%"))):
            with self.subTest(name):
                fake = cli.FakeDaemon(self, lambda *_, d=changed(change): cli.http(d))
                result = cli.run("--json", "identity", "show", "--out", self.file("lie"), DSMIL_SOCKET=fake.socket)
                self.assertEqual((result.code, result.json()["error"]["code"]), (7, "attestation_failed"), result.out)
                self.assertFalse(os.path.exists(self.file("lie")))

    def test_older_files_are_never_replaced(self):
        self.show()
        before = content_of(self.file("me", "attestation-key.pub"))
        result = self.ctl("identity", "show", "--out", self.file("me"))
        self.assertEqual(result.code, 6, result.err)
        self.assertEqual(content_of(self.file("me", "attestation-key.pub")), before)


class Chain(WithMaker):
    def test_the_chain_that_the_maker_left_is_shown_certificate_by_certificate(self):
        der = [self.tool("openssl", "x509", "-in", path, "-outform", "DER")
               for path in (self.maker.issuer, self.maker.root)]
        # One behind the other over two indices, and padding behind the last.
        both = b"".join(der) + b"\xff" * 40
        for index, part in (("0x01C00100", both[:1000]), ("0x01C00101", both[1000:])):
            self.tool("tpm2_nvdefine", "-C", "o", "-s", len(part), "-a", "ownerwrite|ownerread|authread|no_da", index)
            self.tool("tpm2_nvwrite", "-C", "o", "-i", self.path("part", part), index)
        self.start()
        document = self.show()
        for ek in document["ek"]:
            self.assertEqual([base64.b64decode(above) for above in ek["chain"]], der)
        # The administrator need only choose the root.
        os.mkdir(self.file("roots"))
        shutil.copy(self.maker.root, self.file("roots"))
        words = ["verify", "ek-cert", self.file("me", "ek-rsa-2048.der"), "--roots", self.file("roots")]
        self.assertEqual(cli.run(*words).code, 7)
        held = cli.run("--json", *words, "--chain", self.file("me", "chain.pem")).json()
        self.assertEqual(held["root"]["file"], self.file("roots", os.path.basename(self.maker.root)))
        self.assertEqual(held["root"]["sha256"], hashlib.sha256(der[1]).hexdigest())


class Activate(WithMaker):
    def setUp(self):
        super().setUp()
        self.start()
        self.show()

    def test_what_tpm2_makecredential_made_is_opened_whatever_the_endorsement_key(self):
        for ek in EKS:
            with self.subTest(ek):
                document = self.ctl("--json", "identity", "activate", self.credential(ek)).json()
                self.assertEqual((document["ek"], document["secret"]), (ek, SECRET.hex()))

    def test_what_we_made_is_opened_by_us_and_by_tpm2_activatecredential(self):
        made = self.file("ours")
        self.assertEqual(cli.run("verify", "credential", "--ek", self.file("me", "ek-rsa-2048.pub"), "--ak",
                                 self.file("me", "attestation-key.pub"), "--secret", self.path("secret", SECRET), "--out",
                                 made).code, 0)
        result = self.ctl("identity", "activate", made, "--out", self.file("opened"))
        self.assertEqual(result.code, 0, result.err)
        self.assertEqual(content_of(self.file("opened")), SECRET)
        self.daemon.stop()
        self.tool("tpm2_startauthsession", "--policy-session", "-S", "session.ctx")
        self.tool("tpm2_policysecret", "-S", "session.ctx", "-c", "e")
        self.tool("tpm2_activatecredential", "-c", "0x8100D501", "-C", "0x81010001", "-i", made, "-o", "opened-too", "-P",
                  "session:session.ctx")
        self.assertEqual(content_of(self.file("opened-too")), SECRET)

    def test_it_is_in_the_ledger_and_the_secret_is_not(self):
        path = self.credential("ecc-p384")
        self.assertEqual(self.ctl("identity", "activate", path).code, 0)
        record = self.records()[-1]
        self.assertEqual((record["outcome"], record["values"]["ek"]), ("ok", "ecc-p384"))
        self.assertEqual(record["actor"]["uid"], os.getuid())
        self.assertIn("credential_sha256", record["values"])
        self.daemon.stop()
        ledger = sqlite3.connect(self.daemon.ledger)
        bodies = [row[0] for row in ledger.execute("SELECT body FROM records")]
        ledger.close()
        self.assertTrue(bodies)
        for body in bodies:
            self.assertNotIn(SECRET, body)
        self.assertNotIn(base64.b64encode(SECRET).decode(), json.dumps(self.daemon.log))

    def test_a_credential_for_another_key_is_refused_and_recorded(self):
        for ek in EKS:
            with self.subTest(ek):
                result = self.ctl("--json", "identity", "activate", self.credential(ek, "grant-key"))
                self.assertEqual((result.code, result.json()["error"]["code"]), (7, "attestation_failed"), result.out)
                self.assertEqual(self.records()[-1]["outcome"], "failed")
        # The TPM takes the right one as before.
        self.assertEqual(self.ctl("identity", "activate", self.credential("ecc-p384")).code, 0)

    def test_a_credential_for_another_endorsement_key_is_refused(self):
        result = self.ctl("--json", "identity", "activate", self.credential("ecc-p384"), "--ek", "rsa-2048")
        self.assertEqual((result.code, result.json()["error"]["code"]), (7, "attestation_failed"), result.out)

    def test_each_bit_of_a_credential_counts(self):
        path = self.credential("rsa-2048")
        good = content_of(path)
        for at in (10, 20, 44, 60, len(good) - 1):
            changed = bytearray(good)
            changed[at] ^= 0x04
            with self.subTest(at):
                result = self.ctl("identity", "activate", self.path("changed", bytes(changed)), "--out", self.file("none"))
                self.assertIn(result.code, (1, 2, 7), result.err)
                self.assertFalse(os.path.exists(self.file("none")))
        counter = self.daemon.get("/v1/tpm")["tpm"]["lockout"]["counter"]
        self.assertEqual(counter, 0)

    def test_what_is_no_credential_is_not_sent(self):
        before = len(self.records())
        good = content_of(self.credential("rsa-2048"))
        for name, content in (("empty", b""), ("short", good[:9]), ("cut", good[:-1]), ("longer", good + b"x"),
                              ("another magic", b"\0" + good[1:]), ("another version", good[:7] + b"\2" + good[8:])):
            with self.subTest(name):
                result = self.ctl("--json", "identity", "activate", self.path("bad", content))
                self.assertEqual((result.code, result.json()["error"]["code"]), (1, "malformed"), result.out)
        self.assertEqual(self.ctl("identity", "activate", self.file("nowhere")).code, 3)
        self.assertEqual(self.ctl("identity", "activate", self.credential("rsa-2048"), "--ek", "x").code, 2)
        self.assertEqual(len(self.records()), before)

    def test_a_request_that_makes_no_sense_is_a_usage_error(self):
        right = {"ek": "rsa-2048", "credential": "AAIBAg==", "secret": "AAIBAg=="}
        for change in ({"ek": "rsa"}, {"ek": 7}, {"credential": "AAMBAg=="}, {"secret": ""}, {"secret": "%"}, {"more": 1},
                       {"credential": base64.b64encode(b"\x10\0" + bytes(4096)).decode()}):
            with self.subTest(change):
                status, answer = self.daemon.request("POST", "/v1/identity/activate", {**right, **change})
                self.assertEqual((status, answer["error"]["code"]), (400, "usage"), answer)


class Outsiders(WithMaker):
    """Other programs use the keys that lie in the TPM, and we believe what they make with them."""

    def setUp(self):
        super().setUp()
        self.start()
        self.show()
        self.daemon.stop()
        self.message = self.path("message", b"what is signed")

    def pem(self, key):
        self.tool("tpm2_readpublic", "-c", key, "-f", "pem", "-o", self.file("key.pem"))
        return self.file("key.pem")

    def test_openssl_with_its_tpm2_provider_signs_with_our_key_and_openssl_without_it_verifies(self):
        providers = ["-provider", "tpm2", "-provider", "default", "-propquery", "?provider=tpm2"]
        os.environ["TPM2OPENSSL_TCTI"] = self.tpm.tcti
        self.addCleanup(os.environ.pop, "TPM2OPENSSL_TCTI")
        for handle, name in (("0x8100D502", "checkpoint-key"), ("0x8100D503", "grant-key")):
            with self.subTest(name):
                self.tool("openssl", "pkeyutl", *providers, "-inkey", "handle:" + handle, "-sign", "-rawin", "-digest",
                          "sha256", "-in", self.message, "-out", self.file("signature"))
                self.tool("openssl", "pkey", *providers, "-in", "handle:" + handle, "-pubout", "-out", self.file("theirs.pem"))
                self.assertEqual(content_of(self.file("theirs.pem")), content_of(self.pem(handle)))
                self.tool("openssl", "dgst", "-sha256", "-verify", self.file("theirs.pem"), "-signature",
                          self.file("signature"), self.message)

    def test_the_restricted_key_signs_for_nobody_what_the_tpm_did_not_make(self):
        self.tool("tpm2_sign", "-c", "0x8100D502", "-g", "sha256", "-f", "plain", "-o", self.file("good"), self.message)
        with self.assertRaises(AssertionError):
            self.tool("tpm2_sign", "-c", "0x8100D501", "-g", "sha256", "-f", "plain", "-o", self.file("bad"), "-d",
                      self.path("digest", hashlib.sha256(b"x").digest()))

    def test_a_quote_that_tpm2_tools_make_with_our_key_holds(self):
        self.tool("tpm2_quote", "-c", "0x8100D501", "-l", "sha256:0,7", "-q", "00112233", "-m", self.file("q.msg"), "-s",
                  self.file("q.sig"), "-o", self.file("q.pcrs"))
        held = cli.run("verify", "quote", "--message", self.file("q.msg"), "--signature", self.file("q.sig"), "--pcrs",
                       self.file("q.pcrs"), "--ak", self.file("me", "attestation-key.pub"), "--nonce", "00112233", "--select",
                       "0,7")
        self.assertEqual(held.code, 0, held.err)

    def test_what_tpm2_certify_says_with_our_key_is_what_we_say(self):
        self.tool("tpm2_certify", "-C", "0x8100D501", "-c", "0x8100D502", "-g", "sha256", "-o", self.file("theirs.attest"), "-s",
                  self.file("theirs.sig"))
        printed = [self.tool("tpm2_print", "-t", "TPMS_ATTEST", path).decode().split("attested:")[1]
                   for path in (self.file("theirs.attest"), self.file("me", "checkpoint-key.attest"))]
        self.assertEqual(printed[0], printed[1])

    def test_a_child_that_tpm2_tools_made_under_the_storage_root_lives_beside_ours(self):
        self.tool("tpm2_create", "-C", "0x81000001", "-i", self.path("sealed", SECRET), "-u", "seal.pub", "-r", "seal.priv")
        self.daemon.start()
        self.assertEqual(self.daemon.request("POST", "/v1/attest", {"nonce": "00" * 8})[0], 200)
        self.daemon.stop()
        self.tool("tpm2_load", "-C", "0x81000001", "-u", "seal.pub", "-r", "seal.priv", "-c", "seal.ctx")
        self.assertEqual(self.tool("tpm2_unseal", "-c", "seal.ctx"), SECRET)


class Origin(WithMaker):
    """Who says that the storage root is the TPM's: in the answer, the text, doctor and the ledger."""

    def roots(self, *paths):
        folder = self.file("roots")
        os.makedirs(folder, exist_ok=True)
        for path in paths:
            shutil.copy(path, folder)
        return [folder]

    def pinned(self):
        return [record for record in self.daemon.get("/v1/ledger/records?limit=100")["records"]
                if record["action"] in ("tpm_pinned", "tpm_certified")]

    def test_a_tpm_whose_maker_is_believed_is_certified_from_the_first_start(self):
        self.start(**{"tpm.roots": self.roots(self.maker.root, self.maker.issuer), "tpm.require_certificate": True})
        document = self.ctl("--json", "tpm", "status").json()
        origin = document["storage_root"]
        self.assertTrue(origin["certified"], origin)
        self.assertEqual(origin["ek"], "ecc-p384")
        der = self.tool("openssl", "x509", "-in", self.maker.root, "-outform", "DER")
        self.assertEqual(origin["maker_sha256"], hashlib.sha256(der).hexdigest())
        self.show()
        self.assertEqual(origin["ek_certificate_sha256"],
                         hashlib.sha256(content_of(self.file("me", "ek-ecc-p384.der"))).hexdigest())
        self.assertRegex(self.ctl("tpm", "status").out, r"origin +certified by .*swtpm-localca-rootca")
        (record,) = self.pinned()
        self.assertEqual((record["action"], record["outcome"], record["context"]["certified"]), ("tpm_pinned", "noticed", "yes"))
        check = [check for check in self.ctl("--json", "doctor").json()["checks"] if check["name"] == "tpm-origin"]
        self.assertEqual(check[0]["state"], "ok")
        # It stays so, without another look.
        self.daemon.stop()
        self.daemon.start()
        self.assertTrue(self.ctl("--json", "tpm", "status").json()["storage_root"]["certified"])

    def test_without_a_root_it_is_shown_as_not_certified_with_the_remedy_until_one_is_added(self):
        folders = self.roots()
        self.start(**{"tpm.roots": folders})
        origin = self.ctl("--json", "tpm", "status").json()["storage_root"]
        self.assertFalse(origin["certified"])
        self.assertIn("no root certificate", origin["reason"])
        text = self.ctl("tpm", "status").out
        self.assertIn("NOT CERTIFIED", text)
        self.assertIn("dsmilctl tpm certify", text)
        check = [check for check in self.ctl("--json", "doctor").json()["checks"] if check["name"] == "tpm-origin"]
        self.assertEqual(check[0]["state"], "warn")
        self.assertIn("tpm certify", check[0]["remedy"])
        self.assertEqual([record["context"]["certified"] for record in self.pinned()], ["no"])
        refused = self.ctl("--json", "tpm", "certify")
        self.assertEqual((refused.code, refused.json()["error"]["code"]), (3, "not_found"), refused.out)
        self.roots(self.maker.root)  # but not what lies between
        refused = self.ctl("--json", "tpm", "certify")
        self.assertEqual((refused.code, refused.json()["error"]["code"]), (7, "certificate_refused"), refused.out)
        self.roots(self.maker.issuer)
        self.assertTrue(self.ctl("--json", "tpm", "certify").json()["certified"])
        self.assertTrue(self.ctl("--json", "tpm", "status").json()["storage_root"]["certified"])
        self.assertEqual([record["action"] for record in self.pinned()], ["tpm_pinned", "tpm_certified"])
        actors = [record["outcome"] for record in self.daemon.get("/v1/ledger/records?limit=100")["records"]
                  if record["action"] == "tpm_certify"]
        self.assertEqual(actors, ["failed", "failed", "ok"])

    def test_where_a_certificate_is_required_a_tpm_without_one_is_not_used(self):
        self.start(**{"tpm.roots": self.roots(), "tpm.require_certificate": True})
        result = self.ctl("--json", "tpm", "status")
        self.assertEqual(result.code, 5)
        self.assertIn("not certified", result.json()["trouble"])
        self.assertFalse(os.path.exists(os.path.join(self.daemon.state, "srk.name")))


class WithoutMaker(TestCase):
    def test_a_tpm_without_certificates_shows_one_key_and_says_so(self):
        tpm = self.swtpm()
        daemon = self.dsmild(**{"tpm.tcti": tpm.tcti})
        document = cli.run("--json", "identity", "show", DSMIL_SOCKET=daemon.socket).json()
        self.assertEqual([(ek["type"], ek["certificate"], ek["chain"]) for ek in document["ek"]], [("ecc-p256", None, [])])
        text = cli.run("identity", "show", DSMIL_SOCKET=daemon.socket)
        self.assertIn("its maker left no certificate", text.out)

    def test_without_a_tpm_there_is_no_identity(self):
        daemon = self.dsmild()
        result = cli.run("--json", "identity", "show", DSMIL_SOCKET=daemon.socket)
        self.assertEqual(result.code, 5, result.out)
        self.assertEqual(result.json()["error"]["code"], "tpm_missing")


if __name__ == "__main__":
    unittest.main()
