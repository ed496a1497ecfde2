# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What lines of a kernel log mean for a crash dump."""

from __future__ import annotations

import re
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Iterable


class Pattern(t.NamedTuple):
    """One kind of line."""

    code: str
    severity: str  # "info": what should be there; "warning": what costs dumps on some hosts
    meaning: str
    regex: re.Pattern[str]


# Messages of the kernel, by the file that prints them. Only what drivers/ and mm/ print on stock
# kernels; the reset helper's own lines are in its report.
PATTERNS = tuple(
    Pattern(code, severity, meaning, re.compile(regex))
    for code, severity, meaning, regex in (
        # drivers/iommu/intel/iommu.c, init_dmars()
        ("dmar_copied", "info", "VT-d keeps the dead kernel's translation tables until a driver attaches.",
         r"DMAR: Copied translation tables from previous kernel"),
        # drivers/iommu/intel/irq_remapping.c, iommu_load_old_irte()
        ("dmar_ir_copied", "info", "VT-d keeps the dead kernel's interrupt remapping table.",
         r"DMAR-IR: Copied IR table for"),
        ("dmar_copy_failed", "warning", "VT-d could not copy the tables and switched translation off.",
         r"DMAR(-IR)?: Failed to copy"),
        # drivers/iommu/intel/dmar.c, dmar_fault_do_one()
        ("dmar_fault", "warning", "A device did DMA that VT-d refused.",
         r"DMAR: \[DMA (Read|Write)"),
        ("dmar_ir_fault", "warning", "A device sent an interrupt that VT-d refused.",
         r"DMAR: \[INTR-REMAP\]"),
        # drivers/iommu/amd/init.c, early_enable_iommus()
        ("amd_reused", "info", "AMD-Vi keeps the dead kernel's device table until a driver attaches.",
         r"AMD-Vi: (Translation is already enabled|Reused DEV table)"),
        ("amd_fault", "warning", "A device did DMA that AMD-Vi refused.",
         r"AMD-Vi: Event logged \[IO_PAGE_FAULT"),
        # drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c, arm_smmu_device_reset()
        ("smmu_reset", "warning", "The SMMU was reset: DMA under way was aborted.",
         r"arm-smmu-v3.*SMMU currently enabled! Resetting"),
        # kernel/irq/spurious.c
        ("irq_nobody_cared", "warning", "An interrupt that no driver handles was switched off.",
         r"irq \d+: nobody cared"),
        # drivers/pci/pcie/aer.c, drivers/acpi/apei
        ("pcie_error", "warning", "A PCIe error was reported.",
         r"(AER: .*(Uncorrect|Fatal)|\[Hardware Error\]:)"),
        # drivers/pci/pci.c, pci_bridge_wait_for_secondary_bus(), pci_dev_wait()
        ("reset_no_link", "info", "The kernel saw no link after a reset: see in the report if the functions came back.",
         r"Data Link Layer Link Active not set"),
        ("reset_not_ready", "warning", "A device was not ready after the reset.",
         r"not ready \d+ms after bus reset"),
        # mm/oom_kill.c, mm/page_alloc.c
        ("out_of_memory", "warning", "The capture kernel ran out of memory: reserve more with crashkernel=.",
         r"(Out of memory: Killed process|invoked oom-killer|page allocation failure: order)"),
        # drivers/base/dd.c
        ("probe_failed", "warning", "A driver could not initialise its device.",
         r"(probe of \S+ failed with error|probe with driver \S+ failed with error) -\d+"),
        ("nvme_not_ready", "warning", "An NVMe controller did not become ready.",
         r"nvme nvme\d+: (Device not ready|I/O .*timeout)"),
    )
)  # fmt: skip

_PER_CODE = 5


def classify(source: str, lines: Iterable[str]) -> list[dict[str, t.Any]]:
    """Return the lines of a log that mean something, at most five of a kind.

    Args:
        source: which log it is, for instance C(capture kernel).
        lines: its lines.

    Returns:
        C([{"source", "code", "severity", "meaning", "count", "lines": [str]}]) in the table's order.
    """
    found: dict[str, list[str]] = {}
    counts: dict[str, int] = {}
    for line in lines:
        for pattern in PATTERNS:
            if pattern.regex.search(line):
                counts[pattern.code] = counts.get(pattern.code, 0) + 1
                if counts[pattern.code] <= _PER_CODE:
                    found.setdefault(pattern.code, []).append(line.rstrip()[:300])
                break
    return [
        {
            "source": source,
            "code": pattern.code,
            "severity": pattern.severity,
            "meaning": pattern.meaning,
            "count": counts[pattern.code],
            "lines": found[pattern.code],
        }
        for pattern in PATTERNS
        if pattern.code in found
    ]


__all__ = ("PATTERNS", "Pattern", "classify")
