#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns errors.csv into the C++ table and the reference page.

    generate_errors.py errors.csv --cpp OUT.def
    generate_errors.py errors.csv --markdown OUT.md
"""
import csv
import json
import sys

COLUMNS = ["code", "exit", "http", "message", "remedy"]


def load(path):
    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if reader.fieldnames != COLUMNS:
            sys.exit(f"{path}: the columns must be {','.join(COLUMNS)}")
        rows = list(reader)
    for row in rows:
        if None in row or None in row.values():
            sys.exit(f"{path}: {row['code']}: a row has {len(COLUMNS)} fields")
    if len({row["code"] for row in rows}) != len(rows):
        sys.exit(f"{path}: a code is there twice")
    return rows


def cpp(rows):
    yield "/* Generated from lib/errors.csv by lib/generate_errors.py. Do not edit. */"
    for row in rows:
        yield "DSMIL_ERROR({code}, {exit}, {http}, {m}, {r})".format(
            **row, m=json.dumps(row["message"]), r=json.dumps(row["remedy"]))


def markdown(rows):
    yield "<!-- Generated from lib/errors.csv by lib/generate_errors.py. Do not edit. -->"
    yield "# Errors"
    yield ""
    yield "One table serves the command line (exit), the API (HTTP status) and the logs (code)."
    yield ""
    yield "| code | exit | HTTP | what it says | remedy |"
    yield "|---|---|---|---|---|"
    for row in rows:
        yield "| `{code}` | {exit} | {http} | {message} | {remedy} |".format(**row)


def main():
    if len(sys.argv) != 4 or sys.argv[2] not in ("--cpp", "--markdown"):
        sys.exit(__doc__)
    render = cpp if sys.argv[2] == "--cpp" else markdown
    text = "\n".join(render(load(sys.argv[1]))) + "\n"
    with open(sys.argv[3], "w", encoding="utf-8") as file:
        file.write(text)


main()
