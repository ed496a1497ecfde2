# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role kdump on freshly installed guests, from nothing to ready: ``make configure``."""

from __future__ import annotations

import re

from lab.errors import LabError
from lab.experiment import Case, Experiment, Guest, Outcome, Trial
from lab.machine import Machine
from lab.plays import Plays

# A guest with a mirror and a boot loader of its own.
OWN = {"kdump_manage_packages": True, "kdump_manage_crashkernel": True}

# What the role is asked for besides a dump. Each is a line of /etc/default/kdump-tools.
_WANTED = {
    "kdump_compression": "lzo",
    "kdump_keep": 3,
    "kdump_dump_directory": "/srv/crash",
    # Without it a Debian host that hangs cannot be made to dump.
    "kdump_panic_on": ["unknown_nmi"],
}
_LINES = (
    "MAKEDUMP_ARGS=", "KDUMP_NUM_DUMPS=3", 'KDUMP_COREDIR="/srv/crash"', 'panic=10"', "crashkernel=",
)  # fmt: skip

# What must be the same before and after check mode.
_STATE = """
dpkg-query -W | sha256sum
find /etc /boot /srv /var/lib/kdump -type f -newer /proc/1/stat 2>/dev/null | sort
cat /proc/sys/kernel/random/boot_id
"""
_RECAP = re.compile(
    r"^(?P<host>\S+)\s+: ok=\d+\s+changed=(?P<changed>\d+) .* failed=(?P<failed>\d+)", re.M
)


def recap(output: str) -> tuple[int, int]:
    """How many tasks changed something, and how many failed, by the last line of a play's output.

    Raises:
        LabError: the play did not come to its end.
    """
    found = _RECAP.findall(output)
    if not found:
        raise LabError("The play has no recap.")
    _host, changed, failures = found[-1]
    return int(changed), int(failures)


def _configure(trial: Trial) -> Outcome:
    host = trial.host
    plays = Plays(host, **OWN, **_WANTED)
    before = host.ssh(_STATE, timeout=120)
    shown = _role(plays, "check mode shows everything", failures=0, arguments=("--check", "--diff"))
    missing = [line for line in _LINES if line not in shown]
    if missing:
        raise LabError(f"Check mode did not show {', '.join(missing)}.")
    if host.ssh(_STATE, timeout=120) != before:
        raise LabError("Check mode changed the host.")

    said = _role(plays, "without the permission to reboot everything else is done", failures=1)
    if "needs a reboot before kdump works" not in said:
        raise LabError("The role did not say that a reboot is needed.")

    plays = Plays(host, **OWN, kdump_reboot_ok=True, **_WANTED)
    boot = _boot(host)
    _role(plays, "with it the host is rebooted and ready", failures=0)
    if _boot(host) == boot:
        raise LabError("The host was not rebooted.")
    facts = plays.module("platform_facts", gather_subset=["kdump"])["ansible_facts"]["kdump"]
    if not facts["armed"] or facts["problems"]:
        problems = " ".join(each["message"] for each in facts["problems"])
        raise LabError(f"The host is not ready; armed: {facts['armed']}. {problems}")

    boot = _boot(host)
    changed, _failures = recap(_role(plays, "a second run changes nothing", failures=0))
    if changed or _boot(host) != boot:
        raise LabError(f"The second run changed {changed} things.")
    return Outcome([(host.image, f"{facts['crash_size'] >> 20}")])


def _role(plays: Plays, title: str, failures: int, arguments: tuple[str, ...] = ()) -> str:
    """The output of the role. Raises LabError if not as many hosts as expected failed."""
    print(f"\n===== {title} =====", flush=True)
    output = plays.output("kdump.yml", *arguments)
    print(output, flush=True)
    if recap(output)[1] != failures:
        raise LabError(f"Not as it should be: {title}.")
    return output


def _boot(host: Machine) -> str:
    return host.ssh("cat /proc/sys/kernel/random/boot_id", timeout=120).strip()


EXPERIMENT = Experiment(
    "configure",
    "bring guests without kdump to ready",
    ("guest", "reserved, MiB:"),
    {
        image.partition("-")[0]: Case(
            _configure, (Guest(f"configure-{image.partition('-')[0]}", "none", image),)
        )
        for image in ("debian13-plain", "debian12-plain")
    },
    configure=False,
)
