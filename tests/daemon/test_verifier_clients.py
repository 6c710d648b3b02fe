# SPDX-License-Identifier: Apache-2.0
"""A machine with dsmild and dsmilctl, whose TPM has its maker's certificate, and the verifier of
its fleet: push, pull, and what an operator sees."""
import json
import os
import shutil
import socket
import subprocess
import tempfile
import unittest

import fleet
from maker import Maker
from support import TIMEOUT_S, Dsmild, cli
from test_verifierd import event_log


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class WithDsmild(fleet.TestCase):
    """A maker and a fleet; each test has a TPM, a dsmild and a verifier."""

    @classmethod
    def prepare(cls):
        cls.maker_folder = tempfile.mkdtemp(prefix="maker-")
        cls.addClassCleanup(shutil.rmtree, cls.maker_folder)
        cls.maker = Maker(cls.maker_folder)

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="dsmild-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.tpm = self.maker.tpm(self.directory)
        self.addCleanup(self.tpm.stop)
        self.dsmild = Dsmild(self.directory, **{"tpm.tcti": self.tpm.tcti}).start()
        self.addCleanup(self.dsmild.errors.close)
        self.addCleanup(self.dsmild.stop)
        self.verifier = None

    def start(self, rules, **keys):
        verifier = self.verifierd(rules, **keys)
        for path in (self.maker.root, self.maker.issuer):
            shutil.copy(path, verifier.roots)
        self.verifier = verifier.start()
        for name in ("a", "admin"):
            self.write_config(name)

    def file(self, name):
        return os.path.join(self.directory, name)

    def write_config(self, name, **keys):
        values = {"verifier.address": "localhost:{}".format(self.verifier.port if self.verifier else 1),
                  "verifier.certificate": self.authority.path(name + ".pem"),
                  "verifier.key": self.authority.path(name + ".key"),
                  "verifier.authorities": self.authority.path("fleet-ca.pem"),
                  "evidence.event_log": self.file("event-log"), "evidence.ima": self.file("ima"), **keys}
        with open(self.file(name + ".toml"), "w", encoding="utf-8") as file:
            file.writelines("{} = {}\n".format(key, json.dumps(value)) for key, value in values.items())

    def ctl(self, name, *words):
        """dsmilctl verifier ..., as the certificate NAME."""
        return cli.run("--json", "verifier", *words, "--config", self.file(name + ".toml"),
                       DSMIL_SOCKET=self.dsmild.socket)

    def text(self, name, *words):
        return cli.run("verifier", *words, "--config", self.file(name + ".toml"), DSMIL_SOCKET=self.dsmild.socket)

    def error(self, result, code, name):
        self.assertEqual(result.code, code, result.out + result.err)
        self.assertEqual(result.json()["error"]["code"], name)
        return result.json()["error"]


class Push(WithDsmild):
    def test_a_machine_enrols_pushes_and_is_listed(self):
        self.start('[[rules]]\nname = "all"\nmachines = ["*"]\n')
        self.error(self.ctl("a", "push"), 3, "not_found")
        machine = self.ctl("a", "enroll").json()["machine"]
        self.assertEqual((machine["name"], machine["state"]), ("a", "never"))
        self.assertIn("swtpm", machine["vendor"])
        result = self.ctl("a", "push").json()["result"]
        self.assertEqual((result["outcome"], result["findings"]), ("verified", []))
        listed = self.ctl("admin", "list").json()
        self.assertEqual([(each["name"], each["state"]) for each in listed["machines"]], [("a", "fresh")])
        self.assertRegex(self.text("admin", "list").out, r"a +fresh +\d+ min \d+ s ago +all\n")
        shown = self.ctl("a", "show", "a").json()
        self.assertEqual([each["outcome"] for each in shown["results"]], ["verified"])
        self.assertIn("verified", self.text("a", "show", "a").out)
        self.error(self.ctl("a", "list"), 4, "permission")
        self.error(self.ctl("a", "remove", "a"), 4, "permission")
        self.assertEqual(self.ctl("admin", "remove", "a").json()["removed"], "a")
        self.error(self.ctl("admin", "show", "a"), 3, "not_found")

    def test_what_does_not_hold_is_exit_7_and_named(self):
        self.start('[[rules]]\nname = "all"\nmachines = ["*"]\npcrs = [0]\nevent_log = true\n')
        self.ctl("a", "enroll")
        # There is no log: nothing is shown.
        result = self.ctl("a", "push")
        self.assertEqual(result.code, 7)
        self.assertEqual(result.json()["result"]["findings"][0]["check"], "event-log")
        # A log that leads elsewhere is tried three times.
        with open(self.file("event-log"), "wb") as file:
            file.write(event_log((0, b"another firmware")))
        text = self.text("a", "push")
        self.assertEqual(text.code, 7)
        self.assertIn("does not hold: replay: the event log leads to", text.out)
        self.assertIn("dsmil_verifier_inconclusive_total 2\n", self.verifier.raw("admin", "GET", "/v1/metrics")[2].decode())
        with open(self.file("event-log"), "wb") as file:
            file.write(event_log())
        self.assertEqual(self.ctl("a", "push").json()["result"]["outcome"], "verified")

    def test_who_is_not_there_or_not_trusted_is_said(self):
        self.start('[[rules]]\nname = "all"\nmachines = ["*"]\n')
        self.write_config("nobody", **{"verifier.address": "localhost:{}".format(free_port()),
                                       "verifier.certificate": self.authority.path("a.pem"),
                                       "verifier.key": self.authority.path("a.key")})
        self.error(self.ctl("nobody", "push"), 5, "unreachable")
        other = fleet.Authority(self.directory, "other-ca")
        other.issue("a")
        self.write_config("a", **{"verifier.authorities": other.path("other-ca.pem")})
        self.error(self.ctl("a", "push"), 4, "tls_failed")
        self.write_config("a", **{"verifier.certificate": other.path("a.pem"), "verifier.key": other.path("a.key")})
        self.error(self.ctl("a", "push"), 4, "tls_failed")
        self.write_config("a", **{"verifier.address": "127.0.0.2:{}".format(self.verifier.port)})
        self.error(self.ctl("a", "push"), 5, "unreachable")
        self.write_config("a", **{"verifier.port": 1})
        self.error(self.ctl("a", "push"), 2, "config_invalid")
        self.error(cli.run("--json", "verifier", "push", "--config", "/nonexistent"), 2, "config_invalid")
        self.error(self.ctl("admin", "show", "no name"), 2, "usage")


class Pull(WithDsmild):
    def serve(self, verifiers=("verifier",)):
        self.port = free_port()
        self.write_config("serve", **{"serve.address": "127.0.0.1:{}".format(self.port), "serve.verifiers": list(verifiers),
                                      "verifier.certificate": self.authority.path("a.pem"),
                                      "verifier.key": self.authority.path("a.key")})
        door = subprocess.Popen([cli.PROGRAM, "verifier", "serve", "--config", self.file("serve.toml")],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                env=cli.environment(DSMIL_SOCKET=self.dsmild.socket))
        self.assertIn(b"listening on 127.0.0.1", door.stdout.readline())

        def end():
            door.terminate()
            self.assertEqual(door.wait(TIMEOUT_S), 0)
            door.stdout.close()
        self.addCleanup(end)

    def results(self, name="a"):
        status, answer = self.verifier.ask("admin", "GET", "/v1/machines/{}/results".format(name))
        return answer["results"] if status == 200 else []

    def test_the_verifier_enrols_and_asks_a_machine(self):
        self.serve()
        self.start('[[rules]]\nname = "all"\nmachines = ["*"]\n[[pull]]\nmachine = "a"\naddress = "127.0.0.1:{}"\n'
                   .format(self.port), **{"pull.interval_s": 1, "attestation.requests_per_minute": 600000})
        while len(self.results()) < 2:
            pass
        self.assertEqual({result["outcome"] for result in self.results()}, {"verified"})
        machine = self.verifier.ask("admin", "GET", "/v1/machines/a")[1]
        self.assertEqual((machine["state"], machine["pulled"]), ("fresh", True))

    def test_the_door_opens_to_the_verifier_only(self):
        self.serve(["another"])
        url = "https://127.0.0.1:{}/v1/identity".format(self.port)
        self.authority.issue("a", alternative="IP:127.0.0.1")
        done = fleet.run("curl", "--silent", "--insecure", "--cert", self.authority.path("verifier.pem"), "--key",
                         self.authority.path("verifier.key"), url)
        self.assertEqual(json.loads(done.stdout)["error"]["code"], "permission")
        self.assertNotEqual(fleet.run("curl", "--silent", "--insecure", url).returncode, 0)

    def test_nothing_else_of_dsmild_is_behind_the_door(self):
        self.serve()
        for target in ("/v1/ledger/head", "/v1/attest", "/v1/tpm", "/"):
            done = fleet.run("curl", "--silent", "--insecure", "--cert", self.authority.path("verifier.pem"), "--key",
                             self.authority.path("verifier.key"), "https://127.0.0.1:{}{}".format(self.port, target))
            self.assertEqual(json.loads(done.stdout)["error"]["code"], "not_found")

    def test_another_machine_at_the_address_is_not_believed(self):
        self.serve()
        self.start('[[rules]]\nname = "all"\nmachines = ["*"]\n[[pull]]\nmachine = "b"\naddress = "127.0.0.1:{}"\n'
                   .format(self.port), **{"pull.interval_s": 1, "attestation.requests_per_minute": 600000})
        failed = 0
        while not failed:
            page = self.verifier.raw("admin", "GET", "/v1/metrics")[2].decode()
            failed = int(page.split("\ndsmil_verifier_pulls_failed_total ")[1].split()[0])
        self.assertEqual(self.verifier.ask("admin", "GET", "/v1/machines")[1]["machines"], [])
        self.verifier.stop()
        self.assertIn("its certificate is of another machine, not of b", self.verifier.log)


if __name__ == "__main__":
    unittest.main()
