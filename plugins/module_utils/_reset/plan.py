# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The reset plan: which PCIe ports the capture kernel resets, which it leaves alone, and why.

Decided once, from facts, where it can be previewed. The capture kernel executes what is written here and
decides nothing. Pure functions: the same facts, exclusions and policy give the same plan and the same digest.
"""

from __future__ import annotations

import hashlib
import json
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._helper.plan_file import VERSION
from ansible_collections.vmcore.kdump.plugins.module_utils._helper.quiesce import STAGES
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.decide import (
    REASONS,
    RESETTING,
    Case,
    decide,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.exclusions import (
    places_of_rules,
    read_exclusions,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.exposure import exposure
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.models import RESETS_ITSELF
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.policy import (
    host_traits,
    read_policy,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.topology import read_topology

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ansible_collections.vmcore.kdump.plugins.module_utils._reset.policy import HostTraits
    from ansible_collections.vmcore.kdump.plugins.module_utils._reset.topology import Topology

    Facts = Mapping[str, t.Any]
    Port = Mapping[str, t.Any]

# What a plan's digest is of.
_DECIDED = ("address", "children", "decision", "methods", "reason", "rule")


def make_plan(
    facts: Facts,
    exclusions: Iterable[Mapping[str, t.Any]] = (),
    policy: Mapping[str, str] | None = None,
    stage: str = "initramfs",
) -> dict[str, t.Any]:
    """Decide for every root port and switch downstream port whether the capture kernel resets it.

    C(facts) are the facts of M(vmcore.kdump.platform_facts); C(exclusions) are rules as in
    read_exclusions(), C(policy) sets what read_policy() knows. C(stage) is where the reset is done: in the initramfs,
    or before it in the quiesce stage, where no driver is bound, built in or not.

    A port is reset if all functions below may be. Each function is decided by the rule that
    deciding_rules() finds for it, and by policy where there is none: a rule that resets one function
    does not reset a sibling that another rule leaves alone.

    Returns C({"version": 2, "host": str, "kernel": str, "stage": str, "digest": str, "policy": {...},
    "notes": [sentence], "ports": [{"address", "decision": "reset"|"leave", "reason", "sentence",
    "methods": [one of METHODS], "rule": str|None, "children": [{"address", "vendor", "device", "class"}],
    "on_chip": bool, "bus_master": bool|None, "drivers": [str]}],
    "summary": {"reset": int, "leave": int}, "reset_on_chip": int, "dma": what exposure() returns}). C(reset_on_chip)
    are those of C(reset) whose link never leaves the processor. Raises KdumpError for facts without C(pcie), for a
    malformed address or identity in them, for a malformed rule, for a malformed policy and for an unknown stage.
    """
    if stage not in STAGES:
        raise KdumpError(f"There is no stage {stage!r}: it may be {' or '.join(STAGES)}.")
    settings = read_policy(policy or {})
    topology = read_topology(facts)
    host, notes = host_traits(facts, settings)
    case = Case(
        topology=topology,
        rules=read_exclusions(exclusions),
        dmi=(facts.get("platform") or {}).get("dmi") or {},
        binds_early=stage == "initramfs",
    )
    decided = decide(case, host)
    decisions = [port["decision"] for port in decided]
    places = [(port, topology.below(port["address"])) for port in topology.ports]
    return {
        "version": VERSION,
        "host": _word(facts, "platform", "hostname"),
        "kernel": _word(facts, "kdump", "kernel_release"),
        "stage": stage,
        "digest": plan_digest(decided),
        "policy": settings,
        "notes": [
            *notes,
            *_target_notes(topology, host),
            *places_of_rules(case.rules, case.dmi, places),
        ],
        "ports": decided,
        "summary": {decision: decisions.count(decision) for decision in ("reset", "leave")},
        "reset_on_chip": sum(port["on_chip"] and port["decision"] == "reset" for port in decided),
        "dma": exposure(facts, case, host, decided),
    }


def _target_notes(topology: Topology, host: HostTraits) -> Iterator[str]:
    """Say where it is not known whether a controller that is reset holds the dump."""
    drivers = sorted(
        {str(each["driver"]) for each in topology.functions.values()} & set(RESETS_ITSELF)
    )
    if drivers and host.leave_target == "auto" and not host.dump_target:
        yield (
            "The facts do not tell which PCI function the dump is written through, so controllers of"
            f" {', '.join(drivers)} are reset as all others: exclude the port above by a rule if one holds the dump."
        )


def plan_digest(ports: Sequence[Port]) -> str:
    """Return the SHA-256 (hex) of what a plan decides.

    Host and kernel are left out, so that equal hosts have equal digests, and so is what only explains a decision, or
    says what the host did when it was planned: neither must rebuild every initramfs of a fleet.
    """
    decided = [{key: port[key] for key in _DECIDED} for port in ports]
    canonical = json.dumps(
        {"version": VERSION, "ports": decided}, sort_keys=True, separators=(",", ":")
    )
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()


def _word(facts: Facts, section: str, key: str) -> str:
    """Return a fact as one word for the plan file."""
    return "_".join(str((facts.get(section) or {}).get(key) or "unknown").split())


__all__ = ("REASONS", "RESETTING", "make_plan", "plan_digest")
