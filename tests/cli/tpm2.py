# SPDX-License-Identifier: Apache-2.0
"""A software TPM and tpm2-tools, for tests of what dsmilctl verifies and makes by files alone."""
import os
import socket
import subprocess

TIMEOUT_S = 60


def listener(path):
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(8)
    return server


class Tpm:
    """swtpm in a folder, in which the tools run too. It has no resource manager: flush() makes room."""

    def __init__(self, folder):
        self.folder = folder
        path = os.path.join(folder, "swtpm.sock")
        os.mkdir(os.path.join(folder, "state"))
        # It gets sockets that listen already: who connects early waits.
        with listener(path) as server, listener(path + ".ctrl") as control:
            self.process = subprocess.Popen(
                ["swtpm", "socket", "--tpm2", "--tpmstate", "dir=" + os.path.join(folder, "state"), "--flags",
                 "startup-clear", "--server", "type=unixio,fd={}".format(server.fileno()),
                 "--ctrl", "type=unixio,fd={}".format(control.fileno())],
                pass_fds=[server.fileno(), control.fileno()], stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.environment = {**os.environ, "TPM2TOOLS_TCTI": "swtpm:path=" + path, "TSS2_LOG": "all+none"}

    def stop(self):
        self.process.terminate()
        self.process.wait(TIMEOUT_S)

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, *arguments):
        """One tool; its standard output."""
        done = subprocess.run([str(argument) for argument in arguments], cwd=self.folder, env=self.environment,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S, check=False)
        assert done.returncode == 0, (arguments, done.stderr.decode())
        return done.stdout

    def flush(self):
        self.run("tpm2_flushcontext", "-t")

    def endorsement_key(self, name, kind):
        """NAME.ctx and NAME.pub (TPM2B_PUBLIC)."""
        self.run("tpm2_createek", "-G", kind, "-c", name + ".ctx", "-u", name + ".pub")
        self.flush()

    def attestation_key(self, name, ek, kind, scheme, hash_name="sha256"):
        """NAME.ctx, NAME.pub, NAME.name."""
        self.run("tpm2_createak", "-C", ek + ".ctx", "-G", kind, "-g", hash_name, "-s", scheme, "-c", name + ".ctx",
                 "-u", name + ".pub", "-n", name + ".name")
        self.flush()

    def quote(self, ak, nonce, pcrs, name="quote", *more):
        """NAME.msg, NAME.sig, NAME.pcrs."""
        self.run("tpm2_quote", "-c", ak + ".ctx", "-l", "sha256:" + pcrs, "-q", nonce, "-m", name + ".msg",
                 "-s", name + ".sig", "-o", name + ".pcrs", *more)
        self.flush()

    def extend(self, pcr, digest):
        self.run("tpm2_pcrextend", "{}:sha256={}".format(pcr, digest.hex()))
