# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Hosts that are not crashed, and why: that is no failure of theirs."""

from __future__ import annotations

import typing as t

Result = dict[str, t.Any]

# Why a host is refused: a code, and what it means.
REASONS = {
    "protected": "Protected: never crashed.",
    "own_machine": "The controller, or a second name of another host.",
    "window": "Outside of the maintenance window.",
    "not_ready": "Not ready to be crashed.",
    "unreachable": "No answer, before anything was crashed.",
    "no_test": "No test to be finished.",
}


class Refusal(t.NamedTuple):
    """A host that is not crashed."""

    code: str  # of REASONS
    why: str  # a sentence that names the host


def of_preparation(host: str, prepared: Result) -> Refusal | None:
    """What the host's own answer says against its crash; None for a failure, which is no answer.

    Args:
        host: its name.
        prepared: what RemoteHost.step() returned for C(prepare) or C(preflight), which has failed.
    """
    if prepared.get("unanswered"):
        return Refusal("unreachable", str(prepared["msg"]))
    failed = [check for check in prepared.get("checks", ()) if check["status"] == "failed"]
    if failed:
        only_window = {check["name"] for check in failed} == {"window"}
        details = " ".join(check["detail"] for check in failed)
        return Refusal(
            "window" if only_window else "not_ready", f"{host} was not crashed: {details}"
        )
    if prepared.get("refused"):
        return Refusal("not_ready", f"{host} was not crashed: {prepared.get('msg')}")
    return None


def refused(refusal: Refusal, *, skip: bool, **known: t.Any) -> Result:
    """The result of a task that refuses its host.

    Args:
        refusal: why.
        skip: whether the run goes on with other hosts, and counts this one as skipped.
        known: what else the result has.
    """
    outcome = {"skipped": True, "failed": False} if skip else {"failed": True}
    return {**known, **outcome, "changed": False, "refused": refusal.code, "msg": refusal.why}


__all__ = ("REASONS", "Refusal", "of_preparation", "refused")
