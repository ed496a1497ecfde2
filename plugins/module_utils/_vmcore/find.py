# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Dumps and their side files, in the layouts of those who write them.

Debian and Ubuntu, kdump-tools, kdump_save_core() of kdump-config. With the host's name or address before
the time when the directory is a remote one; the last three by cp, if makedumpfile failed:

    /var/crash/202611220951/dump.202611220951         by makedumpfile
    /var/crash/202611220951/dump-incomplete           the same while it is written
    /var/crash/202611220951/dump.202611220951.gz      with KDUMP_COMPRESSION=gzip
    /var/crash/202611220951/vmcore.202611220951
    /var/crash/202611220951/vmcore-incomplete
    /var/crash/202611220951/dmesg.202611220951        the kernel's log

Fedora, RHEL and others, kdump-utils, dump_fs() and dump_ssh() of kdump.sh:

    /var/crash/127.0.0.1-2026-11-22-09:51:13/vmcore            vmcore.flat by ssh
    /var/crash/127.0.0.1-2026-11-22-09:51:13/vmcore-incomplete
    /var/crash/127.0.0.1-2026-11-22-09:51:13/vmcore-dmesg.txt  the kernel's log
    /var/crash/127.0.0.1-2026-11-22-09:51:13/kexec-dmesg.log   the capture kernel's
    /var/crash/kdump-test-1795341073-1/...                     of kdumpctl test

SUSE, kdump-save:

    /var/crash/2026-11-22-09-51/vmcore, dmesg, README.txt

A dump that makedumpfile --split wrote has a number at the end of its name, dump.1 or vmcore1; all of
them in one directory are one dump. Files with other names are never taken for dumps.
"""

from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError

_PACKED = r"(?:\.(?:gz|bz2|lz4|xz|zst))?"
_PART = r"(?P<part>(?:dump|vmcore)[.-]?\d{1,3})"


class Layout(t.NamedTuple):
    """How a family names what belongs to a crash. {stamp} is the first group of the directory."""

    directory: re.Pattern[str]
    dumps: str
    dmesg: tuple[str, ...]


LAYOUTS = (
    Layout(
        re.compile(r"(?:.+-)?(\d{12})"),
        rf"(?:dump\.{{stamp}}|dump-incomplete){_PACKED}|vmcore\.{{stamp}}|vmcore-incomplete|{_PART}",
        ("dmesg.{stamp}",),
    ),
    Layout(
        re.compile(r"(?:.+-\d{4}-\d\d-\d\d-\d\d:\d\d:\d\d|kdump-test-[\d-]+)()"),
        rf"vmcore(?:\.flat)?|vmcore-incomplete|{_PART}",
        ("vmcore-dmesg.txt", "vmcore-dmesg-incomplete.txt"),
    ),
    Layout(
        re.compile(r"(?:.+-)?\d{4}-\d\d-\d\d-\d\d[-:]\d\d()"),
        rf"vmcore|{_PART}",
        ("dmesg", "dmesg.txt"),
    ),
)
_STAMPED_FILE = re.compile(rf"(?:dump|vmcore)\.(\d{{12}}){_PACKED}")

# What else lies beside a dump: the report of the reset helper and what it stores with it, the capture
# kernel's log of kdump-utils, and what the families say about how saving ended.
_OTHERS = {
    "pcie_reset": "pcie-reset.json",
    "capture": "capture.json",
    "capture_dmesg": "capture-dmesg.txt",
    "kexec_dmesg": "kexec-dmesg.log",
    "readme": "README.txt",
    "creation_status": "vmcore-creation.status",
}
# Those of them that hold JSON: what the reset helper did, and when what happened.
_REPORTS = ("pcie_reset", "capture")


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
    try:
        content = json.loads(Path(path).read_text(errors="replace")) if path else None
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _dmesg_names(dump: Path) -> list[str]:
    stamp = _STAMPED_FILE.fullmatch(dump.name)
    if stamp:
        return [f"dmesg.{stamp.group(1)}"]
    for layout in LAYOUTS:
        crash = layout.directory.fullmatch(dump.parent.name)
        if crash:
            return [name.format(stamp=crash.group(1)) for name in layout.dmesg]
    return []


def _dumps_in(directory: Path) -> t.Iterator[Dump]:
    for layout in LAYOUTS:
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
            if match.group("part"):
                parts.append(path)
            else:
                yield Dump(path, max(changed, path.stat().st_mtime))
    if parts:
        newest = max(path.stat().st_mtime for path in parts)
        yield Dump(min(parts), max(changed, newest))


__all__ = ("LAYOUTS", "Dump", "Layout", "dumps_at", "find", "side_files", "side_reports")
