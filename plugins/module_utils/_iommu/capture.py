# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What the capture kernel does with devices that still run: its IOMMU driver decides.

A device goes on with the DMA that the crashed kernel set up. Translation tables that the capture
kernel keeps let it finish into the crashed kernel's memory until a driver resets it; tables that are
replaced make it fault.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._iommu import command_line

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Iterator

    Json = dict[str, t.Any]

_VERSION = re.compile(r"([0-9]{1,9})\.([0-9]{1,9})")

# Architectures whose capture kernel behaves as told here.
_ARCHITECTURES = (None, "x86_64", "aarch64")

# Linux 4.2, intel/iommu.c, copy_translation_tables(). Linux 4.14, amd/init.c, copy_device_table().
_KEEPS_SINCE = {"vtd": (4, 2), "amdvi": (4, 14)}
# arm-smmu-v3.c, arm_smmu_device_reset(), up to the newest kernel that was looked at.
_ABORTS_UNTIL = (7, 2)
# 0c5f6c0d8201 iommu/vt-d: Fix kdump kernels boot failure with scalable mode.
_SCALABLE_SINCE = (6, 0)

_WHY = {
    "untouched": "initcall_blacklist=pci_iommu_init keeps the capture kernel's hands off the IOMMU, its tables"
    " stay as they are.",
    "switched_off": "The capture kernel's command line switches translation off: running devices then write to"
    " physical addresses.",
    "not_translating": "The IOMMU does not translate in the running kernel: running devices go on with DMA to"
    " physical addresses until a driver or a reset stops them.",
    "no_iommu": "The host shows no IOMMU: running devices go on with DMA to physical addresses until a driver"
    " or a reset stops them.",
    "not_captured": "/sys/class/iommu is missing, so it is not known whether the IOMMU translates in the running"
    " kernel: capture the tree again with it, or look at the host itself.",
    "architecture": "What the capture kernel of this architecture does is not known to this collection: a crash"
    " test shows it.",
    "no_release": "The kernel's release is not known, and with it what its capture kernel does.",
    "other_driver": "The IOMMU is of a kind that this collection does not know: a crash test shows what its"
    " driver does.",
    "vtd": "The capture kernel copies the VT-d tables, and a device keeps its old ones until its driver attaches:"
    " its DMA goes on until then.",
    "amdvi": "The capture kernel reuses the AMD-Vi device table, and a device keeps its old mappings until its"
    " driver attaches: its DMA goes on until then.",
    "too_old": "This kernel is older than Linux {since}, which was the first to keep the tables: DMA of running"
    " devices faults as soon as the capture kernel sets up the IOMMU.",
    "format": "The running kernel has VT-d's scalable mode {first}, the capture kernel has it {capture}. It cannot copy"
    " tables of the other format, and switches translation off: running devices then write to physical addresses.",
    "format_unknown": "Only one of both command lines sets VT-d's scalable mode, so it is not known whether the capture"
    " kernel can copy the tables. Give both the same arguments.",
    "pgtbl": "The capture kernel leaves AMD-Vi's guest page tables (amd_iommu=pgtbl_v2) out of the device table that it"
    " copies: what becomes of the DMA of running devices is not known. A crash test shows it.",
    "smmuv3": "The capture kernel resets the SMMUv3 and begins with an empty stream table: DMA of running devices"
    " is aborted, before any reset, until their drivers attach.",
    "smmuv3_new": "Kernels since Linux 7.3 and NVIDIA's may keep the SMMUv3's tables or abort the DMA of running"
    " devices: a crash test shows which.",
}

_WARNINGS = {
    "off_in_capture": "Translation is on in the running kernel, and the capture kernel's command line switches it"
    " off: running devices then write to wrong physical memory, which corrupts it. Give both the same arguments.",
    "default_in_capture": "{argument} is missing on the capture kernel's command line: where translation is off by"
    " default the capture kernel switches it off, and running devices write to wrong physical memory."
    " Give both the same arguments.",
    "on_in_capture": "Translation is off in the running kernel, and the capture kernel's command line switches it"
    " on: old DMA of running devices to physical addresses faults. Give both the same arguments.",
    "default_on_in_capture": "Translation is off in the running kernel by {argument}, which is missing on the capture"
    " kernel's command line: where translation is on by default old DMA of running devices to physical addresses"
    " faults. Give both the same arguments.",
    "passthrough": "Passthrough is {first} for the running kernel and {capture} for the capture kernel."
    " Give both the same mode.",
    "remapping": "Interrupt remapping is active in the running kernel, and intremap=off is only on the capture"
    " kernel's command line: interrupts of running devices are lost, and it needs nox2apic too."
    " Give both the same arguments.",
    "format": "{word} is {first} for the running kernel and {capture} for the capture kernel, so their translation"
    " tables differ in format. Give both the same arguments.",
    "scalable": "VT-d's scalable mode can be in use, and before Linux 6.0 its tables cannot be copied without the"
    " fix 0c5f6c0d8201: do a crash test, or boot both kernels with intel_iommu=sm_off.",
}


_OWN = {"vtd": "intel_iommu", "amdvi": "amd_iommu"}


class IommuSetup(t.NamedTuple):
    """What the answer depends on."""

    kind: str  # of the IOMMU, running or only in the firmware's tables: vtd, amdvi, smmuv3, none
    other: bool  # there are units of another kind
    translation: bool | None  # in the running kernel; None: not known
    remapping: bool | None  # of interrupts, in the running kernel; None: not known
    scalable: bool | None  # a VT-d unit is capable of scalable mode; None: not known
    architecture: str | None
    release: str | None
    first: str  # command line of the running kernel
    capture: str | None  # and of the capture kernel; None: not known, taken to be the same


def capture_kernel(setup: IommuSetup) -> Json:
    """Return C({"tables": "kept"|"aborted"|"none"|"unknown", "why": sentence, "warnings": [sentence]}).

    C(none): nothing translates in the capture kernel before a driver attaches, DMA is physical.
    Sources: drivers/iommu/intel/iommu.c, init_dmars(); drivers/iommu/amd/init.c,
    early_enable_iommus(); drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c, arm_smmu_device_reset().
    """
    tables, why = _tables(setup)
    return {"tables": tables, "why": why, "warnings": list(_warnings(setup))}


def _tables(host: IommuSetup) -> tuple[str, str]:
    release = _VERSION.match(host.release or "")
    version = (int(release[1]), int(release[2])) if release else None
    line = host.first if host.capture is None else host.capture
    since = _KEEPS_SINCE.get(host.kind)
    answers: tuple[tuple[bool, str, str], ...] = (
        (host.architecture not in _ARCHITECTURES, "unknown", "architecture"),
        (host.other, "unknown", "other_driver"),
        (host.translation is None, "unknown", "not_captured"),
        (host.kind == "none" and version is None, "unknown", "no_release"),
        (host.kind == "none", "none", "no_iommu"),
        (not host.translation, "none", "not_translating"),
        (host.kind != "smmuv3" and command_line.untouched(line), "kept", "untouched"),
        (command_line.translation(line, host.kind) is False, "none", "switched_off"),
        (version is None, "unknown", "no_release"),
        *((True, tables, why) for tables, why in _format(host)),
        (
            host.kind == "smmuv3" and _may_keep_streams(version, host.release),
            "unknown",
            "smmuv3_new",
        ),
        (host.kind == "smmuv3", "aborted", "smmuv3"),
        (version is not None and since is not None and version < since, "aborted", "too_old"),
        (True, "kept", host.kind),
    )
    tables, reason = next((tables, why) for applies, tables, why in answers if applies)
    modes = [_mode(line, host.kind, "scalable mode") for line in (host.first, line)]
    return tables, _WHY[reason].format(
        since=".".join(map(str, since or ())), first=modes[0], capture=modes[1]
    )


def _format(host: IommuSetup) -> Iterator[tuple[str, str]]:
    """Yield what follows from tables whose format the capture kernel does not have.

    drivers/iommu/intel/iommu.c, copy_translation_tables(): the RTT bit can only be changed when translation is
    disabled, so doing that "would open a window for data corruption", and init_dmars() disables translation then.
    drivers/iommu/amd/init.c, __copy_device_table(): "If gcr3 table existed, mask it out".
    """
    if host.capture is None:
        first = capture = command_line.table_formats(host.first, host.kind)
    else:
        first, capture = (
            command_line.table_formats(line, host.kind) for line in (host.first, host.capture)
        )
    modes = (first.get("scalable mode"), capture.get("scalable mode"))
    if host.scalable is not False and modes[0] != modes[1]:
        yield ("unknown", "format_unknown") if None in modes else ("none", "format")
    if first.get("pgtbl_v2"):
        yield "unknown", "pgtbl"


def _mode(line: str, kind: str, word: str) -> str:
    return {True: "switched on", False: "switched off", None: "not set"}[
        command_line.table_formats(line, kind).get(word)
    ]


def _may_keep_streams(version: tuple[int, int] | None, release: str | None) -> bool:
    return version is not None and (version > _ABORTS_UNTIL or "nvidia" in (release or ""))


def _warnings(host: IommuSetup) -> Iterator[str]:
    release = _VERSION.match(host.release or "")
    version = (int(release[1]), int(release[2])) if release else None
    if (
        host.translation
        and host.scalable
        and version is not None
        and version < _SCALABLE_SINCE
        and "sm_off" not in host.first
    ):
        yield _WARNINGS["scalable"]
    if host.capture is None or command_line.untouched(host.capture):
        return
    before = command_line.translation(host.first, host.kind)
    after = command_line.translation(host.capture, host.kind)
    if host.translation and after is False:
        yield _WARNINGS["off_in_capture"]
    elif host.translation and before and after is None:
        yield _WARNINGS["default_in_capture"].format(argument="intel_iommu=on")
    elif host.translation is False and after:
        yield _WARNINGS["on_in_capture"]
    elif host.translation is False and before is False and after is None:
        yield _WARNINGS["default_on_in_capture"].format(
            argument=f"{_OWN[host.kind]}=off or iommu=off"
        )
    if host.translation:
        formats = [
            command_line.table_formats(line, host.kind) for line in (host.first, host.capture)
        ]
        for word in sorted({*formats[0], *formats[1]}):
            if formats[0].get(word) != formats[1].get(word):
                first, capture = (
                    _mode(line, host.kind, word) for line in (host.first, host.capture)
                )
                yield _WARNINGS["format"].format(
                    word=word.capitalize() if " " in word else word, first=first, capture=capture
                )
    modes = [command_line.passthrough(line) for line in (host.first, host.capture)]
    if host.translation and modes[0] != modes[1]:
        words = {True: "switched on", False: "switched off", None: "not set"}
        yield _WARNINGS["passthrough"].format(first=words[modes[0]], capture=words[modes[1]])
    if host.remapping and command_line.remapping(host.capture) is False:
        yield _WARNINGS["remapping"]


__all__ = ("IommuSetup", "capture_kernel")
