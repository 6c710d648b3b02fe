# SPDX-License-Identifier: Apache-2.0
"""The command line itself: usage errors, help, versions, output."""
import os
import pty
import subprocess
import unittest

from support import BUILD, PROGRAM, SOURCE, TABLE, TIMEOUT_S, TestCase, environment, run

GOLDEN = os.path.join(SOURCE, "tests/cli/golden")
NEEDED = {"ID": "0123456789abcdef", "MACHINE": "laptop-7", "DEVICE": "0x8005", "REGISTER": "STATUS", "VALUE": "1", "FILE": "/nonexistent/file", "LOG": "/nonexistent/log", "REQUEST": "/nonexistent/request", "COMMAND": "list",
          "KEY": "/nonexistent/key", "DRAFT": "/nonexistent/draft", "SIGNATURE": "/nonexistent/signature",
          "RECORD": "0", "BYTES": "8", "LIST": "7", "PCR": "16", "DIGEST": "00" * 32, "INDEX": "0x01801000", "DATA": "00",
          "SEALED": "/nonexistent/sealed", "TEXT": "word"}


def complete(command):
    """A call of the command that is well formed."""
    options = [word for option in command["options"] if option.get("required")
               for word in (option["name"], NEEDED["FILE"])]
    return command["name"].split() + [NEEDED[argument["name"]] for argument in command["arguments"]] + options


class UsageErrors(TestCase):
    def test_an_unknown_command_is_named(self):
        error = self.assert_both(["lst"], 2, "usage")
        self.assertIn("lst", error["detail"])

    def test_a_command_of_audit_is_required(self):
        self.assert_both(["audit"], 2, "usage")
        self.assert_both(["audit", "burn"], 2, "usage")

    def test_unknown_options_are_refused_by_every_command(self):
        for command in TABLE["commands"]:
            with self.subTest(command["name"]):
                self.assert_both(complete(command) + ["--frobnicate"], 2, "usage")

    def test_a_missing_argument_is_refused(self):
        for command in TABLE["commands"]:
            if any(not argument.get("optional") for argument in command["arguments"]):
                with self.subTest(command["name"]):
                    self.assert_both(command["name"].split(), 2, "usage")

    def test_an_argument_too_many_is_refused(self):
        for command in TABLE["commands"]:
            if not any(argument.get("many") for argument in command["arguments"]):
                with self.subTest(command["name"]):
                    self.assert_both(complete(command) + ["more"], 2, "usage")

    def test_an_option_given_twice_is_refused(self):
        self.assert_both(["list", "--risk", "safe", "--risk", "locked"], 2, "usage")

    def test_an_option_without_its_value_is_refused(self):
        self.assert_both(["list", "--risk"], 2, "usage")

    def test_values_out_of_range_are_refused_before_anything_is_opened(self):
        for arguments in (["write", "5", "CONFIG", "0x100000000"], ["write", "5", "CONFIG", "4294967296"],
                          ["write", "5", "CONFIG", "one"], ["write", "5", "CONFIG", ""],
                          ["list", "--layer", "1"], ["list", "--layer", "10"], ["list", "--group", "9"],
                          ["list", "--risk", "high"], ["events", "--count", "-1"], ["events", "--count", "x"],
                          ["audit", "tail", "-n", "1000001"], ["attest", "--nonce", "00"],
                          ["attest", "--nonce", "0g" * 16], ["attest", "--nonce", "00" * 33],
                          ["verify", "policy-digest", "/x", "--hash", "crc"], ["attest", "--pcrs", "24"], ["attest", "--pcrs", "1,1"], ["attest", "--pcrs", ""]):
            with self.subTest(arguments):
                self.assert_both(arguments, 2, "usage")

    def test_unknown_devices_and_registers_are_not_found(self):
        self.assert_both(["show", "108"], 3, "device_unknown")
        self.assert_both(["read", "0x806C", "STATUS"], 3, "device_unknown")
        self.assert_both(["read", "0x8009", "FLAGS"], 3, "register_unknown")
        self.assert_both(["write", "nobody", "CONFIG", "1"], 3, "device_unknown")

    def test_a_socket_path_that_no_socket_can_have_is_refused(self):
        self.assert_both(["audit", "key", "--socket", "/" + "x" * 200], 2, "usage")


class Help(TestCase):
    def test_without_arguments_there_is_help(self):
        result = run()
        self.assertEqual((result.code, result.err), (0, ""))
        self.assertEqual(result.out, run("--help").out)
        self.assertEqual(result.out, run("help").out)

    def test_help_of_a_first_word_lists_what_begins_with_it(self):
        self.assertEqual([line.split()[:2] for line in run("help", "audit").out.splitlines()],
                         [name.split() for name in (command["name"] for command in TABLE["commands"])
                          if name.startswith("audit ")])

    def test_help_of_an_unknown_command_is_a_usage_error(self):
        self.assert_both(["help", "lst"], 2, "usage")

    def test_help_works_without_the_arguments_that_the_command_needs(self):
        for command in TABLE["commands"]:
            with self.subTest(command["name"]):
                self.assertEqual(run(*command["name"].split(), "--help").out,
                                 run("help", *command["name"].split()).out)

    def test_the_help_texts_are_the_golden_ones(self):
        for command in [{"name": ""}] + TABLE["commands"]:
            path = os.path.join(GOLDEN, (command["name"].replace(" ", "-") or "overview") + ".txt")
            text = run("help", *command["name"].split()).out
            if os.environ.get("DSMIL_UPDATE_GOLDEN"):
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
            with self.subTest(command["name"]), open(path, encoding="utf-8") as file:
                self.assertEqual(text, file.read(), "DSMIL_UPDATE_GOLDEN=1 writes the new text")

    def test_help_fits_a_terminal_of_80_columns(self):
        for command in [{"name": ""}] + TABLE["commands"]:
            usage, *rest = run("help", *command["name"].split()).out.splitlines()
            del usage  # One line to copy.
            commands = [example["command"] for example in command.get("examples", [])]
            for line in rest:
                self.assertTrue(len(line) <= 80 or line.strip() in commands, line)

    def test_the_version_is_that_of_the_release(self):
        with open(os.path.join(SOURCE, "VERSION"), encoding="utf-8") as file:
            version = file.read().strip()
        self.assertEqual(run("--version").out, "dsmilctl {}\n".format(version))
        self.assertEqual(run("--version", "--json").json()["version"], version)

    def test_help_as_json_lists_every_command(self):
        names = [command["name"] for command in run("help", "--json").json()["commands"]]
        self.assertEqual(names, [command["name"] for command in TABLE["commands"]])


class Json(TestCase):
    def test_every_command_answers_in_a_known_schema_without_module_and_daemon(self):
        for command in TABLE["commands"]:
            with self.subTest(command["name"]):
                result = run("--json", *complete(command))
                document = result.json()
                self.assertEqual(result.err, "")
                self.assertIn(result.code, command["exits"])
                self.assertIn(document["schema"], ("dsmil.error/1", command["schema"]))

    def test_the_option_may_stand_before_and_after_the_command(self):
        self.assertEqual(run("--json", "list").out, run("list", "--json").out)
        self.assertEqual(run("--json", "audit", "key").out, run("audit", "key", "--json").out)

    def test_every_command_has_its_schema(self):
        for command in TABLE["commands"]:
            name = command["schema"].removeprefix("dsmil.").removesuffix("/1")
            self.assertTrue(os.path.exists(os.path.join(SOURCE, "tools/dsmilctl/schemas", name + ".json")), name)


class Output(TestCase):
    def test_a_full_disk_is_noticed(self):
        with open("/dev/full", "wb") as full:
            result = run("help", stdout=full)
        self.assertEqual(result.code, 1)
        self.assertIn("No space left on device", result.err)

    def test_a_closed_output_is_noticed(self):
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "wb") as closed:
            result = run("help", stdout=closed)
        self.assertEqual(result.code, 1)
        self.assertIn("Broken pipe", result.err)

    def test_the_exit_code_of_an_error_survives_a_full_disk(self):
        with open("/dev/full", "wb") as full:
            self.assertEqual(run("list", "--json", stdout=full).code, 5)

    def test_a_terminal_gets_no_colours_when_there_is_nothing_to_colour(self):
        master, terminal = pty.openpty()
        with os.fdopen(master, "rb", buffering=0) as screen:
            subprocess.run([PROGRAM, "help", "list"], stdin=subprocess.DEVNULL, stdout=terminal,
                           stderr=subprocess.DEVNULL, env=environment(), timeout=TIMEOUT_S, check=True)
            os.close(terminal)
            self.assertNotIn(b"\x1b", screen.read(65536))


class WithoutModule(TestCase):
    def test_device_commands_say_that_the_module_is_missing(self):
        for arguments in (["info"], ["list"], ["show", "9"], ["status"], ["read", "9", "STATUS"],
                          ["write", "9", "CONFIG", "1"]):
            with self.subTest(arguments):
                error = self.assert_both(arguments, 5, "module_missing")
                self.assertIn("/nonexistent/dsmil", error["detail"])

    def test_something_else_in_place_of_the_nodes_is_a_mismatch(self):
        with open(self.path("ctl"), "wb"):
            self.assert_both(["list"], 5, "abi_mismatch", DSMIL_NODES=self.folder)

    def test_events_say_that_the_module_is_missing(self):
        if os.path.exists("/sys/module/dsmil"):
            self.skipTest("this machine has the module")
        self.assert_both(["events"], 5, "module_missing")

    def test_the_doctor_finds_what_is_missing_and_says_what_mends_it(self):
        result = run("doctor", "--json")
        self.assertEqual(result.code, 5)
        report = result.json()
        self.assertFalse(report["healthy"])
        for check in report["checks"]:
            self.assertEqual(check["remedy"] == "", check["state"] == "ok", check)
        failed = [check["name"] for check in report["checks"] if check["state"] == "fail"]
        self.assertIn("device-nodes", failed)
        self.assertIn("daemon", failed)

    def test_the_doctor_prints_the_same_facts_as_text(self):
        names = [check["name"] for check in run("doctor", "--json").json()["checks"]]
        printed = [line.split()[1] for line in run("doctor").out.splitlines() if "remedy:" not in line]
        self.assertEqual(printed, names)


class Pages(TestCase):
    def regenerated(self, kind):
        path = self.path("made")
        subprocess.run(["python3", os.path.join(SOURCE, "tools/dsmilctl/generate.py"), kind,
                        os.path.join(SOURCE, "tools/dsmilctl/commands.json"),
                        os.path.join(SOURCE, "tools/catalog/devices.csv"), path], check=True)
        with open(path, encoding="utf-8") as file:
            return file.read()

    def test_the_reference_regenerates_to_the_same_bytes(self):
        with open(os.path.join(SOURCE, "docs/reference/dsmilctl.md"), encoding="utf-8") as file:
            self.assertEqual(self.regenerated("markdown"), file.read())

    def test_the_man_page_renders_without_warnings(self):
        page = os.path.join(BUILD, "tools/dsmilctl/dsmilctl.1")
        done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page], capture_output=True,
                              env={**environment(), "MANROFFSEQ": "", "LC_ALL": "C.UTF-8"}, check=True)
        self.assertEqual(done.stderr.decode(), "")

    def complete_in_bash(self, *words):
        page = os.path.join(BUILD, "tools/dsmilctl/dsmilctl.bash")
        script = 'set -u; source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _dsmilctl; ' \
                 'printf "%s\\n" "${COMPREPLY[@]}"'
        done = subprocess.run(["bash", "-c", script, "_", page, "dsmilctl", *words], capture_output=True, check=True)
        self.assertEqual(done.stderr.decode(), "")
        return done.stdout.decode().split()

    def test_bash_completes_commands_options_and_values(self):
        self.assertEqual(self.complete_in_bash("sh"), ["show"])
        self.assertEqual(self.complete_in_bash("audit", "v"), ["verify"])
        self.assertEqual(self.complete_in_bash("--socket", "/x", "audit", "exp"), ["export"])
        self.assertEqual(self.complete_in_bash("list", "--ri"), ["--risk"])
        self.assertEqual(self.complete_in_bash("list", "--risk", "q"), ["quarantined"])
        self.assertEqual(self.complete_in_bash("show", "data-d"), ["data-destruction"])
        self.assertEqual(self.complete_in_bash("read", "9", "C"), ["CONFIG"])
        self.assertEqual(self.complete_in_bash("write", "9", "CONFIG", ""), [])

    def test_the_bash_completion_is_clean_shell(self):
        page = os.path.join(BUILD, "tools/dsmilctl/dsmilctl.bash")
        done = subprocess.run(["shellcheck", "-s", "bash", page], capture_output=True, check=False)
        self.assertEqual((done.returncode, done.stdout.decode()), (0, ""))

    def test_the_example_of_the_library_page_is_the_one_that_is_compiled(self):
        with open(os.path.join(SOURCE, "tests/lib/example.cpp"), encoding="utf-8") as file:
            example = file.read()
        with open(os.path.join(SOURCE, "docs/library.md"), encoding="utf-8") as file:
            self.assertIn("```cpp\n" + example + "```", file.read())


if __name__ == "__main__":
    unittest.main()
