# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""A host that is to be crashed is looked at: facts, proof of the image, makedumpfile, what the operator asks for."""

from __future__ import annotations

import time
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test import state as test_state
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.machine import (
    online_cpus,
    scheduled_units,
    system_state,
    uptime,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.preflight import (
    Command,
    Moment,
    command_checks,
    preflight,
    window_check,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.trigger import (
    choose_cpu,
    effective_delay,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.programs import with_programs
from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.facts import iommu_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.facts import kdump_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.live import live_host
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.makedumpfile import (
    COMMAND,
    ask,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.registry import helper_family
from ansible_collections.vmcore.kdump.plugins.module_utils._platform import platform_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.apply import Host, prove
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.install import (
    found,
    wanted_absent,
)

if t.TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.machine import Machine
    from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.preflight import Check

_COMMAND_SECONDS = 60

Options = t.Mapping[str, t.Any]


class Checked(t.NamedTuple):
    """What a look at the host says."""

    checks: list[Check]
    facts: dict[str, t.Any]
    expected_bytes: int | None  # what a dump may take, by makedumpfile

    @property
    def why_not(self) -> str:
        """What keeps the host from being crashed, one sentence each; empty when it may be."""
        return " ".join(check["detail"] for check in self.checks if check["status"] == "failed")


def check_host(machine: Machine, options: Options) -> Checked:
    """Look at a host, and run what the operator wants to succeed before it may be crashed."""
    facts = _facts(machine)
    makedumpfile = facts["kdump"]["core_collector"] == COMMAND[0]
    answer = ask(machine.run) if makedumpfile else None
    checks = preflight(
        facts,
        test_state.load(),
        answer,
        _image_proof(machine, facts) if facts["kdump"]["helper"]["installed"] else None,
        Moment(
            uptime(machine.root),
            options["minimum_uptime"],
            system_state(machine),
            scheduled_units(machine),
        ),
        machine.root,
        options["dump_host"],
    )
    if options["window"]:
        checks.append(_window(options))
    if options["cpu"] is not None:
        checks.append(_cpu(machine, options["cpu"]))
    checks += command_checks(_run_check(machine, text) for text in options["checks"])
    return Checked(checks, facts, answer.size if answer else None)


def _facts(machine: Machine) -> dict[str, t.Any]:
    kdump = kdump_facts(machine.root, live_host(machine.run))
    return {
        "kdump": kdump,
        "iommu": iommu_facts(machine.root, kdump["capture_command_line"]),
        "platform": platform_facts(machine.root),
    }


def _image_proof(machine: Machine, facts: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The proof that the kdump initramfs holds the helper and the plan that are installed."""

    def refuse(path: Path, _content: bytes, _mode: int) -> None:
        raise AssertionError(f"A check wrote {path}.")

    host = Host(
        root=machine.root,
        kernel=facts["kdump"]["kernel_release"],
        family=helper_family(machine.root),
        run=machine.run,
        write=refuse,
        decompress=with_programs(machine.run, machine.scratch),
    )
    return prove(host, found(machine.root, wanted_absent()))


def _window(options: Options) -> Check:
    crash = time.time() + effective_delay(options["delay"], options["load"])
    calendar = time.localtime if options["window_time_zone"] == "host" else time.gmtime
    return window_check(options["window"], options["window_time_zone"], calendar(crash))


def _cpu(machine: Machine, cpu: str) -> Check:
    """The check of the CPU that the host is to be crashed on."""
    try:
        choose_cpu(cpu, online_cpus(machine.root))
        if machine.run(["taskset", "--version"])[0]:
            raise KdumpError("The host has no taskset (util-linux) to choose the CPU with.")
    except KdumpError as exc:
        return {"name": "cpu", "status": "failed", "detail": str(exc)}
    return {"name": "cpu", "status": "ok", "detail": f"CPU {cpu} can be chosen."}


def _run_check(machine: Machine, text: str) -> Command:
    """Run a command of the operator, which may hang."""
    status, output = machine.run(
        ["timeout", "--kill-after=5", str(_COMMAND_SECONDS), "/bin/sh", "-c", text]
    )
    return Command(text, status, output)


__all__ = ("Checked", "check_host")
