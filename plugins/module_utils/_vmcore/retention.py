# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Which crashes of a dump directory are removed, and how: by descriptors of directories, so that no link is followed.

What a crash left is removed as a whole: the dump with its parts, the log, and what lies beside them. A file that
neither a family of kdump nor the reset helper writes stays, and its directory with it.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import typing as t
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.registry import traces
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.crashes import Remains, remains

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Collection, Iterator, Mapping, Sequence

DAY = 86400
# A dump that changed so lately may still be written, by a host that saves it over the network.
_QUIET_SECONDS = 3600
# One that was left unfinished may still be of use, and is nobody's any more after this.
_UNFINISHED_SECONDS = 7 * DAY
# Before the first release of kdump (2005) no clock was right.
_FIRST_TIME = 1104537600
# What the reset helper stores beside a dump: plugin_utils/pcie_reset/store-report.
_OWN = ("pcie-reset.json", "capture.json", "capture-dmesg.txt", "quiesce-dmesg.txt")
_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Rules(t.NamedTuple):
    """What may stay. Without a limit nothing is removed for it."""

    max_age: int | None = None  # days
    max_count: int | None = None
    max_size: int | None = None  # bytes of all crashes that stay
    keep_unreported: bool = True
    keep_signatures: bool = True  # the newest crash of each


class Known(t.NamedTuple):
    """What the controller knows of a crash that it has the report of."""

    signature: str | None
    crash_time: int | None


class Left(t.NamedTuple):
    """What a crash left: the directory of the crash, and the names in it that are its own."""

    directory: str
    names: tuple[str, ...]
    identities: tuple[str, ...]  # of its dump, or dumps
    crash_time: int | None  # what the dump says of itself
    size: int
    changed: float  # seconds since the epoch, of what changed last
    unfinished: bool


class Decision(t.NamedTuple):
    """What becomes of a crash, and why, in a sentence without a full stop."""

    left: Left
    remove: bool
    why: str


def survey(directory: Path) -> list[Left]:
    """Return what each crash left below a dump directory.

    A crash whose directory is a link, or is no directory below the dump directory itself, is none of it.

    Raises:
        KdumpError: the directory cannot be read.
    """
    found: dict[str, list[Remains]] = {}
    for each in remains(directory):
        if each.path.parent.parent == directory:
            found.setdefault(each.path.parent.name, []).append(each)
    with _opened(directory) as top:
        there = (_left(top, name, each) for name, each in sorted(found.items()))
        return [left for left in there if left]


def decide(
    crashes: Sequence[Left],
    rules: Rules,
    known: Mapping[str, Known],
    busy: Collection[str],
    now: float,
) -> list[Decision]:
    """Return what becomes of each crash, the newest first.

    Args:
        crashes: as survey() returns them.
        rules: what may stay.
        known: what the controller has, by the identity of the file.
        busy: directories of crashes with a file that a process has open.
        now: seconds since the epoch.
    """
    order = sorted(
        crashes,
        key=lambda left: (_time(left, known, now) or now, left.directory),
        reverse=True,
    )
    # Of those without a signature, which may have a cause of their own or not, one stays as well.
    signatures: set[str | None] = set()
    kept_bytes = kept_count = 0
    decisions = []
    for left in order:
        report = _report(left, known)
        first = report is not None and report.signature not in signatures
        if report is not None:
            signatures.add(report.signature)
        reason = _surplus(left, rules, known, now, kept_count, kept_bytes)
        keep = _kept(left, rules, report, busy, now, first=first) if reason else ""
        if reason and not keep:
            decisions.append(Decision(left, True, reason))
            continue
        kept_count += 1
        kept_bytes += left.size
        decisions.append(Decision(left, False, keep or "no limit is exceeded"))
    return decisions


def _surplus(
    left: Left, rules: Rules, known: Mapping[str, Known], now: float, count: int, size: int
) -> str:
    """Say which limit a crash exceeds, "" for none."""
    when = _time(left, known, now)
    if rules.max_age is not None and when is not None and now - when > rules.max_age * DAY:
        return f"it is older than {rules.max_age} days"
    if rules.max_count is not None and count >= rules.max_count:
        return f"{rules.max_count} newer crashes stay"
    if rules.max_size is not None and size + left.size > rules.max_size:
        return f"those that stay would take more than {rules.max_size} bytes"
    return ""


def _kept(
    left: Left,
    rules: Rules,
    report: Known | None,
    busy: Collection[str],
    now: float,
    *,
    first: bool,
) -> str:
    """Say why a crash stays whatever the limits are, "" if nothing holds it."""
    if left.directory in busy:
        return "a process has a file of it open"
    # A time in the future is of another clock: how long ago it was is not known.
    quiet = now - left.changed
    if quiet < _QUIET_SECONDS:
        return "it changed within the last hour"
    if left.unfinished and quiet < _UNFINISHED_SECONDS:
        return "it is unfinished, and changed within the last week"
    if rules.keep_unreported and report is None:
        return "it was not collected yet"
    if rules.keep_signatures and first:
        return "it is the newest of its signature"
    return ""


def _report(left: Left, known: Mapping[str, Known]) -> Known | None:
    """Return what the controller knows of a crash; None unless it knows each of its dumps."""
    reports = [known[each] for each in left.identities if each in known]
    return reports[0] if len(reports) == len(left.identities) else None


def _time(left: Left, known: Mapping[str, Known], now: float) -> float | None:
    """Return when a crash was; None where no clock was right. The kernel's own time comes before that of a file."""
    report = _report(left, known)
    times = (report.crash_time if report else None, left.crash_time, left.changed)
    return next((each for each in times if each and _FIRST_TIME <= each <= now), None)


def open_directories(directory: Path, proc: Path = Path("/proc")) -> set[str]:
    """Return the names of the directories of crashes in which a process of this host has a file open."""
    top = f"{os.path.realpath(directory)}/"
    found = set()
    for link in _descriptors(proc):
        try:
            target = str(link.readlink())
        except OSError:
            continue  # it was closed, or the process ended
        if target.startswith(top):
            found.add(target[len(top) :].split("/", 1)[0])
    return found


def _descriptors(proc: Path) -> Iterator[Path]:
    for process in proc.iterdir():
        if process.name.isdigit():
            with contextlib.suppress(OSError):
                yield from (process / "fd").iterdir()


def remove(directory: Path, left: Left) -> None:
    """Remove what a crash left, and its directory if nothing else is in it.

    Raises:
        KdumpError: it cannot be removed.
    """
    try:
        with _opened(directory) as top, _opened(left.directory, top) as place:
            for name in left.names:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=place)
            if not _names(place):
                os.rmdir(left.directory, dir_fd=top)
    except OSError as exc:
        raise KdumpError(
            f"{directory / left.directory} cannot be removed: {exc.strerror}."
        ) from exc


def _left(top: int, name: str, remains_of_it: Sequence[Remains]) -> Left | None:
    """Return what is in the directory of a crash; None if that is a link, or was removed."""
    try:
        with _opened(name, top) as place:
            states = {
                entry: os.stat(entry, dir_fd=place, follow_symlinks=False)
                for entry in _names(place)
            }
            changed = os.fstat(place).st_mtime
    except OSError:
        return None
    own = {
        entry: state
        for entry, state in states.items()
        if stat.S_ISREG(state.st_mode) and _is_own(name, entry)
    }
    return Left(
        directory=name,
        names=tuple(own),
        identities=tuple(each.identity for each in remains_of_it),
        crash_time=next((each.crash_time for each in remains_of_it if each.crash_time), None),
        # What a sparse file takes, which is less than its size.
        size=sum(state.st_blocks * 512 for state in own.values()),
        changed=max([changed, *(state.st_mtime for state in own.values())]),
        unfinished=any("-incomplete" in entry for entry in own),
    )


def _names(place: int) -> list[str]:
    with os.scandir(place) as entries:
        return sorted(entry.name for entry in entries)


def _is_own(directory: str, name: str) -> bool:
    """Say whether a file in the directory of a crash is of that crash, by the names that the families state."""
    if name in _OWN:
        return True
    for each in traces():
        crash = each.layout.directory.fullmatch(directory)
        if crash is None:
            continue
        stamp = re.escape(crash.group(1))
        logs = [text.format(stamp=crash.group(1)) for text in each.layout.dmesg]
        beside = [file.name for file in each.side_files]
        if re.fullmatch(each.layout.dumps.replace("{stamp}", stamp), name) or name in (
            *logs,
            *beside,
        ):
            return True
    return False


@contextlib.contextmanager
def _opened(path: Path | str, directory: int | None = None) -> Iterator[int]:
    """Open a directory; below another one it may not be a link."""
    flags = _OPEN_DIRECTORY if directory is not None else _OPEN_DIRECTORY & ~os.O_NOFOLLOW
    descriptor = os.open(path, flags, dir_fd=directory)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


__all__ = ("Decision", "Known", "Left", "Rules", "decide", "open_directories", "remove", "survey")
