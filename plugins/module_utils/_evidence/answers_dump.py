# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Causes from the dump's disk or network on to its end: storage, network, the family's tool, resets from outside."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.boots import OOPS, PANIC
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.findings import (
    CERTAIN,
    LIKELY,
    POSSIBLE,
    Finding,
    first_of_program,
    in_capture,
    is_near_end,
    named,
    quote,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.segments import (
    CAPTURE,
    NEXT,
    NORMAL,
    UNKNOWN,
    Segment,
    command_line,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.stages import reaches

if t.TYPE_CHECKING:
    from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.observations import (
        Event,
        Observations,
    )

_DEVICE_EVENTS = (
    "nvme_timeout", "hba_timeout", "ata_timeout", "device_inaccessible", "bar_unassigned", "probe_failed", "io_error",
)  # fmt: skip
_IOMMU_FAULTS = (
    "dmar_fault",
    "dmar_status",
    "amd_fault",
    "smmu_event",
    "smmu_reset",
    "dmar_copy_failed",
)
# Devices that no dump needs.
_NO_TARGET = re.compile(
    r"^(?:tpm|i8042|snd|i915|nouveau|amdgpu|ast|mgag200|mei|ioatdma|iTCO|ipmi|i2c|pcspkr)"
)
# What waits for a disk: that a driver failed had a consequence.
_WAITS_FOR_DISK = ("disk_missing", "gave_up")
_NO_ROOM = 1 << 20


def disk_full(observed: Observations) -> Finding | None:
    """Who writes the dump found no room."""
    events = in_capture(observed, "disk_full")
    if events:
        return Finding(
            f"The dump's file system is full ({quote(events[0])}): free or add space.", events[0]
        )
    free = observed.facts.get("free_bytes")
    if free is not None and free < _NO_ROOM and reaches(observed.reached, "S6"):
        return Finding(f"The dump's file system is full: {free} bytes are free.")
    return None


def makedumpfile_too_old(observed: Observations) -> Finding | None:
    """makedumpfile does not know this kernel."""
    events = in_capture(observed, "makedumpfile_too_old")
    if not events:
        return None
    return Finding(
        f"makedumpfile is older than the kernel and cannot read its memory: {quote(events[0])}.{_said_saved(observed)}",
        events[0],
    )


def makedumpfile_failed(observed: Observations) -> Finding | None:
    """makedumpfile ended with an error; its first message says why."""
    events = in_capture(observed, "makedumpfile_failed", "makedumpfile_too_old")
    if not events:
        return None
    reasons = [event for event in events if "Failed." not in event.line.text]
    said = first_of_program(observed, (reasons or events)[0])
    return Finding(f"makedumpfile failed: {said!r}.{_said_saved(observed)}", events[-1])


def _said_saved(observed: Observations) -> str:
    if observed.found("family_says_saved") and observed.dump.state in (
        "empty", "incomplete", "damaged", "unfinished",
    ):  # fmt: skip
        return " The family's tool says that it saved the dump all the same."
    return ""


def disk_locked(observed: Observations) -> Finding | None:
    """A passphrase is asked for."""
    events = in_capture(observed, "disk_locked")
    if not events or reaches(observed.reached, "S6"):
        return None
    return Finding(
        f"The capture kernel waits for the passphrase of an encrypted disk, and nobody is there ({quote(events[-1])}):"
        " dump to a disk that is not encrypted or to a server, or let the capture kernel keep the key.",
        events[-1],
    )


def volume_missing(observed: Observations) -> Finding | None:
    """LVM or ZFS found its devices wanting."""
    events = in_capture(observed, "volume_missing")
    if not events or reaches(observed.reached, "S6"):
        return None
    return Finding(
        f"The dump's volume group or pool {events[0].groups['volume']} is not there ({quote(events[0])}): a disk or a"
        " driver of it is missing in the capture kernel.",
        events[-1],
    )


def module_refused(observed: Observations) -> Finding | None:
    """A driver is there and may not load."""
    events = in_capture(observed, "module_refused")
    if not events or reaches(observed.reached, "S5"):
        return None
    telling = next((event for event in events if event.groups.get("module")), events[0])
    had_effect = in_capture(observed, *_WAITS_FOR_DISK) or is_near_end(events[-1])
    return Finding(
        f"The capture kernel refused a module ({quote(telling)}): it is of another kernel, not signed or damaged."
        " Build the kdump initramfs again for the kernel that it is booted with.",
        telling,
        LIKELY if had_effect else POSSIBLE,
    )


def device_failed(observed: Observations) -> Finding | None:
    """A driver found its device and could not use it."""
    # What fails before the disk shows itself, or before the dump is begun, did not keep it from that.
    begun = next(
        (place for stage in ("S7", "S5") if (place := observed.first_place(stage)) is not None),
        None,
    )
    events = [
        event
        for event in in_capture(observed, *_DEVICE_EVENTS)
        if not _NO_TARGET.search(event.groups.get("driver", ""))
        and (begun is None or event.place > begun)
    ]
    if observed.first_place("S7") is None and reaches(observed.reached, "S7"):
        return None
    only_bar = all(event.pattern.code == "bar_unassigned" for event in events)
    if not events or (only_bar and not in_capture(observed, *_WAITS_FOR_DISK)):
        return None
    # A controller's own words say more than those of who waits for it; then those that name the disk.
    first = max(events, key=lambda event: (event.pattern.code != "io_error", bool(event.device)))
    because = ""
    if in_capture(observed, *_IOMMU_FAULTS):
        because = " Its DMA of before the crash was still under way when the IOMMU was taken over."
    who = named(observed, first.device) if first.groups.get("device") else ""
    name = f" ({who})" if who and who not in first.line.text else ""
    had_effect = in_capture(observed, *_WAITS_FOR_DISK) or is_near_end(events[-1])
    return Finding(
        f"A device that the dump may need did not work in the capture kernel: {quote(first)}{name}.{because}",
        events[-1],
        LIKELY if had_effect else POSSIBLE,
        "S5" if begun is None else None,
    )


def target_wrong(observed: Observations) -> Finding | None:
    """Disks are there, but not the one that is waited for."""
    events = in_capture(observed, "disk_missing")
    appeared = observed.disk(CAPTURE)
    if not events or appeared is None:
        return None
    wanted = _wanted_disk(observed, events)
    if wanted and appeared in wanted:
        return None
    name = wanted or "the one that is waited for"
    return Finding(
        f"The capture kernel found {appeared}, but not {name}: see root= of its command line and the dump target.",
        events[-1],
    )


def driver_missing(observed: Observations) -> Finding | None:
    """No disk at all."""
    events = in_capture(observed, "disk_missing", "module_missing")
    if not in_capture(observed, "disk_missing") or observed.disk(CAPTURE) is not None:
        return None
    if in_capture(observed, "iscsi_failed"):
        return None
    wanted = _wanted_disk(observed, events) or "the dump's disk"
    before = observed.disk(NORMAL) or observed.disk(NEXT)
    known = " The normal kernel has it." if before else ""
    return Finding(
        f"No driver in the capture kernel claimed {wanted}: its module is not in the kdump initramfs, or not allowed to"
        f" load.{known}",
        events[-1],
    )


def _wanted_disk(observed: Observations, events: list[Event]) -> str:
    for event in events:
        if "disk" in event.groups:
            return event.groups["disk"]
    for segment in observed.of(CAPTURE):
        root = command_line(segment).get("root")
        if root:
            return root
    return ""


def network_missing(observed: Observations) -> Finding | None:
    """The server of a remote target was not reached."""
    if reaches(observed.reached, "S7"):
        return None
    events = in_capture(observed, "network_missing", "ssh_error", "iscsi_failed")
    if not events:
        return None
    adapters = in_capture(observed, "nic_timeout")
    adapter = f" A network adapter had not come up: {quote(adapters[0])}." if adapters else ""
    is_disk = events[-1].pattern.code == "iscsi_failed"
    return Finding(
        f"The network or the server for the dump target did not come up: {quote(events[-1])}.{adapter}",
        events[-1],
        stage="S5" if is_disk else "S6",
    )


def target_not_mounted(observed: Observations) -> Finding | None:
    """The file system was refused."""
    events = in_capture(observed, "target_not_mounted")
    if not events:
        return None
    telling = next((event for event in events if event.groups.get("device")), events[0])
    return Finding(f"The dump's file system was not mounted: {quote(telling)}.", events[-1])


def script_failed(observed: Observations) -> Finding | None:
    """The administrator's script failed."""
    events = in_capture(observed, "script_failed")
    if not events:
        return None
    return Finding(
        f"A script of the administrator failed in the capture kernel: {quote(events[0])}.",
        events[0],
    )


def save_failed(observed: Observations) -> Finding | None:
    """The family's tool says so; who broke off said why before."""
    events = in_capture(observed, "save_failed")
    if not events:
        return None
    broke = in_capture(observed, "ssh_error")
    telling = broke[-1] if broke else events[0]
    said = quote(telling) if broke else repr(first_of_program(observed, telling))
    return Finding(f"The family's tool could not save the dump: {said}.", telling)


def saved_nothing(observed: Observations) -> Finding | None:
    """An empty dump."""
    if observed.dump.state != "empty":
        return None
    said = (
        " although the family's tool says that it saved it"
        if observed.found("family_says_saved")
        else ""
    )
    return Finding(
        f"The dump is empty{said}: makedumpfile failed, and its exit status was lost in a pipe."
    )


def saved_elsewhere(observed: Observations) -> Finding | None:
    """A dump that was reported and is not there."""
    events = observed.found("family_says_saved")
    if not events or observed.dump.state not in ("none", "old", "text_only"):
        return None
    return Finding(
        f"The family's tool says that it saved a dump ({quote(events[0])}), and there is none where it was looked for:"
        " see the dump target, and whether the file system kept its last writes."
    )


def watchdog(observed: Observations) -> Finding | None:
    """A watchdog that fired, or one that ran when the machine was reset."""
    fired = observed.found("watchdog_fired")
    if fired:
        return Finding(
            f"A watchdog reset the machine while the capture kernel ran: {quote(fired[0])}.",
            sure=CERTAIN,
        )
    ran = observed.facts.get("watchdog") or observed.found("watchdog_armed")
    if not ran or observed.facts.get("power_cycled") or not _reset_from_outside(observed):
        return None
    return Finding(
        "The machine was reset while the capture kernel ran, and a hardware watchdog was running when the kernel"
        " crashed: stop it before, or give the capture kernel its driver."
    )


def cut_off(observed: Observations) -> Finding | None:
    """Reset or power loss that no kernel asked for."""
    if observed.facts.get("power_cycled"):
        return None  # by those who ran the test, because it hung
    outside = _reset_from_outside(observed)
    events = observed.found("power_event")
    asked = observed.found("asked_to_reboot")
    if not outside and not (events and observed.of(CAPTURE) and not asked):
        return None
    doing = "the dump was written" if reaches(observed.reached, "S7") else "the capture kernel ran"
    by = ""
    if events:
        by = f" The management controller recorded {quote(events[0])}."
    elif observed.found("watchdog_there"):
        by = " There is a hardware watchdog; whether it ran is not known."
    return Finding(
        f"The machine was reset or lost its power while {doing}: no kernel asked for it.{by}"
    )


def _reset_from_outside(observed: Observations) -> bool:
    """The capture kernel was there, then another boot, and it had not asked for that."""
    last = observed.of(CAPTURE)[-1:]
    if not last or observed.capture_panicked() or observed.found("asked_to_reboot"):
        return False
    if last[0].source == "console":
        return bool(observed.of(NEXT))
    return bool(observed.facts.get("boot_changed")) and observed.dump.state in (
        "unfinished",
        "incomplete",
    )


def unfinished(observed: Observations) -> Finding | None:
    """No log of the end, only what it left."""
    if observed.dump.state not in ("unfinished", "incomplete"):
        return None
    return Finding(
        f"The dump was begun and cut off: {observed.dump.sentence} A power loss, a watchdog, a full disk or an error of"
        " makedumpfile can do that; the logs do not say which."
    )


def udev_stuck(observed: Observations) -> Finding | None:
    """udev waits for a driver."""
    return _waits(
        observed, "udev_stuck", "The capture kernel waits for a device whose driver does not answer"
    )


def job_waits(observed: Observations) -> Finding | None:
    """systemd waits for a job."""
    return _waits(observed, "job_waits", "The capture kernel waits without a limit")


def _waits(observed: Observations, code: str, what: str) -> Finding | None:
    events = in_capture(observed, code)
    if not events or reaches(observed.reached, "S7"):
        return None
    sure = LIKELY if is_near_end(events[-1]) else POSSIBLE
    return Finding(f"{what}: {quote(events[-1])}.", events[-1], sure)


def stalled(observed: Observations) -> Finding | None:
    """A processor or a task was stuck."""
    events = in_capture(observed, "stalled")
    if not events:
        return None
    return Finding(f"The capture kernel was stuck: {quote(events[0])}.", events[-1])


def hang(observed: Observations) -> Finding | None:
    """It started, said something, and then nothing."""
    cycled = observed.facts.get("power_cycled")
    if observed.facts.get("returned") is True and not cycled:
        return None
    if (
        not observed.of(CAPTURE)
        or observed.capture_panicked()
        or (observed.of(NEXT) and not cycled)
    ):
        return None
    return Finding(f"The capture kernel hangs: its last line is {observed.last_line(CAPTURE)!r}.")


def foreign_dump(observed: Observations) -> Finding | None:
    """A dump of something else."""
    if observed.dump.state != "foreign":
        return None
    return Finding(f"The newest dump is not of this crash: {observed.dump.sentence}")


def _died(segment: Segment) -> list[str]:
    """The lines with which a kernel ended."""
    hits = segment.sign(PANIC).hits or segment.sign(OOPS).hits
    return [hit.message.text[:160] for hit in hits]


def unknown(observed: Observations) -> Finding | None:
    """Nothing explains it."""
    if observed.dump.state in ("foreign", "damaged"):
        return Finding(
            f"The logs say nothing of a fault; of the dump they can say no more than: {observed.dump.sentence}"
        )
    if observed.dump.state == "complete":
        return Finding(
            "The dump is complete, but the host did not come back; the logs do not say why."
        )
    died = next((line for each in observed.of(UNKNOWN) for line in _died(each)), None)
    if died is not None:
        return Finding(
            f"A kernel died with {died!r}. Its crash record does not tell whether that was the crashed kernel or the"
            " capture kernel."
        )
    if observed.facts.get("power_cycled"):
        return Finding(
            "The host hung and had to be power-cycled; the logs that were collected do not say where it hung."
        )
    return Finding(
        "The cause is not known: the logs that were collected say nothing of a fault, which is no proof that there"
        " was none."
    )


__all__ = (
    "cut_off", "device_failed", "disk_full", "disk_locked", "driver_missing", "foreign_dump", "hang", "job_waits",
    "makedumpfile_failed", "makedumpfile_too_old", "module_refused", "network_missing", "save_failed",
    "saved_elsewhere", "saved_nothing", "script_failed", "stalled", "target_not_mounted", "target_wrong", "udev_stuck",
    "unfinished", "unknown", "volume_missing", "watchdog",
)  # fmt: skip
