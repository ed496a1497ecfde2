# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The facts of M(vmcore.kdump.platform_facts), whose RETURN says what each value means.

None is what the host does not tell. These types are also what is checked of a host's reply (check.py), at run time and
on Python 3.9: hence Optional and Union, and no NotRequired.
"""

from __future__ import annotations

import typing as t

_Class = t.TypedDict("_Class", {"class": str})


class LinkFacts(t.TypedDict):
    speed: t.Optional[str]
    width: t.Optional[int]
    max_speed: t.Optional[str]
    max_width: t.Optional[int]
    active: t.Optional[bool]
    active_reporting: t.Optional[bool]


class Enabled(t.TypedDict):
    enabled: bool


class Dpc(t.TypedDict):
    trigger_enabled: bool
    status: bool


class Sriov(t.TypedDict):
    total: t.Optional[int]
    enabled: t.Optional[int]


class Function(_Class):
    """A PCI function. Addresses are DDDD:BB:DD.F, identifiers hexadecimal without 0x."""

    address: str
    vendor: str
    device: str
    subsystem_vendor: str
    subsystem_device: str
    class_name: t.Optional[str]
    name: t.Optional[str]
    slot: t.Optional[str]
    driver: t.Optional[str]
    driver_built_in: t.Optional[bool]
    header: t.Optional[t.Literal["endpoint", "bridge", "cardbus"]]
    port_type: t.Optional[str]
    parent: t.Optional[str]
    root_bus: t.Optional[str]
    physical_function: t.Optional[str]
    secondary: t.Optional[str]
    numa_node: t.Optional[int]
    iommu_group: t.Optional[int]
    link: t.Optional[LinkFacts]
    max_payload: t.Optional[int]
    flr: t.Optional[bool]
    transactions_pending: t.Optional[bool]
    hotplug: t.Optional[bool]
    power_state: t.Optional[str]
    bus_master: t.Optional[bool]
    msi: t.Optional[Enabled]
    msix: t.Optional[Enabled]
    aer: t.Optional[bool]
    acs: t.Optional[bool]
    ari: t.Optional[bool]
    ats: t.Optional[bool]
    pri: t.Optional[bool]
    pasid: t.Optional[bool]
    cxl: t.Optional[bool]
    dpc: t.Optional[Dpc]
    sriov: t.Optional[Sriov]
    capabilities: list[str]
    reset_methods: t.Optional[list[str]]
    removable: t.Optional[str]
    notes: list[str]


class Port(t.TypedDict):
    """A root port or the downstream port of a switch."""

    address: str
    type: t.Literal["root_port", "downstream_port"]
    depth: int
    children: list[str]
    reset_subordinate: bool
    link_active: t.Optional[bool]
    slot: t.Optional[str]
    hotplug: t.Optional[bool]
    surprise: t.Optional[bool]
    presence: t.Optional[bool]
    dpc: t.Optional[Dpc]
    cxl: t.Optional[bool]
    sbr_masked: t.Optional[bool]
    external: t.Optional[bool]


class HostBridge(t.TypedDict):
    root_bus: str
    function: t.Optional[str]


class Pcie(t.TypedDict):
    functions: list[Function]
    ports: list[Port]
    host_bridges: list[HostBridge]
    notes: list[str]


class InterruptRemapping(t.TypedDict):
    active: t.Optional[bool]
    mode: t.Optional[str]
    evidence: t.Optional[str]


class ReservedRange(t.TypedDict):
    """Addresses are hexadecimal, the last one belongs to it."""

    start: str
    end: str
    type: str


class Group(t.TypedDict):
    id: int
    type: t.Optional[str]
    devices: list[str]
    reserved: list[ReservedRange]


class Reserved(ReservedRange):
    devices: list[str]
    source: str


class FirmwareTables(t.TypedDict):
    """What dmar.py, ivrs.py and iort.py decode."""

    dmar: t.Optional[dict[str, t.Any]]
    ivrs: t.Optional[dict[str, t.Any]]
    iort: t.Optional[dict[str, t.Any]]


class CaptureKernel(t.TypedDict):
    tables: t.Literal["kept", "aborted", "none", "unknown"]
    why: str
    warnings: list[str]


class Iommu(t.TypedDict):
    kind: t.Literal["vtd", "amdvi", "smmuv3", "none", "unknown"]
    units: list[dict[str, t.Any]]
    translation: t.Optional[bool]
    interrupt_remapping: InterruptRemapping
    default_domain: t.Optional[str]
    groups: list[Group]
    reserved: list[Reserved]
    acpi: FirmwareTables
    command_line: list[str]
    lockdown: t.Optional[str]
    capture_kernel: CaptureKernel
    notes: list[str]


class Service(t.TypedDict):
    name: t.Optional[str]
    enabled: t.Optional[bool]


class Image(t.TypedDict):
    kernel: t.Optional[str]
    initramfs: t.Optional[str]
    generator: t.Optional[str]
    fingerprint: t.Optional[str]


class TargetFacts(t.TypedDict):
    type: t.Optional[str]
    path: t.Optional[str]
    free_bytes: t.Optional[int]
    functions: t.Optional[list[str]]


class InstalledHelper(t.TypedDict):
    installed: bool
    digest: t.Optional[str]
    stale: t.Optional[bool]
    stage: t.Optional[str]


class SuitableStage(t.TypedDict):
    stage: str
    why: str


class Watchdog(t.TypedDict):
    name: str
    identity: t.Optional[str]
    driver: t.Optional[str]
    timeout: t.Optional[int]
    active: t.Optional[bool]


class Problem(t.TypedDict):
    """The code is one of problems.py."""

    code: str
    severity: t.Literal["error", "warning"]
    message: str


class PanicTriggers(t.TypedDict):
    """Documentation/admin-guide/sysctl/kernel.rst; None where the kernel does not have it."""

    panic_on_oops: t.Optional[int]
    unknown_nmi_panic: t.Optional[int]
    panic_on_unrecovered_nmi: t.Optional[int]
    panic_on_io_nmi: t.Optional[int]
    softlockup_panic: t.Optional[int]
    hardlockup_panic: t.Optional[int]
    hung_task_panic: t.Optional[int]
    panic_on_rcu_stall: t.Optional[int]


class EfiStore(t.TypedDict):
    writable: bool
    driver: t.Optional[t.Literal["built_in", "module"]]
    disabled: t.Optional[bool]
    free_bytes: t.Optional[int]


class Pstore(t.TypedDict):
    """What could keep the log of a capture kernel that dies."""

    backend: t.Optional[str]
    records: t.Optional[int]
    erst: t.Optional[bool]
    efi: t.Optional[EfiStore]
    capture: t.Optional[str]
    room: t.Optional[bool]
    why: str


class Kdump(t.TypedDict):
    family: t.Optional[str]
    distribution_family: t.Optional[str]
    armed: bool
    crash_size: t.Optional[int]
    service: Service
    kernel_release: t.Optional[str]
    image: Image
    command_line: t.Optional[str]
    capture_command_line: t.Optional[str]
    target: TargetFacts
    expected_dump_bytes: t.Optional[int]
    helper: InstalledHelper
    suitable_stage: t.Optional[SuitableStage]
    watchdogs: list[Watchdog]
    panic_triggers: PanicTriggers
    pstore: Pstore
    is_capture_kernel: bool
    recommended_crash_size: t.Optional[int]
    core_collector: t.Optional[str]
    problems: list[Problem]
    not_known: list[str]


class Dmi(t.TypedDict):
    """drivers/firmware/dmi-id.c: what tells a model, a board and its firmware, nothing that tells one machine."""

    sys_vendor: t.Optional[str]
    product_name: t.Optional[str]
    product_version: t.Optional[str]
    product_family: t.Optional[str]
    product_sku: t.Optional[str]
    board_vendor: t.Optional[str]
    board_name: t.Optional[str]
    board_version: t.Optional[str]
    chassis_vendor: t.Optional[str]
    chassis_type: t.Optional[str]
    bios_vendor: t.Optional[str]
    bios_version: t.Optional[str]
    bios_release: t.Optional[str]
    bios_date: t.Optional[str]


class ConsoleFacts(t.TypedDict):
    source: str
    function: t.Optional[str]


class Platform(t.TypedDict):
    hostname: t.Optional[str]
    architecture: t.Optional[str]
    memory_bytes: t.Optional[int]
    cpus: t.Optional[int]
    console: t.Optional[ConsoleFacts]
    dmi: Dmi
    notes: list[str]


class Facts(t.TypedDict, total=False):
    """Only the subsets that were gathered."""

    pcie: Pcie
    iommu: Iommu
    kdump: Kdump
    platform: Platform


__all__ = (
    "CaptureKernel",
    "ConsoleFacts",
    "Dmi",
    "Dpc",
    "EfiStore",
    "Enabled",
    "Facts",
    "FirmwareTables",
    "Function",
    "Group",
    "HostBridge",
    "Image",
    "InstalledHelper",
    "InterruptRemapping",
    "Iommu",
    "Kdump",
    "LinkFacts",
    "Pcie",
    "Platform",
    "Port",
    "Problem",
    "Pstore",
    "Reserved",
    "ReservedRange",
    "Service",
    "Sriov",
    "SuitableStage",
    "TargetFacts",
    "Watchdog",
)
