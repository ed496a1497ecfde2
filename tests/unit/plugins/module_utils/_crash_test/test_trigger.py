# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.trigger import (
    LOAD,
    LOAD_FILES,
    TRIGGER,
    choose_cpu,
    effective_delay,
    load_command,
    panic_cpu,
    parse_cpus,
    session_command,
    timer_command,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError

ARMED = "/sys/kernel/kexec_crash_loaded"
SYSRQ = "/proc/sysrq-trigger"

# The log of a Debian 13 guest, from its dump.
LOG = """\
[  150.000000] CPU: 3 UID: 0 PID: 1 Comm: early Not tainted 6.12.107+deb13-amd64 #1  Debian 6.12.107-1
[  173.464890] sysrq: Trigger a crash
[  173.466454] Kernel panic - not syncing: sysrq triggered crash
[  173.468000] CPU: 1 UID: 0 PID: 1243 Comm: sh Kdump: loaded Not tainted 6.12.107+deb13-amd64 #1  Debian 6.12.107-1
[  173.470000] Hardware name: QEMU Standard PC (Q35 + ICH9, 2009), BIOS 1.16.2-debian-1.16.2-1 04/01/2014
"""


def run_script(tmp_path: Path, script: str, *arguments: str, armed: str = "1\n") -> tuple[str, int]:
    """Run a trigger that writes into a file; this machine is not to be crashed by its tests."""
    loaded, sysrq = tmp_path / "loaded", tmp_path / "sysrq"
    loaded.write_text(armed)
    sysrq.touch()
    script = script.replace(ARMED, str(loaded)).replace(SYSRQ, str(sysrq))
    assert "/proc/" not in script
    assert "/sys/" not in script
    command = ["/bin/sh", "-c", script, "sh", *arguments]
    result = subprocess.run(command, capture_output=True, timeout=60, check=False)
    return sysrq.read_text(), result.returncode


@pytest.mark.parametrize(("armed", "written", "status"), [("1\n", "c\n", 0), ("0\n", "", 1)])
def test_the_trigger_crashes_only_a_host_that_is_still_armed(
    tmp_path: Path, armed: str, written: str, status: int
) -> None:
    assert run_script(tmp_path, TRIGGER, "run-id", "", armed=armed) == (written, status)


@pytest.mark.parametrize(("cpu", "written"), [("0", "c\n"), ("4095", "")])
def test_a_cpu_that_is_gone_crashes_nothing_instead_of_another_one(
    tmp_path: Path, cpu: str, written: str
) -> None:
    assert run_script(tmp_path, TRIGGER, "run-id", cpu)[0] == written


def test_without_systemd_the_same_script_waits_and_crashes(tmp_path: Path) -> None:
    command = session_command(0, "run-id", 0)
    assert command[-4:] == [command[-4], "sh", "run-id", "0"]
    assert run_script(tmp_path, command[-4], "run-id", "")[0] == "c\n"


def test_with_systemd_a_timer_waits() -> None:
    command = timer_command(7, "run-id", None)
    assert command[0] == "systemd-run"
    assert "--on-active=7" in command
    assert command[-3:] == ["sh", "run-id", ""]


@pytest.mark.parametrize(("text", "cpus"), [("0\n", [0]), ("0-3,5\n", [0, 1, 2, 3, 5]), ("\n", [])])
def test_the_kernel_lists_its_cpus(text: str, cpus: list[int]) -> None:
    assert parse_cpus(text) == cpus


def test_a_cpu_is_chosen_from_those_that_are_online() -> None:
    assert choose_cpu(None, [0, 2]) is None
    assert choose_cpu("2", [0, 2]) == 2
    assert choose_cpu("random", [0, 2]) in (0, 2)


@pytest.mark.parametrize("wanted", ["1", "-1", "first", ""])
def test_a_cpu_that_is_not_online_is_refused(wanted: str) -> None:
    with pytest.raises(KdumpError, match="these are online: 0, 2"):
        choose_cpu(wanted, [0, 2])


def test_the_log_says_which_cpu_panicked() -> None:
    assert panic_cpu(LOG) == 1
    assert panic_cpu(LOG.replace("] ", "] [   T2617] ")) == 1
    assert panic_cpu(LOG.replace("Kernel panic", "No panic")) is None
    assert panic_cpu("") is None


def test_a_load_has_the_time_to_become_one() -> None:
    assert effective_delay(3, []) == 3
    assert effective_delay(3, ["disk"]) == 10
    assert effective_delay(60, ["disk"]) == 60


def test_a_load_is_real_and_ends_by_itself_and_leaves_nothing(tmp_path: Path) -> None:
    command = load_command(["disk", "network"], 5, sys.executable, systemd=False)
    assert command[-4:] == ["35", "/var/tmp", "disk", "network"]
    assert "setsid" in " ".join(command)
    script = [sys.executable, "-c", LOAD, "0.5", str(tmp_path), "disk", "network"]
    assert subprocess.run(script, timeout=60, check=False, capture_output=True).returncode == 0
    assert list(tmp_path.glob(LOAD_FILES)) == []


def test_systemd_ends_a_load_that_does_not_end() -> None:
    command = load_command(["disk"], 5, sys.executable, systemd=True)
    assert "--property=RuntimeMaxSec=40" in command
    assert "--property=MemoryMax=256M" in command
