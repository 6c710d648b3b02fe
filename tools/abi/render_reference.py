# SPDX-License-Identifier: Apache-2.0
"""docs/reference/abi.md: every command, struct, field, error, event and reason."""


def _cell(text):
    return str(text).replace("|", "\\|").strip()


def _type(model, field):
    kind = field.get("type", "union" if "union" in field else "struct")
    kind = f"[`{kind}`](#struct-dsmil_{kind})" if kind in model.structs else kind
    return kind + "".join(f"[{dimension}]" for dimension in field.get("array", ()))


def _notes(field):
    notes = []
    if field.get("zero"):
        notes.append("must be zero")
    if "is" in field:
        notes.append(field["is"])
    if "known" in field:
        notes.append("flags: " + ", ".join(f"`DSMIL_{name}`" for name in field["known"]))
    if "enum" in field:
        notes.append(f"[enum](#enum-dsmil_{field['enum']})")
    if "doc" in field:
        notes.append(_cell(field["doc"]))
    if "since" in field:
        notes.append(f"since version {field['since']}")
    return "; ".join(notes)


def _rows(model, struct, fields, prefix="", base=0):
    for offset, size, field in model.layout(fields, struct)[0]:
        name = prefix + field["name"]
        yield f"| {base + offset} | {size} | `{name}` | {_type(model, field)} | {_notes(field)} |"
        if "array" not in field:
            yield from _rows(model, struct, field.get("struct", ()), name + ".", base + offset)
        for member in field.get("union", ()):
            yield from _rows(model, struct, [member], name + ".", base + offset)


def _table(*columns):
    yield "| " + " | ".join(columns) + " |"
    yield "|" + "---|" * len(columns)


def _commands(model):
    yield "## Commands"
    yield ""
    yield "Errors of every command:"
    yield ""
    yield from _table("errno", "when")
    for name, doc in model.abi["errors"].items():
        yield f"| `{name}` | {_cell(doc)} |"
    for command in model.commands:
        code = {"_IOR": 2, "_IOW": 1, "_IOWR": 3}[command["kind"]]
        number = code << 30 | model.struct_layout(command["struct"])[1] << 16 | \
            model.constants["IOC_MAGIC"]["value"] << 8 | command["number"]
        needs = f" Needs `{command['needs']}`." if "needs" in command else ""
        yield ""
        yield f"### DSMIL_IOC_{command['name']}"
        yield ""
        yield f"{command['doc']}{needs}"
        yield ""
        where = {"ctl": "`/dev/dsmil/ctl`", "device": "a device's node", "ring": "an audit ring's descriptor"}
        yield f"On {where[command['node']]}, with [`struct dsmil_{command['struct']}`]" \
              f"(#struct-dsmil_{command['struct']}): `{command['kind']}(0xD5, 0x{command['number']:02x})`, 0x{number:08X}."
        if "errors" in command:
            yield ""
            yield from _table("errno", "when")
            for name, doc in command["errors"].items():
                yield f"| `{name}` | {_cell(doc)} |"


def _netlink(model):
    spec = model.netlink
    yield "## Netlink"
    yield ""
    yield f"Generic netlink family `{spec['name']}`; groups " \
          f"{', '.join(f'`{name}`' for name in spec['mcast-groups'])}. {spec['doc']}"
    for operation in spec["operations"]:
        kinds = ", ".join(kind for kind in ("do", "dump", "event") if kind in operation)
        asked = operation.get("do", {}).get("request", {"attributes": []})["attributes"]
        yield ""
        yield f"### {operation['name']}"
        yield ""
        yield f"`DSMIL_CMD_{operation['name'].replace('-', '_').upper()}` = {operation['value']} ({kinds}), attributes " \
              f"[`{operation['attribute-set']}`](#attributes-{operation['attribute-set']})" \
              + (f"; asked by {', '.join(f'`{name}`' for name in asked)}" if asked else "") + f". {operation['doc']}"
    for item in spec["attribute-sets"]:
        yield ""
        yield f"### Attributes: {item['name']}"
        yield ""
        yield from _table("number", "name", "type", "what")
        for number, attribute in enumerate(item["attributes"], start=1):
            kind = attribute["type"] + (", repeated" if attribute.get("multi-attr") else "")
            notes = [f"[enum](#enum-dsmil_{attribute['enum'].replace('-', '_')})"] if "enum" in attribute else []
            notes += [_cell(attribute["doc"])] if "doc" in attribute else []
            yield f"| {number} | `{attribute['name']}` | {kind} | {'; '.join(notes)} |"


def reference(model):
    yield "<!-- Generated from tools/abi by tools/abi/generate.py. Do not edit. -->"
    yield "# The kernel's ABI"
    yield ""
    yield f"API version {model.api_version}, event schema version {model.event_version}. The manual, with what " \
          "belongs to no single field, is [`dsmil.h`](../../include/uapi/linux/dsmil.h); this is its index. " \
          "Layouts are the same on x86-64 and i386, without holes."
    yield ""
    yield from _commands(model)
    yield ""
    yield "## Structs"
    for name, struct in model.structs.items():
        since = f" Since API version {struct['since']}." if "since" in struct else ""
        first, now = model.first_size(name), model.struct_layout(name)[1]
        shortest = f", {first} in its first version" if first != now else ""
        yield ""
        yield f"### struct dsmil_{name}"
        yield ""
        yield f"{struct['doc']}{since} {now} bytes{shortest}."
        yield ""
        yield from _table("offset", "bytes", "field", "type", "what")
        yield from _rows(model, name, struct["fields"])
    yield ""
    yield "## Enums"
    for enum in model.enums.values():
        yield ""
        yield f"### enum dsmil_{enum['name']}"
        yield ""
        yield enum["doc"]
        yield ""
        yield from _table("value", "name", "what")
        for entry in enum["entries"]:
            yield f"| {entry['value']} | `DSMIL_{enum['prefix']}_{entry['name']}` | {_cell(entry.get('doc', ''))} |"
    yield ""
    yield "## Constants"
    yield ""
    yield from _table("name", "value", "what")
    for name, constant in model.constants.items():
        yield f"| `DSMIL_{name}` | {_cell(constant['value'])} | {_cell(constant.get('doc', ''))} |"
    yield ""
    yield from _netlink(model)
