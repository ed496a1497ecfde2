# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The state of a crash test on the host it crashes: what a later run needs to finish it."""

from __future__ import annotations

import contextlib
import json
import os
import typing as t
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.check import misfit
from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.record import KeptState
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError

STATE = Path("/var/lib/vmcore-kdump/crash-test.json")
# A dump can fill the file system that the state is on, and the one that Ansible copies modules to. This much is kept
# for the judgement until the host is back.
RESERVE = STATE.with_name("reserve")
_RESERVE_BYTES = 8 << 20


def load(path: Path = STATE) -> dict[str, t.Any] | None:
    """Return the state of the last crash test, None when there was none.

    Raises:
        KdumpError: the file is there and is no state.
    """
    try:
        state = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else "it is no JSON"
        raise KdumpError(
            f"The state of the last crash test in {path} cannot be read, {why}: remove the file if no test is"
            " under way."
        ) from exc
    if isinstance(state, dict) and "stage" in state:
        state["status"] = state.pop("stage")  # as releases before 0.3.0 called it
    wrong = misfit(state, KeptState, "the state")
    if wrong:
        raise KdumpError(
            f"{path} holds no state of a crash test ({wrong}): remove the file if no test is under way."
        )
    return t.cast("dict[str, t.Any]", state)


def save(state: dict[str, t.Any], path: Path = STATE) -> None:
    """Write the state so that it survives the crash that follows: file and directory are on disk."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    with temporary.open("w") as stream:
        json.dump(state, stream, indent=2, sort_keys=True)
        stream.write("\n")
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def reserve(path: Path = RESERVE) -> None:
    """Keep some disk space for the time after the crash.

    Raises:
        KdumpError: it is not there.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with path.open("wb") as stream:
            os.posix_fallocate(stream.fileno(), 0, _RESERVE_BYTES)
    except OSError as exc:
        release(path)
        raise KdumpError(
            f"The host was not crashed: {_RESERVE_BYTES >> 20} MiB for the judgement cannot be kept in"
            f" {path.parent}: {exc.strerror}."
        ) from exc


def release(path: Path = RESERVE) -> None:
    """Give the space back."""
    with contextlib.suppress(OSError):
        path.unlink()


__all__ = ("RESERVE", "STATE", "load", "release", "reserve", "save")
