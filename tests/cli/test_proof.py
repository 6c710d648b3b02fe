# SPDX-License-Identifier: Apache-2.0
"""Proofs: vectors that others published, and Go's implementation as judge in both directions."""
import base64
import json
import os
import random
import unittest

import judge
from support import SOURCE, TestCase, run

VECTORS = os.path.join(SOURCE, "tests/vectors/merkle_proofs.json")
MAX = str(2 ** 64 - 1)


def inclusion(index, size, leaf, root, proof):
    return ["audit", "check-inclusion", "--index", str(index), "--size", str(size), "--leaf-hash", leaf, "--root", root,
            "--proof", proof]


def consistency(size1, root1, size2, root2, proof):
    return ["audit", "check-consistency", "--size1", str(size1), "--root1", root1, "--size2", str(size2), "--root2",
            root2, "--proof", proof]


def as_hex(text):
    return base64.b64decode(text).hex()


class PublishedVectors(TestCase):
    def test_every_proof_of_transparency_dev_merkle_gets_its_verdict(self):
        with open(VECTORS, encoding="utf-8") as file:
            vectors = json.load(file)
        self.assertEqual(len(vectors), 196)
        for vector in vectors:
            proof = ",".join(vector["proof"])
            if vector["proof"] == [""]:
                proof = ","  # One hash without bytes would be spelled as no hash at all.
            if "leafIdx" in vector:
                arguments = inclusion(vector["leafIdx"], vector["treeSize"], vector["leafHash"], vector["root"], proof)
            else:
                arguments = consistency(vector["size1"], vector["root1"], vector["size2"], vector["root2"], proof)
            with self.subTest(vector["name"]):
                result = run(*arguments)
                self.assertEqual(result.code, 7 if vector["wantErr"] else 0, result.err)


class Arguments(TestCase):
    def setUp(self):
        super().setUp()
        with open(VECTORS, encoding="utf-8") as file:
            vectors = {vector["name"]: vector for vector in json.load(file)}
        self.inclusion = vectors["inclusion/2/happy-path"]
        self.consistency = vectors["consistency/2/happy-path"]

    def inclusion_call(self, words=None, **changed):
        good = {**self.inclusion, **changed}
        return inclusion(good["leafIdx"], good["treeSize"], good["leafHash"], good["root"],
                         ",".join(good["proof"]) if words is None else words)

    def test_hexadecimal_and_base64_mean_the_same(self):
        mixed = ",".join([as_hex(self.inclusion["proof"][0]).upper()] + self.inclusion["proof"][1:])
        result = run("--json", *self.inclusion_call(mixed, leafHash=as_hex(self.inclusion["leafHash"])))
        self.assertEqual(result.code, 0, result.out)
        self.assertEqual(result.json()["root"], as_hex(self.inclusion["root"]))

    def test_a_proof_may_come_from_a_file(self):
        with open(self.path("proof"), "w", encoding="ascii") as file:
            file.write("\n".join(self.inclusion["proof"]) + "\n")
        self.assertEqual(run(*self.inclusion_call("@" + self.path("proof"))).code, 0)
        self.assert_both(self.inclusion_call("@" + self.path("missing")), 3, "not_found")

    def test_what_does_not_hold_is_exit_7_and_says_why(self):
        error = self.assert_both(self.inclusion_call(leafIdx=self.inclusion["treeSize"]), 7, "proof_refused")
        self.assertIn("has no leaf", error["detail"])
        error = self.assert_both(self.inclusion_call(""), 7, "proof_refused")
        self.assertIn("too short", error["detail"])
        error = self.assert_both(self.inclusion_call(root="00"), 7, "proof_refused")
        self.assertIn("1 bytes, not 32", error["detail"])

    def test_what_cannot_be_read_is_a_usage_error(self):
        for changed in ({"leafHash": "xyz"}, {"root": "*"}, {"leafIdx": "-1"}, {"treeSize": "18446744073709551616"},
                        {"treeSize": "x"}, {"proof": ["zz!"]}):
            with self.subTest(changed):
                self.assert_both(self.inclusion_call(**changed), 2, "usage")

    def test_the_largest_numbers_are_numbers(self):
        self.assert_both(self.inclusion_call(leafIdx=MAX, treeSize=MAX), 7, "proof_refused")
        self.assert_both(self.inclusion_call(leafIdx=0, treeSize=MAX), 7, "proof_refused")
        many = ",".join([self.inclusion["root"]] * 65)
        self.assert_both(self.inclusion_call(many, treeSize=MAX), 7, "proof_refused")

    def test_consistency_says_what_it_found(self):
        good = self.consistency
        arguments = consistency(good["size1"], good["root1"], good["size2"], good["root2"], ",".join(good["proof"]))
        self.assertEqual(run("--json", *arguments).json()["size2"], good["size2"])
        self.assertIn("holds", run(*arguments).out)
        error = self.assert_both(consistency(0, good["root1"], good["size2"], good["root2"], ""), 7, "proof_refused")
        self.assertIn("empty tree", error["detail"])


class Judged(TestCase):
    @classmethod
    def setUpClass(cls):
        judge.build()

    def claim(self, answer):
        proof = ",".join(base64.b64encode(bytes.fromhex(word)).decode() for word in answer["proof"]) or "-"
        words = [base64.b64encode(bytes.fromhex(answer[name])).decode() if len(str(answer[name])) == 64
                 else str(answer[name])
                 for name in (("index", "size", "leaf_hash", "root") if answer["kind"] == "inclusion"
                              else ("size1", "root1", "size2", "root2"))]
        return " ".join([answer["kind"], *words, proof])

    def test_what_go_proves_holds_here(self):
        seed = random.randrange(2 ** 32)
        claims = judge.judge("prove", 13) + random.Random(seed).sample(judge.judge("prove", 300), 20)
        for claim in claims:
            kind, *words = claim.split()
            words[4] = "" if words[4] == "-" else words[4]
            with self.subTest(claim, seed=seed):
                result = run(*(inclusion if kind == "inclusion" else consistency)(*words))
                self.assertEqual(result.code, 0, result.err)

    def test_what_is_proved_from_gos_tiles_holds_for_go(self):
        log, key = judge.write_log(self, "log", 70000)
        answers = [run("--json", "audit", "prove", log, "--index", str(index), "--key", key).json()
                   for index in (0, 1, 255, 256, 65535, 65536, 69887, 69888, 69999)]
        for size in (1, 256, 300, 65536, 69999, 70000):
            older, _ = judge.write_log(self, "older%d" % size, size)
            answers.append(run("--json", "audit", "prove", log, "--from", older + "/checkpoint", "--key", key).json())
        claims = [self.claim(answer) for answer in answers]
        self.assertEqual(judge.check(claims), [True] * 15)
        # The judge can say no: with the sizes, or the root, of another claim.
        self.assertEqual(judge.check([claims[0].replace("inclusion 0", "inclusion 1")]), [False])

    def test_a_proof_is_a_file_that_convinces_somebody_else(self):
        log, key = judge.write_log(self, "log", 300)
        proof = self.path("7.tlog-proof")
        with open(proof, "wb") as file:
            self.assertEqual(run("audit", "prove", log, "--index", "7", stdout=file).code, 0)
        answer = run("--json", "audit", "check-proof", proof, "--key", key).json()
        self.assertEqual((answer["index"], answer["size"], bytes.fromhex(answer["record"])), (7, 300, b"record 7"))
        text = open(proof, encoding="utf-8").read()
        self.assertTrue(text.startswith("c2sp.org/tlog-proof@v1\nextra "))
        bad = {"another record": text.replace(base64.b64encode(b"record 7").decode(),
                                              base64.b64encode(b"record 8").decode()),
               "another index": text.replace("\nindex 7\n", "\nindex 6\n"),
               "another tree": text.replace("\n300\n", "\n301\n")}
        for name, changed in bad.items():
            with self.subTest(name):
                self.assertNotEqual(changed, text)
                with open(proof, "w", encoding="utf-8") as file:
                    file.write(changed)
                self.assert_both(["audit", "check-proof", proof, "--key", key], 7,
                                 "signature_refused" if name == "another tree" else "proof_refused")

    def test_a_proof_without_the_record_needs_it_or_its_hash(self):
        log, key = judge.write_log(self, "log", 5)
        proof, record = self.path("proof"), self.path("record")
        with open(proof, "wb") as file:
            run("audit", "prove", log, "--index", "3", "--hash-only", stdout=file)
        check = ["audit", "check-proof", proof, "--key", key]
        self.assert_both(check, 2, "usage")
        for content, code in ((b"record 3", 0), (b"record 4", 7)):
            with open(record, "wb") as file:
                file.write(content)
            self.assertEqual(run(*check, "--record", record).code, code)
        leaf = run("--json", "audit", "prove", log, "--index", "3").json()["leaf_hash"]
        self.assertEqual(run(*check, "--leaf-hash", leaf).code, 0)
        self.assert_both(check + ["--leaf-hash", leaf, "--record", record], 2, "usage")

    def test_a_log_that_somebody_shortened_or_forked_has_no_proof(self):
        log, key = judge.write_log(self, "log", 300)
        longer, _ = judge.write_log(self, "longer", 400)
        self.assert_both(["audit", "prove", log, "--from", longer + "/checkpoint", "--key", key], 9, "cut")
        self.assert_both(["audit", "prove", log, "--from", longer + "/checkpoint"], 7, "proof_refused")
        self.assert_both(["audit", "prove", log, "--index", "1", "--checkpoint", longer + "/checkpoint", "--key", key], 9,
                         "cut")
        # The checkpoint of the 400 over other tiles: its key signed it, and the tree is another one.
        os.replace(longer + "/checkpoint", log + "/checkpoint")
        os.rename(longer + "/tile/0/001.p", log + "/tile/0/001.p.new")
        for index in ("1", "299"):
            self.assertIn(run("audit", "prove", log, "--index", index, "--key", key).code, (3, 7))

    def test_a_changed_tile_or_record_is_tampering(self):
        log, key = judge.write_log(self, "log", 300)
        self.flip(log + "/tile/entries/000", 5)
        self.assert_both(["audit", "prove", log, "--index", "0"], 7, "tampered")
        self.flip(log + "/tile/0/000", 40 * 32)
        self.assert_both(["audit", "prove", log, "--index", "39"], 7, "tampered")
        older, _ = judge.write_log(self, "older", 200)
        self.assert_both(["audit", "prove", log, "--from", older + "/checkpoint"], 7, "proof_refused")
        self.flip(log + "/tile/1/000.p/1", 0)
        self.assert_both(["audit", "prove", log, "--from", log + "/checkpoint"], 7, "tampered")

    def flip(self, path, at):
        with open(path, "r+b") as file:
            file.seek(at)
            byte = file.read(1)
            file.seek(at)
            file.write(bytes([byte[0] ^ 1]))

    def test_questions_that_are_none_are_refused(self):
        log, key = judge.write_log(self, "log", 5)
        self.assert_both(["audit", "prove", log], 2, "usage")
        self.assert_both(["audit", "prove", log, "--index", "1", "--from", log + "/checkpoint"], 2, "usage")
        self.assert_both(["audit", "prove", log, "--from", log + "/checkpoint", "--hash-only"], 2, "usage")
        self.assert_both(["audit", "prove", log, "--index", "5"], 3, "not_found")
        self.assert_both(["audit", "prove", self.path("nowhere"), "--index", "5"], 3, "not_found")
        self.assert_both(["audit", "prove", self.folder, "--index", "5"], 1, "failed")
        self.assert_both(["audit", "prove", log, "--index", "1", "--key", self.path("nowhere")], 3, "not_found")
        other, _ = judge.write_log(self, "other", 5)
        with open(other + "/checkpoint", encoding="utf-8") as file:
            text = file.read()
        with open(other + "/checkpoint", "w", encoding="utf-8") as file:
            file.write(text.replace("judge.example/log\n5", "elsewhere.example/log\n5"))
        self.assert_both(["audit", "prove", log, "--from", other + "/checkpoint"], 7, "proof_refused")
        del key


if __name__ == "__main__":
    unittest.main()
