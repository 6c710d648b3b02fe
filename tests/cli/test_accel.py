# SPDX-License-Identifier: Apache-2.0
"""The vector engine from the shell, in every tier that this machine has."""
import hashlib
import os
import subprocess
import unittest

from support import TestCase, run

TIERS = run("accel", "info", "--json").json()["tiers"]


class Info(TestCase):
    def test_it_says_what_the_kernel_says_of_the_processor(self):
        info = run("accel", "info", "--json").json()
        with open("/proc/cpuinfo", encoding="ascii") as file:
            lines = [line.split(":", 1) for line in file if ":" in line]
        values = {name.strip(): value.strip() for name, value in lines}
        flags = set(values["flags"].split())
        self.assertEqual(info["vendor"], values["vendor_id"])
        self.assertEqual(info["model"], values["model name"])
        for ours, kernels in (("aes", "aes"), ("sha", "sha_ni"), ("avx2", "avx2"), ("vaes", "vaes"),
                              ("avx-vnni", "avx_vnni"), ("avx512", "avx512bw"), ("avx512-vnni", "avx512_vnni")):
            self.assertEqual(ours in info["features"], kernels in flags, ours)
        self.assertEqual(info["cores"], sorted(os.sched_getaffinity(0) | set(info["cores"])))
        self.assertIsNone(info["read_bytes_per_second"])

    def test_the_best_tier_is_used_and_another_can_be_forced(self):
        self.assertEqual(TIERS[0], "reference")
        self.assertEqual(run("accel", "info", "--json").json()["tier"], TIERS[-1])
        for tier in TIERS:
            self.assertEqual(run("accel", "info", "--json", DSMIL_ACCEL_TIER=tier).json()["tier"], tier)
            self.assertRegex(run("accel", "info", DSMIL_ACCEL_TIER=tier).out, rf"(?m)^tier +{tier} ")

    def test_the_memory_is_measured_when_that_is_asked(self):
        self.assertGreater(run("accel", "info", "--measure", "--json").json()["read_bytes_per_second"], 0)
        self.assertIn("GB/s", run("accel", "info", "--measure").out)

    def test_a_tier_that_there_is_not_is_refused_by_every_command(self):
        for arguments in (["accel", "info"], ["accel", "hash", "/etc/hostname"]):
            self.assert_both(arguments, 2, "usage", DSMIL_ACCEL_TIER="sse9")


class Hash(TestCase):
    def files(self):
        """Of many sizes, and with names that a line cannot hold as they are."""
        paths = []
        for size in (0, 1, 55, 56, 63, 64, 65, 119, 120, 1000, 65536, 1 << 20, (1 << 20) + 1):
            paths.append(self.path(f"file {size}"))
            with open(paths[-1], "wb") as file:
                file.write(bytes(i * 7 % 251 for i in range(size % 4099)) + bytes(size - size % 4099))
        for name in ("back\\slash", "new\nline", "re\rturn", "ümlaut", "*"):
            paths.append(self.path(name))
            with open(paths[-1], "wb") as file:
                file.write(name.encode())
        return paths

    def test_it_prints_what_coreutils_print_in_every_tier(self):
        paths = self.files()
        for option, program in (([], "sha256sum"), (["--sha512"], "sha512sum")):
            expected = subprocess.run([program, *paths], capture_output=True, check=True).stdout.decode()
            for tier in TIERS:
                with self.subTest(program=program, tier=tier):
                    result = run("accel", "hash", *option, *paths, DSMIL_ACCEL_TIER=tier)
                    self.assertEqual((result.code, result.err), (0, ""))
                    self.assertEqual(result.out, expected)

    def test_sha256sum_checks_its_output(self):
        with open(self.path("SUMS"), "w", encoding="utf-8") as sums:
            sums.write(run("accel", "hash", *self.files()).out)
        subprocess.run(["sha256sum", "--check", "--strict", "--quiet", self.path("SUMS")], check=True)

    def test_json_has_the_digests_and_the_tier(self):
        path = self.files()[4]
        for tier in TIERS:
            answer = run("accel", "hash", path, "--json", DSMIL_ACCEL_TIER=tier).json()
            with open(path, "rb") as file:
                digest = hashlib.sha256(file.read()).hexdigest()
            self.assertEqual(answer["files"], [{"file": path, "digest": digest}])
            self.assertEqual((answer["algorithm"], answer["tier"]), ("sha256", tier))

    def test_what_cannot_be_read_is_the_error_and_nothing_is_printed(self):
        good = self.files()[0]
        error = self.assert_both(["accel", "hash", good, self.path("missing")], 3, "not_found")
        self.assertIn("missing", error["detail"])
        self.assert_both(["accel", "hash", good, self.folder], 1, "failed")
        self.assertEqual(run("accel", "hash", good, self.path("missing")).out, "")


if __name__ == "__main__":
    unittest.main()
