#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fills the audit ring: refused writes until they are only counted, then allowed ones
until they are turned away. Prints how many of each were answered so."""

import os

import every_door

REFUSALS = 3700  # more than the seven eighths of 4096 that they may use


def write(node, value):
    return every_door.ioctl_write(f"/dev/dsmil/{node}", os.O_RDWR, 1, value)


refused = sum(write("8009", number) == "EPERM" for number in range(REFUSALS))
done = 0
while not (answer := write("8005", done)):
    done += 1
print(refused, done, answer)
