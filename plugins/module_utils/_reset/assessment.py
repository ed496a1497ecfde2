# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What a crash would do on a host, as text for people: the tree, the IOMMU and the problems of kdump."""

from __future__ import annotations

import textwrap
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._quiesce.stage_choice import (
    suitable_stage,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.tree import reset_tree

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Iterable, Mapping

    Facts = Mapping[str, t.Any]

_WIDTH = 110
_KINDS = {
    "vtd": "Intel VT-d",
    "amdvi": "AMD-Vi",
    "smmuv3": "Arm SMMUv3",
    "none": "no IOMMU that the kernel uses",
    "unknown": "which IOMMU it uses is not known",
}
_TABLES = {
    "kept": "keeps the translation tables of the crashed kernel",
    "aborted": "aborts the DMA of running devices",
    "none": "translates no DMA of running devices",
    "unknown": "what it does with running devices is not known",
}


def assessment(facts: Facts, plan: Mapping[str, t.Any]) -> list[str]:
    """Return the lines of an assessment: what keeps running, the tree, IOMMU and stage in words, the problems of kdump.

    C(facts) are the facts of M(vmcore.kdump.platform_facts), C(plan) what make_plan() made of them. What the facts do
    not hold is left out. Raises KdumpError when the plan was made from other facts.
    """
    return [
        *dma_lines(plan),
        *reset_tree(facts, plan).splitlines(),
        "",
        "IOMMU",
        *_paragraphs(_iommu(facts.get("iommu") or {})),
        "",
        "Stage of the reset",
        *_paragraphs(_stage(facts, plan)),
        "",
        "kdump",
        *_paragraphs(_problems(facts.get("kdump") or {})),
    ]


def dma_lines(plan: Mapping[str, t.Any]) -> list[str]:
    """Return how many functions the plan makes silent, which keep running and why, and what would change that."""
    dma = plan.get("dma")
    if not dma:
        return []
    if not dma["functions"]:
        return ["No function that can do DMA is known.", ""]
    unknown = f", of {dma['unknown']} it is not known" if dma["unknown"] else ""
    total = (
        f"Of {_count(dma['functions'], 'function')} that can do DMA {dma['silent']} will be silent before drivers load,"
        f" {dma['running']} keep running{unknown}. Of those for storage and network {dma['silent_storage_network']} of"
        f" {dma['storage_network']} will be silent."
    )
    groups = [
        f"running: {len(group['functions'])}{_on_ports(group['ports'])}, {group['words']}"
        for group in dma["groups"]
    ]
    levers = [f"+{lever['gain']} silent with {lever['words']}" for lever in dma["levers"]]
    return [*textwrap.wrap(total, _WIDTH), *_paragraphs([*groups, *levers]), ""]


def _on_ports(ports: int) -> str:
    return f" on {_count(ports, 'port')}" if ports else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _iommu(iommu: Mapping[str, t.Any]) -> list[str]:
    if not iommu:
        return ["The facts do not tell."]
    return [_state(iommu), *_capture_kernel(iommu.get("capture_kernel") or {})]


_STATES = {True: "on", False: "off", None: "not known"}


def _state(iommu: Mapping[str, t.Any]) -> str:
    """Return what the running kernel does with the IOMMU."""
    units = len(iommu.get("units") or ())
    translation = iommu.get("translation", False)
    found = _KINDS.get(str(iommu.get("kind")), str(iommu.get("kind")))
    domain = iommu.get("default_domain")
    words = [
        f"This kernel: {found}"
        + (f", {units} {'unit' if units == 1 else 'units'}" if units else ""),
        f"translation is {_STATES[translation]}",
        *([f"default domain {domain}"] if domain else []),
    ]
    remapping = (iommu.get("interrupt_remapping") or {}).get("active")
    if remapping is not None:
        words.append(f"interrupt remapping is {_STATES[remapping]}")
    return ", ".join(words) + "."


def _capture_kernel(capture: Mapping[str, t.Any]) -> list[str]:
    if not capture:
        return []
    does = _TABLES.get(str(capture.get("tables")), _TABLES["unknown"])
    why = f" {capture['why']}" if capture.get("why") else ""
    return [
        f"The capture kernel: {does}.{why}",
        *(f"warning: {warning}" for warning in capture.get("warnings") or ()),
    ]


def _stage(facts: Facts, plan: Mapping[str, t.Any]) -> list[str]:
    """Return the stage that the plan is for, and the one that suits the host."""
    suitable = suitable_stage(facts)
    planned = plan.get("stage", "initramfs")
    return [
        f"The plan is for: {planned}. What suits this host: {suitable['stage']}. {suitable['why']}"
    ]


def _problems(kdump: Mapping[str, t.Any]) -> list[str]:
    """Return the problems, errors first."""
    if "problems" not in kdump:
        return ["The facts do not tell."]
    problems = [
        (problem.get("severity") or "error", problem["message"]) for problem in kdump["problems"]
    ]
    ordered = sorted(problems, key=lambda problem: problem[0] != "error")
    ready = [] if any(severity == "error" for severity, _message in ordered) else [_ready(kdump)]
    return [*(f"{severity}: {message}" for severity, message in ordered), *ready]


def _ready(kdump: Mapping[str, t.Any]) -> str:
    """What nobody could look at is not health."""
    not_known = kdump.get("not_known") or ()
    return (
        f"No error of kdump is known; could not be looked for: {', '.join(not_known)}."
        if not_known
        else "kdump is ready."
    )


def _paragraphs(sentences: Iterable[str]) -> list[str]:
    return [
        line
        for sentence in sentences
        for line in textwrap.wrap(
            sentence,
            _WIDTH,
            initial_indent="  ",
            subsequent_indent="    ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    ]


__all__ = ("assessment", "dma_lines")
