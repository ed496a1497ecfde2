# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Dumps and their side files, in the layouts of those who write them.

The families state their names in C(_kdump/families/*/traces.py).

A dump that makedumpfile --split wrote has a number at the end of its name, dump.1 or vmcore1; all of
them in one directory are one dump.

In directories with other names, and for names that other tools give (kdump.202611220951, vmcore.zst), the content
decides: a file that is called like a dump and begins like one. All other files are never taken for dumps.
"""

from __future__ import annotations

import json
import re
import typing as t
from contextlib import closing
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.registry import traces
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import read_bytes
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.elf import ElfCore
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.kdump_compressed import (
    KdumpCompressed,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.memory import ORDERS
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.opening import Files
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.vmcoreinfo import VmcoreInfo
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.wrapped import (
    SKIPPABLE,
    WRAPPERS,
)

if t.TYPE_CHECKING:
    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.traces import DumpLayout
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.byte_order import Order
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.container import Container
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.storage import Storage

_READERS = (KdumpCompressed, ElfCore)
_PART = re.compile(r"(?:dump|vmcore)[.-]?\d{1,3}")
# What other tools call a dump, and what they write beside it.
_ELSEWHERE = re.compile(r"(?:vmcore|dump|kdump)(?:[._-][\w:.-]*)?", re.ASCII)
_NO_DUMP = re.compile(r"dmesg|vmlinux|\.(?:txt|log|json|status|conf|img|map|sh|pl)\b")
_MAGIC = (b"KDUMP   ", b"makedumpfile\0\0\0\0", b"\x7fELF", b"DISKDUMP", *WRAPPERS, *SKIPPABLE)

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
    modified: float  # the same of the file alone
    crash_time: int | None  # what its headers say

    @property
    def when(self) -> float:
        """When the kernel crashed. The file says it for want of a better one: other clocks date files."""
        return self.crash_time or self.modified


def find(directory: Path) -> list[Dump]:
    """The dumps below a dump directory, or in the directory of one crash; that of the newest crash is last.

    Raise KdumpError if the directory cannot be read.
    """
    try:
        candidates = [directory, *(entry for entry in directory.iterdir() if entry.is_dir())]
        dumps = [dump for candidate in candidates for dump in _dumps_in(candidate)]
        return sorted(dumps, key=lambda dump: (dump.when, dump.path))
    except OSError as exc:
        raise KdumpError(f"{exc.filename} cannot be searched for dumps: {exc.strerror}.") from exc


def dumps_at(path: Path, since: float | None = None) -> list[Path]:
    """The dumps in a directory that changed since then, that of the newest crash last; or the one file.

    Raise KdumpError if the path does not exist or cannot be read.
    """
    try:
        is_directory = path.is_dir()
        path.stat()
    except OSError as exc:
        raise KdumpError(f"{path} cannot be read: {exc.strerror}.") from exc
    if not is_directory:
        return [path]
    return [dump.path for dump in find(path) if since is None or _is_since(dump, since)]


def _is_since(dump: Dump, since: float) -> bool:
    """Whether a dump may be of a crash since then. A capture kernel without a clock dates its files 1970."""
    if dump.changed >= since:
        return True
    # The kernel notes whole seconds, rounded down.
    return dump.crash_time is not None and dump.crash_time + 1 > since


def crash_time_of(path: Path) -> int | None:
    """When the kernel of a dump crashed, from its headers alone; None if these do not say it."""
    with closing(Files(path.parent)) as files:
        storage = files.peek(path)
        if storage is None:
            return None
        return next(filter(None, (_crash_time(make, storage) for make in _READERS)), None)


def _crash_time(
    make: t.Callable[[Storage, t.Mapping[str, Order]], Container], storage: Storage
) -> int | None:
    try:
        return VmcoreInfo(make(storage, ORDERS).read_vmcoreinfo()).number("CRASHTIME")
    except Flaw:
        return None


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


def _stamp_of(layout: DumpLayout, name: str) -> str | None:
    """Return the stamp in the name of a dump; wherever the dump was put, its log has the same."""
    if layout.stamp is None or not re.fullmatch(layout.names(), name):
        return None
    found = re.search(layout.stamp, name)
    return found and found[0]


def _dumps_in(directory: Path) -> t.Iterator[Dump]:
    found: set[Path] = set()
    for each in traces():
        layout = each.layout
        crash = layout.directory.fullmatch(directory.name)
        if crash:
            for dump in _dumps_of(directory, layout, crash.group(1)):
                found.add(dump.path)
                yield dump
            break
    changed = directory.stat().st_mtime
    for path in directory.iterdir():
        if path not in found and _is_elsewhere(path) and not (found and _PART.fullmatch(path.name)):
            yield _dump(path, changed, path.stat().st_mtime)


def _dump(path: Path, changed: float, modified: float) -> Dump:
    return Dump(path, max(changed, modified), modified, crash_time_of(path))


def _is_elsewhere(path: Path) -> bool:
    """Whether a file is called like a dump of another tool, and begins like one."""
    if not _ELSEWHERE.fullmatch(path.name) or _NO_DUMP.search(path.name) or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return file.read(16).startswith(_MAGIC)
    except OSError:
        return False


def _dumps_of(directory: Path, layout: DumpLayout, stamp: str) -> t.Iterator[Dump]:
    pattern = re.compile(layout.dumps.replace("{stamp}", stamp))
    changed = directory.stat().st_mtime
    parts: list[Path] = []
    for path in directory.iterdir():
        match = pattern.fullmatch(path.name)
        if match and path.is_file():
            if match.groupdict().get("part"):
                parts.append(path)
            else:
                yield _dump(path, changed, path.stat().st_mtime)
    if parts:
        yield _dump(min(parts), changed, max(path.stat().st_mtime for path in parts))


__all__ = ("Dump", "crash_time_of", "dumps_at", "find", "side_files", "side_reports")
