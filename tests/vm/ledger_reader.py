#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads an exported ledger without any code of ours: sqlite3, the root of RFC 6962
recomputed from the records, and the checkpoint's signature by openssl. The file's
layout is in docs/ledger.md.

    ledger_reader.py LEDGER KEYFILE
"""

import base64
import hashlib
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path


def tree_root(leaves):
    """MTH of RFC 6962 section 2.1: the leaves are whole records."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + tree_root(leaves[:split]) + tree_root(leaves[split:])).digest()


def records(path):
    """The bodies in order, and the notes of the checkpoints."""
    database = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    try:
        rows = database.execute("SELECT seq, body FROM records ORDER BY seq").fetchall()
        notes = [note for (note,) in database.execute("SELECT note FROM checkpoints ORDER BY id")]
    finally:
        database.close()
    return rows, notes


def signature_holds(note, vkey):
    """A C2SP signed note with ECDSA over P-256, checked by openssl."""
    name, key_id, key = vkey.strip().split("+", 2)
    public = base64.b64decode(key)
    text, _, signatures = note.partition("\n\n")
    for line in signatures.splitlines():
        _, signer, encoded = line.split(" ")
        raw = base64.b64decode(encoded)
        if signer != name or raw[:4].hex() != key_id or public[0] != 2:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            spki, signature, message = (Path(scratch) / part for part in ("key", "signature", "message"))
            spki.write_bytes(public[1:])
            signature.write_bytes(raw[4:])
            message.write_bytes(text.encode() + b"\n")
            return subprocess.run(["openssl", "dgst", "-sha256", "-verify", spki, "-keyform", "DER",
                                   "-signature", signature, message], capture_output=True, check=False).returncode == 0
    return False


def verify(path, vkey):
    """Yields (what was looked at, problems)."""
    rows, notes = records(path)
    yield (f"the ledger's {len(rows)} records have no hole",
           [] if rows and [seq for seq, _ in rows] == list(range(len(rows))) else ["their numbers are not 0, 1, 2 ..."])
    if not notes:
        yield "the ledger has a checkpoint", ["there is none"]
        return
    _origin, size, root = notes[-1].split("\n")[:3]
    yield ("the last checkpoint covers every record",
           [] if int(size) == len(rows) else [f"it covers {size} of {len(rows)}"])
    computed = base64.b64encode(tree_root([body for _, body in rows[: int(size)]])).decode()
    yield ("the root that a second reader computes is the one in the checkpoint",
           [] if computed == root else [f"computed {computed}, signed {root}"])
    yield ("openssl accepts the signature of the checkpoint",
           [] if signature_holds(notes[-1], vkey) else ["it does not"])


def main():
    if len(sys.argv) != 3:
        print("usage: ledger_reader.py LEDGER KEYFILE", file=sys.stderr)
        return 2
    failed = False
    for name, problems in verify(sys.argv[1], Path(sys.argv[2]).read_text(encoding="ascii")):
        print(f"{'not ok' if problems else 'ok'} {name}{': ' if problems else ''}{', '.join(problems)}")
        failed |= bool(problems)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
