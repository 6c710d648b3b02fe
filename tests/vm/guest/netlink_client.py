#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The netlink family as an independent client sees it: pyroute2 and the attributes that
docs/netlink/dsmil.yaml lists, written down once more. Speaks TAP.

    netlink_client.py CATALOGUE TABLES
"""

import csv
import errno
import os
import select
import sys

from pyroute2.netlink import NLM_F_DUMP, NLM_F_REQUEST, genlmsg
from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.netlink.generic import GenericNetlinkSocket

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

import every_door  # noqa: E402
import rule  # noqa: E402

DEVICE_GET, EVENT = 2, 3
REFUSED = 6
RISKS = ("safe", "monitored", "guarded", "locked", "quarantined")


class Device(genlmsg):
    """A device, and what a request names it by."""

    prefix = "DSMIL_A_DEVICE_"
    nla_map = (
        ("DSMIL_A_DEVICE_UNSPEC", "none"),
        ("DSMIL_A_DEVICE_ID", "uint32"),
        ("DSMIL_A_DEVICE_NUMBER", "uint32"),
        ("DSMIL_A_DEVICE_TOKEN_BASE", "uint32"),
        ("DSMIL_A_DEVICE_NAME", "asciiz"),
        ("DSMIL_A_DEVICE_GROUP", "uint32"),
        ("DSMIL_A_DEVICE_GROUP_NAME", "asciiz"),
        ("DSMIL_A_DEVICE_RISK", "uint32"),
        ("DSMIL_A_DEVICE_PRESENT", "uint32"),
        ("DSMIL_A_DEVICE_LAYER", "uint32"),
        ("DSMIL_A_DEVICE_LAYER_NAME", "asciiz"),
        ("DSMIL_A_DEVICE_SERVICE_NAME", "asciiz"),
        ("DSMIL_A_DEVICE_CLEARANCE", "uint32"),
        ("DSMIL_A_DEVICE_REGISTER_RISK", "uint32"),
        ("DSMIL_A_DEVICE_REGISTER_REASON", "uint32"),
    )


class Event(genlmsg):
    """A notification of the group events."""

    prefix = "DSMIL_A_EVENT_"
    nla_map = (
        ("DSMIL_A_EVENT_UNSPEC", "none"),
        ("DSMIL_A_EVENT_PAD", "hex"),
        ("DSMIL_A_EVENT_TYPE", "uint32"),
        ("DSMIL_A_EVENT_DEVICE_ID", "uint32"),
        ("DSMIL_A_EVENT_SEQUENCE", "uint64"),
        ("DSMIL_A_EVENT_BOOTTIME_NS", "uint64"),
        ("DSMIL_A_EVENT_REALTIME_NS", "uint64"),
        ("DSMIL_A_EVENT_LOAD_ID", "cdata"),
        ("DSMIL_A_EVENT_TOKEN", "uint32"),
        ("DSMIL_A_EVENT_RULE_TOKEN", "uint32"),
        ("DSMIL_A_EVENT_REG", "uint32"),
        ("DSMIL_A_EVENT_RISK", "uint32"),
        ("DSMIL_A_EVENT_REASON", "uint32"),
        ("DSMIL_A_EVENT_FIRMWARE_KIND", "uint32"),
        ("DSMIL_A_EVENT_VALUE", "uint32"),
        ("DSMIL_A_EVENT_RESULT", "int32"),
        ("DSMIL_A_EVENT_COUNT", "uint64"),
        ("DSMIL_A_EVENT_FIRST_NS", "uint64"),
        ("DSMIL_A_EVENT_UID", "uint32"),
        ("DSMIL_A_EVENT_PID", "uint32"),
        ("DSMIL_A_EVENT_COMM", "asciiz"),
        ("DSMIL_A_EVENT_CGROUP_ID", "uint64"),
        ("DSMIL_A_EVENT_DETAIL", "cdata"),
    )


class Register(genlmsg):
    """What is known of a register."""

    command, prefix = 4, "DSMIL_A_REGISTER_"
    nla_map = tuple(("DSMIL_A_REGISTER_" + name, kind) for name, kind in (
        ("UNSPEC", "none"), ("PAD", "hex"), ("TOKEN", "uint32"), ("DEVICE_ID", "uint32"), ("REG", "uint32"),
        ("PRESENT", "uint32"), ("RISK", "uint32"), ("REASON", "uint32"), ("TIME_NS", "uint64"),
        ("RESULT", "int32"), ("VALUE", "uint32")))


class Quarantine(genlmsg):
    """A device, and whether it is quarantined."""

    command, prefix = 5, "DSMIL_A_QUARANTINE_"
    nla_map = tuple(("DSMIL_A_QUARANTINE_" + name, kind) for name, kind in (
        ("UNSPEC", "none"), ("DEVICE_ID", "uint32"), ("NAME", "asciiz"), ("QUARANTINED", "uint32"),
        ("ADDED", "uint32")))


class GrantKey(genlmsg):
    """A key whose grants count."""

    command, prefix = 6, "DSMIL_A_GRANT_KEY_"
    nla_map = tuple(("DSMIL_A_GRANT_KEY_" + name, kind) for name, kind in (
        ("UNSPEC", "none"), ("ID", "cdata"), ("OWNER", "asciiz")))


class Statistics(genlmsg):
    """What was done with a device, or with all of them."""

    command, prefix = 7, "DSMIL_A_STATISTICS_"
    nla_map = tuple(("DSMIL_A_STATISTICS_" + name, kind) for name, kind in (
        ("UNSPEC", "none"), ("PAD", "hex"), ("DEVICE_ID", "uint32"), ("READS", "uint64"), ("WRITES", "uint64"),
        ("REFUSED", "uint64"), ("FIRMWARE_ERRORS", "uint64")))


tests = []


def test(name, passed, why=""):
    tests.append(bool(passed))
    print(f"{'ok' if passed else 'not ok'} {len(tests)} - {name}", flush=True)
    if not passed and why:
        print(f"# {why}")


def connect(message=Device):
    port = GenericNetlinkSocket()
    port.bind("dsmil", message)
    return port


def ask(port, flags=NLM_F_REQUEST, **attributes):
    """The answers to a DEVICE_GET."""
    request = Device()
    request["cmd"], request["version"] = DEVICE_GET, 1
    request["attrs"] = [("DSMIL_A_DEVICE_" + name, value) for name, value in attributes.items()]
    return port.nlm_request(request, msg_type=port.prid, msg_flags=flags)


def request(kind, flags=NLM_F_REQUEST, **attributes):
    """The answers to another request, as {name: value} each."""
    port = connect(kind)
    try:
        message = kind()
        message["cmd"], message["version"] = kind.command, 1
        message["attrs"] = [(kind.prefix + name, value) for name, value in attributes.items()]
        answers = port.nlm_request(message, msg_type=port.prid, msg_flags=flags)
        return [{name.removeprefix(kind.prefix): value for name, value in answer["attrs"]} for answer in answers]
    finally:
        port.close()


def field(message, name):
    return message.get_attr("DSMIL_A_DEVICE_" + name)


def refusal(action):
    """The error number that the kernel answers, 0 if it answers well."""
    try:
        action()
    except NetlinkError as error:
        return error.code
    except OSError as error:
        return error.errno
    return 0


def expected_devices(catalogue):
    with open(catalogue, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            yield {
                "ID": int(row["device_id"], 16), "NUMBER": int(row["number"]),
                "TOKEN_BASE": int(row["token_base"], 16), "NAME": row["firmware_name"],
                "GROUP": int(row["group"]), "GROUP_NAME": row["group_name"], "RISK": RISKS.index(row["risk"]),
                "LAYER": int(row["layer"] or 0), "LAYER_NAME": row["layer_name"] or None,
                # Without a layer no service device is bound, whatever its name.
                "SERVICE_NAME": row["service_name"] if row["layer"] else None,
                "CLEARANCE": int(row["clearance"] or "0", 16),
            }


def test_dump(port, catalogue, tables):
    found = {field(message, "NUMBER"): message for message in ask(port, NLM_F_REQUEST | NLM_F_DUMP)}
    test("a dump has 108 devices", len(found) == 108, f"{len(found)} devices")
    wrong = []
    for wanted in expected_devices(catalogue):
        message = found.get(wanted["NUMBER"])
        wrong += [f"device {wanted['NUMBER']}: {name} is {field(message, name)}, not {value}"
                  for name, value in wanted.items() if message is None or field(message, name) != value]
    test("every device is as the catalogue says", not wrong, "; ".join(wrong[:5]))

    board = rule.Rule(tables)
    wrong = []
    for number, message in found.items():
        for register, reason in enumerate(message.get_attrs("DSMIL_A_DEVICE_REGISTER_REASON")):
            token = 0x8000 + 3 * number + register
            if (reason == 0) != (token in board.writable):
                wrong.append(f"token 0x{token:04X}: reason {reason}")
    test("exactly the registers that the rule allows are called writable", not wrong, "; ".join(wrong[:5]))
    present = {number for number, message in found.items() if field(message, "PRESENT")}
    listed = {(token - 0x8000) // 3 for token in board.locations}
    test("exactly the devices that the board has are present", present == listed, f"{present ^ listed}")


def test_requests(port):
    by_id, by_number = ask(port, ID=0x8009), ask(port, NUMBER=9)
    test("a device is found by its id and by its number",
         field(by_id[0], "NAME") == field(by_number[0], "NAME") == "Data Destruction")
    for name, attributes in (("an id outside the range", {"ID": 0x7FFF}), ("number 108", {"NUMBER": 108}),
                             ("no device at all", {}), ("id and number together", {"ID": 0x8000, "NUMBER": 0})):
        code = refusal(lambda attributes=attributes: ask(port, **attributes))
        test(f"{name} is refused", code in (errno.EINVAL, errno.ERANGE), errno.errorcode.get(code, "accepted"))
    code = refusal(lambda: ask(port, NLM_F_REQUEST | NLM_F_DUMP, RISK=0))
    test("a dump with an attribute of answers is refused", code == errno.EINVAL, errno.errorcode.get(code, "accepted"))


def test_others(catalogue):
    """Registers, quarantine, keys and statistics: a do, a dump and a refusal of each."""
    dump = NLM_F_REQUEST | NLM_F_DUMP
    value = every_door.ioctl_read("/dev/dsmil/8005", 0)
    register = request(Register, TOKEN=0x800F)
    test("a register is known as it was last read",
         len(register) == 1 and (register[0].get("VALUE"), register[0].get("RESULT")) == (value, 0), register)
    registers = request(Register, dump)
    test("a dump has 324 registers", [entry["TOKEN"] for entry in registers] == list(range(0x8000, 0x8144)),
         len(registers))
    wanted = [device["ID"] for device in expected_devices(catalogue) if device["RISK"] == 4]
    test("a dump has the seven quarantined devices",
         [entry["DEVICE_ID"] for entry in request(Quarantine, dump) if not entry["ADDED"]] == wanted)
    test("a device is known to be quarantined", request(Quarantine, DEVICE_ID=0x8009)[0]["QUARANTINED"] == 1)
    test("no grant key is enrolled", request(GrantKey, dump) == [])
    total, devices = request(Statistics)[0], request(Statistics, dump)
    test("the devices' counters add up to the totals",
         len(devices) == 108 and sum(device["REFUSED"] for device in devices) == total["REFUSED"], total)
    for name, action, wanted in (
            ("a token outside the range", lambda: request(Register, TOKEN=0x8144), errno.ERANGE),
            ("a register without a token", lambda: request(Register), errno.EINVAL),
            ("a quarantine of no device", lambda: request(Quarantine), errno.EINVAL),
            ("a key that nobody enrolled", lambda: request(GrantKey, ID=bytes(32)), errno.ENOENT),
            ("statistics of no such device", lambda: request(Statistics, DEVICE_ID=1), errno.ERANGE),
            ("a dump of statistics with an id", lambda: request(Statistics, dump, DEVICE_ID=0x8000), errno.EINVAL)):
        code = refusal(action)
        test(f"{name} is refused", code == wanted, errno.errorcode.get(code, "accepted"))


def test_event(group):
    port = connect(Event)
    port.add_membership(group)
    every_door.ioctl_write("/dev/dsmil/8009", os.O_RDWR, 1, 5)
    events = []
    while select.select([port], [], [], 5)[0]:
        events += [message for message in port.get() if message["cmd"] == EVENT]
        if any(message.get_attr("DSMIL_A_EVENT_TYPE") == REFUSED for message in events):
            break
    found = [message for message in events if message.get_attr("DSMIL_A_EVENT_TYPE") == REFUSED]
    test(f"a refused write is told to the group {group}", found)
    if found:
        wanted = {"DEVICE_ID": 0x8009, "TOKEN": 0x8000 + 3 * 9 + 1, "REG": 1, "RISK": 4, "REASON": 1, "VALUE": 5,
                  "RESULT": -errno.EPERM, "UID": 0, "COMM": "python3"}
        got = {name: found[0].get_attr("DSMIL_A_EVENT_" + name) for name in wanted}
        test(f"the event of {group} says who tried what and why it was refused", got == wanted, f"{got}")
    port.close()


def test_unprivileged(port):
    """Runs last: there is no way back."""
    os.setgroups([])
    os.setresgid(1000, 1000, 1000)
    os.setresuid(1000, 1000, 1000)
    test("an unprivileged user may dump the devices", len(list(ask(connect(), NLM_F_REQUEST | NLM_F_DUMP))) == 108)
    other = connect(Event)
    for group in ("events", "security"):
        code = refusal(lambda group=group: other.add_membership(group))
        test(f"an unprivileged user may not join the group {group}", code == errno.EPERM,
             errno.errorcode.get(code, "joined"))
    code = refusal(lambda: request(Register, TOKEN=0x8000))
    test("an unprivileged user may not see a register", code == errno.EPERM, errno.errorcode.get(code, "seen"))
    port.close()


def main():
    port = connect()
    test_requests(port)
    test_dump(port, sys.argv[1], sys.argv[2])
    test_others(sys.argv[1])
    test_event("events")
    test_event("security")
    test_unprivileged(port)
    print(f"1..{len(tests)}")
    return 0 if all(tests) else 1


sys.exit(main())
