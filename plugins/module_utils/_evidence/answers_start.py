# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Causes before anything is written: no jump, hardware, memory, the initramfs, the reset."""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.findings import (
    CERTAIN,
    LIKELY,
    POSSIBLE,
    Finding,
    in_capture,
    is_near_end,
    named,
    quote,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.segments import (
    CAPTURE,
    CRASHED,
    FIRMWARE,
    NEXT,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.stages import reaches

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.observations import (
        Event,
        Observations,
    )

_IOMMU_FAULTS = (
    "dmar_fault", "amd_fault", "smmu_event", "smmu_timeout", "amd_timeout", "eeh_frozen", "dmar_status",
)  # fmt: skip
_CONTEXT = ("iommu", "interrupts", "hardware", "pcie")
_OWN_CAUSE = (
    "timer_lost", "fatal_error", "machine_check", "stale_interrupt", "apic_in_service", "pcie_fatal",
)  # fmt: skip


def not_triggered(observed: Observations) -> Finding | None:
    """Nothing crashed the host."""
    if observed.facts.get("boot_changed") is False and not observed.of(CAPTURE):
        return Finding("The host still runs the boot that was to be crashed: nothing crashed it.")
    return None


def not_reserved(observed: Observations) -> Finding | None:
    """No memory is reserved."""
    return _nothing_to_jump_to(
        observed, "not_reserved", "No memory is reserved for a capture kernel"
    )


def not_loaded(observed: Observations) -> Finding | None:
    """The capture kernel could not be loaded."""
    return _nothing_to_jump_to(observed, "not_loaded", "The capture kernel could not be loaded")


def _nothing_to_jump_to(observed: Observations, code: str, what: str) -> Finding | None:
    events = observed.found(code)
    if observed.of(CAPTURE) or not events:
        return None
    return Finding(f"{what}, so there was none to jump to: {quote(events[0])}.", events[0])


def not_armed(observed: Observations) -> Finding | None:
    """The panicked kernel waited."""
    if observed.of(CAPTURE) or not observed.waited_after_panic():
        return None
    return Finding(
        "No capture kernel was loaded: after its panic the kernel waited for its reboot instead of jumping."
    )


def image_damaged(observed: Observations) -> Finding | None:
    """The purgatory found another digest."""
    events = observed.found("digest_mismatch")
    if not events:
        return None
    return Finding(
        "The capture kernel's image in memory was damaged before the jump, by a device's DMA or a stray write.",
        events[-1],
        # The purgatory runs after the jump; only some machines say that they jump.
        stage="S3" if reaches(observed.reached, "S2") else "S2",
    )


def cpus_not_stopped(observed: Observations) -> Finding | None:
    """Processors of the crashed kernel ran on."""
    events = observed.found("cpus_not_stopped")
    if not events or reaches(observed.reached, "S4"):
        return None
    cpus = next((event.groups["cpus"] for event in events if event.groups.get("cpus")), "")
    which = f"Processors {cpus}" if cpus else "Processors"
    stage = None if observed.of(CAPTURE) else "S3"
    return Finding(
        f"{which} of the crashed kernel did not stop and may still write to memory: {quote(events[0])}.",
        events[0],
        stage=stage,
    )


def out_of_memory(observed: Observations) -> Finding | None:
    """The killer of processes was called."""
    events = in_capture(observed, "out_of_memory")
    if not events:
        return None
    victims = [event.groups["process"] for event in events if "process" in event.groups]
    killed = f"; {victims[-1]} was killed" if victims else ""
    begun = observed.first_place("S7")
    passed = begun is not None and events[-1].place < begun
    return Finding(
        f"The capture kernel ran out of memory{killed}: reserve more with crashkernel=.",
        events[-1],
        POSSIBLE if passed else None,
    )


def too_little_memory(observed: Observations) -> Finding | None:
    """Memory lacked without the killer: for the initramfs, for devices that need low memory."""
    no_room = in_capture(observed, "initramfs_no_room")
    if no_room and in_capture(observed, "no_init"):
        return Finding(
            f"The kdump initramfs does not fit into the memory that is reserved ({quote(no_room[0])}): reserve more"
            " with crashkernel=, or make the image smaller.",
            no_room[0],
            CERTAIN,
        )
    if reaches(observed.reached, "S7"):
        return None
    low = in_capture(observed, "swiotlb_full")
    if low:
        return Finding(
            f"Too little low memory is reserved for devices that need it ({quote(low[0])}): add crashkernel=SIZE,low or"
            " reserve more.",
            low[-1],
        )
    events = in_capture(observed, "allocation_failed")
    # An initramfs that does not fit is cut while it is unpacked.
    broken = in_capture(observed, "initramfs_broken")
    if not events:
        return None
    sure = LIKELY if broken or is_near_end(events[-1]) else POSSIBLE
    return Finding(
        f"The capture kernel has too little memory ({quote(events[-1])}): reserve more with crashkernel=.",
        events[-1],
        sure,
    )


def hardware_error(observed: Observations) -> Finding | None:
    """Firmware or the processor reported a fatal error of this boot, and the log ends there."""
    events = in_capture(observed, "fatal_error", "machine_check")
    if not events:
        return None
    sure = CERTAIN if is_near_end(events[-1]) else POSSIBLE
    return Finding(
        f"The hardware reported an error while the capture kernel ran: {quote(events[0])}.",
        events[-1],
        sure,
    )


def snp_host(observed: Observations) -> Finding | None:
    """AMD-Vi that SEV-SNP locked."""
    events = in_capture(observed, "amd_timeout")
    if not events or not (in_capture(observed, "timer_lost") or is_near_end(events[-1])):
        return None
    return Finding(
        f"AMD-Vi does not answer the capture kernel ({quote(events[0])}): with SEV-SNP its buffers stay those of the"
        " crashed kernel. Use a kernel that takes them over (6.18 or newer), or switch SEV-SNP off.",
        events[-1],
    )


def timer_lost(observed: Observations) -> Finding | None:
    """check_timer() gave up."""
    events = in_capture(observed, "timer_lost")
    if not events:
        return None
    return Finding(
        "The capture kernel got no timer interrupts through the interrupt remapping that it took over from the"
        " dead kernel.",
        events[-1],
    )


def initramfs_broken(observed: Observations) -> Finding | None:
    """Nothing to run."""
    lacks = in_capture(observed, "init_lacks")
    ends = in_capture(observed, "no_init")
    broken = in_capture(observed, "initramfs_broken")
    late = reaches(observed.reached, "S6")
    if in_capture(observed, "oops") or not (
        ends or (lacks and is_near_end(lacks[-1]) and not late)
    ):
        return None
    telling = (lacks or broken or ends)[0]
    return Finding(
        f"The kdump initramfs is broken or does not fit the kernel ({quote(telling)}): rebuild it.",
        (ends or lacks)[-1],
    )


def capture_panic(observed: Observations) -> Finding | None:
    """The capture kernel panicked, with what it said before."""
    events = in_capture(observed, "capture_panic", "no_init")
    oops = in_capture(observed, "oops")
    if not events and not (oops and is_near_end(oops[-1])):
        return None
    where = next((event.groups["function"] for event in oops if "function" in event.groups), "")
    at = f" at {where}" if where else ""
    first = f" It began with {quote(oops[0])}{at}." if oops else ""
    last = (events or oops)[-1]
    why = next((event.groups["why"] for event in events if "why" in event.groups), last.line.text)
    return Finding(f"The capture kernel panicked itself: {why[:160]!r}.{first}", last)


def interrupt_remapping_fault(observed: Observations) -> Finding | None:
    """An interrupt that was refused, and then the end."""
    events = in_capture(observed, "dmar_ir_fault")
    if not events or reaches(observed.reached, "S8"):
        return None
    then = "the machine was reset" if observed.of(NEXT) else "nothing was heard any more"
    return Finding(
        f"Interrupt remapping fault: VT-d refused an interrupt of {_devices(observed, events)}, which still runs for"
        f" the crashed kernel ({quote(events[-1])}); then {then}. Some machines hang or reset in firmware (SMI) on it:"
        " reset the device before (quiesce stage).",
        events[-1],
        LIKELY if is_near_end(events[-1]) else POSSIBLE,
    )


def iommu_fault(observed: Observations) -> Finding | None:
    """DMA that was refused, and then the end."""
    events = in_capture(observed, *_IOMMU_FAULTS)
    if in_capture(observed, "dmar_ir_fault"):
        events = [event for event in events if event.pattern.code != "dmar_status"]
    if not events or reaches(observed.reached, "S8"):
        return None
    telling = next(
        (event for event in reversed(events) if event.pattern.code != "dmar_status"), events[-1]
    )
    faults = [event for event in events if event.pattern.code != "dmar_status"] or events
    total = sum({event.pattern.code: event.total for event in faults}.values())
    times = f", {total} times" if total > 1 else ""
    who = _devices(observed, events)
    does = (
        f"{who} still does DMA for the crashed kernel"
        if who
        else telling.pattern.meaning.rstrip(".")
    )
    return Finding(
        f"IOMMU fault: {does}{times} ({quote(telling)}).",
        events[-1],
        LIKELY if is_near_end(events[-1]) else POSSIBLE,
    )


def _devices(observed: Observations, events: Sequence[Event]) -> str:
    return ", ".join(
        dict.fromkeys(
            named(observed, event.device) for event in events if event.groups.get("device")
        )
    )


def pci_system_error(observed: Observations) -> Finding | None:
    """SERR, IERR: as an interrupt, or in the log of the management controller."""
    events = in_capture(observed, "serr_nmi")
    recorded = [event for event in observed.found("pci_system_error") if event.segment == FIRMWARE]
    fatal = _not_recovered(observed)
    if not events and not fatal and not (recorded and observed.of(CAPTURE)):
        return None
    if reaches(observed.reached, "S8"):
        return None
    telling = (recorded or events or fatal)[-1]
    by = "The kernel reported a fatal PCIe error"
    if recorded or events:
        by = (
            "The management controller recorded it"
            if recorded
            else "It came as a non-maskable interrupt"
        )
    sure = CERTAIN if recorded or is_near_end(telling) else POSSIBLE
    events = events or fatal
    return Finding(
        f"PCI or processor error (SERR, IERR) while the capture kernel ran. {by}: {quote(telling)}.",
        events[-1] if events else None,
        sure,
    )


def _not_recovered(observed: Observations) -> list[Event]:
    """Fatal PCIe errors after which no device was recovered."""
    recovered = in_capture(observed, "pcie_recovered")
    last = max((event.place for event in recovered), default=-1)
    return [event for event in in_capture(observed, "pcie_fatal") if event.place > last]


def stale_interrupt(observed: Observations) -> Finding | None:
    """An interrupt that nobody ends, and a kernel that waits for its disk."""
    events = in_capture(observed, "apic_in_service")
    if not events and not in_capture(observed, "apic_ended", "apic_free"):
        events = in_capture(observed, "stale_interrupt")
    if not events or reaches(observed.reached, "S6"):
        return None
    return Finding(
        f"An interrupt of the crashed kernel is pending in the APIC and blocks those of the capture kernel:"
        f" {quote(events[0])}. The disk is not heard of. The quiesce stage may go"
        " without it.",
        events[0],
    )


def reset_hangs(observed: Observations) -> Finding | None:
    """A reset that was begun, with nothing after it: not even the helper's own deadline."""
    begun = [event.groups["port"] for event in observed.found("port_resetting")]
    if not begun or observed.found("reset_summary") or reaches(observed.reached, "S5"):
        return None
    answered = {
        event.groups["port"] for event in observed.found("port_timeout", "port_failed", "port_left")
    }
    open_ports = [port for port in begun if port not in answered]
    if not open_ports:
        return None
    ports = ", ".join(dict.fromkeys(open_ports))
    return Finding(f"The reset of {ports} hung the machine: exclude this port from the plan.")


_QUIESCE_RESTARTS = {
    "no_vmcore": "its kernel has no /proc/vmcore",
    "not_loaded": "the capture kernel could not be loaded",
    "no_jump": "the jump into the capture kernel failed",
    "late": "it did not end in time",
}


def quiesce_restarted(observed: Observations) -> Finding | None:
    """The stage before the capture kernel gave up."""
    events = observed.found("quiesce_restart")
    if not events:
        return None
    reason = events[0].groups["reason"]
    why = _QUIESCE_RESTARTS.get(reason, reason)
    said = [event.groups["said"] for event in observed.found("quiesce_kexec")]
    quoted = f" (kexec: {said[-1]})" if said and reason == "not_loaded" else ""
    return Finding(
        f"The quiesce stage restarted the machine without a dump: {why}{quoted}.", events[0]
    )


def no_vmcore(observed: Observations) -> Finding | None:
    """There is nothing to read."""
    events = in_capture(observed, "no_vmcore")
    if not events:
        return None
    return Finding(
        f"The dead kernel's memory cannot be read in the capture kernel: {quote(events[0])}.",
        events[-1],
    )


def reset_amiss(observed: Observations) -> Finding | None:
    """A device did not come back."""
    events = observed.found("port_timeout", "port_failed")
    if not events or reaches(observed.reached, "S7"):
        return None
    ports = ", ".join(dict.fromkeys(event.groups["port"] for event in events))
    return Finding(
        f"The PCIe reset of {ports} did not bring its devices back: exclude the port and test again."
    )


def devices_disturb(observed: Observations) -> Finding | None:
    """Devices of the dead kernel that disturbed the capture kernel."""
    # What came before the target was mounted did not keep it from being mounted.
    mounted = observed.first_place("S6")
    events = [
        event
        for event in observed.events
        if event.segment == CAPTURE
        and event.pattern.group in _CONTEXT
        and event.pattern.severity != "info"
        and event.pattern.code not in _OWN_CAUSE
        and (mounted is None or event.place > mounted)
    ]
    if not events or reaches(observed.reached, "S8"):
        return None
    kinds = "; ".join(dict.fromkeys(event.pattern.meaning.rstrip(".") for event in events))
    return Finding(f"Devices disturbed the capture kernel: {kinds} ({quote(events[0])}).")


def no_jump(observed: Observations) -> Finding | None:
    """Nothing after the panic."""
    if observed.of(CAPTURE) or not observed.of(CRASHED) or observed.waited_after_panic():
        return None
    if reaches(observed.reached, "S3"):
        return None  # what lies in the dump directory tells of it
    by_itself = observed.facts.get("returned") is True and not observed.facts.get("power_cycled")
    if by_itself and not observed.of(NEXT):
        return None
    if observed.of(NEXT) and by_itself:
        return Finding(
            "The capture kernel printed nothing before the next boot: it died at its very start, or its command"
            " line has no console= for this console."
        )
    return Finding(
        "After its panic nothing was heard of the host: it hangs in the crashed kernel or at the very start of the"
        " capture kernel, or console= is missing on the capture kernel's command line."
    )


__all__ = (
    "capture_panic", "cpus_not_stopped", "devices_disturb", "hardware_error", "image_damaged", "initramfs_broken",
    "interrupt_remapping_fault", "iommu_fault", "no_jump", "no_vmcore", "not_armed", "not_loaded", "not_reserved",
    "not_triggered", "out_of_memory", "pci_system_error", "quiesce_restarted", "reset_amiss", "reset_hangs",
    "snp_host", "stale_interrupt", "timer_lost", "too_little_memory",
)  # fmt: skip
