# SPDX-License-Identifier: Apache-2.0
"""The ABI gate. What each version of the ABI was, and of its events, is kept in
versions/, a line a fact. A version that is kept is never written again: who changes the
ABI counts DSMIL_API_VERSION or DSMIL_EVENT_SCHEMA_VERSION on, and keeps the new one.
"""

from pathlib import Path

HERE = Path(__file__).resolve().parent / "versions"
# What the events are made of; a reader of old events needs no other part of the ABI.
EVENT_STRUCTS = ("event", "event_operation")
EVENT_ENUMS = ("event_type", "reason", "risk", "register", "firmware_kind")
EVENT_CONSTANTS = ("EVENT_OPERATIONS", "NO_DEVICE")


def _fields(model, prefix, fields, base=0):
    for offset, size, field in model.layout(fields, prefix)[0]:
        name = f"{prefix}.{field['name']}"
        kind = field.get("type", "union" if "union" in field else "struct")
        yield f"field {name} at {base + offset} bytes {size} {kind}"
        yield from _fields(model, name, field.get("struct", ()), base + offset)
        for member in field.get("union", ()):
            yield from _fields(model, name, [member], base + offset)


def _struct(model, name):
    # An event is copied whole and is as long as it says; its size belongs to the version.
    yield f"struct {name} bytes {model.struct_layout(name)[1]}"
    yield from _fields(model, name, model.structs[name]["fields"])


def _enum(model, name):
    for entry in model.enums[name]["entries"]:
        yield f"enum {name} {entry['name']} {entry['value']}"


def _netlink(model):
    yield f"netlink family {model.netlink['name']} version {model.netlink['version']}"
    for operation in model.netlink["operations"]:
        kinds = " ".join(kind for kind in ("do", "dump", "event") if kind in operation)
        yield f"netlink command {operation['name']} {operation['value']} {kinds}"
    for attributes in model.netlink["attribute-sets"]:
        for number, attribute in enumerate(attributes["attributes"], start=1):
            many = " many" if attribute.get("multi-attr") else ""
            yield f"netlink attribute {attributes['name']}.{attribute['name']} {number} {attribute['type']}{many}"
    for group in model.netlink["mcast-groups"]:
        yield f"netlink group {group}"


def api(model):
    """The facts of the ABI but for its events."""
    versions = set(model.abi["version"].values())
    for name, constant in model.constants.items():
        if name not in versions and name not in EVENT_CONSTANTS:
            yield f"constant {name} {constant['value']}"
    for name in model.enums:
        if name not in EVENT_ENUMS:
            yield from _enum(model, name)
    for command in model.commands:
        yield f"command {command['name']} {command['kind']} 0x{command['number']:02x} {command['struct']} " \
              f"on {command['node']}"
    for name in model.structs:
        if name not in EVENT_STRUCTS:
            yield from _struct(model, name)
    yield from _netlink(model)


def events(model):
    """The facts of the events."""
    for name in EVENT_CONSTANTS:
        if name in model.constants:
            yield f"constant {name} {model.constants[name]['value']}"
    for name in EVENT_ENUMS:
        yield from _enum(model, name)
    for name in EVENT_STRUCTS:
        if name in model.structs:
            yield from _struct(model, name)


KINDS = (("api", api, "DSMIL_API_VERSION", "api_version"),
         ("events", events, "DSMIL_EVENT_SCHEMA_VERSION", "event_version"))


def _kept(path):
    return [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]


def _may_change(line):
    """What a new version may say otherwise: structs grow, and so does the family."""
    return line.startswith(("struct ", "netlink family "))


def problems(model, folder=HERE):
    """A line for everything that the gate does not let through."""
    for kind, facts, constant, attribute in KINDS:
        version = getattr(model, attribute)
        now = list(facts(model))
        path = folder / f"{kind}-{version}.txt"
        if not path.exists():
            yield f"{path.name} is missing: {constant} is {version}; keep it with tools/abi/generate.py --keep"
            continue
        kept = _kept(path)
        changes = [f"- {line}" for line in kept if line not in now] + [f"+ {line}" for line in now if line not in kept]
        if changes or kept != now:
            yield (f"the ABI is not {kind} version {version} any more: count {constant} on, then "
                   f"tools/abi/generate.py --keep")
            yield from changes or ["  the order of its lines"]
        for older in range(1, version):
            path = folder / f"{kind}-{older}.txt"
            if not path.exists():
                yield f"{path.name} is missing: a kept version stays"
                continue
            for line in _kept(path):
                if line not in now and not _may_change(line):
                    yield f"version {version} breaks callers of {kind} version {older}: {line}"


def keep(model, folder=HERE):
    """Writes the versions that are not kept yet, and no other."""
    for kind, facts, constant, attribute in KINDS:
        version = getattr(model, attribute)
        path = folder / f"{kind}-{version}.txt"
        if not path.exists():
            head = f"# {constant} {version}. Kept by tools/abi/generate.py --keep; never changed.\n"
            path.write_text(head + "".join(line + "\n" for line in facts(model)), encoding="utf-8")
            yield path
