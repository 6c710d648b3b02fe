# SPDX-License-Identifier: Apache-2.0
"""verify policy-digest, credential and ek-cert: a software TPM, tpm2-tools, swtpm_localca and openssl
are what they are compared with."""
import json
import os
import shutil
import subprocess
import unittest

from support import run
from test_verify import WithTpm, sha256

SECRET = bytes(range(1, 31))


class PolicyDigest(WithTpm):
    """Each policy as tpm2-tss's JSON, and the digest of a trial session in which the tools made it."""

    def digest(self, *elements, **more):
        policy = {"description": "", "policy": list(elements)}
        path = self.write("policy.json", json.dumps(policy).encode())
        words = [word for option, value in more.items() for word in ("--" + option, value)]
        return run("--json", "verify", "policy-digest", path, *words).json()["digest"]

    def trial(self, *commands, hash_name="sha256"):
        self.tpm.run("tpm2_startauthsession", "-S", "trial.ctx", "-g", hash_name)
        for command, *words in commands:
            self.tpm.run("tpm2_" + command, "-S", "trial.ctx", "-L", "trial.digest", *words)
        self.tpm.run("tpm2_flushcontext", "trial.ctx")
        with open(self.tpm.path("trial.digest"), "rb") as file:
            return file.read().hex()

    def put(self, name, data):
        with open(self.tpm.path(name), "wb") as file:
            file.write(data)
        return name

    def test_simple_policies_are_those_of_a_trial_session(self):
        cases = (
            ({"type": "POLICYAUTHVALUE"}, ("policyauthvalue",)),
            ({"type": "POLICYPASSWORD"}, ("policypassword",)),
            ({"type": "POLICYCOMMANDCODE", "code": "TPM2_CC_Unseal"}, ("policycommandcode", "TPM2_CC_Unseal")),
            ({"type": "POLICYLOCALITY", "locality": ["ZERO", "THREE"]}, ("policylocality", "9")),
            ({"type": "POLICYNVWRITTEN", "writtenSet": "YES"}, ("policynvwritten", "s")),
            ({"type": "POLICYNVWRITTEN", "writtenSet": "NO"}, ("policynvwritten", "c")),
            ({"type": "POLICYSECRET", "objectName": "40000001"}, ("policysecret", "-c", "o")),
            ({"type": "POLICYSECRET", "objectName": "4000000b", "policyRef": "0102"},
             ("policysecret", "-c", "e", "-q", "0102")),
            ({"type": "POLICYCPHASH", "cpHash": sha256(b"c").hex()},
             ("policycphash", "--cphash", self.put("cphash", b"\0\x20" + sha256(b"c")))),
            ({"type": "POLICYNAMEHASH", "nameHash": sha256(b"n").hex()},
             ("policynamehash", "-n", self.put("namehash", sha256(b"n")))),
            ({"type": "POLICYTEMPLATE", "templateHash": sha256(b"t").hex()},
             ("policytemplate", "--template-hash", self.put("template", sha256(b"t")))),
            ({"type": "POLICYCOUNTERTIMER", "operandB": "0000000000000001", "offset": 8, "operation": "UNSIGNED_GE"},
             ("policycountertimer", "--uge", "clock=1")),
        )
        for element, command in cases:
            with self.subTest(element):
                self.assertEqual(self.digest(element), self.trial(command))

    def test_pcr_policies_are_those_of_a_trial_session_in_each_hash(self):
        zeros = {"sha256": 32, "sha1": 20}
        for hash_name in ("sha256", "sha384"):
            element = {"type": "POLICYPCR", "pcrs": [
                {"pcr": pcr, "hashAlg": bank, "digest": "00" * zeros[bank]} for bank, pcr in
                (("sha1", 16), ("sha256", 16), ("sha256", 0), ("sha256", 23))]}
            self.assertEqual(self.digest(element, hash=hash_name),
                             self.trial(("policypcr", "-l", "sha1:16+sha256:0,16,23"), hash_name=hash_name))

    def test_branches_and_what_is_before_them_are_those_of_a_trial_session(self):
        auth, locality = {"type": "POLICYAUTHVALUE"}, {"type": "POLICYLOCALITY", "locality": 1}
        for name, first in (("a", ("policyauthvalue",)), ("b", ("policylocality", "1"))):
            self.put(name, bytes.fromhex(self.trial(("policynvwritten", "s"), first)))
        expected = self.trial(("policynvwritten", "s"), ("policyor", "sha256:a,b"), ("policycommandcode",
                                                                                     "TPM2_CC_Sign"))
        self.assertEqual(self.digest({"type": "NvWritten", "writtenSet": "YES"},
                                     {"type": "POLICYOR", "branches": [{"name": "a", "policy": [auth]},
                                                                       {"name": "b", "policy": [locality]}]},
                                     {"type": "POLICYCOMMANDCODE", "code": "sign"}), expected)

    def test_nv_policies_are_those_of_a_trial_session(self):
        self.tpm.run("tpm2_nvdefine", "0x1500020", "-C", "o", "-s", "34", "-a", "ownerwrite|ownerread|authread")
        self.put("policy", bytes.fromhex("000b") + sha256(b"p"))
        self.tpm.run("tpm2_nvwrite", "0x1500020", "-C", "o", "-i", "policy")
        public = {"nvIndex": 0x1500020, "nameAlg": "SHA256", "attributes": {"OWNERWRITE": 1, "OWNERREAD": 1,
                  "AUTHREAD": 1, "TPM2_NT": "ORDINARY"}, "authPolicy": "", "dataSize": 34}
        self.assertEqual(self.digest({"type": "POLICYAUTHORIZENV", "nvPublic": {"size": 0, "nvPublic": public}}),
                         self.trial(("policyauthorizenv", "-C", "o", "0x1500020")))
        self.assertEqual(self.digest({"type": "POLICYNV", "nvPublic": public, "operandB": "000b",
                                      "operation": "EQ"}),
                         self.trial(("policynv", "-C", "o", "-i", self.put("operand", b"\0\x0b"), "0x1500020", "eq")))

    def test_key_policies_are_those_of_a_trial_session(self):
        name = self.tpm.run("tpm2_loadexternal", "-C", "o", "-u", "ak.pub", "-c", "external.ctx", "-n", "external.name")
        self.tpm.flush()
        del name
        with open(self.tpm.path("external.name"), "rb") as file:
            name = file.read().hex()
        self.put("before", bytes(32))
        expected = self.trial(("policyauthorize", "-i", "before", "-q", self.put("ref", b"\1\2"), "-n", "external.name"))
        self.assertEqual(self.digest({"type": "POLICYAUTHVALUE"}, {"type": "POLICYAUTHORIZE", "keyName": name,
                                                                  "policyRef": [1, 2]}), expected)
        self.assertEqual(self.digest({"type": "POLICYDUPLICATIONSELECT", "newParentName": name}),
                         self.trial(("policyduplicationselect", "-N", "external.name")))

    def test_another_digest_is_exit_7(self):
        path = self.write("policy.json", b'{"policy":[{"type":"AuthValue"}]}')
        good = run("verify", "policy-digest", path).out.strip()
        self.assertTrue(run("--json", "verify", "policy-digest", path, "--expect", good).json()["compared"])
        self.assert_both(["verify", "policy-digest", path, "--expect", "00" * 32], 7, "policy_violated")
        self.assert_both(["verify", "policy-digest", path, "--expect", "00"], 2, "usage")
        self.assert_both(["verify", "policy-digest", path, "--hash", "md5"], 2, "usage")
        self.assert_both(["verify", "policy-digest", self.write("none.json", b"[]")], 1, "malformed")


class Credential(WithTpm):
    def make(self, ek, out, **options):
        words = [word for option, value in {"ek": self.tpm.path(ek), "secret": self.write("secret", SECRET),
                                            "out": out, **options}.items() for word in ("--" + option, value)]
        return ["verify", "credential", *words]

    def activate(self, ek, credential, hash_name="sha256"):
        """The secret, as the TPM with the EK and the AK opens it."""
        self.tpm.run("tpm2_startauthsession", "--policy-session", "-S", "session.ctx", "-g", hash_name)
        self.tpm.run("tpm2_policysecret", "-S", "session.ctx", "-c", "e")
        if hash_name != "sha256":  # the TCG's policy B: A or an NV index
            self.tpm.run("tpm2_policyor", "-S", "session.ctx", "sha384:a.digest,c.digest")
        try:
            self.tpm.run("tpm2_activatecredential", "-c", "ak.ctx", "-C", ek + ".ctx", "-i", credential, "-o",
                         self.path("opened"), "-P", "session:session.ctx")
        finally:
            self.tpm.run("tpm2_flushcontext", "session.ctx")
            self.tpm.flush()
        with open(self.path("opened"), "rb") as file:
            return file.read()

    def test_the_tpm_opens_it_whatever_the_kind_of_its_endorsement_key(self):
        self.tpm.endorsement_key("ekrsa", "rsa")
        for ek in ("ekrsa", "ek"):
            for form in ("pub", "pem"):
                with self.subTest(ek, form=form):
                    if form == "pem":
                        self.tpm.run("tpm2_readpublic", "-c", ek + ".ctx", "-f", "pem", "-o", ek + ".pem")
                        self.tpm.flush()
                    out = self.path(ek + form)
                    document = run("--json", *self.make(ek + "." + form, out, ak=self.tpm.path("ak.pub"))).json()
                    self.assertEqual(document["ek"], "RSA" if ek == "ekrsa" else "P-256")
                    self.assertEqual(self.activate(ek, out), SECRET)

    def test_the_tpm_opens_it_for_a_key_of_384_bits(self):
        # tpm2_createek has no template of the high range: its attributes, AES-256 and SHA-384, made here.
        self.tpm.run("tpm2_createprimary", "-C", "e", "-G", "ecc_nist_p384:aes256cfb", "-g", "sha384", "-c", "ek384.ctx",
                     "-a", "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|decrypt")
        self.tpm.run("tpm2_readpublic", "-c", "ek384.ctx", "-o", "ek384.pub")
        self.tpm.flush()
        out = self.path("credential")
        self.assertEqual(run("--json", *self.make("ek384.pub", out, ak=self.tpm.path("ak.pub"))).json()["ek"], "P-384")
        self.tpm.run("tpm2_activatecredential", "-c", "ak.ctx", "-C", "ek384.ctx", "-i", out, "-o", self.path("opened"))
        self.tpm.flush()
        with open(self.path("opened"), "rb") as file:
            self.assertEqual(file.read(), SECRET)

    def open_with(self, ek, public, attributes="fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|decrypt",
                  **template):
        """The secret, by an EK of this template (hash, kind), given in the form of `public`."""
        self.tpm.run("tpm2_createprimary", "-C", "e", "-g", template["hash"], "-G", template["kind"], "-c", ek + ".ctx",
                     "-a", attributes)
        self.tpm.run("tpm2_readpublic", "-c", ek + ".ctx", "-f", public, "-o", ek + "." + public)
        self.tpm.flush()
        out = self.path(ek + ".credential")
        done = run("--json", *self.make(ek + "." + public, out, ak=self.tpm.path("ak.pub"), secret=self.write("short", SECRET[:20])))
        self.assertEqual(done.code, 0, done.out)
        self.tpm.run("tpm2_activatecredential", "-c", "ak.ctx", "-C", ek + ".ctx", "-i", out, "-o", self.path("opened"))
        self.tpm.flush()
        with open(self.path("opened"), "rb") as file:
            self.assertEqual(file.read(), SECRET[:20])

    def test_a_hash_shorter_than_the_key_is_taken_in_two_turns(self):
        for kind in ("ecc256:aes256cfb", "rsa2048:aes256cfb"):
            with self.subTest(kind):
                self.open_with("ek1" + kind[:3], "tss", hash="sha1", kind=kind)

    def test_a_pem_of_3072_bits_is_of_the_stronger_template(self):
        self.open_with("ek3072", "pem", hash="sha384", kind="rsa3072:aes256cfb")

    def test_a_key_that_opens_no_credential_is_refused(self):
        self.tpm.run("tpm2_createprimary", "-C", "o", "-c", "primary.ctx")
        self.tpm.run("tpm2_create", "-C", "primary.ctx", "-G", "rsa2048", "-u", "free.pub", "-r", "free.priv",
                     "-a", "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|decrypt")
        self.tpm.flush()
        error = self.assert_both(self.make("free.pub", self.path("x"), ak=self.tpm.path("ak.pub")), 2, "usage")
        self.assertIn("attributes", error["detail"])

    def test_another_key_does_not_open_it(self):
        with open(self.tpm.path("ak.name"), "rb") as file:
            name = bytearray(file.read())
        name[-1] ^= 1
        out = self.path("credential")
        self.assertEqual(run(*self.make("ek.pub", out, **{"ak-name": name.hex()})).code, 0)
        with self.assertRaises(AssertionError):
            self.activate("ek", out)

    def test_what_cannot_be_is_a_usage_error(self):
        name = {"ak-name": "000b" + "00" * 32}
        self.assert_both(self.make("ek.pub", self.path("x"), **{"ak-name": "000b00"}), 2, "usage")
        self.assert_both(self.make("ek.pub", self.path("x")), 2, "usage")
        self.assert_both(self.make("ek.pub", self.path("x"), ak=self.tpm.path("ak.pub"), **name), 2, "usage")
        self.assert_both(self.make("ak.pub", self.path("x"), **name), 2, "usage")  # no parent of anything
        self.assert_both(self.make("ek.pub", self.path("x"), secret=self.write("long", bytes(33)), **name), 2, "usage")
        self.assert_both(self.make("ek.pub", self.path("x"), secret=self.write("empty", b""), **name), 2, "usage")
        self.assertEqual(run(*self.make("ek.pub", self.path("x"), **name)).code, 0)
        self.assert_both(self.make("ek.pub", self.path("x"), **name), 6, "exists")


class EkCertificate(WithTpm):
    """A vendor's root, an authority below it, and certificates by openssl; one by swtpm_localca."""

    # openssl drops what is before the first dot.
    TPM = "[tpm]\n0.2.23.133.2.1=id:53544D20\n1.2.23.133.2.2=ST33\n2.2.23.133.2.3=id:00010102\n"
    GOOD = {"basicConstraints": "critical,CA:FALSE", "keyUsage": "critical,keyAgreement",
            "extendedKeyUsage": "2.23.133.8.1", "subjectAltName": "critical,dirName:tpm"}

    @classmethod
    def openssl(cls, *arguments):
        done = subprocess.run(["openssl", *arguments], cwd=cls.shared, capture_output=True, check=False)
        assert done.returncode == 0, (arguments, done.stderr.decode())

    @classmethod
    def prepare(cls):
        os.mkdir(os.path.join(cls.shared, "roots"))
        cls.tpm.run("tpm2_readpublic", "-c", "ek.ctx", "-f", "pem", "-o", "ek.pem")
        cls.tpm.flush()
        for name in ("root", "middle", "other", "ek"):  # An EK has no name of its own, and its key comes later.
            cls.openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                        "/" if name == "ek" else "/CN=vendor " + name, "-keyout", name + ".key", "-out", name + ".csr")
        authority = {"basicConstraints": "critical,CA:TRUE", "keyUsage": "critical,keyCertSign"}
        cls.issue("root", "root", authority)
        cls.issue("other", "other", authority)
        cls.issue("middle", "root", authority)
        cls.issue("good", "middle", cls.GOOD, "ek.pem")
        for name in ("root.pem", "middle.pem"):
            os.link(os.path.join(cls.shared, name), os.path.join(cls.shared, "roots", name))

    @classmethod
    def issue(cls, name, issuer, extensions, key=None, hash_name="sha256"):
        with open(os.path.join(cls.shared, "ext"), "w", encoding="utf-8") as file:
            file.writelines("{}={}\n".format(*item) for item in extensions.items())
            file.write(cls.TPM)
        sign = ["-signkey", name + ".key"] if issuer == name else ["-CA", issuer + ".pem", "-CAkey", issuer + ".key"]
        csr = name + ".csr" if key is None else "ek.csr"
        force = [] if key is None else ["-force_pubkey", key]
        cls.openssl("x509", "-req", "-in", csr, *sign, *force, "-days", "30", "-extfile", "ext", "-" + hash_name, "-out",
                    name + ".pem")

    def verify(self, name="good.pem", roots="roots", *more):
        return ["verify", "ek-cert", self.tpm.path(name), "--roots", self.tpm.path(roots), *more]

    def refused(self, check, *arguments):
        error = self.assert_both(self.verify(*arguments), 7, "certificate_refused")
        self.assertTrue(error["detail"].startswith(check + ": "), error["detail"])

    def test_a_good_one_holds(self):
        document = run("--json", *self.verify("good.pem", "roots", "--ek", self.tpm.path("ek.pub"))).json()
        self.assertEqual((document["manufacturer"], document["model"], document["version"], document["key"]),
                         ("STM", "ST33", "id:00010102", "P-256"))
        self.assertEqual(document["chain"][1:], ["/CN=vendor middle", "/CN=vendor root"])
        self.assertTrue(document["key_compared"])
        self.openssl("x509", "-in", "good.pem", "-outform", "DER", "-out", "good.der")
        with open(self.tpm.path("good.der"), "rb") as file:
            good = file.read()
        for padding in (b"", b"\xff" * 100, bytes(100)):  # as an NV index has it
            self.assertEqual(run(*self.verify(self.write("nv", good + padding))).code, 0)
        self.assert_both(self.verify(self.write("more", good + b"x")), 1, "malformed")

    def test_a_chain_that_does_not_end_at_a_root_is_refused(self):
        for name, files in (("none", []), ("stranger", ["other.pem"]), ("gap", ["root.pem"]), ("rootless", ["middle.pem"])):
            os.mkdir(self.path(name))
            for file in files:
                os.link(self.tpm.path(file), self.path(name, file))
            self.refused("chain", "good.pem", self.path(name))

    def test_a_certificate_of_another_kind_is_refused(self):
        for check, changes in (("key-usage", {"keyUsage": "critical,digitalSignature"}),
                               ("extended-key-usage", {"extendedKeyUsage": "serverAuth"}),
                               ("extended-key-usage", {"extendedKeyUsage": None}),
                               ("alternative-name", {"subjectAltName": "DNS:tpm.example"}),
                               ("ca", {"basicConstraints": "critical,CA:TRUE", "keyUsage": "keyCertSign,keyAgreement"})):
            with self.subTest(check):
                extensions = {key: value for key, value in {**self.GOOD, **changes}.items() if value}
                self.issue("odd", "middle", extensions, "ek.pem")
                self.refused(check, "odd.pem")

    def test_a_weak_authority_is_refused(self):
        authority = {"basicConstraints": "critical,CA:TRUE", "keyUsage": "critical,keyCertSign"}
        self.openssl("req", "-new", "-newkey", "rsa:1024", "-nodes", "-subj", "/CN=vendor weak", "-keyout", "weak.key",
                     "-out", "weak.csr")
        self.issue("weak", "root", authority)
        self.issue("sha1", "middle", self.GOOD, "ek.pem", hash_name="sha1")
        self.issue("below", "weak", self.GOOD, "ek.pem")
        shutil.copytree(self.tpm.path("roots"), self.path("roots"))
        shutil.copy(self.tpm.path("weak.pem"), self.path("roots"))
        for name in ("below.pem", "sha1.pem"):
            error = self.assert_both(self.verify(name, self.path("roots")), 7, "certificate_refused")
            self.assertIn("too weak", error["detail"])
            self.assertIn("stronger authority", error["detail"])

    def test_a_damaged_root_is_not_passed_over(self):
        for name, spoil in (("bad.pem", lambda good: good.replace(b"\nMII", b"\nAAA", 1)),
                            ("second.pem", lambda good: good + good.replace(b"\nMII", b"\nAAA", 1)),
                            ("bad.der", lambda good: b"\x30\x03abc")):
            folder = self.path("of-" + name)
            shutil.copytree(self.tpm.path("roots"), folder)
            with open(self.tpm.path("other.pem"), "rb") as file:
                good = file.read()
            with open(os.path.join(folder, name), "wb") as file:
                file.write(spoil(good))
            with open(os.path.join(folder, "README"), "wb") as file:
                file.write(b"These are the roots of the vendor.\n")
            error = self.assert_both(self.verify("good.pem", folder), 1, "malformed")
            self.assertIn(name, error["detail"])
            os.unlink(os.path.join(folder, name))
            self.assertEqual(run(*self.verify("good.pem", folder)).code, 0)

    def test_one_that_ended_is_refused(self):
        self.openssl("x509", "-req", "-in", "ek.csr", "-CA", "middle.pem", "-CAkey", "middle.key", "-force_pubkey",
                     "ek.pem", "-not_before", "20200101000000Z", "-not_after", "20210101000000Z",
                     "-extfile", "ext", "-out", "ended.pem")
        self.refused("chain", "ended.pem")

    def test_another_key_is_refused(self):
        self.tpm.endorsement_key("ekrsa", "rsa")
        self.refused("key", "good.pem", "roots", "--ek", self.tpm.path("ekrsa.pub"))
        self.refused("key", "good.pem", "roots", "--ek", self.tpm.path("ak.pub"))

    def test_the_reference_values_name_the_keys_that_are_known(self):
        name = self.tpm.run("tpm2_readpublic", "-c", "ek.ctx").decode().split("name: ")[1].split()[0]
        self.tpm.flush()
        good = self.write("good.toml", "[tpm]\nek_names = \"{}\"\n".format(name).encode())
        bad = self.write("bad.toml", b"[tpm]\nek_names = \"000b00\"\n")
        ek = ["--ek", self.tpm.path("ek.pub")]
        self.assertEqual(run(*self.verify("good.pem", "roots", *ek, "--policy", good)).code, 0)
        self.assert_both(self.verify("good.pem", "roots", *ek, "--policy", bad), 7, "policy_violated")
        self.assert_both(self.verify("good.pem", "roots", "--policy", good), 2, "usage")

    def test_a_changed_byte_is_noticed(self):
        self.openssl("x509", "-in", "good.pem", "-outform", "DER", "-out", "whole.der")
        with open(self.tpm.path("whole.der"), "rb") as file:
            good = file.read()
        for at in range(0, len(good), 11):
            changed = self.write("changed", good[:at] + bytes([good[at] ^ 0x20]) + good[at + 1:])
            self.assertIn(run(*self.verify(changed)).code, (1, 7), at)

    def test_what_swtpm_issues_holds(self):
        config = self.write("localca.conf", "statedir = {0}\nsigningkey = {0}/signkey.pem\nissuercert = {0}/issuer.pem\n"
                            "certserial = {0}/serial\n".format(self.folder).encode())
        options = self.write("localca.options", b"--platform-manufacturer X\n--platform-version 1\n--platform-model Y\n")
        self.tpm.endorsement_key("ekswtpm", "rsa")
        text = self.tpm.run("tpm2_readpublic", "-c", "ekswtpm.ctx").decode()
        self.tpm.flush()
        modulus = text.split("rsa: ")[1].split()[0]
        subprocess.run(["swtpm_localca", "--type", "ek", "--ek", modulus, "--dir", self.folder, "--tpm2", "--configfile",
                        config, "--optsfile", options, "--tpm-manufacturer", "id:00001014", "--tpm-model", "swtpm",
                        "--tpm-version", "id:20191023", "--tpm-spec-family", "2.0", "--tpm-spec-level", "0",
                        "--tpm-spec-revision", "164"], capture_output=True, check=True)
        os.mkdir(self.path("roots"))
        for name in os.listdir(self.folder):
            if name.endswith(".pem") and "key" not in name:
                os.link(self.path(name), self.path("roots", name))
        document = run("--json", *self.verify(self.path("ek.cert"), self.path("roots"), "--ek",
                                              self.tpm.path("ekswtpm.pub"))).json()
        self.assertEqual((document["model"], document["key"]), ("swtpm", "RSA"))

    def test_what_is_no_certificate_is_malformed_and_no_folder_is_not_found(self):
        self.assert_both(self.verify("ek.pub"), 1, "malformed")
        self.assert_both(self.verify("good.pem", "nowhere"), 3, "not_found")


if __name__ == "__main__":
    unittest.main()
