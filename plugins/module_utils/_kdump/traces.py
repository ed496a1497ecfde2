# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What a family leaves of a crash, as data: the names of its files, and the lines that its tools print.

Readers of logs and of dumps take all of this from the registry; a family states it in its folder, with the source.
"""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:  # pragma: no cover
    import re
    from collections.abc import Mapping

# How far a line was checked.
LAB = "lab"  # against the line of a crash in the lab, which is test data
REPORT = "report"  # against a line in somebody's public log
SOURCE = "source"  # against the source that prints it, and no more

# makedumpfile --split numbers its parts at the end of the name.
PART = r"(?P<part>(?:dump|vmcore)[.-]?\d{1,3})"


class PrintedLine(t.NamedTuple):
    """A line that a tool of the family prints."""

    # A stage that it proves (C(_evidence/stages.py)), or the code of a kind of line (C(_evidence/patterns.py)).
    tells: str
    regex: str  # searched for anywhere in a message
    source: str  # the file and the function that prints it
    seen: str  # LAB, REPORT or SOURCE


class DumpLayout(t.NamedTuple):
    """How what belongs to one crash is named below the dump directory."""

    # A directory of one crash. Its first group is the {stamp} of the other names.
    directory: re.Pattern[str]
    # The dump, finished or not, by its name. The group C(part) marks one of several files.
    dumps: str
    # The log of the kernel that crashed.
    dmesg: tuple[str, ...]
    # What a {stamp} looks like, where the names have one: it is known by a file, too, wherever that lies.
    stamp: str | None = None

    def names(self) -> str:
        """Return what matches the name of any of the family's dumps, without groups."""
        names = self.dumps.replace("{stamp}", self.stamp or "")
        return names.replace("(?P<part>", "(?:")


class SideFile(t.NamedTuple):
    """A file beside a dump, which tells how saving it went."""

    key: str  # in C(files) of M(vmcore.kdump.vmcore_info)
    name: str
    log: str  # as a log of the capture kernel, see C(_evidence/segments.py)
    # What in it says that the dump is not whole, and the sentence about it, with the groups for {0}, {1}.
    flaws: tuple[tuple[re.Pattern[str], str], ...] = ()


class Traces(t.NamedTuple):
    """What a family leaves of a crash."""

    layout: DumpLayout
    lines: tuple[PrintedLine, ...] = ()
    side_files: tuple[SideFile, ...] = ()
    # Files in the dump directory that the family keeps for itself: no crash left them.
    own_files: tuple[str, ...] = ()


def by_tells(traces: t.Iterable[Traces]) -> Mapping[str, tuple[PrintedLine, ...]]:
    """Return the lines of all families by what they tell, in the order of the families."""
    found: dict[str, tuple[PrintedLine, ...]] = {}
    for each in traces:
        for line in each.lines:
            found[line.tells] = (*found.get(line.tells, ()), line)
    return found


__all__ = (
    "LAB",
    "PART",
    "REPORT",
    "SOURCE",
    "DumpLayout",
    "PrintedLine",
    "SideFile",
    "Traces",
    "by_tells",
)
