# SPDX-License-Identifier: Apache-2.0
"""Races that are put into the modules on purpose: KCSAN must report each, or its silence
about the modules as they are would say nothing. Each was seen reported before it came here."""

import dataclasses
import os
import re
import subprocess

import module_source

# With two functions, or with one and what was not seen.
TITLE = re.compile(r"BUG: KCSAN: [a-z: -]+ in (.*)")


@dataclasses.dataclass(frozen=True)
class Race:
    """The words of a source file that go and what comes, and which functions' names in the
    title of a report tell that it is this one."""

    what: str
    file: str
    changes: tuple
    title: str

    def is_reported(self, log):
        """The title of a report of it in the log, or nothing."""
        return next((title for title in titles(log) if re.search(self.title, title)), "")


RACES = (
    Race("a counter that is written and read without a mark", "kernel/core/audit.c",
         (("smp_store_release(&head, head + count);", "head += count;"),
          ("return smp_load_acquire(&head);", "return head;")), r"dsmil_audit_head"),
)


def build(race, kernel, place):
    """The folder of the modules with the race."""
    source = place / "source"
    module_source.copy(source)
    file = source / race.file
    text = file.read_text(encoding="utf-8")
    for words, others in race.changes:
        if text.count(words) != 1:
            raise SystemExit(f"{race.file} has these words {text.count(words)} times, not once: {words}")
        text = text.replace(words, others)
    file.write_text(text, encoding="utf-8")
    subprocess.run([source / "tools/kbuild", kernel, place / "modules"], check=True, stdout=subprocess.DEVNULL,
                   env=dict(os.environ, ARCH="x86", DSMIL_TESTKERNEL="1"))
    return place / "modules" / "kernel"


def titles(log):
    """The functions that KCSAN's reports in the log are about."""
    return TITLE.findall(log.read_text(encoding="utf-8", errors="replace").replace("\r", ""))
