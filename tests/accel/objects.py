#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the compiler made of the engine's kernels, as TAP.

    objects.py BUILD

The kernels are compiled for instructions that a processor may lack. So nothing of
them may be linked into anybody else's code (no weak symbol, no function but those
that sha256_kernels.hpp names), nothing else may be compiled like them, and their hot
loops keep what they work on in registers.
"""
import json
import os
import re
import subprocess
import sys

build = sys.argv[1]
VECTOR_FLAGS = re.compile(r"^-m(avx|sha|ssse3|sse4|bmi|fma|vaes|aes|pclmul|prefer-vector)|^-march=|^-mtune=native")
# Stores of a zmm register to the stack, of all the function: what it saves once, and the words that
# do not fit while they are transposed (GCC 14 makes 1 to 13). More is an array that the compiler did
# not split: it was 67, and slower by a tenth.
SPILLS = {"whole_blocks": 16, "any_block": 16, "sha256_equal": 20, "nodes_prefixed": 20, "nodes_plain": 16}
failed = 0
number = 0


def test(name, problems):
    global failed, number
    number += 1
    print(f"{'not ok' if problems else 'ok'} {number} {name}")
    for problem in problems:
        print(f"# {problem}")
    failed += bool(problems)


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def commands():
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        return json.load(file)


def is_kernel(source):
    return re.search(r"daemon/accel/.*_(ni|avx2|avx512|vnni|vaes)\.cpp$", source) is not None


def flags_elsewhere():
    for entry in commands():
        flags = [word for word in entry["command"].split() if VECTOR_FLAGS.match(word)]
        if flags and not is_kernel(entry["file"]):
            yield f"{entry['file']} is compiled with {' '.join(flags)}"
        if not flags and is_kernel(entry["file"]):
            yield f"{entry['file']} is compiled without any"


def kernels():
    return [os.path.join(entry["directory"], entry["output"]) for entry in commands() if is_kernel(entry["file"])]


def shared_code(path):
    for line in run("nm", "--demangle", path).splitlines():
        kind, name = re.match(r"^[0-9a-f ]{16} (\S) (.*)$", line).groups()
        if kind in "WVuU" and "std::" in name:
            yield f"{os.path.basename(path)}: {name} is of the standard library"
        if kind in "WVu" or (kind == "T" and not name.startswith("dsmil::accel::")):
            yield f"{os.path.basename(path)}: {name} could replace everybody's"


def functions(path):
    """The instructions of each function."""
    found = {}
    name = None
    for line in run("objdump", "-d", "--no-show-raw-insn", "--demangle", path).splitlines():
        begins = re.match(r"^[0-9a-f]+ <(.*)>:$", line)
        if begins:
            name = begins.group(1)
            found[name] = []
        elif name and "\t" in line:
            found[name].append(line.split("\t", 1)[1])
    return found


def spills():
    seen = set()
    for path in kernels():
        for name, lines in functions(path).items():
            stores = sum(1 for line in lines if re.match(r"vmov\S+ +%zmm\d+,-?(0x[0-9a-f]+)?\(%r[sb]p\)", line))
            for key, most in SPILLS.items():
                if key in name:
                    seen.add(key)
                    if stores > most:
                        yield f"{name}: {stores} stores of zmm registers to the stack, {most} are accepted"
    yield from (f"there is no function {key}" for key in SPILLS if key not in seen)


def vectors_elsewhere():
    """Our own functions of the finished programs that use AVX-512."""
    for program in ("tools/dsmilctl/dsmilctl", "daemon/dsmild"):
        for name, lines in functions(os.path.join(build, program)).items():
            if any("%zmm" in line or "{%k" in line for line in lines) and "avx512" not in name and not re.search(
                    r"\(anonymous namespace\)::(whole_blocks|any_block|finish)", name):
                yield f"{program}: {name}"


def names_the_vector_units():
    """AVX-512 code that ends without vzeroupper makes what comes after it slow."""
    for path in kernels():
        if "avx512" not in path:
            continue
        for name, lines in functions(path).items():
            if any("%zmm" in line or "%ymm" in line for line in lines) and any(
                    line.startswith("ret") for line in lines) and not any(line.startswith("vzeroupper") for line in lines):
                yield f"{name} returns with dirty registers"


print("1..5")
test("only the kernels are compiled for more than every x86-64 has", list(flags_elsewhere()))
test("nothing of the kernels can be linked into other code",
     [problem for path in kernels() for problem in shared_code(path)])
test("the hot loops keep their vectors in registers", list(spills()))
test("no other code of the programs uses AVX-512", list(vectors_elsewhere()))
test("the kernels leave no register dirty", list(names_the_vector_units()))
sys.exit(1 if failed else 0)
