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
PLAY = '[["/etc/production"], [["db01", "192.0.2.1", 22], ["db02", "192.0.2.2", 22]]]'
OTHER = PLAY.replace("production", "staging")
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
        ([play_token(PLAY, NOW)], True),
        ([play_token(PLAY, NOW - DAY + 60)], True),
        ([play_token(PLAY, NOW - DAY)], False),
        ([play_token(PLAY, NOW + 60)], False),
        ([play_token(OTHER, NOW)], False),
        (["crash-0123456789"], False),
    ],
)
def test_a_host_is_confirmed_by_its_name_or_by_the_token_of_exactly_its_play(
    confirm: list[str], is_it: bool
) -> None:
    assert is_confirmed("db01", confirm, HOSTS, lambda: PLAY, NOW) is is_it


def test_a_token_is_valid_for_24_hours_from_any_moment_on() -> None:
    shown = [play_token(PLAY, NOW)]
    hours = {
        hour: is_confirmed("db01", shown, HOSTS, lambda: PLAY, NOW + hour * 3600)
        for hour in range(50)
    }
    assert [hour for hour, valid in hours.items() if valid] == list(range(24))


def test_the_token_of_a_play_confirms_no_host_that_is_not_in_it() -> None:
    assert not is_confirmed("db09", [play_token(PLAY, NOW)], HOSTS, lambda: PLAY, NOW)


def test_a_play_is_only_looked_at_for_a_token() -> None:
    def ask() -> str:
        raise AssertionError

    assert not is_confirmed("db01", ["db02"], HOSTS, ask, NOW)


def test_the_group_that_is_always_protected_needs_not_be_named() -> None:
    assert protection(["web", "crash_test_protected"], []) == ["crash_test_protected"]


def test_protection_names_the_groups() -> None:
    assert protection(["web", "b", "a"], ["a", "b"]) == ["a", "b"]
    assert protection(["web"], ["a"]) == []
