# SPDX-License-Identifier: Apache-2.0
"""An uncompressed newc archive, made without root: devices are only names in it.
The same tree always gives the same bytes."""

import stat


class Tree:
    """The files of an archive by path, without a leading slash."""

    def __init__(self):
        self._entries = {}

    def __contains__(self, path):
        return path in self._entries

    def _add(self, path, mode, data=b"", device=(0, 0), owner=(0, 0)):
        path = path.strip("/")
        parent = path.rpartition("/")[0]
        if parent and parent not in self._entries:
            self.directory(parent)
        self._entries[path] = (mode, data, device, owner)

    def directory(self, path, mode=0o755, owner=(0, 0)):
        self._add(path, stat.S_IFDIR | mode, owner=owner)

    def file(self, path, data, mode=0o644):
        self._add(path, stat.S_IFREG | mode, data)

    def link(self, path, target):
        self._add(path, stat.S_IFLNK | 0o777, target.encode())

    def character_device(self, path, major, minor, mode=0o600):
        self._add(path, stat.S_IFCHR | mode, device=(major, minor))

    def archive(self):
        chunks = []
        for number, path in enumerate(sorted(self._entries), start=1):
            chunks += _entry(number, path, *self._entries[path])
        chunks += _entry(0, "TRAILER!!!", 0, b"", (0, 0), (0, 0))
        return b"".join(chunks)


def _padding(length):
    return b"\0" * (-length % 4)


def _entry(number, path, mode, data, device, owner):
    name = path.encode() + b"\0"
    # inode, mode, uid, gid, links, mtime, size, device (major, minor), special
    # device (major, minor), length of the name, checksum (unused in newc).
    fields = (number, mode, *owner, 1, 0, len(data), 0, 0, *device, len(name), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return [header, name, _padding(len(header) + len(name)), data, _padding(len(data))]
