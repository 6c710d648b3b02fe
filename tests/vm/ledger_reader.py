#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads an exported ledger, or a folder of C2SP tlog-tiles, without any code of ours:
sqlite3, the tree of RFC 6962 recomputed from the records, and the checkpoint's
signature by openssl. The file's layout is in docs/ledger.md.

    ledger_reader.py LEDGER KEYFILE
"""

import base64
import hashlib
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

ED25519_SPKI = bytes.fromhex("302a300506032b6570032100")  # what stands before the key in DER


def tree_root(leaves):
    """MTH of RFC 6962 section 2.1: the leaves are whole records."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + tree_root(leaves[:split]) + tree_root(leaves[split:])).digest()


def tiles_of(leaves):
    """Every tile of C2SP tlog-tiles by level and index: 256 hashes, the last one of a level perhaps fewer."""
    tiles, level, hashes = {}, 0, [hashlib.sha256(b"\0" + leaf).digest() for leaf in leaves]
    while hashes:
        chunks = [hashes[at:at + 256] for at in range(0, len(hashes), 256)]
        tiles.update({(level, index): b"".join(chunk) for index, chunk in enumerate(chunks)})
        hashes = [subtree_root(chunk) for chunk in chunks if len(chunk) == 256]
        level += 1
    return tiles


def subtree_root(hashes):
    """Of a power of two."""
    while len(hashes) > 1:
        hashes = [hashlib.sha256(b"\1" + hashes[at] + hashes[at + 1]).digest() for at in range(0, len(hashes), 2)]
    return hashes[0]


def records(path):
    """Of a ledger file: (number, body) in order, the tiles, the notes of the checkpoints."""
    database = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    try:
        rows = database.execute("SELECT seq, body FROM records ORDER BY seq").fetchall()
        tiles = {(level, index): hashes for level, index, hashes in database.execute("SELECT * FROM tiles")}
        notes = [note for (note,) in database.execute("SELECT note FROM checkpoints ORDER BY id")]
    finally:
        database.close()
    return rows, tiles, notes


def folder_path(prefix, index, width):
    groups = f"{index:03}"
    groups = groups.rjust((len(groups) + 2) // 3 * 3, "0")
    parts = [groups[at:at + 3] for at in range(0, len(groups), 3)]
    return prefix + "/".join(["x" + part for part in parts[:-1]] + parts[-1:]) + (f".p/{width}" if width < 256 else "")


def folder(path):
    """The same of a folder of tiles, as far as its checkpoint says."""
    note = (path / "checkpoint").read_text(encoding="utf-8")
    size = int(note.split("\n")[1])
    rows, tiles, level, width = [], {}, 0, size
    for index in range((size + 255) // 256):
        bundle = (path / folder_path("tile/entries/", index, min(256, size - 256 * index))).read_bytes()
        while bundle:
            end = 2 + int.from_bytes(bundle[:2], "big")
            if end > len(bundle):
                raise ValueError(f"bundle {index} ends within a record")
            rows.append((len(rows), bundle[2:end]))
            bundle = bundle[end:]
    while width:
        for index in range((width + 255) // 256):
            tiles[level, index] = (path / folder_path(f"tile/{level}/", index, min(256, width - 256 * index))).read_bytes()
        level, width = level + 1, width // 256
    return rows, tiles, [note]


def signature_holds(note, vkey):
    """A C2SP signed note with ECDSA (type 0x02) or Ed25519 (0x01), checked by openssl."""
    name, key_id, key = vkey.split()[0].split("+", 2)  # the first, of several lines
    public = base64.b64decode(key)
    text, _, signatures = note.partition("\n\n")
    for line in signatures.splitlines():
        dash, signer, encoded = line.split(" ")
        raw = base64.b64decode(encoded)
        if dash != "—" or signer != name or raw[:4].hex() != key_id or public[0] not in (1, 2):
            continue
        with tempfile.TemporaryDirectory() as scratch:
            spki, signature, message = (Path(scratch) / part for part in ("key", "signature", "message"))
            spki.write_bytes(public[1:] if public[0] == 2 else ED25519_SPKI + public[1:])
            signature.write_bytes(raw[4:])
            message.write_bytes(text.encode() + b"\n")
            digest = ["-digest", "sha256"] if public[0] == 2 else []
            return subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", spki, "-keyform", "DER", "-rawin",
                                   *digest, "-sigfile", signature, "-in", message],
                                  capture_output=True, check=False).returncode == 0
    return False


def verify(path, vkey):
    """Yields (what was looked at, problems)."""
    rows, tiles, notes = folder(Path(path)) if Path(path).is_dir() else records(path)
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
    yield ("the tiles are those of the records",
           [] if tiles == tiles_of([body for _, body in rows]) else ["they are not"])
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
