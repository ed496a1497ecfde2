# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.stages import (
    STAGES,
    Probe,
    console_stage,
    last_lines,
    parse_probe,
    probe_command,
    running_boot,
)

BEFORE = "4f0c6bd5-2c1e-4f0e-9e39-0d1ddc1f1a55"
AFTER = "e3b91ac0-1f7e-4d6b-8a0e-52dd90f6a6c1"

# The serial console of a Debian 13 guest, a line for each stage and some between them.
CONSOLE = [
    ("[  173.464890] sysrq: Trigger a crash", None),
    ("[  173.466454] Kernel panic - not syncing: sysrq triggered crash", "panicked"),
    (
        "[    0.000000] Linux version 6.12.107+deb13-amd64 (debian-kernel@lists.debian.org)",
        "panicked",
    ),
    (
        "[    0.000000] Command line: root=/dev/vda ro console=ttyS0 elfcorehdr=0x7e000000",
        "capture kernel",
    ),
    (
        "[    0.012345] Kernel command line: root=/dev/vda ro console=ttyS0 elfcorehdr=0x7e000000",
        "capture kernel",
    ),
    ("[    4.012345] pcie_reset: port=0000:00:02.0 result=reset", "capture kernel"),
    ("[    5.312345] pcie_reset: summary planned=3 reset=3 left=0", "reset done"),
    (
        "kdump-tools[307]: running makedumpfile --dump-dmesg /proc/vmcore /var/crash/x",
        "dump started",
    ),
    ("kdump-tools[307]: kdump-tools: saved vmcore in /var/crash/202611220951.", "dump complete"),
    ("[   58.695399] reboot: Restarting system", "dump complete"),
    (
        "[    0.000000] Command line: root=/dev/vda ro console=ttyS0 crashkernel=256M",
        "normal kernel",
    ),
    ("[   12.000000] systemd[1]: Reached target basic.target", "normal kernel"),
]


def test_each_line_of_a_real_console_moves_the_stage_forward_only() -> None:
    seen: list[str] = []
    for line, expected in CONSOLE:
        seen.append(line)
        assert console_stage("\n".join(seen)) == expected, line


@pytest.mark.parametrize("without", ["pcie_reset", "running makedumpfile"])
def test_a_stage_that_the_console_does_not_show_is_passed_over(without: str) -> None:
    lines = [line for line, _stage in CONSOLE if without not in line]
    assert console_stage("\n".join(lines)) == "normal kernel"


def test_arm64_tells_the_capture_kernel_where_the_memory_is_in_the_device_tree() -> None:
    lines = [
        ("Kernel panic - not syncing: sysrq triggered crash", "panicked"),
        ("[    0.000000] Linux version 6.12.107+deb13-arm64", "panicked"),
        ("[    0.000000] Kernel command line: ro reset_devices nr_cpus=1", "capture kernel"),
        ("kdump-tools[250]: running cp /proc/vmcore /var/crash/x", "dump started"),
        ("[    0.000000] Kernel command line: ro crashkernel=384M", "normal kernel"),
    ]
    seen: list[str] = []
    for line, expected in lines:
        seen.append(line)
        assert console_stage("\n".join(seen)) == expected, line


def test_a_boot_that_follows_a_panic_without_a_capture_kernel_is_not_taken_for_success() -> None:
    lines = [
        "Kernel panic - not syncing: sysrq triggered crash",
        "[    0.000000] Command line: root=/dev/vda ro crashkernel=256M",
    ]
    assert console_stage("\n".join(lines)) == "panicked"


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


def test_a_console_is_shown_without_what_a_terminal_acts_on() -> None:
    text = "first\n[!p\x1b]104\x07\x1b[?7h\x1b[6n\n\x1b[0;32m  OK  \x1b[0m Started \x1b[0;1;39mssh\x1b[0m\r\n\n"
    assert last_lines(text)[-1].endswith("OK   Started ssh")
    assert last_lines("") == []


def test_the_probe_is_a_command_whatever_the_dump_directory_is_called() -> None:
    assert "du -sk '/srv/a b; reboot'" in probe_command("/srv/a b; reboot")
