# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Whether makedumpfile can read the running kernel, and how much it would write: it is asked."""

from __future__ import annotations

import re
import typing as t

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable

COMMAND = ("makedumpfile", "--mem-usage", "/proc/kcore")

# One line a kind of page:
#   TYPE            PAGES                   EXCLUDABLE      DESCRIPTION
#   ZERO            32213                   yes             Pages filled with zero
#   KERN_DATA       41233                   no              Dumpable kernel data
#   page size:              4096
_KERNEL_DATA = re.compile(r"^KERN_DATA\s+(\d+)\s+no\b", re.MULTILINE)
_FREE = re.compile(r"^FREE\s+(\d+)\s+yes\b", re.MULTILINE)
_ZERO = re.compile(r"^ZERO\s+(\d+)\s+yes\b", re.MULTILINE)
_PAGE_SIZE = re.compile(r"^page size:\s+(\d+)", re.MULTILINE)

# makedumpfile says first that it does not know the kernel's version, and reads it all the same.
# The two are not counted at the same moment.
_FREE_PART = 4

_NO_REASON = (
    "The kernel version is not supported.",
    "The makedumpfile operation may be incomplete.",
)


class Answer(t.NamedTuple):
    """What makedumpfile said of the running kernel."""

    reads: bool
    size: int | None = None  # upper bound of a dump at level 31, not compressed
    reason: str = ""  # why it does not read it
    # Bytes that it takes for free, and bytes of pages that are full of zeros; None where it does not say.
    free: int | None = None
    zero: int | None = None


def expected_dump_bytes(mem_usage: str) -> int | None:
    """Upper bound of a dump at level 31 in bytes: kernel data, not compressed.

    Takes what C(makedumpfile --mem-usage /proc/kcore) printed; None when that is no such table.
    """
    return _counted(_KERNEL_DATA, mem_usage)


def _counted(row: re.Pattern[str], mem_usage: str) -> int | None:
    pages, size = row.search(mem_usage), _PAGE_SIZE.search(mem_usage)
    return int(pages[1]) * int(size[1]) if pages and size else None


def keeps_free(told: Answer, free: int | None) -> bool | None:
    """Say whether makedumpfile takes free pages for data of the kernel; None where that is not known.

    Linux 6.12 stores the type of a page in another way (commit 4ffca5a96678), and makedumpfile before 1.7.7 finds no
    free page there. It says that the version is not supported also where it finds them all.

    Args:
        told: what makedumpfile said.
        free: the bytes that the kernel says are free.
    """
    if told.free is None or free is None:
        return None
    return told.free < free // _FREE_PART


def largest(told: Answer, free: int | None) -> int | None:
    """Return the most that a dump may take before compression, in bytes.

    Where free pages are kept, those that are full of zeros are left out now, and may be full of something else then.
    """
    if told.size is None or not keeps_free(told, free):
        return told.size
    return told.size + min(told.zero or 0, free or 0)


def answer(status: int, output: str, *, unfinished: bool = False) -> Answer:
    """Judge an exit status and what was printed.

    C(unfinished): it was stopped. What makedumpfile cannot read it refuses at once; the rest of the
    time it counts pages.
    """
    if unfinished:
        return Answer(reads=True)
    size = expected_dump_bytes(output)
    if status == 0 and size is not None:
        return Answer(
            reads=True, size=size, free=_counted(_FREE, output), zero=_counted(_ZERO, output)
        )
    return Answer(reads=False, reason=_reason(output) or f"it ended with status {status}")


def ask(run: Callable[[list[str]], tuple[int, str]]) -> Answer:
    """Ask makedumpfile, however long it takes."""
    return answer(*run(list(COMMAND)))


def _reason(output: str) -> str:
    """Return the first thing that makedumpfile said went wrong, of C(function: what)."""
    lines = [line.strip() for line in output.splitlines()]
    told = [
        line for line in lines if line and line not in _NO_REASON and line != "makedumpfile Failed."
    ]
    return told[0].rstrip(".")[:160] if told else ""


__all__ = ("COMMAND", "Answer", "answer", "ask", "expected_dump_bytes", "keeps_free", "largest")
