# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What the readiness timer of a host noted last: M(vmcore.kdump.readiness_timer) installs the timer."""

from __future__ import annotations

import json
import typing as t
from pathlib import PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    exists,
    inside,
    read_bytes,
    read_text,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from pathlib import Path

# Monitoring reads it without root: the directory of crash tests is for root alone.
STATE = PurePosixPath("/var/lib/vmcore-kdump-readiness/state.json")
TIMER = "vmcore-kdump-readiness.timer"
UNIT = PurePosixPath("/etc/systemd/system") / TIMER
VERSION = 1
# The timer runs a minute after the boot, and is late on a busy host.
_LATE_SECONDS = 3600
_LIMIT = 1 << 20


def read_state(root: Path) -> dict[str, t.Any] | None:
    """Return what was noted; None where nothing was, or by another release."""
    try:
        state = json.loads(read_bytes(inside(root, STATE), _LIMIT) or b"")
    except (ValueError, RecursionError):
        return None
    return state if isinstance(state, dict) and state.get("version") == VERSION else None


def new_kernels(root: Path) -> list[str]:
    """Return the kernels that were installed after the proof, as the timer noted them."""
    kernels = (read_state(root) or {}).get("new_kernels")
    return [each for each in kernels if isinstance(each, str)] if isinstance(kernels, list) else []


def is_late(root: Path) -> bool:
    """Say whether the timer is installed and has not run in this boot, which is old enough for it.

    Boots are compared by their ids: a clock may have been set in between.
    """
    # proc(5): seconds since the boot, and seconds in which processors were idle
    uptime = (read_text(root / "proc/uptime") or "0").partition(".")[0]
    boot = read_text(root / "proc/sys/kernel/random/boot_id")
    if not exists(inside(root, UNIT)) or boot is None or not uptime.isdigit():
        return False
    noted = (read_state(root) or {}).get("boot_id")
    return int(uptime) > _LATE_SECONDS and noted != boot


__all__ = ("STATE", "TIMER", "UNIT", "VERSION", "is_late", "new_kernels", "read_state")
