# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Why there is no dump: the rules, the most telling first.

A rule looks at the whole picture and answers with a sentence, or not at all. The first that answers
names the most likely cause, the others name what else could be.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.segments import (
    CAPTURE,
    CRASHED,
    NEXT,
    NORMAL,
    command_line,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.stages import reaches

if t.TYPE_CHECKING:
    from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.picture import (
        Event,
        Picture,
    )


class Cause(t.NamedTuple):
    """An answer."""

    code: str
    sentence: str
    stage: str | None  # the stage that it makes fail; None: it says nothing of that

    def described(self) -> dict[str, str]:
        """As plain data."""
        return {"code": self.code, "sentence": self.sentence}


class Rule(t.NamedTuple):
    """A question to the picture."""

    code: str
    stage: str | None
    meaning: str  # for people, in docs/evidence.md
    answer: t.Callable[[Picture], str | None]

    def apply(self, picture: Picture) -> Cause | None:
        """The cause, None if it is not this one."""
        sentence = self.answer(picture)
        return None if sentence is None else Cause(self.code, sentence, self.stage)


_WRITES_DUMP = re.compile(r"dump|vmcore")
_CONTEXT = ("iommu", "interrupts", "hardware", "pcie")
_DEVICE_EVENTS = ("nvme_timeout", "hba_timeout", "ata_timeout", "probe_failed", "io_error")


def _quote(event: Event) -> str:
    return f"{event.line.text[:160]!r}"


def _not_triggered(picture: Picture) -> str | None:
    if picture.facts.get("boot_changed") is False and not picture.of(CAPTURE):
        return "The host still runs the boot that was to be crashed: nothing crashed it."
    return None


def _foreign_dump(picture: Picture) -> str | None:
    if picture.dump.state != "foreign":
        return None
    return f"The newest dump is not of this crash: {picture.dump.sentence}"


def _not_reserved(picture: Picture) -> str | None:
    if picture.of(CAPTURE):
        return None
    events = picture.found("not_reserved", "not_loaded")
    if not events:
        return None
    return f"There was no capture kernel to jump to: {_quote(events[-1])}."


def _not_armed(picture: Picture) -> str | None:
    if picture.of(CAPTURE) or not picture.waited_after_panic():
        return None
    return (
        "No capture kernel was loaded: after its panic the kernel waited for its reboot instead of"
        " jumping."
    )


def _digest(picture: Picture) -> str | None:
    if not picture.found("digest_mismatch"):
        return None
    return (
        "The capture kernel's image in memory was damaged before the jump, by a device's DMA or a"
        " stray write."
    )


def _out_of_memory(picture: Picture) -> str | None:
    events = picture.found("out_of_memory")
    # An initramfs that does not fit into the memory is cut while it is unpacked.
    if not events and picture.found("initramfs_broken"):
        events = picture.found("allocation_failed")
    if not events:
        return None
    victims = [event.groups["process"] for event in events if "process" in event.groups]
    killed = f"; {victims[-1]} was killed" if victims else ""
    return f"The capture kernel ran out of memory{killed}: reserve more with crashkernel=."


def _disk_full(picture: Picture) -> str | None:
    events = picture.found("disk_full")
    if events:
        # Others notice it too; the one that counts is who writes the dump.
        of_dump = [event for event in events if _WRITES_DUMP.search(event.line.text)]
        telling = (of_dump or events)[0]
        return f"The dump's file system is full ({_quote(telling)}): free or add space."
    free = picture.facts.get("free_bytes")
    if free is not None and free < 1 << 20 and reaches(picture.reached, "S6"):
        return f"The dump's file system is full: {free} bytes are free."
    return None


def _makedumpfile_too_old(picture: Picture) -> str | None:
    events = picture.found("makedumpfile_too_old")
    if not events:
        return None
    said = _said_saved(picture)
    return f"makedumpfile is older than the kernel and cannot read its memory: {_quote(events[0])}.{said}"


def _makedumpfile_failed(picture: Picture) -> str | None:
    events = picture.found("makedumpfile_failed", "makedumpfile_too_old")
    if not events:
        return None
    return f"makedumpfile failed: {_quote(_most_telling(events))}.{_said_saved(picture)}"


def _most_telling(events: list[Event]) -> Event:
    """The reason, rather than the line that says that there was one."""
    reasons = [event for event in events if "Failed." not in event.line.text]
    return (reasons or events)[0]


def _said_saved(picture: Picture) -> str:
    if picture.found("family_says_saved") and picture.dump.state in (
        "empty",
        "incomplete",
        "damaged",
        "unfinished",
    ):
        return " The family's tool says that it saved the dump all the same."
    return ""


def _initramfs(picture: Picture) -> str | None:
    events = picture.found("initramfs_broken", "no_init")
    if not events:
        return None
    return f"The kdump initramfs is broken or does not fit the kernel ({_quote(events[0])}): rebuild it."


def _timer(picture: Picture) -> str | None:
    if not picture.found("timer_lost"):
        return None
    return (
        "The capture kernel got no timer interrupts through the interrupt remapping that it took over"
        " from the dead kernel."
    )


def _hardware(picture: Picture) -> str | None:
    events = [
        event for event in picture.found("fatal_error", "machine_check") if event.segment == CAPTURE
    ]
    if not events:
        return None
    return f"The hardware reported an error while the capture kernel ran: {_quote(events[0])}."


def _capture_panic(picture: Picture) -> str | None:
    events = [event for event in picture.events if event.pattern.code == "capture_panic"]
    if not events:
        return None
    return f"The capture kernel panicked itself: {events[0].groups.get('why', '')[:160]!r}."


def _reset_hangs(picture: Picture) -> str | None:
    """A reset that was begun, with nothing after it: not even the helper's own deadline."""
    begun = [event.groups["port"] for event in picture.found("port_resetting")]
    if not begun or picture.found("reset_summary") or reaches(picture.reached, "S5"):
        return None
    answered = {
        event.groups["port"] for event in picture.found("port_timeout", "port_failed", "port_left")
    }
    open_ports = [port for port in begun if port not in answered]
    if not open_ports:
        return None
    ports = ", ".join(dict.fromkeys(open_ports))
    return f"The reset of {ports} hung the machine: exclude this port from the plan."


_QUIESCE_RESTARTS = {
    "no_vmcore": "its kernel has no /proc/vmcore",
    "not_loaded": "the capture kernel could not be loaded",
    "no_jump": "the jump into the capture kernel failed",
    "late": "it did not end in time",
}


def _quiesce_restarted(picture: Picture) -> str | None:
    events = picture.found("quiesce_restart")
    if not events:
        return None
    reason = events[0].groups["reason"]
    why = _QUIESCE_RESTARTS.get(reason, reason)
    said = [event.groups["said"] for event in picture.found("quiesce_kexec")]
    quoted = f" (kexec: {said[-1]})" if said and reason == "not_loaded" else ""
    return f"The quiesce stage restarted the machine without a dump: {why}{quoted}."


def _no_vmcore(picture: Picture) -> str | None:
    events = picture.found("no_vmcore")
    if not events:
        return None
    return f"The dead kernel's memory cannot be read in the capture kernel: {_quote(events[0])}."


def _device_failed(picture: Picture) -> str | None:
    """A driver found its device and could not use it."""
    if reaches(picture.reached, "S7"):
        return None
    events = picture.found(*_DEVICE_EVENTS)
    if not events:
        return None
    first = next((event for event in events if event.pattern.code != "io_error"), events[0])
    because = ""
    if picture.found("dmar_fault", "amd_fault", "smmu_event", "smmu_reset", "dmar_copy_failed"):
        because = " Its DMA of before the crash was still under way when the IOMMU was taken over."
    return f"A device that the dump may need did not work in the capture kernel: {_quote(first)}.{because}"


def _target_wrong(picture: Picture) -> str | None:
    """Disks are there, but not the one that is waited for."""
    events = picture.found("disk_missing")
    appeared = picture.disk(CAPTURE)
    if not events or appeared is None:
        return None
    wanted = _wanted_disk(picture, events)
    if wanted and appeared in wanted:
        return None
    name = wanted or "the one that is waited for"
    return f"The capture kernel found {appeared}, but not {name}: see root= of its command line and the dump target."


def _driver_missing(picture: Picture) -> str | None:
    events = picture.found("disk_missing", "module_missing")
    if not events or picture.disk(CAPTURE) is not None:
        return None
    wanted = _wanted_disk(picture, events) or "the dump's disk"
    before = picture.disk(NORMAL) or picture.disk(NEXT)
    known = " The normal kernel has it." if before else ""
    return (
        f"No driver in the capture kernel claimed {wanted}: its module is not in the kdump"
        f" initramfs, or not allowed to load.{known}"
    )


def _wanted_disk(picture: Picture, events: list[Event]) -> str:
    for event in events:
        if "disk" in event.groups:
            return event.groups["disk"]
    for segment in picture.of(CAPTURE):
        root = command_line(segment).get("root")
        if root:
            return root
    return ""


def _network(picture: Picture) -> str | None:
    if reaches(picture.reached, "S7"):
        return None
    events = picture.found("network_missing")
    if not events:
        return None
    return f"The network for the dump target did not come up: {_quote(events[-1])}."


def _not_mounted(picture: Picture) -> str | None:
    events = picture.found("target_not_mounted")
    if not events:
        return None
    return f"The dump's file system was not mounted: {_quote(events[0])}."


def _script(picture: Picture) -> str | None:
    events = picture.found("script_failed")
    if not events:
        return None
    return f"A script of the administrator failed in the capture kernel: {_quote(events[0])}."


def _save_failed(picture: Picture) -> str | None:
    events = picture.found("save_failed")
    if not events:
        return None
    return f"The family's tool could not save the dump: {_quote(events[0])}."


def _saved_nothing(picture: Picture) -> str | None:
    if picture.dump.state != "empty":
        return None
    said = (
        " although the family's tool says that it saved it"
        if picture.found("family_says_saved")
        else ""
    )
    return f"The dump is empty{said}: makedumpfile failed, and its exit status was lost in a pipe."


def _saved_elsewhere(picture: Picture) -> str | None:
    events = picture.found("family_says_saved")
    if not events or picture.dump.state not in ("none", "old", "text_only"):
        return None
    return (
        f"The family's tool says that it saved a dump ({_quote(events[0])}), and there is none where it"
        " was looked for: see the dump target, and whether the file system kept its last writes."
    )


def _watchdog(picture: Picture) -> str | None:
    fired = picture.found("watchdog_fired")
    if fired:
        return f"A watchdog reset the machine while the capture kernel ran: {_quote(fired[0])}."
    ran = picture.facts.get("watchdog") or picture.found("watchdog_armed")
    if not ran or picture.facts.get("power_cycled") or not _reset_from_outside(picture):
        return None
    return (
        "The machine was reset while the capture kernel ran, and a hardware watchdog was running when"
        " the kernel crashed: stop it before, or give the capture kernel its driver."
    )


def _cut_off(picture: Picture) -> str | None:
    if picture.facts.get("power_cycled"):
        return None  # by those who ran the test, because it hung
    outside = _reset_from_outside(picture)
    events = picture.found("power_event")
    if not outside and not (events and picture.of(CAPTURE)):
        return None
    doing = "the dump was written" if reaches(picture.reached, "S7") else "the capture kernel ran"
    by = ""
    if events:
        by = f" The management controller recorded {_quote(events[0])}."
    elif picture.found("watchdog_there"):
        by = " There is a hardware watchdog; whether it ran is not known."
    return f"The machine was reset or lost its power while {doing}: no kernel asked for it.{by}"


def _reset_from_outside(picture: Picture) -> bool:
    """The capture kernel was there, then another boot, and it had not asked for that."""
    last = picture.of(CAPTURE)[-1:]
    if not last or picture.capture_panicked() or picture.found("asked_to_reboot"):
        return False
    if last[0].source == "console":
        return bool(picture.of(NEXT))
    return bool(picture.facts.get("boot_changed")) and picture.dump.state in (
        "unfinished",
        "incomplete",
    )


def _unfinished(picture: Picture) -> str | None:
    """No log of the end, only what it left."""
    if picture.dump.state not in ("unfinished", "incomplete"):
        return None
    return (
        f"The dump was begun and cut off: {picture.dump.sentence} A power loss, a watchdog, a full"
        " disk or an error of makedumpfile can do that; the logs do not say which."
    )


def _stalled(picture: Picture) -> str | None:
    events = [event for event in picture.found("stalled") if event.segment == CAPTURE]
    if not events:
        return None
    return f"The capture kernel was stuck: {_quote(events[0])}."


def _silent(picture: Picture) -> str | None:
    """It started, said something, and then nothing."""
    cycled = picture.facts.get("power_cycled")
    if picture.facts.get("returned") is True and not cycled:
        return None
    if not picture.of(CAPTURE) or picture.capture_panicked() or (picture.of(NEXT) and not cycled):
        return None
    return f"The capture kernel hangs: its last line is {picture.last_line(CAPTURE)!r}."


def _jump(picture: Picture) -> str | None:
    if picture.of(CAPTURE) or not picture.of(CRASHED) or picture.waited_after_panic():
        return None
    by_itself = picture.facts.get("returned") is True and not picture.facts.get("power_cycled")
    if by_itself and not picture.of(NEXT):
        return None
    if picture.of(NEXT) and by_itself:
        return (
            "The capture kernel printed nothing before the next boot: it died at its very start, or"
            " its command line has no console= for this console."
        )
    return (
        "After its panic nothing was heard of the host: it hangs in the crashed kernel or at the very"
        " start of the capture kernel, or console= is missing on the capture kernel's command line."
    )


def _context(picture: Picture) -> str | None:
    """Devices of the dead kernel that disturbed the capture kernel."""
    events = [
        event
        for event in picture.events
        if event.segment == CAPTURE
        and event.pattern.group in _CONTEXT
        and event.pattern.severity != "info"
        and event.pattern.code not in ("timer_lost", "fatal_error", "machine_check")
    ]
    if not events or reaches(picture.reached, "S8"):
        return None
    kinds = "; ".join(dict.fromkeys(event.pattern.meaning.rstrip(".") for event in events))
    return f"Devices disturbed the capture kernel: {kinds} ({_quote(events[0])})."


def _reset_amiss(picture: Picture) -> str | None:
    events = picture.found("port_timeout", "port_failed")
    if not events or reaches(picture.reached, "S7"):
        return None
    ports = ", ".join(dict.fromkeys(event.groups["port"] for event in events))
    return f"The PCIe reset of {ports} did not bring its devices back: exclude the port and test again."


def _unknown(picture: Picture) -> str | None:
    if picture.dump.state in ("foreign", "damaged"):
        return f"The logs say nothing of a fault; of the dump they can say no more than: {picture.dump.sentence}"
    if picture.dump.state == "complete":
        return "The dump is complete, but the host did not come back; the logs do not say why."
    if picture.facts.get("power_cycled"):
        return "The host hung and had to be power-cycled; the logs that were collected do not say where it hung."
    return (
        "The cause is not known: the logs that were collected say nothing of a fault, which is no"
        " proof that there was none."
    )


CAUSES = tuple(
    Rule(*row)
    for row in (
        ("not_triggered", "S1", "Nothing crashed the host.", _not_triggered),
        ("not_reserved", "S0", "There was no capture kernel: no memory, or it could not be loaded.", _not_reserved),
        ("not_armed", "S2", "No capture kernel was loaded when the kernel panicked.", _not_armed),
        ("image_damaged", "S2", "The capture kernel's image was damaged in memory.", _digest),
        ("out_of_memory", None, "crashkernel= is too small.", _out_of_memory),
        ("disk_full", "S8", "The dump's file system is full.", _disk_full),
        ("makedumpfile_too_old", "S8", "makedumpfile does not know this kernel.", _makedumpfile_too_old),
        ("makedumpfile_failed", "S8", "makedumpfile ended with an error.", _makedumpfile_failed),
        ("hardware_error", None, "The hardware reported a fatal error.", _hardware),
        ("timer_lost", "S4", "No timer interrupts in the capture kernel.", _timer),
        ("initramfs_broken", "S4", "The kdump initramfs is broken.", _initramfs),
        ("capture_panic", None, "The capture kernel panicked.", _capture_panic),
        ("reset_hangs", "S4", "The reset of a port hung the machine.", _reset_hangs),
        ("quiesce_restarted", None, "The quiesce stage could not start the capture kernel.", _quiesce_restarted),
        ("no_vmcore", "S4", "There is no /proc/vmcore.", _no_vmcore),
        ("device_failed", "S5", "A device did not work in the capture kernel.", _device_failed),
        ("target_wrong", "S6", "The capture kernel looks for a disk that is not there.", _target_wrong),
        ("driver_missing", "S5", "No driver for the dump's disk in the capture kernel.", _driver_missing),
        ("network_missing", "S6", "No network for a remote dump target.", _network),
        ("target_not_mounted", "S6", "The dump's file system was not mounted.", _not_mounted),
        ("script_failed", None, "An administrator's script failed.", _script),
        ("save_failed", "S8", "The family's tool says that it could not save the dump.", _save_failed),
        ("saved_nothing", "S8", "The dump is empty, whatever the family's tool says.", _saved_nothing),
        ("saved_elsewhere", "S8", "A dump was reported as saved, and there is none.", _saved_elsewhere),
        ("watchdog", None, "A watchdog reset the machine.", _watchdog),
        ("cut_off", None, "The machine was reset or lost its power.", _cut_off),
        ("stalled", None, "The capture kernel was stuck and said so.", _stalled),
        ("hang", None, "The capture kernel fell silent.", _silent),
        ("no_jump", None, "Nothing was heard after the panic.", _jump),
        ("reset_amiss", None, "A device did not come back from its reset.", _reset_amiss),
        ("devices_disturb", None, "Devices of the dead kernel disturbed the capture kernel.", _context),
        ("unfinished", "S8", "The dump was begun and cut off, nobody knows by what.", _unfinished),
        ("foreign_dump", "S10", "The dump is of another crash or another host.", _foreign_dump),
        ("unknown", None, "Nothing explains it.", _unknown),
    )
)  # fmt: skip

__all__ = ("CAUSES", "Cause", "Rule")
