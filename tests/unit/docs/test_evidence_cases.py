# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

from evidence.cases import cases
from evidence.page import judged, page

PAGE = Path(__file__).parents[3] / "docs" / "evidence" / "evidence-cases.md"
BEGIN, END = "<!-- cases -->\n", "\n<!-- end of cases -->"


def test_the_page_is_what_is_said_of_the_cases(tmp_path: Path) -> None:
    text = PAGE.read_text()
    before, _begin, rest = text.partition(BEGIN)
    _old, _end, after = rest.partition(END)
    filled = before + BEGIN + page([judged(case) for case in cases()]) + END + after
    (tmp_path / PAGE.name).write_text(filled)
    assert text == filled, f"{tmp_path / PAGE.name} is how {PAGE} should be"
