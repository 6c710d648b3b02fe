# SPDX-License-Identifier: Apache-2.0
"""A software TPM as its maker delivers it: swtpm_setup makes endorsement keys and an authority
(swtpm_localca), and leaves their certificates in the TPM's memory."""
import os
import shutil
import subprocess

from support import TIMEOUT_S, Swtpm


class Maker:
    """An authority, and a TPM of its own that is copied for each test: certified for RSA and P-384."""

    def __init__(self, folder):
        self.folder = folder
        self.authority = os.path.join(folder, "authority")
        self.state = os.path.join(folder, "state")
        for made in (self.authority, self.state):
            os.mkdir(made)
        self.write("localca.conf", "statedir = {0}\nsigningkey = {0}/signkey.pem\nissuercert = {0}/issuer.pem\n"
                   "certserial = {0}/serial\n".format(self.authority))
        self.write("localca.options", "--platform-manufacturer X\n--platform-version 1\n--platform-model Y\n")
        config = self.write("setup.conf", "create_certs_tool = /usr/bin/swtpm_localca\n"
                            "create_certs_tool_config = {0}/localca.conf\n"
                            "create_certs_tool_options = {0}/localca.options\n".format(folder))
        done = subprocess.run(["swtpm_setup", "--tpm2", "--tpmstate", self.state, "--create-ek-cert", "--config", config],
                              capture_output=True, timeout=TIMEOUT_S, check=False)
        assert done.returncode == 0, (done.stdout, done.stderr)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    @property
    def root(self):
        return os.path.join(self.authority, "swtpm-localca-rootca-cert.pem")

    @property
    def issuer(self):
        return os.path.join(self.authority, "issuer.pem")

    def tpm(self, directory):
        """One of its TPMs, started."""
        shutil.copytree(self.state, os.path.join(directory, "swtpm"), ignore=shutil.ignore_patterns(".lock"))
        return Swtpm(directory)
