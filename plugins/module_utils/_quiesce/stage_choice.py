# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Which stage suits a host, and why."""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.registry import (
    has_quiesce,
    with_quiesce,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Iterator, Mapping

    Facts = Mapping[str, t.Any]

_ARCHITECTURES = (None, "x86_64", "aarch64")

# arch/x86/kernel/apic/apic.c, try_to_enable_x2apic(): without interrupt remapping x2APIC is left, and the kernel panics
# on a CPU whose APIC ID needs it. Beyond so many CPUs there are such IDs.
_CPUS = 255

_NO = {
    "architecture": "The quiesce stage is built for x86_64 and aarch64, and this host is {architecture}.",
    "family": "The quiesce stage is built for {families}, and this host has {family}.",
    "cpus": "The quiesce stage switches interrupt remapping off, which {cpus} CPUs need.",
}
_YES = {
    "translation_lost": "Translation is on in the running kernel and not in the capture kernel: devices would write to"
    " wrong physical memory before a reset in its initramfs. The quiesce stage leaves the IOMMU as it was, and resets"
    " before.",
    "aborted": "The capture kernel aborts the DMA of running devices before a reset in its initramfs: the quiesce stage"
    " comes first.",
    "built_in": "The driver {driver} of {address} is built into the kernel, and has it before a reset in the initramfs:"
    " the quiesce stage comes first.",
}
_ENOUGH = (
    "The capture kernel keeps running devices where they were, and no built-in driver is below a port: a reset in the"
    " initramfs comes in time."
)
_EARLIER = "The quiesce stage would reset before the kernel initialises the IOMMU."


def suitable_stage(facts: Facts) -> dict[str, str]:
    """Return C({"stage": "initramfs"|"quiesce", "why": sentence}) from the facts of M(vmcore.kdump.platform_facts).

    The stage in the initramfs is one boot of a kernel shorter, so it is enough where nothing speaks for the other one.
    """
    against = against_quiesce(facts)
    if against:
        return {"stage": "initramfs", "why": against}
    reasons = next(_reasons(facts), None)
    if reasons:
        return {"stage": "quiesce", "why": reasons}
    tables = ((facts.get("iommu") or {}).get("capture_kernel") or {}).get("tables")
    return {"stage": "initramfs", "why": _ENOUGH if tables == "kept" else _EARLIER}


def against_quiesce(facts: Facts) -> str | None:
    """Return why the quiesce stage is not possible on a host, None if nothing speaks against it."""
    return next(_against(facts), None)


def _against(facts: Facts) -> Iterator[str]:
    platform = facts.get("platform") or {}
    architecture = platform.get("architecture")
    family = (facts.get("kdump") or {}).get("family")
    cpus = platform.get("cpus") or 0
    if architecture not in _ARCHITECTURES:
        yield _NO["architecture"].format(architecture=architecture)
    if family is not None and not has_quiesce(family):
        yield _NO["family"].format(families=with_quiesce(), family=family)
    if cpus > _CPUS and architecture != "aarch64":
        yield _NO["cpus"].format(cpus=cpus)


def _reasons(facts: Facts) -> Iterator[str]:
    iommu = facts.get("iommu") or {}
    capture = iommu.get("capture_kernel") or {}
    if capture.get("tables") == "none" and iommu.get("translation"):
        yield _YES["translation_lost"]
    if capture.get("tables") == "aborted":
        yield _YES["aborted"]
    pcie = facts.get("pcie") or {}
    below = {child for port in pcie.get("ports") or () for child in port["children"]}
    for function in pcie.get("functions") or ():
        endpoint = function.get("header") == "endpoint" and function["address"] in below
        if endpoint and function.get("driver") and function.get("driver_built_in"):
            yield _YES["built_in"].format(driver=function["driver"], address=function["address"])


__all__ = ("against_quiesce", "suitable_stage")
