# SPDX-License-Identifier: Apache-2.0
"""The witness: the requests that another one is tested with, what the protocol demands, and curl."""
import base64
import hashlib
import os
import re
import socket
import subprocess
import threading
import unittest

from notes import Log, NoteCase, read_vector, vkey
from support import PROGRAM, TIMEOUT_S, environment, run

NAME = "witness.example/w1"
ORIGIN = "sigsum.org/v1/tree/4d6d8825a6bb689d459628312889dfbb0bcd41b5211d9e1ce768b0ff0309e562"
SIGSUM_KEY = bytes.fromhex("ffdc2d4d98e4124d3feaf788c0c2f9abfd796083d1f0495437f302ec79cf100f")


class WitnessCase(NoteCase):
    algorithm = "ED25519"

    def setUp(self):
        super().setUp()
        self.key, _ = self.make_key("witness.pem", "-algorithm", self.algorithm)
        self.state = self.path("state")
        os.mkdir(self.state)
        self.vkey = run("audit", "witness", "--key", self.key, "--name", NAME, "--show-key").out.strip()

    def trust(self, *keys):
        with open(self.path("logs"), "w", encoding="ascii") as file:
            file.write("\n".join(keys) + "\n")

    def arguments(self):
        return ["audit", "witness", "--key", self.key, "--name", NAME, "--state", self.state, "--logs", self.path("logs")]

    def submit(self, body, *more):
        with open(self.path("request"), "w", encoding="utf-8") as file:
            file.write(body)
        return run(*more, *self.arguments(), self.path("request"))

    def submit_fails(self, body, exit_code, code):
        """Refused, and what is held stays as it is."""
        held = self.held()
        with open(self.path("request"), "w", encoding="utf-8") as file:
            file.write(body)
        error = self.assert_both(self.arguments() + [self.path("request")], exit_code, code)
        self.assertEqual(self.held(), held)
        return error

    def held(self):
        found = {}
        for folder, _, names in os.walk(self.state):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    found[os.path.join(folder, name)] = file.read()
        found.pop(os.path.join(self.state, "lock"), None)
        return found

    def check(self, note, key):
        with open(self.path("note"), "w", encoding="utf-8") as file:
            file.write(note)
        return run("audit", "check-note", self.path("note"), "--key", key)

    def http(self, method, path, body=""):
        """One request to the program as inetd would start it: the status, the type and the body."""
        data = body.encode()
        head = "{} {} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n".format(method, path, len(data))
        done = subprocess.run([PROGRAM, *self.arguments(), "--http"], input=head.encode() + data,
                              capture_output=True, env=environment(), timeout=TIMEOUT_S, check=True)
        answer_head, _, answer = done.stdout.decode().partition("\r\n\r\n")
        fields = dict(each.split(": ", 1) for each in answer_head.split("\r\n")[1:])
        return int(answer_head.split()[1]), fields["Content-Type"], answer


class Witness(WitnessCase):
    def test_a_log_that_grows_is_cosigned_each_time(self):
        log = Log(self, "example.com/log").grow(3)
        self.trust(log.vkey)
        for old, size in ((0, 3), (3, 3), (3, 7), (7, 8), (8, 300)):
            log.grow(size - len(log.leaves))
            result = self.submit(log.request(old))
            self.assertEqual(result.code, 0, result.err)
            checked = self.check(log.checkpoint() + result.out, self.vkey)
            self.assertEqual(checked.code, 0, checked.err)
        # What is kept has both signatures, under the name that the protocol gives it.
        kept = os.path.join(self.state, hashlib.sha256(b"example.com/log").hexdigest(), "checkpoint")
        with open(kept, encoding="utf-8") as file:
            note = file.read()
        self.assertEqual(self.check(note, log.vkey).code, 0)
        self.assertEqual(self.check(note, self.vkey).code, 0)

    def test_the_answer_as_json_has_the_same_lines(self):
        log = Log(self, "example.com/log").grow(3)
        self.trust(log.vkey)
        answer = self.submit(log.request(0), "--json").json()
        self.assertEqual(self.check(log.checkpoint() + answer["cosignatures"], self.vkey).code, 0)

    def test_another_old_size_is_a_conflict_that_names_the_right_one(self):
        log = Log(self, "example.com/log").grow(5)
        self.trust(log.vkey)
        self.submit_fails(log.request(3), 6, "stale")
        self.submit(log.request(0))
        log.grow(5)
        for old in (0, 3, 6):
            error = self.submit_fails(log.request(old), 6, "stale")
            self.assertEqual(error["detail"], "the newest cosigned checkpoint covers 5")

    def test_a_log_that_rewrote_its_past_is_refused(self):
        log = Log(self, "example.com/log").grow(5)
        self.trust(log.vkey)
        self.assertEqual(self.submit(log.request(0)).code, 0)
        log.leaves[2] = b"x" * 32
        self.submit_fails(log.request(5), 7, "proof_refused")
        log.grow(3)
        self.submit_fails(log.request(5), 7, "proof_refused")

    def test_a_log_that_got_shorter_is_refused(self):
        log = Log(self, "example.com/log").grow(9)
        self.trust(log.vkey)
        self.submit(log.request(0))
        self.submit_fails("old 9\n\n" + log.checkpoint(5), 1, "malformed")
        self.submit_fails(log.request(5, 5), 6, "stale")

    def test_a_proof_that_is_too_long_or_that_nothing_needs_is_refused(self):
        log = Log(self, "example.com/log").grow(4)
        self.trust(log.vkey)
        extra = base64.b64encode(b"x" * 32).decode() + "\n"
        self.submit_fails(log.request(0).replace("old 0\n", "old 0\n" + extra), 7, "proof_refused")
        self.submit(log.request(0))
        self.submit_fails(log.request(4).replace("old 4\n", "old 4\n" + extra), 7, "proof_refused")

    def test_an_empty_log_has_the_root_of_nothing(self):
        log = Log(self, "example.com/log")
        self.trust(log.vkey)
        self.submit_fails("old 0\n\n" + log.checkpoint(0, b"x" * 32), 7, "proof_refused")
        self.assertEqual(self.submit(log.request(0)).code, 0)
        log.grow(2)
        self.assertEqual(self.submit(log.request(0)).code, 0)

    def test_logs_that_are_not_known_and_notes_that_they_did_not_sign_are_refused(self):
        log = Log(self, "example.com/log").grow(2)
        other = Log(self, "example.com/other").grow(2)
        self.trust(log.vkey)
        self.submit_fails(other.request(0), 3, "not_found")
        stolen = log.request(0).split("\n\n")[0] + "\n\n" + "\n\n".join(other.request(0).split("\n\n")[1:])
        self.submit_fails(stolen.replace("example.com/other\n2", "example.com/log\n2"), 7, "signature_refused")
        changed = re.sub("\n2\n", "\n3\n", log.request(0))
        self.submit_fails(changed, 7, "signature_refused")

    def test_what_is_no_request_is_refused(self):
        log = Log(self, "example.com/log").grow(2)
        self.trust(log.vkey)
        for body in ("", "old 0\n", "old x\n\n" + log.checkpoint(), log.checkpoint(), "old 0\n\nnonsense\n",
                     "old 0\n" + (base64.b64encode(b"x" * 32).decode() + "\n") * 64 + "\n" + log.checkpoint()):
            self.submit_fails(body, 1, "malformed")

    def test_a_state_that_is_damaged_is_never_taken_for_none(self):
        log = Log(self, "example.com/log").grow(2)
        self.trust(log.vkey)
        self.submit(log.request(0))
        kept = os.path.join(self.state, hashlib.sha256(b"example.com/log").hexdigest(), "checkpoint")
        for damage in (b"", b"nonsense\n", b"\xff"):
            with open(kept, "wb") as file:
                file.write(damage)
            log.grow(1)
            self.submit_fails(log.request(0), 1, "failed")
        self.state = self.path("nowhere")
        self.submit_fails(log.request(0), 1, "failed")

    def test_two_at_a_time_make_one_history(self):
        log = Log(self, "example.com/log").grow(20)
        self.trust(log.vkey)
        self.submit(log.request(0, 1))
        answers = []
        threads = []
        for size in range(2, 14):
            path = self.path("request%d" % size)
            with open(path, "w", encoding="utf-8") as file:
                file.write(log.request(1, size))
            threads.append(threading.Thread(target=lambda path=path: answers.append(run(*self.arguments(), path).code)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(answers), [0] + [6] * 11)

    def test_the_command_wants_one_task(self):
        self.trust(Log(self, "example.com/log").vkey)
        self.assert_both(self.arguments(), 2, "usage")
        self.assert_both(["audit", "witness", "--key", self.key, "--name", NAME, self.path("request")], 2, "usage")
        self.assert_both(["audit", "witness", "--key", self.key, "--name", "a b", "--show-key"], 2, "usage")
        wrong, _ = self.make_key("wrong.pem", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
        self.assert_both(["audit", "witness", "--key", wrong, "--name", NAME, "--show-key"], 2, "usage")


class WitnessWithMlDsa(WitnessCase):
    algorithm = "ML-DSA-44"

    def test_cosigns_with_it(self):
        log = Log(self, "example.com/log").grow(3)
        self.trust(log.vkey)
        result = self.submit(log.request(0))
        self.assertEqual(self.check(log.checkpoint() + result.out, self.vkey).code, 0, result.err)


class Http(WitnessCase):
    def test_the_requests_of_litewitness_get_its_answers(self):
        self.trust(vkey(ORIGIN, 1, SIGSUM_KEY))
        got, wanted = [], []
        for body, status in re.findall(r"```\n(.*?)```\nHTTP (\d+)", read_vector("litewitness.txt"), re.S):
            answer = self.http("POST", "/add-checkpoint", body)
            got.append(answer[0])
            wanted.append(int(status))
            if answer[0] == 409:
                self.assertEqual(answer[1], "text/x.tlog.size")
                self.assertIn(answer[2], ("3\n", "5\n"))
            if answer[0] == 200:
                self.assertEqual(self.check(body.split("\n\n", 1)[1] + answer[2], self.vkey).code, 0)
        # By the protocol of today an unknown log is 404; the signature that does not hold is no canonical base64 either.
        self.assertEqual(wanted[:3], [200, 403, 403])
        self.assertEqual(got, [200, 400, 404] + wanted[3:])
        self.assertEqual(len(got), 9)

    def test_a_log_with_ml_dsa_44_is_witnessed(self):
        self.trust(read_vector("mldsa_checkpoint.vkey").strip())
        self.assertEqual(self.http("POST", "/prefix/add-checkpoint", read_vector("mldsa_checkpoint.txt"))[0], 200)

    def test_what_was_cosigned_can_be_fetched(self):
        log = Log(self, "example.com/log").grow(3)
        self.trust(log.vkey)
        path = "/w/{}/checkpoint".format(hashlib.sha256(b"example.com/log").hexdigest())
        self.assertEqual(self.http("GET", path)[0], 404)
        self.http("POST", "/w/add-checkpoint", log.request(0))
        status, _, note = self.http("GET", path)
        self.assertEqual(status, 200)
        self.assertEqual(self.check(note, self.vkey).code, 0)
        self.assertEqual(self.http("GET", path.replace("/checkpoint", "/../lock"))[0], 404)
        self.assertEqual(self.http("GET", "/w/../lock/checkpoint")[0], 404)

    def test_other_methods_and_places_are_refused(self):
        self.trust(Log(self, "example.com/log").vkey)
        self.assertEqual(self.http("GET", "/add-checkpoint")[0], 405)
        self.assertEqual(self.http("PUT", "/x/checkpoint")[0], 405)
        self.assertEqual(self.http("POST", "/elsewhere")[0], 404)

    def test_what_is_no_request_is_a_bad_one(self):
        self.trust(Log(self, "example.com/log").vkey)
        for data in (b"nonsense\r\n\r\n", b"GET / HTTP/2\r\n\r\n", b"POST /add-checkpoint HTTP/1.1\r\n"
                     b"Transfer-Encoding: chunked\r\n\r\n", b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n",
                     b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"GET /x", b"x" * 20000,
                     b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 10\r\n\r\nshort"):
            done = subprocess.run([PROGRAM, *self.arguments(), "--http"], input=data, capture_output=True,
                                  env=environment(), timeout=TIMEOUT_S, check=True)
            self.assertTrue(done.stdout.startswith(b"HTTP/1.1 400 "), data)

    def test_curl_speaks_with_it(self):
        log = Log(self, "example.com/log").grow(300)
        self.trust(log.vkey)
        with open(self.path("request"), "w", encoding="utf-8") as file:
            file.write(log.request(0))
        with socket.create_server(("127.0.0.1", 0)) as server:
            def serve():
                connection, _ = server.accept()
                with connection:
                    subprocess.run([PROGRAM, *self.arguments(), "--http"], stdin=connection, stdout=connection,
                                   env=environment(), timeout=TIMEOUT_S, check=True)
            thread = threading.Thread(target=serve)
            thread.start()
            url = "http://127.0.0.1:{}/add-checkpoint".format(server.getsockname()[1])
            done = subprocess.run(["curl", "-sS", "--fail", "-H", "Expect: 100-continue", "--data-binary",
                                   "@" + self.path("request"), url], capture_output=True, timeout=TIMEOUT_S, check=False)
            thread.join()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.check(log.checkpoint() + done.stdout.decode(), self.vkey).code, 0)


if __name__ == "__main__":
    unittest.main()
