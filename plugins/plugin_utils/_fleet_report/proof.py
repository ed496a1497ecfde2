# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Whether the proof of a crash test still holds: what was crashed then, against what the host is now."""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.proof import changed_since

if t.TYPE_CHECKING:
    from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report.shape import Data

DAY = 86400


class Age(t.NamedTuple):
    """How old a proof may be."""

    now: float | None = (
        None  # seconds since the epoch by the controller's clock; None: no proof is too old
    )
    days: int = 0  # 0: no proof is too old


FOR_EVER = Age()


def changes(record: Data, assessment: Data | None) -> list[str]:
    """Return a sentence for each change since the test that a later assessment shows."""
    if assessment is None or not _is_later(assessment, record):
        return []
    return list(changed_since(record, assessment["facts"]))


def doubts(record: Data, assessment: Data | None, problems: list[Data], age: Age) -> list[str]:
    """Return why a passed test proves nothing of the host as it is now, an empty list while the proof holds.

    C(problems) are those of the assessment: an error that was found after the test means that the host cannot take a
    dump now.
    """
    found = []
    errors = [problem for problem in problems if problem["severity"] == "error"]
    if errors and _is_later(assessment, record):
        found.append(f"The host is not ready to take a dump now: {errors[0]['message']}")
    found += changes(record, assessment)
    old = days_old(record, age)
    if age.days and old is not None and old >= age.days:
        found.append(f"The test is {old} days old, and a proof counts for {age.days} days.")
    return found


def days_old(record: Data, age: Age) -> int | None:
    """Return the whole days since a test, None when nobody says what time it is.

    A record that a controller got from its host again is stored late, and a host's clock may be wrong: the earlier of
    both times counts.
    """
    times = [each for each in (record["stored_at"], record["finished_at"]) if each is not None]
    if age.now is None or not times:
        return None
    return max(0, int((age.now - min(times)) // DAY))


def _is_later(assessment: Data | None, record: Data) -> bool:
    """Say whether an assessment was made after a test was judged.

    Both times are of the controller's clock where the record has C(stored_at); older records have the host's only.
    """
    stored = record["stored_at"] or record["finished_at"] or 0
    return assessment is not None and (assessment["assessed_at"] or 0) >= stored


__all__ = ("DAY", "FOR_EVER", "Age", "changes", "days_old", "doubts")
