# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Dumps of a crash test that leave the host: what is expected of them, and which of those that arrived is meant."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def expectation(state: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return what the dump of a test must be, in the words of M(vmcore.kdump.vmcore_info)."""
    expected = {
        "run_id": state["run_id"],
        "host": state["hostname"],
        "kernel": state["kernel"],
        "since": state["armed_at"],
        "build_id": state.get("build_id"),
        # What tells the crash if a storm of messages pushed the run id out of the log.
        "boot_id": state["boot_id"],
        "cpus": state["platform"].get("cpus"),
        "memory": state.get("ram_bytes"),
    }
    return {name: value for name, value in expected.items() if value is not None}


def dump_of(
    dumps: Iterable[Mapping[str, t.Any]], state: Mapping[str, t.Any]
) -> dict[str, t.Any] | None:
    """Return the dump of a test among those that M(vmcore.kdump.vmcore_info) found on a server, None without one.

    Other hosts send theirs there as well. A dump that is cut may not tell whose it is: such a one, of the newest crash,
    is only taken for want of a better one.
    """
    host, run_id = state["hostname"], state["run_id"]
    own = [dump for dump in dumps if dump["crash"]["nodename"] in (None, host)]
    best = max(
        own,
        key=lambda dump: (
            dump["verdict"] == "complete",
            run_id in (dump["crash"].get("run_ids") or ()),
            dump["crash"]["nodename"] == host,
            # The clock of the capture kernel, which dates the file, may be none.
            dump["crash"].get("crash_time") or dump["mtime"],
        ),
        default=None,
    )
    return None if best is None else dict(best)


__all__ = ("dump_of", "expectation")
