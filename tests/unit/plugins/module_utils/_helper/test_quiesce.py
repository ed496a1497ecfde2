# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._helper.quiesce import (
    ARGUMENTS,
    BEGIN,
    END,
    SETTINGS,
    sourced,
    split,
    with_lines,
    without_lines,
)

LINE = f"[ ! -r {SETTINGS} ] || . {SETTINGS}"
OTHER = f"[ ! -r {ARGUMENTS} ] || . {ARGUMENTS}"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", f"{LINE}\n"),
        ("USE_KDUMP=1\n", f"USE_KDUMP=1\n{LINE}\n"),
        ("USE_KDUMP=1", f"USE_KDUMP=1\n{LINE}\n"),
        # Somebody added a setting behind it: it has to be the last one to see it.
        (f"A=1\n{LINE}\nB=2\n", f"A=1\nB=2\n{LINE}\n"),
    ],
)
def test_line_is_the_last_one(text: str, wanted: str) -> None:
    assert with_lines(text, [SETTINGS]) == wanted
    assert sourced(wanted) == [SETTINGS]


def test_what_is_loaded_last_sees_the_arguments_of_the_other() -> None:
    both = with_lines("A=1\n", [SETTINGS, ARGUMENTS])
    assert both == f"A=1\n{OTHER}\n{LINE}\n"
    assert sourced(both) == [ARGUMENTS, SETTINGS]
    assert with_lines(both, [ARGUMENTS]) == f"A=1\n{OTHER}\n"
    assert with_lines(both, []) == "A=1\n"


@given(st.text().filter(lambda text: LINE not in text))
def test_settings_are_given_back_as_they_were(text: str) -> None:
    lines = with_lines(text, [SETTINGS])
    assert without_lines(lines) in (text, f"{text}\n")
    assert without_lines(text) == with_lines(text, []) == text
    assert with_lines(lines, [SETTINGS]) == lines
    assert not sourced(text)


def test_command_line_is_taken_apart() -> None:
    lines = split(f"elfcorehdr=1 ro panic=10 {BEGIN} intremap=off panic=10 {END} acpi_rsdp=2")
    assert lines.capture == ["elfcorehdr=1", "ro", "panic=10", "acpi_rsdp=2"]
    assert lines.first == ["intremap=off", "panic=10"]
    assert split("ro quiet") == (["ro", "quiet"], [])
