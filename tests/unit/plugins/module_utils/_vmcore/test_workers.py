# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work in several processes."""

from __future__ import annotations

import os
import signal

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.workers import (
    Piece,
    available,
    look_at_all,
)

PIECES = [(start, start + 10) for start in range(0, 100, 10)]


def size(piece: Piece) -> int:
    return piece[1] - piece[0]


@pytest.mark.parametrize("jobs", [1, 2, 3, 99])
def test_all_pieces_are_done_with_progress(jobs: int) -> None:
    seen: list[tuple[int, int]] = []
    result = look_at_all(PIECES, size, jobs, lambda done, total: seen.append((done, total)))
    assert (result.done, result.flaw) == (100, None)
    assert seen == sorted(seen)
    assert seen[-1] == (100, 100)


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_the_flaw_of_the_first_piece_that_has_one_is_the_result(jobs: int) -> None:
    def look(piece: Piece) -> int:
        if piece[0] >= 30:
            raise Flaw("damaged", f"flaw in {piece[0]}")
        return size(piece)

    result = look_at_all(PIECES, look, jobs)
    assert str(result.flaw) == "flaw in 30"
    assert result.flaw is not None
    assert result.flaw.verdict == "damaged"
    assert result.done == 30


def test_a_process_that_is_killed_leaves_the_pages_unverified() -> None:
    here = os.getpid()

    def look(piece: Piece) -> int:
        if piece[0] == 10 and os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return size(piece)

    result = look_at_all(PIECES, look, 2)
    assert result.flaw is not None
    assert result.flaw.verdict == "unsupported"
    assert str(result.flaw) == "A process that read pages was ended."


def test_what_cannot_be_read_is_unverified() -> None:
    def look(_piece: Piece) -> int:
        raise OSError(5, "Input/output error")

    result = look_at_all(PIECES, look, 2)
    assert str(result.flaw) == "Pages cannot be read: Input/output error."


def test_there_is_a_cpu() -> None:
    assert available() >= 1
