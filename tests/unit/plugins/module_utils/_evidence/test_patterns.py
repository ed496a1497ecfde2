# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.messages import messages
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.patterns import (
    LAB,
    MILESTONES,
    MOUNTED,
    PATTERNS,
    REPORT,
    SOURCE,
    Form,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.stages import CODES
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._evidence.consoles import (
    CONSOLES,
    console,
)
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._evidence.lines import LINES


def place(code: str) -> str:
    """A place where the lines of a pattern count."""
    (pattern,) = (pattern for pattern in PATTERNS if pattern.code == code)
    return "P" if pattern.where == "P" else "C"


def first(line: str, where: str) -> str | None:
    """The pattern that has a line at a place."""
    return next(
        (
            pattern.code
            for pattern in PATTERNS
            if pattern.where in (where, "A") and pattern.search(line)
        ),
        None,
    )


def lab_messages() -> list[str]:
    """All that was said in the crashes of the lab that are test data."""
    return [message.text for name in CONSOLES for message in messages(console(name))]


@pytest.mark.parametrize(
    ("code", "line"), [(code, line) for code, known in LINES.items() for line in known]
)
def test_a_line_is_known(code: str, line: str) -> None:
    # A shell that was given up to is said in the same line as the disk that is missing.
    assert first(line, place(code)) == code


def test_every_form_has_a_line_here() -> None:
    without = [
        (pattern.code, form.regex.pattern)
        for pattern in PATTERNS
        for form in pattern.forms
        if not any(form.regex.search(line) for line in LINES.get(pattern.code, []))
    ]
    assert without == []


def test_every_form_seen_in_the_lab_is_in_the_test_data() -> None:
    said = lab_messages()
    claimed: list[Form] = [
        form for known in (*PATTERNS, *MILESTONES) for form in known.forms if form.seen == LAB
    ]
    assert [
        form.regex.pattern
        for form in claimed
        if not any(form.regex.search(message) for message in said)
    ] == []


def test_the_table_uses_its_own_words() -> None:
    codes = [pattern.code for pattern in PATTERNS]
    assert len(codes) == len(set(codes))
    for pattern in PATTERNS:
        assert pattern.where in "PCA"
        assert pattern.severity in ("info", "warning", "error")
        assert pattern.meaning.endswith(".")
        for form in pattern.forms:
            assert form.seen in (LAB, REPORT, SOURCE)
            assert form.source
    assert {milestone.stage for milestone in MILESTONES} <= {MOUNTED, *CODES}


@pytest.mark.parametrize(
    "line",
    [
        "DMAR: Host address width 39",
        "kdump-tools[328]: The kernel version is not supported.",
        "kdump-tools[328]: The makedumpfile operation may be incomplete.",
        "kdump-tools[311]: kdump-tools: saved dmesg content in /var/crash/202611221252.",
        "Timed out waiting for device dev-ttyS0.device - /dev/ttyS0.",
        "Failed to mount dev-hugepages.mount - Huge Pages File System.",
        "lpc_ich 0000:00:1f.0: I/O space for GPIO uninitialized",
        "systemd-ssh-generator[221]: Failed to query local AF_VSOCK CID: Cannot assign requested address",
        "",
    ],
)
def test_ordinary_lines_mean_nothing(line: str) -> None:
    assert first(line, "C") is None
