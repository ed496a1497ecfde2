# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Where a host stands between two assessments: what the readiness timer notes, as state, metrics and words.

The timer runs the code of M(vmcore.kdump.platform_facts), so that the host says of itself what an assessment would say.
"""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.proof import changed_since
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.watch import VERSION
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import is_file, names

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    Data = Mapping[str, t.Any]

# Worst first.
NOT_READY = "not_ready"  # no dump will be there
STALE = "stale"  # a crash test passed, and the host has changed since
UNPROVEN = "unproven"  # no crash test passed last
PROVEN = "proven"
STATES = (NOT_READY, STALE, UNPROVEN, PROVEN)

# What the timer itself is the source of.
_OF_THE_TIMER = ("kernel_not_proven", "readiness_not_checked")


def installed_kernels(root: Path) -> list[str]:
    """Return the releases of the installed kernels: each package has modules.builtin in its directory of modules."""
    directory = root / "lib/modules"
    return [each for each in names(directory) if is_file(directory / each / "modules.builtin")]


def standing(
    facts: Data,
    test: Data | None,
    before: Data | None,
    kernels: Sequence[str],
    *,
    boot_id: str | None,
    now: int,
) -> dict[str, t.Any]:
    """Return what is to be noted of a host.

    Args:
        facts: C(kdump) and C(platform) of M(vmcore.kdump.platform_facts).
        test: the record of the host's last crash test, None when there was none.
        before: what was noted last.
        kernels: the installed kernels.
        boot_id: of this boot.
        now: seconds since the epoch.
    """
    problems = [each for each in facts["kdump"]["problems"] if each["code"] not in _OF_THE_TIMER]
    proof = _proof(test)
    changes = list(changed_since(test, facts)) if test and proof else []
    known = _kernels_of_proof(proof, before, kernels)
    return {
        "version": VERSION,
        "checked_at": now,
        "boot_id": boot_id,
        "kernel": facts["kdump"]["kernel_release"],
        "state": _state(problems, proof, changes),
        "problems": problems,
        "proof": proof,
        "changes": changes,
        "kernels_of_proof": known,
        "new_kernels": [each for each in kernels if each not in known] if proof else [],
    }


def _proof(test: Data | None) -> dict[str, t.Any] | None:
    if not test or test.get("verdict") != "passed":
        return None
    return {"run_id": test.get("run_id"), "finished_at": test.get("finished_at")}


def _kernels_of_proof(proof: Data | None, before: Data | None, kernels: Sequence[str]) -> list[str]:
    """Return the kernels that were there when this proof was first seen. No time of a file says that."""
    noted = (before or {}).get("proof")
    if proof and isinstance(noted, dict) and noted.get("run_id") == proof["run_id"]:
        known = (before or {}).get("kernels_of_proof")
        if isinstance(known, list):
            return known
    return list(kernels)


def _state(problems: Sequence[Data], proof: Data | None, changes: Sequence[str]) -> str:
    if any(each["severity"] == "error" for each in problems):
        return NOT_READY
    if proof is None:
        return UNPROVEN
    return STALE if changes else PROVEN


def metrics(state: Data) -> str:
    """Return the state for node_exporter's textfile collector."""
    severities = [each["severity"] for each in state["problems"]]
    proof = state["proof"] or {}
    samples: list[tuple[str, str, list[tuple[str, t.Any]]]] = [
        ("state", "Where the host stands, 1 for the state that applies.",
         [(f'{{state="{each}"}}', int(each == state["state"])) for each in STATES]),
        ("problems", "What keeps the host from taking a dump or makes it doubtful.",
         [(f'{{severity="{each}"}}', severities.count(each)) for each in ("error", "warning")]),
        ("new_kernels", "Kernels that were installed after the proof.", [("", len(state["new_kernels"]))]),
        ("checked_timestamp_seconds", "When the host was checked.", [("", state["checked_at"])]),
        ("proof_timestamp_seconds", "When the crash test ended that is the proof.",
         [("", proof["finished_at"])] if proof.get("finished_at") is not None else []),
    ]  # fmt: skip
    lines = []
    for name, text, values in samples:
        if values:
            lines += [f"# HELP {_PREFIX}{name} {text}", f"# TYPE {_PREFIX}{name} gauge"]
            lines += [f"{_PREFIX}{name}{labels} {value}" for labels, value in values]
    return "".join(f"{line}\n" for line in lines)


_PREFIX = "vmcore_kdump_host_"

__all__ = (
    "NOT_READY",
    "PROVEN",
    "STALE",
    "STATES",
    "UNPROVEN",
    "installed_kernels",
    "metrics",
    "standing",
)
