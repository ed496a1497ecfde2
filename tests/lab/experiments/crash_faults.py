# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Crashes that leave no dump, or no good one, and what the crash test says of them: ``make crash-faults``."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.state import STATE
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.summary import summary
from lab import dumps
from lab.errors import LabError
from lab.experiment import Case, Experiment, Guest, Outcome, Trial
from lab.machine import Machine
from lab.plays import RECOVERY, Plays
from lab.watch import Act, acting

_COMMAND_SECONDS = 900
# A host that hangs is given up when its console has been silent for three minutes.
_PATIENCE_SECONDS = 200

# Lines of the console at which something goes wrong: the crash is scheduled; the kernel is dead; the capture kernel
# has the memory of the dead one, and no disk yet; the dump is being written.
_SCHEDULED = r"vmcore\.kdump: crash test run_id="
_PANICKED = r"Kernel panic - not syncing: sysrq triggered crash"
_CAPTURE = r"pcie_reset: summary "
_DUMPING = r"running makedumpfile -F"
# From the first of them to the crash, in seconds: time enough for a command over ssh.
DELAY = 60

_IMAGE = "/var/lib/kdump/initrd.img-$(uname -r)"
_RELOAD = "kdump-config unload; kdump-config load"
_NO_DUMPS = "rm -rf /var/crash/2*"
# Nobody listens to the console. The crash test has what firmware kept of the capture kernel's log.
_UNHEARD = MappingProxyType({"crash_test_console": None})
# A dump that takes longer than the two times 30 s after which the chipset's watchdog resets the machine.
_LONG = """echo 'MAKEDUMP_ARGS="-F -c -d 1"' >>/etc/default/kdump-tools; head -c 256M /dev/urandom >/dev/shm/fill"""
_NOT_LONG = f"sed -i '$d' /etc/default/kdump-tools; {_NO_DUMPS}"


class Verdict(NamedTuple):
    """What a record says in four words."""

    verdict: str
    dump: str = "none"
    stage: str | None = None  # of the cause
    cause: str | None = None

    def __str__(self) -> str:
        cause = f"; {self.cause} at: {self.stage}" if self.cause else ""
        return f"{self.verdict}; dump: {self.dump}{cause}"


class Event(NamedTuple):
    """What happens, and when."""

    line: str  # of the console
    command: str | None = None  # on the machine,
    monitor: str | None = None  # or to it, by QEMU
    written: int = 0  # how many bytes are written to the machine's disk from the line on
    pause: float = 0  # and for how many seconds then nothing happens yet


class Fault(NamedTuple):
    """One thing that goes wrong, and what is to be said of it."""

    what: str
    expected: Verdict
    events: tuple[Event, ...] = ()
    before: str = ""  # run on the machine before the test
    undo: str = ""  # and when it is back
    # The check that refuses the test if the command of the first event was run before.
    refused_by: str | None = None
    needs: str | None = None  # the fault before it, which leaves what this one needs
    variables: Mapping[str, Any] = MappingProxyType({})  # of the playbook
    configured: Mapping[str, Any] = MappingProxyType({})  # variables of all playbooks
    profile: str = "smp"
    # The host does not return: what is said after it was reset and verify.yml has finished the test.
    later: Verdict | None = None


def _edited(command: str) -> str:
    """Make a kdump image that a command was run in, beside the original one."""
    return (
        f"set -e; cp {_IMAGE} /root/good.img; rm -rf /root/x; unmkinitramfs {_IMAGE} /root/x;"
        f" cd /root/x; [ ! -d main ] || cd main; {command};"
        " find . | cpio --quiet -o -H newc | gzip -1 >/root/bad.img; rm -r /root/x"
    )


_LOAD_EDITED = (Event(_SCHEDULED, f"cp /root/bad.img {_IMAGE}; {_RELOAD}; sync"),)
_LOAD_ORIGINAL = f"cp /root/good.img {_IMAGE}; {_RELOAD}"

FAULTS = {
    "none": Fault(
        "nothing, on a host that has another name then",
        Verdict("passed", "complete"),
        before="hostname elsewhere",
        undo=f"mkdir -p /root/elsewhere; mv /var/crash/2*/dump.* /root/elsewhere/dump; {_NO_DUMPS}",
    ),
    "foreign-dump": Fault(
        "the dump of that host is copied in, and the power goes before there is another",
        Verdict("failed", "not_this_crash", "storage found", "cut_off"),
        (
            Event(
                _SCHEDULED,
                "d=/var/crash/$(date +%Y%m%d%H%M); mkdir $d; cp /root/elsewhere/dump $d/dump.${d##*/}; sync",
            ),
            Event(_CAPTURE, monitor="system_reset"),
        ),
        undo=_NO_DUMPS,
        needs="none",
    ),
    "disk-full": Fault(
        # ext4 counts 16 MiB as free that it keeps for itself.
        "the disk is full",
        Verdict("failed", "incomplete", "dump complete", "disk_full"),
        (
            Event(
                _SCHEDULED,
                "fallocate --length $(($(stat --file-system --format='%f * %S' /) - (32 << 20))) /fill; sync",
            ),
        ),
        undo=f"rm -f /fill; {_NO_DUMPS}",
        refused_by="dump_space",
    ),
    "empty-dump": Fault(
        "makedumpfile fails without a word, and kdump-tools says that it saved the dump",
        Verdict("failed", "incomplete", "dump complete", "saved_nothing"),
        (
            Event(
                _SCHEDULED,
                "cd /usr/bin; mv makedumpfile /root/; printf '#!/bin/sh\nexit 1\n' >makedumpfile;"
                " chmod +x makedumpfile; sync",
            ),
        ),
        undo=f"mv /root/makedumpfile /usr/bin/; {_NO_DUMPS}",
        refused_by="makedumpfile_reads_kernel",
    ),
    "small-crashkernel": Fault(
        "112 MiB for the capture kernel",
        Verdict("failed", "none", "vmcore present", "out_of_memory"),
        (
            Event(
                _SCHEDULED,
                "kdump-config unload; echo $((112 << 20)) >/sys/kernel/kexec_crash_size; kdump-config load",
            ),
        ),
    ),
    "no-driver": Fault(
        "the kdump image has no driver for the disk",
        Verdict("failed", "none", "storage found", "driver_missing"),
        _LOAD_EDITED,
        before=_edited("find . -name 'virtio_blk*' -delete"),
        undo=_LOAD_ORIGINAL,
    ),
    "power-off": Fault(
        # Of a dump that takes longer than that: what was written is in the file system once its journal was, every
        # five seconds.
        "the power goes while the dump is written",
        Verdict("failed", "incomplete", "dump complete", "cut_off"),
        (
            Event(
                _SCHEDULED,
                """echo 'MAKEDUMP_ARGS="-F -c -d 1"' >>/etc/default/kdump-tools;"""
                " head -c 256M /dev/urandom >/dev/shm/fill; sync",
            ),
            Event(_DUMPING, monitor="system_reset", written=16 << 20, pause=6),
        ),
        undo=f"sed -i '$d' /etc/default/kdump-tools; {_NO_DUMPS}",
    ),
    "watchdog": Fault(
        "a watchdog counts that the kernel fed until it died, and the dump takes longer",
        Verdict("failed", "incomplete", "dump complete", "watchdog"),
        before=_LONG,
        undo=_NOT_LONG,
        profile="watchdog",
    ),
    "watchdog-stopped": Fault(
        "the same watchdog, stopped before the crash as the problem's sentence says",
        Verdict("passed", "complete"),
        before=f"echo V >/dev/watchdog0; {_LONG}",
        undo=_NOT_LONG,
        profile="watchdog",
    ),
    "watchdog-fed": Fault(
        "the same watchdog, with its driver in the kdump image as the problem's sentence says",
        Verdict("passed", "complete"),
        before="echo iTCO_wdt >>/etc/initramfs-tools/modules; /etc/kernel/postinst.d/kdump-tools $(uname -r);"
        f" {_RELOAD}; {_LONG}",
        undo=_NOT_LONG,
        profile="watchdog",
    ),
    "frozen-ssh": Fault(
        "sshd is stopped under the controller, whose connections neither close nor go on",
        Verdict("passed", "complete"),
        (
            Event(
                _SCHEDULED,
                "systemd-run --quiet --on-active=1 sh -c 'for p in /proc/[0-9]*; do"
                " case $(cat $p/comm) in sshd*) kill -STOP ${p#/proc/} ;; esac; done'",
            ),
        ),
    ),
    "old-dump": Fault(
        "the power goes before there is a dump, and there is an older one",
        Verdict("failed", "none", "storage found", "cut_off"),
        (Event(_CAPTURE, monitor="system_reset"),),
        needs="frozen-ssh",
    ),
    "erst": Fault(
        "the capture kernel panics unheard, and an ACPI ERST keeps its last lines",
        Verdict("failed", "none", "vmcore present", "initramfs_broken"),
        (
            Event(
                _SCHEDULED,
                "kdump-config unload; kexec --load-panic /boot/vmlinuz-$(uname -r)"
                " --command-line='root=/dev/vda ro panic=10 nr_cpus=1 irqpoll reset_devices'",
            ),
        ),
        variables=_UNHEARD,
        profile="erst",
    ),
    "uefi-variables": Fault(
        "the capture kernel panics unheard, and UEFI variables keep its last lines",
        Verdict("failed", "none", "storage found", "initramfs_broken"),
        _LOAD_EDITED,
        # An initramfs without its root device reboots, and does not panic. This one ends as soon as it has its modules.
        before=_edited("sed -i '/^load_modules$/a exit 1' init; grep -q '^exit 1$' init"),
        undo=_LOAD_ORIGINAL,
        variables=_UNHEARD,
        profile="secure-boot",
        configured=MappingProxyType({"kdump_capture_log": "pstore"}),
    ),
    "hang": Fault(
        "the capture kernel hangs, and a task of the operator resets the host",
        Verdict("failed", "none", "storage found", "hang"),
        (Event(_CAPTURE, monitor="stop"),),
        variables={
            "crash_test_timeout": _PATIENCE_SECONDS,
            "crash_test_recovery": RECOVERY,
        },
    ),
    "gone": Fault(
        "the host does not return, and somebody resets it later",
        Verdict("failed", "none", None, "no_jump"),
        (Event(_PANICKED, monitor="stop"),),
        variables={"crash_test_timeout": _PATIENCE_SECONDS},
        later=Verdict("failed", "none", None, "no_jump"),
    ),
}


def said(record: dict[str, Any]) -> Verdict:
    """The four words of a record."""
    cause = record["cause"] or {}
    dump = record["vmcore"]["verdict"] if record["vmcore"] else "none"
    return Verdict(record["verdict"], dump, cause.get("stage"), cause.get("code"))


def _try(fault: Fault, trial: Trial) -> Outcome:
    host, plays = trial.host, trial.plays
    print(f"{fault.what}\n", flush=True)
    started = time.monotonic()
    if fault.before:
        host.ssh(fault.before, timeout=_COMMAND_SECONDS)
    wrong = _refused(fault, host, plays)
    delay = {"crash_test_delay": DELAY} if any(each.command for each in fault.events) else {}
    with happening(host, fault):
        plays.play("crash_test", **delay, **fault.variables)
    _path, record = plays.record()
    answers = [said(record)]
    wrong += _differences(fault.expected, answers[0])
    if fault.later:
        host.reset()
        plays.play("verify")
        _path, record = plays.record()
        answers.append(said(record))
        wrong += _differences(fault.later, answers[1])
    print(f"\n{summary(record)}", flush=True)
    wrong += kept(host, record)
    if answers[0].dump == "complete":
        second = dumps.look(host, record)
        print(f"The dump once more, all of it: {second}", flush=True)
        wrong += [] if second.is_good else [f"The dump is {second}."]
    if fault.undo:
        host.ssh(fault.undo, timeout=_COMMAND_SECONDS)
    expected = "; then ".join(map(str, filter(None, (fault.expected, fault.later))))
    row = (expected, "; then ".join(map(str, answers)), f"{time.monotonic() - started:.0f}")
    cause = record["cause"]
    return Outcome([row], [cause["sentence"] if cause else record["why"]], wrong)


def _refused(fault: Fault, host: Machine, plays: Plays) -> list[str]:
    """Whether the preflight refuses a host that has the fault already; it is mended again."""
    if fault.refused_by is None:
        return []
    host.ssh(str(fault.events[0].command), timeout=_COMMAND_SECONDS)
    try:
        checks = plays.preflight()
    finally:
        host.ssh(fault.undo, timeout=_COMMAND_SECONDS)
    failed = {check["name"]: check["detail"] for check in checks if check["status"] == "failed"}
    if fault.refused_by not in failed:
        return [f"The preflight does not refuse it by {fault.refused_by}, but: {failed}."]
    print(f"Before the crash it is refused: {failed[fault.refused_by]}", flush=True)
    return []


def happening(host: Machine, fault: Fault) -> AbstractContextManager[None]:
    """What makes the events of a fault happen."""

    def act(event: Event) -> Act:
        def happen() -> None:
            if event.written:
                _wait_for_writes(host, event.written)
            time.sleep(event.pause)
            if event.command:
                host.ssh(event.command, timeout=_COMMAND_SECONDS)
            if event.monitor:
                host.qmp(event.monitor)

        return event.line, happen

    return acting(host, [act(event) for event in fault.events])


def _wait_for_writes(host: Machine, count: int) -> None:
    begin, until = host.written(), time.monotonic() + _COMMAND_SECONDS
    while host.written() - begin < count:
        if time.monotonic() > until:
            raise LabError(f"{host.name} did not write {count} bytes to its disk.")
        time.sleep(0.2)


def _differences(expected: Verdict, answer: Verdict) -> list[str]:
    return [
        f"The {name} is {found}, not {wanted}."
        for name, wanted, found in zip(Verdict._fields, expected, answer, strict=True)
        if wanted != found
    ]


def kept(host: Machine, record: dict[str, Any]) -> list[str]:
    """Whether the host has the same record and waits for nobody."""
    state = json.loads(host.ssh(f"cat {STATE}"))
    if state["status"] != "finished" or state["run_id"] != record["run_id"]:
        return [f"The host's test {state['run_id']} is {state['status']}."]
    kept = said(state["record"]).verdict
    return [] if kept == record["verdict"] else [f"The host keeps the verdict {kept}."]


EXPERIMENT = Experiment(
    "crash-faults",
    "crashes that leave no dump, or no good one",
    ("expected", "the record says", "s:"),
    {
        name: Case(
            partial(_try, fault),
            (Guest(f"crash-faults-{fault.profile}", fault.profile),),
            {"crash_test_minimum_uptime": 0, **fault.configured},
            after=fault.needs,
        )
        for name, fault in FAULTS.items()
    },
)
