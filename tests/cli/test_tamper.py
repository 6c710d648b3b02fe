# SPDX-License-Identifier: Apache-2.0
"""The tamper matrix: everything that somebody without the key can do to a ledger, judged by audit verify and by a
second reader that shares no code with it (tests/vm/ledger_reader.py)."""
import base64
import os
import shutil
import sqlite3
import sys
import unittest

import judge
from notes import NoteCase, line, vkey
from support import SOURCE, run

sys.path.insert(0, os.path.join(SOURCE, "tests/vm"))
import ledger_reader  # noqa: E402

SEED = os.path.join(SOURCE, "tests/fuzz/corpus/verify/ledger")
KEY = ("seed.example/log+c80b7145+AjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABOKdC3VP2oI1pCPKFjXUVHCBxr/"
       "eHfCmuJaoaU0NJzRhOyp56jfvwcwlhwdrpA+uW/KLHoY2f7Iy1PQCtW0Q67Y=")


def second_opinion(path, key):
    """Whether the other reader accepts it."""
    try:
        return not any(problems for _, problems in ledger_reader.verify(path, key))
    except (ValueError, OSError, sqlite3.Error):
        return False


class Ledgers(NoteCase):
    def setUp(self):
        super().setUp()
        self.ledger = self.path("ledger.db")
        shutil.copy(SEED, self.ledger)
        os.chmod(self.ledger, 0o600)

    def sql(self, *statements):
        database = sqlite3.connect(self.ledger)
        with database:
            for statement, *values in statements:
                database.execute(statement, values)
        database.close()

    def rows(self, query):
        database = sqlite3.connect(self.ledger)
        found = database.execute(query).fetchall()
        database.close()
        return found

    def key_file(self, key):
        with open(self.path("key"), "w", encoding="ascii") as file:
            file.write(key + "\n")
        return self.path("key")

    def verdict(self, key=KEY):
        return run("audit", "verify", self.ledger, "--key", self.key_file(key)).code

    def assert_caught(self, name, detail="", key=KEY):
        exits = {"tampered": 7, "cut": 9, "forked": 10, "not_signed": 11}
        error = self.assert_both(["audit", "verify", self.ledger, "--key", self.key_file(key)], exits[name], name)
        self.assertIn(detail, " ".join([error["detail"], *error["causes"]]))
        self.assertFalse(second_opinion(self.ledger, key))

    def test_as_it_is_both_accept_it(self):
        self.assertEqual(self.verdict(), 0)
        self.assertTrue(second_opinion(self.ledger, KEY))

    def flip_everywhere(self, query, update, allowed):
        for key, content in self.rows(query):
            is_text = isinstance(content, str)
            raw = content.encode() if is_text else content
            for at in range(len(raw)):
                changed = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1:]
                try:
                    value = changed.decode() if is_text else changed
                except UnicodeDecodeError:
                    continue  # No text that sqlite keeps as one.
                self.sql((update, value, key))
                self.assertIn(self.verdict(), allowed, "byte {} of row {}".format(at, key))
                self.assertFalse(second_opinion(self.ledger, KEY), "byte {} of row {}".format(at, key))
            self.sql((update, content, key))
        self.assertEqual(self.verdict(), 0)

    def test_every_byte_of_the_records_counts(self):
        self.flip_everywhere("SELECT seq, body FROM records", "UPDATE records SET body = ? WHERE seq = ?", (7,))

    def test_every_byte_of_the_tiles_counts(self):
        self.flip_everywhere("SELECT level, hashes FROM tiles", "UPDATE tiles SET hashes = ? WHERE level = ?", (7,))

    def test_every_byte_of_the_checkpoint_counts(self):
        # In the signer's name or key id it becomes somebody else's signature: then nothing is signed.
        self.flip_everywhere("SELECT id, note FROM checkpoints", "UPDATE checkpoints SET note = ? WHERE id = ?", (7, 11))

    def test_a_page_that_the_disk_corrupted_is_noticed(self):
        with open(self.ledger, "rb") as file:
            whole = file.read()
        size = int.from_bytes(whole[16:18], "big")
        for at in range(0, len(whole), size):
            for page in (bytes(size), bytes(byte ^ 0x55 for byte in whole[at:at + size]), whole[:size], b""):
                if page == whole[at:at + size]:
                    continue
                with open(self.ledger, "wb") as file:
                    file.write(whole[:at] + page + (whole[at + size:] if page else b""))
                # The second reader passes over the table meta and the index of the tiles.
                self.assertIn(self.verdict(), (1, 7), at)

    def test_records_that_are_taken_out_put_in_or_swapped_are_noticed(self):
        self.sql(("DELETE FROM records WHERE seq = 1",))
        self.assert_caught("tampered", "record 1 is missing")
        self.sql(("INSERT INTO records SELECT 1, body FROM records WHERE seq = 0",))
        self.assert_caught("tampered", "record 1")
        shutil.copy(SEED, self.ledger)
        (_, one), (_, two) = self.rows("SELECT seq, body FROM records WHERE seq > 0")
        self.sql(("UPDATE records SET body = ? WHERE seq = 1", two), ("UPDATE records SET body = ? WHERE seq = 2", one))
        self.assert_caught("tampered", "record 1")

    def test_a_record_behind_the_last_checkpoint_is_not_signed(self):
        self.sql(("INSERT INTO records SELECT 3, body FROM records WHERE seq = 0",))
        self.assertIn(self.verdict(), (7, 11))
        self.assertFalse(second_opinion(self.ledger, KEY))

    def test_a_tail_that_is_cut_is_named_so(self):
        self.sql(("DELETE FROM records WHERE seq = 2",))
        self.assert_caught("cut", "there are 2 records")
        self.sql(("UPDATE tiles SET hashes = cast(substr(hashes, 1, 64) AS BLOB)",))
        self.assert_caught("cut", "there are 2 records")

    def test_without_its_checkpoints_it_is_not_signed(self):
        self.sql(("DELETE FROM checkpoints",))
        self.assert_caught("not_signed")

    def test_another_machines_key_does_not_verify_it(self):
        _, public = self.make_key("other.pem", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
        self.assert_caught("not_signed", key=vkey("seed.example/log", 2, public))

    def test_signed_anew_with_another_key_it_is_not_signed(self):
        key, public = self.make_key("other.pem", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
        body = self.rows("SELECT body FROM records WHERE seq = 0")[0][0]
        self.sql(("UPDATE records SET body = ? WHERE seq = 0", body[:-1] + bytes([body[-1] ^ 1])))
        leaves = [record for (record,) in self.rows("SELECT body FROM records ORDER BY seq")]
        text = "seed.example/log\n3\n{}\n".format(base64.b64encode(ledger_reader.tree_root(leaves)).decode())
        note = text + "\n" + line("seed.example/log", 2, public, self.sign(key, text.encode(), "-digest", "sha256"))
        self.sql(("UPDATE tiles SET hashes = ?", ledger_reader.tiles_of(leaves)[0, 0]),
                 ("UPDATE checkpoints SET note = ?", note))
        self.assert_caught("not_signed")

    def test_the_name_of_another_machine_is_noticed(self):
        self.sql(("UPDATE meta SET value = 'other.example/log' WHERE name = 'origin'",))
        self.assertEqual(self.verdict(), 7)

    def test_tables_and_rows_too_many_are_noticed(self):
        for statement in ("CREATE TABLE more(a)", "CREATE VIEW more AS SELECT 1", "INSERT INTO tiles VALUES(1, 0, x'00')",
                          "INSERT INTO meta VALUES('note', 'x')"):
            shutil.copy(SEED, self.ledger)
            self.sql((statement,))
            with self.subTest(statement):
                self.assertEqual(self.verdict(), 7)


class Tiles(NoteCase):
    def test_the_second_reader_reads_what_go_wrote(self):
        judge.build()
        for size in (1, 256, 300, 700):
            folder = self.path("log%d" % size)
            key, = judge.judge("log", folder, size)
            self.assertTrue(second_opinion(folder, key), size)
            with open(folder + "/checkpoint", "a", encoding="utf-8") as file:
                file.write("x")
            self.assertFalse(second_opinion(folder, key + "x"), size)


if __name__ == "__main__":
    unittest.main()
