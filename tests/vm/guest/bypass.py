#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes one quarantined register past our module, through Dell's own node, as root
can (docs/architecture.md, threat model): the host's checker must see it."""

import fcntl
import struct
import sys

sys.path.insert(0, "/lab/source/tests/vm")

import rule  # noqa: E402

TOKEN = 0x8000 + 3 * 9  # STATUS of device 9, data destruction
CLASS_WRITE = 1

with open("/dev/wmi/dell-smbios", "rb", buffering=0) as node:
    size = struct.unpack("=Q", node.read(8))[0]
    call = bytearray(size)
    location = rule.token_locations("/lab/tables")[TOKEN]
    struct.pack_into("=QHHII", call, 0, size, CLASS_WRITE, 0, location, 0xBAD)
    # DELL_WMI_SMBIOS_CMD: _IOWR('W', 0, struct of 8 + 44 bytes).
    fcntl.ioctl(node, 3 << 30 | 52 << 16 | ord("W") << 8, call, True)  # house: ioctl, past our module on purpose
