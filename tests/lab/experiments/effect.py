# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the reset helper does, measured from outside the guest: ``make effect``.

The same machine is crashed without the helper and with it, in both of its stages, while devices are busy. QEMU's trace
events tell each DMA operation that the IOMMU translated or refused, with the device that did it, and when.
docs/evidence/effect.md explains the columns.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from lab.errors import LabError
from lab.experiment import Case, Experiment, Guest, Outcome, Trial, table
from lab.machine import Machine
from lab.plays import RECOVERY, Plays, why_of
from lab.trace import SERIAL, Event, read_events
from lab.wire import Traffic

_NONE = "none"
_STAGES = (_NONE, "initramfs", "quiesce")
# The reset of each function by itself, in the initramfs: less than that of the bus.
_FLR = "flr"
# A machine that hangs is reset, and its crash is one without a dump.
_RECOVERY: Mapping[str, Any] = {
    "crash_test_timeout": 200,  # as long again while its console shows progress
    "crash_test_recovery": RECOVERY,
}
_INIT = "Run /init as init process"
_JUMP = "kexec_core: Starting new kernel"
_BRIDGE_CONTROL, _SECONDARY_BUS_RESET = 0x3E, 0x40
# Device Control (PCIe 7.5.3.4), 8 bytes into the capability, whose place is that of QEMU's model: hw/nvme/ctrl.c,
# nvme_init_pci(), and hw/net/igb.c, igb_pci_realize(). The others have no FLR.
_DEVICE_CONTROL, _INITIATE_FLR = {"nvme": 0x88, "igb": 0xA8}, 0x8000

# pcie-root-port 00:04.0 @0x3e <- 0x42
_CONFIG_WRITE = re.compile(r"(\w\w):(\w\w)\.(\d) @0x(\w+) <- 0x(\w+)")


class Access(NamedTuple):
    """A trace event that tells of DMA; the pattern names the function by bus, slot and function, or by a stream id."""

    event: str
    pattern: re.Pattern[str]
    refused: bool = False
    unless: str | None = (
        None  # the IOMMU's next event, if it is there, tells that this one means nothing
    )


class Iommu(NamedTuple):
    """What QEMU and the kernel say of an IOMMU."""

    accesses: tuple[Access, ...]
    begins: str  # the kernel that dumps finds it at work

    @property
    def events(self) -> set[str]:
        """The trace events that are to be switched on."""
        return {name for each in self.accesses for name in (each.event, each.unless) if name}


_PLACE = r"(?P<bus>\w\w):(?P<slot>\w\w)\.0?(?P<function>\d)"
_STREAM = r"sid[ =]0x(?P<stream>\w+)"
# By the driver of the device in a profile. Each pattern stands below what it matches.
IOMMUS = {
    "intel-iommu": Iommu(
        (
            # dev 05:00.00 iova 0xffc00000 -> gpa 0x4000000 mask 0x1fffff
            Access("vtd_dmar_translate", re.compile(rf"dev {_PLACE} ")),
            # sid 0x500 fault 6 addr 0xffc00000 write 0
            Access("vtd_dmar_fault", re.compile(rf"{_STREAM} "), refused=True),
        ),
        "DMAR: Translation already enabled",
    ),
    "amd-iommu": Iommu(
        (
            # devid: 05:00.0 gpa 0xffc00000 hpa 0x4000000, and no address of the host for what is refused
            Access(
                "amdvi_translation_result",
                re.compile(rf"devid: {_PLACE} gpa \w+ hpa 0x0$"),
                refused=True,
            ),
            Access("amdvi_translation_result", re.compile(rf"devid: {_PLACE} gpa \w+ hpa ")),
        ),
        "AMD-Vi: Translation is already enabled",
    ),
    "smmuv3": Iommu(
        (
            # smmuv3-iommu-memory-region-0-2 sid=0x300 iova=0xffffe000 translated=0x4a000000 perm=0x3 stage=1
            Access("smmuv3_translate_success", re.compile(rf"{_STREAM} ")),
            # smmuv3-iommu-memory-region-0-2 sid=0x300 abort on iova:0xffffe000 is_write=1
            Access("smmuv3_translate_abort", re.compile(rf"{_STREAM} "), refused=True),
            # sid=0x300 features:0x3, sid_split:0x8; no entry of that stream follows: its table has none.
            Access(
                "smmuv3_find_ste", re.compile(rf"{_STREAM} "), refused=True, unless="smmuv3_get_ste"
            ),
        ),
        "SMMU currently enabled! Resetting",
    ),
}


class NoCaptureKernelError(LabError):
    """There is nothing to measure by."""


class Device(NamedTuple):
    """A device whose DMA is counted."""

    name: str
    model: str
    address: str
    port: str  # the address of the port above


@dataclass
class Effect:
    """What one device did in one crash, in DMA operations."""

    device: Device
    until_helper: int = 0
    until_driver: int = 0
    after: int = 0
    driver: float | None = None  # when its driver came
    window: float = 0.0  # how many seconds until_driver counts
    # Of until_driver, before the kernel initialised the IOMMU; None: that came earlier.
    until_iommu: int | None = None
    resets: int = 0
    # What the IOMMU refused in the same windows, which no number above counts.
    refused_until_helper: int = 0
    refused_until_driver: int = 0
    refused_after: int = 0

    def count(self, access: Access, window: str) -> None:
        """One operation more in a window."""
        name = f"refused_{window}" if access.refused else window
        setattr(self, name, getattr(self, name) + 1)


def measure(events: Iterable[Event], devices: Sequence[Device], iommu: Iommu) -> list[Effect]:
    """Count what the devices did from the panic to the end of the capture kernel.

    The first window ends with the helper, or where it would have begun: at the start of /init. The second ends with
    the first write to the device's configuration space by the kernel that dumps once it runs /init, which is its
    driver's.

    Raises:
        NoCaptureKernelError: there was no panic, or the capture kernel did not come to /init.
    """
    crash = list(_meant(_crash(events), iommu))
    settled = _settled(crash)
    drivers = max(settled, _last(crash, _INIT) or 0.0)
    begins = _last(crash, iommu.begins)
    before_iommu = 0 if begins is not None and begins > settled else None
    effects = {device.address: Effect(device, until_iommu=before_iommu) for device in devices}
    below = {device.port: effects[device.address] for device in devices}
    for event in crash:
        found = _access(event, iommu)
        if found:
            access, place = found
            effect = effects.get(place)
            if effect is None:
                continue
            if event.time < settled:
                effect.count(access, "until_helper")
            elif effect.driver is None:
                effect.count(access, "until_driver")
                if effect.until_iommu is not None and begins is not None and event.time < begins:
                    effect.until_iommu += 1
            else:
                effect.count(access, "after")
        elif event.name == "pci_cfg_write":
            bus, slot, function, offset, value = _match(_CONFIG_WRITE, event).groups()
            place = f"0000:{bus}:{slot}.{function}"
            if place in effects and effects[place].driver is None and event.time > drivers:
                effects[place].driver = event.time
            if place in below and int(offset, 16) == _BRIDGE_CONTROL:
                below[place].resets += bool(int(value, 16) & _SECONDARY_BUS_RESET)
            # The driver of a capture kernel may do the same later: that is not the helper's.
            if place in effects and event.time < settled:
                effects[place].resets += _is_flr(effects[place].device, offset, value)
    for effect in effects.values():
        effect.window = (effect.driver or crash[-1].time) - settled
    return list(effects.values())


def _is_flr(device: Device, offset: str, value: str) -> bool:
    """Whether a write to a device's configuration space is the begin of a Function Level Reset."""
    control = _DEVICE_CONTROL.get(device.model)
    return int(offset, 16) == control and bool(int(value, 16) & _INITIATE_FLR)


def _meant(events: Iterable[Event], iommu: Iommu) -> Iterator[Event]:
    """The events without those that a following one shows to mean nothing."""
    unless = {access.event: access.unless for access in iommu.accesses if access.unless}
    held: list[Event] = []  # one of these, and what came since that is not the IOMMU's
    for event in events:
        if event.name in iommu.events and held:
            yield from held[1:] if event.name == unless[held[0].name] else held
            held = []
        if held or event.name in unless:
            held.append(event)
        else:
            yield event
    yield from held


def _access(event: Event, iommu: Iommu) -> tuple[Access, str] | None:
    """Which access an event tells of, if of any, and the address of the function that made it."""
    known = [access for access in iommu.accesses if access.event == event.name]
    for access in known:
        match = access.pattern.search(event.text)
        if match and "stream" in match.groupdict():
            stream = int(match["stream"], 16)
            return access, f"0000:{stream >> 8:02x}:{stream >> 3 & 0x1F:02x}.{stream & 7}"
        if match:
            return access, f"0000:{match['bus']}:{match['slot']}.{match['function']}"
    if known:
        _match(known[0].pattern, event)
    return None


def _crash(events: Iterable[Event]) -> Iterator[Event]:
    """The events between the first panic and the end of the kernel that dumps: the next one, or the one after that."""
    panicked = captures = False
    for event in events:
        if event.name == "console":
            panicked = panicked or "Kernel panic - not syncing" in event.text
            if captures and ("reboot: " in event.text or "Linux version " in event.text):
                return
            captures = captures or (panicked and "Linux version " in event.text)
            captures = captures and _JUMP not in event.text
        if panicked:
            yield event


def _settled(crash: list[Event]) -> float:
    """When the helper had reported; without it, when the capture kernel started /init."""
    settled = _last(crash, "pcie_reset: summary ") or _last(crash, _INIT)
    if settled is None:
        raise NoCaptureKernelError(
            "The trace shows no panic, or no capture kernel that came to /init."
        )
    return settled


def _last(crash: list[Event], mark: str) -> float | None:
    """When the console said that last."""
    times = [event.time for event in crash if event.name == "console" and mark in event.text]
    return max(times, default=None)


def _match(pattern: re.Pattern[str], event: Event) -> re.Match[str]:
    match = pattern.search(event.text)
    if match is None:
        raise LabError(f"This QEMU says {event.name} in other words: {event.text!r}")
    return match


_COLUMNS = (
    "crash",
    "dump",
    "device",
    "DMA, panic to reset:",
    "DMA, reset to IOMMU:",
    "DMA, reset to driver:",
    "s:",
    "DMA, after:",
    "resets:",
    "refused, panic to reset:",
    "refused, reset to driver:",
    "refused, after:",
)


@dataclass
class Crash:
    """One crash of the machine, and what its devices did in it."""

    stage: str  # where the devices were reset
    number: int
    verdict: str
    run_id: str
    effects: list[Effect]  # none of a capture kernel that did not come to /init
    why: str = ""  # the dump is what it is


def rows(crash: Crash) -> list[Sequence[object]]:
    """The rows of a crash in the table, one for each device."""
    how = (crash.number, crash.verdict)
    if not crash.effects:
        return [(*how, "no capture kernel", *["-"] * (len(_COLUMNS) - 3))]
    return [
        (
            *how,
            f"{effect.device.name}, {effect.device.model} {effect.device.address}",
            effect.until_helper,
            "-" if effect.until_iommu is None else effect.until_iommu,
            effect.until_driver,
            f"{effect.window:.1f}" + ("" if effect.driver else " (no driver)"),
            effect.after,
            effect.resets,
            effect.refused_until_helper,
            effect.refused_until_driver,
            effect.refused_after,
        )
        for effect in crash.effects
    ]


def judge(outcomes: Mapping[str, Outcome]) -> Outcome:
    """Whether the devices that the helper reset are silent, and not without the helper: below each IOMMU."""
    whole = Outcome()
    for name in dict.fromkeys(case.partition("-")[0] for case in outcomes):
        crashes: list[Crash] = [
            crash
            for case, outcome in outcomes.items()
            if case.partition("-")[0] == name
            for crash in outcome.data
        ]
        _judge(name, crashes, whole)
    return whole


def _judge(name: str, crashes: list[Crash], whole: Outcome) -> None:
    effects = [(crash.stage != _NONE, effect) for crash in crashes for effect in crash.effects]
    reset = {effect.device.name for helper, effect in effects if helper and effect.resets}
    counts = {
        which: sum(
            effect.until_driver + effect.refused_until_driver
            for helper, effect in effects
            if helper is which and effect.device.name in reset
        )
        for which in (False, True)
    }
    whole.notes.append(
        f"{name}: between the helper's report and the driver, the devices that were reset"
        f" ({', '.join(sorted(reset)) or 'none'}) did {counts[True]} DMA operations;"
        f" without the helper they did {counts[False]} in the same window."
    )
    stages = {crash.stage for crash in crashes}
    if stages - {_NONE} and (not reset or counts[True]):
        whole.wrong.append(f"{name}: the devices were not silent after the reset.")
    if _NONE in stages and len(stages) > 1 and not counts[False]:
        whole.wrong.append(f"{name}: the devices were silent without it, too.")


def _measure(stage: str, trial: Trial) -> Outcome:
    """Crash the machine under load as often as was asked for, with the reset in a stage."""
    advice = trial.plays.without_makedumpfile()
    if stage == _FLR:
        # Where a function has FLR, by that and nothing else: otherwise it is only what is done for want of a bus reset.
        plays = Plays(trial.host, pcie_reset_policy={"flr": "fallback"}, lab_method=_FLR)
        plays.run("configure")
        plays.install()
    elif stage != _NONE:
        Plays(trial.host, pcie_reset_stage=stage).run("configure")
    crashes = [_one(stage, number + 1, trial) for number in range(trial.arguments.crashes)]
    wrong = [f"Crash {crash.number}: {crash.why}" for crash in crashes if crash.verdict != "passed"]
    return Outcome([row for crash in crashes for row in rows(crash)], advice, wrong, list(crashes))


def _one(stage: str, number: int, trial: Trial) -> Crash:
    host = trial.host
    if host.iommu not in IOMMUS:
        raise LabError(f"Profile {host.profile} has no IOMMU whose events are known: {host.iommu}.")
    iommu = IOMMUS[host.iommu]
    events = {SERIAL[host.system], "pci_cfg_write", *iommu.events}
    print(f"\n===== crash {number}, reset in: {stage} =====", flush=True)
    # Reads that come back slowly enough for some to be under way when the kernel dies.
    host.qmp("qom-set", path="/objects/pace", property="limits", value={"iops-total": 20})
    host.start("workload.py")
    host.start("passthrough.py", host.addresses()["passed"])
    offset = host.trace_log.stat().st_size
    with Traffic(host.wires):
        host.trace(events, enable=True)
        # A crash without a dump is a result, too.
        trial.plays.play("crash_test")
        host.trace(events, enable=False)
    _path, record = trial.plays.record()
    effects: list[Effect] = []
    with host.trace_log.open(errors="replace") as log, suppress(NoCaptureKernelError):
        log.seek(offset)
        effects = measure(read_events(log), devices(host), iommu)
    if record["recovery"]:
        # What was written to the devices last was the firmware's, when the machine was reset.
        for effect in effects:
            effect.driver = None
    crash = Crash(stage, number, record["verdict"], record["run_id"], effects, why_of(record))
    print(f"\n{table(_COLUMNS, rows(crash))}", flush=True)
    return crash


def devices(host: Machine) -> list[Device]:
    """The devices of a machine that are measured."""
    models = {device.get("id"): device["driver"] for device in host.devices}
    return [
        Device(found.name, models[found.name], found.address, found.port or "")
        for found in host.functions()
        if found.name in host.measured
    ]


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--crashes", type=int, default=3, help="of each stage (default: 3)")


# The profiles, by what the cases call their IOMMUs; without the helper first: "initramfs" installs it.
_PROFILES = {
    "vtd": ("effect", "debian13", _STAGES),
    "amdvi": ("effect-amdvi", "debian13", _STAGES),
    "smmuv3": ("effect-smmuv3", "debian13-arm64", _STAGES),
    # The same machine as vtd, with a NIC that has FLR.
    "functions": ("effect-flr", "debian13", (_NONE, _FLR)),
}
EXPERIMENT = Experiment(
    "effect",
    "measure stray DMA without and with the helper",
    _COLUMNS,
    {
        f"{name}-{stage}": Case(
            partial(_measure, stage), (Guest(profile, profile, image),), _RECOVERY
        )
        for name, (profile, image, stages) in _PROFILES.items()
        for stage in stages
    },
    configure=False,
    options=_options,
    conclude=judge,
)
