# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.messages import (
    MAX_LINE,
    Message,
    messages,
    read_end,
)


def test_stamps_and_escapes_and_carriage_returns_go() -> None:
    assert messages("[    1.500000] one\r\n\r\n[\x1b[0;32m  OK  \x1b[0m] Started two.\r\n") == [
        Message(1, 1.5, "one"),
        Message(3, None, "[  OK  ] Started two."),
    ]


def test_a_message_that_interrupts_another_one_is_a_message() -> None:
    # As it was printed in the lab.
    found = messages(
        "[   72.607863] kdump-tools[315]: loaded kdump kernel.[   72.576060] SCSI subsystem initialized"
    )
    assert [line.text for line in found] == [
        "kdump-tools[315]: loaded kdump kernel.",
        "SCSI subsystem initialized",
    ]
    assert [line.number for line in found] == [1, 1]
    assert [line.time for line in found] == [72.607863, 72.57606]


def test_a_progress_display_is_shown_as_it_went() -> None:
    found = messages("Copying data : [  1.0 %] /\rCopying data : [100.0 %] |\rdone")
    assert [line.text for line in found] == [
        "Copying data : [  1.0 %] /",
        "Copying data : [100.0 %] |",
        "done",
    ]


@pytest.mark.parametrize(
    "stamp", ["[    1.500000][    T1]", "[    1.500000] [      T1]", "[    1.500000] [ C123456]"]
)
def test_a_stamp_can_name_a_caller(stamp: str) -> None:
    assert messages(f"{stamp} one") == [Message(1, 1.5, "one")]


def test_what_else_is_in_brackets_belongs_to_the_message() -> None:
    assert messages("[    1.500000] [drm] one") == [Message(1, 1.5, "[drm] one")]


def test_binary_garbage_is_no_text() -> None:
    assert messages("\x00\x00\ufffd\ufffd[    1.500000] o\x00ne\x07") == [Message(1, 1.5, "one")]


def test_a_line_without_an_end_is_cut() -> None:
    assert len(messages("x" * 1_000_000)[0].text) == MAX_LINE


@given(st.text())
def test_any_text_has_messages(text: str) -> None:
    for line in messages(text):
        assert line.text == line.text.strip() != ""
        assert "\x1b" not in line.text


def test_the_end_of_a_huge_file_is_read_from_a_line_on(tmp_path: Path) -> None:
    log = tmp_path / "console.log"
    log.write_bytes(b"0123456789\n" * 100_000 + b"the end\n")
    text = read_end(log, 100)
    assert len(text) <= 100
    assert text.startswith("0123456789\n")
    assert text.endswith("the end\n")


def test_a_sparse_file_of_a_terabyte_costs_nothing(tmp_path: Path) -> None:
    log = tmp_path / "console.log"
    with log.open("wb") as stream:
        stream.truncate(1 << 40)
        stream.seek(0, 2)
        stream.write(b"\nthe end\n")
    assert [line.text for line in messages(read_end(log, 4096))] == ["the end"]


def test_bytes_that_are_no_text_are_read(tmp_path: Path) -> None:
    log = tmp_path / "console.log"
    log.write_bytes(b"\xff\xfe one\xc3\n")
    assert [line.text for line in messages(read_end(log))] == ["one"]


def test_a_log_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(KdumpError, match="cannot be read"):
        read_end(tmp_path / "console.log")
