# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._helper.quiesce import (
    BEGIN,
    END,
    SETTINGS,
    has_line,
    split,
    with_line,
    without_line,
)

LINE = f"[ ! -r {SETTINGS} ] || . {SETTINGS}"


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
    assert with_line(text) == wanted
    assert has_line(wanted)


@given(st.text().filter(lambda text: LINE not in text))
def test_settings_are_given_back_as_they_were(text: str) -> None:
    given_back = without_line(with_line(text))
    assert given_back in (text, f"{text}\n")
    assert without_line(text) == text
    assert with_line(with_line(text)) == with_line(text)
    assert not has_line(text)


def test_command_line_is_taken_apart() -> None:
    lines = split(f"elfcorehdr=1 ro panic=10 {BEGIN} intremap=off panic=10 {END} acpi_rsdp=2")
    assert lines.capture == ["elfcorehdr=1", "ro", "panic=10", "acpi_rsdp=2"]
    assert lines.first == ["intremap=off", "panic=10"]
    assert split("ro quiet") == (["ro", "quiet"], [])
