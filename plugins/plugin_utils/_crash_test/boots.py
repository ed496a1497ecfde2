# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Which machine a host is: no two hosts of a run are the same one, and none is the controller."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path

from ansible import constants

_OWN = Path("/proc/sys/kernel/random/boot_id")
_LEDGER = "vmcore-kdump-boots.json"


def own_boot_id(path: Path = _OWN) -> str | None:
    """The boot id of the kernel that the controller runs on, also in a container; None where there is none."""
    try:
        return path.read_text().strip()
    except OSError:  # a controller that is not Linux
        return None


def run_directory() -> Path:
    """Ansible's own directory of this run, which its processes share and which is gone at its end."""
    # Ansible fills this module from its configuration when it is imported.
    return Path(vars(constants)["DEFAULT_LOCAL_TMP"])


def claim(boot_id: str, host: str, directory: Path | None = None) -> str:
    """Note that a host has this boot, for all hosts of this run; return the host that had it first.

    The directory is that of the run.
    """
    with ((directory or run_directory()) / _LEDGER).open("a+") as ledger:
        fcntl.flock(ledger, fcntl.LOCK_EX)
        ledger.seek(0)
        known: dict[str, str] = dict(json.loads(ledger.read() or "{}"))
        first = known.setdefault(boot_id, host)
        ledger.seek(0)
        ledger.truncate()
        json.dump(known, ledger)
    return first


__all__ = ("claim", "own_boot_id", "run_directory")
