# SPDX-License-Identifier: Apache-2.0
"""What the tests of the daemon share: a software TPM, a running dsmild, requests.

Meson sets DSMIL_BUILD (the build directory) and DSMIL_SOURCE.
"""
import http.client
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

SOURCE = os.environ["DSMIL_SOURCE"]
BUILD = os.environ["DSMIL_BUILD"]
DSMILD = os.path.join(BUILD, "daemon/dsmild")
TIMEOUT_S = 60

# Of dsmilctl's own tests, which have a module of this name, too.
_spec = importlib.util.spec_from_file_location("cli_support", os.path.join(SOURCE, "tests/cli/support.py"))
cli = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(cli)


def listener(path):
    if os.path.exists(path):
        os.unlink(path)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen()
    return listening


class Swtpm:
    """A software TPM on a Unix socket, started up, its state in a directory."""

    def __init__(self, directory):
        self.socket = os.path.join(directory, "swtpm.sock")
        self.state = os.path.join(directory, "swtpm")
        os.makedirs(self.state, exist_ok=True)
        # It gets sockets that listen already: who connects early waits, and nobody has to guess when it is up.
        with listener(self.socket) as server, listener(self.socket + ".ctrl") as control:
            self.process = subprocess.Popen(
                ["swtpm", "socket", "--tpm2", "--tpmstate", "dir=" + self.state, "--flags", "startup-clear",
                 "--server", "type=unixio,fd={}".format(server.fileno()),
                 "--ctrl", "type=unixio,fd={}".format(control.fileno())],
                pass_fds=[server.fileno(), control.fileno()], stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @property
    def tcti(self):
        return "swtpm:path=" + self.socket

    def stop(self):
        self.process.terminate()
        self.process.wait(TIMEOUT_S)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=TIMEOUT_S)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def start_notified(command, directory, errors):
    """Starts a daemon and waits for READY=1, as systemd would: the process, and what it said with it."""
    notify = os.path.join(directory, "notify.sock")
    if os.path.exists(notify):
        os.unlink(notify)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(notify)
        listening.settimeout(TIMEOUT_S)
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=errors,
                                   env={**os.environ, "NOTIFY_SOCKET": notify})
        message = ""
        while "READY=1" not in message:
            message = listening.recv(4096).decode()
        return process, message


class Dsmild:
    """dsmild without the kernel's ring, in a directory of its own."""

    def __init__(self, directory, **keys):
        self.state = os.path.join(directory, "state")
        os.makedirs(self.state, exist_ok=True)
        self.ledger = os.path.join(self.state, "ledger.db")
        self.socket = os.path.join(directory, "dsmild.sock")
        self.config = os.path.join(directory, "dsmild.toml")
        values = {"ledger.state_dir": self.state, "device.follow": False, "api.socket": self.socket, "api.group": "",
                  "ledger.origin": "test.example/log", "log.target": "stderr", "tpm.tcti": "swtpm:path=/nonexistent",
                  **keys}
        with open(self.config, "w", encoding="utf-8") as file:
            for key, value in values.items():
                file.write("{} = {}\n".format(key, json.dumps(value)))
        self.process = None
        self.log = []

    def start(self):
        self.errors = tempfile.TemporaryFile()
        self.process, _ = start_notified([DSMILD, "--config", self.config], os.path.dirname(self.config), self.errors)
        return self

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        code = self.process.wait(TIMEOUT_S)
        self.errors.seek(0)
        self.log = [json.loads(line) for line in self.errors.read().decode().splitlines() if line.startswith("{")]
        return code

    def request(self, method, target, body=None):
        """(status, content) of one request; content is JSON where it is."""
        connection = UnixConnection(self.socket)
        try:
            connection.request(method, target, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            content = answer.read()
            if answer.headers["Content-Type"] == "application/json":
                content = json.loads(content)
            return answer.status, content
        finally:
            connection.close()

    def get(self, target):
        status, content = self.request("GET", target)
        assert status == 200, (status, content)
        return content


class TestCase(unittest.TestCase):
    def path(self, name, content):
        """A file of the test's folder with that content."""
        path = os.path.join(self.directory, name)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="dsmild-")
        self.addCleanup(shutil.rmtree, self.directory)

    def swtpm(self):
        tpm = Swtpm(self.directory)
        self.addCleanup(tpm.stop)
        return tpm

    def dsmild(self, **keys):
        daemon = Dsmild(self.directory, **keys).start()

        def end():
            if daemon.process.poll() is None:
                daemon.stop(signal.SIGKILL)
            daemon.errors.close()
        self.addCleanup(end)
        return daemon
