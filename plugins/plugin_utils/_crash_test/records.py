# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The result records of crash tests in their directory on the controller."""

from __future__ import annotations

import json
import os
import tempfile
import time
import typing as t
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display
from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.check import misfit
from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.record import Record
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.plugin_utils._crash_test.dumps import (
    refuse_without_room,
)
from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report.files import (
    record_path,
    refusal_path,
)
from ansible_collections.vmcore.kdump.plugins.plugin_utils._save import save

if t.TYPE_CHECKING:
    from ansible_collections.vmcore.kdump.plugins.plugin_utils._refusal import Refusal

display = Display()

Result = dict[str, t.Any]

_TRIAL_BYTES = 4 << 20  # more than a record takes


class Records:
    """Where records are kept, if they are kept at all."""

    def __init__(self, directory: str | None, *, trial: bool = True) -> None:
        """Make the directory and try it, before anything is crashed. Without a trial nothing is made.

        Raises:
            AnsibleActionFail: nothing can be written there.
        """
        place = None if directory is None else Path(directory).absolute()
        self._directory = _tried(place) if place and trial else place

    def keep(self, record: Result) -> Path | None:
        """Store a record; a controller without room for it still finishes the test."""
        if self._directory is None:
            return None
        path = record_path(self._directory, record["host"], record["run_id"])
        try:
            _store({**record, "stored_at": _first_stored(path, record) or time.time()}, path)
        except OSError as error:
            display.warning(f"The record cannot be stored in {self._directory}: {error.strerror}.")
            return None
        return path

    def keep_refusal(self, host: str, refusal: Refusal) -> None:
        """Store why a host was not crashed, for the report; the last refusal replaces the one before."""
        if self._directory is None:
            return
        kept = {
            "version": 1,
            "host": host,
            "refused_at": time.time(),
            "reason": refusal.code,
            "why": refusal.why,
        }
        try:
            _store(kept, refusal_path(self._directory, host))
        except OSError as error:
            display.warning(
                f"The refusal of {host} cannot be stored in {self._directory}: {error.strerror}."
            )

    def seen_before(self, state: Result) -> dict[str, float]:
        """The stages that an earlier controller saw on the console, by the record that it left here."""
        if self._directory is None:
            return {}
        path = record_path(self._directory, state["host"], state["run_id"])
        try:
            record = json.loads(path.read_text())
        except (OSError, ValueError, RecursionError):
            return {}
        wrong = misfit(record, Record, "it")
        if wrong:
            display.warning(
                f"{path} is no result record ({wrong}): when the console showed the stages is not known."
            )
            return {}
        begin = state.get("triggered_at", state["armed_at"])
        return {
            stage["name"]: round(stage["time"] - begin, 1)
            for stage in record["stages"]
            if stage["source"] == "console" and stage["time"] is not None
        }

    def keep_answer(self, state: Result, answer: t.Any) -> str:
        """Store what a host answered in the place of a record, for people to look at; return where, in words."""
        if self._directory is None:
            return "without a results directory the answer was not kept"
        path = record_path(self._directory, state["host"], state["run_id"]).with_suffix(".answer")
        try:
            _store(answer, path)
        except OSError as error:
            return f"the answer cannot be stored in {self._directory}: {error.strerror}"
        return f"the answer is in {path}"

    def no_room(self, dump_bytes: int | None) -> str | None:
        """Why there is no room for a record, and for a dump of this size if one is to come; None when there is."""
        if self._directory is None:
            return None
        try:
            refuse_without_room(_existing(self._directory), dump_bytes or 0)
        except KdumpError as error:
            return str(error)
        return None


def _existing(directory: Path) -> Path:
    """The directory, or the one that it will be made in."""
    return next(place for place in (directory, *directory.parents) if place.is_dir())


def _first_stored(path: Path, record: Result) -> float | None:
    """Return when this very outcome was stored first, None when it was not.

    What came first, a test or an assessment, is told by the clock that both have, the controller's. To ask a host again
    for a test that is finished makes the proof no newer.
    """
    try:
        before = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    finished = record.get("finished_at")
    if finished is None or not isinstance(before, dict) or before.get("finished_at") != finished:
        return None
    stored = before.get("stored_at")
    return stored if isinstance(stored, float) else None


def _tried(directory: Path) -> Path:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory) as trial:
            # A quota, or a full disk: an empty file can be made there all the same.
            os.posix_fallocate(trial.fileno(), 0, _TRIAL_BYTES)
            return directory
    except OSError as error:
        raise AnsibleActionFail(
            f"The results directory {directory} cannot be written to: {error.strerror}."
        ) from error


def _store(record: t.Any, path: Path) -> None:
    save(path, (json.dumps(record, indent=2, sort_keys=True) + "\n").encode())


__all__ = ("Records",)
