# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The confusion table of the cases in this directory, as docs/evidence/evidence-cases.md has it."""

from __future__ import annotations

import collections
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.classify import classify
from evidence.cases import Case


class Judged(t.NamedTuple):
    """A case and what is said of it."""

    case: Case
    answer: tuple[str | None, str | None, str | None]
    sentence: str

    @property
    def stage_is_right(self) -> bool:
        """Whether the stage that was reached and the one that failed are right."""
        return self.answer[:2] == self.case.answer[:2]

    @property
    def cause_is_right(self) -> bool:
        """Whether the cause is right, and its sentence names what it has to."""
        return (
            self.answer[2] == self.case.answer[2]
            and self.case.fields.get("names", "") in self.sentence
        )


def judged(case: Case) -> Judged:
    """What is said of a case."""
    logs = [{"source": source, "text": text} for source, text in case.logs.items()]
    result = classify(logs, case.facts)
    codes = [result[key] and result[key]["code"] for key in ("stage", "failed", "cause")]
    sentence = result["cause"]["sentence"] if result["cause"] else ""
    return Judged(case, (codes[0], codes[1], codes[2]), sentence)


def page(results: list[Judged]) -> str:
    """The page's tables: by cause, what was said; and all cases."""
    rows = ["| right cause | cases | said |", "|---|---|---|"]
    by_cause = collections.defaultdict(list)
    for result in results:
        by_cause[result.case.answer[2] or "none"].append(result.answer[2] or "none")
    for cause in sorted(by_cause):
        said = collections.Counter(by_cause[cause])
        shown = ", ".join(f"`{code}` {count}" for code, count in sorted(said.items()))
        rows.append(f"| `{cause}` | {len(by_cause[cause])} | {shown} |")
    rows += ["", "| case | reached | failed | cause | source |", "|---|---|---|---|---|"]
    for result in results:
        reached, failed, cause = (value or "" for value in result.case.answer)
        wrong = "" if result.cause_is_right and result.stage_is_right else " (said: other)"
        source = result.case.fields["source"].replace("|", "\\|")
        rows.append(
            f"| {result.case.title} | {reached} | {failed} | `{cause or 'none'}`{wrong} | {source} |"
        )
    right_cause = sum(result.cause_is_right for result in results)
    right_stage = sum(result.stage_is_right for result in results)
    total = (
        f"{len(results)} cases: the cause is right in {right_cause}, the stage in {right_stage}."
    )
    return "\n".join([total, "", *rows])
