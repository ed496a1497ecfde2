# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import shutil
import typing as t
from pathlib import Path, PurePosixPath

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._helper.layout import HELPER
from ansible_collections.vmcore.kdump.plugins.module_utils._helper.layout import PLAN as PLAN_PATH
from ansible_collections.vmcore.kdump.plugins.module_utils._helper.plan_file import plan_text
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump import host
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.plan import make_plan
from ansible_collections.vmcore.kdump.tests.unit import facts
from ansible_collections.vmcore.kdump.tests.unit.host_trees import (
    Link,
    build,
    pci_function,
)

HOOK = PurePosixPath("/etc/initramfs-tools/hooks/pcie-reset")
HELPER_FILE = str(HELPER)[1:]
HOOK_FILE = str(HOOK)[1:]
PLAN_FILE = str(PLAN_PATH)[1:]
PLAN = make_plan(facts.host())


@pytest.mark.parametrize(
    ("tree", "installed", "digest"),
    [
        ({}, False, None),
        ({HELPER_FILE: "", PLAN_FILE: plan_text(PLAN)}, False, PLAN["digest"]),
        ({HELPER_FILE: "", HOOK_FILE: ""}, True, None),
        ({HELPER_FILE: "", HOOK_FILE: "", PLAN_FILE: plan_text(PLAN)}, True, PLAN["digest"]),
        ({HELPER_FILE: "", HOOK_FILE: "", PLAN_FILE: "digest of something else\n"}, True, None),
    ],
)
def test_helper(tmp_path: Path, tree: dict[str, str], installed: bool, digest: str | None) -> None:
    assert host.helper_state(build(tmp_path, tree), HOOK) == {
        "installed": installed,
        "digest": digest,
        "stale": None,
        "stage": "initramfs" if installed else None,
    }


def test_free_bytes_are_those_of_the_nearest_directory_that_exists(tmp_path: Path) -> None:
    build(tmp_path, {"var": None})
    free = host.free_bytes(tmp_path, PurePosixPath("/var/crash/not/yet"))
    assert free is not None
    assert free > 0


PORT = "pci0000:00/0000:00:02.0"
CHILD = f"{PORT}/0000:01:00.0"
PORT_PLAN = plan_text(
    make_plan(
        facts.host(facts.bridge("0000:00:02.0"), facts.function("0000:01:00.0", "0000:00:02.0"))
    )
)


@pytest.mark.parametrize(
    ("tree", "stale"),
    [
        ({**pci_function(PORT), **pci_function(CHILD)}, False),
        ({**pci_function(PORT), **pci_function(CHILD, ids="8086:10d4")}, True),
        ({**pci_function(PORT), **pci_function(CHILD, pci_class="020001")}, True),
        ({**pci_function(PORT)}, True),
        ({**pci_function(CHILD)}, True),
        ({**pci_function(PORT), **pci_function(CHILD), **pci_function(CHILD[:-1] + "1")}, True),
        (
            {
                **pci_function(PORT),
                **pci_function(CHILD),
                **pci_function(CHILD[:-1] + "1"),
                f"sys/devices/{CHILD[:-1]}1/physfn": Link("../0000:01:00.0"),
                f"sys/devices/{PORT}/0000:00:02.0:pcie001/driver": Link("../pcieport"),
            },
            False,
        ),
        ({}, None),
    ],
)
def test_plan_is_stale_when_a_port_has_other_functions(
    tmp_path: Path, tree: dict[str, t.Any], stale: bool | None
) -> None:
    root = build(tmp_path, {PLAN_FILE: PORT_PLAN, **tree})
    assert host.helper_state(root, HOOK)["stale"] is stale


@pytest.mark.parametrize(
    ("helper", "codes"),
    [
        ({"installed": False, "digest": None, "stale": None}, []),
        ({"installed": False, "digest": "a", "stale": True}, []),
        ({"installed": True, "digest": None, "stale": None}, ["plan_missing"]),
        ({"installed": True, "digest": "a", "stale": True}, ["plan_stale"]),
        ({"installed": True, "digest": "a", "stale": False}, []),
    ],
)
def test_problems_of_the_helper(helper: dict[str, t.Any], codes: list[str]) -> None:
    assert host.helper_codes(helper) == codes


def test_watchdogs(tmp_path: Path) -> None:
    directory = "sys/class/watchdog"
    root = build(
        tmp_path,
        {
            f"{directory}/watchdog0/identity": "iTCO_wdt\n",
            f"{directory}/watchdog0/state": "active\n",
            f"{directory}/watchdog0/timeout": "30\n",
            f"{directory}/watchdog0/device/driver": Link("../../../bus/platform/drivers/iTCO_wdt"),
            f"{directory}/watchdog1/identity": "Software Watchdog\n",
            f"{directory}/watchdog1/state": "inactive\n",
            f"{directory}/watchdog2": None,
        },
    )
    keys = ("name", "identity", "driver", "timeout", "active")
    assert [tuple(each[key] for key in keys) for each in host.watchdogs(root)] == [
        ("watchdog0", "iTCO_wdt", "iTCO_wdt", 30, True),
        ("watchdog1", "Software Watchdog", None, None, False),
        ("watchdog2", None, None, None, None),
    ]
    assert host.running_watchdogs(host.base_facts(root, "")) == ["watchdog0 (iTCO_wdt, 30 s)"]


def idle_watchdogs(tmp_path: Path) -> Path:
    """Two that nobody opened and whose drivers say what is left, and one whose driver does not."""
    directory = "sys/class/watchdog"
    return build(
        tmp_path,
        {
            f"{directory}/watchdog0/state": "inactive\n",
            f"{directory}/watchdog0/timeleft": "27\n",
            f"{directory}/watchdog1/state": "inactive\n",
            f"{directory}/watchdog1/timeleft": "30\n",
            f"{directory}/watchdog2/state": "inactive\n",
        },
    )


def test_watchdog_whose_time_falls_is_fed_by_the_kernel(tmp_path: Path) -> None:
    root = idle_watchdogs(tmp_path)
    left = iter((27, 27, 26, 26, 25, 24, 23, 22))

    def pause(_seconds: float) -> None:
        (root / "sys/class/watchdog/watchdog0/timeleft").write_text(f"{next(left)}\n")

    assert host.fed_by_kernel(root, host.base_facts(root, ""), pause) == (["watchdog0"], False)


def test_watchdog_whose_time_stands_still_is_stopped(tmp_path: Path) -> None:
    root = idle_watchdogs(tmp_path)
    shutil.rmtree(root / "sys/class/watchdog/watchdog2")
    waited: list[float] = []
    assert host.fed_by_kernel(root, host.base_facts(root, ""), waited.append) == ([], True)
    assert sum(waited) > 1.2  # longer than it takes a timer that counts seconds, in steps of 0.6


def test_nobody_waits_where_no_driver_says_what_is_left(tmp_path: Path) -> None:
    root = build(tmp_path, {"sys/class/watchdog/watchdog0/state": "inactive\n"})
    waited: list[float] = []
    assert host.fed_by_kernel(root, host.base_facts(root, ""), waited.append) == ([], False)
    assert not waited


def test_open_watchdog_is_not_fed_by_the_kernel(tmp_path: Path) -> None:
    directory = "sys/class/watchdog/watchdog0"
    root = build(tmp_path, {f"{directory}/state": "active\n", f"{directory}/timeleft": "27\n"})
    assert host.fed_by_kernel(root, host.base_facts(root, ""), lambda _s: None) == ([], True)


# A guest with 1 GiB, 256 MiB of it reserved for the capture kernel.
MEMINFO = """\
MemTotal:         726368 kB
MemFree:          480116 kB
MemAvailable:     560132 kB
Buffers:            8040 kB
Cached:            86372 kB
SwapCached:            0 kB
AnonPages:         19184 kB
HugePages_Total:       0
"""


def test_expected_dump_is_what_is_neither_free_nor_cached_nor_of_processes(tmp_path: Path) -> None:
    root = build(tmp_path, {"proc/meminfo": MEMINFO})
    assert host.expected_dump_bytes(root) == (726368 - 480116 - 8040 - 86372 - 19184) << 10


@pytest.mark.parametrize(
    "text",
    [
        "",
        "MemTotal: 1 kB\n",
        "MemTotal: many kB\n",
        "nonsense",
        MEMINFO.replace("726368", "\N{SUPERSCRIPT TWO}"),
        MEMINFO.replace("726368", "9" * 5000),
    ],
)
def test_expected_dump_is_not_guessed(tmp_path: Path, text: str) -> None:
    assert host.expected_dump_bytes(build(tmp_path, {"proc/meminfo": text})) is None
