# SPDX-License-Identifier: Apache-2.0
"""Whether the hand-written header says what the description says: both ways."""

import re

import header


def _plain(fields):
    """A field as the header can say it."""
    for field in fields:
        plain = {"name": field["name"]}
        for inner in ("struct", "union"):
            if inner in field:
                plain[inner] = list(_plain(field[inner]))
        if "type" in field:
            plain["type"] = field["type"]
        if "array" in field:
            plain["array"] = field["array"]
        yield plain


def _stripped(fields):
    """A header's field in the description's words: without the prefix of our names."""
    for field in fields:
        plain = {key: field[key] for key in ("name",) if key in field}
        for inner in ("struct", "union"):
            if inner in field:
                plain[inner] = list(_stripped(field[inner]))
        if "type" in field:
            plain["type"] = field["type"].removeprefix("dsmil_")
        if "array" in field:
            plain["array"] = [item.removeprefix("DSMIL_") if isinstance(item, str) else item
                              for item in field["array"]]
        yield plain


def _text(value):
    return re.sub(r"[()\s]", "", str(value))


def _same_constant(described, written):
    if isinstance(described, int):
        return re.fullmatch(r"0[xX][0-9a-fA-F]+|\d+", written) is not None and int(written, 0) == described
    return _text(described) == _text(written).strip('"')


def _both(what, described, written, same):
    for name in sorted(described.keys() | written.keys()):
        if name not in described:
            yield f"{what} {name}: in the header, not in the description"
        elif name not in written:
            yield f"{what} {name}: in the description, not in the header"
        elif not same(described[name], written[name]):
            yield f"{what} {name}: the description says {described[name]}, the header {written[name]}"


def differences(model, text):
    """A line for everything that one of the two says otherwise."""
    read = header.read(text)
    constants = {f"DSMIL_{name}": entry["value"] for name, entry in model.constants.items()}
    yield from _both("constant", constants, read["constants"], _same_constant)
    enums = {f"dsmil_{enum['name']}": {f"DSMIL_{enum['prefix']}_{entry['name']}": entry["value"]
                                       for entry in enum["entries"]} for enum in model.enums.values()}
    yield from _both("enum", enums, read["enums"], lambda one, other: one == other)
    structs = {f"dsmil_{name}": list(_plain(struct["fields"])) for name, struct in model.structs.items()}
    written = {name: list(_stripped(fields)) for name, fields in read["structs"].items()}
    yield from _both("struct", structs, written, lambda one, other: one == other)
    commands = {f"DSMIL_IOC_{command['name']}": (command["kind"], command["number"], f"dsmil_{command['struct']}")
                for command in model.commands}
    yield from _both("command", commands, read["commands"], lambda one, other: one == other)
