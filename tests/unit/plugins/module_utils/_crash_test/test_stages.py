# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.stages import (
    STAGES,
    Probe,
    parse_probe,
    probe_command,
    running_boot,
)

BEFORE = "4f0c6bd5-2c1e-4f0e-9e39-0d1ddc1f1a55"
AFTER = "e3b91ac0-1f7e-4d6b-8a0e-52dd90f6a6c1"


def test_stages_are_named_in_the_order_of_a_crash() -> None:
    assert STAGES[0] == "armed"
    assert STAGES[-1] == "verified"


@pytest.mark.parametrize(
    ("output", "probe"),
    [
        (f"{BEFORE}\nnormal\nrunning\n", Probe(BEFORE, "normal", "running")),
        (f"{BEFORE}\r\ncapture\r\nstarting\r\n", Probe(BEFORE, "capture", "starting")),
        (f"{BEFORE}\nnormal\n", Probe(BEFORE, "normal", "unknown")),
        (f"{BEFORE}\ncapture\nstarting\n34816\n", Probe(BEFORE, "capture", "starting", 34816)),
        (f"{BEFORE}\ncapture\n34816\n", Probe(BEFORE, "capture", "unknown", 34816)),
        ("", None),
        ("System is booting up. Unprivileged users are not permitted\n", None),
        (f"{BEFORE}\nbananas\n", None),
        (f"{BEFORE}\n", None),
    ],
)
def test_a_probe_is_read_or_refused(output: str, probe: Probe | None) -> None:
    assert parse_probe(output) == probe


@pytest.mark.parametrize(
    ("boot_id", "kernel", "system", "expected"),
    [
        (BEFORE, "normal", "running", "same boot"),
        (BEFORE, "normal", "degraded", "same boot"),
        (AFTER, "capture", "running", "capture kernel"),
        (AFTER, "normal", "starting", "starting"),
        (AFTER, "normal", "initializing", "starting"),
        (AFTER, "normal", "running", "normal kernel"),
        (AFTER, "normal", "degraded", "normal kernel"),
        (AFTER, "normal", "unknown", "normal kernel"),
    ],
)
def test_only_a_settled_boot_without_vmcore_is_the_normal_kernel(
    boot_id: str, kernel: str, system: str, expected: str
) -> None:
    assert running_boot(Probe(boot_id, kernel, system), BEFORE) == expected


@pytest.mark.parametrize(("systemd", "asked"), [(True, ["degraded"]), (False, [])])
def test_a_system_manager_that_does_not_run_is_not_asked(
    tmp_path: Path, systemd: bool, asked: list[str]
) -> None:
    """systemctl may be there where another program is PID 1, and calls such a system offline for ever."""
    (tmp_path / "systemctl").write_text("#!/bin/sh\necho degraded\n")
    (tmp_path / "systemctl").chmod(0o755)
    if systemd:
        (tmp_path / "run").mkdir()
    command = probe_command("/").replace("/run/systemd/system", str(tmp_path / "run"))
    output = subprocess.run(
        ["/bin/sh", "-c", command],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True, check=False,
    ).stdout  # fmt: skip
    assert output.split()[2:] == asked
    probe = parse_probe(output)
    assert probe is not None
    assert running_boot(probe, BEFORE) == "normal kernel"


def test_the_probe_is_a_command_whatever_the_dump_directory_is_called() -> None:
    assert "du -sk '/srv/a b; reboot'" in probe_command("/srv/a b; reboot")
