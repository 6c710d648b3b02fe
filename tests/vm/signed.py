# SPDX-License-Identifier: Apache-2.0
"""The Secure Boot machine: what its firmware knows, and our modules signed by keys it knows and by one it does not."""

import shutil
import subprocess

import guest
import secure_boot

PLATFORM, DATABASE, MACHINE_OWNER = "Lab platform key", "Lab database key", "Lab machine owner key"


def _flip_a_byte(path):
    """In the middle of the module: before the signature, and nothing else is different."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def variables_of_user(place, release, certificate):
    """The firmware's variables on the machine of a user who enrolled the certificate (DER), and nothing else of ours."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    variables = place / "variables.fd"
    enrolled = secure_boot.Certificate("enrolled by the user", None, None, certificate)
    secure_boot.make_variables(variables, secure_boot.make_certificate(place, PLATFORM),
                               (secure_boot.signer_of_image(guest.kernel_files(release).image, place),), (), (enrolled,))
    return variables


def prepare(place, release, modules):
    """(the firmware's variables, {guest path: (bytes, mode)}): the modules of the folder lie
    signed in lab/modules/KEY, KEY being database, owner, stranger, namesake (a stranger's key in the name of
    an enrolled one) or flipped (signed by database, then a bit changed)."""
    shutil.rmtree(place, ignore_errors=True)
    (place / "stranger").mkdir(parents=True)
    platform, database, owner = (secure_boot.make_certificate(place, name)
                                 for name in (PLATFORM, DATABASE, MACHINE_OWNER))
    keys = {"database": database, "owner": owner, "flipped": database,
            "stranger": secure_boot.make_certificate(place / "stranger", "Lab stranger"),
            "namesake": secure_boot.make_certificate(place / "stranger", DATABASE)}
    kernel = secure_boot.signer_of_image(guest.kernel_files(release).image, place)
    variables = place / "variables.fd"
    secure_boot.make_variables(variables, platform, (kernel,), (database,), (owner,))
    files = {}
    for name, key in keys.items():
        for module in guest.OUR_MODULES:
            path = place / name / module
            path.parent.mkdir(exist_ok=True)
            subprocess.run(["strip", "--strip-debug", "-o", path, modules / module], check=True)
            secure_boot.sign_module(path, key, release)
            if name == "flipped":
                _flip_a_byte(path)
            files[f"lab/modules/{name}/{module}"] = (path.read_bytes(), 0o644)
    return variables, files
