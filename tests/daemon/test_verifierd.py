# SPDX-License-Identifier: Apache-2.0
"""dsmil-verifierd from outside: curl and openssl speak to it, tpm2-tools and swtpm's vendor are
the machines, promtool reads its numbers."""
import base64
import hashlib
import json
import os
import signal
import struct
import unittest

from fleet import VERIFIERD, Authority, TestCase, b64, must, run

ANY = '[[rules]]\nname = "all"\nmachines = ["*"]\npcrs = [0, 7]\n'
EV_NO_ACTION, EV_EFI_ACTION = 3, 0x80000007


def event_log(*events):
    """A crypto-agile log with the one bank SHA-256; (PCR, data) each."""
    spec = b"Spec ID Event03\0" + struct.pack("<IBBBBIHHB", 0, 0, 2, 0, 2, 1, 0x0B, 32, 0)
    data = struct.pack("<II20sI", 0, EV_NO_ACTION, bytes(20), len(spec)) + spec
    for pcr, text in events:
        data += struct.pack("<IIIH", pcr, EV_EFI_ACTION, 1, 0x0B) + hashlib.sha256(text).digest()
        data += struct.pack("<I", len(text)) + text
    return data


class Tls(TestCase):
    def setUp(self):
        self.verifier = self.verifierd(ANY).start()

    def client(self, *options, name="a"):
        """What openssl s_client says of a connection."""
        return run("openssl", "s_client", "-connect", "localhost:{}".format(self.verifier.port), "-CAfile",
                   self.authority.path("fleet-ca.pem"), *options,
                   *(["-cert", self.authority.path(name + ".pem"), "-key", self.authority.path(name + ".key")] if name else []),
                   data=b"GET /v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    def test_the_key_agreement_is_post_quantum_where_the_client_has_it(self):
        for offered, taken in (("SecP384r1MLKEM1024", "SecP384r1MLKEM1024"), ("X25519MLKEM768", "X25519MLKEM768"),
                               ("X25519:SecP384r1MLKEM1024", "SecP384r1MLKEM1024"), ("P-384", "secp384r1"),
                               ("P-256", "prime256v1")):
            with self.subTest(offered):
                done = self.client("-groups", offered, "-ign_eof")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn(taken.lower(), done.stdout.decode().lower())
                self.assertIn("TLSv1.3", done.stdout.decode())
                self.assertIn('"status":"ok"', done.stdout.decode())

    def test_tls_1_2_is_refused(self):
        self.assertNotEqual(self.client("-tls1_2").returncode, 0)

    def test_without_a_certificate_of_the_fleet_nobody_is_heard(self):
        other = Authority(self.shared, "other-ca")
        other.issue("stranger")
        other.issue("a-of-others", subject="/CN=a")
        for name in (None, "stranger", "a-of-others"):
            self.assertNotIn(b'"status"', self.client("-ign_eof", name=name).stdout)

    def test_a_certificate_for_servers_only_is_no_clients(self):
        self.authority.issue("server-only", usage="serverAuth")
        self.assertNotIn(b'"status"', self.client("-ign_eof", name="server-only").stdout)

    def test_a_revoked_certificate_is_refused(self):
        folder = self.shared
        index = self.authority.path("index.txt")
        open(index, "w", encoding="utf-8").close()
        with open(self.authority.path("ca.conf"), "w", encoding="utf-8") as file:
            file.write("[ca]\ndefault_ca=d\n[d]\ndatabase={}\ndefault_md=sha256\ndefault_crl_days=30\n".format(index))
        self.authority.issue("revoked")
        ca = ["openssl", "ca", "-config", self.authority.path("ca.conf"), "-cert", self.authority.path("fleet-ca.pem"),
              "-keyfile", self.authority.path("fleet-ca.key")]
        must(*ca, "-revoke", self.authority.path("revoked.pem"), cwd=folder)
        must(*ca, "-gencrl", "-out", self.authority.path("crl.pem"), cwd=folder)
        self.assertIn(b'"status"', self.client("-ign_eof", name="revoked").stdout)
        self.verifier.stop()
        self.verifier.keys["tls.revoked"] = self.authority.path("crl.pem")
        self.verifier.write_config()
        self.verifier.start()
        self.assertNotIn(b'"status"', self.client("-ign_eof", name="revoked").stdout)
        self.assertIn(b'"status"', self.client("-ign_eof").stdout)


class Bodies(TestCase):
    def setUp(self):
        self.verifier = self.verifierd(ANY, **{"attestation.max_evidence_bytes": 100000}).start()

    def test_what_is_no_request_is_refused(self):
        for body in (b"", b"{", b"[]", b"\xff" * 100, b'{"ek":{}}', b"[" * 60000):
            self.assert_refused(self.verifier.ask("a", "POST", "/v1/enrolments", body), 400, "usage")
        self.assert_refused(self.verifier.ask("a", "GET", "/v1/enrolments"), 400, "usage")
        self.assert_refused(self.verifier.ask("a", "GET", "/v1/../etc/passwd"), 404, "not_found")
        self.assert_refused(self.verifier.ask("a", "GET", "/v1/health?x"), 400, "usage")

    def test_bodies_are_bounded(self):
        self.assert_refused(self.verifier.ask("a", "POST", "/v1/enrolments", b" " * 65537), 400, "usage", "more than 65536")
        self.assert_refused(self.verifier.ask("a", "POST", "/v1/attestations/00", b" " * 100001), 400, "usage",
                            "more than 100000")
        self.assert_refused(self.verifier.ask("a", "POST", "/v1/attestations/00", b" " * 100000), 400, "usage", "JSON")
        done = run("curl", "--silent", *self.authority.curl("a"), "--header", "Transfer-Encoding: chunked", "--data-binary",
                   "@-", self.verifier.url + "/v1/attestations/00", data=b" " * 90000)
        self.assertIn(b"more than 65536", done.stdout)

    def test_roles_are_kept_apart(self):
        self.assert_refused(self.verifier.ask("a", "GET", "/v1/machines"), 403, "permission", "certificate says a")
        self.assert_refused(self.verifier.ask("a", "GET", "/v1/machines/b"), 403, "permission")
        self.assert_refused(self.verifier.ask("admin", "POST", "/v1/attestations", b""), 403, "permission")
        self.assertEqual(self.verifier.ask("admin", "GET", "/v1/machines")[1]["machines"], [])

    def test_an_operator_by_fingerprint(self):
        self.verifier.stop()
        out = must("openssl", "x509", "-in", self.authority.path("b.pem"), "-noout", "-fingerprint", "-sha256").decode()
        self.verifier.keys["fleet.operators"] = ["sha256:" + out.strip().split("=")[1].replace(":", "").lower()]
        self.verifier.write_config()
        self.verifier.start()
        self.assertEqual(self.verifier.ask("b", "GET", "/v1/machines")[0], 200)
        self.assertEqual(self.verifier.ask("admin", "GET", "/v1/machines")[0], 403)

    def test_promtool_reads_the_numbers(self):
        status, kind, page = self.verifier.raw("admin", "GET", "/v1/metrics")
        self.assertEqual((status, kind.split(";")[0]), (200, "text/plain"))
        done = run("promtool", "check", "metrics", data=page)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))

    def test_the_state_directory_is_one_verifiers(self):
        done = run(VERIFIERD, "--config", self.verifier.config)
        self.assertEqual(done.returncode, 6, done.stderr)

    def test_it_ends_in_order(self):
        self.assertEqual(self.verifier.stop(), 0)


class Configuration(TestCase):
    def check(self, verifier):
        return run(VERIFIERD, "--config", verifier.config, "--check-config")

    def test_what_is_right_is_ok(self):
        self.assertEqual(self.check(self.verifierd(ANY)).stdout, b"ok\n")

    def test_what_is_wrong_is_named(self):
        for keys, fleet, words in (({"listen.ports": 1}, ANY, "there is no key listen.ports"),
                                   ({"tls.key": self.authority.path("a.key")}, ANY, "is not the certificate's"),
                                   ({"tls.authorities": "/nonexistent"}, ANY, "/nonexistent"),
                                   ({"fleet.roots": ["/nonexistent"]}, ANY, "fleet.roots"),
                                   ({}, ANY + 'reference = "/nonexistent"\n', "the reference values /nonexistent"),
                                   ({}, "[[rules]]\n", "a rule needs name and machines")):
            with self.subTest(words):
                done = self.check(self.verifierd(fleet, **keys))
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(words, done.stderr.decode())


class Enrolment(TestCase):
    @classmethod
    def prepare(cls):
        cls.a = cls.machine("a")
        cls.b = cls.machine("b")
        cls.a.certify(None)
        cls.b.certify(None)

    def begin(self, verifier, machine, request=None):
        return verifier.ask(machine.name, "POST", "/v1/enrolments", request or machine.enrolment())

    def test_a_tpm_with_its_vendors_certificate_is_taken(self):
        verifier = self.verifierd(ANY)
        self.a.certify(verifier.roots)
        verifier.start()
        machine = self.a.enrol(verifier)
        self.assertEqual((machine["name"], machine["state"]), ("a", "never"))
        self.assertIn("swtpm", machine["vendor"])
        name = self.a.tpm.run("tpm2_readpublic", "-c", "ak.ctx").decode().split("name: ")[1].split()[0]
        self.a.tpm.flush()
        self.assertEqual(machine["ak_name"], name)
        self.a.enrol(verifier)  # again is no error
        # The same TPM is no second machine.
        self.assert_refused(self.begin(verifier, self.b, self.a.enrolment()), 409, "conflict")

    def test_a_certificate_of_nobody_we_know_is_refused(self):
        verifier = self.verifierd(ANY).start()
        self.assert_refused(self.begin(verifier, self.a), 409, "certificate_refused", "chain")

    def test_the_certificate_must_be_of_this_ek(self):
        verifier = self.verifierd(ANY)
        self.a.certify(verifier.roots)
        verifier.start()
        request = self.a.enrolment()
        request["ek"]["public"] = b64(self.b.read("ek.pub"))
        self.assert_refused(self.begin(verifier, self.a, request), 409, "certificate_refused", "key")

    def test_without_a_certificate_it_must_be_listed(self):
        reference = os.path.join(self.shared, "reference.toml")
        verifier = self.verifierd(ANY + 'reference = "{}"\n'.format(reference), **{"attestation.answer_s": 3600})
        request = self.a.enrolment()
        request["ek"]["certificate"] = None
        name = self.a.tpm.run("tpm2_readpublic", "-c", "ek.ctx").decode().split("name: ")[1].split()[0]
        self.a.tpm.flush()
        for listed in ("000b" + "00" * 32, name):
            with open(reference, "w", encoding="utf-8") as file:
                file.write('[tpm]\nek_names = ["{}"]\n'.format(listed))
            verifier.start()
            if listed != name:
                self.assert_refused(self.begin(verifier, self.a, request), 403, "permission", name)
                verifier.stop()
        self.assertEqual(self.begin(verifier, self.a, request)[0], 201)

    def test_a_key_that_is_no_attestation_key_is_refused(self):
        verifier = self.verifierd(ANY)
        self.a.certify(verifier.roots)
        verifier.start()
        self.a.tpm.run("tpm2_createprimary", "-C", "o", "-G", "ecc", "-c", "sign.ctx", "-a",
                       "sign|userwithauth|fixedtpm|fixedparent|sensitivedataorigin")
        self.a.tpm.run("tpm2_readpublic", "-c", "sign.ctx", "-o", "sign.pub")
        self.a.tpm.flush()
        request = self.a.enrolment()
        request["ak"]["public"] = b64(self.a.read("sign.pub"))
        self.assert_refused(self.begin(verifier, self.a, request), 409, "attestation_failed", "attestation key")

    def test_another_tpm_cannot_open_the_secret_and_a_guess_ends_it(self):
        verifier = self.verifierd(ANY)
        self.a.certify(verifier.roots)
        verifier.start()
        challenge = self.begin(verifier, self.a)[1]
        with self.assertRaises(AssertionError):
            self.b.open(challenge)
        finish = "/v1/enrolments/" + challenge["id"]
        self.assert_refused(verifier.ask("b", "POST", finish, {"secret": b64(bytes(32))}), 404, "not_found")
        self.assert_refused(verifier.ask("a", "POST", finish, {"secret": b64(bytes(32))}), 409, "attestation_failed")
        secret = self.a.open(challenge)
        self.assert_refused(verifier.ask("a", "POST", finish, {"secret": b64(secret)}), 404, "not_found")
        self.assert_refused(verifier.ask("a", "POST", "/v1/attestations", b""), 404, "not_found", "no machine a")

    def test_a_kill_in_the_middle_loses_nothing(self):
        verifier = self.verifierd(ANY)
        self.a.certify(verifier.roots)
        verifier.start()
        challenge = self.begin(verifier, self.a)[1]
        verifier.stop(signal.SIGKILL)
        verifier.start()
        finish = "/v1/enrolments/" + challenge["id"]
        self.assertEqual(verifier.ask("a", "POST", finish, {"secret": b64(self.a.open(challenge))})[0], 200)
        question = self.a.question(verifier)
        verifier.stop(signal.SIGKILL)
        verifier.start()
        status, result = verifier.ask("a", "POST", "/v1/attestations/" + question["id"], self.a.evidence(question))
        self.assertEqual((status, result["outcome"]), (200, "verified"))


class Attestation(TestCase):
    @classmethod
    def prepare(cls):
        cls.a = cls.machine("a")
        cls.b = cls.machine("b")
        # What firmware would have measured.
        for data in (b"Secure Boot", b"Evil twin"):
            cls.a.tpm.extend(7, hashlib.sha256(data).digest())

    LOG = event_log((7, b"Secure Boot"), (7, b"Evil twin"))

    def setUp(self):
        self.reference = os.path.join(self.shared, "reference.toml")

    def open(self, allowed=None, rule="", **keys):
        verifier = self.verifierd(ANY + rule + 'reference = "{}"\n'.format(self.reference), **keys)
        self.allow(allowed)
        for machine in (self.a, self.b):
            machine.certify(verifier.roots)
        verifier.start()
        self.a.enrol(verifier)
        return verifier

    def allow(self, data):
        with open(self.reference, "w", encoding="utf-8") as file:
            if data is not None:
                file.write("[events]\n7 = {}\n".format(json.dumps([hashlib.sha256(each).hexdigest() for each in data])))

    def states(self, verifier):
        return {machine["name"]: machine["state"] for machine in verifier.ask("admin", "GET", "/v1/machines")[1]["machines"]}

    def test_good_evidence_is_verified_and_openssl_judges_the_token(self):
        verifier = self.open()
        status, result = self.a.attest(verifier)
        self.assertEqual((status, result["outcome"], result["findings"]), (200, "verified", []))
        self.assertEqual(result["checks"]["signature"], "success")
        self.assertEqual(self.states(verifier), {"a": "fresh"})
        status, kind, token = verifier.raw("admin", "GET", "/v1/machines/a/token")
        self.assertEqual((status, kind), (200, "application/eat+jwt"))
        self.assertEqual(token.decode(), result["token"])
        signed, _, signature = token.decode().rpartition(".")
        raw = base64.urlsafe_b64decode(signature + "==")
        text = "asn1=SEQUENCE:s\n[s]\nr=INTEGER:0x{}\ns=INTEGER:0x{}\n".format(raw[:32].hex(), raw[32:].hex())
        with open(self.authority.path("sig.conf"), "w", encoding="utf-8") as file:
            file.write(text)
        must("openssl", "asn1parse", "-genconf", self.authority.path("sig.conf"), "-out", self.authority.path("sig.der"),
             "-noout")
        with open(self.authority.path("token-key.pem"), "wb") as file:
            file.write(verifier.raw("a", "GET", "/v1/key")[2])
        must("openssl", "dgst", "-sha256", "-verify", self.authority.path("token-key.pem"), "-signature",
             self.authority.path("sig.der"), data=signed.encode())
        claims = json.loads(base64.urlsafe_b64decode(signed.split(".")[1] + "=="))
        self.assertEqual((claims["sub"], claims["dsmil_outcome"], claims["dsmil_holds"]), ("a", "verified", True))
        self.assertEqual(claims["eat_nonce"].rstrip("="),
                         base64.urlsafe_b64encode(bytes.fromhex(result["nonce"])).decode().rstrip("="))

    def test_the_event_that_changed_a_pcr_is_named_and_the_machine_recovers_by_itself(self):
        verifier = self.open([b"Secure Boot"], "event_log = true\n")
        status, result = self.a.attest(verifier, event_log=b64(self.LOG))
        self.assertEqual((status, result["outcome"]), (200, "policy_violation"))
        self.assertIn("event 2 changed PCR 7: EV_EFI_ACTION (Evil twin)", result["findings"][0]["what"])
        self.assertEqual(self.states(verifier), {"a": "failed"})
        verifier.stop()
        self.allow([b"Secure Boot", b"Evil twin"])
        verifier.start()
        self.assertEqual(self.states(verifier), {"a": "failed"})
        self.assertEqual(self.a.attest(verifier, event_log=b64(self.LOG))[1]["outcome"], "verified")
        self.assertEqual(self.states(verifier), {"a": "fresh"})
        results = verifier.ask("a", "GET", "/v1/machines/a/results")[1]["results"]
        self.assertEqual([result["outcome"] for result in results], ["verified", "policy_violation"])

    def test_replayed_foreign_and_changed_evidence_is_broken(self):
        verifier = self.open()
        question = self.a.question(verifier)
        evidence = self.a.evidence(question)
        path = "/v1/attestations/" + question["id"]
        self.assert_refused(verifier.ask("b", "POST", path, evidence), 404, "not_found")
        self.assertEqual(verifier.ask("a", "POST", path, evidence)[1]["outcome"], "verified")
        self.assert_refused(verifier.ask("a", "POST", path, evidence), 409, "conflict", "answered already")

        def outcome(change):
            asked = self.a.question(verifier)
            body = change(asked)
            answer = verifier.ask("a", "POST", "/v1/attestations/" + asked["id"], body)[1]
            return answer["outcome"], answer["findings"][0]["check"]

        def flip(asked, name, at):
            body = self.a.evidence(asked)
            data = bytearray(base64.b64decode(body[name]))
            data[at] ^= 1
            return {**body, name: b64(bytes(data))}

        self.assertEqual(outcome(lambda asked: evidence), ("broken_evidence", "nonce"))
        self.assertEqual(outcome(self.b.evidence), ("broken_evidence", "signature"))
        self.assertEqual(outcome(lambda asked: flip(asked, "quoted", 0)), ("broken_evidence", "magic"))
        self.assertEqual(outcome(lambda asked: flip(asked, "quoted", 5)), ("broken_evidence", "type"))
        self.assertEqual(outcome(lambda asked: flip(asked, "signature", -1)), ("broken_evidence", "signature"))
        for pcrs in ([0], [0, 1, 7]):
            self.assertEqual(outcome(lambda asked, pcrs=pcrs: self.a.evidence({**asked, "pcrs": pcrs})),
                             ("broken_evidence", "selection"))
        self.assertEqual(self.states(verifier), {"a": "failed"})
        self.assertEqual(self.a.attest(verifier)[1]["outcome"], "verified")

    def test_a_pcr_that_moved_meanwhile_is_asked_for_again(self):
        verifier = self.open()
        moved = {"0": "00" * 32, "7": "11" * 32}
        for attempt in (1, 2):
            self.assert_refused(self.a.attest(verifier, pcrs=moved), 503, "try_again", "attempt {} of 3".format(attempt))
        self.assertEqual(self.states(verifier), {"a": "never"})
        self.assertEqual(self.a.attest(verifier, pcrs=moved)[1]["outcome"], "broken_evidence")

    def test_a_machine_that_falls_silent_is_seen(self):
        verifier = self.open(**{"attestation.late_s": 1, "attestation.dead_s": 1})
        self.assertEqual(self.a.attest(verifier)[1]["outcome"], "verified")
        attested = verifier.ask("admin", "GET", "/v1/machines/a")[1]["attested_at"]
        now = attested
        while now < attested + 1:  # the verifier's own clock
            now = verifier.ask("admin", "GET", "/v1/machines")[1]["now"]
        self.assertEqual(self.states(verifier), {"a": "dead"})
        page = verifier.raw("admin", "GET", "/v1/metrics")[2].decode()
        self.assertIn('dsmil_verifier_machines{state="dead"} 1\n', page)
        self.assertIn('dsmil_verifier_machine_ok{machine="a"} 0\n', page)

    def test_a_full_disk_changes_nothing_and_is_said_until_there_is_room_again(self):
        disk = os.path.join(self.shared, "disk")
        os.makedirs(disk, exist_ok=True)
        if run("mount", "-t", "tmpfs", "-o", "size=2m", "none", disk).returncode != 0:
            self.skipTest("only root may mount a small disk")
        self.addCleanup(run, "umount", "--lazy", disk)
        verifier = self.open(**{"store.state_dir": disk})
        self.addCleanup(lambda: verifier.process.poll() is None and verifier.stop(signal.SIGKILL))
        self.assertEqual(self.a.attest(verifier)[1]["outcome"], "verified")
        question = self.a.question(verifier)
        before = verifier.ask("admin", "GET", "/v1/machines/a")
        filler = os.path.join(disk, "filler")
        with self.assertRaises(OSError), open(filler, "wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        answer = verifier.ask("a", "POST", "/v1/attestations/" + question["id"], self.a.evidence(question))
        self.assert_refused(answer, 507, "disk_full")
        self.assertTrue(answer[1]["error"]["remedy"])
        self.assert_refused(verifier.ask("a", "POST", "/v1/attestations", b""), 507, "disk_full")
        self.assert_refused(verifier.ask("b", "POST", "/v1/enrolments", self.b.enrolment()), 507, "disk_full")
        self.assertEqual(verifier.ask("admin", "GET", "/v1/machines/a"), before)
        os.unlink(filler)
        # The question was not used up by the answer that could not be kept.
        status, result = verifier.ask("a", "POST", "/v1/attestations/" + question["id"], self.a.evidence(question))
        self.assertEqual((status, result["outcome"]), (200, "verified"))
        self.b.enrol(verifier)
        self.assertEqual(verifier.stop(), 0)

    def test_requests_beyond_the_limit_are_refused(self):
        verifier = self.verifierd(ANY, **{"attestation.requests_per_minute": 2}).start()
        answers = [verifier.ask("a", "GET", "/v1/health")[0] for _ in range(4)]
        self.assertEqual(answers[:2], [200, 200])
        self.assertIn(503, answers[2:])

    def test_an_operator_removes_a_machine(self):
        verifier = self.open()
        self.assert_refused(verifier.ask("a", "POST", "/v1/machines/a/remove", b""), 403, "permission")
        self.assertEqual(verifier.ask("admin", "POST", "/v1/machines/a/remove", b""), (200, {"removed": "a"}))
        self.assertEqual(self.states(verifier), {})
        self.assert_refused(verifier.ask("a", "POST", "/v1/attestations", b""), 404, "not_found")


if __name__ == "__main__":
    unittest.main()
