# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Dumps and their side files, in the layouts of those who write them.

The families state their names in C(_kdump/families/*/traces.py).

A dump that makedumpfile --split wrote has a number at the end of its name, dump.1 or vmcore1; all of
them in one directory are one dump. Files with other names are never taken for dumps.
"""

from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.registry import traces
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import read_bytes

if t.TYPE_CHECKING:
    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.traces import Layout

# What else lies beside a dump: the report of the reset helper and what it stores with it, and the families' files.
_OTHERS = {
    "pcie_reset": "pcie-reset.json",
    "capture": "capture.json",
    "capture_dmesg": "capture-dmesg.txt",
    **{file.key: file.name for each in traces() for file in each.side_files},
}
# Those of them that hold JSON: what the reset helper did, and when what happened.
_REPORTS = ("pcie_reset", "capture")
# A port takes 300 bytes of a report, and each function below it 150 more.
_REPORT_BYTES = 8 << 20


class Dump(t.NamedTuple):
    """A file that by its place and name is a dump, whatever is in it."""

    path: Path
    changed: float  # when it or its directory last changed, seconds since the epoch


def find(directory: Path) -> list[Dump]:
    """The dumps below a dump directory, or in the directory of one crash; the newest is last.

    Raise KdumpError if the directory cannot be read.
    """
    try:
        candidates = [directory, *(entry for entry in directory.iterdir() if entry.is_dir())]
        dumps = [dump for candidate in candidates for dump in _dumps_in(candidate)]
        return sorted(dumps, key=lambda dump: (dump.path.stat().st_mtime, dump.path))
    except OSError as exc:
        raise KdumpError(f"{exc.filename} cannot be searched for dumps: {exc.strerror}.") from exc


def dumps_at(path: Path, since: float | None = None) -> list[Path]:
    """The dumps in a directory that changed since then, the newest last; or the one file.

    Raise KdumpError if the path does not exist or cannot be read.
    """
    try:
        is_directory = path.is_dir()
        path.stat()
    except OSError as exc:
        raise KdumpError(f"{path} cannot be read: {exc.strerror}.") from exc
    if not is_directory:
        return [path]
    return [dump.path for dump in find(path) if since is None or dump.changed >= since]


def side_files(dump: Path) -> dict[str, str | None]:
    """The paths of what lies beside a dump, None for what does not."""
    names = {"dmesg": _dmesg_names(dump), **{key: [name] for key, name in _OTHERS.items()}}
    return {
        key: next(
            (str(dump.parent / name) for name in some if (dump.parent / name).is_file()), None
        )
        for key, some in names.items()
    }


def side_reports(files: t.Mapping[str, str | None]) -> dict[str, dict[str, t.Any] | None]:
    """The content of the reports of side_files(), None for one that is not there or was cut by the reboot."""
    return {key: _report(files.get(key)) for key in _REPORTS}


def _report(path: str | None) -> dict[str, t.Any] | None:
    content = read_bytes(path, _REPORT_BYTES + 1) if path else None
    if content is None or len(content) > _REPORT_BYTES:
        return None
    try:
        report = json.loads(content.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return report if isinstance(report, dict) else None


def _dmesg_names(dump: Path) -> list[str]:
    layouts = [each.layout for each in traces()]
    for layout in layouts:
        stamp = _stamp_of(layout, dump.name)
        if stamp:
            return [name.format(stamp=stamp) for name in layout.dmesg]
    for layout in layouts:
        crash = layout.directory.fullmatch(dump.parent.name)
        if crash:
            return [name.format(stamp=crash.group(1)) for name in layout.dmesg]
    return []


def _stamp_of(layout: Layout, name: str) -> str | None:
    """Return the stamp in the name of a dump; wherever the dump was put, its log has the same."""
    if layout.stamp is None or not re.fullmatch(layout.names(), name):
        return None
    found = re.search(layout.stamp, name)
    return found and found[0]


def _dumps_in(directory: Path) -> t.Iterator[Dump]:
    for each in traces():
        layout = each.layout
        crash = layout.directory.fullmatch(directory.name)
        if crash:
            yield from _dumps_of(directory, layout, crash.group(1))
            return


def _dumps_of(directory: Path, layout: Layout, stamp: str) -> t.Iterator[Dump]:
    pattern = re.compile(layout.dumps.replace("{stamp}", stamp))
    changed = directory.stat().st_mtime
    parts: list[Path] = []
    for path in directory.iterdir():
        match = pattern.fullmatch(path.name)
        if match and path.is_file():
            if match.groupdict().get("part"):
                parts.append(path)
            else:
                yield Dump(path, max(changed, path.stat().st_mtime))
    if parts:
        newest = max(path.stat().st_mtime for path in parts)
        yield Dump(min(parts), max(changed, newest))


__all__ = ("Dump", "dumps_at", "find", "side_files", "side_reports")
