# SPDX-License-Identifier: Apache-2.0
"""What the tests of the ABI are made from: the layouts that every compiler must give, and
the table of commands of tests/kselftest/commands.c. Both are made by the build."""

GENERATED = "/* Generated from tools/abi by tools/abi/generate.py. Do not edit. */"


def _asserts(model, struct, prefix, fields, base=0):
    for offset, size, field in model.layout(fields, struct)[0]:
        path = prefix + field["name"]
        yield f"AT({struct}, {path}, {base + offset}, {size});"
        if "array" not in field:
            yield from _asserts(model, struct, path + ".", field.get("struct", ()), base + offset)
        for member in field.get("union", ()):
            yield from _asserts(model, struct, path + ".", [member], base + offset)


def layout(model):
    yield "/* SPDX-License-Identifier: Apache-2.0 */"
    yield GENERATED
    yield "/* Every offset and size; the next field begins where one ends, so there is no hole. */"
    yield "#include <linux/dsmil.h>"
    yield "#include <stddef.h>"
    yield ""
    yield "#define SIZE(type, bytes) _Static_assert(sizeof(struct type) == (bytes), #type)"
    yield "#define AT(type, field, offset, bytes) \\"
    yield "\t_Static_assert(offsetof(struct type, field) == (offset) && \\"
    yield "\t\t       sizeof(((struct type *)0)->field) == (bytes), #type \".\" #field)"
    for name, struct in model.structs.items():
        yield ""
        yield f"SIZE(dsmil_{name}, {model.struct_layout(name)[1]});"
        yield from _asserts(model, f"dsmil_{name}", "", struct["fields"])


def _dirt(model, struct):
    """(name, offset, byte, value) of what makes a request dirty: a byte of each field that
    must be zero, and a flag that nobody knows."""
    for offset, size, field in model.struct_layout(struct)[0]:
        if field.get("zero"):
            yield f"{field['name']} that is not zero", offset + size - 1, 1
        elif "known" in field:
            known = 0
            for name in field["known"]:
                known |= model.number(name)
            bit = next(bit for bit in range(8 * size) if not known >> bit & 1)
            yield "an unknown flag", offset + bit // 8, 1 << bit % 8


def _fields(accept):
    return "".join(f", .{name} = {value if isinstance(value, str) else hex(value)}" for name, value in accept.items())


def commands(model):
    yield "/* SPDX-License-Identifier: Apache-2.0 */"
    yield GENERATED
    yield "#define DSMIL_CASES_API_VERSION " + str(model.api_version)
    for command in model.commands:
        name, struct = command["name"].lower(), f"dsmil_{command['struct']}"
        yield ""
        yield f"static const struct {struct} good_{name} = {{ .size = sizeof(good_{name}){_fields(command['accept'])} }};"
        yield f"static const struct dirt dirt_{name}[] = {{"
        for what, offset, value in _dirt(model, command["struct"]):
            yield f"\t{{ \"{what}\", {offset}, 0x{value:x} }},"
        yield "\t{ NULL, 0, 0 },"
        yield "};"
        if command.get("prepare"):
            yield f"static void prepare_{name}(struct {struct} *request);"
    yield ""
    yield "static const struct command commands[] = {"
    for command in model.commands:
        name, struct = command["name"].lower(), f"dsmil_{command['struct']}"
        prepare = f"(void (*)(void *))prepare_{name}" if command.get("prepare") else "NULL"
        yield f"\t{{ \"{command['name']}\", DSMIL_IOC_{command['name']}, NODE_{command['node'].upper()},"
        yield f"\t  sizeof(struct {struct}), {model.first_size(command['struct'])}, &good_{name}, dirt_{name},"
        yield f"\t  {prepare}, {'true' if 'needs' in command else 'false'}, {command.get('again', 0)}," \
              f" {command.get('without_ecdsa', 0)} }},"
    yield "};"


# ------------------------------------------------------------------ coverage --

# What tests/kselftest/commands.c shows of every command.
CASES = ("accepts its struct", "accepts the first published struct", "refuses a short struct",
         "refuses a struct of no size", "accepts a longer struct whose tail is zero",
         "refuses a tail that is not zero", "then says the size that it knows",
         "refuses a struct larger than a page", "refuses a null pointer", "refuses a pointer into the kernel",
         "is known by its number, not its size", "answers a caller without capabilities",
         "answers a 32-bit caller alike")


def case_names(model):
    """The name of every test that must have run."""
    for command in model.commands:
        for case in CASES:
            yield f"{command['name']} {case}"
        for what, _, _ in _dirt(model, command["struct"]):
            yield f"{command['name']} refuses {what}"


def uncovered(model, lines):
    """The tests that no TAP line "ok N - commands: NAME" names; one that was skipped did not run."""
    ran = {line.partition("commands: ")[2] for line in lines if " - commands: " in line and " # SKIP" not in line}
    return [name for name in case_names(model) if name not in ran]
