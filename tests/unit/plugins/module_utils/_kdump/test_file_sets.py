# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real files of kdump: after an edit a shell reads what was asked for, and nothing else changed."""

from __future__ import annotations

import pytest

from ansible_collections.vmcore.kdump.tests.unit.file_sets import (
    ASKED,
    PAGE,
    FileSet,
    file_sets,
    lost,
    outcome,
    page,
)

SETS = list(file_sets())
# kdumpctl refuses these, and so does the edit, before anything is written.
REFUSED = {
    "cockpit-config-client", "hyperv-old-options", "insights-auto", "insights-blacklist", "insights-equal",
    "insights-net", "insights-nfs4", "insights-two-file-systems", "insights-two-targets", "spec-everything",
    "spec-unknown-option",
}  # fmt: skip


def test_there_are_enough_of_each_family() -> None:
    assert len(SETS) >= 40
    assert {each.family for each in SETS} == {"debian", "kdump-utils", "suse"}


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("files", SETS, ids=[each.name for each in SETS])
def test_only_what_was_asked_for_changes(files: FileSet, asked: str) -> None:
    found = outcome(files, asked)
    assert bool(found.refused) is (files.name in REFUSED), found.refused
    assert lost(found, asked) == []
    if found.edit is None:
        return
    assert not found.again, "the second run changes something"
    append = "KDUMP_CMDLINE_APPEND" if files.family == "debian" else "KDUMP_COMMANDLINE_APPEND"
    words = found.after[append].split()
    for word in ASKED[asked]["command_line_append"]:
        assert words.count(word) == 1
        assert [each for each in words if each.partition("=")[0] == word.partition("=")[0]] == [
            word
        ]


def test_page_says_what_comes_of_them() -> None:
    """C(make file-sets) writes it."""
    assert PAGE.read_text(encoding="utf-8") == page()
