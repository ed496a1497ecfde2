# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Why there is no dump: causes that compete.

Each rule looks at all observations and answers with a sentence, or not at all. An answer is dropped if the
stage that it makes fail was reached. The others are ordered by how sure they are, and those that are as sure
as each other by the table: a rule stands before those whose lines are consequences of its own.
"""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._evidence import (
    answers_dump as dump,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence import (
    answers_start as start,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.findings import (
    CERTAIN,
    LIKELY,
    ORDER,
    POSSIBLE,
    SILENCE,
    Cause,
    Finding,
    quote,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.stages import reaches

if t.TYPE_CHECKING:
    from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.observations import (
        Observations,
    )


class CauseRule(t.NamedTuple):
    """A question to what was observed."""

    code: str
    stage: str | None  # the stage that it makes fail; None: the first that was not reached
    sure: str
    meaning: str  # for people, in docs/reference/evidence.md
    answer: t.Callable[[Observations], Finding | None]

    def apply(self, observed: Observations) -> Cause | None:
        """The cause, None if it is not this one."""
        finding = self.answer(observed)
        if finding is None:
            return None
        stage = self.stage if finding.stage == "as the rule" else finding.stage
        if stage and stage not in _ALWAYS and reaches(observed.reached, stage):
            return None
        return Cause(self.code, finding.sentence, stage, finding.sure or self.sure, finding.event)


# Nothing passes these by: a kernel that panics proves no capture kernel, and any dump may be a foreign one.
_ALWAYS = ("S0", "S1", "S10")
# Faults that may stand behind another failure.
_WEIGHED = (
    "interrupt_remapping_fault", "iommu_fault", "pci_system_error", "too_little_memory", "device_failed", "snp_host",
    "stale_interrupt", "out_of_memory",
)  # fmt: skip

CAUSES = tuple(
    CauseRule(*row)
    for row in (
        ("not_triggered", "S1", CERTAIN, "Nothing crashed the host.", start.not_triggered),
        ("not_reserved", "S0", CERTAIN, "No memory is reserved for a capture kernel.", start.not_reserved),
        ("not_loaded", "S0", CERTAIN, "The capture kernel could not be loaded.", start.not_loaded),
        ("not_armed", "S2", CERTAIN, "No capture kernel was loaded when the kernel panicked.", start.not_armed),
        ("image_damaged", "S2", CERTAIN, "The capture kernel's image was damaged in memory.", start.image_damaged),
        ("cpus_not_stopped", None, CERTAIN, "Processors of the crashed kernel ran on.", start.cpus_not_stopped),
        ("out_of_memory", None, CERTAIN, "crashkernel= is too small.", start.out_of_memory),
        ("too_little_memory", None, LIKELY, "Too little memory for the initramfs, or below 4 GiB for a device.",
         start.too_little_memory),
        ("disk_full", "S8", CERTAIN, "The dump's file system is full.", dump.disk_full),
        ("no_vmcore", None, CERTAIN, "There is no /proc/vmcore.", start.no_vmcore),
        ("makedumpfile_too_old", "S8", CERTAIN, "makedumpfile does not know this kernel.", dump.makedumpfile_too_old),
        ("makedumpfile_failed", "S8", CERTAIN, "makedumpfile ended with an error.", dump.makedumpfile_failed),
        ("hardware_error", None, CERTAIN, "The hardware reported a fatal error.", start.hardware_error),
        ("pci_system_error", None, CERTAIN, "A PCI system error (SERR) or a processor error (IERR) came.",
         start.pci_system_error),
        ("snp_host", "S4", CERTAIN, "AMD-Vi is locked by SEV-SNP.", start.snp_host),
        ("timer_lost", "S4", CERTAIN, "No timer interrupts in the capture kernel.", start.timer_lost),
        ("initramfs_broken", None, CERTAIN, "The kdump initramfs is broken.", start.initramfs_broken),
        ("capture_panic", None, CERTAIN, "The capture kernel panicked.", start.capture_panic),
        ("reset_hangs", None, CERTAIN, "The reset of a port hung the machine.", start.reset_hangs),
        ("quiesce_restarted", None, CERTAIN, "The quiesce stage could not start the capture kernel.",
         start.quiesce_restarted),
        ("disk_locked", "S6", LIKELY, "A disk is encrypted and waits for its passphrase.", dump.disk_locked),
        ("volume_missing", "S6", LIKELY, "A volume group or pool of the dump is not there.", dump.volume_missing),
        ("module_refused", "S5", LIKELY, "A module is of another kernel, not signed or damaged.", dump.module_refused),
        ("device_failed", "S5", LIKELY, "A device did not work in the capture kernel.", dump.device_failed),
        ("stale_interrupt", "S5", LIKELY, "An interrupt of the crashed kernel blocks those of the capture kernel.",
         start.stale_interrupt),
        ("target_wrong", "S6", LIKELY, "The capture kernel looks for a disk that is not there.", dump.target_wrong),
        ("target_not_mounted", "S6", LIKELY, "The dump's file system was not mounted.", dump.target_not_mounted),
        ("driver_missing", "S5", LIKELY, "No driver for the dump's disk in the capture kernel.", dump.driver_missing),
        ("network_missing", "S6", LIKELY, "No network or server for a remote dump target.", dump.network_missing),
        ("script_failed", None, LIKELY, "An administrator's script failed.", dump.script_failed),
        ("save_failed", "S8", LIKELY, "The family's tool says that it could not save the dump.", dump.save_failed),
        ("saved_nothing", "S8", LIKELY, "The dump is empty, whatever the family's tool says.", dump.saved_nothing),
        ("saved_elsewhere", "S8", LIKELY, "A dump was reported as saved, and there is none.", dump.saved_elsewhere),
        ("interrupt_remapping_fault", None, LIKELY, "VT-d refused an interrupt, then the machine hung or reset itself.",
         start.interrupt_remapping_fault),
        ("iommu_fault", None, LIKELY, "The IOMMU refused a device's DMA, and then nothing came.", start.iommu_fault),
        ("udev_stuck", None, LIKELY, "udev waits for a driver.", dump.udev_stuck),
        ("job_waits", None, LIKELY, "systemd waits for a job without a limit.", dump.job_waits),
        ("watchdog", None, SILENCE, "A watchdog reset the machine.", dump.watchdog),
        ("cut_off", None, SILENCE, "The machine was reset or lost its power.", dump.cut_off),
        ("stalled", None, SILENCE, "The capture kernel was stuck and said so.", dump.stalled),
        ("hang", None, SILENCE, "The capture kernel fell silent.", dump.hang),
        ("no_jump", None, SILENCE, "Nothing was heard after the panic.", start.no_jump),
        ("reset_amiss", None, POSSIBLE, "A device did not come back from its reset.", start.reset_amiss),
        ("devices_disturb", None, POSSIBLE, "Devices of the dead kernel disturbed the capture kernel.",
         start.devices_disturb),
        ("unfinished", "S8", POSSIBLE, "The dump was begun and cut off, nobody knows by what.", dump.unfinished),
        ("foreign_dump", "S10", POSSIBLE, "The dump is of another crash or another host.", dump.foreign_dump),
        ("unknown", None, POSSIBLE, "Nothing explains it.", dump.unknown),
    )
)  # fmt: skip


def causes_of(observed: Observations) -> list[Cause]:
    """All that answers, the most likely first; its sentence says what else was weighed."""
    found = [cause for rule in CAUSES if (cause := rule.apply(observed)) is not None]
    # That it is not known is an answer only where there is no other.
    found = [cause for cause in found if cause.code != "unknown"] or found
    found.sort(key=lambda cause: ORDER.index(cause.sure))
    return [_weighed(found[0], found[1:]), *found[1:]] if found else []


def _weighed(cause: Cause, others: list[Cause]) -> Cause:
    """The cause with the fault that came before it, as that may be what is behind it."""
    end = cause.event
    if end is None or end.line.time is None:
        return cause
    for other in others:
        fault = other.event
        if (
            other.code in _WEIGHED
            and fault is not None
            and fault.line.time is not None
            and (fault.segment, fault.source) == (end.segment, end.source)
            and fault.line.time <= end.line.time
        ):
            seconds = end.line.time - fault.line.time
            before = f" {seconds:.0f} s before: {quote(fault)}."
            return cause._replace(sentence=cause.sentence + before)
    return cause


__all__ = ("CAUSES", "CauseRule", "causes_of")
