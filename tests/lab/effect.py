# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the reset helper does, measured from outside the guest: ``make effect``.

The same machine is crashed without the helper and with it, in both of its stages, while devices are busy. QEMU's trace
events tell each DMA operation that the IOMMU translated, with the device that did it, and when. docs/effect.md explains
the columns.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from lab import machine
from lab.errors import LabError
from lab.plays import RESULTS, Plays, why_of
from lab.trace import Event, read_events
from lab.wire import Traffic

_NAME = "effect"
_SMP = 2  # processors, as in its profile
_EVENTS = ("serial_write", "vtd_dmar_translate", "vtd_dmar_fault", "pci_cfg_write")
_NONE = "none"
_STAGES = (_NONE, "initramfs", "quiesce")
# A machine that hangs is reset, and its crash is one without a dump.
_RECOVERY = {
    "crash_test_timeout": 200,  # as long again while its console shows progress
    "crash_test_recovery": str(Path(__file__).with_name("recover.yml")),
}
_INIT = "Run /init as init process"
_IOMMU = "DMAR: Translation already enabled"
_JUMP = "kexec_core: Starting new kernel"
_BRIDGE_CONTROL, _SECONDARY_BUS_RESET = 0x3E, 0x40

# What the events say, without their names:
#   dev 05:00.00 iova 0xffc00000 -> gpa 0x4000000 mask 0x1fffff
#   sid 0x500 fault 6 addr 0xffc00000 write 0
#   pcie-root-port 00:04.0 @0x3e <- 0x42
_TRANSLATION = re.compile(r"dev (\w\w):(\w\w)\.0(\d) ")
_FAULT = re.compile(r"sid 0x(\w+) ")
_CONFIG_WRITE = re.compile(r"(\w\w):(\w\w)\.(\d) @0x(\w+) <- 0x(\w+)")


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
    until_iommu: int | None = (
        None  # of until_driver, before the kernel initialised the IOMMU; None: that came earlier
    )
    resets: int = 0
    faults: int = 0


def measure(events: Iterable[Event], devices: Sequence[Device]) -> list[Effect]:
    """Count what the devices did from the panic to the end of the capture kernel.

    The first window ends with the helper, or where it would have begun: at the start of /init. The second ends with
    the first write to the device's configuration space by the kernel that dumps once it runs /init, which is its
    driver's.

    Raises:
        NoCaptureKernelError: there was no panic, or the capture kernel did not come to /init.
    """
    crash = list(_crash(events))
    settled = _settled(crash)
    drivers = max(settled, _last(crash, _INIT) or 0.0)
    iommu = _last(crash, _IOMMU)
    before_iommu = 0 if iommu is not None and iommu > settled else None
    effects = {device.address: Effect(device, until_iommu=before_iommu) for device in devices}
    below = {device.port: effects[device.address] for device in devices}
    for event in crash:
        if event.name == "vtd_dmar_translate":
            bus, slot, function = _match(_TRANSLATION, event)
            effect = effects.get(f"0000:{bus}:{slot}.{function}")
            if effect is None:
                continue
            if event.time < settled:
                effect.until_helper += 1
            elif effect.driver is None:
                effect.until_driver += 1
                if effect.until_iommu is not None and iommu is not None and event.time < iommu:
                    effect.until_iommu += 1
            else:
                effect.after += 1
        elif event.name == "vtd_dmar_fault":
            source = int(_match(_FAULT, event)[0], 16)
            place = f"0000:{source >> 8:02x}:{source >> 3 & 0x1F:02x}.{source & 7}"
            if place in effects:
                effects[place].faults += 1
        elif event.name == "pci_cfg_write":
            bus, slot, function, offset, value = _match(_CONFIG_WRITE, event)
            place = f"0000:{bus}:{slot}.{function}"
            if place in effects and effects[place].driver is None and event.time > drivers:
                effects[place].driver = event.time
            if place in below and int(offset, 16) == _BRIDGE_CONTROL:
                below[place].resets += bool(int(value, 16) & _SECONDARY_BUS_RESET)
    for effect in effects.values():
        effect.window = (effect.driver or crash[-1].time) - settled
    return list(effects.values())


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


def _match(pattern: re.Pattern[str], event: Event) -> tuple[str, ...]:
    match = pattern.search(event.text)
    if match is None:
        raise LabError(f"This QEMU says {event.name} in other words: {event.text!r}")
    return match.groups()


_COLUMNS = {
    "reset": "",
    "crash": "",
    "dump": "",
    "device": "",
    "DMA, panic to reset": ":",
    "DMA, reset to IOMMU": ":",
    "DMA, reset to driver": ":",
    "s": ":",
    "DMA, after": ":",
    "resets": ":",
    "faults": ":",
}


def table(crashes: list[Crash]) -> str:
    """The crashes as a Markdown table, a row a device."""
    rows = [list(_COLUMNS), [f"---{align}" for align in _COLUMNS.values()]]
    rows += [row for crash in crashes for row in _rows(crash)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _rows(crash: Crash) -> list[list[str]]:
    if not crash.effects:
        silent = [crash.stage, str(crash.number), crash.verdict, "no capture kernel"]
        return [silent + ["-"] * (len(_COLUMNS) - len(silent))]
    return [
        [
            crash.stage,
            str(crash.number),
            crash.verdict,
            f"{effect.device.name}, {effect.device.model} {effect.device.address}",
            str(effect.until_helper),
            "-" if effect.until_iommu is None else str(effect.until_iommu),
            str(effect.until_driver),
            f"{effect.window:.1f}" + ("" if effect.driver else " (no driver)"),
            str(effect.after),
            str(effect.resets),
            str(effect.faults),
        ]
        for effect in crash.effects
    ]


@dataclass
class Crash:
    """One crash of the machine, and what its devices did in it."""

    stage: str  # where the devices were reset
    number: int
    verdict: str
    run_id: str
    effects: list[Effect]  # none of a capture kernel that did not come to /init
    why: str = ""  # the dump is what it is


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``effect`` to the lab's command line."""
    command = commands.add_parser("effect", help="measure stray DMA without and with the helper")
    command.add_argument("--image", default="debian13", help="guest (default: debian13)")
    command.add_argument("--crashes", type=int, default=3, help="of each kind (default: 3)")
    command.add_argument("--smp", type=int, default=_SMP, help="processors (default: 2)")
    command.add_argument(
        "--stages",
        nargs="+",
        choices=_STAGES,
        default=_STAGES,
        help="where to reset (default: all)",
    )
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Crash, count and print; 0 if no device that was reset did DMA before its driver came."""
    # Another machine has another name, and so have its results.
    name = _NAME if arguments.smp == _SMP else f"smp{arguments.smp}-{_NAME}"
    host = machine.up(name, _NAME, arguments.image, smp=arguments.smp)
    try:
        crashes = _Bench(host).run(arguments.crashes, arguments.stages)
    except BaseException:
        host.down(keep=True)
        raise
    host.down()
    text = table(crashes)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text + "\n")
    (RESULTS / f"{name}.json").write_text(
        json.dumps([asdict(crash) for crash in crashes], indent=2) + "\n"
    )
    verdict, code = judge(crashes)
    for crash in crashes:
        if crash.verdict != "passed":
            print(f"{crash.stage}, crash {crash.number}: {crash.why}")
    print(f"\n{text}\n\n{verdict}\nWritten to {RESULTS / name}.md and .json.")
    return code


def judge(crashes: list[Crash]) -> tuple[str, int]:
    """One sentence about the devices that the helper reset, and an exit code."""
    reset = {
        effect.device.name
        for crash in crashes
        if crash.stage != _NONE
        for effect in crash.effects
        if effect.resets
    }
    counts = {
        helper: sum(
            effect.until_driver
            for crash in crashes
            if (crash.stage != _NONE) is helper
            for effect in crash.effects
            if effect.device.name in reset
        )
        for helper in (False, True)
    }
    sentence = (
        f"Between the helper's report and the driver, the devices that were reset"
        f" ({', '.join(sorted(reset)) or 'none'}) did {counts[True]} DMA operations;"
        f" without the helper they did {counts[False]} in the same window."
    )
    complete = all(crash.verdict == "passed" for crash in crashes)
    return sentence, 0 if reset and counts[False] and not counts[True] and complete else 1


class _Bench:
    """The machine under load, crashed again and again."""

    def __init__(self, host: machine.Machine) -> None:
        self.host = host
        self.plays = Plays(host, **_RECOVERY)
        models = {device.get("id"): device["driver"] for device in host.devices}
        self.devices = [
            Device(found.name, models[found.name], found.address, found.port or "")
            for found in host.functions()
            if found.name in host.measured
        ]

    def run(self, count: int, stages: Sequence[str]) -> list[Crash]:
        """Crash *count* times for each of *stages*: without the helper first."""
        crashes = []
        for stage in stages:
            if stage != _NONE:
                Plays(self.host, pcie_reset_stage=stage).run("configure")
            crashes += [self._crash(stage, number + 1) for number in range(count)]
        return crashes

    def _crash(self, stage: str, number: int) -> Crash:
        print(f"\nCrash {number} with the reset in: {stage}", flush=True)
        # Reads that come back slowly enough for some to be under way when the kernel dies.
        self.host.qmp("qom-set", path="/objects/pace", property="limits", value={"iops-total": 20})
        self.host.start("workload.py")
        self.host.start("passthrough.py", self.host.addresses()["passed"])
        offset = self.host.trace_log.stat().st_size
        with Traffic(self.host.wires):
            self.host.trace(_EVENTS, enable=True)
            # A crash without a dump is a result, too.
            self.plays.play("crash_test")
            self.host.trace(_EVENTS, enable=False)
        _path, record = self.plays.record()
        effects: list[Effect] = []
        with self.host.trace_log.open(errors="replace") as log, suppress(NoCaptureKernelError):
            log.seek(offset)
            effects = measure(read_events(log), self.devices)
        if record["recovery"]:
            # What was written to the devices last was the firmware's, when the machine was reset.
            for effect in effects:
                effect.driver = None
        crash = Crash(stage, number, record["verdict"], record["run_id"], effects, why_of(record))
        print(f"\n{table([crash])}", flush=True)
        return crash
