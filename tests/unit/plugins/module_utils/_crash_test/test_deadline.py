# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.deadline import (
    STALL_SECONDS,
    Deadline,
    scaled_timeout,
)


def test_a_host_with_more_memory_has_more_time() -> None:
    assert scaled_timeout(None) == 1800
    assert scaled_timeout(1 << 30) == 1803
    assert scaled_timeout(2 << 40) == 1800 + 3 * 2048


def test_a_silent_host_is_given_up_at_the_deadline() -> None:
    deadline = Deadline(1000)
    deadline.saw(10.0, console=5, dump=None)
    deadline.saw(990.0, console=5, dump=None)
    assert not deadline.passed(1000.0)
    assert deadline.passed(1000.1)


def test_a_dump_that_grows_is_waited_for_but_not_for_ever() -> None:
    deadline = Deadline(1000)
    for elapsed in range(0, 2000, 50):
        deadline.saw(float(elapsed), dump=elapsed)
        assert not deadline.passed(float(elapsed))
    deadline.saw(2000.1, dump=1)
    assert deadline.passed(2000.1)


def test_what_cannot_be_seen_any_more_is_no_progress() -> None:
    deadline = Deadline(1000)
    deadline.saw(900.0, dump=1)
    deadline.saw(1000.0, dump=None)
    deadline.saw(1050.0, dump=1)
    assert not deadline.passed(900.0 + STALL_SECONDS)
    assert deadline.passed(900.1 + STALL_SECONDS)
