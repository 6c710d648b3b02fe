# SPDX-License-Identifier: Apache-2.0
"""The finished daemon, driven from outside: its TPM is swtpm, its judges are
openssl, tpm2_checkquote and sqlite3."""
import base64
import hashlib
import json
import os
import re
import signal
import sqlite3
import struct
import subprocess
import time
import unittest

from support import DSMILD, SOURCE, TIMEOUT_S, Dsmild, TestCase


def content_of(path):
    with open(path, "rb") as file:
        return file.read()


def run(*command, **more):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S, check=False, **more)


def parse_note(note):
    """The text and (name, key id, signature) of the first signature of a C2SP signed note."""
    text, lines = note.rsplit("\n\n", 1)
    dash, name, signature = lines.splitlines()[0].split(" ")
    assert dash == "\u2014"
    raw = base64.b64decode(signature)
    return text + "\n", name, raw[:4], raw[4:]


def parse_metrics(text):
    """Samples and types of Prometheus' text format, strictly: each family once, its help and type before it."""
    samples, types, helps, family = {}, {}, {}, None
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family, helps[line.split(" ")[2]] = line.split(" ")[2], line.split(" ", 3)[3]
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == family and name not in types and kind in ("counter", "gauge", "histogram"), line
            types[name] = kind
        else:
            match = re.fullmatch(r'([a-z_]+)(?:\{((?:[a-z]+="[^"\\]*",?)+)\})? (\S+)', line)
            assert match, line
            name, labels, value = match.groups()
            assert name.startswith(family) and family in types, line
            key = name, tuple(re.findall(r'([a-z]+)="([^"]*)"', labels or ""))
            assert key not in samples, line
            samples[key] = float(value)
    return samples, types


def root(leaves):
    """RFC 6962 section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return hashlib.sha256(b"\x01" + root(leaves[:half]) + root(leaves[half:])).digest()


class WithTpm(TestCase):
    def setUp(self):
        super().setUp()
        self.tpm = self.swtpm()
        self.daemon = self.dsmild(**{"tpm.tcti": self.tpm.tcti})

    def attest(self, **more):
        """A quote; asking also waits for the TPM, which is opened in the background."""
        status, quote = self.daemon.request("POST", "/v1/attest", {"nonce": "00112233445566778899", **more})
        self.assertEqual(status, 200, quote)
        return quote

    def export(self):
        status, content = self.daemon.request("GET", "/v1/ledger/export")
        self.assertEqual(status, 200, content)
        return self.path("export.db", content)

    def test_openssl_verifies_the_signature_of_a_checkpoint(self):
        self.attest()
        ledger = sqlite3.connect(self.export())
        note = ledger.execute("SELECT note FROM checkpoints ORDER BY size DESC").fetchone()[0]
        ledger.close()
        text, name, key_id, signature = parse_note(note)
        vkey_name, vkey_id, vkey = self.daemon.get("/v1/ledger/key")["vkey"].split("+", 2)
        material = base64.b64decode(vkey)
        self.assertEqual((name, key_id), (vkey_name, bytes.fromhex(vkey_id)))
        self.assertEqual(material[0], 0x02)
        self.assertEqual(hashlib.sha256(material[1:]).digest()[:4], key_id)
        pem = os.path.join(self.directory, "key.pem")
        made = run("openssl", "pkey", "-pubin", "-inform", "DER", "-in", self.path("key.der", material[1:]), "-out", pem)
        self.assertEqual(made.returncode, 0, made.stderr)
        verified = run("openssl", "dgst", "-sha256", "-verify", pem, "-signature", self.path("sig", signature),
                       self.path("text", text.encode()))
        self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)

    def test_openssl_verifies_the_cosignature_of_an_export(self):
        self.attest()
        ledger = sqlite3.connect(self.export())
        note = ledger.execute("SELECT note FROM checkpoints ORDER BY size DESC").fetchone()[0]
        ledger.close()
        text, lines = note.rsplit("\n\n", 1)
        name, key_id, material = self.daemon.get("/v1/ledger/key")["cosigner_vkey"].split("+", 2)
        material = base64.b64decode(material)
        self.assertEqual((material[0], len(material)), (0x06, 1313))
        self.assertEqual(hashlib.sha256(name.encode() + b"\n" + material).digest()[:4], bytes.fromhex(key_id))
        raw = [base64.b64decode(line.split(" ")[2]) for line in lines.splitlines()][1]
        self.assertEqual((raw[:4].hex(), len(raw)), (key_id, 4 + 8 + 2420))
        origin, size, signed_root = text.splitlines()
        message = b"subtree/v1\n\0" + bytes([len(name)]) + name.encode() + raw[4:12] + bytes([len(origin)])
        message += origin.encode() + struct.pack(">QQ", 0, int(size)) + base64.b64decode(signed_root)
        # The key as SubjectPublicKeyInfo: id-ml-dsa-44 is 2.16.840.1.101.3.4.3.17 (RFC 9881).
        spki = bytes.fromhex("30820532300b06096086480165030403110382052100") + material[1:]
        verified = run("openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", self.path("pq.der", spki),
                       "-rawin", "-in", self.path("message", message), "-sigfile", self.path("pq.sig", raw[12:]))
        self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)

    def test_tpm2_checkquote_accepts_the_quote_of_a_checkpoint(self):
        ak = self.attest()["ak_public_pem"]
        ledger = sqlite3.connect(self.export())
        note, attest, signature, pcrs = ledger.execute(
            "SELECT note, attest, signature, pcrs FROM checkpoints JOIN quotes ON id = checkpoint "
            "ORDER BY size DESC").fetchone()
        ledger.close()
        self.assertEqual(len(pcrs), 16 * 32)
        digest = hashlib.sha256(parse_note(note)[0].encode()).hexdigest()
        quote = {"ak_public_pem": ak, "quoted": base64.b64encode(attest), "signature": base64.b64encode(signature)}
        self.assertEqual(self.checkquote(quote, digest).returncode, 0)
        self.assertNotEqual(self.checkquote(quote, "00" * 32).returncode, 0)

    def test_an_export_ends_with_a_checkpoint_whose_root_anybody_can_compute(self):
        for _ in range(3):
            self.attest()
        ledger = sqlite3.connect(self.export())
        leaves = [hashlib.sha256(b"\x00" + body).digest()
                  for (body,) in ledger.execute("SELECT body FROM records ORDER BY seq")]
        note = ledger.execute("SELECT note FROM checkpoints ORDER BY size DESC").fetchone()[0]
        self.assertEqual(ledger.execute("PRAGMA journal_mode").fetchone()[0], "delete")
        ledger.close()
        origin, size, signed_root = parse_note(note)[0].splitlines()
        self.assertEqual(origin, "test.example/log")
        self.assertEqual(int(size), len(leaves))
        self.assertEqual(base64.b64decode(signed_root), root(leaves))

    def checkquote(self, quote, nonce, *pcr_options):
        return run("tpm2_checkquote", "-u", self.path("ak.pem", quote["ak_public_pem"].encode()),
                   "-m", self.path("msg", base64.b64decode(quote["quoted"])),
                   "-s", self.path("sig", base64.b64decode(quote["signature"])), "-q", nonce, *pcr_options)

    def test_tpm2_checkquote_accepts_a_quote(self):
        quote = self.attest(nonce="a0" * 32, pcrs=[0, 7, 23])
        pcrs = b"".join(bytes.fromhex(quote["pcrs"][number]) for number in ("0", "7", "23"))
        options = ("-f", self.path("pcrs", pcrs), "-l", "sha256:0,7,23")
        checked = self.checkquote(quote, "a0" * 32, *options)
        self.assertEqual(checked.returncode, 0, checked.stderr)
        self.assertNotEqual(self.checkquote(quote, "a1" * 32, *options).returncode, 0)

    def test_tpm2_checkquote_accepts_a_quote_of_all_pcrs(self):
        quote = self.attest(pcrs=list(range(24)))
        values = [bytes.fromhex(quote["pcrs"][str(number)]) for number in range(24)]
        # Raw values of more than seven PCRs are beyond tpm2_checkquote (tpm2-tools issue 3542). What
        # tpm2_quote itself writes is not: the C structs, TPML_PCR_SELECTION and TPML_DIGEST of eight each.
        content = struct.pack("<I HB3sxx", 1, 0x000B, 3, b"\xff\xff\xff").ljust(4 + 16 * 8, b"\0")
        content += struct.pack("<I", 3)
        for first in (0, 8, 16):
            content += struct.pack("<I", 8)
            content += b"".join(struct.pack("<H64s", 32, value) for value in values[first:first + 8])
        checked = self.checkquote(quote, "00112233445566778899", "-f", self.path("pcrs", content))
        self.assertEqual(checked.returncode, 0, checked.stderr)

    def test_the_keys_are_made_once(self):
        first = self.attest()["ak_public_pem"], self.daemon.get("/v1/ledger/key")
        self.assertEqual(self.daemon.stop(), 0)
        self.daemon.errors.close()
        self.daemon.start()
        self.assertEqual((self.attest()["ak_public_pem"], self.daemon.get("/v1/ledger/key")), first)

    def test_an_attestation_is_a_record(self):
        self.attest(pcrs=[0])
        records = self.daemon.get("/v1/ledger/records")["records"]
        self.assertEqual([record["action"] for record in records], ["started", "tpm_pinned", "attest"])
        self.assertEqual(records[2]["actor"]["uid"], os.getuid())
        self.assertEqual(records[2]["values"]["nonce"], "00112233445566778899")

    def test_an_orderly_end_leaves_everything_signed(self):
        self.attest()
        self.assertEqual(self.daemon.stop(), 0)
        ledger = sqlite3.connect(self.daemon.ledger)
        records = ledger.execute("SELECT count(*) FROM records").fetchone()[0]
        signed = ledger.execute("SELECT max(size) FROM checkpoints").fetchone()[0]
        ledger.close()
        self.assertEqual(records, signed)
        self.assertEqual(records, 4)

    def test_a_tpm_that_comes_back_is_used_again(self):
        self.attest()
        self.tpm.stop()
        status, error = self.daemon.request("POST", "/v1/attest", {"nonce": "0011223344556677"})
        self.assertEqual((status, error["error"]["code"]), (503, "tpm_missing"))
        self.assertEqual(self.daemon.get("/v1/health")["status"], "degraded")
        self.tpm = self.swtpm()
        # The long poll is the clock: the daemon tries again each second.
        for _ in range(TIMEOUT_S):
            if self.daemon.get("/v1/health")["tpm"] == "ready":
                break
            self.daemon.get("/v1/ledger/records?after=1000000&wait_ms=1000")
        self.attest()


    def test_the_health_of_the_tpm_is_shown_and_measured(self):
        self.attest()
        tpm = self.daemon.get("/v1/tpm")
        self.assertEqual((tpm["state"], tpm["attested"], tpm["trouble"]), ("ready", True, None))
        self.assertEqual(tpm["tpm"]["lockout"]["left_s"], 0)
        quotes = [command for command in tpm["commands"] if command["command"] == "Quote"]
        # Each of the three keys was tried with one, and checkpoints have theirs.
        self.assertGreaterEqual(quotes[0]["count"], 4)
        self.assertGreater(quotes[0]["p50_ms"], 0)
        samples, types = parse_metrics(self.daemon.get("/v1/metrics").decode())
        self.assertEqual(samples["dsmil_tpm_up", ()], 1)
        self.assertEqual(types["dsmil_tpm_command_seconds"], "histogram")
        label = ("command", "Quote")
        self.assertGreaterEqual(samples["dsmil_tpm_command_seconds_count", (label,)], 4)
        buckets = [value for (name, labels), value in samples.items()
                   if name == "dsmil_tpm_command_seconds_bucket" and label in labels]
        self.assertEqual(buckets, sorted(buckets))
        self.assertEqual(samples["dsmil_tpm_command_seconds_bucket", (label, ("le", "+Inf"))],
                         samples["dsmil_tpm_command_seconds_count", (label,)])
        self.assertEqual(samples["dsmil_tpm_lockout_counter", ()], 0)

    def check_metrics(self):
        """promtool's verdict on the page, with its own idea of good names."""
        with open(self.path("metrics", self.daemon.get("/v1/metrics")), "rb") as page:
            return subprocess.run(["promtool", "check", "metrics"], stdin=page, capture_output=True,
                                  timeout=TIMEOUT_S, check=False)

    def test_promtool_finds_nothing_to_say_about_the_metrics(self):
        self.attest()
        self.daemon.get("/v1/tpm")  # Then the TPM's own numbers are there, too.
        checked = self.check_metrics()
        self.assertEqual((checked.returncode, checked.stdout, checked.stderr), (0, b"", b""))
        samples, types = parse_metrics(self.daemon.get("/v1/metrics").decode())
        for name, kind in (("dsmil_tpm_queue_waiting", "gauge"), ("dsmil_tpm_lockout_counter", "gauge"),
                           ("dsmil_tpm_lockout_left_seconds", "gauge"), ("dsmil_tpm_nv_writes_total", "counter"),
                           ("dsmil_tpm_nv_worn_ratio", "gauge"), ("dsmil_tpm_errors_total", "counter"),
                           ("dsmil_tpm_command_seconds", "histogram")):
            self.assertEqual(types[name], kind)
        self.assertEqual(samples["dsmil_tpm_nv_worn_ratio", ()],
                         samples["dsmil_tpm_nv_writes_total", ()] / 100000)

    def test_each_number_of_the_health_is_told(self):
        """p50, p95 and p99 of each command, the queue, errors by kind: counted from outside."""
        def quotes():
            return next((command for command in self.daemon.get("/v1/tpm")["commands"] if command["command"] == "Quote"),
                        {"count": 0})
        before = quotes()["count"]  # A quote of nothing tries each key when the TPM is opened.
        for _ in range(20):
            self.attest(pcrs=[0])
        self.assertEqual(self.daemon.request("POST", "/v1/tpm/nv/write", {"index": "0x01801000", "data": "00"})[0], 404)
        tpm = self.daemon.get("/v1/tpm")
        quote = quotes()
        self.assertGreaterEqual(quote["count"], before + 20)  # A checkpoint may have had one, too.
        self.assertTrue(0 < quote["p50_ms"] <= quote["p95_ms"] <= quote["p99_ms"], quote)
        self.assertEqual((tpm["queue"]["waiting"], tpm["queue"]["limit"]), (0, 256))
        self.assertGreater(sum(tpm["errors"].values()), 0, tpm["errors"])
        self.assertEqual(tpm["tpm"]["nv"]["endurance"], 100000)

    def test_a_lockout_is_shown_with_the_seconds_that_are_left(self):
        self.attest()
        self.assertEqual(self.daemon.stop(), 0)
        self.daemon.errors.close()
        tcti = ["-T", self.tpm.tcti]
        for command in (["tpm2_dictionarylockout", *tcti, "-s", "-n", "2", "-t", "500", "-l", "500"],
                        ["tpm2_nvdefine", *tcti, "-C", "o", "-s", "8", "-a", "authread|authwrite", "-p", "right",
                         "0x01800D02"]):
            done = run(*command)
            self.assertEqual(done.returncode, 0, done.stderr)
        for _ in range(3):
            run("tpm2_nvread", *tcti, "-C", "0x01800D02", "-P", "wrong", "0x01800D02")
        self.daemon.start()
        self.attest()  # Our own keys are exempt.
        lockout = self.daemon.get("/v1/tpm")["tpm"]["lockout"]
        self.assertEqual((lockout["locked"], lockout["limit"]), (True, 2))
        self.assertTrue(0 < lockout["left_s"] <= 1000, lockout)
        samples, _ = parse_metrics(self.daemon.get("/v1/metrics").decode())
        self.assertEqual(samples["dsmil_tpm_lockout_left_seconds", ()], lockout["left_s"])
        self.assertEqual(samples["dsmil_tpm_lockout_counter", ()], lockout["counter"])
        self.assertEqual(self.check_metrics().returncode, 0)

    def test_the_end_takes_as_long_as_it_may_once_when_the_tpm_hangs(self):
        self.attest()
        self.tpm.process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.tpm.process.send_signal, signal.SIGCONT)
        asking = subprocess.Popen(["curl", "--silent", "--unix-socket", self.daemon.socket, "http://localhost/v1/tpm"],
                                  stdout=subprocess.DEVNULL)
        self.addCleanup(asking.wait, TIMEOUT_S)
        # An answer that needs no TPM: the question before it is under way by then.
        self.daemon.get("/v1/health")
        begun = time.monotonic()
        self.assertEqual(self.daemon.stop(), 1)
        self.assertLess(time.monotonic() - begun, 19)  # it may take 10 s, and took 20

    def test_the_thread_of_the_tpm_hears_no_signal(self):
        """EINTR in the middle of a command spoils an ESYS context."""
        self.attest()
        masks = {}
        for thread in os.listdir("/proc/{}/task".format(self.daemon.process.pid)):
            place = "/proc/{}/task/{}/".format(self.daemon.process.pid, thread)
            status = dict(line.split(":", 1) for line in content_of(place + "status").decode().splitlines())
            masks[status["Name"].strip()] = int(status["SigBlk"], 16)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGUSR1):
            self.assertTrue(masks["dsmild-tpm"] >> (number - 1) & 1, number)

    def test_a_reset_of_the_tpm_is_a_record(self):
        self.attest()
        self.daemon.get("/v1/tpm")
        reset = run("swtpm_ioctl", "--unix", self.tpm.socket + ".ctrl", "-i")
        self.assertEqual(reset.returncode, 0, reset.stderr)
        self.attest()
        self.daemon.get("/v1/tpm")
        self.daemon.request("POST", "/v1/attest", {"nonce": "0011223344556677"})
        records = self.daemon.get("/v1/ledger/records")["records"]
        resets = [record for record in records if record["action"] == "tpm_reset"]
        self.assertEqual([record["outcome"] for record in resets], ["noticed"])
        self.assertIn("reset_count_before", resets[0]["context"])

    def test_secrets_come_as_credentials_and_another_one_does_not_fit(self):
        self.assertEqual(self.daemon.stop(), 0)
        for name in os.listdir(self.daemon.state):
            if "-key." in name:
                os.unlink(os.path.join(self.daemon.state, name))
        credentials = os.path.join(self.directory, "credentials")
        os.mkdir(credentials)
        with open(os.path.join(credentials, "dsmil.attestation-key"), "wb") as file:
            file.write(b"open sesame")
        self.daemon.errors.close()
        os.environ["CREDENTIALS_DIRECTORY"] = credentials
        self.addCleanup(os.environ.pop, "CREDENTIALS_DIRECTORY", None)
        self.daemon.start()
        self.attest()
        self.assertEqual(self.daemon.stop(), 0)
        self.daemon.errors.close()
        os.unlink(os.path.join(credentials, "dsmil.attestation-key"))
        self.daemon.start()
        status, error = self.daemon.request("POST", "/v1/attest", {"nonce": "0011223344556677"})
        self.assertEqual((status, error["error"]["code"]), (403, "tpm_auth"))
        self.assertEqual((self.daemon.get("/v1/health")["status"], self.daemon.get("/v1/tpm")["attested"]),
                         ("degraded", False))
        self.assertIn("dsmil.attestation-key", self.daemon.get("/v1/tpm")["trouble"])
        self.assertEqual(self.daemon.stop(), 0)
        self.daemon.errors.close()
        with open(os.path.join(credentials, "dsmil.attestation-key"), "wb") as file:
            file.write(b"x" * 33)
        ended = run(DSMILD, "--config", self.daemon.config)
        self.assertEqual(ended.returncode, 2)
        self.assertIn(b"dsmil.attestation-key", ended.stderr)
        self.daemon.errors = open(os.devnull, "rb")


class Fallback(TestCase):
    def key(self, *arguments, mode=0o600):
        path = os.path.join(self.directory, "fallback.pem")
        made = run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path,
                   *arguments)
        self.assertEqual(made.returncode, 0, made.stderr)
        os.chmod(path, mode)
        return path

    def await_signer(self, daemon):
        for _ in range(TIMEOUT_S):
            if daemon.get("/v1/tpm")["signer"]:
                break
            daemon.get("/v1/ledger/records?after=1000000&wait_ms=100")
        return daemon.get("/v1/tpm")

    def test_a_key_file_signs_when_the_administrator_says_so_and_the_state_stays_unattested(self):
        path = self.key()
        daemon = self.dsmild(**{"tpm.fallback_key": path})
        tpm = self.await_signer(daemon)
        self.assertEqual((tpm["signer"], tpm["attested"], tpm["state"]), ("file", False, "missing"))
        vkey = daemon.get("/v1/ledger/key")["vkey"]
        public = run("openssl", "pkey", "-in", path, "-pubout", "-outform", "DER").stdout
        self.assertEqual(base64.b64decode(vkey.split("+", 2)[2])[1:], public)
        self.assertEqual(daemon.request("POST", "/v1/attest", {"nonce": "0011223344556677"})[0], 503)
        self.assertIn("tpm_fell_back", [record["action"] for record in daemon.get("/v1/ledger/records")["records"]])
        self.assertEqual(daemon.stop(), 0)
        ledger = sqlite3.connect(daemon.ledger)
        records = ledger.execute("SELECT count(*) FROM records").fetchone()[0]
        size, note = ledger.execute("SELECT size, note FROM checkpoints ORDER BY size DESC").fetchone()
        ledger.close()
        self.assertEqual(size, records)
        text, _, _, signature = parse_note(note)
        pem = self.path("public.der", public)
        verified = run("openssl", "dgst", "-sha256", "-keyform", "DER", "-verify", pem, "-signature",
                       self.path("sig", signature), self.path("text", text.encode()))
        self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)

    def test_with_a_tpm_the_key_file_signs_nothing(self):
        tpm = self.swtpm()
        daemon = self.dsmild(**{"tpm.tcti": tpm.tcti, "tpm.fallback_key": self.key()})
        self.assertEqual(self.await_signer(daemon)["signer"], "tpm")

    def test_a_key_that_is_none_or_open_to_others_is_refused_at_the_start(self):
        for path in (self.key(mode=0o640), self.path("none", b"nonsense"), "/nonexistent"):
            daemon = Dsmild(self.directory, **{"tpm.fallback_key": path})
            ended = run(DSMILD, "--config", daemon.config)
            self.assertEqual(ended.returncode, 2, ended.stderr)
            self.assertIn(b"tpm.fallback_key", ended.stderr)


class WithoutTpm(TestCase):
    def test_the_machine_is_shown_as_unattested(self):
        daemon = self.dsmild()
        tpm = daemon.get("/v1/tpm")
        self.assertEqual((tpm["attested"], tpm["tpm"]), (False, None))
        self.assertTrue(tpm["trouble"])
        samples, _ = parse_metrics(daemon.get("/v1/metrics").decode())
        self.assertEqual(samples["dsmil_tpm_up", ()], 0)

    def test_it_runs_and_says_what_is_missing(self):
        daemon = self.dsmild()
        for _ in range(TIMEOUT_S):
            health = daemon.get("/v1/health")
            if health["tpm"] != "starting":
                break
            daemon.get("/v1/ledger/records?after=1000000&wait_ms=100")
        self.assertEqual((health["status"], health["tpm"]), ("degraded", "missing"))
        status, error = daemon.request("POST", "/v1/attest", {"nonce": "0011223344556677"})
        self.assertEqual((status, error["error"]["code"]), (503, "tpm_missing"))
        self.assertTrue(error["error"]["remedy"])
        self.assertEqual(daemon.request("GET", "/v1/ledger/key")[0], 503)
        self.assertEqual(daemon.get("/v1/ledger/head")["checkpoint"], None)
        status, content = daemon.request("GET", "/v1/ledger/export")
        self.assertEqual((status, content[:15]), (200, b"SQLite format 3"))
        self.assertEqual(daemon.stop(), 0)

    def test_curl_speaks_to_it(self):
        daemon = self.dsmild()
        done = run("curl", "--silent", "--fail", "--unix-socket", daemon.socket, "http://localhost/v1/openapi.json")
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(os.path.join(SOURCE, "docs/api/openapi.json"), encoding="utf-8") as file:
            self.assertEqual(json.loads(done.stdout), json.load(file))

    def test_a_long_poll_ends_when_the_daemon_does(self):
        daemon = self.dsmild()
        waiting = subprocess.Popen(["curl", "--silent", "--unix-socket", daemon.socket,
                                    "http://localhost/v1/ledger/records?after=1000&wait_ms=30000"],
                                   stdout=subprocess.PIPE)
        daemon.get("/v1/health")
        self.assertEqual(daemon.stop(), 0)
        out, _ = waiting.communicate(timeout=TIMEOUT_S)
        self.assertIn(out, (b"", b'{"records":[],"next":1000}\n'))

    def test_what_was_acknowledged_survives_kill_9(self):
        daemon = self.dsmild()
        daemon.request("POST", "/v1/attest", {"nonce": "0011223344556677"})
        size = daemon.get("/v1/ledger/head")["size"]
        self.assertGreaterEqual(size, 1)
        daemon.stop(signal.SIGKILL)
        daemon.errors.close()
        daemon.start()
        self.assertGreaterEqual(daemon.get("/v1/ledger/head")["size"], size)

    def test_the_log_is_json_with_the_fields_that_were_promised(self):
        daemon = self.dsmild()
        self.assertEqual(daemon.stop(), 0)
        self.assertIn("started", [line["event_type"] for line in daemon.log])
        for line in daemon.log:
            self.assertEqual(list(line), ["timestamp", "level", "device_id", "layer", "service", "event_type", "message",
                                          "context"])

    def test_a_second_daemon_on_the_same_state_is_refused(self):
        daemon = self.dsmild()
        second = run(DSMILD, "--config", daemon.config)
        self.assertEqual(second.returncode, 6)
        self.assertIn(b"another dsmild runs", second.stderr)

    def test_a_tampered_ledger_is_not_continued(self):
        daemon = self.dsmild()
        self.assertEqual(daemon.stop(), 0)
        ledger = sqlite3.connect(daemon.ledger)
        body = bytearray(ledger.execute("SELECT body FROM records WHERE seq = 0").fetchone()[0])
        body[-1] ^= 1
        ledger.execute("UPDATE records SET body = ? WHERE seq = 0", (bytes(body),))
        ledger.commit()
        ledger.close()
        again = run(DSMILD, "--config", daemon.config)
        self.assertEqual(again.returncode, 7)
        self.assertIn(b"record 0: its hash is not the one in the tree", again.stderr)

    def test_a_tampered_ledger_is_left_as_it_is_and_so_is_its_log(self):
        daemon = self.dsmild()
        daemon.request("POST", "/v1/attest", {"nonce": "0011223344556677"})
        self.assertGreaterEqual(daemon.get("/v1/ledger/head")["size"], 1)
        daemon.stop(signal.SIGKILL)
        ledger = sqlite3.connect(daemon.ledger)
        ledger.execute("PRAGMA wal_autocheckpoint = 0")
        ledger.execute("UPDATE records SET body = x'00' WHERE seq = 0")
        ledger.commit()
        files = [daemon.ledger, daemon.ledger + "-wal"]
        before = [content_of(file) for file in files]
        for file, content in zip(files, before):
            with open(file + ".kept", "wb") as copy:
                copy.write(content)
        ledger.close()
        for file in files:
            os.replace(file + ".kept", file)
        self.assertEqual(run(DSMILD, "--config", daemon.config).returncode, 7)
        self.assertEqual([content_of(file) for file in files], before)

    def test_another_programs_database_is_left_as_it_is(self):
        daemon = Dsmild(self.directory)
        with sqlite3.connect(daemon.ledger) as other:
            other.execute("CREATE TABLE mine(x)")
        other.close()
        before = content_of(daemon.ledger)
        self.assertEqual(run(DSMILD, "--config", daemon.config).returncode, 1)
        self.assertEqual(content_of(daemon.ledger), before)

    def test_a_ledger_of_another_origin_is_left_as_it_is(self):
        daemon = self.dsmild()
        daemon.request("POST", "/v1/attest", {"nonce": "0011223344556677"})
        daemon.stop(signal.SIGKILL)
        files = [daemon.ledger, daemon.ledger + "-wal"]
        before = [content_of(file) for file in files]
        other = Dsmild(self.directory, **{"ledger.origin": "other.example/log"})
        self.assertEqual(run(DSMILD, "--config", other.config).returncode, 2)
        self.assertEqual([content_of(file) for file in files], before)

    def test_a_ledger_that_begins_anew_beside_an_older_key_says_so(self):
        self.tpm = self.swtpm()
        daemon = self.dsmild(**{"tpm.tcti": self.tpm.tcti})
        daemon.request("POST", "/v1/attest", {"nonce": "0011223344556677"})
        self.assertEqual(daemon.stop(), 0)
        with open(daemon.ledger, "wb"):
            pass
        daemon.start()
        records = daemon.get("/v1/ledger/records?after=0")["records"]
        self.assertEqual(daemon.stop(), 0)
        self.assertIn("ledger_began_anew", [line["event_type"] for line in daemon.log])
        self.assertIn("began_anew", json.dumps(records))

    def test_without_a_module_it_says_so_and_ends(self):
        daemon = Dsmild(self.directory, **{"device.follow": True, "device.nodes": "/nonexistent"})
        ended = run(DSMILD, "--config", daemon.config)
        self.assertEqual(ended.returncode, 5)
        self.assertIn(b"module_missing", ended.stderr)


class Options(TestCase):
    def test_the_documented_configuration_is_right(self):
        # But for the group, which a machine that only builds does not have.
        with open(os.path.join(SOURCE, "docs/dsmild.toml"), encoding="utf-8") as file:
            text = file.read().replace('group = "dsmil"', 'group = "root"')
        done = run(DSMILD, "--check-config", "--config", self.path("dsmild.toml", text.encode()))
        self.assertEqual((done.returncode, done.stdout), (0, b"ok\n"), done.stderr)

    def test_what_could_not_start_here_is_not_ok(self):
        for text in ('api.group = "no-such-group"', 'ledger.origin = "a b"', "ledger.max_bytes = 1"):
            with self.subTest(text):
                done = run(DSMILD, "--check-config", "--config", self.path("dsmild.toml", text.encode()))
                self.assertEqual((done.returncode, done.stdout), (2, b""))
                self.assertIn(text.split(" ")[0].encode(), done.stderr)

    def test_a_wrong_configuration_is_exit_2_and_names_line_and_key(self):
        path = os.path.join(self.directory, "bad.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write("[ledger]\nstate_dir = 3\n")
        done = run(DSMILD, "--check-config", "--config", path)
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertIn(b"bad.toml:2: ledger.state_dir must be a string", done.stderr)

    def test_a_wrong_option_is_exit_2(self):
        self.assertEqual(run(DSMILD, "--nonsense").returncode, 2)

    def test_help_and_version_are_exit_0(self):
        self.assertEqual(run(DSMILD, "--help").returncode, 0)
        version = run(DSMILD, "--version")
        self.assertEqual(version.returncode, 0)
        self.assertTrue(version.stdout.startswith(b"dsmild "))


if __name__ == "__main__":
    unittest.main()
