# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What a crash test says about a host."""

from __future__ import annotations

# Worst first: a mark, and what it means.
VERDICTS = {
    "failed": ("✕", "The last crash left no dump that proves anything."),
    "inconclusive": ("?", "There is a dump, but something was not as planned, or the test is not finished."),
    "stale": ("\N{CLOCKWISE OPEN CIRCLE ARROW}", "A test passed. The host has changed since, or the proof is too old."),
    "untested": ("\N{EN DASH}", "Never crashed on purpose: nothing is proven."),
    "passed": ("✓", "The last crash left a whole dump of that very crash, and the host is as it was then."),
}  # fmt: skip

UNKNOWN_PLATFORM = "unknown platform"

__all__ = ("UNKNOWN_PLATFORM", "VERDICTS")
