# SPDX-License-Identifier: Apache-2.0
"""verify quote, eventlog and ima, over what a software TPM and tpm2-tools made."""
import base64
import hashlib
import json
import os
import shutil
import struct
import subprocess
import tempfile
import unittest

from support import TestCase, run
from tpm2 import Tpm

NONCE = "00112233445566778899aabbccddeeff"
EV_NO_ACTION, EV_SEPARATOR, EV_S_CRTM_VERSION, EV_EFI_ACTION = 3, 4, 8, 0x80000007


def sha256(data):
    return hashlib.sha256(data).digest()


class EventLog:
    """A crypto-agile log with the one bank SHA-256, as firmware writes it."""

    def __init__(self):
        spec = b"Spec ID Event03\0" + struct.pack("<IBBBBIHHB", 0, 0, 2, 0, 2, 1, 0x0B, 32, 0)
        self.data = struct.pack("<II20sI", 0, EV_NO_ACTION, bytes(20), len(spec)) + spec
        self.events = []

    def add(self, pcr, kind, data):
        self.data += struct.pack("<III", pcr, kind, 1) + struct.pack("<H", 0x0B) + sha256(data)
        self.data += struct.pack("<I", len(data)) + data
        if kind != EV_NO_ACTION:
            self.events.append((pcr, sha256(data)))
        return self


def ima_line(path):
    """An entry by the template ima-ng, and what it extends."""
    content = sha256(path.encode())
    field = b"sha256:\0" + content
    name = path.encode() + b"\0"
    data = struct.pack("<I", len(field)) + field + struct.pack("<I", len(name)) + name
    text = "10 {} ima-ng sha256:{} {}\n".format(hashlib.sha1(data).hexdigest(), content.hex(), path)
    binary = struct.pack("<I", 10) + hashlib.sha1(data).digest() + struct.pack("<I", 6) + b"ima-ng"
    return text, binary + struct.pack("<I", len(data)) + data, sha256(data)


class WithTpm(TestCase):
    """The TPM and its keys are made once; what a test changes it copies."""

    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.mkdtemp(prefix="dsmil-verify-")
        cls.addClassCleanup(shutil.rmtree, cls.shared)
        cls.tpm = Tpm(cls.shared)
        cls.addClassCleanup(cls.tpm.stop)
        cls.tpm.endorsement_key("ek", "ecc")
        cls.tpm.attestation_key("ak", "ek", "ecc", "ecdsa")
        cls.prepare()

    @classmethod
    def prepare(cls):
        pass

    def quote_arguments(self, name="quote", ak="ak.pub", **changes):
        files = {"message": name + ".msg", "signature": name + ".sig", "pcrs": name + ".pcrs", "ak": ak}
        words = [word for option, file in files.items()
                 for word in ("--" + option, changes.pop(option, None) or self.tpm.path(file))]
        words += ["--nonce", changes.pop("nonce", NONCE)]
        for option, value in changes.items():
            words += ["--" + option, value]
        return ["verify", "quote", *words]

    def write(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)
        return self.path(name)


class Quote(WithTpm):
    @classmethod
    def prepare(cls):
        cls.tpm.quote("ak", NONCE, "0,1,2,3,4,5,6,7,8,16")

    def refused(self, check, **changes):
        error = self.assert_both(self.quote_arguments(**changes), 7, "attestation_failed")
        self.assertTrue(error["detail"].startswith(check + ": "), error["detail"])
        self.assertIn(";", error["detail"])  # what to do

    def test_what_tpm2_quote_wrote_holds(self):
        document = run("--json", *self.quote_arguments(select="0,1,2,3,4,5,6,7,8,16")).json()
        self.assertTrue(document["holds"])
        self.assertEqual(document["checks"]["selection"], "success")
        self.assertEqual(document["checks"]["key"], "success")
        self.assertEqual(document["checks"]["clock"], "not-run")
        self.assertEqual(sorted(map(int, document["pcrs"])), [0, 1, 2, 3, 4, 5, 6, 7, 8, 16])
        with open(self.tpm.path("ak.name"), "rb") as file:
            self.assertEqual(document["key"]["name"], file.read().hex())
        self.assertTrue(run(*self.quote_arguments()).out.startswith("the quote holds\n"))

    def test_every_form_of_the_key_is_taken(self):
        for form in ("tss", "tpmt", "pem", "der"):
            self.tpm.run("tpm2_readpublic", "-c", "ak.ctx", "-f", form, "-o", "ak." + form)
            self.tpm.flush()
        for form in ("tss", "tpmt", "pem"):
            with self.subTest(form):
                document = run("--json", *self.quote_arguments(ak="ak." + form)).json()
                self.assertEqual(document["checks"]["key"], "not-run" if form == "pem" else "success")
        self.assert_both(self.quote_arguments(ak="ak.der"), 1, "malformed")

    def test_every_kind_of_key_and_scheme_is_taken(self):
        self.tpm.endorsement_key("ekrsa", "rsa")
        for name, ek, kind, scheme, digest in (("rsassa", "ekrsa", "rsa", "rsassa", "sha256"),
                                               ("rsapss", "ekrsa", "rsa", "rsapss", "sha256"),
                                               ("p384", "ek", "ecc384", "ecdsa", "sha384")):
            with self.subTest(name):
                self.tpm.attestation_key(name, ek, kind, scheme, digest)
                self.tpm.quote(name, NONCE, "0,7", name, "-g", digest, "--scheme", scheme)
                document = run("--json", *self.quote_arguments(name, name + ".pub", select="0,7")).json()
                self.assertTrue(document["holds"])
                self.tpm.run("tpm2_checkquote", "-u", name + ".pub", "-m", name + ".msg", "-s", name + ".sig",
                             "-f", name + ".pcrs", "-q", NONCE, "-g", digest)
                self.assertEqual(run(*self.quote_arguments(name, "ak.pub")).code, 7)

    def test_plain_signatures_and_values_are_taken(self):
        self.tpm.quote("ak", NONCE, "0,4,7", "plain", "-f", "plain", "-F", "values")
        self.assertTrue(run("--json", *self.quote_arguments("plain", select="0,4,7")).json()["holds"])
        self.refused("signature", message=self.tpm.path("plain.msg"), signature=self.tpm.path("plain.sig"),
                     pcrs=self.tpm.path("plain.pcrs"), hash="sha384")

    def test_the_check_that_failed_is_named(self):
        self.refused("nonce", nonce=NONCE[:-2] + "00")
        self.refused("selection", select="0,1,2,3,4,5,6,7")
        self.refused("selection", select="0,1,2,3,4,5,6,7,8,9,16")
        self.tpm.attestation_key("other", "ek", "ecc", "ecdsa")
        self.refused("signature", ak="other.pub")

    def test_another_attestation_is_no_quote(self):
        self.tpm.run("tpm2_gettime", "-c", "ak.ctx", "-q", NONCE, "-o", "time.sig", "--attestation", "time.msg")
        self.tpm.flush()
        self.refused("type", message=self.tpm.path("time.msg"), signature=self.tpm.path("time.sig"))

    def test_another_bank_is_explained(self):
        self.tpm.run("tpm2_quote", "-c", "ak.ctx", "-l", "sha1:0,7", "-q", NONCE, "-m", "sha1.msg", "-s", "sha1.sig",
                     "-o", "sha1.pcrs")
        self.tpm.flush()
        error = self.assert_both(self.quote_arguments("sha1"), 1, "malformed")
        self.assertIn("SHA-256", " ".join(error["causes"]))
        self.refused("bank", message=self.tpm.path("sha1.msg"), signature=self.tpm.path("sha1.sig"))

    def test_a_key_that_signs_anything_is_no_attestation_key(self):
        self.tpm.run("tpm2_createprimary", "-c", "primary.ctx")
        self.tpm.run("tpm2_create", "-C", "primary.ctx", "-G", "ecc:ecdsa", "-u", "free.pub", "-r", "free.priv")
        self.tpm.flush()
        self.refused("key", ak="free.pub")

    def test_an_earlier_quote_is_a_floor_for_the_clock(self):
        self.tpm.quote("ak", NONCE, "0", "later")
        earlier, later = self.tpm.path("quote.msg"), self.tpm.path("later.msg")
        document = run("--json", *self.quote_arguments("later", previous=earlier)).json()
        self.assertEqual(document["checks"]["clock"], "success")
        self.refused("clock", previous=later)

    def test_a_byte_that_was_changed_is_noticed_wherever_it_is(self):
        name_of_key = run("--json", *self.quote_arguments()).json()["key"]["name"]
        for option, name in (("message", "quote.msg"), ("signature", "quote.sig"), ("ak", "ak.pub")):
            with open(self.tpm.path(name), "rb") as file:
                good = file.read()
            for at in range(0, len(good), 7):
                with self.subTest(name, at=at):
                    changed = self.write("changed", good[:at] + bytes([good[at] ^ 0x40]) + good[at + 1:])
                    result = run("--json", *self.quote_arguments(**{option: changed}))
                    document = result.json()
                    if option == "ak" and result.code == 0:  # Not of the point: another name.
                        self.assertNotEqual(document["key"]["name"], name_of_key)
                    else:
                        self.assertIn(result.code, (1, 7))
                        self.assertEqual(document["schema"], "dsmil.error/1")

    def test_files_that_are_not_there_are_not_found(self):
        for option in ("message", "signature", "pcrs", "ak"):
            self.assert_both(self.quote_arguments(**{option: "/nonexistent"}), 3, "not_found")

    def test_the_verdict_is_a_token_that_openssl_verifies(self):
        key, token = self.path("eat.key"), self.path("token")
        subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key],
                       capture_output=True, check=True)
        self.assertEqual(run(*self.quote_arguments(eat=key, out=token)).code, 0)
        with open(token, encoding="ascii") as file:
            header, claims, signature = file.read().split(".")

        def decoded(text):
            return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        self.assertEqual(json.loads(decoded(header)), {"alg": "ES256", "typ": "eat+jwt"})
        body = json.loads(decoded(claims))
        self.assertEqual(decoded(body["eat_nonce"]).hex(), NONCE)
        self.assertTrue(body["dsmil_holds"])
        self.assertIn(["signature", "success"], body["measres"][0][1])
        raw = decoded(signature)
        self.assertEqual(len(raw), 64)
        numbers = [int.from_bytes(raw[i:i + 32], "big") for i in (0, 32)]
        der = b"".join(b"\2" + bytes([len(n)]) + n
                       for n in (v.to_bytes(v.bit_length() // 8 + 1, "big") for v in numbers))
        signed = self.write("signed", (header + "." + claims).encode())
        openssl = ["openssl", "dgst", "-sha256", "-prverify", key, "-signature",
                   self.write("der", b"\x30" + bytes([len(der)]) + der)]
        subprocess.run(openssl + [signed], capture_output=True, check=True)
        self.assertNotEqual(subprocess.run(openssl + [self.write("other", b"x")], capture_output=True,
                                           check=False).returncode, 0)
        self.assert_both(self.quote_arguments(eat=key, out=token), 6, "exists")
        self.assert_both(self.quote_arguments(eat=key), 2, "usage")
        self.assert_both(self.quote_arguments(eat=key, out=self.path("new"), nonce="0011"), 2, "usage")
        self.assert_both(self.quote_arguments(eat=signed, out=self.path("new")), 1, "malformed")


class Made(TestCase):
    """Quotes that no TPM makes, or not so easily, signed by a key in PEM."""

    def setUp(self):
        super().setUp()
        self.key = self.new_key("ak.key")
        subprocess.run(["openssl", "pkey", "-in", self.key, "-pubout", "-out", self.path("ak.pem")], check=True,
                       capture_output=True)

    def new_key(self, name):
        subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out",
                        self.path(name)], capture_output=True, check=True)
        return self.path(name)

    def write(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)
        return self.path(name)

    def arguments(self, pcrs, *more, magic=0xFF544347, kind=0x8018, after=b""):
        """A quote of these PCRs (ascending), with their values as tpm2_quote -F values writes them."""
        values = b"".join(pcrs.values())
        bits = sum(1 << pcr for pcr in pcrs).to_bytes(3, "little")
        nonce, name = bytes.fromhex(NONCE), b"\0\x0b" + bytes(32)
        message = struct.pack(">IHH", magic, kind, len(name)) + name + struct.pack(">H", len(nonce)) + nonce
        message += struct.pack(">QIIBQ", 5, 1, 0, 1, 7) + struct.pack(">IHB", 1, 0x0B, 3) + bits
        message += struct.pack(">H", 32) + sha256(values) + after
        subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key, "-out", self.path("sig"),
                        self.write("msg", message)], check=True, capture_output=True)
        return ["verify", "quote", "--message", self.path("msg"), "--signature", self.path("sig"), "--pcrs",
                self.write("values", values), "--ak", self.path("ak.pem"), "--nonce", NONCE, *more]

    def test_what_is_no_quote_is_said_before_its_values_are_read(self):
        pcrs = {0: sha256(b"0"), 7: sha256(b"7")}
        self.assertTrue(run("--json", *self.arguments(pcrs)).json()["holds"])
        for check, change in (("magic", {"magic": 0x11111111}), ("type", {"kind": 0x8017}), ("form", {"after": b"x"})):
            error = self.assert_both(self.arguments(pcrs, **change), 7, "attestation_failed")
            self.assertTrue(error["detail"].startswith(check + ": "), error["detail"])

    def test_a_check_fails_also_when_its_finding_is_one_too_many(self):
        log, value = EventLog(), bytes(32)
        for number in range(101):
            log.add(4, EV_EFI_ACTION, b"evil %d" % number)
            value = sha256(value + log.events[-1][1])
        text, _, extended = ima_line("/tmp/evil")
        policy = self.write("policy", b"[events]\n4 = []\n[ima]\nfiles = []\n")
        arguments = self.arguments({4: value, 10: sha256(bytes(32) + extended)}, "--eventlog", self.write("log", log.data),
                                   "--ima", self.write("ima", text.encode()), "--policy", policy, "--eat",
                                   self.new_key("eat.key"), "--out", self.path("token"))
        result = run("--json", *arguments)
        document = result.json()
        self.assertEqual((result.code, len(document["findings"]), document["more_findings"]), (7, 100, 2))
        self.assertEqual((document["checks"]["ima"], document["checks"]["reference"]), ("fail", "fail"))
        with open(self.path("token"), encoding="ascii") as file:
            claims = file.read().split(".")[1]
        body = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
        self.assertIn(["ima", "fail"], body["measres"][0][1])
        self.assertEqual((body["dsmil_holds"], body["dsmil_more_findings"]), (False, 2))


class Logs(WithTpm):
    @classmethod
    def prepare(cls):
        log = EventLog().add(0, EV_S_CRTM_VERSION, "1.7".encode("utf-16-le") + b"\0\0")
        log.add(4, EV_EFI_ACTION, b"Calling EFI Application from Boot Option")
        for pcr in (0, 4):
            log.add(pcr, EV_SEPARATOR, bytes(4))
        cls.good_events = list(log.events)
        log.add(4, EV_EFI_ACTION, b"Evil twin")
        cls.log = log
        cls.ima = [ima_line(path) for path in ("boot_aggregate", "/usr/bin/true", "/tmp/miner", "/later")]
        for pcr, digest in log.events + [(10, extended) for _, _, extended in cls.ima[:3]]:
            cls.tpm.extend(pcr, digest)
        cls.tpm.quote("ak", NONCE, "0,1,2,3,4,5,6,7,10")
        for name, data in (("log", log.data), ("ima", "".join(line[0] for line in cls.ima).encode()),
                           ("ima.bin", b"".join(line[1] for line in cls.ima))):
            with open(cls.tpm.path(name), "wb") as file:
                file.write(data)

    def policy(self, text):
        return self.write("policy.toml", text.encode())

    def events_policy(self, events):
        lines = ["[events]"]
        for pcr in sorted({pcr for pcr, _ in events}):
            lines.append("{} = {}".format(pcr, json.dumps([digest.hex() for p, digest in events if p == pcr])))
        return "\n".join(lines) + "\n"

    def test_the_log_leads_to_what_the_tpm_has_and_to_what_tpm2_eventlog_says(self):
        document = run("--json", "verify", "eventlog", self.tpm.path("log"), "--pcrs", self.tpm.path("quote.pcrs")).json()
        self.assertTrue(document["holds"])
        self.assertEqual(document["proven_pcrs"], [0, 1, 2, 3, 4, 5, 6, 7])
        theirs = self.tpm.run("tpm2_eventlog", "log").decode().lower()
        for value in document["pcrs"].values():
            self.assertIn("0x" + value, theirs)

    def test_the_event_that_changed_a_pcr_is_named(self):
        policy = self.policy(self.events_policy(self.good_events))
        result = run("--json", *self.quote_arguments(eventlog=self.tpm.path("log"), policy=policy))
        self.assertEqual(result.code, 7)
        finding, = result.json()["findings"]
        self.assertEqual((finding["check"], finding["pcr"], finding["entry"]), ("event", 4, 5))
        self.assertIn("Evil twin", finding["what"])
        self.assertIn("boot loader", finding["remedy"])
        text = run(*self.quote_arguments(eventlog=self.tpm.path("log"), policy=policy))
        self.assertEqual(text.code, 7)
        self.assertIn("does not hold: event: event 5 changed PCR 4", text.out)
        allowed = self.policy(self.events_policy(self.log.events))
        self.assertEqual(run(*self.quote_arguments(eventlog=self.tpm.path("log"), policy=allowed)).code, 0)

    def test_an_event_that_was_left_out_or_changed_is_noticed(self):
        shorter = EventLog()
        for pcr, data in ((0, "1.7".encode("utf-16-le") + b"\0\0"),):
            shorter.add(pcr, EV_S_CRTM_VERSION, data)
        shorter.add(4, EV_EFI_ACTION, b"Calling EFI Application from Boot Option")
        for pcr in (0, 4):
            shorter.add(pcr, EV_SEPARATOR, bytes(4))
        result = run("--json", *self.quote_arguments(eventlog=self.write("short", shorter.data)))
        self.assertEqual(result.code, 7)
        self.assertEqual([(f["check"], f["pcr"]) for f in result.json()["findings"]], [("replay", 4)])
        swapped = self.log.data.replace(struct.pack("<II", 4, EV_EFI_ACTION), struct.pack("<II", 4, EV_NO_ACTION))
        self.assertEqual(run(*self.quote_arguments(eventlog=self.write("swapped", swapped))).code, 7)
        unknown = self.log.data.replace(struct.pack("<II", 4, EV_EFI_ACTION), struct.pack("<II", 4, 0x77))
        error = self.assert_both(["verify", "eventlog", self.write("unknown", unknown)], 1, "malformed")
        self.assertIn("0x00000077", " ".join(error["causes"]))
        separator = self.log.data.replace(struct.pack("<II", 4, EV_EFI_ACTION), struct.pack("<II", 4, EV_SEPARATOR))
        self.assert_both(["verify", "eventlog", self.write("separator", separator)], 7, "attestation_failed")

    def test_what_was_quoted_of_the_ima_list_is_judged_and_no_more(self):
        allow = "[ima]\nfiles = [\"sha256:{} /usr/bin/true\"]\n".format(sha256(b"/usr/bin/true").hex())
        for name in ("ima", "ima.bin"):
            result = run("--json", "verify", "ima", self.tpm.path(name), "--pcrs", self.tpm.path("quote.pcrs"),
                         "--policy", self.policy(allow))
            self.assertEqual(result.code, 7)
            document = result.json()
            self.assertEqual((document["entries"], document["quoted"]), (4, 3))
            finding, = document["findings"]
            self.assertEqual((finding["pcr"], finding["entry"]), (10, 3))
            self.assertIn("/tmp/miner", finding["what"])
        quoted = run("--json", *self.quote_arguments(ima=self.tpm.path("ima"))).json()
        self.assertEqual(quoted["ima_quoted"], 3)

    def test_a_list_that_was_changed_is_noticed(self):
        with open(self.tpm.path("ima"), "rb") as file:
            text = file.read()
        changed = self.write("changed", text.replace(b"/tmp/miner", b"/usr/miner"))
        self.assert_both(["verify", "ima", changed], 7, "attestation_failed")
        cut = self.write("cut", b"".join(text.splitlines(keepends=True)[:2]))
        result = run("--json", "verify", "ima", cut, "--pcrs", self.tpm.path("quote.pcrs"))
        self.assertEqual((result.code, result.json()["holds"]), (7, False))

    def test_pcr_values_and_keys_are_compared_with_the_reference(self):
        document = run("--json", *self.quote_arguments()).json()
        good = "[tpm]\nak_names = \"{}\"\nfirmware_versions = \"{}\"\n[pcrs]\n4 = \"{}\"\n".format(
            document["key"]["name"], document["firmware_version"], document["pcrs"]["4"])
        self.assertEqual(run(*self.quote_arguments(policy=self.policy(good))).code, 0)
        bad = good.replace(document["pcrs"]["4"], "00" * 32).replace("ak_names = \"000b", "ak_names = \"000c")
        result = run("--json", *self.quote_arguments(policy=self.policy(bad)))
        self.assertEqual((result.code, [f["check"] for f in result.json()["findings"]]), (7, ["ak-name", "pcr"]))
        self.assert_both(self.quote_arguments(policy=self.policy("[nonsense]\nx = 1\n")), 2, "reference_invalid")
        error = self.assert_both(self.quote_arguments(policy=self.policy("[tpm]\nak_names = []\n")), 2,
                                 "reference_invalid")
        self.assertIn("must not be empty", " ".join(error["causes"]))

    def test_reference_values_of_other_things_are_not_called_compared(self):
        policy = self.policy("[tpm]\nek_names = \"000b00\"\n")
        document = run("--json", *self.quote_arguments(policy=policy)).json()
        self.assertEqual((document["holds"], document["checks"]["reference"]), (True, "not-run"))

    def test_a_file_with_the_name_of_the_kernels_first_entry_is_a_file(self):
        lines = [ima_line(path) for path in ("boot_aggregate", "/usr/bin/true", "boot_aggregate")]
        value = bytes(32)
        for _, _, extended in lines:
            value = sha256(value + extended)
        allow = self.policy("[ima]\nfiles = [\"sha256:{} /usr/bin/true\"]\n".format(sha256(b"/usr/bin/true").hex()))
        path = self.write("ima", "".join(line[0] for line in lines).encode())
        result = run("--json", "verify", "ima", path, "--pcr10", value.hex(), "--policy", allow)
        self.assertEqual((result.code, [f["entry"] for f in result.json()["findings"]]), (7, [3]))
        # IMA that is off measures nothing, whatever the list says.
        result = run("--json", "verify", "ima", path, "--pcr10", "00" * 32, "--policy", allow)
        self.assertEqual((result.code, [f["check"] for f in result.json()["findings"]]), (7, ["files"]))
        self.assertEqual(run("verify", "ima", self.write("none", b""), "--policy", allow).code, 7)

    def test_banks_and_reference_values_that_do_not_fit_are_refused(self):
        self.assert_both(["verify", "eventlog", self.tpm.path("log"), "--bank", "sha1"], 1, "malformed")
        self.assert_both(["verify", "eventlog", self.tpm.path("log"), "--bank", "md5"], 2, "usage")
        self.assert_both(["verify", "eventlog", self.tpm.path("log"), "--bank", "sha1", "--pcrs",
                          self.tpm.path("quote.pcrs")], 2, "usage")
        self.assert_both(["verify", "ima", self.tpm.path("ima"), "--pcr10", "00"], 2, "usage")


if __name__ == "__main__":
    unittest.main()
