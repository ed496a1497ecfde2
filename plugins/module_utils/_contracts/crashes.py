# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What a host answers when it is asked for crashes that are not known yet."""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.facts import Dmi
from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.record import DUMP_VERDICTS

ORIGINS = ("unplanned", "crash_test", "kdumpctl_test")


class NewCrash(t.TypedDict):
    """A crash that left a dump, or only a log. What neither says is None."""

    identity: str  # of the file, see _vmcore/crashes.py
    path: str
    size: int
    verdict: t.Literal[
        "absent", "complete", "incomplete", "damaged", "not_this_crash", "unsupported"
    ]
    why: str
    origin: t.Literal["unplanned", "crash_test", "kdumpctl_test"]
    run_id: t.Optional[str]  # the last one that the log announces
    kind: t.Optional[str]
    words: t.Optional[str]
    reason: t.Optional[str]
    functions: list[str]
    signature: t.Optional[str]
    cpu: t.Optional[int]
    task: t.Optional[str]
    nodename: t.Optional[str]
    release: t.Optional[str]
    build_id: t.Optional[str]
    crash_time: t.Optional[int]  # seconds since the epoch, by the host's clock
    log: list[str]  # the lines of the crashed kernel's log, the last of them where it is long
    log_is_cut: bool


class Crashes(t.TypedDict):
    """The answer of a host."""

    directory: str
    kernel: t.Optional[str]  # the release that runs now
    dmi: Dmi
    architecture: t.Optional[str]
    identities: list[str]  # of all crashes that are there
    crashes: list[NewCrash]
    left: int  # crashes that are not known, and did not fit into this answer


VERDICTS = ("absent", *DUMP_VERDICTS)

__all__ = ("ORIGINS", "VERDICTS", "Crashes", "NewCrash")
