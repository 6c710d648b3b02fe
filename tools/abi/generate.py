#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns the description of the ABI (dsmil.yaml, netlink.yaml) into what follows from it.

    generate.py                 writes what is kept in git
    generate.py --check         says what of it is not as the description says, and runs the
                                gate: an ABI that changed without a new version
    generate.py --keep          keeps the present versions, if they are new (versions.py)
    generate.py --layout OUT.c  the layouts, for tests/kselftest
    generate.py --cases OUT.h   the table of commands, for tests/kselftest/commands.c

Kept in git are the specification, the header, the kernel's tables and the reference, so
that neither DKMS nor a reader needs Python.
"""

import sys
from pathlib import Path

sys.dont_write_bytecode = True

import header_match  # noqa: E402
import model as description  # noqa: E402
import render_kernel  # noqa: E402
import render_netlink  # noqa: E402
import render_reference  # noqa: E402
import render_tests  # noqa: E402
import versions  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
HEADER = "include/uapi/linux/dsmil.h"
KEPT = {
    "docs/netlink/dsmil.yaml": render_netlink.ynl,
    "include/uapi/linux/dsmil_netlink.h": render_netlink.uapi,
    "kernel/core/abi_gen.h": render_kernel.first_sizes,
    "kernel/core/netlink_gen.c": render_netlink.kernel_source,
    "kernel/core/netlink_gen.h": render_netlink.kernel_header,
    "docs/reference/abi.md": render_reference.reference,
}


def text_of(render, model):
    return "\n".join(render(model)) + "\n"


def stale(model, root=ROOT):
    """A line for each kept file that the description would make otherwise."""
    for name, render in KEPT.items():
        path = root / name
        if not path.exists() or path.read_text(encoding="utf-8") != text_of(render, model):
            yield f"{name} is not what tools/abi/generate.py makes"


def check(model, root=ROOT):
    """Everything that is wrong, a line each."""
    yield from header_match.differences(model, (root / HEADER).read_text(encoding="utf-8"))
    yield from stale(model, root)
    yield from versions.problems(model)


def main():
    model = description.load()
    match sys.argv[1:]:
        case []:
            for name, render in KEPT.items():
                (ROOT / name).write_text(text_of(render, model), encoding="utf-8")
        case ["--check"]:
            problems = list(check(model))
            for problem in problems:
                print(problem)
            return 1 if problems else 0
        case ["--keep"]:
            for path in versions.keep(model):
                print(f"kept {path.relative_to(ROOT)}")
        case ["--layout", out]:
            Path(out).write_text(text_of(render_tests.layout, model), encoding="utf-8")
        case ["--cases", out]:
            Path(out).write_text(text_of(render_tests.commands, model), encoding="utf-8")
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
