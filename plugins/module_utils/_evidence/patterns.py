# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What lines of a log mean for a crash dump: a table.

docs/evidence.md shows it to people; a test keeps the two the same.
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
        "S5", "C",
        (r"\[(?:vd|xvd)[a-z]+\] .*logical blocks", "Linux drivers/block/virtio_blk.c virtblk_update_capacity()", LAB),
        (r"\[sd[a-z]+\] .*logical blocks", "Linux drivers/scsi/sd.c sd_print_capacity()", SOURCE),
        (r"\bnvme\d+n\d+: p\d", "Linux block/partitions/core.c check_partition()", SOURCE),
    ),
    _milestone(
        "S6", "C",
        (r"EXT4-fs \([^)]+\): (?:re-)?mounted", "Linux fs/ext4/super.c", LAB),
        (r"XFS \([^)]+\): Ending (?:clean mount|recovery)", "Linux fs/xfs/xfs_log.c xfs_log_mount_finish()", SOURCE),
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
    ),
    _pattern(
        "not_loaded", "P", "kexec", "error",
        "The capture kernel could not be loaded.",
        *_families("not_loaded"),
        (r"kexec_file_load failed: ", "kexec-tools kexec/kexec.c do_kexec_file_load()", SOURCE),
        (r"Lockdown: \S+: kexec of unsigned images is restricted",
         "Linux security/lockdown/lockdown.c lockdown_is_locked_down()", SOURCE),
    ),
    _pattern(
        "waits_after_panic", "A", "kexec", "info",
        "A kernel waits for a reboot after its panic: it has no capture kernel to jump to.",
        (r"Rebooting in \d+ seconds\.\.", "Linux kernel/panic.c panic()", LAB),
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
        (r"DMAR: \[DMA (?:Read|Write)[^\]]*\] Request device \[(?P<device>[^\]]+)\]",
         "Linux drivers/iommu/intel/dmar.c dmar_fault_do_one()", REPORT),
        (r"DMAR: DRHD: handling fault status reg", "Linux drivers/iommu/intel/dmar.c dmar_fault()", REPORT),
    ),
    _pattern(
        "dmar_ir_fault", "C", "interrupts", "warning",
        "A device sent an interrupt that VT-d refused: it was still running for the dead kernel.",
        (r"DMAR: \[INTR-REMAP\] Request device \[(?P<device>[^\]]+)\]",
         "Linux drivers/iommu/intel/dmar.c dmar_fault_do_one()", REPORT),
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
        (r"Event logged \[IO_PAGE_FAULT(?: device=(?P<device>\S+))?",
         "Linux drivers/iommu/amd/iommu.c amd_iommu_report_page_fault()", REPORT),
        (r"Event logged \[(?:ILLEGAL_DEV_TABLE_ENTRY|INVALID_DEVICE_REQUEST|RMP_PAGE_FAULT)",
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
        (r"arm-smmu \S+: Un(?:expected global|handled context) fault",
         "Linux drivers/iommu/arm/arm-smmu/arm-smmu.c", SOURCE),
    ),
    _pattern(
        "smmu_timeout", "C", "iommu", "error",
        "The SMMU does not answer.",
        (r"CMD_SYNC timeout at 0x", "Linux drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c", SOURCE),
        (r"TLB sync timed out -- SMMU may be deadlocked", "Linux drivers/iommu/arm/arm-smmu/arm-smmu.c", SOURCE),
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
        "irq_nobody_cared", "C", "interrupts", "warning",
        "An interrupt that no driver handles was switched off; drivers that share it wait for ever.",
        (r"irq \d+: nobody cared", "Linux kernel/irq/spurious.c __report_bad_irq()", SOURCE),
        (r"Disabling IRQ #\d+", "Linux kernel/irq/spurious.c note_interrupt()", SOURCE),
    ),
    _pattern(
        "nmi", "C", "hardware", "warning",
        "A non-maskable interrupt came: a PCI system error, a management controller or a watchdog.",
        (r"Uhhuh\. NMI received for unknown reason", "Linux arch/x86/kernel/nmi.c unknown_nmi_error()", LAB),
        (r"NMI: (?:PCI system error|IOCK error)",
         "Linux arch/x86/kernel/nmi.c pci_serr_error(), io_check_error()", SOURCE),
    ),
    _pattern(
        "machine_check", "C", "hardware", "error",
        "The processor reported a hardware error.",
        (r"mce: \[Hardware Error\]", "Linux arch/x86/kernel/cpu/mce/core.c", SOURCE),
        (r"SError Interrupt on CPU\d+", "Linux arch/arm64/kernel/traps.c arm64_serror_panic()", SOURCE),
    ),
    # ---- PCIe ------------------------------------------------------------------------------------
    _pattern(
        "fatal_error", "C", "hardware", "error",
        "Firmware reported a fatal hardware error.",
        (r"\[Hardware Error\]: (?:event severity: fatal|.*\btype: fatal)",
         "Linux drivers/firmware/efi/cper.c cper_estatus_print()", REPORT),
        (r"Fatal hardware error", "Linux drivers/acpi/apei/ghes.c __ghes_panic()", SOURCE),
    ),
    _pattern(
        "pcie_error", "C", "pcie", "warning",
        "A PCIe error was reported.",
        (r"PCIe Bus Error: severity=(?P<severity>[^,]+)", "Linux drivers/pci/pcie/aer.c aer_print_error()", LAB),
        (r"AER: (?:Multiple )?(?:Uncorrect\S*|Correct\S*|aer_status).*",
         "Linux drivers/pci/pcie/aer.c aer_print_port_info()", LAB),
        (r"\[Hardware Error\]:", "Linux drivers/acpi/apei/ghes.c, drivers/firmware/efi/cper.c", REPORT),
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
        (r"page allocation failure: order:(?P<order>\d+)", "Linux mm/page_alloc.c warn_alloc()", REPORT),
        (r"Cannot allocate memory", "strerror(ENOMEM)", SOURCE),
    ),
    _pattern(
        "swiotlb_full", "C", "memory", "warning",
        "There is too little memory below 4 GiB for devices that need it.",
        (r"swiotlb buffer is full \(sz: \d+ bytes\)", "Linux kernel/dma/swiotlb.c swiotlb_tbl_map_single()", REPORT),
        (r"software IO TLB: No low mem", "Linux kernel/dma/swiotlb.c swiotlb_init_remap()", SOURCE),
    ),
    # ---- Start of the capture kernel -------------------------------------------------------------
    _pattern(
        "no_vmcore", "C", "vmcore", "error",
        "The dead kernel's memory cannot be read: there is no /proc/vmcore.",
        (r"Kdump: vmcore not initialized", "Linux fs/proc/vmcore.c vmcore_init()", SOURCE),
        (r"Core image elf header (?:is not sane|not found)",
         "Linux fs/proc/vmcore.c parse_crash_elf_headers()", SOURCE),
        *_families("no_vmcore"),
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
        "module_missing", "C", "initramfs", "warning",
        "A kernel module is not in the initramfs.",
        (r"modprobe: (?:FATAL: )?[Mm]odule (?P<module>\S+) not found",
         "kmod tools/modprobe.c; busybox modutils/modprobe.c", SOURCE),
    ),
    _pattern(
        "module_refused", "C", "initramfs", "warning",
        "A kernel module was not allowed to load.",
        (r"Module (?P<module>\S+) is blacklisted", "Linux kernel/module/main.c load_module()", SOURCE),
        (r"Loading of (?:unsigned )?module(?: with \S+ \S+)? is rejected",
         "Linux kernel/module/signing.c module_sig_check()", SOURCE),
    ),
    # ---- Storage ---------------------------------------------------------------------------------
    _pattern(
        "disk_missing", "C", "storage", "error",
        "A disk that the capture kernel waits for did not appear.",
        (r"ALERT!\s+(?P<disk>\S+) does not exist", "initramfs-tools scripts/local local_device_setup()", LAB),
        (r"Gave up waiting for (?:root|suspend/resume) (?:file system )?device", "initramfs-tools scripts/local", LAB),
        (r"""Warning: "?(?P<disk>/dev/[^\s"]+)"? does not exist""",
         "dracut modules.d/99base/dracut-dev-lib.sh wait_for_dev()", SOURCE),
        (r"dracut-initqueue:? (?:timeout|starting timeout scripts)",
         "dracut modules.d/98dracut-systemd/dracut-initqueue.sh", REPORT),
        (r"Timed out waiting for device (?!dev-tty|/dev/tty|sys-)(?P<disk>\S+)",
         "systemd src/core/device.c device_vtable", REPORT),
        (r"Dependency failed for \S*(?:sysroot|kdump-mnt|initrd-root)",
         "systemd src/core/job.c job_done_messages", SOURCE),
    ),
    _pattern(
        "io_error", "C", "storage", "warning",
        "A disk does not answer, or answers with errors.",
        (r"(?:I/O|critical \S+(?: allocation)?|timeout) error, dev (?P<disk>\w+), sector",
         "Linux block/blk-mq.c blk_print_req_error()", SOURCE),
        (r"Buffer I/O error on dev", "Linux fs/buffer.c buffer_io_error()", SOURCE),
        (r"rejecting I/O to (?:offline|dead) device",
         "Linux drivers/scsi/scsi_lib.c scsi_device_state_check()", SOURCE),
        (r"Device offlined - not ready after error recovery",
         "Linux drivers/scsi/scsi_error.c scsi_eh_offline_sdevs()", SOURCE),
        (r"EXT4-fs error \(device", "Linux fs/ext4/super.c __ext4_error()", SOURCE),
        (r"XFS \([^)]+\): (?:metadata I/O error|Corruption)", "Linux fs/xfs/xfs_buf.c, xfs_error.c", SOURCE),
    ),
    _pattern(
        "nvme_timeout", "C", "storage", "warning",
        "An NVMe controller did not become ready or does not answer.",
        (r"nvme (?P<device>\S+): Device not ready; aborting",
         "Linux drivers/nvme/host/core.c nvme_wait_ready()", REPORT),
        (r"nvme (?P<device>\S+): I/O (?:tag )?\d+ .*timeout", "Linux drivers/nvme/host/pci.c nvme_timeout()", REPORT),
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
        (r"mpt[23]sas_cm\d+: (?:diag reset: FAILED|fault_state\(|sending diag reset)",
         "Linux drivers/scsi/mpt3sas/mpt3sas_base.c", REPORT),
        (r"megaraid_sas \S+: FW in FAULT state",
         "Linux drivers/scsi/megaraid/megaraid_sas_base.c megasas_transition_to_ready()", REPORT),
        (r"megaraid_sas \S+: (?:Failed from megasas_init_fw|Failed to transition controller to ready)",
         "Linux drivers/scsi/megaraid/megaraid_sas_base.c", REPORT),
        (r"aacraid: aac_fib_send: first asynchronous command timed out",
         "Linux drivers/scsi/aacraid/commsup.c aac_fib_send()", REPORT),
        (r"hpsa \S+: (?:no-op failed|board not ready, timed out|failed to enter simple mode)",
         "Linux drivers/scsi/hpsa.c hpsa_init_reset_devices(), hpsa_wait_for_board_state()", SOURCE),
        (r"hpsa \S+: controller message \S+ timed out", "Linux drivers/scsi/hpsa.c hpsa_message()", SOURCE),
        (r"smartpqi \S+: (?:controller is offline|controller offline|controller not ready after)",
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
        (r"ata\d+: softreset failed", "Linux drivers/ata/libata-sff.c, libahci.c", SOURCE),
    ),
    _pattern(
        "probe_failed", "C", "device", "warning",
        "A driver could not initialise its device.",
        (r"(?P<driver>[\w-]{1,40}): probe of (?P<device>\S{1,60}) failed with error (?P<error>-\d+)",
         "Linux drivers/base/dd.c call_driver_probe(), until 6.10", REPORT),
        (r"(?P<driver>[\w-]{1,40}) (?P<device>\S{1,60}): probe with driver \S+ failed with error (?P<error>-\d+)",
         "Linux drivers/base/dd.c call_driver_probe(), since 6.11", SOURCE),
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
    ),
    # ---- The dump --------------------------------------------------------------------------------
    _pattern(
        "target_not_mounted", "C", "mount", "error",
        "The file system for the dump was not mounted.",
        *_families("target_not_mounted"),
        (r"Failed to mount (?!/?(?:dev|sys|proc|run)\b)(?:/\S+|\S+\.mount)",
         "systemd src/core/job.c job_done_messages", SOURCE),
        (r"mount: \S+: (?:wrong fs type|unknown filesystem type|can't find|special device)",
         "util-linux sys-utils/mount.c", SOURCE),
    ),
    _pattern(
        "disk_full", "C", "space", "error",
        "The dump's file system is full.",
        (r"No space left on device", "strerror(ENOSPC)", LAB),
        (r"Disk quota exceeded", "strerror(EDQUOT)", SOURCE),
        *_families("disk_full"),
    ),
    _pattern(
        "makedumpfile_too_old", "C", "makedumpfile", "error",
        "makedumpfile does not understand this kernel: it is older than the kernel.",
        (r"VA Bits \d+ not supported", "makedumpfile arch/arm64.c", REPORT),
        (r"Can't (?:get necessary|determine|find the) \S+", "makedumpfile makedumpfile.c", SOURCE),
    ),
    _pattern(
        "makedumpfile_failed", "C", "makedumpfile", "error",
        "makedumpfile failed.",
        (r"makedumpfile Failed\.", "makedumpfile makedumpfile.c main()", LAB),
        (r"Can't (?:open|read|write|seek) the [^.]+", "makedumpfile makedumpfile.c", LAB),
        (r"Try `makedumpfile --help' for more information", "makedumpfile makedumpfile.c main()", SOURCE),
        (r"This is an incomplete dumpfile", "makedumpfile makedumpfile.c create_dumpfile()", REPORT),
        *_families("makedumpfile_failed"),
    ),
    _pattern(
        "save_failed", "C", "dump", "error",
        "The family's tool says that the dump was not saved.",
        *_families("save_failed"),
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
        (r"INFO: \S+ (?:self-)?detected (?:expedited )?stalls? on CPU",
         "Linux kernel/rcu/tree_stall.h, kernel/rcu/tree_exp.h", SOURCE),
        (r"INFO: task \S+ blocked for more than \d+ seconds", "Linux kernel/hung_task.c check_hung_task()", SOURCE),
    ),
    _pattern(
        "watchdog_fired", "A", "watchdog", "error",
        "A watchdog reset the machine.",
        (r"Watchdog\s?2 .*(?:[Hh]ard [Rr]eset|[Pp]ower (?:[Cc]ycle|[Dd]own)|Timer expired)", _SEL, SOURCE),
        (r"watchdog pretimeout event", "Linux drivers/watchdog/pretimeout_noop.c, pretimeout_panic.c", SOURCE),
    ),
    _pattern(
        "power_event", "A", "power", "warning",
        "The management controller recorded that power went or a reset was asked for.",
        (r"Power (?:Unit|Supply) .*(?:[Pp]ower off/down|AC lost|[Pp]ower cycle|[Ff]ailure detected)", _SEL, SOURCE),
        (r"System (?:Boot Initiated|ACPI Power State|Restart) ", _SEL, SOURCE),
    ),
    _pattern(
        "pci_system_error", "A", "hardware", "warning",
        "The management controller recorded a PCI or processor error.",
        (r"Critical Interrupt .*(?:PCI [PS]ERR|Bus (?:Fatal|Uncorrectable) [Ee]rror)", _SEL, SOURCE),
        (r"Processor .*(?:IERR|MCERR|CATERR|Machine Check)", _SEL, SOURCE),
    ),
    _pattern(
        "asked_to_reboot", "C", "end", "info",
        "The capture kernel was told to reboot: nobody pulled the plug.",
        (r"reboot: (?:Restarting system|Power down|System halted|machine restart)", "Linux kernel/reboot.c", LAB),
    ),
)
# fmt: on

__all__ = (
    "LAB", "MILESTONES", "PATTERNS", "REPORT", "SOURCE", "Form", "Milestone", "Pattern",
)  # fmt: skip
