# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What is mounted, what should be, and which of it may hang when it is looked at."""

from __future__ import annotations

import re
import typing as t
from pathlib import PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    inside,
    names,
    read_text,
    resolve,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Iterable
    from pathlib import Path

# proc(5), fstab(5): blanks and backslashes of a path are octal numbers.
_OCTAL = re.compile(r"\\([0-7]{3})")

# Where udev has links by what a device has in it.
_BY = {
    "UUID": "by-uuid",
    "LABEL": "by-label",
    "PARTUUID": "by-partuuid",
    "PARTLABEL": "by-partlabel",
}

# A server that does not answer makes everything below them wait.
# What fstab(5) calls a device by.
DEVICE_NAMES = tuple(f"{name}=" for name in _BY)

_REMOTE = re.compile(
    r"nfs4?|cifs|smb3|ceph|9p|afs|ocfs2|gfs2|lustre|fuse\.(sshfs|glusterfs|ceph|s3fs)"
)


class Mount(t.NamedTuple):
    """Something that is mounted, or of which fstab says that it should be."""

    place: PurePosixPath
    device: str
    type: str
    options: tuple[str, ...]
    number: str | None = None  # of the block device: C(254:0)

    @property
    def remote(self) -> bool:
        return _REMOTE.fullmatch(self.type) is not None

    @property
    def read_only(self) -> bool:
        return "ro" in self.options


def mounted(root: Path) -> list[Mount] | None:
    """Return what is mounted, a later mount of a place last; None when it is not known.

    A line of /proc/self/mountinfo, proc(5), of which the options of the mount and of the file system count:
    C(26 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,errors=remount-ro)
    """
    text = read_text(root / "proc/self/mountinfo")
    if text is None:
        return None
    found = []
    for line in text.splitlines():
        mount, _dash, file_system = line.partition(" - ")
        fields, words = mount.split(), file_system.split()
        if len(fields) > 5 and len(words) > 2:
            options = (*fields[5].split(","), *words[2].split(","))
            found.append(
                Mount(_path(fields[4]), _unescaped(words[1]), words[0], options, fields[2])
            )
    return found


def listed(root: Path) -> list[Mount] | None:
    """Return what /etc/fstab lists, whether it is mounted at boot or not; None when it is not known."""
    text = read_text(root / "etc/fstab")
    if text is None:
        return None
    lines = [line.split() for line in text.splitlines() if not line.lstrip().startswith("#")]
    return [
        Mount(_path(words[1]), _unescaped(words[0]), words[2], tuple(words[3].split(",")))
        for words in lines
        if len(words) > 3 and words[1].startswith("/")
    ]


def wanted(root: Path) -> list[Mount] | None:
    """Return what /etc/fstab says is mounted at boot; None when it is not known."""
    entries = listed(root)
    return (
        None
        if entries is None
        else [
            entry for entry in entries if not {"noauto", "x-systemd.automount"} & set(entry.options)
        ]
    )


def same_device(root: Path, first: Mount, source: str) -> bool | None:
    """Say whether a file system is that of a source such as C(/dev/vg/lv) or C(UUID=...); None when that is not known.

    Device mapper, multipath and udev have several names for one device: its number decides.
    """
    if first.device == source:
        return True
    numbers = [first.number or _number(root, first.device), _number(root, source)]
    return None if None in numbers else numbers[0] == numbers[1]


def block_of(root: Path, source: str) -> PurePosixPath | None:
    """Return the sysfs directory of a source such as C(/dev/vg/lv) or C(UUID=...); None when that is not known."""
    number = _number(root, source)
    return None if number is None else resolve(root, PurePosixPath("/sys/dev/block") / number)


def _number(root: Path, source: str) -> str | None:
    """Return the number of a block device by its name, a link that udev made, or what fstab(5) calls it."""
    name, equals, value = source.partition("=")
    path = f"/dev/disk/{_BY[name]}/{value}" if equals and name in _BY else source
    if not path.startswith("/dev/"):
        return None
    device = resolve(root, PurePosixPath(path))
    return (
        None if device is None else read_text(inside(root, f"/sys/class/block/{device.name}/dev"))
    )


def mount_of(mounts: Iterable[Mount], directory: PurePosixPath) -> Mount | None:
    """Return what is mounted above a directory."""
    best: Mount | None = None
    for mount in mounts:
        above = mount.place == directory or mount.place in directory.parents
        if above and (best is None or len(mount.place.parts) >= len(best.place.parts)):
            best = mount
    return best


def encrypted_devices(root: Path, device: PurePosixPath) -> list[str]:
    """Return the names of the LUKS devices that a block device of sysfs lies on.

    drivers/md/dm-sysfs.c: cryptsetup gives its devices the uuid C(CRYPT-LUKS2-<uuid>-<name>).
    """
    found, todo, seen = [], [device], {device}
    while todo:
        here = todo.pop()
        uuid = read_text(inside(root, here / "dm/uuid")) or ""
        if uuid.startswith("CRYPT-LUKS"):
            found.append(read_text(inside(root, here / "dm/name")) or here.name)
        for name in names(inside(root, here / "slaves")):
            slave = resolve(root, here / "slaves" / name)
            if slave is not None and slave not in seen:
                seen.add(slave)
                todo.append(slave)
    return found


def _path(text: str) -> PurePosixPath:
    return PurePosixPath(_unescaped(text))


def _unescaped(text: str) -> str:
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), text)


__all__ = (
    "DEVICE_NAMES",
    "Mount",
    "block_of",
    "encrypted_devices",
    "listed",
    "mount_of",
    "mounted",
    "same_device",
    "wanted",
)
