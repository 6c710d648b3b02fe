#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A second opinion on every verdict about a ledger file, written from docs/ledger.md alone: sqlite3, hashlib
and openssl, and for records and tiles tests/vm/ledger_reader.py.

    anchor_reader.py LEDGER KEY [EVIDENCE NONCE AK.pem]     exits as `dsmilctl audit verify` does

KEY is the file with the verifier keys; the first must have signed.
"""
import base64
import hashlib
import json
import os
import sqlite3
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../vm"))
from ledger_reader import records as read_records, tiles_of, tree_root  # noqa: E402

TAMPERED, CUT, FORKED, UNSIGNED = 7, 9, 10, 11
VALUE = struct.pack(">IHIHH", 0x0180D510, 0x000B, 0x22060044, 0, 32)  # TPMS_NV_PUBLIC, written
ADOPTED, DAEMON = b"\x0c\x6eanchor_adopted", b"\x05\x66dsmild"  # action and source in a record
COUNT = struct.pack(">IHIHH", 0x0180D511, 0x000B, 0x22060014, 0, 8)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def stop(code, why):
    print(why)
    sys.exit(code)


def check(holds, why, code=TAMPERED):
    if not holds:
        stop(code, why)


def openssl_verifies(public, form, signature, message):
    with tempfile.NamedTemporaryFile() as key, tempfile.NamedTemporaryFile() as sig:
        key.write(public), key.flush(), sig.write(signature), sig.flush()
        done = subprocess.run(["openssl", "dgst", "-sha256", "-keyform", form, "-verify", key.name, "-signature",
                               sig.name], input=message, capture_output=True, check=False)
    return done.returncode == 0


def read_keys(path):
    with open(path, encoding="utf-8") as file:
        for line in file.read().split():
            name, key_id, material = line.split("+", 2)
            yield name, bytes.fromhex(key_id), base64.b64decode(material)


def read_checkpoint(note, key):
    """(text, size, root, whether the key signed it)."""
    name, key_id, material = key
    text, lines = note.rsplit("\n\n", 1)
    text += "\n"
    origin, size, root = text.splitlines()
    check(origin == name, "another log's checkpoint")
    signed = False
    for line in lines.splitlines():
        _, signer, blob = line.split(" ")
        blob = base64.b64decode(blob)
        if signer == name and blob[:4] == key_id:
            check(openssl_verifies(material[1:], "DER", blob[4:], text.encode()), "a signature does not hold")
            signed = True
    return text, int(size), base64.b64decode(root), signed


def check_checkpoints(ledger, bodies, key):
    count, covered, texts, bad = len(bodies), 0, {}, None
    notes = ledger.execute("SELECT id, size, note FROM checkpoints ORDER BY size, id").fetchall()
    for number, covers, note in notes:
        text, size, root, signed = read_checkpoint(note, key)
        check(size == covers, "a checkpoint is not where it belongs")
        texts[number] = text, size
        if not signed:
            continue
        if size <= count and tree_root(bodies[:size]) != root:
            bad = bad or number
        elif size <= count:
            check(bad is None, "checkpoint %s contradicts %d" % (bad, number), FORKED)
        covered = max(covered, size)
    check(bad is None, "the records are not those of checkpoint %s" % bad)
    check(covered <= count, "a checkpoint covers more records than there are", CUT)
    return covered, texts


def check_quotes(ledger, texts):
    for number, attest, pcrs in ledger.execute("SELECT checkpoint, attest, pcrs FROM quotes"):
        check(number in texts, "a quote of no checkpoint")
        signer = struct.unpack(">H", attest[6:8])[0]
        rest = attest[8 + signer:]
        nonce = struct.unpack(">H", rest[:2])[0]
        tail = rest[2 + nonce + 25:]
        check(attest[:6] == b"\xffTCG\x80\x18", "a quote that no TPM made")
        check(rest[2:2 + nonce] == sha256(texts[number][0].encode()), "a quote of something else")
        check(tail == b"\0\0\0\x01\0\x0b\x03\xff\xff\0\0\x20" + sha256(pcrs), "a quote of other PCRs")


def check_anchors(ledger, texts, bodies):
    value, last, known, covered = bytes(32), None, [], 0
    for number, checkpoint, at, reason, before, after, count in ledger.execute("SELECT * FROM anchors ORDER BY id"):
        check(checkpoint in texts, "an anchor of no checkpoint")
        line = "%d %s\n" % (at, reason)
        check(after == sha256(before, sha256(line.encode(), texts[checkpoint][0].encode())), "anchor %d" % number)
        check(number == len(known) + 1 and (before == value or reason == "adopted"), "anchors are missing")
        told = any(ADOPTED in body and DAEMON in body for body in bodies[covered:texts[checkpoint][1]])
        check(reason != "adopted" or told, "no record tells of anchor %d" % number)
        covered = texts[checkpoint][1]
        check(last is None or reason == "adopted" or count in (None, last + 1), "a count was changed")
        check(not known or last is not None, "an anchor was never counted")
        value, last = after, count
        known.append((after, count))
    return known


def certified(statement, public, nonce, ak):
    """What an NV index holds, by the TPM's word."""
    attest, signature = base64.b64decode(statement["attest"]), base64.b64decode(statement["signature"])
    size_r = struct.unpack(">H", signature[4:6])[0]
    numbers = [n.lstrip(b"\0") for n in (signature[6:6 + size_r], signature[8 + size_r:])]
    der = b"".join(b"\x02" + bytes([len(n)]) + n for n in (b"\0" * (n[0] >> 7) + n for n in numbers))
    check(openssl_verifies(ak, "PEM", b"\x30" + bytes([len(der)]) + der, attest), "not this attestation key's")
    signer = struct.unpack(">H", attest[6:8])[0]
    rest = attest[8 + signer:]
    check(attest[:6] == b"\xffTCG\x80\x14" and rest[2:2 + len(nonce)] == nonce, "not over this nonce")
    name, tail = b"\0\x0b" + sha256(public), rest[2 + len(nonce) + 25:]
    check(tail[:36] == b"\0\x22" + name and tail[36:38] == b"\0\0", "not about this index")
    return tail[40:]


def main(path, keys, evidence=None, nonce=None, ak=None):
    key = next(read_keys(keys))
    rows, stored, _ = read_records(path)
    bodies = [body for _, body in rows]
    check([seq for seq, _ in rows] == list(range(len(rows))), "records are missing")
    ledger = sqlite3.connect("file:%s?mode=ro&immutable=1" % path, uri=True)
    covered, texts = check_checkpoints(ledger, bodies, key)
    check(stored == tiles_of(bodies), "the tiles are not those of the records")
    check(covered == len(rows) and texts, "records follow the last signed checkpoint", UNSIGNED)
    check_quotes(ledger, texts)
    known = check_anchors(ledger, texts, bodies)
    if evidence is not None:
        with open(evidence, encoding="utf-8") as file, open(ak, "rb") as pem:
            document, public, nonce = json.load(file), pem.read(), bytes.fromhex(nonce)
        value = certified(document["value"], VALUE, nonce, public)
        count = int.from_bytes(certified(document["count"], COUNT, nonce, public), "big")
        newest = max((count for _, count in known if count is not None), default=0)
        check(count <= newest + (bool(known) and known[-1][1] is None), "the TPM counted more", CUT)
        check(value in [after for after, _ in known], "the TPM holds another history", FORKED)
    print("consistent: %d records" % len(rows))


if __name__ == "__main__":
    main(*sys.argv[1:])
