# SPDX-License-Identifier: Apache-2.0
"""The kernel's own netlink client, from the sources that Debian ships: nothing of it is in
this project."""

import json
import subprocess
import tempfile
from pathlib import Path

import guest
from errors import EXIT_UNAVAILABLE, LabError

SOURCES = Path("/usr/src")
CLIENT = ("tools/net/ynl/cli.py", "tools/net/ynl/lib/__init__.py", "tools/net/ynl/lib/nlspec.py",
          "tools/net/ynl/lib/ynl.py")
SCHEMA = "Documentation/netlink/genetlink.yaml"
# What the client imports, for guest.python_archive().
IMPORTS = ("argparse", "collections", "enum", "functools", "importlib", "ipaddress", "json", "os", "pprint",
           "random", "socket", "string", "struct", "time", "uuid", "yaml")


def _extract():
    """{path: text} of the client and the schema. The archive is read once and cached: it
    takes a quarter of a minute."""
    archives = sorted(SOURCES.glob("linux-source-*.tar.xz"))
    if not archives:
        raise LabError(f"{SOURCES} has no linux-source archive; run the lab inside the build root (tools/devroot)",
                       EXIT_UNAVAILABLE)
    archive = archives[-1]
    wanted = [*CLIENT, SCHEMA]

    def make():
        top = archive.name.removesuffix(".tar.xz")
        with tempfile.TemporaryDirectory() as directory:
            subprocess.run(["tar", "-xJf", archive, "-C", directory, *(f"{top}/{name}" for name in wanted)],
                           check=True)
            texts = {name: (Path(directory) / top / name).read_text(encoding="utf-8") for name in wanted}
        return json.dumps(texts).encode()

    return json.loads(guest.cached("ynl", [archive, Path(__file__)], make).read_text(encoding="utf-8"))


def client_files(place):
    """{guest path: (bytes, mode)} of the client, its command line at PLACE/cli.py."""
    texts = _extract()
    return {f"{place}/{name.removeprefix('tools/net/ynl/')}": (texts[name].encode(), 0o644) for name in CLIENT}


def schema():
    """The text of the schema that every specification of generic netlink keeps to."""
    return _extract()[SCHEMA]
