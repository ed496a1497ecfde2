# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What can be wrong with a dump."""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError

Verdict = t.Literal["complete", "incomplete", "damaged", "not_this_crash", "unsupported"]


class Flaw(KdumpError):
    """One sentence about a dump, and the verdict that it leads to.

    It stays inside this package: a check makes it part of its result.
    """

    def __init__(self, verdict: Verdict, sentence: str) -> None:
        super().__init__(sentence)
        self.verdict: Verdict = verdict


def unproven(pages: int) -> Flaw:
    """What a full look must say of pages that are stored as they are."""
    return Flaw(
        "unsupported",
        f"All {pages} pages were read, but they are not compressed and have no checksum: whether they are "
        "what was written cannot be known.",
    )


class Check(t.NamedTuple):
    """One look at a dump, and the verdict on the dump if all depended on this check."""

    name: str
    detail: str
    verdict: Verdict

    @property
    def status(self) -> str:
        return {"complete": "ok", "unsupported": "unverified"}.get(self.verdict, "failed")


def check(name: str, look: t.Callable[[], str]) -> Check:
    """Look at something. The look returns what it saw in one sentence, or raises a Flaw."""
    try:
        return Check(name, look(), "complete")
    except Flaw as flaw:
        return Check(name, str(flaw), flaw.verdict)


__all__ = ("Check", "Flaw", "Verdict", "check", "unproven")
