# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from lab.experiments.targets import overheard
from lab.tap import Seen


@pytest.mark.parametrize(
    ("kind", "found", "wrong"),
    [
        ("ssh", 0, False),
        ("ssh", 1, True),
        ("nfs", 95, False),
        # A look that does not find what is there shows nothing of SSH either.
        ("nfs", 3, True),
    ],
)
def test_what_the_network_may_show_of_a_dump(kind: str, found: int, wrong: bool) -> None:
    assert bool(overheard(kind, Seen(100, found))) is wrong
