# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What a host answers, brought to what a controller may go by.

The answer is data about the host. It decides no path, no name, no other host's result, and no variable of the play:
which host this is, and which test, the controller knows itself.
"""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.check import (
    Count,
    LongText,
    Uuid,
    misfit,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.record import (
    KeptState,
    PreflightCheck,
    Record,
    RecordedDump,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.state import STATE
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.plugin_utils._text import clean_data

if t.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Result = dict[str, t.Any]

# What is taken of an answer; the result of the task has nothing else of the host.
_OF_ANY = ("changed", "failed", "msg", "refused", "warnings")
_OF_STEP = {
    "preflight": ("checks", "ready", "boot_id", "expected_bytes"),
    "prepare": ("checks", "ready", "state", "boot_id", "expected_bytes"),
    "trigger": ("state",),
    "state": ("state",),
    "collect": ("record", "logs", "known"),
    "cancel": ("record",),
}
# What an answer cannot do without that has checks, or that has not failed.
_NEEDED = {"preflight": ("checks", "ready", "boot_id", "msg"), "prepare": ("checks", "state")}


class _MaybeName(t.TypedDict, total=False):
    name: str | None


class _Log(_MaybeName):
    source: str
    text: LongText


class _Answer(t.TypedDict, total=False):
    """What a step may answer. Its record has a check of its own: whatever it is, it is kept for people to look at."""

    msg: LongText | None
    checks: list[PreflightCheck] | None
    state: KeptState | None
    boot_id: Uuid | None
    expected_bytes: Count | None
    logs: list[_Log] | None
    known: dict[str, t.Any] | None
    warnings: list[LongText] | None


def answer_of(step: str, answer: Result) -> Result:
    """Take what a step of the module answered, as far as the controller needs it.

    Raises:
        KdumpError: it has not the shape of an answer.
    """
    taken = {key: answer[key] for key in (*_OF_ANY, *_OF_STEP[step]) if key in answer}
    wrong = misfit(taken, _Answer, "the answer") or _missing(step, taken)
    if wrong:
        raise KdumpError(f"{wrong}.")
    return {
        **t.cast(Result, clean_data(taken)),
        "changed": taken.get("changed") is True,
        "failed": bool(taken.get("failed", False)),
        "refused": taken.get("refused") is True,
    }


def _missing(step: str, taken: Result) -> str | None:
    if taken.get("failed") and (step == "prepare" or "checks" not in taken):
        return None
    missing = [key for key in _NEEDED.get(step, ()) if taken.get(key) is None]
    return f"the answer has no {' and no '.join(missing)}" if missing else None


def own_state(state: Result, host: str, run_id: str | None = None) -> Result:
    """Return the state of a test, if it is one of this host.

    Args:
        state: what the host keeps.
        host: its name in the inventory.
        run_id: the test that was asked for, None for whatever test it has.

    Raises:
        KdumpError: it is of another host or of another test.
    """
    if state["host"] != host:
        raise KdumpError(
            f"The crash test that {host} keeps is of {state['host']}: {host} has a copy of its disk, or had this name"
            f" before. If no test of {host} is under way, remove {STATE} there."
        )
    if run_id is not None and state["run_id"] != run_id:
        raise KdumpError(f"{host} answered with the test {state['run_id']}, not with {run_id}.")
    return state


def own_record(
    record: t.Any, state: Result, dumps: Sequence[Mapping[str, t.Any]] | None = None
) -> Result:
    """Return the record of a test as the host gave it, if it is one of this test.

    Args:
        record: what the host says is the record.
        state: the state of the test that is finished with it.
        dumps: what was found on the host that dumps are sent to, None when they stay on the host that crashed.

    Raises:
        KdumpError: it is none, or of another test; a part of a sentence that says so.
    """
    wrong = misfit(record, Record, "its record")
    if wrong:
        raise KdumpError(wrong)
    for key in ("host", "run_id"):
        if record[key] != state[key]:
            raise KdumpError(f"its record has the {key} {record[key]}")
    vmcore = record["vmcore"]
    if dumps is not None and vmcore and vmcore["path"] not in [dump["path"] for dump in dumps]:
        raise KdumpError(f"no dump {vmcore['path']} was found on {state['dump_host']}")
    return t.cast(Result, clean_data(record))


def arrived_dumps(dumps: Sequence[t.Any] | None) -> tuple[list[Result] | None, list[str]]:
    """What was found where dumps arrive, without what has not the shape of a dump, and a sentence for each of those."""
    if dumps is None:
        return None, []
    wrong = [misfit(dump, RecordedDump, f"dumps[{index}]") for index, dump in enumerate(dumps)]
    kept = [clean_data(dump) for dump, why in zip(dumps, wrong, strict=True) if not why]
    return kept, [f"A dump is left out: {why}." for why in wrong if why]


__all__ = ("answer_of", "arrived_dumps", "own_record", "own_state")
