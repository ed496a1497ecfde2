# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``python -m prose [PAGE...]``: words and long sentences of each page, and what is wrong with its English."""

from __future__ import annotations

import sys
from pathlib import Path

from prose.style import MOST_WORDS, complaints
from prose.text import sentences

# Pages that are still in the old English: they are measured and not judged. A page that is rewritten leaves this list.
OLD = {
    "docs/evidence/bench.md",
    "docs/evidence/effect.md",
    "docs/how/apic.md",
    "docs/how/architecture.md",
    "docs/how/vmcore-verification.md",
    "docs/reference/evidence.md",
    "docs/tasks/example-assess.md",
    "docs/tasks/molecule.md",
}
# A command writes these, of names and reasons that are tested elsewhere.
WRITTEN = {"CHANGELOG.md", "docs/evidence/platforms.md"}


def pages() -> list[Path]:
    """Return every page but those that a command writes."""
    found = [*Path().glob("*.md"), *Path("docs").rglob("*.md"), *Path("roles").glob("*/README.md")]
    return sorted(page for page in found if str(page) not in WRITTEN)


def main() -> None:
    failed = False
    for page in [Path(name) for name in sys.argv[1:]] or pages():
        found = sentences(page.read_text(encoding="utf-8"))
        words = sum(each.words for each in found)
        long = sum(each.words > MOST_WORDS for each in found)
        judged = str(page) not in OLD
        print(
            f"{page}: {words} words, {len(found)} sentences, {long} longer than {MOST_WORDS} words"
            f" ({long / max(len(found), 1):.0%}){'' if judged else ', not judged yet'}"
        )
        for complaint in complaints(found) if judged else []:
            failed = True
            print(f"  {page}:{complaint}")
    sys.exit(1 if failed else 0)


main()
