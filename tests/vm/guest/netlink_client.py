#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The netlink family as an independent client sees it: pyroute2 and the list of
attributes in docs/netlink/dsmil.yaml. Speaks TAP.

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
    )


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


def test_event():
    port = connect(Event)
    port.add_membership("events")
    every_door.ioctl_write("/dev/dsmil/8009", os.O_RDWR, 1, 5)
    events = []
    while select.select([port], [], [], 5)[0]:
        events += [message for message in port.get() if message["cmd"] == EVENT]
        if any(message.get_attr("DSMIL_A_EVENT_TYPE") == REFUSED for message in events):
            break
    found = [message for message in events if message.get_attr("DSMIL_A_EVENT_TYPE") == REFUSED]
    test("a refused write is told to the group events", found)
    if found:
        wanted = {"DEVICE_ID": 0x8009, "TOKEN": 0x8000 + 3 * 9 + 1, "REG": 1, "RISK": 4, "REASON": 1, "VALUE": 5,
                  "RESULT": -errno.EPERM, "UID": 0, "COMM": "python3"}
        got = {name: found[0].get_attr("DSMIL_A_EVENT_" + name) for name in wanted}
        test("the event says who tried what and why it was refused", got == wanted, f"{got}")
    port.close()


def test_unprivileged(port):
    """Runs last: there is no way back."""
    os.setgroups([])
    os.setresgid(1000, 1000, 1000)
    os.setresuid(1000, 1000, 1000)
    test("an unprivileged user may dump the devices", len(list(ask(connect(), NLM_F_REQUEST | NLM_F_DUMP))) == 108)
    other = connect(Event)
    code = refusal(lambda: other.add_membership("events"))
    test("an unprivileged user may not join the group events", code == errno.EPERM, errno.errorcode.get(code, "joined"))
    port.close()


def main():
    port = connect()
    test_requests(port)
    test_dump(port, sys.argv[1], sys.argv[2])
    test_event()
    test_unprivileged(port)
    print(f"1..{len(tests)}")
    return 0 if all(tests) else 1


sys.exit(main())
