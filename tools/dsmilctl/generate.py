#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes everything that depends on the command table from it.

    generate.py FORMAT commands.json [devices.csv] OUT

FORMAT: cpp (table and help texts of the program), bash, zsh, fish
(completions; they need devices.csv), man, markdown.
"""
import csv
import json
import sys
import textwrap

WIDTH = 78


def takes_value(option):
    return "value" in option


def spelled(option):
    """"-n, --count N" as help texts show it."""
    text = ", ".join(filter(None, [option.get("short"), option["name"]]))
    return text + (" " + option["value"] if takes_value(option) else "")


def placeholder(argument):
    text = argument["name"] + ("..." if argument.get("many") else "")
    return "[" + text + "]" if argument.get("optional") else text


def usage(table, command):
    parts = [table["program"], command["name"]]
    for option in command["options"]:
        part = (option.get("short") or option["name"]) + (" " + option["value"] if takes_value(option) else "")
        parts.append(part if option.get("required") else "[" + part + "]")
    parts += [placeholder(argument) for argument in command["arguments"]]
    return " ".join(parts)


# ------------------------------------------------------------- help texts --

def paragraph(text, indent=""):
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent)


def columns(rows, indent="  "):
    """Two columns, the second wrapped."""
    width = max(len(left) for left, _ in rows) + 2
    for left, right in rows:
        lines = textwrap.wrap(right, WIDTH - len(indent) - width)
        yield indent + left.ljust(width) + lines[0]
        for line in lines[1:]:
            yield indent + " " * width + line


def overview(table):
    yield "usage: {} [--json] COMMAND [ARGUMENT...]".format(table["program"])
    yield ""
    yield from paragraph(table["program"] + ": " + table["summary"] + ".")
    for section in table["sections"]:
        yield ""
        yield section["title"] + ":"
        yield from columns([(command["name"], command["summary"]) for command in table["commands"]
                            if command["section"] == section["name"]])
    yield ""
    yield "Options:"
    yield from columns([(spelled(option), option["help"]) for option in table["options"]])
    yield ""
    yield "{} help COMMAND says more about one.".format(table["program"])


def command_help(table, command):
    yield "usage: " + usage(table, command)
    for text in [command["summary"][0].upper() + command["summary"][1:] + "."] + command["description"]:
        yield ""
        yield from paragraph(text)
    if command["arguments"]:
        yield ""
        yield "Arguments:"
        yield from columns([(argument["name"], argument["help"]) for argument in command["arguments"]])
    if command["options"]:
        yield ""
        yield "Options:"
        yield from columns([(spelled(option), option["help"]) for option in command["options"]])
    yield ""
    yield "Examples:"
    for example in command["examples"]:
        yield "  " + example["command"]
        yield "      " + example["help"]
    yield ""
    yield "Exit codes:"
    yield from columns([(str(code), table["exits"][str(code)]) for code in command["exits"]])


# ---------------------------------------------------------------- program --

def literal(lines):
    """A C++ raw string; none of the texts holds its end mark."""
    return 'R"text(' + "\n".join(lines) + '\n)text"'


def identifier(name):
    return name.replace(" ", "_").replace("-", "_")


def cpp_options(name, options):
    yield "constexpr std::array<OptionSpec, {}> {} = {{{{".format(len(options), name)
    for option in options:
        yield "    {{{}, {}, {}, {}}},".format(*(json.dumps(option.get(key, "")) for key in ("name", "short", "value")),
                                              "true" if option.get("required") else "false")
    yield "}};"


def cpp(table, _devices):
    yield "// Generated from tools/dsmilctl/commands.json by tools/dsmilctl/generate.py. Do not edit."
    for command in table["commands"]:
        yield "dsmil::Result<int> run_{}(const Call &call, Output &out);".format(identifier(command["name"]))
    yield "namespace {"
    yield "constexpr std::string_view overview = {};".format(literal(overview(table)))
    yield from cpp_options("global_options", table["options"])
    for command in table["commands"]:
        name = identifier(command["name"])
        yield from cpp_options("options_" + name, command["options"])
        yield "constexpr std::array<ArgumentSpec, {}> arguments_{} = {{{{".format(len(command["arguments"]), name)
        for argument in command["arguments"]:
            yield "    {{{}, {}, {}}},".format(json.dumps(argument["name"]),
                                               *("true" if argument.get(key) else "false" for key in ("optional", "many")))
        yield "}};"
    yield "constexpr std::array<CommandSpec, {}> all_commands = {{{{".format(len(table["commands"]))
    for command in table["commands"]:
        name = identifier(command["name"])
        yield "    {{{}, {}, {}, run_{}, arguments_{}, options_{},".format(
            json.dumps(command["name"]), json.dumps(command["summary"]), json.dumps(usage(table, command)),
            name, name, name)
        yield "     {}, {}}},".format(json.dumps(command["schema"]), literal(command_help(table, command)))
    yield "}};"
    yield "} // namespace"


# ------------------------------------------------------------ completions --

WORDS = {
    "register": ["STATUS", "CONFIG", "DATA"],
    "risk": ["safe", "monitored", "guarded", "locked", "quarantined"],
    "layer": [str(layer) for layer in range(2, 10)],
    "none": [],
}


def words(kind, table, devices):
    """What can stand for a value of this kind; None for a file or directory."""
    if kind in ("file", "directory"):
        return None
    if kind == "device":
        return [word for row in devices for word in (row["device_id"], slug(row["firmware_name"]))]
    if kind == "group":
        return sorted({row["group_name"] for row in devices})
    if kind == "command":
        return first_words(table)
    return WORDS[kind]


def slug(name):
    return name.lower().replace(" ", "-")


def first_words(table):
    return list(dict.fromkeys(command["name"].split()[0] for command in table["commands"]))


def second_words(table, first):
    return [command["name"].split()[1] for command in table["commands"]
            if command["name"].startswith(first + " ")]


def option_words(options):
    return [word for option in options for word in (option["name"], option.get("short")) if word]


def bash_reply(kind, table, devices):
    found = words(kind, table, devices)
    if found is None:
        return 'compopt -o filenames; mapfile -t COMPREPLY < <(compgen -{} -- "$cur")'.format(
            "d" if kind == "directory" else "f")
    return 'mapfile -t COMPREPLY < <(compgen -W "{}" -- "$cur")'.format(" ".join(found))


def bash(table, devices):
    yield "# SPDX-License-Identifier: Apache-2.0"
    yield "# Generated from tools/dsmilctl/commands.json by tools/dsmilctl/generate.py. Do not edit."
    yield "# shellcheck shell=bash"
    yield "_dsmilctl()"
    yield "{"
    yield '\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} word skip="" command="" at=0'
    yield "\tCOMPREPLY=()"
    yield "\t# The command is what is neither an option nor the value of one; at counts its arguments."
    yield '\tfor word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do'
    yield "\t\tif [ -n \"$skip\" ]; then skip=''; continue; fi"
    yield '\t\tcase $word in'
    valued = sorted({word for options in [table["options"]] + [c["options"] for c in table["commands"]]
                     for word in option_words([o for o in options if takes_value(o)])})
    yield '\t\t{}) skip=1 ;;'.format(" | ".join(valued))
    yield '\t\t-*) ;;'
    yield '\t\t*)'
    yield '\t\t\tcase "$command" in'
    yield "\t\t\t'') command=$word ;;"
    for first in first_words(table):
        if second_words(table, first):
            yield '\t\t\t{}) command="{} $word" ;;'.format(first, first)
    yield '\t\t\t*) at=$((at + 1)) ;;'
    yield '\t\t\tesac ;;'
    yield '\t\tesac'
    yield '\tdone'
    yield '\tcase "$command:$prev" in'
    for command in table["commands"]:
        for option in filter(takes_value, command["options"]):
            patterns = " | ".join('"{}:{}"'.format(command["name"], word) for word in option_words([option]))
            yield "\t{}) {}; return ;;".format(patterns, bash_reply(option["kind"], table, devices))
    for option in filter(takes_value, table["options"]):
        yield "\t*:{}) {}; return ;;".format(option["name"], bash_reply(option["kind"], table, devices))
    yield "\tesac"
    yield '\tcase "$command:$at:$cur" in'
    for command in table["commands"]:
        yield '\t"{}":*:-*) mapfile -t COMPREPLY < <(compgen -W "{}" -- "$cur") ;;'.format(
            command["name"], " ".join(option_words(command["options"] + table["options"])))
        for at, argument in enumerate(command["arguments"]):
            if argument["kind"] != "none":
                yield '\t"{}:{}":*) {} ;;'.format(command["name"], at, bash_reply(argument["kind"], table, devices))
    for first in first_words(table):
        if second_words(table, first):
            yield '\t"{}":*) mapfile -t COMPREPLY < <(compgen -W "{}" -- "$cur") ;;'.format(
                first, " ".join(second_words(table, first)))
    yield '\t:*) mapfile -t COMPREPLY < <(compgen -W "{}" -- "$cur") ;;'.format(
        " ".join(first_words(table) + option_words(table["options"])))
    yield "\tesac"
    yield "}"
    yield "complete -F _dsmilctl dsmilctl"


def quoted(text):
    """For zsh and fish: in single quotes."""
    return "'" + text.replace("'", "'\\''") + "'"


def zsh_action(kind, table, devices):
    found = words(kind, table, devices)
    if found is None:
        return "_files -/" if kind == "directory" else "_files"
    return "(" + " ".join(found) + ")" if found else " "


def zsh_options(options, table, devices):
    for option in options:
        text = option["help"].replace("[", "(").replace("]", ")").replace(":", ";")
        for word in option_words([option]):
            yield quoted("{}[{}]{}".format(word, text, ":{}:{}".format(
                option["value"], zsh_action(option["kind"], table, devices)) if takes_value(option) else ""))


def zsh(table, devices):
    yield "#compdef dsmilctl"
    yield "# SPDX-License-Identifier: Apache-2.0"
    yield "# Generated from tools/dsmilctl/commands.json by tools/dsmilctl/generate.py. Do not edit."
    yield "_dsmilctl() {"
    yield "  local command=$words[2]"
    yield "  case $command in"
    yield "  {}) command=\"$command $words[3]\" ;;".format(
        " | ".join(first for first in first_words(table) if second_words(table, first)))
    yield "  esac"
    yield "  if (( CURRENT == 2 )); then"
    yield "    compadd -- " + " ".join(first_words(table) + option_words(table["options"]))
    yield "    return"
    yield "  fi"
    yield "  case $command in"
    for command in table["commands"]:
        parts = len(command["name"].split())
        yield "  {})".format(quoted(command["name"]))
        if parts == 2:
            yield "    if (( CURRENT == 3 )); then compadd -- {}; return; fi".format(
                " ".join(second_words(table, command["name"].split()[0])))
        yield "    shift {} words; (( CURRENT -= {} ))".format(parts, parts)
        specs = list(zsh_options(command["options"] + table["options"], table, devices))
        specs += [quoted(":{}:{}".format(a["name"], zsh_action(a["kind"], table, devices))) for a in command["arguments"]]
        yield "    _arguments " + " ".join(specs) + " ;;"
    for first in first_words(table):
        if second_words(table, first):
            yield "  {}*) compadd -- {} ;;".format(quoted(first + " "), " ".join(second_words(table, first)))
    yield "  esac"
    yield "}"
    yield '_dsmilctl "$@"'


def fish_values(kind, table, devices):
    found = words(kind, table, devices)
    if found is None:
        return "-r -F"
    return "-x" + (" -a " + quoted(" ".join(found)) if found else "")


def fish_options(options, condition, table, devices):
    for option in options:
        parts = ["complete -c dsmilctl"] + ([condition] if condition else [])
        parts.append("-l " + option["name"].lstrip("-"))
        if option.get("short"):
            parts.append("-s " + option["short"].lstrip("-"))
        if takes_value(option):
            parts.append(fish_values(option["kind"], table, devices))
        parts.append("-d " + quoted(option["help"]))
        yield " ".join(parts)


def fish(table, devices):
    yield "# SPDX-License-Identifier: Apache-2.0"
    yield "# Generated from tools/dsmilctl/commands.json by tools/dsmilctl/generate.py. Do not edit."
    yield "complete -c dsmilctl -f"
    yield from fish_options(table["options"], "", table, devices)
    seen = set()
    for command in table["commands"]:
        first, *rest = command["name"].split()
        if first not in seen:
            seen.add(first)
            summary = command["summary"] if not rest else ", ".join(second_words(table, first))
            yield "complete -c dsmilctl -n __fish_use_subcommand -a {} -d {}".format(first, quoted(summary))
        condition = "-n '__fish_seen_subcommand_from {}'".format(first)
        if rest:
            siblings = " ".join(second_words(table, first))
            yield "complete -c dsmilctl -n '__fish_seen_subcommand_from {}; and not __fish_seen_subcommand_from {}' " \
                  "-a {} -d {}".format(first, siblings, rest[0], quoted(command["summary"]))
            condition = "-n '__fish_seen_subcommand_from {}; and __fish_seen_subcommand_from {}'".format(first, rest[0])
        yield from fish_options(command["options"], condition, table, devices)
        for argument in command["arguments"]:
            if argument["kind"] != "none":
                yield "complete -c dsmilctl {} {}".format(
                    condition, fish_values(argument["kind"], table, devices).replace("-r -F", "-F").replace("-x ", ""))


# ------------------------------------------------------------------ pages --

def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text.startswith((".", "'")) else text


def man(table, _devices):
    program = table["program"]
    yield '.\\" SPDX-License-Identifier: Apache-2.0'
    yield '.\\" Generated from tools/dsmilctl/commands.json by tools/dsmilctl/generate.py. Do not edit.'
    yield '.TH {} 1 "" "dsmil" "User Commands"'.format(program.upper())
    yield ".SH NAME"
    yield "{} \\- {}".format(program, roff(table["summary"]))
    yield ".SH SYNOPSIS"
    yield ".B {}".format(program)
    yield roff("[--json] COMMAND [ARGUMENT...]")
    yield ".SH DESCRIPTION"
    for text in table["description"]:
        yield roff(text)
        yield ".PP"
    yield ".SH OPTIONS"
    yield from man_terms((spelled(option), option["help"]) for option in table["options"])
    yield ".SH COMMANDS"
    for command in table["commands"]:
        yield ".SS {}".format(roff(usage(table, command)[len(program) + 1:]))
        for text in command["description"]:
            yield roff(text)
            yield ".PP"
        yield from man_terms((spelled(option), option["help"]) for option in command["options"])
        for example in command["examples"]:
            yield ".PP"
            yield "Example: {}".format(roff(example["help"]))
            yield ".PP"
            yield ".RS 4"
            yield ".nf"
            yield roff(example["command"])
            yield ".fi"
            yield ".RE"
    yield ".SH EXIT STATUS"
    yield from man_terms(table["exits"].items())
    yield ".SH ENVIRONMENT"
    yield from man_terms((item["name"], item["help"]) for item in table["environment"])
    yield ".SH SEE ALSO"
    yield ".BR dsmild (8)"


def man_terms(rows):
    for term, text in rows:
        yield ".TP"
        yield ".B {}".format(roff(term))
        yield roff(text)


def cell(text):
    return text.replace("|", "\\|")


def markdown(table, _devices):
    yield "<!-- Generated from tools/dsmilctl/commands.json by tools/dsmilctl/generate.py. Do not edit. -->"
    yield "# " + table["program"]
    for text in [table["summary"][0].upper() + table["summary"][1:] + "."] + table["description"]:
        yield ""
        yield text
    yield ""
    yield "| option of every command | |"
    yield "|---|---|"
    for option in table["options"]:
        yield "| `{}` | {} |".format(spelled(option), cell(option["help"]))
    yield ""
    yield "| environment | |"
    yield "|---|---|"
    for item in table["environment"]:
        yield "| `{}` | {} |".format(item["name"], cell(item["help"]))
    yield ""
    yield "| exit code | |"
    yield "|---|---|"
    for code, text in table["exits"].items():
        yield "| {} | {} |".format(code, text)
    for command in table["commands"]:
        yield from markdown_command(table, command)


def markdown_command(table, command):
    yield ""
    yield "## {}".format(command["name"])
    yield ""
    yield "`{}`".format(usage(table, command))
    for text in [command["summary"][0].upper() + command["summary"][1:] + "."] + command["description"]:
        yield ""
        yield text
    rows = [(argument["name"], argument["help"]) for argument in command["arguments"]]
    rows += [(spelled(option), option["help"]) for option in command["options"]]
    if rows:
        yield ""
        yield "| | |"
        yield "|---|---|"
        for left, right in rows:
            yield "| `{}` | {} |".format(left, cell(right))
    yield ""
    yield "```sh"
    for example in command["examples"]:
        yield "{}  # {}".format(example["command"], example["help"])
    yield "```"
    yield ""
    yield "Exit codes: {}. JSON: `{}`.".format(", ".join(map(str, command["exits"])), command["schema"])


FORMATS = {"cpp": cpp, "bash": bash, "zsh": zsh, "fish": fish, "man": man, "markdown": markdown}


def main(arguments):
    if len(arguments) not in (3, 4) or arguments[0] not in FORMATS:
        sys.exit(__doc__)
    with open(arguments[1], encoding="utf-8") as file:
        table = json.load(file)
    devices = []
    if len(arguments) == 4:
        with open(arguments[2], newline="", encoding="utf-8") as file:
            devices = list(csv.DictReader(file))
    lines = list(FORMATS[arguments[0]](table, devices))
    with open(arguments[-1], "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
