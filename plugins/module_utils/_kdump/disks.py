# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The PCI functions that a dump is written through."""

from __future__ import annotations

import re
import typing as t
from pathlib import PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._pci.address import is_address
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    inside,
    names,
    read_text,
    resolve,
)

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# /proc/self/mountinfo writes blanks and backslashes of a path as octal numbers (fs/proc_namespace.c).
_OCTAL = re.compile(r"\\([0-7]{3})")


def dump_functions(root: Path, directory: PurePosixPath) -> list[str] | None:
    """Return the functions below which the disks of a directory's file system are, sorted.

    None when that cannot be told: a file system without a block device of its own, a captured tree
    without /proc/self/mountinfo, an NVMe disk that is a multipath device.
    """
    device = device_of(root, directory)
    if device is None:
        return None
    on_the_way = [_functions(disk) for disk in _disks(root, device)]
    # A part of the answer would be taken for all of it.
    return (
        sorted({functions[-1] for functions in on_the_way})
        if on_the_way and all(on_the_way)
        else None
    )


def device_of(root: Path, directory: PurePosixPath) -> PurePosixPath | None:
    """Return the sysfs directory of the block device that is mounted above a directory.

    A line of /proc/self/mountinfo, proc(5); the last mount of a place hides earlier ones:
    C(26 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,errors=remount-ro)
    """
    best: tuple[int, str, str] | None = None
    for line in (read_text(root / "proc/self/mountinfo") or "").splitlines():
        mount, _dash, device = line.partition(" - ")
        fields, words = mount.split(), device.split()
        if len(fields) < 5 or len(words) < 2:
            continue
        place = PurePosixPath(_OCTAL.sub(lambda match: chr(int(match[1], 8)), fields[4]))
        if place == directory or place in directory.parents:
            depth = len(place.parts)
            if best is None or depth >= best[0]:
                best = (depth, fields[2], words[1])
    if best is None:
        return None
    _depth, number, source = best
    # Btrfs and others have a number of their own, which is no block device's: then the source is.
    return resolve(root, PurePosixPath("/sys/dev/block") / number) or (
        resolve(root, PurePosixPath("/sys/class/block") / PurePosixPath(source).name)
        if source.startswith("/dev/")
        else None
    )


def _disks(root: Path, device: PurePosixPath) -> Iterator[PurePosixPath]:
    """Yield the devices at the bottom of a stack of block devices: device mapper and md stack devices on devices."""
    todo, seen = [device], {device}
    while todo:
        here = todo.pop()
        slaves = [
            resolve(root, here / "slaves" / name) for name in names(inside(root, here / "slaves"))
        ]
        if not slaves:
            yield here
        for slave in slaves:
            if slave is not None and slave not in seen:
                seen.add(slave)
                todo.append(slave)


def _functions(device: PurePosixPath) -> list[str]:
    """Return the functions on the way to a device, the one it hangs on last."""
    return [part for part in device.parts if is_address(part)]


__all__ = ("device_of", "dump_functions")
