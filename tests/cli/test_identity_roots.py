# SPDX-License-Identifier: Apache-2.0
"""dsmilctl identity roots: the certificates of TPM makers in folders, made and read by openssl."""
import hashlib
import os
import subprocess
import unittest

from support import TestCase, run


class Roots(TestCase):
    def openssl(self, *arguments):
        done = subprocess.run(["openssl", *arguments], cwd=self.folder, capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, (arguments, done.stderr))
        return done.stdout

    def root(self, path, subject="/CN=a maker", *more):
        os.makedirs(os.path.dirname(self.path(path)), exist_ok=True)
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject,
                     "-keyout", "key", "-out", self.path(path), *more)
        return self.openssl("x509", "-in", self.path(path), "-outform", "DER")

    def roots(self, *folders):
        return run("--json", "identity", "roots", "--roots", ":".join(self.path(folder) for folder in folders)).json()["roots"]

    def refused(self, code, exit_code, text):
        error = self.assert_both(["identity", "roots", "--roots", self.path("a")], exit_code, code)
        self.assertIn(text, error["detail"])

    def test_each_is_shown_with_fingerprint_time_and_folder(self):
        first, second = self.root("a/2.pem", "/CN=two"), self.root("b/1.crt", "/CN=one")
        self.openssl("x509", "-in", self.path("a/2.pem"), "-outform", "DER", "-out", self.path("a/1.der"))
        shown = self.roots("a", "b")
        self.assertEqual([(root["subject"], os.path.basename(root["file"]), root["folder"]) for root in shown],
                         [("/CN=two", "1.der", self.path("a")), ("/CN=two", "2.pem", self.path("a")),
                          ("/CN=one", "1.crt", self.path("b"))])
        self.assertEqual([root["sha256"] for root in shown], [hashlib.sha256(der).hexdigest() for der in (first, first, second)])
        self.assertEqual({root["state"] for root in shown}, {"root"})
        text = run("identity", "roots", "--roots", self.path("b")).out
        self.assertIn(hashlib.sha256(second).hexdigest(), text)
        self.assertIn(self.path("b/1.crt"), text)

    def test_what_lies_between_and_what_is_not_valid_now_is_said(self):
        self.root("a/old.pem", "/CN=old", "-not_before", "20200101000000Z", "-not_after", "20210101000000Z")
        self.root("a/new.pem", "/CN=new", "-not_before", "20990101000000Z", "-not_after", "21000101000000Z")
        self.root("up.pem", "/CN=up")
        os.rename(self.path("key"), self.path("up.key"))
        self.openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=between",
                     "-keyout", "key", "-out", "csr")
        self.openssl("x509", "-req", "-in", "csr", "-CA", "up.pem", "-CAkey", "up.key", "-days", "3", "-out",
                     self.path("a/between.pem"))
        self.assertEqual({root["subject"]: root["state"] for root in self.roots("a")},
                         {"/CN=old": "expired", "/CN=new": "not yet valid", "/CN=between": "between"})

    def test_other_files_are_not_looked_at(self):
        self.root("a/root.pem")
        for name in ("README", "FINGERPRINTS", "root.pem.bak"):
            with open(self.path("a", name), "w", encoding="utf-8") as file:
                file.write("no certificate\n")
        self.assertEqual(len(self.roots("a")), 1)

    def test_a_broken_one_is_refused_by_name_whatever_else_is_good(self):
        self.root("a/good.pem")
        with open(self.path("a/good.pem"), encoding="utf-8") as file:
            good = file.read()
        for name, content in (("empty", ""), ("text", "x"), ("cut", good[:200]), ("second-broken", good + good[:200]),
                              ("key", self.openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout").decode())):
            with self.subTest(name):
                with open(self.path("a/bad.pem"), "w", encoding="utf-8") as file:
                    file.write(content)
                self.refused("malformed", 1, "a/bad.pem")
        os.unlink(self.path("a/bad.pem"))
        os.mkdir(self.path("a/bad.pem"))
        self.refused("malformed", 1, "a/bad.pem")

    def test_one_that_anybody_may_write_is_refused_by_name(self):
        self.root("a/open.pem")
        os.chmod(self.path("a/open.pem"), 0o666)
        self.refused("permission", 4, "a/open.pem")

    def test_a_folder_that_is_not_there_is_not_found_unless_it_is_a_default_one(self):
        self.refused("not_found", 3, self.path("a"))
        self.assertEqual(run("--json", "identity", "roots").json()["folders"],
                         ["/usr/share/dsmil/tpm-roots.d", "/etc/dsmil/tpm-roots.d"])

    def test_none_at_all_is_said(self):
        os.mkdir(self.path("a"))
        result = run("identity", "roots", "--roots", self.path("a"))
        self.assertEqual(result.code, 0, result.err)
        self.assertIn("no endorsement key's certificate can be verified", result.out)

    def test_the_environment_names_folders_and_the_option_is_stronger(self):
        self.root("a/root.pem", "/CN=a")
        self.root("b/root.pem", "/CN=b")
        shown = run("--json", "identity", "roots", DSMIL_TPM_ROOTS=self.path("a")).json()
        self.assertEqual([root["subject"] for root in shown["roots"]], ["/CN=a"])
        shown = run("--json", "identity", "roots", "--roots", self.path("b"), DSMIL_TPM_ROOTS=self.path("a")).json()
        self.assertEqual([root["subject"] for root in shown["roots"]], ["/CN=b"])


if __name__ == "__main__":
    unittest.main()
