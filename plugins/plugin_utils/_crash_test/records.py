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
from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report.files import record_path

display = Display()

Result = dict[str, t.Any]


class Records:
    """Where records are kept, if they are kept at all."""

    def __init__(self, directory: str | None) -> None:
        """Make the directory and try it, before anything is crashed.

        Raises:
            AnsibleActionFail: nothing can be written there.
        """
        self._directory = None if directory is None else _tried(Path(directory).absolute())

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

    def seen_before(self, state: Result) -> dict[str, float]:
        """The stages that an earlier controller saw on the console, by the record that it left here."""
        if self._directory is None:
            return {}
        try:
            record = json.loads(
                record_path(self._directory, state["host"], state["run_id"]).read_text()
            )
        except (OSError, ValueError):
            return {}
        begin = state.get("triggered_at", state["armed_at"])
        return {
            stage["name"]: round(stage["time"] - begin, 1)
            for stage in record["stages"]
            if stage["source"] == "console"
        }


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
        with tempfile.TemporaryFile(dir=directory):
            return directory
    except OSError as error:
        raise AnsibleActionFail(
            f"The results directory {directory} cannot be written to: {error.strerror}."
        ) from error


def _store(record: Result, path: Path) -> None:
    """Write the record; a file is there whole or not at all."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".record-")
    with os.fdopen(handle, "w") as stream:
        json.dump(record, stream, indent=2, sort_keys=True)
        stream.write("\n")
    Path(temporary).chmod(0o644)
    Path(temporary).replace(path)


__all__ = ("Records",)
