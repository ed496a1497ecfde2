# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Records that need the controller: it has the console, and it is the one to notice that a host is lost."""

from __future__ import annotations

import time
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.record import (
    REPORT_MISFIT,
    explanation,
    lost_record,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.classify import Log, classify
from ansible_collections.vmcore.kdump.plugins.plugin_utils._crash_test.answers import own_record

if t.TYPE_CHECKING:
    from ansible_collections.vmcore.kdump.plugins.plugin_utils._crash_test.console import Console
    from ansible_collections.vmcore.kdump.plugins.plugin_utils._crash_test.records import Records

Result = dict[str, t.Any]


def with_console(outcome: Result, console: Console) -> Result:
    """What the host said of its dump, explained by its console as well: the host judged by what it has itself."""
    if "logs" not in outcome:
        return outcome
    rest = {key: value for key, value in outcome.items() if key not in ("logs", "known")}
    explained = explanation(classify([*outcome["logs"], console.log()], outcome["known"]))
    of_host = [line for line in rest["record"]["evidence"] if line["pattern"] == REPORT_MISFIT]
    explained["evidence"] = [*of_host, *explained["evidence"]]
    return {**rest, "record": {**rest["record"], **explained}}


def believed(
    record: Result,
    state: Result,
    records: Records,
    dumps: list[Result] | None,
    stage: str | None = None,
) -> Result:
    """The record that a host gave, or one that says why that one is not believed.

    Args:
        record: what the host gave.
        state: the state of the test.
        records: where an answer is kept that is not believed.
        dumps: see own_record(); they count for a test whose dump left the host.
        stage: how far the host got, as far as its console was heard.
    """
    try:
        return own_record(record, state, dumps if state.get("dump_host") else None)
    except KdumpError as error:
        kept = records.keep_answer(state, record)
        why = f"What {state['host']} said of its dump is not believed, {error}: {kept}."
        return lost_record(state, stage=stage or "armed", why=why, now=time.time())


def record_of_lost(
    state: Result, console: Console, *, why: str, elapsed: float, recovery: Result | None
) -> Result:
    """The record of a host that did not return: all there is to judge by is its console.

    Args:
        state: the host's state of this test.
        console: what it printed.
        why: why the host is given up, a sentence.
        elapsed: seconds since the trigger.
        recovery: see the module.
    """
    sel = (recovery or {}).get("sel")
    logs: list[Log] = [] if console.size is None else [console.log()]
    if sel:
        logs.append({"source": "sel", "text": "\n".join(sel), "name": "sel"})
    known = {
        "armed": True,
        "returned": False,
        "run_id": state["run_id"],
        "power_cycled": bool(recovery),
        "watchdog": state.get("watchdog"),
        "silent_seconds": elapsed - console.heard_at if console.size is not None else None,
    }
    record = lost_record(
        state,
        stage=console.stage or "armed",
        why=why,
        now=time.time(),
        observed=console.observed,
        recovery=recovery,
    )
    return {**record, **explanation(classify(logs, known))}


__all__ = ("believed", "record_of_lost", "with_console")
