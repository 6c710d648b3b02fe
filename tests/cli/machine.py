# SPDX-License-Identifier: Apache-2.0
"""A machine whose TPM is a key of openssl's, for answers that a test makes up."""
import base64
import hashlib
import json
import struct
import subprocess

from support import http

NONCE = "00112233445566778899aabbccddeeff"


class Machine:
    """A key and PCR values, and quotes over them as a TPM would make them."""

    def __init__(self, test):
        self.key = test.path("ak.key")
        subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.key], check=True)
        self.pem = subprocess.run(["openssl", "ec", "-in", self.key, "-pubout"], capture_output=True,
                                  check=True).stdout.decode()
        self.pcrs = {number: hashlib.sha256(bytes([number])).digest() for number in range(24)}

    def quote(self, nonce, pcrs, kind=0x8018):
        """TPMS_ATTEST (TPM 2.0 Library, Part 2: 10.12.8)."""
        digest = hashlib.sha256(b"".join(self.pcrs[number] for number in sorted(pcrs))).digest()
        bits = sum(1 << number for number in pcrs).to_bytes(3, "little")
        return (struct.pack(">IH", 0xFF544347, kind) + struct.pack(">H", 34) + b"\0\x0b" + bytes(32)
                + struct.pack(">H", len(nonce)) + nonce + struct.pack(">QIIB", 1, 2, 3, 1) + struct.pack(">Q", 4)
                + struct.pack(">IHB", 1, 0x000B, 3) + bits + struct.pack(">H", 32) + digest)

    def sign(self, message):
        """TPMT_SIGNATURE, from OpenSSL's DER."""
        der = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], input=message, capture_output=True,
                             check=True).stdout
        numbers, at = [], 2
        for _ in range(2):
            length = der[at + 1]
            numbers.append(int.from_bytes(der[at + 2:at + 2 + length], "big").to_bytes(32, "big"))
            at += 2 + length
        return struct.pack(">HH", 0x0018, 0x000B) + b"".join(struct.pack(">H", 32) + number for number in numbers)

    def answer(self, body, **changes):
        asked = json.loads(body)
        nonce = changes.pop("nonce", bytes.fromhex(asked["nonce"]))
        quoted = self.quote(nonce, asked["pcrs"])
        document = {"quoted": base64.b64encode(quoted).decode(),
                    "signature": base64.b64encode(self.sign(quoted)).decode(), "ak_public_pem": self.pem,
                    "pcr_bank": "sha256", "pcrs": {str(n): self.pcrs[n].hex() for n in asked["pcrs"]},
                    "firmware_version": "4"}
        document.update(changes)
        return http(document)
