# SPDX-License-Identifier: Apache-2.0
"""Secure Boot for the emulated Latitude: certificates, the variables that enrol them,
and signatures on modules."""

import contextlib
import dataclasses
import json
import re
import struct
import subprocess
import tempfile
import uuid
from pathlib import Path

import guest
from errors import LabError

FIRMWARE = Path("/usr/share/OVMF/OVMF_CODE_4M.secboot.fd")
EMPTY_VARIABLES = Path("/usr/share/OVMF/OVMF_VARS_4M.fd")

# Who enrolled a certificate; any number does.
OWNER = uuid.UUID("6d0b1a52-5f0e-4d0c-9a52-64736d696c00")
# UEFI 2.10, 32.4.1: a list of X.509 certificates.
X509_LIST = uuid.UUID("a5c059a1-94e4-4aa7-87b5-ab155c2bf072")
# The vendor of shim's variables, and what they may be: kept, seen at boot and at run time.
SHIM = "605dab50-e046-4300-abb6-3dd810dd8b23"
NV_BS_RT = 7


@dataclasses.dataclass(frozen=True)
class Certificate:
    """A key and its certificate, in both forms that programs ask for."""

    name: str
    key: Path
    pem: Path
    der: Path


def _run(*command):
    command = [str(word) for word in command]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        guest.require("/usr/bin/" + command[0])
        raise
    if done.returncode != 0:
        raise LabError(f"{command[0]} failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def make_certificate(directory, name):
    """A new one, made with the options that DKMS gives openssl for its own key."""
    stem = directory / re.sub(r"\W+", "-", name)
    made = Certificate(name, stem.with_suffix(".key"), stem.with_suffix(".pem"), stem.with_suffix(".der"))
    _run("openssl", "req", "-new", "-x509", "-nodes", "-days", "36500", "-subj", f"/CN={name}",
         "-newkey", "rsa:2048", "-keyout", made.key, "-addext", "extendedKeyUsage=codeSigning", "-out", made.pem)
    _run("openssl", "x509", "-in", made.pem, "-outform", "DER", "-out", made.der)
    return made


def signer_of_image(image, directory):
    """The certificate (PEM) that a signed kernel image carries."""
    signature, pem = directory / "image.p7", directory / "image.pem"
    _run("sbattach", "--detach", signature, image)
    _run("openssl", "pkcs7", "-inform", "DER", "-in", signature, "-print_certs", "-out", pem)
    return pem


def _signature_list(der):
    head = struct.pack("<III", 16 + 12 + 16 + len(der), 0, 16 + len(der))
    return X509_LIST.bytes_le + head + OWNER.bytes_le + der


def make_variables(path, platform, images, database, machine_owner):
    """The firmware's variables with Secure Boot on. platform is the owner's certificate
    (PK and KEK); db has the PEM files `images` and the certificates `database`; MokListRT, which
    shim would make of what the user enrolled with mokutil, has `machine_owner`."""
    words = ["virt-fw-vars", "--input", guest.require(EMPTY_VARIABLES), "--output", path, "--secure-boot",
             "--set-pk", OWNER, platform.pem, "--add-kek", OWNER, platform.pem]
    for pem in [*images, *(each.pem for each in database)]:
        words += ["--add-db", OWNER, pem]
    with contextlib.ExitStack() as stack:
        if machine_owner:
            data = b"".join(_signature_list(each.der.read_bytes()) for each in machine_owner)
            variable = {"name": "MokListRT", "guid": SHIM, "attr": NV_BS_RT, "data": data.hex()}
            file = stack.enter_context(tempfile.NamedTemporaryFile("w", suffix=".json"))
            json.dump({"version": 2, "variables": [variable]}, file)
            file.flush()
            words += ["--set-json", file.name]
        _run(*words)


def sign_module(module, certificate, release):
    """Adds a signature to a module file, with the kernel's own program, as DKMS does."""
    headers = guest.require(f"/usr/src/linux-headers-{release}")
    config = (headers / ".config").read_text(encoding="ascii")
    digest = re.search(r'^CONFIG_MODULE_SIG_HASH="(\w+)"$', config, re.MULTILINE)
    if not digest:
        raise LabError(f"the kernel {release} takes no signed modules")
    _run(guest.require(headers / "scripts" / "sign-file"), digest[1], certificate.key, certificate.der, module)


def machine_arguments(variables):
    """QEMU's, for a machine with this firmware; SMM keeps the system from writing its variables."""
    return ["-machine", "smm=on", "-global", "driver=cfi.pflash01,property=secure,value=on", "-global", "ICH9-LPC.disable_s3=1",
            "-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={guest.require(FIRMWARE)}",
            "-drive", f"if=pflash,unit=1,format=raw,file={variables}"]
