# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What those who saved a dump say themselves."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.side_files import (
    check_name,
    check_side_files,
)

if t.TYPE_CHECKING:
    from pathlib import Path

UNFINISHED = """This file will be overwritten when the dump is finished.
If you see this text the crash dump is likely incomplete.
"""
FINISHED = """Kernel crashdump
dmesg status: saved successfully
vmcore status: {}
"""


@pytest.mark.parametrize("name", ["dump-incomplete", "vmcore-incomplete", "dump-incomplete.gz"])
def test_a_name_that_says_incomplete_is_believed(tmp_path: Path, name: str) -> None:
    with pytest.raises(Flaw, match=f"The name {name} says") as caught:
        check_name(tmp_path / name)
    assert caught.value.verdict == "incomplete"


@pytest.mark.parametrize("name", ["dump.202611220951", "vmcore", "vmcore.flat"])
def test_other_names_are_final(tmp_path: Path, name: str) -> None:
    assert check_name(tmp_path / name) == "The file has a final name."


@pytest.mark.parametrize(
    ("key", "text", "sentence"),
    [
        ("readme", UNFINISHED, "README.txt beside it says that kdump did not finish."),
        (
            "readme",
            FINISHED.format("error while saving, return code: 1"),
            "README.txt beside it says of the vmcore: error while saving, return code: 1.",
        ),
        ("creation_status", "fail kdump_test_id=1\n", "vmcore-creation.status beside it says"),
    ],
)
def test_what_is_written_beside_a_dump_is_believed_if_it_is_bad(
    tmp_path: Path, key: str, text: str, sentence: str
) -> None:
    path = tmp_path / "file"
    path.write_text(text)
    with pytest.raises(Flaw) as caught:
        check_side_files({key: str(path)})
    assert str(caught.value).startswith(sentence)
    assert caught.value.verdict == "incomplete"


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("readme", FINISHED.format("saved successfully")),
        ("readme", ""),
        ("creation_status", "success kdump_test_id=1\n"),
        ("dmesg", UNFINISHED),
    ],
)
def test_what_is_good_proves_nothing(tmp_path: Path, key: str, text: str) -> None:
    path = tmp_path / "file"
    path.write_text(text)
    assert check_side_files({key: str(path)}).startswith("Nothing beside the dump")
    assert check_side_files({key: str(tmp_path / "missing"), "other": None})
