# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A reset helper that fails in every way, and a dump that is complete all the same: ``make faults``."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import NamedTuple

from lab.experiment import Case, Experiment, Guest, Outcome, Trial
from lab.machine import Machine
from lab.plays import why_of
from lab.watch import acting

_PLAN = "/etc/pcie-reset/plan"
_IMAGE = "/var/lib/kdump/initrd.img-$(uname -r)"
_SETTINGS = "/etc/default/kdump-tools"
_REBUILD = "/etc/kernel/postinst.d/kdump-tools $(uname -r)"
_RELOAD = "kdump-config reload"
_BUILD_SECONDS = 600


class Fault(NamedTuple):
    """One thing that goes wrong in the capture kernel."""

    what: str
    profile: str = "vtd"
    helper: str | None = None  # in the place of the helper
    before: str | None = None  # run on the machine before the crash
    after: str | None = None  # and after it
    vanishes: str | None = None  # the id of a device that QEMU removes in the middle of its reset
    dump: str = "complete"  # what becomes of it


def _in_quiesce(what: str, damaged: str) -> str:
    """A command that damages what is loaded of the quiesce stage, and not the file, which would be seen."""
    image = "/var/lib/pcie-reset/quiesce.img"
    return (
        f"set -e; cp -a {image} {image}.lab; LC_ALL=C sed -i 's/{what}/{damaged}/' {image};"
        f" if cmp -s {image} {image}.lab; then exit 1; fi;"
        ' kexec -p -u; sh -c "$(cat /var/crash/kexec_cmd)";'
        f" mv {image}.lab {image}; touch /var/crash/kexec_cmd"
    )


FAULTS = {
    "sleeps": Fault("a helper that never ends", helper="#!/bin/sh\nexec sleep infinity\n"),
    "exits": Fault("a helper that exits with 1", helper="#!/bin/sh\nexit 1\n"),
    # Only what is loaded is damaged: a damaged file would be seen before the crash, and the host not crashed.
    "garbage": Fault(
        "a plan with garbage in it",
        before=f"set -e; for file in {_PLAN} {_IMAGE}; do cp -a $file $file.lab; done;"
        rf" printf 'port \377 ../..\nversion x\n\n$(reboot)\n' >{_PLAN}; {_REBUILD}; {_RELOAD};"
        f" for file in {_PLAN} {_IMAGE}; do mv $file.lab $file; done",
        after=_RELOAD,
    ),
    "off": Fault(
        "pcie_reset=off on the capture command line",
        before="sed -i.lab '$a KDUMP_CMDLINE_APPEND="
        '"reset_devices systemd.unit=kdump-tools-dump.service nr_cpus=1 irqpoll usbcore.nousb pcie_reset=off"'
        f"' {_SETTINGS}; {_RELOAD}",
        after=f"mv {_SETTINGS}.lab {_SETTINGS}; {_RELOAD}",
    ),
    "quiesce-sleeps": Fault(
        "a helper that never ends, in the quiesce stage",
        profile="quiesce",
        helper="#!/bin/sh\nexec sleep infinity\n",
    ),
    "quiesce-plan": Fault(
        "a plan of devices that are not there, in the quiesce stage",
        profile="quiesce",
        before=_in_quiesce(" 0000:01:00.0=8086:10d3:", " 0000:01:00.0=8086:10d4:"),
        after=_RELOAD,
    ),
    "quiesce-memory": Fault(
        "too little memory for the quiesce stage, which is left out",
        profile="quiesce",
        before=f"kdump-config unload; echo $((256 << 20)) >/sys/kernel/kexec_crash_size; {_RELOAD}",
    ),
    # Without a second kernel there is nothing that could save a dump: the machine comes back.
    "quiesce-kernel": Fault(
        "the second kernel's image is damaged",
        profile="quiesce",
        # The magic number behind the boot flag and a jump: what kexec compares it with stays as it is.
        before=_in_quiesce(r"\xaa\xeb\(.\)HdrS", r"\xaa\xeb\1XXXX"),
        after=_RELOAD,
        dump="none",
    ),
    "stubborn": Fault(
        "a device that never comes back from its reset", profile="stubborn", vanishes="stubborn"
    ),
}


def _try(fault: Fault, trial: Trial) -> Outcome:
    host, plays = trial.host, trial.plays
    print(f"{fault.what}\n", flush=True)
    if fault.helper:
        plays.install(**{"pcie-reset": fault.helper})
    else:
        plays.install()
    if fault.before:
        host.ssh(fault.before, timeout=_BUILD_SECONDS)
    with _vanishing(host, fault.vanishes):
        # Its verdict may well be "failed": what counts is the record.
        plays.play("crash_test")
    _path, record = plays.record()
    if fault.after:
        host.ssh(fault.after, timeout=_BUILD_SECONDS)
    dump = record["vmcore"]["verdict"] if record["vmcore"] else "none"
    wrong = [] if dump == fault.dump else [f"The dump is {dump}, not {fault.dump}."]
    return Outcome([(fault.what, dump, record["verdict"], why_of(record))], wrong=wrong)


def _vanishing(host: Machine, device: str | None) -> AbstractContextManager[None]:
    """Remove *device* as soon as the console says that the port above is being reset."""
    if device is None:
        return nullcontext()
    line = rf"pcie_reset: resetting={re.escape(host.addresses()[f'port-{device}'])}"
    path = f"/machine/peripheral/{device}"
    return acting(
        host, [(line, lambda: host.qmp("qom-set", path=path, property="realized", value=False))]
    )


# One machine for all faults of a profile: each leaves it as it was.
EXPERIMENT = Experiment(
    "faults",
    "crash with a reset helper that fails",
    ("what", "dump", "verdict", "what the record says"),
    {
        name: Case(
            partial(_try, fault),
            (Guest(f"faults-{fault.profile}", fault.profile),),
            {"pcie_reset_stage": "quiesce" if fault.profile == "quiesce" else "initramfs"},
        )
        for name, fault in FAULTS.items()
    },
)
