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

    It stays inside this package: a check makes it part of its result. C(damaged) is for content that
    contradicts itself; what this code does not know, or limits, is C(unsupported).
    """

    def __init__(self, verdict: Verdict, sentence: str) -> None:
        super().__init__(sentence)
        self.verdict: Verdict = verdict


class KernelFlaw(Flaw):
    """What the crashed kernel left in its memory contradicts itself. That is the crash, and not the file.

    Where pages have no checksum the two cannot be told apart: C(unsupported), unless a check knows better.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__("unsupported", sentence)


class Absent(Flaw):
    """A page frame is not in the dump. Kernel memory that is RAM must be there."""

    def __init__(self, frame: int, *, is_ram: bool, sentence: str = "") -> None:
        what = "is RAM of the host, but not in the dump" if is_ram else "is no RAM of the host"
        super().__init__(
            "incomplete" if is_ram else "unsupported",
            sentence or f"Page frame {hex(frame)} {what}.",
        )
        self.frame = frame
        self.is_ram = is_ram


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
    noted: bool = False  # the file is as it should be, what the crashed kernel left in it is not

    @property
    def status(self) -> str:
        """C(ok), C(noted), C(unverified) or C(failed)."""
        if self.noted:
            return "noted"
        return {"complete": "ok", "unsupported": "unverified"}.get(self.verdict, "failed")


def check(name: str, look: t.Callable[[], str], *, proven: bool = False) -> Check:
    """Look at something. The look returns what it saw in one sentence, or raises a Flaw.

    If the pages of the file are C(proven), memory that contradicts itself was so when the kernel crashed.
    """
    try:
        return Check(name, look(), "complete")
    except KernelFlaw as flaw:
        if proven:
            return Check(name, str(flaw), "complete", noted=True)
        return Check(
            name, f"{flaw} The kernel's memory was so, or the file is damaged.", flaw.verdict
        )
    except Flaw as flaw:
        return Check(name, str(flaw), flaw.verdict)


__all__ = ("Absent", "Check", "Flaw", "KernelFlaw", "Verdict", "check", "unproven")
