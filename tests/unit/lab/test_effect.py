# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from lab.effect import Crash, Device, Effect, judge, measure, table
from lab.errors import LabError
from lab.trace import Event

NIC = Device("nic", "e1000e", "0000:03:00.0", "0000:00:04.0")
SOUND = Device("sound", "ich9-intel-hda", "0000:05:00.0", "0000:00:06.0")


def console(time: float, text: str) -> Event:
    return Event(time, "console", text)


def dma(time: float, place: str) -> Event:
    return Event(time, "vtd_dmar_translate", f"dev {place} iova 0xfff -> gpa 0x1000 mask 0xfff")


def config(time: float, place: str, offset: int, value: int) -> Event:
    return Event(time, "pci_cfg_write", f"any {place} @0x{offset:x} <- 0x{value:x}")


WITHOUT = [
    dma(0.0, "03:00.00"),  # the living kernel's
    console(1.0, "[  413.192141] Kernel panic - not syncing: sysrq triggered crash"),
    dma(2.0, "03:00.00"),
    dma(2.1, "05:00.00"),
    config(2.5, "03:00.0", 0x4, 0x6),  # the capture kernel looks for devices
    console(3.0, "[    0.000000] Linux version 6.12.107+deb13-amd64"),
    console(9.0, "[   13.869809] Run /init as init process"),
    dma(10.0, "03:00.00"),
    dma(11.0, "03:00.00"),
    dma(11.5, "05:00.00"),
    Event(11.6, "vtd_dmar_fault", "sid 0x300 fault 6 addr 0xfff write 1"),
    config(12.0, "03:00.0", 0xD2, 0x8000),
    dma(13.0, "03:00.00"),
    console(20.0, "[   99.000000] reboot: Restarting system"),
    dma(21.0, "03:00.00"),
]


def test_dma_is_counted_by_device_and_window_from_the_panic_to_the_reboot() -> None:
    nic, sound = measure(WITHOUT, [NIC, SOUND])
    assert (nic.until_helper, nic.until_driver, nic.after) == (1, 2, 1)
    assert (nic.window, nic.resets, nic.faults) == (3.0, 0, 1)
    assert (sound.until_helper, sound.until_driver, sound.after, sound.driver) == (1, 1, 0, None)


def test_the_helper_ends_the_first_window_and_its_reset_is_seen_at_the_port() -> None:
    helper = [
        console(9.5, "[   14.000000] pcie_reset: resetting=0000:00:04.0 uptime=14.00"),
        config(9.6, "00:04.0", 0x3E, 0x42),
        config(9.7, "00:04.0", 0x3E, 0x02),
        console(10.5, "[   15.000000] pcie_reset: summary planned=1 reset=1"),
    ]
    nic, _sound = measure(sorted(WITHOUT + helper), [NIC, SOUND])
    assert (nic.until_helper, nic.until_driver, nic.after) == (2, 1, 1)
    assert (nic.window, nic.resets) == (1.5, 1)


@pytest.mark.parametrize(
    "events",
    [[], WITHOUT[1:6], [event for event in WITHOUT if "Run /init" not in event.text]],
    ids=["nothing", "the capture kernel dies", "no /init"],
)
def test_a_crash_without_a_capture_kernel_is_no_measurement(events: list[Event]) -> None:
    with pytest.raises(LabError, match="no capture kernel that came to /init"):
        measure(events, [NIC])


def test_another_wording_is_not_taken_for_silence() -> None:
    with pytest.raises(LabError, match="in other words"):
        measure([*WITHOUT[:7], Event(10.0, "vtd_dmar_translate", "device 3:0.0")], [NIC])


def test_two_stages_are_one_crash_and_the_iommu_comes_between_reset_and_driver() -> None:
    events = [
        console(1.0, "[  413.192141] Kernel panic - not syncing: sysrq triggered crash"),
        dma(2.0, "03:00.00"),
        console(3.0, "[    0.000000] Linux version 6.12.107+deb13-amd64"),
        console(9.0, "[   13.869809] Run /init as init process"),
        config(9.6, "00:04.0", 0x3E, 0x42),
        console(10.5, "[   15.000000] pcie_reset: summary planned=1 reset=1"),
        dma(11.0, "05:00.00"),
        console(12.0, "[   24.000000] kexec_core: Starting new kernel"),
        console(12.5, "[    0.000000] Linux version 6.12.107+deb13-amd64"),
        config(13.0, "03:00.0", 0x10, 0xFFFFFFFF),  # it looks for devices, which is no driver
        console(14.0, "[    3.767817] DMAR: Translation already enabled - trying to copy"),
        dma(15.0, "05:00.00"),
        console(16.0, "[   17.728861] Run /init as init process"),
        config(18.0, "03:00.0", 0x4, 0x6),
        dma(19.0, "03:00.00"),
        console(20.0, "[   99.000000] reboot: Restarting system"),
        dma(21.0, "03:00.00"),
    ]
    nic, sound = measure(events, [NIC, SOUND])
    assert (nic.until_helper, nic.until_iommu, nic.until_driver, nic.after) == (1, 0, 0, 1)
    assert (nic.driver, nic.window, nic.resets) == (18.0, 7.5, 1)
    assert (sound.until_iommu, sound.until_driver) == (1, 2)


def test_iommu_that_came_before_the_reset_has_no_window() -> None:
    iommu = console(5.0, "[    3.767817] DMAR: Translation already enabled - trying to copy")
    assert [effect.until_iommu for effect in measure(sorted([*WITHOUT, iommu]), [NIC])] == [None]


def crash(helper: bool, until_driver: int, *, verdict: str = "passed") -> Crash:
    effects = [
        Effect(NIC, 5, until_driver, 7, 1.0, 2.5, resets=int(helper)),
        Effect(SOUND, 50, 100, 0, None, 9.0),
    ]
    return Crash("initramfs" if helper else "none", 1, verdict, "run", effects)


@pytest.mark.parametrize(
    ("without", "with_helper", "code"),
    [
        (crash(False, 3), crash(True, 0), 0),
        (crash(False, 3), crash(True, 1), 1),
        (crash(False, 0), crash(True, 0), 1),
        (crash(False, 3), crash(True, 0, verdict="failed"), 1),
    ],
    ids=["silent", "not silent", "nothing to silence", "no dump"],
)
def test_the_verdict_is_on_the_devices_that_were_reset(
    without: Crash, with_helper: Crash, code: int
) -> None:
    sentence, result = judge([without, with_helper])
    assert result == code
    assert "(nic)" in sentence
    assert "sound" not in sentence


def test_a_crash_without_a_capture_kernel_has_a_row_and_makes_the_verdict_bad() -> None:
    dead = Crash("none", 2, "failed", "run", [], "The host came back without a new dump.")
    lines = table([dead, crash(True, 0)]).splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert lines[2] == "| none | 2 | failed | no capture kernel | - | - | - | - | - | - | - |"
    assert judge([crash(False, 3), dead, crash(True, 0)])[1] == 1


def test_the_table_has_a_row_a_device() -> None:
    lines = table([crash(True, 0)]).splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert lines[2:] == [
        "| initramfs | 1 | passed | nic, e1000e 0000:03:00.0 | 5 | - | 0 | 2.5 | 7 | 1 | 0 |",
        "| initramfs | 1 | passed | sound, ich9-intel-hda 0000:05:00.0 | 50 | - | 100 | 9.0 (no driver) | 0 | 0 | 0 |",
    ]
