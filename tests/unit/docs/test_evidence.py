# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.causes import CAUSES
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.patterns import (
    PATTERNS,
    Form,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.stages import STAGES

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "evidence.md"


def cell(text: str) -> str:
    """Text for a cell of a Markdown table."""
    return text.replace("|", "\\|")


def form_cell(form: Form) -> str:
    return f"`{cell(form.regex.pattern)}` ({cell(form.source)}; {form.seen})"


def tables() -> dict[str, str]:
    """The tables of the page, by the name that its markers have."""
    stages = ["| stage | name | in a result record |", "|---|---|---|"]
    stages += [f"| {stage.code} | {stage.name} | {stage.recorded_as} |" for stage in STAGES]
    causes = ["| cause | stage | meaning |", "|---|---|---|"]
    causes += [
        f"| `{rule.code}` | {rule.stage or 'the first one missing'} | {cell(rule.meaning)} |"
        for rule in CAUSES
    ]
    patterns = [
        "| pattern | where | group | severity | meaning | forms |",
        "|---|---|---|---|---|---|",
    ]
    patterns += [
        f"| `{pattern.code}` | {pattern.where} | {pattern.group} | {pattern.severity} | {cell(pattern.meaning)} |"
        f" {'<br>'.join(form_cell(form) for form in pattern.forms)} |"
        for pattern in PATTERNS
    ]
    return {
        name: "\n".join(rows)
        for name, rows in (("stages", stages), ("causes", causes), ("patterns", patterns))
    }


def filled(page: str) -> str:
    """The page with its tables as they are in the code."""
    for name, table in tables().items():
        before, begin, rest = page.partition(f"<!-- {name} -->\n")
        _old, end, after = rest.partition(f"\n<!-- end of {name} -->")
        page = before + begin + table + end + after
    return page


def test_the_tables_are_those_of_the_code(tmp_path: Path) -> None:
    page = PAGE.read_text()
    (tmp_path / "evidence.md").write_text(filled(page))
    assert page == filled(page), f"{tmp_path}/evidence.md is how {PAGE} should be"


def test_every_table_is_on_the_page() -> None:
    page = PAGE.read_text()
    for name, table in tables().items():
        assert f"<!-- {name} -->\n{table}\n<!-- end of {name} -->" in page
