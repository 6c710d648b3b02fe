# SPDX-License-Identifier: Apache-2.0
"""Reads the C of a uAPI header, as much of C as such a header has: plain constants,
enums, structs with nested structs and unions, and ioctl commands."""

import re

TOKEN = re.compile(r"/\*.*?\*/|\w+|[{}\[\];,=()+*~|&<>-]", re.S)
DEFINE = re.compile(r"^#define[ \t]+(\w+)[ \t]+(.+?)[ \t]*(?:/\*.*)?$", re.M)
COMMAND = re.compile(r"^(_IOR|_IOW|_IOWR)\(DSMIL_IOC_MAGIC, (\w+), struct (\w+)\)$")


class HeaderError(Exception):
    """The header has something that this reader does not know."""


def _tokens(text):
    return [token for token in TOKEN.findall(text) if not token.startswith("/*")]


class _Fields:
    """The fields between the braces of a struct or union."""

    def __init__(self, tokens):
        self.tokens = tokens
        self.at = 0

    def take(self, wanted=None):
        token = self.tokens[self.at]
        if wanted and token != wanted:
            raise HeaderError(f"'{wanted}' expected, not '{token}'")
        self.at += 1
        return token

    def block(self):
        self.take("{")
        fields = []
        while self.tokens[self.at] != "}":
            fields.append(self.field())
        self.take("}")
        return fields

    def field(self):
        kind = self.take()
        field = {}
        if kind in ("struct", "union") and self.tokens[self.at] == "{":
            field[kind] = self.block()
        elif kind == "struct":
            field["type"] = self.take()
        else:
            field["type"] = kind.removeprefix("__")
        field["name"] = self.take()
        dimensions = []
        while self.tokens[self.at] == "[":
            self.take("[")
            dimensions.append(self.take())
            self.take("]")
        if dimensions:
            field["array"] = [int(text) if text.isdigit() else text for text in dimensions]
        self.take(";")
        return field


def _structs(text):
    for match in re.finditer(r"^struct (\w+) \{.*?^\};", text, re.M | re.S):
        yield match.group(1), _Fields(_tokens(match.group(0))[2:]).block()


def _enums(text):
    for match in re.finditer(r"^enum (\w+) \{(.*?)^\};", text, re.M | re.S):
        body = re.sub(r"/\*.*?\*/", "", match.group(2), flags=re.S)
        yield match.group(1), {name: int(value, 0) for name, value in re.findall(r"(\w+)\s*=\s*(\w+)", body)}


def read(text):
    """{"constants": {name: text}, "enums": {name: {entry: value}}, "structs": {name: fields},
    "commands": {name: (kind, number, struct)}} of a header."""
    constants, commands = {}, {}
    for name, value in DEFINE.findall(text.replace("\\\n", " ")):
        command = COMMAND.match(value)
        if command:
            commands[name] = (command.group(1), int(command.group(2), 16), command.group(3))
        else:
            constants[name] = value
    return {"constants": constants, "enums": dict(_enums(text)), "structs": dict(_structs(text)),
            "commands": commands}
