#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints INFO's firmware_read_only (include/uapi/linux/dsmil.h)."""

import fcntl
import os
import struct

SIZE, READ_ONLY_AT = 200, 192
INFO = 3 << 30 | SIZE << 16 | 0xD5 << 8

node = os.open("/dev/dsmil/ctl", os.O_RDONLY)
info = bytearray(struct.pack("=I", SIZE)).ljust(SIZE, b"\0")
fcntl.ioctl(node, INFO, info)
print(struct.unpack_from("=I", info, READ_ONLY_AT)[0])
