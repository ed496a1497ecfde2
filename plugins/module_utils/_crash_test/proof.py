# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Whether a crash test still proves something: what was crashed then, against what the host is now."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable, Iterator, Mapping

    Data = Mapping[str, t.Any]


class Comparison(t.NamedTuple):
    """Something that a proof depends on: where the record and the facts have it, and what to say of a change.

    Either side returns None where it does not know. What is not known has not changed.
    """

    tested: Callable[[Data], t.Any]
    present: Callable[[Data], t.Any]
    sentence: str


def _at(*path: str) -> Callable[[Data], t.Any]:
    """Return what reads a path, None in records of releases that did not keep it."""

    def value(about: Data) -> t.Any:
        found: t.Any = about
        for key in path:
            found = found.get(key) if isinstance(found, dict) else None
        return found

    return value


def _mebibytes(read: Callable[[Data], t.Any]) -> Callable[[Data], str | None]:
    def words(about: Data) -> str | None:
        size = read(about)
        return None if size is None else f"{size / (1 << 20):.0f} MiB"

    return words


def _known(*path: str) -> Callable[[Data], t.Any]:
    """Return what reads a text that is empty where nobody knows it."""
    read = _at(*path)
    return lambda about: read(about) or None


def _plan(*path: str) -> Callable[[Data], t.Any]:
    """Return what reads a plan's digest: "" without the helper, which differs from every plan."""
    installed, digest = _at(*path, "installed"), _at(*path, "digest")
    return lambda about: "" if installed(about) is False else digest(about)


_COMPARISONS = (
    Comparison(
        _known("kernel", "before"), _at("kdump", "kernel_release"),
        "The host runs the kernel {present} now. The test crashed {tested}.",
    ),
    Comparison(
        _plan("helper"), _plan("kdump", "helper"),
        "The installed reset plan is not the plan that was tested.",
    ),
    Comparison(
        _known("platform", "dmi", "bios_version"), _known("platform", "dmi", "bios_version"),
        "The firmware is {present} now. It was {tested} at the test.",
    ),
    Comparison(
        _mebibytes(_at("kdump", "crash_size")), _mebibytes(_at("kdump", "crash_size")),
        "{present} are reserved for the capture kernel now. {tested} were reserved at the test.",
    ),
    Comparison(
        _at("kdump", "image", "fingerprint"), _at("kdump", "image", "fingerprint"),
        "The kdump initramfs was built again after the test.",
    ),
    Comparison(
        _at("kdump", "capture_command_line"), _at("kdump", "capture_command_line"),
        "The capture kernel gets another command line than at the test.",
    ),
    Comparison(
        _at("kdump", "target", "type"), _at("kdump", "target", "type"),
        "Dumps go to another kind of target: {present} now, {tested} at the test.",
    ),
    Comparison(
        _at("kdump", "target", "path"), _at("kdump", "target", "path"),
        "Dumps go to {present} now. They went to {tested} at the test.",
    ),
    Comparison(
        _at("kdump", "core_collector"), _at("kdump", "core_collector"),
        "Another command collects the dump: {present} now, {tested} at the test.",
    ),
)  # fmt: skip


def changed_since(record: Data, facts: Data) -> Iterator[str]:
    """Yield a sentence for each difference between what the record is of and what the facts show."""
    for comparison in _COMPARISONS:
        tested, present = comparison.tested(record), comparison.present(facts)
        if None not in (tested, present) and tested != present:
            yield comparison.sentence.format(tested=tested, present=present)


__all__ = ("changed_since",)
