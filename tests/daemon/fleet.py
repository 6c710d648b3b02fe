# SPDX-License-Identifier: Apache-2.0
"""What the tests of the fleet's verifier share: an authority, dsmil-verifierd, machines of
tpm2-tools, TPM vendors. Requests go through curl."""
import base64
import json
import os
import shutil
import signal
import struct
import subprocess
import tempfile
import unittest

from support import BUILD, TIMEOUT_S, start_notified
from tpm2 import Tpm

VERIFIERD = os.path.join(BUILD, "daemon/verifierd/dsmil-verifierd")


def b64(data):
    return base64.b64encode(data).decode()


def run(*arguments, data=None, **more):
    return subprocess.run([str(argument) for argument in arguments], input=data, capture_output=True,
                          timeout=TIMEOUT_S, check=False, **more)


def must(*arguments, **more):
    done = run(*arguments, **more)
    assert done.returncode == 0, (arguments, done.stdout.decode(), done.stderr.decode())
    return done.stdout


class Authority:
    """Certificates of a fleet, in a folder: NAME.pem, NAME.key."""

    def __init__(self, folder, name="fleet-ca"):
        self.folder = folder
        self.name = name
        must("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-nodes", "-subj",
             "/CN=" + name, "-days", "30", "-keyout", self.path(name + ".key"), "-out", self.path(name + ".pem"))

    def path(self, name):
        return os.path.join(self.folder, name)

    def issue(self, name, usage="clientAuth,serverAuth", subject=None, alternative=None):
        extensions = self.path(name + ".ext")
        with open(extensions, "w", encoding="utf-8") as file:
            file.write("basicConstraints=critical,CA:FALSE\nextendedKeyUsage={}\n".format(usage))
            if alternative:
                file.write("subjectAltName={}\n".format(alternative))
        must("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
             subject or "/CN=" + name, "-keyout", self.path(name + ".key"), "-out", self.path(name + ".csr"))
        must("openssl", "x509", "-req", "-in", self.path(name + ".csr"), "-CA", self.path(self.name + ".pem"), "-CAkey",
             self.path(self.name + ".key"), "-days", "30", "-extfile", extensions, "-out", self.path(name + ".pem"))

    def curl(self, name):
        """Options that make curl speak as NAME."""
        return ["--cert", self.path(name + ".pem"), "--key", self.path(name + ".key"), "--cacert",
                self.path(self.name + ".pem")]


class Verifierd:
    """dsmil-verifierd in a folder of its own, on a port that is free."""

    def __init__(self, authority, fleet, **keys):
        self.authority = authority
        self.folder = authority.folder
        self.state = os.path.join(self.folder, "verifier-state")
        self.roots = os.path.join(self.folder, "roots")
        for folder in (self.state, self.roots):
            os.makedirs(folder, exist_ok=True)
        self.config = os.path.join(self.folder, "verifierd.toml")
        self.fleet = os.path.join(self.folder, "fleet.toml")
        self.set_fleet(fleet)
        self.keys = {"listen.address": "127.0.0.1", "listen.port": 0,
                     "tls.certificate": authority.path("verifier.pem"), "tls.key": authority.path("verifier.key"),
                     "tls.authorities": authority.path(authority.name + ".pem"), "store.state_dir": self.state,
                     "fleet.machines": self.fleet, "fleet.roots": [self.roots], "fleet.operators": ["admin"],
                     "log.target": "stderr", **keys}
        self.write_config()
        self.process = None

    def write_config(self):
        with open(self.config, "w", encoding="utf-8") as file:
            for key, value in self.keys.items():
                file.write("{} = {}\n".format(key, json.dumps(value)))

    def set_fleet(self, text):
        with open(self.fleet, "w", encoding="utf-8") as file:
            file.write(text)

    def start(self):
        self.errors = tempfile.TemporaryFile()
        self.process, message = start_notified([VERIFIERD, "--config", self.config], self.folder, self.errors)
        self.port = int(message.split("port ")[1].split()[0])
        return self

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(TIMEOUT_S)
        self.errors.seek(0)
        self.log = self.errors.read().decode()
        self.errors.close()
        return code

    @property
    def url(self):
        return "https://localhost:{}".format(self.port)

    def raw(self, name, method, target, body=None):
        """Status, content type and body, as the certificate NAME asks."""
        words = ["curl", "--silent", "--show-error", *self.authority.curl(name), "--request", method,
                 "--write-out", "\n%{http_code} %{content_type}", self.url + target]
        if body is not None:
            words += ["--data-binary", "@-", "--header", "Content-Type: application/json"]
        done = run(*words, data=body)
        assert done.returncode == 0, (done.returncode, done.stderr.decode())
        content, _, end = done.stdout.rpartition(b"\n")
        status, _, kind = end.decode().partition(" ")
        return int(status), kind, content

    def ask(self, name, method, target, body=None):
        """Status and decoded JSON."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        status, _, content = self.raw(name, method, target, body)
        return status, json.loads(content)


class Machine:
    """A machine whose TPM tpm2-tools speak to."""

    def __init__(self, folder, name):
        self.name = name
        self.folder = os.path.join(folder, "machine-" + name)
        os.makedirs(self.folder)
        self.tpm = Tpm(self.folder)
        self.tpm.endorsement_key("ek", "rsa")
        self.tpm.attestation_key("ak", "ek", "ecc", "ecdsa")
        self.certificate = None

    def read(self, name):
        with open(self.tpm.path(name), "rb") as file:
            return file.read()

    def certify(self, roots):
        """The vendor is swtpm's; its root goes to the folder `roots`."""
        folder = self.tpm.path("vendor")
        os.makedirs(folder, exist_ok=True)
        config, options = os.path.join(folder, "localca.conf"), os.path.join(folder, "localca.options")
        with open(config, "w", encoding="utf-8") as file:
            file.write("statedir = {0}\nsigningkey = {0}/signkey.pem\nissuercert = {0}/issuer.pem\n"
                       "certserial = {0}/serial\n".format(folder))
        with open(options, "w", encoding="utf-8") as file:
            file.write("--platform-manufacturer X\n--platform-version 1\n--platform-model Y\n")
        text = self.tpm.run("tpm2_readpublic", "-c", "ek.ctx").decode()
        self.tpm.flush()
        must("swtpm_localca", "--type", "ek", "--ek", text.split("rsa: ")[1].split()[0], "--dir", folder, "--tpm2",
             "--configfile", config, "--optsfile", options, "--tpm-manufacturer", "id:00001014", "--tpm-model", "swtpm",
             "--tpm-version", "id:20191023", "--tpm-spec-family", "2.0", "--tpm-spec-level", "0",
             "--tpm-spec-revision", "164")
        for name in os.listdir(folder):
            if name.endswith(".pem") and "key" not in name and roots:
                shutil.copy(os.path.join(folder, name), os.path.join(roots, self.name + "-" + name))
        with open(os.path.join(folder, "ek.cert"), "rb") as file:
            self.certificate = file.read()

    def enrolment(self):
        ek = {"public": b64(self.read("ek.pub")), "certificate": b64(self.certificate) if self.certificate else None}
        return {"ek": ek, "ak": {"public": b64(self.read("ak.pub"))}}

    def open(self, challenge):
        """The secret of a challenge, as the TPM gives it."""
        with open(self.tpm.path("credential"), "wb") as file:
            file.write(struct.pack(">II", 0xBADCC0DE, 1) + base64.b64decode(challenge["credential"]) +
                       base64.b64decode(challenge["secret"]))
        self.tpm.run("tpm2_startauthsession", "--policy-session", "-S", "session.ctx")
        self.tpm.run("tpm2_policysecret", "-S", "session.ctx", "-c", "e")
        try:
            self.tpm.run("tpm2_activatecredential", "-c", "ak.ctx", "-C", "ek.ctx", "-i", "credential", "-o", "opened",
                         "-P", "session:session.ctx")
        finally:
            self.tpm.run("tpm2_flushcontext", "session.ctx")
            self.tpm.flush()
        return self.read("opened")

    def enrol(self, verifier):
        status, challenge = verifier.ask(self.name, "POST", "/v1/enrolments", self.enrolment())
        assert status == 201, challenge
        secret = self.open(challenge)
        status, machine = verifier.ask(self.name, "POST", "/v1/enrolments/" + challenge["id"], {"secret": b64(secret)})
        assert status == 200, machine
        return machine

    def question(self, verifier):
        status, question = verifier.ask(self.name, "POST", "/v1/attestations", b"")
        assert status == 201, question
        return question

    def evidence(self, question, **changes):
        pcrs = ",".join(str(pcr) for pcr in question["pcrs"])
        self.tpm.quote("ak", question["nonce"], pcrs)
        self.tpm.run("tpm2_pcrread", "sha256:" + pcrs, "-o", "values")
        values = self.read("values")
        return {"quoted": b64(self.read("quote.msg")), "signature": b64(self.read("quote.sig")),
                "pcrs": {str(pcr): values[32 * i:32 * i + 32].hex() for i, pcr in enumerate(question["pcrs"])}, **changes}

    def attest(self, verifier, **changes):
        question = self.question(verifier)
        return verifier.ask(self.name, "POST", "/v1/attestations/" + question["id"], self.evidence(question, **changes))


class TestCase(unittest.TestCase):
    """The authority and two machines are made once; each test has its own verifier."""

    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.mkdtemp(prefix="dsmil-fleet-")
        cls.addClassCleanup(shutil.rmtree, cls.shared)
        cls.authority = Authority(cls.shared)
        cls.authority.issue("verifier", alternative="DNS:localhost,IP:127.0.0.1")
        for name in ("a", "b", "admin"):
            cls.authority.issue(name)
        cls.prepare()

    @classmethod
    def prepare(cls):
        pass

    @classmethod
    def machine(cls, name):
        machine = Machine(cls.shared, name)
        cls.addClassCleanup(machine.tpm.stop)
        return machine

    def verifierd(self, fleet, **keys):
        verifier = Verifierd(self.authority, fleet, **keys)

        def end():
            if verifier.process is not None and verifier.process.poll() is None:
                verifier.stop(signal.SIGKILL)
            shutil.rmtree(verifier.state, ignore_errors=True)
            shutil.rmtree(verifier.roots, ignore_errors=True)
        self.addCleanup(end)
        return verifier

    def assert_refused(self, answer, status, code, detail=""):
        self.assertEqual(answer[0], status, answer)
        self.assertEqual(answer[1]["error"]["code"], code)
        self.assertIn(detail, answer[1]["error"]["detail"])
