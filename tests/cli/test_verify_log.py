# SPDX-License-Identifier: Apache-2.0
"""audit verify of logs that Go's code wrote as C2SP tlog-tiles, and what somebody may do to them."""
import base64
import json
import os
import shutil
import unittest

import judge
from notes import Log, NoteCase, line, vkey
from support import run

NAMES = {7: "tampered", 9: "cut", 10: "forked", 11: "not_signed"}


class TilesCase(NoteCase):
    @classmethod
    def setUpClass(cls):
        judge.build()

    def verify(self, log, key, *more):
        return run("audit", "verify", log, "--key", key, *more)

    def assert_verdict(self, exit_code, log, key, detail, *more):
        error = self.assert_both(["audit", "verify", log, "--key", key, *more], exit_code, NAMES[exit_code])
        self.assertIn(detail, " ".join([error["detail"], *error["causes"]]))

    def change(self, path, change):
        with open(path, "rb") as file:
            content = file.read()
        with open(path, "wb") as file:
            file.write(change(content))


class GoodLogs(TilesCase):
    def test_of_every_shape_hold(self):
        for size in (1, 2, 255, 256, 257, 512, 700, 65536, 70000):
            log, key = judge.write_log(self, "log%d" % size, size)
            with self.subTest(size):
                answer = run("--json", "audit", "verify", log, "--key", key).json()
                self.assertEqual((answer["size"], answer["origin"], answer["freshness"]),
                                 (size, "judge.example/log", "not_shown"))

    def test_an_empty_one_holds(self):
        log, key = judge.write_log(self, "log", 0)
        self.assertEqual(self.verify(log, key).code, 0)

    def test_freshness_is_not_shown_by_a_folder_alone(self):
        log, key = judge.write_log(self, "log", 5)
        self.assertIn("freshness not shown", self.verify(log, key).out)
        self.assertEqual(self.verify(log, key, "--require-fresh").code, 12)

    def test_partial_tiles_of_older_checkpoints_do_not_matter(self):
        log, key = judge.write_log(self, "log", 300)
        older, _ = judge.write_log(self, "older", 5)
        shutil.copytree(older + "/tile", log + "/tile", dirs_exist_ok=True)
        self.assertEqual(self.verify(log, key).code, 0)

    def test_a_full_tile_serves_where_the_partial_one_is_gone(self):
        log, key = judge.write_log(self, "log", 300)
        older, _ = judge.write_log(self, "older", 200)
        shutil.copy(older + "/checkpoint", log + "/checkpoint")
        self.assertEqual(json.loads(run("--json", "audit", "verify", log, "--key", key).out)["size"], 200)


class BadLogs(TilesCase):
    def test_every_byte_that_is_flipped_is_noticed(self):
        log, key = judge.write_log(self, "log", 3)
        files = [os.path.join(folder, name) for folder, _, names in os.walk(log) for name in names]
        self.assertEqual(len(files), 3)
        for path in files:
            with open(path, "rb") as file:
                content = file.read()
            for at in range(len(content)):
                with open(path, "wb") as file:
                    file.write(content[:at] + bytes([content[at] ^ 0x20]) + content[at + 1:])
                code = self.verify(log, key).code
                # In the key's name, or its id, it becomes somebody else's signature.
                self.assertIn(code, (7, 11) if path.endswith("checkpoint") else (7,), "{} at {}".format(path, at))
            with open(path, "wb") as file:
                file.write(content)
        self.assertEqual(self.verify(log, key).code, 0)

    def test_the_first_changed_record_is_named(self):
        log, key = judge.write_log(self, "log", 700)
        self.change(log + "/tile/entries/001", lambda old: old.replace(b"record 300", b"record 3x0"))
        self.assert_verdict(7, log, key, "record 300: its hash is not the one in the tree")

    def test_a_record_that_was_changed_with_its_tile_shows_in_the_tree(self):
        log, key = judge.write_log(self, "log", 700)
        other, _ = judge.write_log(self, "other", 512)
        self.change(log + "/tile/1/000.p/2", lambda old: old[32:] + old[:32])
        self.assert_verdict(7, log, key, "tile 0 of level 1")
        del other

    def test_records_that_were_put_in_another_order_are_noticed(self):
        log, key = judge.write_log(self, "log", 5)
        self.change(log + "/tile/entries/000.p/5",
                    lambda old: old.replace(b"record 1", b"record x").replace(b"record 2", b"record 1").replace(
                        b"record x", b"record 2"))
        self.assert_verdict(7, log, key, "record 1")

    def test_records_that_were_added_or_taken_out_are_noticed(self):
        log, key = judge.write_log(self, "log", 5)
        bundle = log + "/tile/entries/000.p/5"
        with open(bundle, "rb") as file:
            content = file.read()
        for changed in (content[10:], content[:-10], content + content[:10], content + b"\0", content[:-1]):
            self.change(bundle, lambda old, changed=changed: changed)
            self.assert_verdict(7, log, key, "the records from 0 on")

    def test_missing_tiles_and_bundles_are_named(self):
        for name, code, detail in (("tile/0/000", 7, "tile 0 of level 0 is missing"),
                                   ("tile/1/000.p/2", 7, "tile 0 of level 1 is missing"),
                                   ("tile/entries/001", 7, "record 256 is missing"),
                                   ("tile/entries/000", 7, "no record tells that they were pruned"),
                                   ("tile/0/002.p/188", 9, "there are 512 records, and the checkpoint covers 700")):
            log, key = judge.write_log(self, "log", 700)
            os.remove(os.path.join(log, name))
            with self.subTest(name):
                self.assert_verdict(code, log, key, detail)

    def test_a_log_that_was_cut_is_told_from_one_that_was_changed(self):
        log, key = judge.write_log(self, "log", 700)
        for name in ("tile/0/001", "tile/0/002.p/188", "tile/entries/001", "tile/entries/002.p/188"):
            os.remove(os.path.join(log, name))
        self.assert_verdict(9, log, key, "there are 256 records")

    def test_an_older_copy_shows_against_a_checkpoint_that_was_held(self):
        log, key = judge.write_log(self, "log", 700)
        older, _ = judge.write_log(self, "older", 300)
        self.assert_verdict(9, older, key, "the held checkpoint covers 700", "--checkpoint", log + "/checkpoint")
        answer = run("--json", "audit", "verify", log, "--key", key, "--checkpoint", older + "/checkpoint").json()
        self.assertEqual((answer["freshness"], answer["fresh_size"]), ("held_checkpoint", 300))
        self.assertEqual(self.verify(log, key, "--checkpoint", older + "/checkpoint", "--require-fresh").code, 0)

    def test_another_key_is_not_the_logs(self):
        log, _ = judge.write_log(self, "log", 5)
        _, public = self.make_key("other.pem", "-algorithm", "ED25519")
        self.assert_verdict(11, log, vkey("judge.example/log", 1, public[-32:]), "not signed")

    def test_what_is_no_log_could_not_be_checked(self):
        log, key = judge.write_log(self, "log", 5)
        os.remove(log + "/checkpoint")
        self.assert_both(["audit", "verify", log, "--key", key], 1, "failed")
        os.mkfifo(log + "/checkpoint")
        self.assertNotEqual(self.verify(log, key).code, 0)


class Forks(TilesCase):
    """A log whose key signs two histories."""

    def write_log(self, log, name):
        """A folder with one partial tile."""
        folder, size = self.path(name), len(log.leaves)
        for place, content in (("tile/0/000.p/%d" % size, b"".join(log.leaves)),
                               ("tile/entries/000.p/%d" % size,
                                b"".join(len(each).to_bytes(2, "big") + each for each in log.records)),
                               ("checkpoint", log.checkpoint().encode())):
            os.makedirs(os.path.dirname(os.path.join(folder, place)), exist_ok=True)
            with open(os.path.join(folder, place), "wb") as file:
                file.write(content)
        return folder

    def fork(self):
        """Two logs of one key that agree on three records."""
        # The key's file is the origin's, so that the later one is in it.
        two, one = Log(self, "example.com/log").grow(3), Log(self, "example.com/log").grow(3)
        two.key, two.raw, two.vkey = one.key, one.raw, one.vkey
        return one.grow(4), two.grow(2, b"another")

    def save(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def test_a_held_checkpoint_that_the_log_contradicts_is_a_fork(self):
        one, two = self.fork()
        folder = self.write_log(one, "one")
        self.assertEqual(self.verify(folder, one.vkey).code, 0)
        self.assert_verdict(10, folder, one.vkey, "contradicts it", "--checkpoint", self.save("held", two.checkpoint()))
        two.grow(2, b"another")
        self.assert_verdict(10, folder, one.vkey, "different roots", "--checkpoint", self.save("held", two.checkpoint()))
        self.assertEqual(self.verify(folder, one.vkey, "--checkpoint", self.save("held", two.checkpoint(3))).code, 0)

    def test_a_held_checkpoint_of_another_log_or_key_is_a_usage_error(self):
        one, _ = self.fork()
        other = Log(self, "example.com/other").grow(3)
        folder = self.write_log(one, "one")
        held = self.save("held", other.checkpoint())
        self.assert_both(["audit", "verify", folder, "--key", one.vkey, "--checkpoint", held], 2, "usage")
        self.assert_both(["audit", "verify", folder, "--key", one.vkey, "--checkpoint", self.save("held", "x")], 2, "usage")


class Witnesses(Forks):
    def setUp(self):
        super().setUp()
        self.log, _ = self.fork()
        self.folder_of_log = self.write_log(self.log, "log")
        self.witnesses = []
        for name in ("w1", "w2", "w3"):
            key, public = self.make_key(name + ".pem", "-algorithm", "ED25519")
            self.witnesses.append((name + ".example", key, public[-32:]))

    def cosigned(self, time, *numbers, size=None):
        note = self.log.checkpoint(size)
        text = note.split("\n\n")[0] + "\n"
        for number in numbers:
            name, key, raw = self.witnesses[number]
            message = "cosignature/v1\ntime {}\n{}".format(time, text)
            note += line(name, 4, raw, time.to_bytes(8, "big") + self.sign(key, message.encode()))
        return note

    def policy(self, quorum):
        lines = ["witness w{} {}".format(i, vkey(name, 4, raw)) for i, (name, _, raw) in enumerate(self.witnesses)]
        return self.save("policy", "\n".join(lines + ["# how many", quorum]) + "\n")

    def check(self, exit_code, quorum, note, *more):
        with open(os.path.join(self.folder_of_log, "checkpoint"), "w", encoding="utf-8") as file:
            file.write(note)
        result = run("--json", "audit", "verify", self.folder_of_log, "--key", self.log.vkey, "--witness-policy",
                     self.policy(quorum), *more)
        self.assertEqual(result.code, exit_code, result.out)
        return json.loads(result.out)

    def test_a_quorum_shows_freshness_as_of_its_oldest_cosignature(self):
        group = "group g 2 w0 w1 w2\nquorum g"
        answer = self.check(0, group, self.cosigned(4000000000, 0, 2), "--require-fresh")
        self.assertEqual((answer["freshness"], answer["witnesses"]), ("witnessed", ["w0", "w2"]))
        self.check(11, group, self.cosigned(4000000000, 1))
        self.check(0, "quorum none", self.cosigned(1))

    def test_old_cosignatures_count_for_the_policy_and_not_for_freshness(self):
        answer = self.check(0, "quorum w0", self.cosigned(1700000000, 0))
        self.assertEqual(answer["freshness"], "not_shown")
        self.check(12, "quorum w0", self.cosigned(1700000000, 0), "--require-fresh")
        answer = self.check(0, "quorum w0", self.cosigned(1700000000, 0), "--require-fresh", "--max-age",
                            "99999999999")
        self.assertEqual(answer["witnessed"][:10], "2023-11-14")

    def test_a_witness_that_saw_an_earlier_checkpoint_counts_when_that_is_held(self):
        held = self.save("held", self.cosigned(4000000000, 0, size=3))
        answer = self.check(0, "quorum w0", self.log.checkpoint(), "--checkpoint", held, "--require-fresh")
        self.assertEqual((answer["freshness"], answer["fresh_size"]), ("witnessed", 3))

    def test_a_wrong_cosignature_is_tampering(self):
        note = self.cosigned(4000000000, 0)
        head, last = note.rsplit(" ", 1)
        raw = bytearray(base64.b64decode(last))
        raw[-1] ^= 1
        error = self.check(7, "quorum w0", head + " " + base64.b64encode(raw).decode() + "\n")
        self.assertEqual(error["error"]["code"], "tampered")

    def test_a_policy_that_is_none_is_a_usage_error(self):
        for quorum in ("", "quorum w9", "quorum w0\nquorum w0", "group g 4 w0 w1 w2\nquorum g", "group g 1 g\nquorum g",
                       "group w0 1 w1\nquorum w0", "group none any w0\nquorum none", "group g all w0 w0\nquorum g"):
            self.assertEqual(self.check(2, quorum, self.log.checkpoint())["error"]["code"], "usage", quorum)
        self.assert_both(["audit", "verify", self.folder_of_log, "--key", self.log.vkey, "--max-age", "1"], 2, "usage")


if __name__ == "__main__":
    unittest.main()
