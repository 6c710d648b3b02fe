# SPDX-License-Identifier: Apache-2.0
"""What the tests of the command line share: running it, schemas, a fake dsmild.

Meson sets DSMIL_BUILD (the build directory) and DSMIL_SOURCE.
"""
import json
import os
import socketserver
import subprocess
import tempfile
import threading
import unittest

import jsonschema

SOURCE = os.environ["DSMIL_SOURCE"]
BUILD = os.environ["DSMIL_BUILD"]
PROGRAM = os.path.join(BUILD, "tools/dsmilctl/dsmilctl")
SCHEMAS = os.path.join(SOURCE, "tools/dsmilctl/schemas")
TIMEOUT_S = 60

with open(os.path.join(SOURCE, "tools/dsmilctl/commands.json"), encoding="utf-8") as file:
    TABLE = json.load(file)


class Result:
    def __init__(self, done):
        self.code = done.returncode
        self.out = (done.stdout or b"").decode()
        self.err = done.stderr.decode()

    def json(self):
        """The only object on standard output, valid against the schema that it names."""
        lines = self.out.splitlines()
        assert len(lines) == 1, self.out
        return validated(json.loads(lines[0]))


def validated(document):
    name = document["schema"].removeprefix("dsmil.").split("/")[0]
    with open(os.path.join(SCHEMAS, name + ".json"), encoding="utf-8") as file:
        schema = json.load(file)
    assert schema["$id"] == document["schema"], document["schema"]
    jsonschema.Draft202012Validator(schema).validate(document)
    return document


def environment(**more):
    """No module, no daemon, no colours of this machine."""
    return {"PATH": os.environ["PATH"], "DSMIL_NODES": "/nonexistent/dsmil",
            "DSMIL_SOCKET": "/nonexistent/dsmild.sock", "TERM": "xterm", **more,
            **{name: os.environ[name] for name in os.environ if name.endswith("SAN_OPTIONS")}}


def run(*arguments, stdout=subprocess.PIPE, **more):
    return Result(subprocess.run([PROGRAM, *arguments], stdin=subprocess.DEVNULL, stdout=stdout,
                                 stderr=subprocess.PIPE, env=environment(**more), timeout=TIMEOUT_S, check=False))


class TestCase(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def assert_text_error(self, result, exit_code):
        """As text: nothing on stdout, the message and the remedy on stderr."""
        self.assertEqual(result.code, exit_code, result.err)
        self.assertEqual(result.out, "")
        lines = result.err.splitlines()
        self.assertRegex(lines[0], "^dsmilctl: .")
        self.assertRegex(lines[-1], "^  remedy: .")

    def assert_both(self, arguments, exit_code, code, **more):
        """The error as text and as JSON, with the same exit code."""
        self.assert_text_error(run(*arguments, **more), exit_code)
        result = run("--json", *arguments, **more)
        self.assertEqual(result.code, exit_code)
        self.assertEqual(result.err, "")
        error = result.json()
        self.assertEqual(error["schema"], "dsmil.error/1")
        self.assertEqual(error["error"]["code"], code)
        return error["error"]


class FakeDaemon:
    """Answers each request with the bytes that `answer(method, target, body)` gives."""

    def __init__(self, test, answer):
        self.socket = os.path.join(tempfile.mkdtemp(dir=test.folder), "dsmild.sock")
        self.requests = []
        fake = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                request = self.rfile.readline().decode().split()
                length = 0
                for line in iter(self.rfile.readline, b"\r\n"):
                    name, _, value = line.decode().partition(":")
                    if name.lower() == "content-length":
                        length = int(value)
                body = self.rfile.read(length)
                fake.requests.append((request[0], request[1], body))
                try:
                    self.wfile.write(answer(request[0], request[1], body))
                except (BrokenPipeError, ConnectionResetError):
                    pass  # The client has had enough, which some tests are about.

        self.server = socketserver.ThreadingUnixStreamServer(self.socket, Handler)
        self.server.daemon_threads = True
        thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        test.addCleanup(thread.join)
        test.addCleanup(self.server.server_close)
        test.addCleanup(self.server.shutdown)


def http(body, status=200, kind="application/json"):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    return "HTTP/1.1 {} X\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n".format(
        status, kind, len(body)).encode() + body


def refusal(code, status, detail="because"):
    return http({"error": {"code": code, "message": "m", "detail": detail, "causes": ["c"], "remedy": "r"}}, status)
