# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from lab.errors import LabError
from lab.experiment import Outcome
from lab.experiments.effect import EXPERIMENT, IOMMUS, Crash, Device, Effect, judge, measure, rows
from lab.trace import Event

VTD = IOMMUS["intel-iommu"]

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
    nic, sound = measure(WITHOUT, [NIC, SOUND], VTD)
    assert (nic.until_helper, nic.until_driver, nic.after) == (1, 2, 1)
    assert (nic.window, nic.resets, nic.refused_until_driver) == (3.0, 0, 1)
    assert (sound.until_helper, sound.until_driver, sound.after, sound.driver) == (1, 1, 0, None)


def test_the_helper_ends_the_first_window_and_its_reset_is_seen_at_the_port() -> None:
    helper = [
        console(9.5, "[   14.000000] pcie_reset: resetting=0000:00:04.0 uptime=14.00"),
        config(9.6, "00:04.0", 0x3E, 0x42),
        config(9.7, "00:04.0", 0x3E, 0x02),
        console(10.5, "[   15.000000] pcie_reset: summary planned=1 reset=1"),
    ]
    nic, _sound = measure(sorted(WITHOUT + helper), [NIC, SOUND], VTD)
    assert (nic.until_helper, nic.until_driver, nic.after) == (2, 1, 1)
    assert (nic.window, nic.resets) == (1.5, 1)


@pytest.mark.parametrize(
    "events",
    [[], WITHOUT[1:6], [event for event in WITHOUT if "Run /init" not in event.text]],
    ids=["nothing", "the capture kernel dies", "no /init"],
)
def test_a_crash_without_a_capture_kernel_is_no_measurement(events: list[Event]) -> None:
    with pytest.raises(LabError, match="no capture kernel that came to /init"):
        measure(events, [NIC], VTD)


def test_another_wording_is_not_taken_for_silence() -> None:
    with pytest.raises(LabError, match="in other words"):
        measure([*WITHOUT[:7], Event(10.0, "vtd_dmar_translate", "device 3:0.0")], [NIC], VTD)


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
    nic, sound = measure(events, [NIC, SOUND], VTD)
    assert (nic.until_helper, nic.until_iommu, nic.until_driver, nic.after) == (1, 0, 0, 1)
    assert (nic.driver, nic.window, nic.resets) == (18.0, 7.5, 1)
    assert (sound.until_iommu, sound.until_driver) == (1, 2)


def test_iommu_that_came_before_the_reset_has_no_window() -> None:
    iommu = console(5.0, "[    3.767817] DMAR: Translation already enabled - trying to copy")
    assert [effect.until_iommu for effect in measure(sorted([*WITHOUT, iommu]), [NIC], VTD)] == [
        None
    ]


# What each IOMMU's events look like when a function, 03:00.0, reads and is refused.
EVENTS = {
    "intel-iommu": (
        [Event(10.0, "vtd_dmar_translate", "dev 03:00.00 iova 0xfff -> gpa 0x1000 mask 0xfff")],
        [Event(10.0, "vtd_dmar_fault", "sid 0x300 fault 6 addr 0xfff write 1")],
    ),
    "amd-iommu": (
        [Event(10.0, "amdvi_translation_result", "devid: 03:00.0 gpa 0xfff000 hpa 0x1000")],
        [Event(10.0, "amdvi_translation_result", "devid: 03:00.0 gpa 0xfff000 hpa 0x0")],
    ),
    "smmuv3": (
        [
            Event(10.0, "smmuv3_find_ste", "sid=0x300 features:0x3, sid_split:0x8"),
            config(10.0, "00:04.0", 0x4, 0x6),
            Event(10.0, "smmuv3_get_ste", "STE addr: 0x4a000000"),
            Event(
                10.0, "smmuv3_translate_success", "smmuv3-3 sid=0x300 iova=0xfff translated=0x1000 perm=0x1 stage=1"
            ),
        ],
        [Event(10.0, "smmuv3_find_ste", "sid=0x300 features:0x3, sid_split:0x8")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", IOMMUS)
def test_an_access_and_one_that_was_refused_are_told_apart(name: str) -> None:
    rest = [event for event in WITHOUT if event.name in ("console", "pci_cfg_write")]
    done, refused = EVENTS[name]
    (nic,) = measure(sorted([*rest, *done]), [NIC], IOMMUS[name])
    assert (nic.until_driver, nic.refused_until_driver) == (1, 0)
    (nic,) = measure(sorted([*rest, *refused, *refused]), [NIC], IOMMUS[name])
    assert (nic.until_driver, nic.refused_until_driver) == (0, 2)


def test_a_stream_whose_table_entry_aborts_is_refused() -> None:
    abort = Event(10.0, "smmuv3_translate_abort", "smmuv3-3 sid=0x300 abort on iova:0xf is_write=1")
    rest = [event for event in WITHOUT if event.name == "console"]
    (nic,) = measure(sorted([*rest, *EVENTS["smmuv3"][0][:3], abort]), [NIC], IOMMUS["smmuv3"])
    assert (nic.until_driver, nic.refused_until_driver) == (0, 1)


def crash(helper: bool, until_driver: int, *, refused: int = 0) -> Crash:
    effects = [
        Effect(NIC, 5, until_driver, 7, 1.0, 2.5, None, int(helper), 0, refused),
        Effect(SOUND, 50, 100, 0, None, 9.0),
    ]
    return Crash("initramfs" if helper else "none", 1, "passed", "run", effects)


@pytest.mark.parametrize(
    ("without", "with_helper", "complaint"),
    [
        (crash(False, 3), crash(True, 0), None),
        (crash(False, 0, refused=9), crash(True, 0), None),
        (crash(False, 3), crash(True, 1), "not silent after the reset"),
        (crash(False, 3), crash(True, 0, refused=1), "not silent after the reset"),
        (crash(False, 0), crash(True, 0), "silent without it, too"),
    ],
    ids=["silent", "aborts end", "not silent", "aborts go on", "nothing to silence"],
)
def test_the_verdict_is_on_the_devices_that_were_reset(
    without: Crash, with_helper: Crash, complaint: str | None
) -> None:
    outcome = judge(
        {"vtd-none": Outcome(data=[without]), "vtd-initramfs": Outcome(data=[with_helper])}
    )
    assert "(nic)" in outcome.notes[0]
    assert "sound" not in outcome.notes[0]
    assert [complaint in text for text in outcome.wrong if complaint] == [True] * bool(complaint)


def test_a_stage_that_was_not_tried_is_not_judged() -> None:
    assert judge({"vtd-none": Outcome(data=[crash(False, 3)])}).wrong == []
    assert judge({"amdvi-initramfs": Outcome(data=[crash(True, 0)])}).wrong == []


def test_each_iommu_is_judged_by_its_own_crashes() -> None:
    outcome = judge(
        {
            "vtd-none": Outcome(data=[crash(False, 3)]),
            "vtd-initramfs": Outcome(data=[crash(True, 0)]),
            "amdvi-none": Outcome(data=[crash(False, 0)]),
            "amdvi-initramfs": Outcome(data=[crash(True, 0)]),
        }
    )
    assert outcome.wrong == ["amdvi: the devices were silent without it, too."]


def test_a_crash_has_a_row_a_device_or_says_that_it_came_to_no_capture_kernel() -> None:
    dead = Crash("none", 2, "failed", "run", [], "The host came back without a new dump.")
    made = [*rows(crash(True, 0)), *rows(dead)]
    assert {len(row) for row in made} == {len(EXPERIMENT.columns)}
    assert [" | ".join(map(str, row)) for row in made] == [
        "1 | passed | nic, e1000e 0000:03:00.0 | 5 | - | 0 | 2.5 | 7 | 1 | 0 | 0 | 0",
        "1 | passed | sound, ich9-intel-hda 0000:05:00.0 | 50 | - | 100 | 9.0 (no driver) | 0 | 0 | 0 | 0 | 0",
        "2 | failed | no capture kernel | - | - | - | - | - | - | - | - | -",
    ]


NVME = Device("nvme", "nvme", "0000:04:00.0", "0000:00:05.0")


@pytest.mark.parametrize(
    ("time", "offset", "value", "resets"),
    [
        (9.2, 0x88, 0xA910, 1),
        (9.2, 0x88, 0x2910, 0),  # Device Control, and no FLR
        (9.2, 0x80, 0x8000, 0),  # another register
        (10.5, 0x88, 0xA910, 0),  # the driver's own, after the helper
    ],
)
def test_a_function_level_reset_of_the_helper_is_seen_at_the_function(
    time: float, offset: int, value: int, resets: int
) -> None:
    events = [
        console(1.0, "Kernel panic - not syncing: sysrq triggered crash"),
        console(3.0, "Linux version 6.12.107+deb13-amd64"),
        console(9.0, "Run /init as init process"),
        config(time, "04:00.0", offset, value),
        console(10.0, "pcie_reset: summary planned=1 reset=1"),
        console(20.0, "reboot: Restarting system"),
    ]
    events.sort(key=lambda event: event.time)
    (nvme,) = measure(events, [NVME], VTD)
    assert nvme.resets == resets


def test_functions_are_measured_without_a_reset_and_with_flr() -> None:
    assert {"functions-none", "functions-flr"} <= set(EXPERIMENT.cases)
