# SPDX-License-Identifier: Apache-2.0
"""The checks of the ABI's description find what they are for."""
import copy
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "abi"))

import generate  # noqa: E402
import header_match  # noqa: E402
import model as description  # noqa: E402
import render_tests  # noqa: E402
import versions  # noqa: E402

HEADER = (ROOT / generate.HEADER).read_text(encoding="utf-8")
MODEL = description.load()


def changed(edit):
    """The description after an edit of its two documents."""
    abi, netlink = copy.deepcopy(MODEL.abi), copy.deepcopy(MODEL.netlink)
    edit(abi, netlink)
    return description.Model(abi, netlink)


def struct(abi, name):
    return next(item for item in abi["structs"] if item["name"] == name)["fields"]


def constant(abi, name):
    return next(item for item in abi["constants"] if item["name"] == name)


def command(abi, name):
    return next(item for item in abi["commands"] if item["name"] == name)


class Layout(unittest.TestCase):
    def test_a_hole_is_refused(self):
        for name in ("reg_read", "event"):
            with self.assertRaisesRegex(description.DescriptionError, "hole"):
                changed(lambda abi, _, name=name: struct(abi, name).insert(1, {"name": "odd", "type": "u8"}))

    def test_a_hole_at_the_end_is_refused(self):
        with self.assertRaisesRegex(description.DescriptionError, "hole of 4 bytes at its end"):
            changed(lambda abi, _: struct(abi, "reg_read").append({"name": "more", "type": "u32"}))

    def test_what_only_i386_would_place_elsewhere_is_refused(self):
        # There a 64-bit integer is aligned to four: it would be at 4, and at 8 on x86-64.
        with self.assertRaisesRegex(description.DescriptionError, "hole of 4 bytes before"):
            changed(lambda abi, _: struct(abi, "grant_key_seal").insert(1, {"name": "wide", "type": "u64"}))

    def test_a_field_is_appended_and_not_put_between(self):
        with self.assertRaisesRegex(description.DescriptionError, "appended"):
            changed(lambda abi, _: struct(abi, "device_list")[1].update(since=2))

    def test_the_first_layout_ends_where_the_first_new_field_begins(self):
        self.assertEqual((MODEL.first_size("info"), MODEL.struct_layout("info")[1]), (168, 208))
        self.assertEqual(MODEL.first_size("grant_key_add"), 136)


class Header(unittest.TestCase):
    def differs(self, old, new):
        self.assertIn(old, HEADER)
        return list(header_match.differences(MODEL, HEADER.replace(old, new, 1)))

    def test_the_header_is_as_described(self):
        self.assertEqual(list(header_match.differences(MODEL, HEADER)), [])

    def test_the_description_lacks_something_of_the_header(self):
        self.assertTrue(self.differs("#define DSMIL_IOC_MAGIC 0xD5",
                                     "#define DSMIL_IOC_MAGIC 0xD5\n#define DSMIL_IOC_NEW "
                                     "_IOWR(DSMIL_IOC_MAGIC, 0x42, struct dsmil_info)"))
        self.assertTrue(self.differs("\t__u64 up_to;", "\t__u64 up_to;\n\t__u64 more;"))
        self.assertTrue(self.differs("DSMIL_REASON_READ_ONLY = 24,", "DSMIL_REASON_READ_ONLY = 24,\n\tDSMIL_REASON_X = 25,"))
        self.assertTrue(self.differs("#define DSMIL_BATCH_MAX 4096", "#define DSMIL_BATCH_MAX 4096\n#define DSMIL_X 1"))

    def test_the_header_lacks_something_of_the_description(self):
        self.assertTrue(self.differs("\t__u64 up_to;", ""))
        self.assertTrue(self.differs("#define DSMIL_IOC_REG_READ _IOWR(DSMIL_IOC_MAGIC, 0x10, struct dsmil_reg_read)", ""))
        self.assertTrue(self.differs("\tDSMIL_REASON_LOCKED = 4,", "\t"))

    def test_they_name_other_values(self):
        self.assertTrue(self.differs("DSMIL_BATCH_MAX 4096", "DSMIL_BATCH_MAX 4095"))
        self.assertTrue(self.differs("\t__u64 up_to;", "\t__u32 up_to;"))
        self.assertTrue(self.differs("DSMIL_RISK_LOCKED = 3", "DSMIL_RISK_LOCKED = 5"))
        self.assertTrue(self.differs("_IOWR(DSMIL_IOC_MAGIC, 0x10", "_IOW(DSMIL_IOC_MAGIC, 0x10"))
        self.assertTrue(self.differs("__u8 raw[80]", "__u8 raw[81]"))


# The first version that is not kept yet.
NEXT = constant(MODEL.abi, "API_VERSION")["value"] + 1


class Gate(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        for path in versions.HERE.iterdir():
            shutil.copy(path, self.folder)

    def problems(self, edit):
        return "\n".join(versions.problems(changed(edit), self.folder))

    def test_what_did_not_change_passes(self):
        self.assertEqual(self.problems(lambda abi, netlink: None), "")

    def test_a_changed_layout_needs_a_new_version(self):
        said = self.problems(lambda abi, _: struct(abi, "ring_advance").append({"name": "more", "type": "u64"}))
        self.assertIn("count DSMIL_API_VERSION on", said)

    def test_a_new_command_needs_a_new_version(self):
        said = self.problems(lambda abi, _: abi["commands"].append(
            {**command(abi, "INFO"), "name": "NEW", "number": 0x42}))
        self.assertIn("+ command NEW", said)

    def test_a_new_netlink_attribute_needs_a_new_version(self):
        said = self.problems(lambda _, netlink: netlink["attribute-sets"][0]["attributes"].append(
            {"name": "more", "type": "u32"}))
        self.assertIn("count DSMIL_API_VERSION on", said)

    def test_a_changed_event_needs_a_new_schema_version(self):
        said = self.problems(lambda abi, _: struct(abi, "event").append({"name": "more", "type": "u64", "since": 2}))
        self.assertIn("count DSMIL_EVENT_SCHEMA_VERSION on", said)
        self.assertNotIn("count DSMIL_API_VERSION on", said)

    def test_a_new_version_must_be_kept_and_then_passes(self):
        def edit(abi, _):
            constant(abi, "API_VERSION")["value"] = NEXT
            struct(abi, "ring_advance").append({"name": "more", "type": "u64", "since": NEXT})

        self.assertIn(f"api-{NEXT}.txt is missing", self.problems(edit))
        self.assertEqual([path.name for path in versions.keep(changed(edit), self.folder)], [f"api-{NEXT}.txt"])
        self.assertEqual(self.problems(edit), "")

    def test_a_kept_version_is_never_written_again(self):
        before = (self.folder / "api-2.txt").read_bytes()
        edited = changed(lambda abi, _: struct(abi, "ring_advance").append({"name": "more", "type": "u64"}))
        self.assertEqual(list(versions.keep(edited, self.folder)), [])
        self.assertEqual((self.folder / "api-2.txt").read_bytes(), before)

    def test_a_version_that_breaks_an_older_caller_does_not_pass(self):
        def edit(abi, _):
            constant(abi, "API_VERSION")["value"] = NEXT
            struct(abi, "reg_read")[1]["type"] = "s32"

        list(versions.keep(changed(edit), self.folder))
        said = self.problems(edit)
        self.assertIn(f"version {NEXT} breaks callers of api version 1: field reg_read.reg", said)

    def test_an_old_version_may_not_be_thrown_away(self):
        (self.folder / "api-1.txt").unlink()
        self.assertIn("api-1.txt is missing", self.problems(lambda abi, netlink: None))


class Generated(unittest.TestCase):
    def test_what_is_kept_is_what_the_description_makes(self):
        self.assertEqual(list(generate.stale(MODEL)), [])

    def test_a_changed_description_makes_the_kept_files_stale(self):
        edited = changed(lambda abi, netlink: netlink["operations"][1].update(value=99))
        self.assertEqual(len(list(generate.stale(edited))), 4)  # all but the kernel's prototypes

    def test_two_netlink_operations_never_share_a_number(self):
        with self.assertRaises(description.DescriptionError):
            changed(lambda abi, netlink: netlink["operations"][1].update(value=1))


class Coverage(unittest.TestCase):
    def test_a_command_that_no_test_can_make_is_refused(self):
        with self.assertRaisesRegex(description.DescriptionError, "no test covers it"):
            changed(lambda abi, _: command(abi, "REG_READ").pop("accept"))

    def test_every_command_is_in_the_table_of_cases(self):
        text = generate.text_of(render_tests.commands, MODEL)
        for entry in MODEL.commands:
            self.assertEqual(text.count(f'{{ "{entry["name"]}", DSMIL_IOC_{entry["name"]},'), 1)

    def test_every_field_that_must_be_zero_has_a_case(self):
        text = generate.text_of(render_tests.commands, MODEL)
        for entry in MODEL.commands:
            wanted = [field["name"] for field in MODEL.structs[entry["struct"]]["fields"] if field.get("zero")]
            table = text.split(f"dirt_{entry['name'].lower()}[] = {{")[1].split("};")[0]
            for name in wanted:
                self.assertIn(f'"{name} that is not zero"', table)

    def test_a_command_that_did_not_run_is_noticed(self):
        lines = [f"ok 1 - commands: {name}" for name in render_tests.case_names(MODEL)]
        self.assertEqual(render_tests.uncovered(MODEL, lines), [])
        for index in (0, len(lines) // 2, len(lines) - 1):
            self.assertEqual(len(render_tests.uncovered(MODEL, lines[:index] + lines[index + 1:])), 1)
            skipped = [*lines[:index], f"{lines[index]} # SKIP why", *lines[index + 1:]]
            self.assertEqual(len(render_tests.uncovered(MODEL, skipped)), 1)
        grown = changed(lambda abi, _: abi["commands"].append(
            {**command(abi, "INFO"), "name": "NEW", "number": 0x42}))
        self.assertTrue(any("NEW" in line for line in render_tests.uncovered(grown, lines)))


if __name__ == "__main__":
    unittest.main()
