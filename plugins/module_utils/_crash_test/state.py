# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The state of a crash test on the host it crashes: what a later run needs to finish it."""

from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError

STATE = Path("/var/lib/vmcore-kdump/crash-test.json")


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
        raise KdumpError(
            f"The state of the last crash test in {path} cannot be read ({exc}): remove the file if no test is"
            " under way."
        ) from exc
    if not isinstance(state, dict):
        raise KdumpError(f"{path} holds no state of a crash test: remove it.")
    return state


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


__all__ = ("STATE", "load", "save")
