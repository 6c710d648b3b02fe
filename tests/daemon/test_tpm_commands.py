# SPDX-License-Identifier: Apache-2.0
"""dsmilctl on the TPM and on devices' keys through a real dsmild; tpm2-tools and openssl judge."""
import hashlib
import json
import os
import sqlite3
import subprocess

import jsonschema

from support import BUILD, DSMILD, SOURCE, TIMEOUT_S, Dsmild, Swtpm, TestCase, cli

DSMILCTL = os.path.join(BUILD, "tools/dsmilctl/dsmilctl")
DATA, COUNTER, EXTEND = "0x01801000", "0x01801001", "0x01801002"


def run(*command, **more):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S, check=False, **more)


class TpmCommands(TestCase):
    def setUp(self):
        super().setUp()
        self.folder = self.directory  # where FakeDaemon has its socket
        self.tpm = self.swtpm()
        self.daemon = self.dsmild(**{"tpm.tcti": self.tpm.tcti})
        self.daemon.request("POST", "/v1/attest", {"nonce": "00112233445566778899"})  # waits for the TPM

    def ctl(self, *arguments, code=0):
        done = run(DSMILCTL, "--socket", self.daemon.socket, *arguments)
        self.assertEqual(done.returncode, code, (arguments, done.stdout, done.stderr))
        return done.stdout.decode()

    def json(self, *arguments):
        """The document, valid against the schema that it names."""
        document = json.loads(self.ctl("--json", *arguments))
        name = document["schema"].removeprefix("dsmil.").split("/")[0]
        with open(os.path.join(SOURCE, "tools/dsmilctl/schemas", name + ".json"), encoding="utf-8") as file:
            jsonschema.Draft202012Validator(json.load(file)).validate(document)
        return document

    def place(self, name):
        return os.path.join(self.directory, name)

    def judge(self, *command):
        """tpm2-tools, when the daemon has left the TPM: swtpm has one connection at a time."""
        if self.daemon.process.poll() is None:
            self.assertEqual(self.daemon.stop(), 0)
        done = run(command[0], "-T", self.tpm.tcti, *command[1:])
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_random_bytes(self):
        self.assertEqual(len(self.ctl("tpm", "random", "40").strip()), 80)
        self.assertNotEqual(self.json("tpm", "random", "8")["bytes"], self.json("tpm", "random", "8")["bytes"])
        self.ctl("tpm", "random", "0", code=2)
        self.ctl("tpm", "random", "1025", code=2)

    def test_a_pcr_is_extended_as_tpm2_pcrread_sees_it(self):
        digest = hashlib.sha256(b"app.conf").digest()
        expected = hashlib.sha256(bytes(32) + digest).hexdigest()
        self.assertEqual(self.ctl("tpm", "extend", "23", digest.hex()).split(), ["23", hashlib.sha256(
            bytes(32) + digest).hexdigest()])
        self.assertEqual(self.json("tpm", "pcrs", "23,7")["pcrs"]["23"], expected)
        self.assertEqual(len(self.ctl("tpm", "pcrs").splitlines()), 24)
        self.assertIn("tpm.extend_pcrs", run(DSMILCTL, "--socket", self.daemon.socket, "tpm", "extend", "7",
                                             digest.hex()).stderr.decode())
        self.ctl("tpm", "extend", "7", digest.hex(), code=4)
        self.ctl("tpm", "extend", "23", "00", code=2)
        records = self.daemon.get("/v1/ledger/records")["records"]
        self.assertEqual([record["values"]["pcr"] for record in records if record["action"] == "pcr_extend"], [23])
        self.assertIn(expected.upper().encode(), self.judge("tpm2_pcrread", "sha256:23"))

    def test_what_is_in_the_memory_is_what_tpm2_nvread_reads(self):
        secret = self.path("secret", b"sesame")
        self.ctl("tpm", "nv-define", DATA, "--size", "6")
        self.ctl("tpm", "nv-define", DATA, "--size", "6", code=6)
        self.assertEqual(self.ctl("tpm", "nv-read", DATA), "never written\n")
        self.assertEqual(self.json("tpm", "nv-write", DATA, self.path("data", b"golden"))["data"], b"golden".hex())
        self.ctl("tpm", "nv-write", DATA, self.path("more", b"goldens"), code=2)
        self.ctl("tpm", "nv-define", COUNTER, "--kind", "counter", "--secret", secret)
        first = int(self.ctl("tpm", "nv-increment", COUNTER, "--secret", secret))
        self.assertEqual(int(self.ctl("tpm", "nv-increment", COUNTER, "--secret", secret)), first + 1)
        self.ctl("tpm", "nv-increment", COUNTER, code=4)
        self.ctl("tpm", "nv-increment", DATA, code=6)
        self.ctl("tpm", "nv-define", EXTEND, "--kind", "extend")
        self.assertEqual(self.ctl("tpm", "nv-extend", EXTEND, "00ff").strip(),
                         hashlib.sha256(bytes(32) + b"\x00\xff").hexdigest())
        self.ctl("tpm", "nv-undefine", EXTEND)
        self.ctl("tpm", "nv-read", EXTEND, code=3)
        self.ctl("tpm", "nv-define", "0x0180D510", "--kind", "counter", code=4)
        self.ctl("tpm", "nv-read", "0x01C00002", code=4)
        self.assertEqual(self.judge("tpm2_nvread", "-C", DATA, DATA), b"golden")
        self.assertEqual(self.judge("tpm2_nvread", "-C", COUNTER, "-P", "sesame", COUNTER),
                         (first + 1).to_bytes(8, "big"))

    def test_a_sealed_file_opens_in_its_state_or_with_the_recovery_secret(self):
        secret = self.path("disk.key", bytes(range(128)))
        document = self.json("tpm", "seal", secret, self.place("sealed"), "--pcrs", "16")
        self.ctl("tpm", "seal", secret, self.place("sealed"), code=6)
        self.ctl("tpm", "seal", self.path("large", bytes(129)), self.place("none"), code=2)
        self.assertEqual(self.json("tpm", "unseal", self.place("sealed"), self.place("opened"))["bytes"], 128)
        with open(self.place("opened"), "rb") as file:
            self.assertEqual(file.read(), bytes(range(128)))
        self.assertEqual(os.stat(self.place("opened")).st_mode & 0o777, 0o600)
        self.ctl("tpm", "extend", "16", "11" * 32)
        self.ctl("tpm", "unseal", self.place("sealed"), self.place("again"), code=7)
        self.assertFalse(os.path.exists(self.place("again")))
        right, wrong = self.path("right", document["recovery"].encode()), self.path("wrong", b"00" * 32)
        self.ctl("tpm", "unseal", self.place("sealed"), self.place("again"), "--recovery", right)
        self.ctl("tpm", "unseal", self.place("sealed"), self.place("more"), "--recovery", wrong, code=4)

    def test_an_approver_opens_it_after_an_update_with_tpm2_tools_and_openssl_alone(self):
        key, public = self.place("release.key"), self.place("release.pem")
        for command in (["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key],
                        ["pkey", "-in", key, "-pubout", "-out", public]):
            self.assertEqual(run("openssl", *command).returncode, 0)
        self.ctl("tpm", "seal", self.path("disk.key", b"x" * 32), self.place("sealed"), "--pcrs", "16", "--approver", public,
                 "--reference", "0102")
        self.ctl("tpm", "unseal", self.place("sealed"), self.place("early"), code=2)
        self.ctl("tpm", "extend", "16", "22" * 32)
        pcrs = self.path("pcrs", bytes.fromhex(self.json("tpm", "pcrs", "16")["pcrs"]["16"]))
        # The approver's own machine: a policy from the values alone, in a TPM that is not the sealing one.
        elsewhere = os.path.join(self.directory, "elsewhere")
        os.mkdir(elsewhere)
        other = Swtpm(elsewhere)
        self.addCleanup(other.stop)
        made = run("tpm2_createpolicy", "-T", other.tcti, "--policy-pcr", "-l", "sha256:16", "-f", pcrs,
                   "-L", self.place("policy"))
        self.assertEqual(made.returncode, 0, made.stderr)
        with open(self.place("policy"), "rb") as file:
            said = self.path("said", file.read() + b"\x01\x02")
        self.assertEqual(run("openssl", "dgst", "-sha256", "-sign", key, "-out", self.place("sig"), said).returncode, 0)
        self.ctl("tpm", "unseal", self.place("sealed"), self.place("opened"), "--policy", self.place("policy"), "--signature",
                 self.place("sig"))
        with open(self.place("opened"), "rb") as file:
            self.assertEqual(file.read(), b"x" * 32)
        self.ctl("tpm", "unseal", self.place("sealed"), self.place("more"), "--policy", self.place("policy"), code=2)

    def test_an_index_revokes_what_is_sealed_to_it(self):
        self.ctl("tpm", "nv-define", COUNTER, "--kind", "counter")
        now = self.json("tpm", "nv-increment", COUNTER)["data"]
        self.ctl("tpm", "seal", self.path("key", b"k"), self.place("sealed"), "--nv", COUNTER, "--holds", now)
        self.ctl("tpm", "unseal", self.place("sealed"), self.place("opened"))
        self.ctl("tpm", "nv-increment", COUNTER)
        self.ctl("tpm", "unseal", self.place("sealed"), self.place("late"), code=7)

    def test_a_secret_that_was_sent_is_in_the_memory_of_the_daemon_no_more(self):
        secret = os.urandom(32).hex()
        status, error = self.daemon.request("POST", "/v1/device/unseal",
                                            {"device": "0x8005", "recovery": secret, "sealed": {"version": 1}})
        self.assertEqual((status, error["error"]["code"]), (400, "usage"))
        self.daemon.get("/v1/health")  # another connection: the first is over
        seen = 0
        with open("/proc/{}/maps".format(self.daemon.process.pid), encoding="ascii") as maps, \
                open("/proc/{}/mem".format(self.daemon.process.pid), "rb") as memory:
            for line in maps:
                place, rights, *_, = line.split()
                first, last = (int(number, 16) for number in place.split("-"))
                if rights.startswith("rw"):
                    memory.seek(first)
                    content = memory.read(last - first)
                    seen += content.count(secret.encode()) + content.count(bytes.fromhex(secret))
        self.assertEqual(seen, 0)

    def test_openssl_verifies_what_happened_to_a_device(self):
        pem = self.path("8005.pem", self.ctl("device", "provision", "0x8005").encode())
        document = self.json("device", "sign-event", "0x8005", str(self.daemon.get("/v1/ledger/head")["size"] - 1),
                             self.place("event"))
        self.assertIn("\naction device_provision\n", document["message"])
        verify = ["openssl", "dgst", "-sha256", "-verify", pem, "-signature", self.place("event.sig"), self.place("event")]
        self.assertEqual(run(*verify).returncode, 0)
        with open(self.place("event"), "ab") as file:
            file.write(b" ")
        self.assertNotEqual(run(*verify).returncode, 0)
        self.ctl("device", "sign-event", "0x8005", "0", self.place("other"), code=6)  # "started": of no device
        self.ctl("device", "sign-event", "0x8005", "99999", self.place("other"), code=3)
        self.ctl("device", "sign-event", "0x8006", str(document["record"]), self.place("other"), code=6)
        self.assertEqual([name for name in os.listdir(self.directory) if name.startswith("other")], [])

    def test_a_devices_key_is_certified_for_the_nonce_and_tpm2_tools_verify_it(self):
        nonce, place = "00112233445566778899", self.place("key")
        document = self.json("device", "provision", "0x8005", "--nonce", nonce, "--out", place)
        self.assertTrue(document["made"])
        self.assertEqual(sorted(os.listdir(place)), sorted(
            ["key.pem", "key.pub", "key.name", "key.attest", "key.sig", "ak.pem", "ak.pub", "nonce"]))
        self.ctl("device", "provision", "0x8005", "--out", place, code=6)  # and nothing is replaced
        self.assertFalse(self.json("device", "provision", "0x8005", "--ak", place + "/ak.pem")["made"])
        self.ctl("device", "provision", "0x8005", "--ak", place + "/key.pem", "--out", self.place("no"), code=7)
        self.assertFalse(os.path.exists(self.place("no")))
        self.ctl("device", "provision", "0x8005", "--ak", self.path("none", b"x"), code=2)
        with open(place + "/key.attest", "rb") as file:
            certificate = file.read()
        self.assertIn(bytes.fromhex(nonce), certificate)
        with open(place + "/key.name", "rb") as file:
            self.assertIn(file.read(), certificate)
        self.judge("tpm2_loadexternal", "-C", "n", "-u", place + "/ak.pub", "-c", self.place("ak.ctx"))
        self.judge("tpm2_flushcontext", "-t")
        self.judge("tpm2_verifysignature", "-c", self.place("ak.ctx"), "-g", "sha256", "-m", place + "/key.attest",
                   "-s", place + "/key.sig")

    def test_a_certificate_that_is_not_for_this_key_is_exit_7_and_nothing_is_written(self):
        nonce = "00112233445566778899"
        answers = [self.daemon.request("POST", "/v1/device/provision", {"device": device, "nonce": nonce})[1]
                   for device in ("0x8005", "0x8006")]
        good, other = answers
        identity = self.daemon.get("/v1/identity")
        for name, change in (("another key's", {"attest": other["attest"], "signature": other["signature"]}),
                             ("another signature", {"signature": other["signature"]}),
                             ("another PEM", {"public_pem": other["public_pem"]}),
                             ("another name", {"name": other["name"]}),
                             ("another AK's PEM", {"ak_public_pem": other["public_pem"]}),
                             ("a key that is no attestation key", {
                                 "ak": {key: other[key] for key in ("public", "name")}, "ak_public_pem": other["public_pem"]}),
                             ("no certificate", {"attest": "%"}),
                             ("no attestation key", {"ak": 7}),
                             ("no word on whether it is new", {"made": "yes"})):
            with self.subTest(name):
                fake = cli.FakeDaemon(self, lambda *_, d={**good, **change}: cli.http(d))
                result = cli.run("--json", "device", "provision", "0x8005", "--nonce", nonce, "--out", self.place("lie"),
                                 DSMIL_SOCKET=fake.socket)
                self.assertEqual((result.code, result.json()["error"]["code"]), (7, "attestation_failed"), result.out)
                self.assertFalse(os.path.exists(self.place("lie")))
        fake = cli.FakeDaemon(self, lambda *_: cli.http(good))
        self.assertEqual(cli.run("device", "provision", "0x8005", "--nonce", nonce, DSMIL_SOCKET=fake.socket).code, 0)
        self.assertEqual(cli.run("device", "provision", "0x8005", DSMIL_SOCKET=fake.socket).code, 7)  # another nonce
        self.assertEqual(good["ak"], identity["ak"])

    def test_the_leaf_hash_in_a_signed_event_finds_its_record(self):
        self.ctl("device", "provision", "0x8005")
        number = self.daemon.get("/v1/ledger/head")["size"] - 1
        message = self.json("device", "sign-event", "0x8005", str(number), self.place("event"))["message"]
        self.ctl("audit", "export", self.place("export.db"))
        ledger = sqlite3.connect(self.place("export.db"))
        body = ledger.execute("SELECT body FROM records WHERE seq = ?", (number,)).fetchone()[0]
        ledger.close()
        self.assertIn("\nleaf_sha256 " + hashlib.sha256(b"\0" + body).hexdigest() + "\n", message)


class Responses(TestCase):
    RULES = '[[response]]\nname = "asked"\ndevices = ["0x8005"]\nwhen = ["grant_denied"]\nat_least = 3\n' \
            'do = ["deny_grants", "quarantine", "critical", "sign"]\n'

    def ctl(self, daemon, *arguments, code=0):
        done = run(DSMILCTL, "--socket", daemon.socket, *arguments)
        self.assertEqual(done.returncode, code, (arguments, done.stdout, done.stderr))
        return done.stdout.decode()

    def test_an_intrusion_is_answered_as_the_file_says_and_cleared_by_an_admin(self):
        rules = self.path("responses.toml", self.RULES.encode())
        daemon = self.dsmild(**{"response.rules": rules, "grants.rules": "/nonexistent"})
        shown = json.loads(self.ctl(daemon, "--json", "device", "responses"))
        self.assertEqual((shown["rules"][0]["name"], shown["devices"]), ("asked", []))
        request = {"device": "0x8005", "register": "CONFIG", "value": 1}
        for _ in range(3):
            status, error = daemon.request("POST", "/v1/grants", request)
            self.assertEqual((status, error["error"]["code"]), (403, "grant_denied"))
        for _ in range(TIMEOUT_S):
            records = daemon.get("/v1/ledger/records?limit=1000")["records"]
            done = [record for record in records if record["action"] == "intrusion"]
            if done:
                break
            daemon.get("/v1/ledger/records?wait_ms=1000&after={}".format(len(records)))
        self.assertEqual(done[0]["device_id"], "0x8005")
        self.assertEqual(done[0]["context"]["rule"], "asked")
        self.assertEqual(done[0]["context"]["sign_error"], "tpm_missing")  # There is none here.
        self.assertIn("asked", self.ctl(daemon, "device", "responses", "5"))
        self.assertIn("0x8005: grants denied, quarantine asked", self.ctl(daemon, "device", "responses"))
        self.assertEqual(self.ctl(daemon, "device", "responses", "6"), "")
        _, error = daemon.request("POST", "/v1/grants", request)
        self.assertIn("device clear 0x8005", error["error"]["detail"])
        self.assertEqual(os.listdir(os.path.join(daemon.state, "quarantine.d")), ["8005"])
        daemon.stop()
        daemon.errors.close()
        daemon.start()
        self.assertIn("grants denied", self.ctl(daemon, "device", "responses"))
        self.ctl(daemon, "device", "clear", "0x8006", code=6)
        self.ctl(daemon, "device", "clear", "0x8005")
        self.assertEqual(os.listdir(os.path.join(daemon.state, "quarantine.d")), [])
        self.assertNotIn("\n0x8005: ", "\n" + self.ctl(daemon, "device", "responses"))
        self.assertEqual(daemon.stop(), 0)

    def test_a_file_that_is_wrong_is_named_with_its_line(self):
        rules = self.path("responses.toml", b"[[response]]\nname = 7\n")
        daemon = Dsmild(self.directory, **{"response.rules": rules})
        for arguments in ([], ["--check-config"]):
            ended = run(DSMILD, "--config", daemon.config, *arguments)
            self.assertEqual(ended.returncode, 2)
            self.assertIn(b"responses.toml:2: name", ended.stderr)
