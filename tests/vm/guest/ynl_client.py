# SPDX-License-Identifier: Apache-2.0
"""The netlink family as the kernel's own client (tools/net/ynl) sees it, with nothing but
the specification in docs/netlink. Speaks TAP.

    ynl_client.py YNL_FOLDER SPECIFICATION
"""

import csv
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, sys.argv[1])

import every_door  # noqa: E402
from lib import NlError, YnlFamily  # noqa: E402

CATALOGUE = "/lab/source/tools/catalog/devices.csv"
QUARANTINED = "/dev/dsmil/8009"
SAFE = "/dev/dsmil/8005"
tests = []


def test(name, passed, detail=""):
    tests.append(bool(passed))
    print(f"{'ok' if passed else 'not ok'} {len(tests)} - {name}", flush=True)
    if not passed and detail:
        print(f"# {detail}", flush=True)


def ynl(*arguments):
    """(exit status, what the command line printed)."""
    done = subprocess.run([sys.executable, f"{sys.argv[1]}/cli.py", "--spec", sys.argv[2], "--no-schema",
                           "--output-json", *arguments], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def asked(*arguments):
    """What the command line answered, {} if it refused."""
    status, text = ynl(*arguments)
    try:
        return json.loads(text) if status == 0 else {}
    except ValueError:
        return {}


def refusal(family, operation, attributes, dump=False):
    """(errno, text) of a request that should be refused."""
    try:
        if dump:
            family.dump(operation, attributes)
        else:
            family.do(operation, attributes)
    except NlError as error:
        return -error.nl_msg.error, error.nl_msg.extack and error.nl_msg.extack.get("msg", "")
    return 0, ""


def number(value):
    """What the specification calls hexadecimal comes as text."""
    return int(value, 0) if isinstance(value, str) else value


def sysfs(name):
    with open(f"/sys/class/dsmil/ctl/{name}", encoding="utf-8") as file:
        return int(file.read())


def test_command_line():
    info = asked("--do", "info-get")
    test("ynl asks what the module is", info.get("device-count") == 108, info)
    test("it names the versions that sysfs names",
         (info.get("api-version"), info.get("event-schema-version")) ==
         (sysfs("api_version"), sysfs("event_schema_version")), info)
    with open(CATALOGUE, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    devices = asked("--dump", "device-get")
    test("ynl dumps every device with the catalogue's name and risk",
         [(number(device["id"]), device["name"], device["risk"]) for device in devices] ==
         [(int(row["device_id"], 16), row["firmware_name"], row["risk"]) for row in rows], str(devices)[:200])
    device = asked("--do", "device-get", "--json", '{"id": 32777}')
    test("ynl finds a device by its id", device.get("name") == "Data Destruction" and
         device.get("register-reason", [""])[1] == "quarantined", device)
    quarantine = asked("--dump", "quarantine-get")
    test("ynl dumps the seven devices that are quarantined from the start",
         [number(entry["device-id"]) for entry in quarantine if not entry["added"]] ==
         [int(row["device_id"], 16) for row in rows if row["risk"] == "quarantined"], quarantine)
    keys = asked("--dump", "grant-key-get")
    test("ynl dumps no grant key where none is enrolled", keys == [], keys)
    status, text = ynl("--do", "device-get", "--json", '{"id": 32777, "number": 9}')
    test("the command line shows why it was refused",
         status != 0 and "either its id or its number" in text, text)


def test_registers(family):
    value = every_door.ioctl_read(SAFE, 0)
    register = family.do("register-get", {"token": 0x800F})
    test("ynl shows a register as it was last read",
         number(register.get("value")) == value and register.get("result") == 0 and register.get("time-ns"), register)
    registers = family.dump("register-get", {})
    test("ynl dumps all 324 registers",
         len(registers) == 324 and number(registers[15].get("value")) == value, len(registers))


def test_statistics(family):
    before = family.do("statistics-get", {"device-id": 0x8009})["refused"]
    every_door.ioctl_write(QUARANTINED, os.O_RDWR, 1, 5)
    after = family.do("statistics-get", {"device-id": 0x8009})["refused"]
    test("a refused write is counted for its device", after == before + 1, f"{before} {after}")
    total = family.do("statistics-get", {})
    everything = family.dump("statistics-get", {})
    added = {name: sum(device[name] for device in everything) for name in ("reads", "writes", "refused")}
    # The poller may read meanwhile.
    test("the devices' counters add up to the totals",
         len(everything) == 108 and added["reads"] >= total["reads"] and
         (added["writes"], added["refused"]) == (total["writes"], total["refused"]), f"{added} {total}")


def test_refusals(family):
    cases = (
        ("an id outside the range", "device-get", {"id": 0x7FFF}),
        ("no device at all", "device-get", {}),
        ("a token outside the range", "register-get", {"token": 0x8144}),
        ("no token", "register-get", {}),
        ("no device of the quarantine", "quarantine-get", {}),
        ("a device of the quarantine outside the range", "quarantine-get", {"device-id": 0x806C}),
        ("no key", "grant-key-get", {}),
        ("a key that nobody enrolled", "grant-key-get", {"id": "00" * 32}),
        ("a short key id", "grant-key-get", {"id": "00" * 31}),
        ("a device of the statistics outside the range", "statistics-get", {"device-id": 1}),
        ("an attribute of INFO_GET", "info-get", {"reads": 1}),
    )
    for name, operation, attributes in cases:
        error, text = refusal(family, operation, attributes)
        test(f"{name} is refused with a text", error and text, f"{error} {text}")
    for operation, attributes in (("device-get", {"id": 0x8000}), ("register-get", {"token": 0x8000}),
                                  ("quarantine-get", {"device-id": 0x8000}), ("grant-key-get", {"id": "00" * 32}),
                                  ("statistics-get", {"device-id": 0x8000})):
        error, text = refusal(family, operation, attributes, dump=True)
        test(f"a dump of {operation} with an attribute is refused", error, f"{error} {text}")


def test_groups():
    families = {}
    for group in ("events", "security"):
        families[group] = YnlFamily(sys.argv[2], "")
        families[group].ntf_subscribe(group)
    every_door.ioctl_read(SAFE, 0)
    every_door.ioctl_write(QUARANTINED, os.O_RDWR, 1, 5)
    told = {}
    for group, family in families.items():
        family.check_ntf()
        # The poller may be at work, too.
        told[group] = [(message["msg"]["type"], number(message["msg"]["device-id"]))
                       for message in family.async_msg_queue if message["msg"]["type"] not in ("sweep", "changed")]
    test("the group events is told a read and a refusal",
         told["events"] == [("read", 0x8005), ("refused", 0x8009)], told)
    test("the group security is told the refusal alone", told["security"] == [("refused", 0x8009)], told)
    message = families["security"].async_msg_queue[0]["msg"] if told["security"] else {}
    test("the notification says who tried what and why it was refused",
         (number(message.get("token")), message.get("reason"), number(message.get("value")), message.get("uid"),
          message.get("comm")) == (0x801C, "quarantined", 5, 0, "python3"), message)


def test_unprivileged():
    """Runs last: there is no way back."""
    os.setgroups([])
    os.setresgid(1000, 1000, 1000)
    os.setresuid(1000, 1000, 1000)
    family = YnlFamily(sys.argv[2], "")
    test("anybody may dump the devices", len(family.dump("device-get", {})) == 108)
    error, text = refusal(family, "register-get", {"token": 0x800F})
    test("values of registers need CAP_SYS_ADMIN, and the text says so", error == 1 and "CAP_SYS_ADMIN" in text, text)
    error, text = refusal(family, "register-get", {}, dump=True)
    test("so does a dump of them", error == 1, f"{error} {text}")
    for group in ("events", "security"):
        try:
            YnlFamily(sys.argv[2], "").ntf_subscribe(group)
            joined = True
        except PermissionError:
            joined = False
        test(f"joining {group} needs CAP_SYS_ADMIN", not joined)


def main():
    family = YnlFamily(sys.argv[2], "")
    test_command_line()
    test_registers(family)
    test_statistics(family)
    test_refusals(family)
    test_groups()
    test_unprivileged()
    print(f"1..{len(tests)}")
    return 0 if all(tests) else 1


sys.exit(main())
