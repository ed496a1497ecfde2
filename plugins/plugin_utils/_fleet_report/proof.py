# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Whether the proof of a crash test still holds: what was crashed then, against what the host is now."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report.shape import Data

DAY = 86400


class Age(t.NamedTuple):
    """How old a proof may be."""

    now: float | None = (
        None  # seconds since the epoch by the controller's clock; None: no proof is too old
    )
    days: int = 0  # 0: no proof is too old


FOR_EVER = Age()


class Comparison(t.NamedTuple):
    """Something that a proof depends on: where the record and the facts have it, and what to say of a change.

    Either side returns None where it does not know. What is not known has not changed.
    """

    tested: Callable[[Data], t.Any]
    present: Callable[[Data], t.Any]
    sentence: str


def _configured(*path: str) -> Callable[[Data], t.Any]:
    """Return what the record keeps of kdump's facts at a path, None in records from before 0.3.0."""

    def value(record: Data) -> t.Any:
        return _at(record["kdump"] or {}, path)

    return value


def _now(*path: str) -> Callable[[Data], t.Any]:
    return lambda facts: _at(facts["kdump"], path)


def _mebibytes(read: Callable[[Data], t.Any]) -> Callable[[Data], str | None]:
    def words(about: Data) -> str | None:
        size = read(about)
        return None if size is None else f"{size / (1 << 20):.0f} MiB"

    return words


def _firmware(about: Data) -> t.Any:
    return about["platform"]["dmi"]["bios_version"] or None


def _tested_plan(record: Data) -> t.Any:
    """The plan's digest; "" when the test ran without the helper, which differs from every plan."""
    return "" if record["helper"]["installed"] is False else record["helper"]["digest"]


def _present_plan(facts: Data) -> t.Any:
    helper = facts["kdump"]["helper"]
    return "" if helper["installed"] is False else helper["digest"]


def _at(value: t.Any, path: tuple[str, ...]) -> t.Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


_COMPARISONS = (
    Comparison(
        lambda record: record["kernel"]["before"] or None, _now("kernel_release"),
        "The host runs the kernel {present} now. The test crashed {tested}.",
    ),
    Comparison(
        _tested_plan, _present_plan,
        "The installed reset plan is not the plan that was tested.",
    ),
    Comparison(
        _firmware, _firmware, "The firmware is {present} now. It was {tested} at the test.",
    ),
    Comparison(
        _mebibytes(_configured("crash_size")), _mebibytes(_now("crash_size")),
        "{present} are reserved for the capture kernel now. {tested} were reserved at the test.",
    ),
    Comparison(
        _configured("image", "fingerprint"), _now("image", "fingerprint"),
        "The kdump initramfs was built again after the test.",
    ),
    Comparison(
        _configured("capture_command_line"), _now("capture_command_line"),
        "The capture kernel gets another command line than at the test.",
    ),
    Comparison(
        _configured("target", "type"), _now("target", "type"),
        "Dumps go to another kind of target: {present} now, {tested} at the test.",
    ),
    Comparison(
        _configured("target", "path"), _now("target", "path"),
        "Dumps go to {present} now. They went to {tested} at the test.",
    ),
    Comparison(
        _configured("core_collector"), _now("core_collector"),
        "Another command collects the dump: {present} now, {tested} at the test.",
    ),
)  # fmt: skip


def changes(record: Data, assessment: Data | None) -> list[str]:
    """Return a sentence for each change since the test that a later assessment shows."""
    if assessment is None or not _is_later(assessment, record):
        return []
    return list(_changes(record, assessment["facts"]))


def _changes(record: Data, facts: Data) -> Iterator[str]:
    for comparison in _COMPARISONS:
        tested, present = comparison.tested(record), comparison.present(facts)
        if None not in (tested, present) and tested != present:
            yield comparison.sentence.format(tested=tested, present=present)


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
