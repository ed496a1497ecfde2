# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""How long a host that was crashed is waited for."""

from __future__ import annotations

import typing as t

# Firmware, two boots and a small dump; then the dump grows with the memory (peers: 13 to 80 minutes).
_BASE_SECONDS = 1800
_SECONDS_PER_GIB = 3
# A host that shows progress is waited for longer, but not for ever: a capture kernel can print in a loop.
_LIMIT_FACTOR = 2
STALL_SECONDS = 180


def scaled_timeout(memory_bytes: int | None) -> int:
    """Return the seconds that a host with this memory may take until its normal kernel runs again."""
    return _BASE_SECONDS + _SECONDS_PER_GIB * ((memory_bytes or 0) >> 30)


class Deadline:
    """The end of the wait. Times are seconds since the trigger."""

    def __init__(self, timeout: int) -> None:
        self.timeout = timeout
        self._seen: dict[str, t.Any] = {}
        self._progress = 0.0

    def saw(self, elapsed: float, **what: t.Any) -> None:
        """Note what can be seen of the host; it is progress when it differs from what was seen before."""
        news = {key: value for key, value in what.items() if value is not None}
        if any(self._seen.get(key) != value for key, value in news.items()):
            self._progress = elapsed
        self._seen.update(news)

    def passed(self, elapsed: float) -> bool:
        """Say whether the host is given up now."""
        if elapsed <= self.timeout:
            return False
        return elapsed - self._progress > STALL_SECONDS or elapsed > self.timeout * _LIMIT_FACTOR


__all__ = ("STALL_SECONDS", "Deadline", "scaled_timeout")
