# SPDX-License-Identifier: Apache-2.0
"""What the kernel's dispatch takes from the description: how short a struct may be."""

GENERATED = "/* Generated from tools/abi by tools/abi/generate.py. Do not edit. */"


def first_sizes(model):
    yield "/* SPDX-License-Identifier: GPL-2.0-only */"
    yield GENERATED
    yield "#ifndef DSMIL_ABI_GEN_H"
    yield "#define DSMIL_ABI_GEN_H"
    yield ""
    yield "#include <linux/build_bug.h>"
    yield "#include <linux/dsmil.h>"
    yield ""
    yield "/* Bytes of each command's struct as it was first published: less is -EINVAL. */"
    for command in model.commands:
        yield f"#define DSMIL_{command['name']}_FIRST {model.first_size(command['struct'])}"
    yield ""
    yield "/* As the description lays them out. */"
    for name in model.structs:
        yield f"static_assert(sizeof(struct dsmil_{name}) == {model.struct_layout(name)[1]});"
    yield ""
    yield "#endif /* DSMIL_ABI_GEN_H */"
