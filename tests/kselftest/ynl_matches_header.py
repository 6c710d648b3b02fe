# SPDX-License-Identifier: Apache-2.0
"""The YNL specification and the uAPI headers name the same commands, attributes and
values, and the specification keeps to the genetlink schema's vocabulary.

    ynl_matches_header.py DSMIL_YAML UAPI_LINUX_FOLDER
"""

import re
import sys
from pathlib import Path

import yaml

ATTRIBUTE_KEYS = {"name", "type", "doc", "enum", "checks", "multi-attr", "display-hint"}
TYPES = {"pad", "u32", "s32", "u64", "string", "binary"}


def enumerators(text):
    """name: value of every enumerator with a number."""
    return {name: int(value) for name, value in re.findall(r"\b(DSMIL_\w+) = (\d+)", text)}


def constant(prefix, name):
    return (prefix + name).replace("-", "_").upper()


def differences(spec, headers):
    """What the specification says otherwise than the headers."""
    seen = {}
    for attributes in spec["attribute-sets"]:
        for number, attribute in enumerate(attributes["attributes"], start=1):
            seen[constant(attributes["name-prefix"], attribute["name"])] = number
            if not attribute.keys() <= ATTRIBUTE_KEYS or attribute["type"] not in TYPES:
                yield f"attribute {attribute['name']}: not of the schema"
    for operation in spec["operations"]["list"]:
        seen[constant(spec["operations"]["name-prefix"], operation["name"])] = operation["value"]
    for enum in spec["definitions"]:
        for entry in enum["entries"]:
            prefix = "dsmil-event-" if enum["name"] == "event-type" else f"dsmil-{enum['name'].removesuffix('-kind')}-"
            seen[constant(prefix, entry["name"])] = entry["value"]

    wanted = {name: value for name, value in headers.items()
              if re.match(r"DSMIL_(A|CMD|RISK|REASON|FIRMWARE|EVENT)_", name)}
    for name in sorted(seen.keys() | wanted.keys()):
        if seen.get(name) != wanted.get(name):
            yield f"{name}: {seen.get(name)} in the specification, {wanted.get(name)} in the headers"


def replies(spec):
    """Every operation's answer lists every attribute of its set."""
    for operation in spec["operations"]["list"]:
        everything = [attribute["name"] for attributes in spec["attribute-sets"]
                      if attributes["name"] == operation["attribute-set"]
                      for attribute in attributes["attributes"] if attribute["type"] != "pad"]
        answers = [operation[kind]["reply"]["attributes"] for kind in ("do", "dump") if kind in operation]
        answers += [operation["event"]["attributes"]] if "event" in operation else []
        if any(answer != everything for answer in answers):
            yield f"operation {operation['name']}: its answer is not its attribute set"


def main(spec_path, folder):
    spec = yaml.safe_load(Path(spec_path).read_text(encoding="utf-8"))
    headers = {}
    for name in ("dsmil.h", "dsmil_netlink.h"):
        headers |= enumerators((Path(folder) / name).read_text(encoding="utf-8"))
    problems = [*differences(spec, headers), *replies(spec)]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
