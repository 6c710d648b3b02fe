# SPDX-License-Identifier: Apache-2.0
"""What the TPM remembers of a ledger, from outside: dsmild with swtpm, dsmilctl, tpm2-tools, openssl, and
anchor_reader.py as a second opinion on every verdict."""
import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import unittest

import jsonschema

from support import BUILD, SOURCE, TIMEOUT_S, TestCase

DSMILCTL = os.path.join(BUILD, "tools/dsmilctl/dsmilctl")
READER = os.path.join(SOURCE, "tests/daemon/anchor_reader.py")
NONCE = "00112233445566778899aabbccddeeff"
VALUE, COUNT = "0x180d510", "0x180d511"


def run(*command):
    return subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False)


class Anchored(TestCase):
    def setUp(self):
        super().setUp()
        self.tpm = self.swtpm()
        self.daemon = self.dsmild(**{"tpm.tcti": self.tpm.tcti})
        self.ready()

    def ready(self):
        """Waits for the TPM, and until what it remembers was looked at."""
        status, quote = self.daemon.request("POST", "/v1/attest", {"nonce": NONCE, "pcrs": [0]})
        self.assertEqual(status, 200, quote)
        self.await_state(lambda anchors: anchors["state"] != "waiting")
        return quote

    def await_state(self, holds):
        for _ in range(TIMEOUT_S * 10):
            anchors = self.daemon.get("/v1/ledger")["anchors"]
            if holds(anchors):
                return anchors
            self.daemon.get("/v1/ledger/records?after=1000000&wait_ms=100")  # the long poll is the clock
        self.fail(anchors)

    def restart(self, how=signal.SIGTERM):
        self.daemon.stop(how)
        self.daemon.errors.close()
        self.daemon.start()

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

    def evidence(self, nonce=NONCE, name="evidence.json"):
        return self.path(name, self.ctl("audit", "evidence", "--nonce", nonce).encode())

    def keys(self):
        """The files of the verifier's keys."""
        ak = self.path("ak.pem", self.ready()["ak_public_pem"].encode())
        return self.path("vkey", self.ctl("audit", "key").encode()), ak

    def export(self, name="export.db"):
        target = os.path.join(self.directory, name)
        self.ctl("audit", "export", target)
        return target

    def verify(self, ledger, vkey, *evidence, code):
        """dsmilctl's exit code, and that the second opinion is the same. `evidence`: file, nonce, key."""
        more = ("--tpm-evidence", evidence[0], "--nonce", evidence[1], "--ak", evidence[2]) if evidence else ()
        done = run(DSMILCTL, "audit", "verify", ledger, "--key", vkey, *more)
        self.assertEqual(done.returncode, code, (done.stdout, done.stderr))
        second = run(sys.executable, READER, ledger, vkey, *evidence)
        self.assertEqual(second.returncode, code, (done.stdout, done.stderr, second.stdout, second.stderr))
        return done.stdout.decode() + done.stderr.decode()

    def tool(self, *command):
        """tpm2-tools, while the daemon does not have the TPM."""
        done = run(command[0], "-T", self.tpm.tcti, *command[1:])
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.decode()


class Remembered(Anchored):
    def test_status_budget_and_metrics_show_it(self):
        anchors = self.await_state(lambda anchors: anchors["last"])
        self.assertEqual((anchors["state"], anchors["budget"]["per_day"], anchors["budget"]["burst"]), ("kept", 150, 30))
        self.assertGreaterEqual(anchors["budget"]["used"], 1)
        shown = self.json("audit", "status")["anchors"]
        self.assertEqual(shown["state"], "kept")
        self.assertIn("of 150 used in 24 hours", self.ctl("audit", "status"))
        page = self.daemon.get("/v1/metrics").decode()
        self.assertIn('dsmil_anchor_state{state="kept"} 1\n', page)
        self.assertIn("dsmil_anchor_budget_per_day 150\n", page)
        check = [check for check in json.loads(run(DSMILCTL, "--socket", self.daemon.socket, "--json", "doctor").stdout)
                 ["checks"] if check["name"] == "anchors"]
        self.assertEqual(check[0]["state"], "ok")

    def test_the_tpm_shows_that_an_export_is_the_newest(self):
        self.await_state(lambda anchors: anchors["last"])
        vkey, ak = self.keys()
        evidence, export = self.evidence(), self.export()
        self.assertIn("fresh up to", self.verify(export, vkey, evidence, NONCE, ak, code=0))
        self.assertIn("freshness not shown", self.verify(export, vkey, code=0))
        answer = self.json("audit", "verify", export, "--key", vkey, "--ak", ak, "--tpm-evidence", evidence, "--nonce", NONCE,
                           "--require-fresh")
        self.assertEqual((answer["freshness"], answer["quotes_verified"]), ("tpm", True))

    def test_evidence_that_does_not_hold_is_refused(self):
        self.await_state(lambda anchors: anchors["last"])
        vkey, ak = self.keys()
        evidence, export = self.evidence(), self.export()
        self.assertIn("nonce", self.verify(export, vkey, evidence, "ff" * 16, ak, code=7))
        other = self.path("other.pem", run("sh", "-c", "openssl ecparam -name prime256v1 -genkey | openssl ec -pubout").stdout)
        self.verify(export, vkey, evidence, NONCE, other, code=7)
        with open(evidence, encoding="utf-8") as file:
            document = json.load(file)
        document["value"], document["count"] = document["count"], document["value"]
        self.verify(export, vkey, self.path("swapped.json", json.dumps(document).encode()), NONCE, ak, code=7)
        # What cannot be checked is told apart from what does not hold.
        broken = self.path("broken.json", b'{"schema": "dsmil.audit-evidence/1"}')
        verify = (DSMILCTL, "audit", "verify", export, "--key", vkey)
        self.assertEqual(run(*verify, "--ak", ak, "--nonce", NONCE, "--tpm-evidence", broken).returncode, 1)
        self.assertEqual(run(*verify, "--ak", ak, "--nonce", NONCE, "--tpm-evidence", "/nonexistent").returncode, 3)
        self.assertEqual(run(*verify, "--ak", ak, "--tpm-evidence", evidence).returncode, 2)
        self.assertEqual(run(*verify, "--nonce", NONCE).returncode, 2)

    def test_requests_that_are_none_change_nothing(self):
        before = self.daemon.get("/v1/ledger")["size"]
        for body in ({}, {"nonce": "00"}, {"nonce": "00" * 33}, {"nonce": NONCE, "more": 1}):
            self.assertEqual(self.daemon.request("POST", "/v1/ledger/evidence", body)[0], 400, body)
        self.assertEqual(self.daemon.request("POST", "/v1/ledger/adopt")[1]["error"]["code"], "conflict")
        self.assertEqual(self.daemon.get("/v1/ledger")["size"], before)

    def test_tpm2_tools_find_what_the_file_says(self):
        self.await_state(lambda anchors: anchors["last"])
        self.daemon.stop()
        ledger = sqlite3.connect(self.daemon.ledger)
        after, count = ledger.execute("SELECT after, count FROM anchors ORDER BY id DESC").fetchone()
        ledger.close()
        public = self.tool("tpm2_nvreadpublic", VALUE)
        name = hashlib.sha256(bytes.fromhex("0180d510" "000b" "22060044" "0000" "0020")).hexdigest()
        self.assertIn("000b" + name, public)
        held = run("tpm2_nvread", "-T", self.tpm.tcti, VALUE).stdout
        self.assertEqual(held, after)
        counted = run("tpm2_nvread", "-T", self.tpm.tcti, COUNT).stdout
        self.assertEqual(int.from_bytes(counted, "big"), count)


class RolledBack(Anchored):
    def test_an_older_copy_is_a_security_event_and_is_adopted_by_an_admin(self):
        vkey, ak = self.keys()
        self.daemon.stop()
        old = shutil.copy(self.daemon.ledger, os.path.join(self.directory, "old.db"))
        self.daemon.errors.close()
        self.daemon.start()
        self.ready()
        self.await_state(lambda anchors: anchors["state"] == "kept")
        self.daemon.stop()  # which anchors
        self.daemon.errors.close()
        shutil.copy(old, self.daemon.ledger)
        self.daemon.start()
        self.ready()
        anchors = self.await_state(lambda anchors: anchors["state"] == "rolled_back")
        self.assertIn("older copy", anchors["detail"])
        self.assertIn("rolled_back", self.ctl("audit", "status"))
        evidence, export = self.evidence(), self.export()
        self.verify(old, vkey, evidence, NONCE, ak, code=9)
        self.assertIn("the TPM counted", self.verify(export, vkey, evidence, NONCE, ak, code=9))
        records = self.daemon.get("/v1/ledger/records")["records"]
        self.assertIn(("ledger_rolled_back", "noticed"), [(record["action"], record["outcome"]) for record in records])
        doctor = json.loads(run(DSMILCTL, "--socket", self.daemon.socket, "--json", "doctor").stdout)["checks"]
        check = [check for check in doctor if check["name"] == "anchors"][0]
        self.assertEqual(check["state"], "fail")
        self.assertIn("audit adopt", check["remedy"])

        adopted = self.json("audit", "adopt")["anchors"]
        self.assertEqual((adopted["state"], adopted["last"]["reason"]), ("kept", "adopted"))
        self.ctl("audit", "adopt", code=6)
        evidence, export = self.evidence(), self.export("adopted.db")
        self.assertIn("began anew", self.verify(export, vkey, evidence, NONCE, ak, code=0))
        self.daemon.stop()
        events = [line for line in self.daemon.log if line.get("event_type") == "security_event"]
        self.assertIn("ledger_rolled_back", [event["context"]["action"] for event in events])

    def test_removed_indices_are_seen(self):
        self.await_state(lambda anchors: anchors["last"])
        self.daemon.stop()
        self.tool("tpm2_nvundefine", "-C", "o", VALUE)
        self.daemon.errors.close()
        self.daemon.start()
        self.ready()
        self.await_state(lambda anchors: anchors["state"] == "lost")
        self.assertEqual(self.json("audit", "adopt")["anchors"]["state"], "kept")

    def test_an_index_of_another_kind_is_not_ours(self):
        """An ordinary index could be given any content: its Name is another one."""
        self.await_state(lambda anchors: anchors["last"])
        self.daemon.stop()
        self.tool("tpm2_nvundefine", "-C", "o", VALUE)
        self.tool("tpm2_nvdefine", "-C", "o", "-s", "32", "-a", "authread|authwrite|ownerread|no_da", VALUE)
        self.daemon.errors.close()
        self.daemon.start()
        status, _ = self.daemon.request("POST", "/v1/attest", {"nonce": NONCE, "pcrs": [0]})
        self.assertEqual(status, 200)
        anchors = self.await_state(lambda anchors: anchors["state"] == "differs")
        self.assertIn("somebody else did", anchors["detail"])

    def test_who_is_killed_anywhere_comes_back_in_step(self):
        seed = random.randrange(1 << 32)
        print("# seed", seed)
        moments = random.Random(seed)
        for _ in range(6):
            self.daemon.get("/v1/ledger/records?after=1000000&wait_ms=%d" % moments.randrange(1, 300))
            self.restart(signal.SIGKILL)
        self.ready()
        self.await_state(lambda anchors: anchors["state"] == "kept")
        self.daemon.stop()
        self.daemon.errors.close()
        self.daemon.start()
        vkey, ak = self.keys()
        evidence, export = self.evidence(), self.export()
        self.verify(export, vkey, evidence, NONCE, ak, code=0)


class Tampered(Anchored):
    """Each change of a ledger, the verdict of dsmilctl, and the same of the second opinion."""

    CHANGES = (
        (7, "UPDATE records SET body = CAST(body || x'00' AS BLOB) WHERE seq = 1"),
        (7, "DELETE FROM records WHERE seq = 1"),
        (7, "UPDATE records SET seq = -seq WHERE seq IN (1, 2); UPDATE records SET seq = 3 + seq WHERE seq < 0"),
        (7, "UPDATE tiles SET hashes = zeroblob(length(hashes))"),
        (7, "DELETE FROM tiles"),
        (7, "UPDATE checkpoints SET note = (SELECT note FROM checkpoints WHERE id = 2) WHERE id = 1"),
        (11, "DELETE FROM quotes; DELETE FROM anchors; DELETE FROM checkpoints"),
        (7, "UPDATE quotes SET pcrs = randomblob(512)"),
        (7, "UPDATE anchors SET at = at + 1"),
        (7, "UPDATE anchors SET before = after"),
        (7, "UPDATE anchors SET reason = 'adopted' WHERE reason <> 'adopted'"),
        (9, "DELETE FROM anchors"),
    )

    def test_each_change_has_its_verdict(self):
        self.await_state(lambda anchors: anchors["last"])
        vkey, ak = self.keys()
        evidence, export = self.evidence(), self.export()
        self.verify(export, vkey, evidence, NONCE, ak, code=0)
        for number, (code, change) in enumerate(self.CHANGES):
            with self.subTest(change):
                copy = shutil.copy(export, os.path.join(self.directory, "copy%d.db" % number))
                ledger = sqlite3.connect(copy)
                ledger.executescript(change)
                ledger.close()
                self.verify(copy, vkey, evidence, NONCE, ak, code=code)

    def test_a_cut_end_shows(self):
        """Records, tiles and checkpoints of an earlier size: a file that was whole once."""
        vkey, ak = self.keys()
        early = self.export("early.db")
        self.verify(early, vkey, code=0)
        self.restart()
        self.ready()
        self.restart()
        self.ready()
        evidence = self.evidence()
        self.verify(early, vkey, evidence, NONCE, ak, code=9)
        held = self.path("held", self.daemon.get("/v1/ledger/head")["checkpoint"].encode())
        done = run(DSMILCTL, "audit", "verify", early, "--key", vkey, "--checkpoint", held)
        self.assertEqual(done.returncode, 9, done.stderr)

    def test_two_hosts_files_swapped_show(self):
        vkey, ak = self.keys()
        evidence = self.evidence()
        mine = self.export()
        other = Anchored("setUp")
        other.setUp()
        self.addCleanup(other.doCleanups)
        other.await_state(lambda anchors: anchors["last"])
        theirs = other.export()
        self.assertEqual(run(DSMILCTL, "audit", "verify", theirs, "--key", vkey).returncode, 11)
        other_vkey, _ = other.keys()
        self.assertIn(run(DSMILCTL, "audit", "verify", theirs, "--key", other_vkey, "--ak", ak, "--nonce", NONCE,
                          "--tpm-evidence", evidence).returncode, (7, 9, 10))
        self.verify(mine, vkey, evidence, NONCE, ak, code=0)


if __name__ == "__main__":
    unittest.main()
