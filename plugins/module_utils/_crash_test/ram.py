# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""How much memory a dump of this host covers."""

from __future__ import annotations

import re

# Children are indented, and RAM that was added later has the name of who did that:
#   00100000-bffdffff : System RAM
#     a0000000-afffffff : Crash kernel
#   100000000-13fffffff : System RAM (virtio_mem)
_RANGE = re.compile(r"^ *([0-9a-f]+)-([0-9a-f]+) : (System RAM|Crash kernel)\b", re.MULTILINE)
_SIGN = {"System RAM": 1, "Crash kernel": -1}


def dumped_ram(iomem: str) -> int | None:
    """Return the bytes of RAM without those of the capture kernel, None if /proc/iomem does not say.

    To others than root it shows zeros.
    """
    ranges = _RANGE.findall(iomem)
    total = sum(
        _SIGN[name] * (int(last, 16) - int(first, 16) + 1)
        for first, last, name in ranges
        if int(last, 16)
    )
    return total if total > 0 else None


__all__ = ("dumped_ram",)
