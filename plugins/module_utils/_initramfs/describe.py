# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Says what a built initramfs is made of, and in which order it runs what."""

from __future__ import annotations

import stat
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.drivers import Drivers
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.order import (
    HELPER,
    PLAN,
    generator,
    hooks,
    loading_units,
    plan_digest,
    prove_present,
    runs_systemd,
    scripts,
    traces,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.read import (
    LOADER,
    files_of,
    nested_image,
    split,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.systemd import SystemdBoot
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.tree import Tree

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.read import (
        Decompress,
        Entry,
        ImagePart,
    )
    from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.tree import Files

_TYPES = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "link",
    stat.S_IFCHR: "character_device",
    stat.S_IFBLK: "block_device",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
}


def describe(image: bytes, decompress: Decompress, *, list_files: bool) -> dict[str, t.Any]:
    """Return everything about an image that the module C(initramfs_info) returns, except the path."""
    segments = split(image, decompress)
    files = files_of(segments, decompress)
    tree = Tree(files)
    systemd = runs_systemd(tree)
    made_by = generator(files)
    result: dict[str, t.Any] = {
        "segments": _segments(segments, len(image)),
        "nested": _nested(files),
        "generator": made_by or "unknown",
        "systemd": systemd,
        "file_count": len(files),
        "modules": Drivers(tree).modules(),
        "order": {
            "scripts": scripts(tree) if made_by == "initramfs-tools" else None,
            "hooks": hooks(tree) if made_by == "dracut" else None,
            "units": _units(tree) if systemd else None,
        },
        "helper": {
            "present": HELPER in files,
            "plan_digest": plan_digest(tree.data(PLAN)),
            "traces": traces(files),
        },
        "proof": prove_present(files, {}),
    }
    if list_files:
        result["files"] = [_file(name, files[name]) for name in sorted(files)]
    return result


def _segments(segments: list[ImagePart], size: int) -> list[dict[str, t.Any]]:
    ends = [*(segment.offset for segment in segments[1:]), size]
    return [
        {
            "compression": None if segment.kind == "cpio" else segment.kind,
            "offset": segment.offset,
            "size": end - segment.offset,
            "unpacked_size": len(segment.archive),
        }
        for segment, end in zip(segments, ends)
    ]


def _nested(files: Files) -> dict[str, t.Any] | None:
    outer = {name[len(LOADER) :]: files[name] for name in files if name.startswith(LOADER)}
    nested = nested_image(outer)
    if nested is None:
        return None
    kind, image = nested
    return {"path": image.name, "format": kind, "size": len(image.data)}


def _file(name: str, entry: Entry) -> dict[str, t.Any]:
    kind = _TYPES.get(stat.S_IFMT(entry.mode), "unknown")
    return {
        "path": entry.name,
        "layer": "loader" if name.startswith(LOADER) else entry.layer or "initramfs",
        "type": kind,
        "mode": f"{stat.S_IMODE(entry.mode):04o}",
        "size": len(entry.data),
        "target": bytes(entry.data).decode("utf-8", "replace") if kind == "link" else None,
    }


def _units(tree: Tree) -> dict[str, t.Any]:
    boot = SystemdBoot(tree)
    loading = loading_units(boot, Drivers(tree))
    return {
        "start": boot.start,
        "units": [
            {
                "name": unit.name,
                "path": unit.path,
                "pulled_in_by": boot.pulled[unit.name][0] or None
                if unit.name in boot.pulled
                else None,
                "triggered_by": boot.triggered.get(unit.name),
                "after": boot.after(unit.name),
                "loads_drivers": loading.get(unit.name),
            }
            for unit in boot.all_units()
        ],
        "cycles": list(boot.cycles.values()),
    }


__all__ = ("describe",)
