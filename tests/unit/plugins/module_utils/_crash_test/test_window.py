# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.window import (
    is_open,
    parse_window,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError


@pytest.mark.parametrize(
    ("window", "moment", "is_it"),
    [
        # 2026-11-22 is a Sunday.
        ("10:00-12:00", "2026-11-22 09:59", False),
        ("10:00-12:00", "2026-11-22 10:00", True),
        ("10:00-12:00", "2026-11-22 11:59", True),
        ("10:00-12:00", "2026-11-22 12:00", False),
        ("22:00-05:00", "2026-11-22 23:30", True),
        ("22:00-05:00", "2026-11-22 04:59", True),
        ("22:00-05:00", "2026-11-22 05:00", False),
        ("00:00-24:00", "2026-11-22 23:59", True),
        ("00:00-24:00", "2026-11-22 00:00", True),
        ("Sun 10:00-12:00", "2026-11-22 11:00", True),
        ("Sun 10:00-12:00", "2026-11-23 11:00", False),
        # The days are those on which the window begins.
        ("Sat 22:00-05:00", "2026-11-22 04:00", True),
        ("Sun 22:00-05:00", "2026-11-22 04:00", False),
        ("Sun 22:00-05:00", "2026-11-23 04:00", True),
        ("Mon-Fri 22:00-05:00", "2026-11-22 23:00", False),
        ("Mon-Fri 22:00-05:00", "2026-11-21 04:00", True),
        ("Sat-Mon 08:00-09:00", "2026-11-22 08:30", True),
        ("Sat-Mon 08:00-09:00", "2026-11-24 08:30", False),
        ("mon,SUN 08:00-09:00", "2026-11-22 08:30", True),
        ("Mon,Tue-Thu 08:00-09:00", "2026-11-22 08:30", False),
    ],
)
def test_a_window_is_open_or_closed(window: str, moment: str, is_it: bool) -> None:
    when = time.strptime(moment, "%Y-%m-%d %H:%M")
    assert is_open([parse_window(window)], when) is is_it


def test_one_open_window_is_enough_and_without_any_nothing_is_open() -> None:
    when = time.strptime("2026-11-22 08:30", "%Y-%m-%d %H:%M")
    windows = [parse_window("10:00-11:00"), parse_window("08:00-09:00")]
    assert is_open(windows, when)
    assert not is_open([], when)


@pytest.mark.parametrize(
    "text",
    ["", "always", "8:00-9:00", "10:00", "10:00-12:60", "24:00-25:00", "10:00-24:01", "Sonntag 10:00-12:00",
     "Mon- 10:00-12:00x", "Mon Tue 10:00-12:00", ",Mon 10:00-12:00"],
)  # fmt: skip
def test_what_is_not_understood_is_refused_with_examples(text: str) -> None:
    with pytest.raises(KdumpError, match="is not understood: write it as 22:00-05:00"):
        parse_window(text)
