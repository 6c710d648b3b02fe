# SPDX-License-Identifier: Apache-2.0
"""The netlink family's files: the YNL specification, the uAPI header, and the kernel's
policies and operations."""

import textwrap

import yaml

UAPI_LICENCE = "GPL-2.0-only WITH Linux-syscall-note OR Apache-2.0"
GENERATED = "Generated from tools/abi by tools/abi/generate.py. Do not edit."
KERNEL_COLUMNS = 100
SHORT = range(-0x8000, 0x8000)  # the bounds that fit in a policy


def _c(*words):
    return "_".join(words).replace("-", "_")


def _attribute(set_name, name):
    return _c("DSMIL_A", set_name, name).upper()


def _command(name):
    return _c("DSMIL_CMD", name).upper()


# ------------------------------------------------------------------ YNL --


def _definition(enum):
    entries = [{"name": entry["name"].lower().replace("_", "-"), "value": entry["value"],
                **({"doc": entry["doc"]} if "doc" in entry else {})} for entry in enum["entries"]]
    return {"type": "enum", "name": enum["name"].replace("_", "-"), "header": "linux/dsmil.h", "doc": enum["doc"],
            "entries": entries}


def _message(model, operation, message):
    return {"attributes": model.attributes(operation["attribute-set"], message["attributes"])}


def _operation(model, operation):
    out = {key: operation[key] for key in ("name", "doc", "value", "attribute-set")}
    for kind in ("do", "dump"):
        if kind in operation:
            out[kind] = {side: _message(model, operation, message) for side, message in operation[kind].items()}
    if "event" in operation:
        out |= {"event": _message(model, operation, operation["event"]), "mcgrp": operation["mcgrp"]}
    return out


class _Dumper(yaml.SafeDumper):
    """Lists as people indent them, and nothing by reference."""

    def increase_indent(self, flow=False, indentless=False):
        return super().increase_indent(flow, False)

    def ignore_aliases(self, data):
        return True


def ynl(model):
    spec = model.netlink
    document = {
        "name": spec["name"], "protocol": "genetlink", "uapi-header": "linux/dsmil_netlink.h", "doc": spec["doc"],
        "definitions": [_definition(model.enums[name]) for name in spec["enums"]],
        "attribute-sets": [{"name": item["name"], "name-prefix": f"dsmil-a-{item['name']}-",
                            "enum-name": f"dsmil-genl-{item['name']}", "attributes": item["attributes"]}
                           for item in spec["attribute-sets"]],
        "operations": {"name-prefix": "dsmil-cmd-", "enum-name": "dsmil-genl-command",
                       "list": [_operation(model, operation) for operation in spec["operations"]]},
        "mcast-groups": {"list": [{"name": name} for name in spec["mcast-groups"]]},
    }
    yield f"# SPDX-License-Identifier: {UAPI_LICENCE}"
    yield f"# {GENERATED}"
    yield "---"
    yield yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=100).rstrip()


# ------------------------------------------------------------ the header --


def _prose(text, indent=" * ", width=88):
    yield from textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def _kinds(operation):
    kinds = [kind for kind in ("do", "dump") if kind in operation]
    return " and ".join(kinds) if kinds else "notification"


def _attribute_line(attribute):
    many = ", repeated" if attribute.get("multi-attr") else ""
    enum = f", enum dsmil_{attribute['enum'].replace('-', '_')}" if "enum" in attribute else ""
    length = f", {attribute['checks']['exact-len']} bytes" if attribute["type"] == "binary" else ""
    doc = f": {attribute['doc'].rstrip('.')}" if "doc" in attribute else ""
    name = attribute["name"].replace("-", "_").upper()
    yield from textwrap.wrap(f"{name}  {attribute['type']}{length}{enum}{many}{doc}", 88, initial_indent=" *   ",
                             subsequent_indent=" *     ", break_on_hyphens=False)


def _manual(model):
    spec = model.netlink
    yield "/*"
    yield f" * The generic netlink family \"{spec['name']}\", version {spec['version']}, in the initial network namespace."
    yield " * docs/netlink/dsmil.yaml is the same for YNL clients."
    yield " *"
    yield from _prose(spec["doc"])
    for operation in spec["operations"]:
        title = f"{_command(operation['name'])} ({_kinds(operation)})"
        name = operation["attribute-set"]
        yield " *"
        yield f" * {title}"
        yield f" * {'-' * len(title)}"
        yield from _prose(operation["doc"])
        if "event" not in operation:
            asked = operation["do"].get("request", {"attributes": []})["attributes"]
            names = ", ".join(_attribute(name, each) for each in asked)
            yield from _prose(f"Request of a do: {names or 'no attribute'}." +
                              (" A dump takes none." if "dump" in operation and asked else ""))
        yield f" * Answer, {_attribute(name, '')}*:"
        for attribute in model.attribute_set(name)["attributes"]:
            if attribute["type"] != "pad":
                yield from _attribute_line(attribute)
    yield " */"


def uapi(model):
    spec = model.netlink
    yield f"/* SPDX-License-Identifier: {UAPI_LICENCE} */"
    yield f"/* {GENERATED} */"
    yield from _manual(model)
    yield "#ifndef _UAPI_LINUX_DSMIL_NETLINK_H"
    yield "#define _UAPI_LINUX_DSMIL_NETLINK_H"
    yield ""
    yield f"#define DSMIL_GENL_NAME \"{spec['name']}\""
    yield f"#define DSMIL_GENL_VERSION {spec['version']}"
    for name in spec["mcast-groups"]:
        yield f"#define DSMIL_GENL_{name.upper()} \"{name}\""
    yield ""
    yield "enum dsmil_genl_command {"
    for operation in spec["operations"]:
        yield f"\t{_command(operation['name'])} = {operation['value']},"
    yield "};"
    for item in spec["attribute-sets"]:
        yield ""
        yield f"enum {_c('dsmil_genl', item['name'])} {{"
        for number, attribute in enumerate(item["attributes"], start=1):
            yield f"\t{_attribute(item['name'], attribute['name'])} = {number},"
        yield "};"
    yield ""
    yield "#endif /* _UAPI_LINUX_DSMIL_NETLINK_H */"


# ------------------------------------------------------------- the kernel --


def _handler(operation, kind):
    return _c("dsmil_nl", operation["name"], kind)


def _policy_name(operation):
    return _c(operation["name"], "do_policy")


def _needs_range(attribute):
    checks = attribute.get("checks", {})
    return any(checks[bound] not in SHORT for bound in ("min", "max") if bound in checks)


def _rule(attribute, range_name):
    checks = attribute.get("checks", {})
    kind = f"NLA_{attribute['type'].upper()}"
    if attribute["type"] == "binary":
        return f"NLA_POLICY_EXACT_LEN({checks['exact-len']})"
    if _needs_range(attribute):
        return f"NLA_POLICY_FULL_RANGE({kind}, &{range_name})"
    if "min" in checks:
        return f"NLA_POLICY_RANGE({kind}, {checks['min']}, {checks['max']})"
    if "max" in checks:
        return f"NLA_POLICY_MAX({kind}, {checks['max']})"
    return f"{{ .type = {kind} }}"


def _policies(model, operation):
    """The policy of a do that takes attributes."""
    name = operation["attribute-set"]
    asked = operation.get("do", {}).get("request", {"attributes": []})["attributes"]
    if not asked:
        return
    by_name = {item["name"]: item for item in model.attribute_set(name)["attributes"]}
    attributes = [by_name[each] for each in asked]
    for attribute in attributes:
        if _needs_range(attribute):
            # Policies of 6.1 do not take them const.
            yield f"static struct netlink_range_validation {_c(operation['name'], attribute['name'])}_range = {{"
            yield f"\t.min = 0x{attribute['checks'].get('min', 0):x},"
            yield f"\t.max = 0x{attribute['checks']['max']:x},"
            yield "};"
            yield ""
    yield f"static const struct nla_policy {_policy_name(operation)}[] = {{"
    for attribute in attributes:
        rule = _rule(attribute, f"{_c(operation['name'], attribute['name'])}_range")
        line = f"\t[{_attribute(name, attribute['name'])}] = {rule},"
        if len(line.expandtabs(8)) > KERNEL_COLUMNS:
            line = line.replace("] = ", "] =\n\t\t")
        yield line
    yield "};"
    yield ""


def _entry(operation, kind):
    asked = operation[kind].get("request")
    yield "\t{"
    yield f"\t\t.cmd = {_command(operation['name'])},"
    if kind == "do":
        yield f"\t\t.doit = {_handler(operation, 'do')},"
    else:
        yield f"\t\t.start = {_handler(operation, 'start')},"
        yield f"\t\t.dumpit = {_handler(operation, 'dump')},"
    policy = _policy_name(operation) if asked else "no_attributes"
    yield f"\t\t.policy = {policy},"
    yield f"\t\t.maxattr = ARRAY_SIZE({policy}) - 1,"
    yield f"\t\t.flags = GENL_CMD_CAP_{kind.upper()},"
    yield "\t},"


def _requests(model):
    for operation in model.netlink["operations"]:
        for kind in ("do", "dump"):
            if kind in operation:
                yield operation, kind


def kernel_source(model):
    yield "// SPDX-License-Identifier: GPL-2.0-only"
    yield f"/* {GENERATED} */"
    yield "#include \"netlink_gen.h\""
    yield ""
    yield "#include <linux/dsmil_netlink.h>"
    yield "#include <linux/kernel.h>"
    yield ""
    yield "/* A split operation without a policy would take anything. */"
    yield "static const struct nla_policy no_attributes[] = {"
    yield "\t[1] = { .type = NLA_REJECT, .reject_message = \"this request takes no attributes\" },"
    yield "};"
    yield ""
    for operation in model.netlink["operations"]:
        yield from _policies(model, operation)
    yield "/* Sorted by command, its do before its dump. */"
    yield "const struct genl_split_ops dsmil_nl_ops[DSMIL_NL_OPS] = {"
    for operation, kind in sorted(_requests(model), key=lambda pair: pair[0]["value"]):
        yield from _entry(operation, kind)
    yield "};"
    yield ""
    yield "const struct genl_multicast_group dsmil_nl_groups[DSMIL_NL_GROUPS] = {"
    for name in model.netlink["mcast-groups"]:
        yield f"\t[DSMIL_NL_GROUP_{name.upper()}] = {{ .name = DSMIL_GENL_{name.upper()},"
        yield "\t\t.flags = DSMIL_MCAST_FLAGS },"
    yield "};"


def kernel_header(model):
    yield "/* SPDX-License-Identifier: GPL-2.0-only */"
    yield f"/* {GENERATED} */"
    yield "#ifndef DSMIL_NETLINK_GEN_H"
    yield "#define DSMIL_NETLINK_GEN_H"
    yield ""
    yield "#include \"compat.h\""
    yield "#include \"compat_genl.h\""
    yield ""
    yield f"#define DSMIL_NL_OPS {len(list(_requests(model)))}"
    yield ""
    yield "extern const struct genl_split_ops dsmil_nl_ops[DSMIL_NL_OPS];"
    yield ""
    yield "enum dsmil_nl_group {"
    for name in model.netlink["mcast-groups"]:
        yield f"\tDSMIL_NL_GROUP_{name.upper()},"
    yield "\tDSMIL_NL_GROUPS"
    yield "};"
    yield ""
    yield "extern const struct genl_multicast_group dsmil_nl_groups[DSMIL_NL_GROUPS];"
    yield ""
    yield "/* What netlink*.c must have. */"
    for operation, kind in _requests(model):
        if kind == "do":
            yield f"int {_handler(operation, 'do')}(struct sk_buff *skb, struct genl_info *info);"
        else:
            yield f"int {_handler(operation, 'start')}(struct netlink_callback *cb);"
            yield f"int {_handler(operation, 'dump')}(struct sk_buff *skb, struct netlink_callback *cb);"
    yield ""
    yield "#endif /* DSMIL_NETLINK_GEN_H */"
