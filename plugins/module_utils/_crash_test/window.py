# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Maintenance windows: when a host may be crashed."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError

if t.TYPE_CHECKING:  # pragma: no cover
    import time
    from collections.abc import Iterable

# In the order of struct_time.tm_wday.
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY_MINUTES = 24 * 60
_WINDOW = re.compile(r"(?:(\S+) +)?(\d\d):([0-5]\d)-(\d\d):([0-5]\d)")


class Window(t.NamedTuple):
    """A window that is open on some days, from a minute of that day to one of that day or the next."""

    days: frozenset[int]
    start: int
    end: int  # more than a day when the window is open past midnight


def parse_window(text: str) -> Window:
    """Read C([DAYS ]HH:MM-HH:MM); DAYS are days or ranges of days with commas between: C(Mon-Thu,Sat).

    A window that ends before it begins ends on the next day; its days are those on which it begins.

    Raises:
        KdumpError: it is no such text.
    """
    match = _WINDOW.fullmatch(text.strip())
    if not match:
        raise _wrong(text)
    start, end = (int(match[group]) * 60 + int(match[group + 1]) for group in (2, 4))
    if start >= _DAY_MINUTES or end > _DAY_MINUTES:
        raise _wrong(text)
    days = frozenset(_days(match[1], text)) if match[1] else frozenset(range(7))
    return Window(days, start, end if end > start else end + _DAY_MINUTES)


def is_open(windows: Iterable[Window], when: time.struct_time) -> bool:
    """Say whether one of the windows is open at a moment of the calendar."""
    minute = when.tm_hour * 60 + when.tm_min
    yesterday = (when.tm_wday - 1) % 7
    return any(
        (when.tm_wday in window.days and window.start <= minute < window.end)
        or (yesterday in window.days and minute + _DAY_MINUTES < window.end)
        for window in windows
    )


def _days(text: str, window: str) -> t.Iterator[int]:
    for part in text.split(","):
        first, _dash, last = part.partition("-")
        try:
            begin, end = DAYS.index(first.title()), DAYS.index((last or first).title())
        except ValueError:
            raise _wrong(window) from None
        yield from (day % 7 for day in range(begin, end + 1 if end >= begin else end + 8))


def _wrong(text: str) -> KdumpError:
    return KdumpError(
        f"The maintenance window {text!r} is not understood: write it as 22:00-05:00, Sat,Sun 00:00-24:00"
        " or Mon-Fri 22:00-05:00."
    )


__all__ = ("DAYS", "Window", "is_open", "parse_window")
