# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What lines of a log mean for a crash dump: a table.

docs/reference/evidence.md shows it to people; a test keeps the two the same.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.registry import traces
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.traces import (
    LAB,
    REPORT,
    SOURCE,
    by_tells,
)

if t.TYPE_CHECKING:
    from collections.abc import Iterable


class Form(t.NamedTuple):
    """One way in which it is said. Searched for anywhere in a message: consoles lose bytes and mix lines."""

    regex: re.Pattern[str]
    source: str
    seen: str


class Pattern(t.NamedTuple):
    """One kind of line."""

    code: str
    where: str  # P: before and while the crash; C: in the capture kernel; A: anywhere
    group: str
    severity: str  # "info": as it should be; "warning": costs dumps on some hosts; "error": costs this one
    meaning: str
    forms: tuple[Form, ...]

    def search(self, text: str) -> re.Match[str] | None:
        """The first form that is in a message."""
        for form in self.forms:
            match = form.regex.search(text)
            if match:
                return match
        return None


class Milestone(t.NamedTuple):
    """Lines that prove how far a crash got."""

    stage: str  # a code of stages.py
    where: str
    forms: tuple[Form, ...]


def _forms(rows: Iterable[tuple[str, str, str]]) -> tuple[Form, ...]:
    return tuple(Form(re.compile(regex), source, seen) for regex, source, seen in rows)


def _families(tells: str) -> tuple[tuple[str, str, str], ...]:
    return tuple((line.regex, line.source, line.seen) for line in _OF_FAMILIES.get(tells, ()))


def _pattern(
    code: str, where: str, group: str, severity: str, meaning: str, *rows: tuple[str, str, str]
) -> Pattern:
    return Pattern(code, where, group, severity, meaning, _forms(rows))


def _milestone(stage: str, where: str, *rows: tuple[str, str, str]) -> Milestone:
    return Milestone(stage, where, _forms(rows))


# What the families' tools print is in their folders.
_OF_FAMILIES = by_tells(traces())
_SEL = "ipmitool sel elist, sensor types of IPMI 2.0 table 42-3"

# A file system was mounted, whichever.
MOUNTED = "mounted"

# A PCI function or a virtio device: what a disk or a network hangs on.
_BUS_DEVICE = r"(?P<device>(?:[0-9a-f]{4}:[0-9a-f]{2}|virtio)\S{1,60})"
# Who writes a dump. Others notice a full disk, too, and other disks.
_WRITER = r"\b(?:\w*dump\w*|vmcore|compress|cat|cp|dd|scp|gzip|zstd|lzop|write_buffer)\b.*"

# fmt: off
MILESTONES = (
    _milestone(
        "S1", "P",
        (r"Kernel panic - not syncing", "Linux kernel/panic.c panic()", LAB),
    ),
    _milestone(
        "S2", "P",
        (r"Starting crashdump kernel\.\.\.",
         "Linux arch/arm64/kernel/machine_kexec.c machine_crash_shutdown()", SOURCE),
        (r"^Bye!$", "Linux arch/arm64/kernel/machine_kexec.c machine_kexec()", SOURCE),
    ),
    _milestone(
        "S4", "C",
        (r"pcie_reset: (?:start|resetting=|summary)",
         "the reset helper, which starts only if there is /proc/vmcore", LAB),
    ),
    _milestone(
        # /proc/vmcore is made before anything runs (fs_initcall of vmcore_init()); that it could not be made is said.
        "S4", "C",
        (r"Run \S*init as init process", "Linux init/main.c run_init_process()", SOURCE),
        (r"Freeing unused kernel", "Linux init/main.c kernel_init(), mm/page_alloc.c free_reserved_area()", LAB),
        (r"systemd\[1\]: Running in init", "systemd src/core/main.c", SOURCE),
        (r"\bdracut-(?:initqueue|cmdline|pre-udev|pre-trigger|pre-mount|mount)",
         "dracut modules.d/98dracut-systemd", REPORT),
        (r"\bBegin: (?:Running|Loading|Mounting|Waiting)", "initramfs-tools scripts/functions log_begin_msg()", LAB),
    ),
    _milestone(
        "S5", "C",
        (r"\[(?:vd|xvd)[a-z]+\] .*logical blocks\b", "Linux drivers/block/virtio_blk.c virtblk_update_capacity()", LAB),
        (r"\[sd[a-z]+\] .*logical blocks\b", "Linux drivers/scsi/sd.c sd_print_capacity()", SOURCE),
        (r"\bnvme\d+n\d+: p\d", "Linux block/partitions/core.c check_partition()", SOURCE),
        (r"\bdasd[a-z]+: dasd[a-z]+\d", "Linux block/partitions/core.c check_partition()", SOURCE),
    ),
    _milestone(
        # Any file system that was mounted: only where root= says so, that of the dump: mounts() of observations.py.
        MOUNTED, "C",
        (r"\bEXT4-fs \((?P<device>[^)]+)\): (?:re-)?mounted(?: filesystem (?P<uuid>[0-9a-f-]{36}))?",
         "Linux fs/ext4/super.c", LAB),
        (r"\bXFS \((?P<device>[^)]+)\): Ending (?:clean mount|recovery)",
         "Linux fs/xfs/xfs_log.c xfs_log_mount_finish()", SOURCE),
        (r"\bBTRFS info \(device (?P<device>[^):\s]+)[^)]*\): (?:first mount|using \S+ checksum|enabling ssd)",
         "Linux fs/btrfs/disk-io.c open_ctree(), fs/btrfs/super.c", SOURCE),
    ),
    _milestone(
        "S6", "C",
        *_families("S6"),
    ),
    _milestone(
        "S7", "C",
        *_families("S7"),
        (r"Copying data +: \[", "makedumpfile print_info.c print_progress()", REPORT),
    ),
    _milestone(
        "S8", "C",
        *_families("S8"),
    ),
)

PATTERNS = (
    # ---- Before the capture kernel ---------------------------------------------------------------
    _pattern(
        "not_reserved", "P", "kexec", "error",
        "No memory is reserved for the capture kernel.",
        (r"crashkernel reservation failed - ", "Linux arch/x86/kernel/setup.c reserve_crashkernel()", SOURCE),
        (r"Cannot reserve \d+MB crashkernel low memory",
         "Linux arch/x86/kernel/setup.c reserve_crashkernel_low()", SOURCE),
        (r"cannot allocate crashkernel", "Linux arch/arm64/mm/init.c reserve_crashkernel()", SOURCE),
        *_families("not_reserved"),
        (r"Memory for crashkernel is not reserved", "kexec-tools kexec/kexec.c main()", SOURCE),
        (r"\bcrashkernel: (?:Memory value expected|expected '|invalid size|end <= start)",
         "Linux kernel/crash_reserve.c parse_crashkernel_mem()", SOURCE),
    ),
    _pattern(
        "not_loaded", "P", "kexec", "error",
        "The capture kernel could not be loaded.",
        *_families("not_loaded"),
        (r"kexec_load failed: ", "kexec-tools kexec/kexec.c my_load()", SOURCE),
        (r"Could not find a free area of memory", "kexec-tools kexec/kexec.c locate_hole()", SOURCE),
        (r"locate_hole failed", "kexec-tools kexec/kexec.c locate_hole()", SOURCE),
        (r"kexec_file_load failed: ", "kexec-tools kexec/kexec.c do_kexec_file_load()", SOURCE),
        (r"Lockdown: \S+: kexec of unsigned images is restricted",
         "Linux security/lockdown/lockdown.c lockdown_is_locked_down()", SOURCE),
    ),
    _pattern(
        "waits_after_panic", "A", "kexec", "info",
        "A kernel waits for a reboot after its panic: it has no capture kernel to jump to.",
        (r"\bRebooting in \d+ seconds\.\.", "Linux kernel/panic.c panic()", LAB),
        (r"---\[ end Kernel panic", "Linux kernel/panic.c panic()", SOURCE),
    ),
    _pattern(
        "digest_mismatch", "A", "kexec", "error",
        "The capture kernel's image was overwritten in its reserved memory, by a device's DMA or a stray write.",
        (r"sha256 digests do not match", "kexec-tools purgatory/purgatory.c verify_sha256_digest()", SOURCE),
    ),
    _pattern(
        "watchdog_armed", "P", "watchdog", "info",
        "A hardware watchdog ran when the kernel crashed: nobody feeds it until the capture kernel does.",
        (r"Using hardware watchdog", "systemd src/shared/watchdog.c watchdog_open()", REPORT),
        (r"Watchdog running with a (?:hardware )?timeout of", "systemd src/shared/watchdog.c", REPORT),
    ),
    _pattern(
        "watchdog_there", "P", "watchdog", "info",
        "There is a hardware watchdog; whether it ran is not known.",
        (r"i6300ESB timer \S+ initialized", "Linux drivers/watchdog/i6300esb.c", LAB),
        (r"iTCO_wdt \S+ initialized", "Linux drivers/watchdog/iTCO_wdt.c", SOURCE),
        (r"hpwdt \S+ HPE Watchdog Timer Driver", "Linux drivers/watchdog/hpwdt.c hpwdt_init_one()", SOURCE),
    ),
    _pattern(
        "cpus_not_stopped", "P", "processors", "error",
        "Processors of the crashed kernel did not stop.",
        (r"failed to stop secondary CPUs:? ?(?P<cpus>[\d,-]*)",
         "Linux arch/arm64/kernel/smp.c crash_smp_send_stop()", SOURCE),
        (r"Some CPUs may be stale, kdump will be unreliable",
         "Linux arch/arm64/kernel/machine_kexec.c machine_kexec()", SOURCE),
    ),
    # ---- IOMMU -----------------------------------------------------------------------------------
    _pattern(
        "dmar_copied", "C", "iommu", "info",
        "VT-d keeps the dead kernel's translation tables until a driver attaches.",
        (r"DMAR: Copied translation tables from previous kernel",
         "Linux drivers/iommu/intel/iommu.c init_dmars()", LAB),
    ),
    _pattern(
        "dmar_ir_copied", "C", "iommu", "info",
        "VT-d keeps the dead kernel's interrupt remapping table.",
        (r"DMAR-IR: Copied IR table for", "Linux drivers/iommu/intel/irq_remapping.c intel_setup_irq_remapping()", LAB),
    ),
    _pattern(
        "dmar_copy_failed", "C", "iommu", "warning",
        "VT-d could not copy the dead kernel's tables and switched translation off: DMA under way goes astray.",
        (r"Failed to copy translation tables from previous kernel",
         "Linux drivers/iommu/intel/iommu.c init_dmars()", SOURCE),
        (r"Failed to copy context table for bus",
         "Linux drivers/iommu/intel/iommu.c copy_translation_tables()", SOURCE),
        (r"Failed to copy IR table for", "Linux drivers/iommu/intel/irq_remapping.c", SOURCE),
    ),
    _pattern(
        "dmar_fault", "C", "iommu", "warning",
        "A device did DMA that VT-d refused: it was still running for the dead kernel.",
        (r"DMAR: ?\[DMA (?:Read|Write)[^\]]*\] Request device \[(?P<device>[^\]]+)\]",
         "Linux drivers/iommu/intel/dmar.c dmar_fault_do_one(); 3.10 drivers/iommu/dmar.c", REPORT),
        (r"VT-d detected Invalidation \S+ Error", "Linux drivers/iommu/intel/dmar.c qi_check_fault()", SOURCE),
    ),
    _pattern(
        "dmar_status", "C", "iommu", "warning",
        "VT-d reported faults.",
        (r"DRHD: handling fault status reg", "Linux drivers/iommu/intel/dmar.c dmar_fault()", REPORT),
    ),
    _pattern(
        "dmar_ir_fault", "C", "interrupts", "warning",
        "A device sent an interrupt that VT-d refused: it was still running for the dead kernel.",
        (r"DMAR: \[INTR-REMAP\] Request device \[(?P<device>[^\]]+)\]",
         "Linux drivers/iommu/intel/dmar.c dmar_fault_do_one()", REPORT),
        (r"INTR-REMAP: Request device \[\[(?P<device>[^\]]+)\]", "Linux 3.10 drivers/iommu/dmar.c", SOURCE),
    ),
    _pattern(
        "amd_reused", "C", "iommu", "info",
        "AMD-Vi keeps the dead kernel's device table until a driver attaches.",
        (r"AMD-Vi: Copied DEV table from previous kernel",
         "Linux drivers/iommu/amd/init.c early_enable_iommus()", SOURCE),
        (r"AMD-Vi: Reused DEV table", "Linux drivers/iommu/amd/init.c early_enable_iommus(), since 6.18", SOURCE),
        (r"AMD-Vi: Translation is already enabled", "Linux drivers/iommu/amd/init.c init_iommu_one()", SOURCE),
    ),
    _pattern(
        "amd_copy_failed", "C", "iommu", "warning",
        "AMD-Vi could not copy the dead kernel's device table: DMA under way goes astray.",
        (r"AMD-Vi: Failed to copy DEV table", "Linux drivers/iommu/amd/init.c early_enable_iommus()", SOURCE),
    ),
    _pattern(
        "amd_fault", "C", "iommu", "warning",
        "A device did DMA that AMD-Vi refused: it was still running for the dead kernel.",
        (r"(?P<device>[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]): AMD-Vi: Event logged \[IO_PAGE_FAULT domain=",
         "Linux drivers/iommu/amd/iommu.c amd_iommu_report_page_fault()", SOURCE),
        (r"Event logged \[IO_PAGE_FAULT(?: device=(?P<device>\S+))?",
         "Linux drivers/iommu/amd/iommu.c amd_iommu_report_page_fault()", REPORT),
        (r"Event logged \[(?:ILLEGAL_DEV_TABLE_ENTRY|INVALID_DEVICE_REQUEST|RMP_\w+)(?: device=(?P<device>\S+))?",
         "Linux drivers/iommu/amd/iommu.c iommu_print_event()", SOURCE),
        (r"Event logged \[(?:DEV_TAB|PAGE_TAB|COMMAND)_HARDWARE_ERROR(?: device=(?P<device>\S+))?",
         "Linux drivers/iommu/amd/iommu.c iommu_print_event()", SOURCE),
        (r"Event logged \[IOTLB_INV_TIMEOUT device=(?P<device>\S+)",
         "Linux drivers/iommu/amd/iommu.c iommu_print_event()", SOURCE),
    ),
    _pattern(
        "amd_timeout", "C", "iommu", "error",
        "AMD-Vi does not answer: on SEV-SNP hosts the capture kernel cannot take it over without a newer kernel.",
        (r"AMD-Vi: Completion-Wait loop timed out", "Linux drivers/iommu/amd/iommu.c wait_on_sem()", REPORT),
    ),
    _pattern(
        "smmu_reset", "C", "iommu", "warning",
        "The SMMU was reset: DMA under way was aborted.",
        (r"SMMU currently enabled! Resetting",
         "Linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c arm_smmu_device_reset()", REPORT),
    ),
    _pattern(
        "smmu_event", "C", "iommu", "warning",
        "A device did DMA that the SMMU refused: it was still running for the dead kernel.",
        (r"arm-smmu-v3 \S+:\s+event:? ?(?P<event>0x[0-9a-f]+) received",
         "Linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c arm_smmu_evtq_thread()", REPORT),
        (r"arm-smmu-v3 \S+:\s+event: (?P<event>\w+) client: (?P<device>\S+)",
         "Linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c arm_smmu_dump_event(), since 6.14", SOURCE),
        (r"arm-smmu \S+: Un(?:expected global|handled context) fault",
         "Linux drivers/iommu/arm/arm-smmu/arm-smmu.c", SOURCE),
    ),
    _pattern(
        "smmu_timeout", "C", "iommu", "error",
        "The SMMU does not answer.",
        (r"CMD_SYNC timeout at 0x", "Linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c", SOURCE),
        (r"arm-smmu-v3 \S+: CMDQ timeout",
         "Linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c arm_smmu_cmdq_issue_cmdlist()", SOURCE),
        (r"unexpected global error reported \(",
         "Linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c arm_smmu_gerror_handler()", SOURCE),
        (r"TLB sync timed out -- SMMU may be deadlocked", "Linux drivers/iommu/arm/arm-smmu/arm-smmu.c", SOURCE),
    ),
    _pattern(
        "eeh_frozen", "C", "iommu", "warning",
        "EEH cut a PCI device off: it did what the bridge refused.",
        (r"EEH: Frozen (?P<device>PHB#\S+) detected",
         "Linux arch/powerpc/kernel/eeh.c eeh_dev_check_failure()", SOURCE),
        (r"\bEEH: (?P<device>PHB#\S+): This PCI device has failed",
         "Linux arch/powerpc/kernel/eeh_driver.c eeh_handle_normal_event()", SOURCE),
    ),
    # ---- Interrupts and processor ----------------------------------------------------------------
    _pattern(
        "timer_lost", "C", "interrupts", "error",
        "The timer's interrupt did not arrive.",
        (r"timer doesn't work through Interrupt-remapped IO-APIC",
         "Linux arch/x86/kernel/apic/io_apic.c check_timer()", LAB),
        (r"IO-APIC \+ timer doesn't work", "Linux arch/x86/kernel/apic/io_apic.c check_timer()", SOURCE),
    ),
    _pattern(
        # The bits of 256 vectors, the highest first: vectors 63 to 32 are the last word but one.
        "stale_interrupt", "C", "interrupts", "warning",
        "An interrupt of the dead kernel is pending in the APIC, in the vectors of the interrupts 0 to 15.",
        (r"APIC: Stale IRR: (?:[0-9a-f]{8},){6}(?!0000)[0-9a-f]{8},",
         "Linux arch/x86/kernel/apic/apic.c apic_pending_intr_clear()", SOURCE),
    ),
    _pattern(
        "apic_in_service", "C", "interrupts", "warning",
        "An interrupt of the dead kernel stays in service in the local APIC, and holds back those below it.",
        (r"pcie_reset: apic mode=\w+ in_service=\d\S* after=\d", "the reset helper", SOURCE),
    ),
    _pattern(
        "apic_ended", "C", "interrupts", "info",
        "An interrupt of the dead kernel was in service in the local APIC, and the reset helper ended it.",
        (r"pcie_reset: apic mode=\w+ in_service=\d\S* after=none", "the reset helper", SOURCE),
    ),
    _pattern(
        "apic_free", "C", "interrupts", "info",
        "No interrupt of the dead kernel is in service in the local APIC.",
        (r"pcie_reset: apic mode=\w+ in_service=none", "the reset helper", SOURCE),
    ),
    _pattern(
        "apic_unread", "C", "interrupts", "info",
        "The reset helper could not read the local APIC; the reason is in the line.",
        (r"pcie_reset: apic unread reason=(?P<reason>\w+)", "the reset helper", SOURCE),
    ),
    _pattern(
        "irq_nobody_cared", "C", "interrupts", "warning",
        "An interrupt that no driver handles was switched off; drivers that share it wait for ever.",
        (r"irq \d+: nobody cared", "Linux kernel/irq/spurious.c __report_bad_irq()", SOURCE),
        (r"\bDisabling IRQ #\d+", "Linux kernel/irq/spurious.c note_interrupt()", SOURCE),
    ),
    _pattern(
        "nmi", "C", "hardware", "warning",
        "A non-maskable interrupt came: a PCI system error, a management controller or a watchdog.",
        (r"Uhhuh\. NMI received for unknown reason", "Linux arch/x86/kernel/nmi.c unknown_nmi_error()", LAB),
        (r"NMI: IOCK error", "Linux arch/x86/kernel/nmi.c io_check_error()", SOURCE),
    ),
    _pattern(
        "serr_nmi", "C", "hardware", "warning",
        "A PCI system error (SERR) came as a non-maskable interrupt.",
        (r"NMI: PCI system error \(SERR\)", "Linux arch/x86/kernel/nmi.c pci_serr_error()", SOURCE),
    ),
    _pattern(
        "previous_boot_error", "C", "hardware", "info",
        "Firmware tells of errors before this boot.",
        (r"BERT: Error records from previous boot", "Linux drivers/acpi/apei/bert.c bert_print_all()", SOURCE),
        (r"mce: \[Hardware Error\]: Machine check events logged", "Linux arch/x86/kernel/cpu/mce/dev-mcelog.c", SOURCE),
    ),
    _pattern(
        "machine_check", "C", "hardware", "error",
        "The processor reported a hardware error.",
        (r"mce: \[Hardware Error\]", "Linux arch/x86/kernel/cpu/mce/core.c", SOURCE),
        (r"CPUs not responding to MCE broadcast", "Linux arch/x86/kernel/cpu/mce/core.c mce_timed_out()", SOURCE),
        (r"Not all CPUs entered broadcast exception handler",
         "Linux arch/x86/kernel/cpu/mce/core.c mce_start()", SOURCE),
        (r"SError Interrupt on CPU\d+", "Linux arch/arm64/kernel/traps.c arm64_serror_panic()", SOURCE),
    ),
    # ---- PCIe ------------------------------------------------------------------------------------
    _pattern(
        "fatal_error", "C", "hardware", "error",
        "Firmware reported a fatal hardware error.",
        # Numbered are errors of this boot; BERT tells of those before it without a number.
        (r"\{\d+\}\[Hardware Error\]: (?:event severity: fatal|.*\btype: fatal)",
         "Linux drivers/acpi/apei/ghes.c __ghes_print_estatus(), drivers/firmware/efi/cper.c", REPORT),
        (r"Fatal hardware error", "Linux drivers/acpi/apei/ghes.c __ghes_panic()", SOURCE),
    ),
    _pattern(
        "pcie_fatal", "C", "pcie", "warning",
        "A fatal PCIe error was reported, or a port cut off what is below it.",
        (r"\bAER: (?:Multiple )?Uncorrect\S* \(Fatal\)", "Linux drivers/pci/pcie/aer.c aer_print_port_info()", SOURCE),
        (r"PCIe Bus Error: severity=Uncorrect\S* \(Fatal\)", "Linux drivers/pci/pcie/aer.c aer_print_error()", SOURCE),
        (r"\bDPC: (?:containment event, status|unmasked uncorrectable error)",
         "Linux drivers/pci/pcie/dpc.c dpc_process_error()", SOURCE),
    ),
    _pattern(
        "pcie_recovered", "C", "pcie", "info",
        "A device was recovered from its PCIe error.",
        (r"AER: [Dd]evice recovery successful", "Linux drivers/pci/pcie/err.c pcie_do_recovery()", SOURCE),
    ),
    _pattern(
        "pcie_corrected", "C", "pcie", "info",
        "A PCIe error was corrected.",
        (r"\bAER: (?:Multiple )?Correct", "Linux drivers/pci/pcie/aer.c aer_print_port_info()", SOURCE),
        (r"PCIe Bus Error: severity=Correct", "Linux drivers/pci/pcie/aer.c aer_print_error()", SOURCE),
    ),
    _pattern(
        "pcie_error", "C", "pcie", "warning",
        "A PCIe error was reported.",
        (r"PCIe Bus Error: severity=(?P<severity>[^,]+)", "Linux drivers/pci/pcie/aer.c aer_print_error()", LAB),
        (r"\bAER: (?:Multiple )?(?:Uncorrect\S*|aer_status).*",
         "Linux drivers/pci/pcie/aer.c aer_print_port_info()", LAB),
        # Without a number BERT tells of the boots before.
        (r"\{\d+\}\[Hardware Error\]:", "Linux drivers/acpi/apei/ghes.c, drivers/firmware/efi/cper.c", REPORT),
    ),
    _pattern(
        "reset_no_link", "C", "pcie", "info",
        "The kernel saw no link after a reset: see in the report if the functions came back.",
        (r"Data Link Layer Link Active not set", "Linux drivers/pci/pci.c pci_bridge_wait_for_secondary_bus()", LAB),
    ),
    _pattern(
        "reset_not_ready", "C", "pcie", "warning",
        "A device was not ready after a reset.",
        (r"not ready \d+ms after [^;]+; giving up", "Linux drivers/pci/pci.c pci_dev_wait()", SOURCE),
    ),
    # ---- The reset helper ------------------------------------------------------------------------
    _pattern(
        "port_resetting", "C", "reset", "info",
        "The reset helper began to reset a port.",
        (r"pcie_reset: resetting=(?P<port>[0-9a-f]+:[0-9a-f:.]+)", "the reset helper", LAB),
    ),
    _pattern(
        "port_timeout", "C", "reset", "warning",
        "A port was still busy with its reset at the helper's deadline.",
        (r"pcie_reset: port=(?P<port>[0-9a-f:.]+) result=timeout", "the reset helper", SOURCE),
    ),
    _pattern(
        "port_failed", "C", "reset", "warning",
        "A function did not come back from a reset.",
        (r"pcie_reset: port=(?P<port>[0-9a-f:.]+) result=failed", "the reset helper", SOURCE),
    ),
    _pattern(
        "port_left", "C", "reset", "info",
        "A planned port was left alone; the reason is in the line.",
        (r"pcie_reset: port=(?P<port>[0-9a-f:.]+) result=left reason=(?P<reason>\w+)", "the reset helper", SOURCE),
    ),
    _pattern(
        "port_reset", "C", "reset", "info",
        "A port was reset, and what is below it came back.",
        (r"pcie_reset: port=(?P<port>[0-9a-f:.]+) result=reset", "the reset helper", LAB),
    ),
    _pattern(
        "reset_off", "C", "reset", "info",
        "The reset was switched off on the capture kernel's command line.",
        (r"pcie_reset: off$", "the reset helper", SOURCE),
    ),
    _pattern(
        "reset_abandoned", "C", "reset", "warning",
        "The reset helper did not end, and the boot went on without it.",
        (r"pcie_reset: abandoned command=", "the reset helper's guard", SOURCE),
    ),
    _pattern(
        "reset_exited", "C", "reset", "warning",
        "The reset helper failed.",
        (r"pcie_reset: exited command=\S+ status=(?P<status>[0-9]+)", "the reset helper's guard", SOURCE),
    ),
    _pattern(
        "reset_plan_ignored", "C", "reset", "warning",
        "The reset helper did not understand a line of its plan.",
        (r"pcie_reset: ignored plan_line=(?P<line>[0-9]+)", "the reset helper", SOURCE),
    ),
    _pattern(
        "quiesce_restart", "C", "reset", "error",
        "The quiesce stage could not start the capture kernel, and restarted the machine.",
        (r"pcie_reset: quiesce restart reason=(?P<reason>\w+)", "the quiesce stage", SOURCE),
    ),
    _pattern(
        "quiesce_kexec", "C", "reset", "warning",
        "The quiesce stage could not load the capture kernel.",
        (r"pcie_reset: quiesce kexec: (?P<said>.*\S)", "the quiesce stage", SOURCE),
    ),
    _pattern(
        "quiesce_late", "C", "reset", "warning",
        "The quiesce stage did not end in time, and its timer went on.",
        (r"pcie_reset: quiesce late$", "the quiesce stage", SOURCE),
    ),
    _pattern(
        "quiesce_no_report", "C", "reset", "warning",
        "The quiesce stage could not pass its report on; the kernel that it had loaded before saves the dump.",
        (r"pcie_reset: quiesce (?:no room for the report|not loaded again)", "the quiesce stage", SOURCE),
    ),
    _pattern(
        "reset_summary", "C", "reset", "info",
        "The reset helper finished.",
        (r"pcie_reset: summary ", "the reset helper", LAB),
    ),
    # ---- Memory ----------------------------------------------------------------------------------
    _pattern(
        "out_of_memory", "C", "memory", "error",
        "The capture kernel ran out of memory.",
        (r"Out of memory(?: \([^)]*\))?: Killed process \d+ \((?P<process>[^)]*)\)",
         "Linux mm/oom_kill.c __oom_kill_process()", REPORT),
        (r"Out of memory and no killable processes", "Linux mm/oom_kill.c out_of_memory()", LAB),
        (r"System is deadlocked on memory", "Linux mm/oom_kill.c out_of_memory()", LAB),
        (r"(?P<allocator>\S{1,40}) invoked oom-killer", "Linux mm/oom_kill.c dump_header()", LAB),
    ),
    _pattern(
        "allocation_failed", "C", "memory", "warning",
        "The capture kernel could not allocate memory.",
        # With a reservation above 4 GiB the pool for ISA devices stays empty, which no server needs.
        (r"page allocation failure: order:(?P<order>\d+), mode:(?!\S*GFP_DMA\b)",
         "Linux mm/page_alloc.c warn_alloc()", REPORT),
        (r"Cannot allocate memory", "strerror(ENOMEM)", SOURCE),
        (r"Failed to allocate \d+ bytes align=", "Linux mm/memblock.c, mm/sparse.c sparse_init_nid()", SOURCE),
        (r"alloc_low_pages: (?:ran out of|can not alloc) memory", "Linux arch/x86/mm/init.c alloc_low_pages()", SOURCE),
        (r"compulsory panic_on_oom", "Linux mm/oom_kill.c check_panic_on_oom()", SOURCE),
    ),
    _pattern(
        "swiotlb_full", "C", "memory", "warning",
        "There is too little memory below 4 GiB for devices that need it.",
        (r"swiotlb buffer is full \(sz: \d+ bytes\)", "Linux kernel/dma/swiotlb.c swiotlb_tbl_map_single()", REPORT),
        (r"software IO TLB: No low mem", "Linux kernel/dma/swiotlb.c swiotlb_init_remap()", SOURCE),
        (r"software IO TLB: Cannot allocate buffer", "Linux lib/swiotlb.c swiotlb_init()", SOURCE),
        (r"Out of SW-IOMMU space for \d+ bytes", "Linux 2.6.32 lib/swiotlb.c swiotlb_full()", SOURCE),
        (r"Can not allocate SWIOTLB buffer earlier", "Linux 3.10 lib/swiotlb.c swiotlb_tbl_map_single()", SOURCE),
    ),
    # ---- Start of the capture kernel -------------------------------------------------------------
    _pattern(
        "no_vmcore", "C", "vmcore", "error",
        "The dead kernel's memory cannot be read: there is no /proc/vmcore.",
        (r"Kdump: vmcore not initialized", "Linux fs/proc/vmcore.c vmcore_init()", SOURCE),
        (r"Can't open the dump memory\(/proc/vmcore\)", "makedumpfile makedumpfile.c open_dump_memory()", SOURCE),
        (r"Core image elf header (?:is not sane|not found)",
         "Linux fs/proc/vmcore.c parse_crash_elf_headers()", SOURCE),
        *_families("no_vmcore"),
    ),
    _pattern(
        "initramfs_no_room", "C", "memory", "error",
        "The initramfs does not fit into the memory that is reserved.",
        (r"Initramfs unpacking failed: write error", "Linux init/initramfs.c do_copy()", REPORT),
        (r"initrd too large to handle, disabling initrd", "Linux arch/x86/kernel/setup.c reserve_initrd()", SOURCE),
        (r"incomplete write \(-?\d+ != \d+\)", "Linux init/do_mounts_rd.c compr_flush()", SOURCE),
    ),
    _pattern(
        "initramfs_broken", "C", "initramfs", "error",
        "The initramfs cannot be unpacked.",
        (r"Initramfs unpacking failed: (?P<why>.*)", "Linux init/initramfs.c do_populate_rootfs()", LAB),
    ),
    _pattern(
        "no_init", "C", "initramfs", "error",
        "The capture kernel found nothing to run: its initramfs is missing, broken or incomplete.",
        (r"VFS: Unable to mount root fs", "Linux init/do_mounts.c mount_block_root()", SOURCE),
        (r"No working init found", "Linux init/main.c kernel_init()", LAB),
        (r"Requested init \S+ failed", "Linux init/main.c kernel_init()", SOURCE),
        (r"Attempted to kill init!", "Linux kernel/exit.c do_exit()", SOURCE),
        (r"Failed to execute /\S*init", "Linux init/main.c kernel_init()", LAB),
    ),
    _pattern(
        "init_lacks", "C", "initramfs", "error",
        "What runs first in the initramfs lacks a library.",
        (r"(?<!makedumpfile: )error while loading shared libraries: (?P<library>[^:]+)",
         "glibc elf/dl-minimal.c fatal_error()", REPORT),
    ),
    _pattern(
        "oops", "C", "panic", "error",
        "The capture kernel made an error of its own.",
        (r"\bRIP: \S+?:(?P<function>\S+\+0x\S+/0x\S+(?: \[\w+\])?)",
         "Linux arch/x86/kernel/dumpstack.c show_ip()", REPORT),
        (r"\bpc : (?P<function>\S+\+0x\S+/0x\S+)", "Linux arch/arm64/kernel/process.c __show_regs()", SOURCE),
        (r"\bOops: \S+ ", "Linux arch/x86/kernel/dumpstack.c __die_header()", REPORT),
        (r"\bBUG: (?:unable to handle|kernel NULL pointer)", "Linux arch/x86/mm/fault.c show_fault_oops()", REPORT),
        (r"kernel BUG at ", "Linux lib/bug.c report_bug()", SOURCE),
    ),
    _pattern(
        "module_missing", "C", "initramfs", "warning",
        "A kernel module is not in the initramfs.",
        (r"\bmodprobe: (?:FATAL: )?[Mm]odule (?P<module>\S+) not found",
         "kmod tools/modprobe.c; busybox modutils/modprobe.c", SOURCE),
    ),
    _pattern(
        "module_denied", "C", "initramfs", "info",
        "A kernel module is on the deny list.",
        (r"Module (?P<module>\S+) is blacklisted\b", "Linux kernel/module/main.c load_module()", SOURCE),
    ),
    _pattern(
        "module_refused", "C", "initramfs", "warning",
        "A kernel module was not allowed to load: of another kernel, without a signature, or damaged.",
        (r"\bLoading of (?:unsigned )?module(?: with \S+ \S+)? is rejected",
         "Linux kernel/module/signing.c module_sig_check()", SOURCE),
        (r"(?P<module>\w+): version magic '[^']*' should be", "Linux kernel/module/main.c check_modinfo()", SOURCE),
        (r"(?P<module>\w+): disagrees about version of symbol",
         "Linux kernel/module/version.c check_version()", SOURCE),
        (r"could not insert '(?P<module>\w+)': (?:Exec format error|Key was rejected|Required key|Invalid module)",
         "kmod libkmod/libkmod-module.c", SOURCE),
    ),
    # ---- Storage ---------------------------------------------------------------------------------
    _pattern(
        "disk_missing", "C", "storage", "error",
        "A disk that the capture kernel waits for did not appear.",
        (r"ALERT!\s+(?P<disk>\S+) does not exist", "initramfs-tools scripts/local local_device_setup()", LAB),
        (r"Gave up waiting for (?:root|suspend/resume) (?:file system )?device", "initramfs-tools scripts/local", LAB),
        (r"""Warning: "?(?P<disk>/dev/[^\s"]+)"? does not exist""",
         "dracut modules.d/99base/dracut-dev-lib.sh wait_for_dev()", SOURCE),
        (r"\bdracut-initqueue:? (?:timeout|starting timeout scripts)",
         "dracut modules.d/98dracut-systemd/dracut-initqueue.sh", REPORT),
        (r"Timed out waiting for device (?!\S*(?:tty|sys-|swap|tpm|zram|efi|boot|home))(?P<disk>\S+)",
         "systemd src/core/device.c device_vtable", REPORT),
        (r"Dependency failed for \S*(?:sysroot|kdump-mnt|initrd-root)",
         "systemd src/core/job.c job_done_messages", SOURCE),
    ),
    _pattern(
        "io_error", "C", "storage", "warning",
        "A disk does not answer, or answers with errors.",
        (r"(?:I/O|critical \S+(?: allocation)?|timeout) error, dev (?!fd|sr|loop|zram|nbd)(?P<disk>\w+), sector",
         "Linux block/blk-mq.c blk_print_req_error()", SOURCE),
        (r"Buffer I/O error on dev(?:ice)? (?!fd|sr|loop|zram|nbd)", "Linux fs/buffer.c buffer_io_error()", SOURCE),
        (r"\brejecting I/O to (?:offline|dead) device",
         "Linux drivers/scsi/scsi_lib.c scsi_device_state_check()", SOURCE),
        (r"Device offlined - not ready after error recovery",
         "Linux drivers/scsi/scsi_error.c scsi_eh_offline_sdevs()", SOURCE),
        (r"EXT4-fs error \(device", "Linux fs/ext4/super.c __ext4_error()", SOURCE),
        (r"\bXFS \([^)]+\): (?:metadata I/O error|Corruption)", "Linux fs/xfs/xfs_buf.c, xfs_error.c", SOURCE),
    ),
    _pattern(
        "nvme_timeout", "C", "storage", "warning",
        "An NVMe controller did not become ready or does not answer.",
        (r"nvme (?P<device>\S+): Device not ready; aborting",
         "Linux drivers/nvme/host/core.c nvme_wait_ready()", REPORT),
        (r"\bnvme (?P<device>\S+): I/O (?:tag )?\d+ .*timeout(?!, completion polled)",
         "Linux drivers/nvme/host/pci.c nvme_timeout()", REPORT),
        (r"nvme (?P<device>\S+): controller is down; will reset",
         "Linux drivers/nvme/host/pci.c nvme_warn_reset()", SOURCE),
        (r"nvme (?P<device>\S+): Removing after probe failure",
         "Linux drivers/nvme/host/pci.c nvme_remove_dead_ctrl()", REPORT),
        (r"nvme (?P<device>\S+): Disabling device after reset failure",
         "Linux drivers/nvme/host/pci.c nvme_reset_work(), since 6.4", SOURCE),
    ),
    _pattern(
        "hba_timeout", "C", "storage", "warning",
        "A storage controller did not become ready or does not answer.",
        (r"mpt[23]sas_cm\d+: (?:diag reset: FAILED|fault_state\(|unable to map adapter memory)",
         "Linux drivers/scsi/mpt3sas/mpt3sas_base.c", REPORT),
        (r"megaraid_sas \S+: FW in FAULT state",
         "Linux drivers/scsi/megaraid/megaraid_sas_base.c megasas_transition_to_ready()", REPORT),
        (r"megaraid_sas \S+: (?:Failed from megasas_init_fw|Failed to transition controller to ready)",
         "Linux drivers/scsi/megaraid/megaraid_sas_base.c", REPORT),
        (r"mpi3mr\d+: (?:Failed to bring ioc ready|ready timeout after|controller faulted)",
         "Linux drivers/scsi/mpi3mr/mpi3mr_fw.c mpi3mr_bring_ioc_ready()", SOURCE),
        (r"Init cmd return status FAILED",
         "Linux drivers/scsi/megaraid/megaraid_sas_fusion.c megasas_ioc_init_fusion()", SOURCE),
        (r"aacraid: aac_fib_send: first asynchronous command timed out",
         "Linux drivers/scsi/aacraid/commsup.c aac_fib_send()", REPORT),
        (r"\bhpsa \S+: (?:no-op failed|board not ready, timed out|failed to enter simple mode)",
         "Linux drivers/scsi/hpsa.c hpsa_init_reset_devices(), hpsa_wait_for_board_state()", SOURCE),
        (r"dasd-\S+: (?P<device>[0-9a-f.]+): No operational channel path is left",
         "Linux drivers/s390/block/dasd_eckd.c dasd_eckd_handle_terminated_request()", SOURCE),
        (r"zfcp\S+: (?P<device>[0-9a-f.]+): Setting up the QDIO connection to the FCP adapter failed",
         "Linux drivers/s390/scsi/zfcp_qdio.c zfcp_qdio_open()", SOURCE),
        (r"hpsa \S+: controller message \S+ timed out", "Linux drivers/scsi/hpsa.c hpsa_message()", SOURCE),
        (r"\bsmartpqi \S+: (?:controller is offline|controller offline|controller not ready after)",
         "Linux drivers/scsi/smartpqi/smartpqi_sis.c, smartpqi_init.c", SOURCE),
        (r"qla2xxx \[\S+\]-\S+: (?:Firmware ready \*+ FAILED|.*Timeout, schedule isp_abort_needed)",
         "Linux drivers/scsi/qla2xxx/qla_init.c, qla_mbx.c", SOURCE),
        (r"lpfc \S+: .*Adapter failed (?:to )?init",
         "Linux drivers/scsi/lpfc/lpfc_init.c lpfc_config_port_prep()", SOURCE),
    ),
    _pattern(
        "ata_timeout", "C", "storage", "warning",
        "A SATA port or disk does not answer.",
        (r"ata\d+\.\d+: qc timeout", "Linux drivers/ata/libata-core.c ata_exec_internal()", SOURCE),
        (r"ata\d+\.\d+: failed to IDENTIFY", "Linux drivers/ata/libata-core.c ata_dev_read_id()", SOURCE),
        (r"ata\d+: reset failed, giving up", "Linux drivers/ata/libata-eh.c ata_eh_reset()", SOURCE),
        (r"ata\d+: COMRESET failed \(errno", "Linux drivers/ata/libata-eh.c ata_eh_reset()", SOURCE),
    ),
    _pattern(
        "device_inaccessible", "C", "device", "warning",
        "A device does not come out of its sleep.",
        (r"(?P<device>[0-9a-f]{4}:[0-9a-f:.]+): Unable to change power state from D3cold to D0",
         "Linux drivers/pci/pci.c pci_power_up()", SOURCE),
        (r"(?P<device>[0-9a-f]{4}:[0-9a-f:.]+): (?:can't|Unable to) change power state from D3cold to D0",
         "Linux drivers/pci/pci.c pci_raw_set_power_state()", SOURCE),
    ),
    _pattern(
        "bar_unassigned", "C", "pcie", "warning",
        "The memory that a device needs found no room.",
        (r"(?P<device>[0-9a-f]{4}:[0-9a-f:.]+): BAR [0-6] \[mem [^\]]*\]: (?:can't assign; no space|failed to assign)",
         "Linux drivers/pci/setup-res.c pci_assign_resource()", SOURCE),
        (r"(?P<device>[0-9a-f]{4}:[0-9a-f:.]+): BAR [0-6]: (?:no space for|failed to assign) \[mem ",
         "Linux drivers/pci/setup-res.c pci_assign_resource(), until 6.8", SOURCE),
    ),
    _pattern(
        "probe_failed", "C", "device", "warning",
        "A driver could not initialise its device.",
        (r"(?P<driver>[\w-]{1,40}): probe of " + _BUS_DEVICE + r" failed with error (?P<error>-\d+)",
         "Linux drivers/base/dd.c call_driver_probe(), until 6.10", REPORT),
        (r"(?P<driver>[\w-]{1,40}) " + _BUS_DEVICE + r": probe with driver \S+ failed with error (?P<error>-\d+)",
         "Linux drivers/base/dd.c call_driver_probe(), since 6.11", SOURCE),
    ),
    _pattern(
        "disk_locked", "C", "storage", "error",
        "A disk is encrypted and waits for its passphrase.",
        (r"Please enter passphrase for disk (?P<disk>[^:]+)",
         "systemd src/cryptsetup/cryptsetup.c get_password()", SOURCE),
        (r"Please unlock disk (?P<disk>[^:]+)", "cryptsetup-initramfs scripts/functions", SOURCE),
        (r"Enter passphrase for /dev/(?P<disk>\S+):", "cryptsetup src/utils_tools.c", SOURCE),
        (r"TPM2 operation failed, falling back to traditional unlocking",
         "systemd src/cryptsetup/cryptsetup.c", REPORT),
    ),
    _pattern(
        "volume_missing", "C", "storage", "error",
        "A volume group or a pool is not there.",
        (r"Volume group \"(?P<volume>[^\"]+)\" not found", "lvm2 lib/metadata/metadata.c", SOURCE),
        (r"mdadm: (?P<volume>/dev/\S+) assembled from \d+ drives? - not enough to start",
         "mdadm Assemble.c start_array()", SOURCE),
        (r"\bmd/raid\d*:(?P<volume>md\w+): (?:not enough operational|failed to run raid set)",
         "Linux drivers/md/raid5.c raid5_run(), raid10.c raid10_run()", SOURCE),
        (r"Cannot process volume group (?P<volume>\S+)", "lvm2 tools/toollib.c", SOURCE),
        (r"cannot import '(?P<volume>[^']+)': no such pool", "zfs lib/libzfs/libzfs_util.c", SOURCE),
        (r"Failed to import pool '(?P<volume>[^']+)'", "zfs contrib/initramfs/scripts/zfs", SOURCE),
    ),
    _pattern(
        "udev_stuck", "C", "storage", "warning",
        "udev waits for a driver that does not answer.",
        (r"(?P<device>\S+): (?:Worker|Spawned process|Processing) .*is taking a long time",
         "systemd src/udev/udev-manager.c on_event_timeout_warning()", SOURCE),
        (r"\bseq \d+ '(?P<device>[^']+)' is taking a long time",
         "systemd src/udev/udevd.c on_event_timeout_warning(), until 243", SOURCE),
        (r"worker \[\d+\] (?P<device>\S+) is taking a long time", "eudev src/udev/udevd.c", REPORT),
        (r"Timed out for waiting the udev queue being empty", "systemd src/udev/udevadm-settle.c", SOURCE),
    ),
    _pattern(
        "job_waits", "C", "storage", "warning",
        "systemd waits for a job without a limit.",
        (r"A start job is running for (?P<job>.+?) \([^)]*/ no limit\)",
         "systemd src/core/manager.c manager_print_jobs_in_progress()", SOURCE),
    ),
    # ---- Network ---------------------------------------------------------------------------------
    _pattern(
        "nic_timeout", "C", "network", "warning",
        "A network adapter did not become ready or does not answer.",
        (r"mlx5_core \S+: .*Waiting for FW \S+, timeout abort in \d+s",
         "Linux drivers/net/ethernet/mellanox/mlx5/core/main.c wait_fw_init()", REPORT),
        (r"mlx5_core \S+: .*Firmware over \d+ MS in (?:pre-)?initializing state",
         "Linux drivers/net/ethernet/mellanox/mlx5/core/main.c mlx5_function_enable()", SOURCE),
        (r"NETDEV WATCHDOG: .*timed out", "Linux net/sched/sch_generic.c dev_watchdog()", SOURCE),
        (r"Detected (?:Hardware|Tx) Unit Hang", "Linux drivers/net/ethernet/intel", SOURCE),
        (r"bnxt_en \S+ .*Error \(timeout: \d+\) msg", "Linux drivers/net/ethernet/broadcom/bnxt/bnxt_hwrm.c", SOURCE),
    ),
    _pattern(
        "network_missing", "C", "network", "error",
        "The network for a remote dump target did not come up.",
        *_families("network_missing"),
        (r"\bmount\.nfs4?: (?!mount\(2\))", "nfs-utils utils/mount/error.c mount_error()", SOURCE),
    ),
    _pattern(
        "iscsi_failed", "C", "network", "error",
        "The iSCSI target with the disk was not reached.",
        (r"\biscsistart: (?:cannot make a connection|initiator reported error)",
         "open-iscsi usr/io.c, usr/iscsistart.c", SOURCE),
        (r"\bconnection\d+:0: detected conn error", "Linux drivers/scsi/libiscsi.c iscsi_conn_failure()", SOURCE),
    ),
    _pattern(
        "ssh_error", "C", "network", "error",
        "The connection to the dump's server was refused or broke.",
        (r"Permission denied \((?:publickey|password|keyboard|gssapi|hostbased)", "OpenSSH sshconnect2.c", SOURCE),
        (r"Host key verification failed", "OpenSSH sshconnect.c", SOURCE),
        (r"Could not resolve hostname (?P<host>[^:]+)", "OpenSSH ssh.c resolve_host()", SOURCE),
        (r"ssh: connect to host (?P<host>\S+) port \d+", "OpenSSH sshconnect.c ssh_connect_direct()", SOURCE),
        (r"client_loop: send disconnect", "OpenSSH clientloop.c", SOURCE),
        (r"\bConnection (?:closed|reset|timed out|refused) by ", "OpenSSH packet.c sshpkt_vfatal()", SOURCE),
        (r"\b[Ll]ost connection\b", "OpenSSH scp.c lostconn()", SOURCE),
    ),
    # ---- The dump --------------------------------------------------------------------------------
    _pattern(
        "target_not_mounted", "C", "mount", "error",
        "The file system for the dump was not mounted.",
        *_families("target_not_mounted"),
        (r"Failed to mount (?:/?sysroot|/?kdump|/?var[/-]|/mnt|mnt)\S*",
         "systemd src/core/job.c job_done_messages", SOURCE),
        (r"\bmount: \S+: (?:wrong fs type|unknown filesystem type|can't find|special device)",
         "util-linux sys-utils/mount.c", SOURCE),
        (r"mount: mounting \S+ on \S+ failed: ", "busybox util-linux/mount.c", SOURCE),
        (r"\bXFS \((?P<device>[^)]+)\): (?:log mount|Superblock has unknown|SB validate failed|Internal error)",
         "Linux fs/xfs/xfs_log.c xfs_log_mount(), fs/xfs/libxfs/xfs_sb.c", SOURCE),
        (r"\bEXT4-fs \((?P<device>[^)]+)\): (?:couldn't mount|VFS: Can't find|bad geometry|no journal|error loading)",
         "Linux fs/ext4/super.c", SOURCE),
        (r"\bBTRFS error \(device (?P<device>[^)]+)\): (?:open_ctree failed|failed to read)",
         "Linux fs/btrfs/disk-io.c open_ctree()", SOURCE),
    ),
    _pattern(
        "disk_full", "C", "space", "error",
        "The dump's file system is full.",
        (_WRITER + r"No space left on device", "strerror(ENOSPC)", LAB),
        (_WRITER + r"Disk quota exceeded", "strerror(EDQUOT)", SOURCE),
        *_families("disk_full"),
    ),
    _pattern(
        "makedumpfile_too_old", "C", "makedumpfile", "error",
        "makedumpfile does not understand this kernel: it is older than the kernel.",
        (r"VA Bits \d+ not supported", "makedumpfile arch/arm64.c", REPORT),
        (r"\bCan't (?:get necessary|determine|distinguish|find the) \S+", "makedumpfile makedumpfile.c", SOURCE),
    ),
    _pattern(
        "makedumpfile_failed", "C", "makedumpfile", "error",
        "makedumpfile failed.",
        (r"makedumpfile Failed\.", "makedumpfile makedumpfile.c main()", LAB),
        (r"\bmakedumpfile: (?:command )?not found", "bash(1), dash(1)", REPORT),
        (r"\bmakedumpfile: error while loading shared libraries", "glibc elf/dl-minimal.c fatal_error()", SOURCE),
        (r"makedumpfile\[\d+\]: segfault at", "Linux arch/x86/mm/fault.c show_signal_msg()", SOURCE),
        (r"\btraps: makedumpfile\[", "Linux arch/x86/kernel/traps.c show_signal()", SOURCE),
        (r"Can't exclude unnecessary pages", "makedumpfile makedumpfile.c create_2nd_bitmap()", REPORT),
        (r"\bCan't (?:open|read|write|seek) the [^.]+", "makedumpfile makedumpfile.c", LAB),
        (r"Try `makedumpfile --help' for more information", "makedumpfile makedumpfile.c main()", SOURCE),
        (r"This is an incomplete dumpfile", "makedumpfile makedumpfile.c create_dumpfile()", REPORT),
        *_families("makedumpfile_failed"),
    ),
    _pattern(
        "save_failed", "C", "dump", "error",
        "The family's tool says that the dump was not saved.",
        *_families("save_failed"),
        (r"kdump\S*\.service: [Ss]tart operation timed out",
         "systemd src/core/service.c service_dispatch_timer()", SOURCE),
    ),
    _pattern(
        "dump_interrupted", "C", "dump", "warning",
        "The dump was begun and not finished: this text was to be replaced at its end.",
        *_families("dump_interrupted"),
    ),
    _pattern(
        "script_failed", "C", "dump", "error",
        "A script that the administrator added to the capture failed.",
        *_families("script_failed"),
    ),
    _pattern(
        "family_says_saved", "C", "dump", "info",
        "The family's tool says that it saved the dump. Some say so after makedumpfile failed, too.",
        *_families("family_says_saved"),
    ),
    _pattern(
        "gave_up", "C", "dump", "error",
        "The capture environment gave up: a shell that nobody uses, or the action for failures.",
        (r"Dropping to a shell!", "initramfs-tools scripts/local local_device_setup()", LAB),
        (r"Rebooting automatically due to panic= boot argument", "initramfs-tools scripts/functions panic()", LAB),
        *_families("gave_up"),
        (r"Warning: Could not boot", "dracut modules.d/98dracut-systemd/dracut-initqueue.sh", REPORT),
        (r"(?:You are in|Entering) emergency mode",
         "systemd units/emergency.service; dracut modules.d/98dracut-systemd/dracut-emergency.sh", SOURCE),
        (r"Reached target emergency\.target", "systemd units/emergency.target", SOURCE),
    ),
    # ---- It stops --------------------------------------------------------------------------------
    _pattern(
        "capture_panic", "C", "panic", "error",
        "The capture kernel itself panicked.",
        (r"Kernel panic - not syncing: (?P<why>.*)", "Linux kernel/panic.c panic()", LAB),
    ),
    _pattern(
        "stalled", "C", "stall", "warning",
        "The capture kernel is stuck: a processor or a task did not go on.",
        (r"BUG: soft lockup - CPU#\d+", "Linux kernel/watchdog.c watchdog_timer_fn()", SOURCE),
        (r"Watchdog detected hard LOCKUP on cpu", "Linux kernel/watchdog_hld.c watchdog_overflow_callback()", SOURCE),
        (r"\bINFO: \S+ (?:self-)?detected (?:expedited )?stalls? on CPU",
         "Linux kernel/rcu/tree_stall.h, kernel/rcu/tree_exp.h", SOURCE),
        (r"INFO: task \S+ blocked for more than \d+ seconds", "Linux kernel/hung_task.c check_hung_task()", SOURCE),
    ),
    _pattern(
        "watchdog_fired", "A", "watchdog", "error",
        "A watchdog reset the machine.",
        (r"\bWatchdog[\s2]+(?!.*Deasserted).*(?:[Hh]ard [Rr]eset|[Pp]ower (?:[Cc]ycle|[Dd]own)|Timer expired)",
         _SEL, SOURCE),
        (r"ASR Detected by System ROM", "HPE Integrated Management Log", SOURCE),
        (r"The watchdog timer (?:expired|reset|power(?:ed| cycled))",
         "Dell Event and Error Messages Reference, ASR0001 to ASR0004", SOURCE),
        (r"watchdog pretimeout event", "Linux drivers/watchdog/pretimeout_noop.c, pretimeout_panic.c", SOURCE),
    ),
    _pattern(
        "power_event", "A", "power", "warning",
        "The management controller recorded that power went or a reset was asked for.",
        (r"\bPower (?:Unit|Supply) (?!.*Deasserted).*(?:[Pp]ower off/down|AC lost|[Pp]ower cycle|[Ff]ailure detected)",
         _SEL, SOURCE),
        (r"\bSystem (?:Boot Initiated|Restart) (?!.*(?:Deasserted|warm reset)).*(?:hard reset|power up)", _SEL, SOURCE),
    ),
    _pattern(
        "pci_system_error", "A", "hardware", "warning",
        "The management controller recorded a PCI or processor error.",
        (r"Critical Interrupt (?!.*Deasserted).*(?:PCI [PS]ERR|Bus (?:Fatal|Uncorrectable) [Ee]rror)", _SEL, SOURCE),
        (r"error was detected on a component at bus \d+ device \d+",
         "Dell Event and Error Messages Reference, PCI1308 to PCI1320", SOURCE),
        (r"\bCPU \d+ (?:has an internal error|machine check error detected)",
         "Dell Event and Error Messages Reference, CPU0000, CPU0704", SOURCE),
        (r"\bUncorrectable (?:PCI Express Error|Machine Check Exception) \(", "HPE Integrated Management Log", SOURCE),
        (r"Unrecoverable System Error \(NMI\)", "HPE Integrated Management Log", SOURCE),
        (r"\bProcessor (?!.*Deasserted).*(?:IERR|MCERR|CATERR|Machine Check)", _SEL, SOURCE),
    ),
    _pattern(
        "asked_to_reboot", "C", "end", "info",
        "The capture kernel was told to reboot: nobody pulled the plug.",
        (r"\breboot: (?:Restarting system|Power down|System halted|machine restart)", "Linux kernel/reboot.c", LAB),
    ),
)
# fmt: on

__all__ = (
    "LAB", "MILESTONES", "MOUNTED", "PATTERNS", "REPORT", "SOURCE", "Form", "Milestone", "Pattern",
)  # fmt: skip
