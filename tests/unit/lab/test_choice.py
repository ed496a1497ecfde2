# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from lab.choice import chosen
from lab.errors import LabError


def test_without_a_name_everything_is_chosen() -> None:
    assert chosen("lane", [], {"old": 1, "new": 2}) == ["old", "new"]


def test_names_are_taken_in_the_order_in_which_they_were_given() -> None:
    assert chosen("lane", ["new", "old"], ("old", "new")) == ["new", "old"]


def test_a_name_that_is_none_is_refused_with_those_that_are() -> None:
    with pytest.raises(LabError, match="no lane nothing; choose of: old, new"):
        chosen("lane", ["old", "nothing"], ("old", "new"))
