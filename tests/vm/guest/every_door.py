#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tries, as root, to write every register through every door that we know, with a
value that names the door and the token. Writes what each door answered to a JSON
file; the host judges, by the firmware journal, what got through."""

import ctypes
import errno
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys

DEVICES = 108
NODES = "/dev/dsmil"
# struct dsmil_reg_write: size, reg, flags, value, grant, grant_length, reason,
# rule_token, rule_risk, sequence.
REG_WRITE = struct.Struct("=IIIIQIIIIQ")
REG_WRITE_COMMAND = 3 << 30 | REG_WRITE.size << 16 | 0xD5 << 8 | 0x11
assert REG_WRITE.size == 48
# struct dsmil_reg_read: size, reg, flags, value, time_ns.
REG_READ = struct.Struct("=IIIIQ")
REG_READ_COMMAND = 3 << 30 | REG_READ.size << 16 | 0xD5 << 8 | 0x10


def value_of(door, token):
    """What a door writes to a token: the journal tells them apart by it."""
    return door << 24 | token


def ioctl_write(path, flags, register, value, grant=b""):
    """The name of the error, or "" when the write was done."""
    descriptor = os.open(path, flags)
    try:
        pointer = 0
        if grant:
            holder = bytearray(grant)
            pointer = address_of(holder)
        request = bytearray(REG_WRITE.pack(REG_WRITE.size, register, 0, value, pointer, len(grant), 0, 0, 0, 0))
        fcntl.ioctl(descriptor, REG_WRITE_COMMAND, request, True)  # house: ioctl, a client of its own
        return ""
    except OSError as error:
        return errno.errorcode[error.errno]
    finally:
        os.close(descriptor)


def ioctl_read(path, register):
    """The value of a register."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        request = bytearray(REG_READ.pack(REG_READ.size, register, 0, 0, 0))
        fcntl.ioctl(descriptor, REG_READ_COMMAND, request, True)  # house: ioctl, a client of its own
        return REG_READ.unpack(request)[3]
    finally:
        os.close(descriptor)


def address_of(holder):
    return ctypes.addressof(ctypes.c_char.from_buffer(holder))


def registers():
    """(node, register, token) of all that there are."""
    for number in range(DEVICES):
        for register in range(3):
            yield f"{NODES}/{0x8000 + number:04x}", register, 0x8000 + 3 * number + register


def door_node(door):
    return {token: ioctl_write(node, os.O_RDWR, register, value_of(door, token))
            for node, register, token in registers()}


def door_node_opened_for_reading(door):
    return {token: ioctl_write(node, os.O_RDONLY, register, value_of(door, token))
            for node, register, token in registers()}


def door_forged_grant(door):
    return {token: ioctl_write(node, os.O_RDWR, register, value_of(door, token), b"dsmil-grant-v1\0" + bytes(200))
            for node, register, token in registers()}


def door_ctl(door):
    return {token: ioctl_write(f"{NODES}/ctl", os.O_RDWR, register, value_of(door, token))
            for _, register, token in registers()}


def door_register_out_of_range(door):
    """Register n of device 0 would be token 0x8000 + n, if nobody looked."""
    return {0x8000 + number: ioctl_write(f"{NODES}/8000", os.O_RDWR, number, value_of(door, 0x8000 + number))
            for number in range(3, 3 * DEVICES)}


def door_plain_write(door):
    """write(2) and pwrite(2) on the node, at the offset of the register."""
    answers = {}
    for node, register, token in registers():
        descriptor = os.open(node, os.O_RDWR)
        try:
            data = struct.pack("=I", value_of(door, token))
            answers[token] = ""
            for call in (lambda: os.write(descriptor, data), lambda: os.pwrite(descriptor, data, 4 * register)):
                try:
                    call()
                except OSError as error:
                    answers[token] = errno.errorcode[error.errno]
        finally:
            os.close(descriptor)
    return answers


def files_below(directory):
    for root, folders, names in os.walk(directory):
        folders[:] = [name for name in folders if not os.path.islink(os.path.join(root, name))]
        yield from (os.path.join(root, name) for name in names if not os.path.islink(os.path.join(root, name)))


def door_sysfs(door):
    """Every file of every device in sysfs, whether it says that it may be written or not."""
    answers = {}
    for number in range(DEVICES):
        device = os.path.realpath(f"/sys/bus/dsmil/devices/{0x8000 + number:04x}")
        token = 0x8000 + 3 * number
        done = []
        for path in files_below(device):
            if path.endswith("/uevent"):  # takes a number as nonsense, loudly
                continue
            try:
                with open(path, "wb", buffering=0) as file:
                    file.write(b"0x%08x\n" % value_of(door, token))
                done.append(os.path.basename(path))
            except OSError:
                pass
        answers[token] = " ".join(done)
    return answers


def door_debugfs(door):
    answers = {}
    for directory in os.listdir("/sys/kernel/debug"):
        if not directory.startswith("dsmil"):
            continue
        for path in files_below(f"/sys/kernel/debug/{directory}"):
            for token in (0x8009, 0x8010, 0x801B):
                try:
                    with open(path, "wb", buffering=0) as file:
                        file.write(b"0x%04x 0x%08x\n" % (token, value_of(door, token)))
                    answers[token] = ""
                except OSError as error:
                    answers[token] = errno.errorcode[error.errno]
    return answers


def netlink_attribute(kind, data):
    padded = data + bytes(-len(data) % 4)
    return struct.pack("=HH", 4 + len(data), kind) + padded


def netlink_request(port, family, command, attributes, dump=False):
    """The error number that the kernel answers, 0 for none."""
    flags = 1 | (0x300 if dump else 4)
    body = struct.pack("=BBH", command, 1, 0) + b"".join(attributes)
    port.send(struct.pack("=IHHII", 16 + len(body), family, flags, 1, 0) + body)
    while True:
        data = port.recv(1 << 16)
        offset = 0
        while offset + 16 <= len(data):
            length, kind = struct.unpack_from("=IH", data, offset)
            if kind == 2:  # NLMSG_ERROR
                return -struct.unpack_from("=i", data, offset + 16)[0]
            if kind == 3:  # NLMSG_DONE
                return 0
            offset += (length + 3) & ~3


def netlink_family(port):
    """The id that the kernel gave the family: attribute 1 of the controller's answer."""
    name = netlink_attribute(2, b"dsmil\0")
    body = struct.pack("=BBH", 3, 1, 0) + name
    port.send(struct.pack("=IHHII", 16 + len(body), 16, 1, 1, 0) + body)
    data = port.recv(1 << 16)
    offset = 20
    while offset + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, offset)
        if kind == 1:
            return struct.unpack_from("=H", data, offset + 4)[0]
        offset += (max(length, 4) + 3) & ~3
    raise SystemExit("every_door: the netlink family dsmil is not there")


def netlink_guesses(number, register, value):
    """The device, register, value and token under every attribute number, in two widths."""
    words = (0x8000 + number, register, value, 0x8000 + 3 * number + register) * 2
    for layout, mask in (("=I", 0xFFFFFFFF), ("=H", 0xFFFF)):
        yield [netlink_attribute(kind, struct.pack(layout, word & mask)) for kind, word in enumerate(words, start=1)]


def door_netlink(door):
    """Every command number of the family, for some devices of each risk."""
    answers = {}
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16) as port:
        port.settimeout(5)
        family = netlink_family(port)
        for number in (5, 9, 21, 48, 83, 100):
            for register in range(3):
                token = 0x8000 + 3 * number + register
                for command in range(24):
                    for guess, attributes in enumerate(netlink_guesses(number, register, value_of(door, token))):
                        code = netlink_request(port, family, command, attributes)
                        answers[f"{command}:{token:04x}:{guess}"] = errno.errorcode.get(code, "")
    return answers


def door_dsmilctl(door):
    """Exit codes of the command line, as text; "" for 0."""
    answers = {}
    for node, register, token in registers():
        done = subprocess.run(["dsmilctl", "write", "0x" + node[-4:], ("STATUS", "CONFIG", "DATA")[register],
                               hex(value_of(door, token))], capture_output=True, check=False)
        answers[token] = str(done.returncode) if done.returncode else ""
    return answers


DOORS = [door_node, door_node_opened_for_reading, door_forged_grant, door_ctl, door_register_out_of_range,
         door_plain_write, door_sysfs, door_debugfs, door_netlink, door_dsmilctl]


def main():
    report = {}
    for door, attempt in enumerate(DOORS, start=1):
        name = attempt.__name__.removeprefix("door_")
        report[name] = {"door": door, "answers": attempt(door)}
        print(f"ok {door} - tried {name}: {len(report[name]['answers'])} attempts", flush=True)
    print(f"1..{len(DOORS)}")
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        json.dump(report, file)


if __name__ == "__main__":
    main()
