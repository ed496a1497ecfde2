# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from lab.trace import Event, read_events


def serial(time: str, register: int, value: int) -> str:
    return f"4242@{time}:serial_write write addr 0x{register:02x} val 0x{value:02x}\n"


def printed(time: str, text: str) -> list[str]:
    return [serial(time, 0, byte) for byte in text.encode()]


def test_what_the_guest_prints_is_on_the_same_time_line_as_what_devices_do() -> None:
    log = [
        *printed("100.000001", "Kernel panic"),
        "4242@100.000002:vtd_dmar_translate dev 01:00.00 iova 0xfff00000 -> gpa 0x1000 mask 0xfff\n",
        *printed("100.000003", "\r\n"),
        *printed("100.000004", "next\n"),
    ]
    assert list(read_events(log)) == [
        Event(
            100.000002,
            "vtd_dmar_translate",
            "dev 01:00.00 iova 0xfff00000 -> gpa 0x1000 mask 0xfff",
        ),
        Event(100.000003, "console", "Kernel panic"),
        Event(100.000004, "console", "next"),
    ]


def test_another_qemu_writes_dates_and_an_arm_machine_has_another_serial_port() -> None:
    log = [
        "2026-11-28T20:43:58.171273Z amdvi_translation_result devid: 05:00.0 gpa 0xf hpa 0x2a00000\n",
        "2026-11-28T20:43:58.500000Z serial_write [0x00] <- 0x61\n",
        "2026-11-28T20:43:59.000000Z serial_write [0x00] <- 0x0a\n",
        "2026-11-28T20:44:00.000000Z pl011_write addr 0x000 value 0x00000062 reg DR\n",
        "2026-11-28T20:44:00.250000Z pl011_write addr 0x000 value 0x0000000a reg DR\n",
    ]
    assert list(read_events(log)) == [
        Event(
            1795898638.171273,
            "amdvi_translation_result",
            "devid: 05:00.0 gpa 0xf hpa 0x2a00000",
        ),
        Event(1795898639.0, "console", "a"),
        Event(1795898640.25, "console", "b"),
    ]


def test_a_speed_is_not_text() -> None:
    log = [
        serial("1.0", 3, 0x93),  # Line Control: divisor latch
        serial("1.0", 0, 0x0C),  # the divisor
        serial("1.0", 3, 0x13),
        serial("1.0", 1, 0x41),  # Interrupt Enable
        *printed("1.0", "a\n"),
    ]
    assert list(read_events(log)) == [Event(1.0, "console", "a")]


def test_lines_that_are_no_events_are_left_out() -> None:
    assert list(read_events(["qemu-system-x86_64: warning: something\n", "\n"])) == []
