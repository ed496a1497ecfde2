# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The crashes of a host that the controller knows: a file a host, which holds what was new in each run.

A crash is known by its kernel's log, which no two crashes share. Its name on the controller is made here from what the
host sent, so that no host names a file.
"""

from __future__ import annotations

import hashlib
import json
import typing as t
from pathlib import PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report import shape
from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report.files import (
    crash_log_path,
    crashes_path,
    dumps,
    write,
)

if t.TYPE_CHECKING:
    from pathlib import Path

    from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.crashes import (
        Crashes,
        NewCrash,
    )

State = dict[str, t.Any]

# More crashes than any host keeps: a host that sends more would fill the controller.
MOST_CRASHES = 500
_LAST_LINES = 30
_AWAY = "Move the file away to collect all crashes again."
# For the user alone: a kernel's log has addresses, names and command lines.
_DIRECTORY_MODE = 0o700


def load(directory: Path, host: str) -> State:
    """Return what is known of a host's crashes.

    Raises:
        KdumpError: the file is there and holds none.
    """
    path = crashes_path(directory, host)
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {"version": 1, "host": host, "crashes": []}
    except OSError as exc:
        raise KdumpError(f"{path} cannot be read: {exc.strerror}. {_AWAY}") from exc
    except ValueError as exc:
        raise KdumpError(f"{path} is no JSON. {_AWAY}") from exc
    known = content.get("crashes") if isinstance(content, dict) else None
    if not isinstance(known, list) or not all(map(_is_crash, known)):
        raise KdumpError(f"{path} holds no crashes of {host}. {_AWAY}")
    return t.cast("State", content)


def _is_crash(value: t.Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("id"), str)
        and isinstance(value.get("identities"), list)
        and isinstance(value.get("path"), str)
    )


def identities(state: State) -> list[str]:
    """Return what a host need not read again."""
    return sorted({each for crash in state["crashes"] for each in crash["identities"]})


def reported(state: State) -> dict[str, dict[str, t.Any]]:
    """Return signature and time of each crash that is known, by the identities of its files."""
    return {
        identity: {key: crash.get(key) for key in ("signature", "crash_time")}
        for crash in state["crashes"]
        for identity in crash["identities"]
    }


def merge(state: State, answer: Crashes, now: int) -> tuple[State, dict[str, NewCrash]]:
    """Return the state with what a host answered, and what is new, by its identity on the controller.

    Nothing changes when nothing is new. A crash whose file changed (a dump that was complete later, or was compressed)
    stays the same crash.

    Raises:
        KdumpError: the host has more crashes than a host can have.
    """
    crashes = {crash["id"]: dict(crash) for crash in state["crashes"]}
    fresh: dict[str, NewCrash] = {}
    for crash in answer["crashes"]:
        name = crash_id(crash)
        before = crashes.get(name)
        if before is None:
            fresh[name] = crash
        crashes[name] = _kept(name, crash, before, now)
    if len(crashes) > MOST_CRASHES:
        raise KdumpError(
            f"More than {MOST_CRASHES} crashes of {state['host']} are known: remove old dumps with"
            " vmcore.kdump.prune, and move what was collected of this host away."
        )
    there = frozenset(answer["identities"])
    for one in crashes.values():
        # What lies elsewhere was not looked for.
        if PurePosixPath(answer["directory"]) in PurePosixPath(one["path"]).parents:
            one["present"] = not there.isdisjoint(one["identities"])
    merged = {
        **state,
        "platform": {"architecture": answer["architecture"], "dmi": answer["dmi"]},
        "kernel": answer["kernel"],
        "crashes": sorted(
            crashes.values(), key=lambda crash: (crash["crash_time"] or 0, crash["id"])
        ),
    }
    return merged, fresh


def crash_id(crash: NewCrash) -> str:
    """Return what a crash is called on the controller: a digest of its log, without one of what the dump says."""
    if crash["log"]:
        telling = "\n".join(crash["log"])
    elif crash["build_id"] and crash["crash_time"]:
        telling = f"{crash['nodename']} {crash['build_id']} {crash['crash_time']}"
    else:
        telling = crash["identity"]
    return hashlib.sha256(telling.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _kept(name: str, crash: NewCrash, before: State | None, now: int) -> State:
    log = crash["log"]
    kept = {key: value for key, value in crash.items() if key not in ("identity", "log")}
    known = before["identities"] if before else []
    return {
        **kept,
        "id": name,
        "identities": sorted({*known, crash["identity"]}),
        "collected_at": before["collected_at"] if before else now,
        "has_log": bool(log),
        "last_lines": log[-_LAST_LINES:],
        "present": True,
    }


def keep(directory: Path, state: State, fresh: dict[str, NewCrash]) -> None:
    """Write the logs of new crashes, and then the state: what it has can be read.

    Raises:
        KdumpError: it cannot be written.
    """
    path = crashes_path(directory, state["host"])
    try:
        path.parent.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
    except OSError as exc:
        raise KdumpError(f"{path.parent} cannot be made: {exc.strerror}.") from exc
    for name, crash in fresh.items():
        if crash["log"]:
            text = "".join(f"{line}\n" for line in crash["log"])
            write(crash_log_path(directory, state["host"], name), text)
    write(path, dumps(state))


def lines(state: State) -> list[str]:
    """Return a line for each crash, for people and for differences."""
    return [
        f"{line['origin'].replace('_', ' ')} {line['id']}: {line['words'] or 'why is not known'}"
        f" ({line['reason'] or line['why']}), kernel {line['release'] or 'not known'},"
        f" signature {line['signature'] or 'none'}, dump {line['verdict'].replace('_', ' ')}"
        f"{'' if line['present'] else ', removed since'}"
        for line in shape.collected(state)["crashes"]
    ]


__all__ = (
    "MOST_CRASHES",
    "State",
    "crash_id",
    "identities",
    "keep",
    "lines",
    "load",
    "merge",
    "reported",
)
