# SPDX-License-Identifier: Apache-2.0
"""The variables of the Secure Boot machine, read back by the program of another project."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools" / "lab"))

import secure_boot  # noqa: E402
from errors import LabError  # noqa: E402


class Variables(unittest.TestCase):
    def test_every_certificate_is_where_it_belongs(self):
        with tempfile.TemporaryDirectory() as scratch:
            place = Path(scratch)
            platform, database, owner = (secure_boot.make_certificate(place, name)
                                         for name in ("Platform", "Database", "Owner"))
            variables = place / "variables.fd"
            secure_boot.make_variables(variables, platform, (), (database,), (owner,))
            text = subprocess.run(["virt-fw-vars", "--input", variables, "--print", "--verbose"], check=True,
                                  capture_output=True, text=True).stdout
        parts = {part.split()[0]: part for part in ("\n" + text).split("\nname=")[1:]}
        for name, wanted in (("PK", "Platform"), ("KEK", "Platform"), ("db", "Database"), ("MokListRT", "Owner")):
            self.assertIn(f"subject CN={wanted}", parts[name])
        self.assertIn("ON", parts["SecureBootEnable"])


class Signing(unittest.TestCase):
    def test_a_failing_program_is_an_error_with_its_words(self):
        with tempfile.TemporaryDirectory() as scratch:
            with self.assertRaisesRegex(LabError, "sbattach failed"):
                secure_boot.signer_of_image(Path(scratch) / "no-image", Path(scratch))


if __name__ == "__main__":
    unittest.main()
