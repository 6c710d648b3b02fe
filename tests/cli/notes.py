# SPDX-License-Identifier: Apache-2.0
"""Signed notes and their keys as C2SP signed-note spells them, for tests; no code of ours."""
import base64
import hashlib
import os
import subprocess

from support import SOURCE, TestCase

VECTORS = os.path.join(SOURCE, "tests/vectors")
DASH = "— "


def read_vector(name):
    with open(os.path.join(VECTORS, name), encoding="utf-8") as file:
        return file.read()


def key_id(name, kind, key):
    return hashlib.sha256(key if kind == 2 else name.encode() + b"\n" + bytes([kind]) + key).digest()[:4]


def vkey(name, kind, key):
    return "{}+{}+{}".format(name, key_id(name, kind, key).hex(), base64.b64encode(bytes([kind]) + key).decode())


def line(name, kind, key, signature):
    return DASH + name + " " + base64.b64encode(key_id(name, kind, key) + signature).decode() + "\n"


def leaf_hash(record):
    return hashlib.sha256(b"\0" + record).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def root_of(leaves):
    """RFC 6962 section 2.1, of leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return node_hash(root_of(leaves[:half]), root_of(leaves[half:]))


def subproof(m, leaves, whole=True):
    """RFC 6962 section 2.1.2, word for word."""
    if m == len(leaves):
        return [] if whole else [root_of(leaves)]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    if m <= half:
        return subproof(m, leaves[:half], whole) + [root_of(leaves[half:])]
    return subproof(m - half, leaves[half:], False) + [root_of(leaves[:half])]


class NoteCase(TestCase):
    def openssl(self, *arguments):
        return subprocess.run(["openssl", *arguments], check=True, capture_output=True).stdout

    def make_key(self, name, *arguments):
        """A key file, and its public key in DER."""
        path = self.path(name)
        with open(path, "wb") as file:
            file.write(self.openssl("genpkey", *arguments))
        return path, self.openssl("pkey", "-in", path, "-pubout", "-outform", "DER")

    def sign(self, key, data, *arguments):
        with open(self.path("data"), "wb") as file:
            file.write(data)
        return self.openssl("pkeyutl", "-sign", "-inkey", key, "-rawin", *arguments, "-in", self.path("data"))


class Log:
    """A log with an Ed25519 key, in memory."""

    def __init__(self, case, origin):
        self.case, self.origin, self.records, self.leaves = case, origin, [], []
        self.key, public = case.make_key(hashlib.sha256(origin.encode()).hexdigest() + ".pem", "-algorithm", "ED25519")
        self.raw = public[-32:]
        self.vkey = vkey(origin, 1, self.raw)

    def grow(self, count, text=b"record"):
        for _ in range(count):
            self.records.append(text + b" %d" % len(self.leaves))
            self.leaves.append(leaf_hash(self.records[-1]))
        return self

    def checkpoint(self, size=None, root=None):
        size = len(self.leaves) if size is None else size
        root = root_of(self.leaves[:size]) if root is None else root
        text = "{}\n{}\n{}\n".format(self.origin, size, base64.b64encode(root).decode())
        return text + "\n" + line(self.origin, 1, self.raw, self.case.sign(self.key, text.encode()))

    def request(self, old, size=None):
        """The body of add-checkpoint."""
        size = len(self.leaves) if size is None else size
        proof = subproof(old, self.leaves[:size]) if old else []
        return "old {}\n{}\n{}".format(old, "".join(base64.b64encode(each).decode() + "\n" for each in proof),
                                       self.checkpoint(size))
