# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.gate import (
    is_confirmed,
    play_token,
    protection,
)

HOSTS = ["db01", "db02"]
NOW = 1763800000.0
DAY = 86400.0


@pytest.mark.parametrize(
    ("confirm", "is_it"),
    [
        (["db01"], True),
        (["db02"], False),
        ([], False),
        (["all"], False),
        ([""], False),
        ([play_token(HOSTS, NOW)], True),
        ([play_token(["db02", "db01", "db01"], NOW)], True),
        ([play_token(HOSTS, NOW - DAY)], True),
        ([play_token(HOSTS, NOW - 2 * DAY)], False),
        ([play_token(HOSTS, NOW + DAY)], False),
        ([play_token([*HOSTS, "db03"], NOW)], False),
        ([play_token(["db01"], NOW)], False),
        ([play_token([], NOW)], False),
    ],
)
def test_a_host_is_confirmed_by_its_name_or_by_the_token_of_exactly_its_play(
    confirm: list[str], is_it: bool
) -> None:
    assert is_confirmed("db01", confirm, HOSTS, NOW) is is_it


def test_the_token_of_a_play_confirms_no_host_that_is_not_in_it() -> None:
    assert not is_confirmed("db09", [play_token(HOSTS, NOW)], HOSTS, NOW)
    assert not is_confirmed("db09", [play_token([], NOW)], [], NOW)


def test_protection_names_the_groups() -> None:
    assert protection(["web", "b", "a"], ["a", "b"]) == ["a", "b"]
    assert protection(["web"], ["a"]) == []
