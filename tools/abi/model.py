# SPDX-License-Identifier: Apache-2.0
"""The description of the ABI (dsmil.yaml, netlink.yaml), read and checked, with the
layout that every compiler must give its structs."""

from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
SIZES = {"u8": 1, "char": 1, "u16": 2, "le16": 2, "u32": 4, "s32": 4, "le32": 4, "u64": 8, "le64": 8}
NODES = ("ctl", "device", "ring")
FIELD_KEYS = {"name", "type", "array", "doc", "is", "zero", "known", "enum", "since", "struct", "union"}
COMMAND_KEYS = {"name", "doc", "kind", "number", "struct", "node", "needs", "errors", "accept", "prepare", "again",
                "without_ecdsa"}


class DescriptionError(Exception):
    """The description contradicts itself."""


class Model:
    """Both documents, and what follows from them."""

    def __init__(self, abi, netlink):
        self.abi = abi
        self.netlink = netlink
        self.constants = {entry["name"]: entry for entry in abi["constants"]}
        self.enums = {enum["name"]: enum for enum in abi["enums"]}
        self.structs = {struct["name"]: struct for struct in abi["structs"]}
        self.commands = abi["commands"]
        self.api_version = self.constants[abi["version"]["api"]]["value"]
        self.event_version = self.constants[abi["version"]["events"]]["value"]
        self._check()

    def number(self, value):
        """A number, or the value of the constant with that name."""
        return value if isinstance(value, int) else self.constants[value]["value"]

    def count(self, field):
        """How many elements a field has."""
        elements = 1
        for dimension in field.get("array", ()):
            elements *= self.number(dimension)
        return elements

    def size(self, field):
        """(bytes, alignment on x86-64) of a field."""
        if "union" in field:
            sizes = [self.size(member) for member in field["union"]]
            one, align = max(size for size, _ in sizes), max(align for _, align in sizes)
        elif "struct" in field:
            one, align = self.layout(field["struct"], field["name"])[1:]
        elif field["type"] in SIZES:
            one = align = SIZES[field["type"]]
        else:
            one, align = self.layout(self.structs[field["type"]]["fields"], field["type"])[1:]
        return one * self.count(field), align

    def layout(self, fields, name):
        """([(offset, bytes, field)], bytes, alignment); DescriptionError for a hole. An
        offset is a multiple of the strictest alignment of any supported machine, so that
        i386, whose 64-bit integers are aligned to four, gives the same."""
        at, strictest, placed = 0, 1, []
        for field in fields:
            size, align = self.size(field)
            if at % align:
                raise DescriptionError(f"struct {name}: a hole of {align - at % align} bytes before {field['name']}")
            placed.append((at, size, field))
            at += size
            strictest = max(strictest, align)
        if at % strictest:
            raise DescriptionError(f"struct {name}: a hole of {strictest - at % strictest} bytes at its end")
        return placed, at, strictest

    def struct_layout(self, name):
        return self.layout(self.structs[name]["fields"], name)

    def first_size(self, name):
        """The bytes of a struct as it was first published."""
        born = self.structs[name].get("since", 1)
        placed, size, _ = self.struct_layout(name)
        return next((offset for offset, _, field in placed if field.get("since", born) > born), size)

    def attribute_set(self, name):
        return next(item for item in self.netlink["attribute-sets"] if item["name"] == name)

    def attributes(self, name, listed):
        """The attributes of a set that a message has: a list of names, or all."""
        if listed == "all":
            return [item["name"] for item in self.attribute_set(name)["attributes"] if item["type"] != "pad"]
        return listed

    # -------------------------------------------------------------- checks --

    def _check(self):
        self._unique("constants", "enums", "structs", "commands")
        for struct in self.abi["structs"]:
            self._check_fields(struct["name"], struct["fields"], struct.get("since", 1))
            self.struct_layout(struct["name"])
        for command in self.commands:
            self._check_command(command)
        numbers = [command["number"] for command in self.commands]
        if len(set(numbers)) != len(numbers):
            raise DescriptionError("two commands have the same number")
        self._check_netlink()

    def _unique(self, *lists):
        for key in lists:
            names = [entry["name"] for entry in self.abi[key]]
            for name in names:
                if names.count(name) > 1:
                    raise DescriptionError(f"{key}: {name} is there twice")

    def _check_fields(self, struct, fields, born):
        since = born
        for field in fields:
            where = f"struct {struct}: {field['name']}"
            if not field.keys() <= FIELD_KEYS:
                raise DescriptionError(f"{where}: nobody knows {', '.join(field.keys() - FIELD_KEYS)}")
            if "type" in field and field["type"] not in SIZES and field["type"] not in self.structs:
                raise DescriptionError(f"{where}: no such type: {field['type']}")
            if "enum" in field and field["enum"] not in self.enums:
                raise DescriptionError(f"{where}: no such enum: {field['enum']}")
            if field.get("since", born) < since:
                raise DescriptionError(f"{where}: a field can only be appended")
            since = field.get("since", born)
            for inner in ("struct", "union"):
                self._check_fields(struct, field.get(inner, ()), born)

    def _check_command(self, command):
        where = f"command {command['name']}"
        if not command.keys() <= COMMAND_KEYS:
            raise DescriptionError(f"{where}: nobody knows {', '.join(command.keys() - COMMAND_KEYS)}")
        for key in ("doc", "kind", "struct", "node", "accept"):
            if key not in command:
                raise DescriptionError(f"{where} has no '{key}': without it no test covers it")
        if command["node"] not in NODES or command["struct"] not in self.structs:
            raise DescriptionError(f"{where}: no such node or struct")
        fields = {field["name"]: field for field in self.structs[command["struct"]]["fields"]}
        if next(iter(fields)) != "size":
            raise DescriptionError(f"{where}: its struct does not begin with its size")
        if unknown := command["accept"].keys() - fields.keys():
            raise DescriptionError(f"{where}: its struct has no {', '.join(unknown)}")

    def _check_netlink(self):
        values = [operation["value"] for operation in self.netlink["operations"]]
        if len(set(values)) != len(values):
            raise DescriptionError("two netlink operations have the same value")
        for operation in self.netlink["operations"]:
            known = [item["name"] for item in self.attribute_set(operation["attribute-set"])["attributes"]]
            for kind in ("do", "dump"):
                for side in operation.get(kind, {}).values():
                    for name in self.attributes(operation["attribute-set"], side["attributes"]):
                        if name not in known:
                            raise DescriptionError(f"operation {operation['name']}: its set has no {name}")


def load(abi_path=HERE / "dsmil.yaml", netlink_path=HERE / "netlink.yaml"):
    return Model(yaml.safe_load(Path(abi_path).read_text(encoding="utf-8")),
                 yaml.safe_load(Path(netlink_path).read_text(encoding="utf-8")))
