# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.boots import read_log
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.segments import (
    ONE_KERNEL,
    Segment,
    command_line,
    last_crash,
    segments_of,
    segments_of_record,
    waits_after_panic,
)
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._evidence.consoles import (
    console,
)

BANNER = "[    0.000000] Linux version 6.12.107+deb13-amd64 (debian-kernel@lists.debian.org)"
CRASH = "[  216.460420] Kernel panic - not syncing: sysrq triggered crash"
CAPTURE = "[    0.000000] Command line: elfcorehdr=0x2f000000 root=/dev/vda ro console=ttyS0"
NORMAL = "[    0.000000] Command line: root=/dev/vda ro console=ttyS0 crashkernel=256M"


def segments(source: str, text: str, token: str | None = None) -> list[Segment]:
    return segments_of(read_log(source, text), token)


def kinds(*messages: str, source: str = "console", token: str | None = None) -> list[str]:
    """The kinds of segments of a log."""
    return [found.kind for found in segments(source, "\r\n".join(messages), token)]


@pytest.mark.parametrize("name", ["good", "helper", "oom", "image-truncated", "timer-panic"])
def test_a_crash_in_the_lab(name: str) -> None:
    text = console(name)
    found = [segment.kind for segment in segments("console", text)]
    # The console of one test was collected until the capture kernel had ended, and no longer.
    assert found == ["crashed", "capture", "next"][: 2 if name == "helper" else 3]


def test_all_four_kernels() -> None:
    assert kinds(BANNER, NORMAL, "[  1.000000] a", CRASH, BANNER, CAPTURE, BANNER, NORMAL) == [
        "normal", "crashed", "capture", "next",
    ]  # fmt: skip


def test_the_banner_of_the_capture_kernel_was_lost() -> None:
    # Its clock began anew.
    assert kinds(BANNER, NORMAL, "[  90.000000] a", CRASH, CAPTURE, "[    4.100000] b") == [
        "normal", "crashed", "capture",
    ]  # fmt: skip


def test_its_command_line_was_lost() -> None:
    said = "[   41.575309] kdump-tools[311]: running makedumpfile -F -c -d 31 /proc/vmcore | compress > /x"
    assert kinds(CRASH, BANNER, said, BANNER, NORMAL) == ["crashed", "capture", "next"]


def test_arm64_hands_the_address_over_in_the_device_tree() -> None:
    jump = "[  216.500000] Starting crashdump kernel..."
    plain = "[    0.000000] Kernel command line: root=/dev/vda ro console=ttyAMA0"
    first = "[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x411fd070]"
    assert kinds(CRASH, jump, "[  216.600000] Bye!", first, BANNER, plain) == ["crashed", "capture"]
    reset = "[    0.000000] Kernel command line: root=/dev/vda irqpoll nr_cpus=1 reset_devices"
    assert kinds(CRASH, first, BANNER, reset) == ["crashed", "capture"]


def test_a_word_of_the_operator_tells_the_capture_kernel() -> None:
    marked = "[    0.000000] Kernel command line: root=/dev/vda vmcore_kdump=1f0e"
    assert kinds(CRASH, BANNER, marked, token="vmcore_kdump=1f0e") == ["crashed", "capture"]
    assert kinds(CRASH, BANNER, marked, "db01 login:") == ["crashed", "next"]


def test_after_a_panic_without_a_capture_kernel_comes_the_next_boot() -> None:
    found = segments("console", f"{CRASH}\n[  216.9] Rebooting in 10 seconds..\n{BANNER}\n{NORMAL}")
    assert [segment.kind for segment in found] == ["crashed", "next"]
    assert waits_after_panic(found[0])


def test_a_boot_right_after_a_panic_is_known_by_its_order() -> None:
    # Its command line was cut, lost or is that of a kernel that firmware started: s390x, fadump.
    plain = "[    0.000000] Kernel command line: root=/dev/dasda1 nr_cpus=1"
    assert kinds(CRASH, BANNER, plain, "[    1.000000] a") == ["crashed", "capture"]
    assert kinds(CRASH, BANNER) == ["crashed", "capture"]
    # It got to a login, or its command line has what is taken off that of a capture kernel.
    assert kinds(CRASH, BANNER, plain, "db01 login: ") == ["crashed", "next"]
    assert kinds(CRASH, BANNER, NORMAL) == ["crashed", "next"]
    # Firmware or a boot loader ran before it, or nobody panicked.
    assert kinds(CRASH, "SeaBIOS (version 1.16.2)", BANNER, plain) == ["crashed", "next"]
    assert kinds(CRASH, "[  217.0] Rebooting in 10 seconds..", BANNER, plain) == ["crashed", "next"]
    assert kinds(BANNER, NORMAL, "[  90.000000] a", BANNER, plain) == ["normal", "next"]


def test_firmware_assisted_dump() -> None:
    active = "[    0.000000] fadump: Firmware-assisted dump is active."
    line = "[    0.000000] Kernel command line: root=/dev/sda3 fadump=on crashkernel=512M"
    assert kinds(CRASH, BANNER, active, line, "db01 login: ") == ["crashed", "capture"]


def test_dmesg_in_the_shell_of_the_capture_kernel_is_no_boot() -> None:
    said = ["[    0.050000] Memory: 1K", "[   90.000000] a"]
    shown = [BANNER, CAPTURE, *said]
    (crashed, capture) = segments(
        "console", "\n".join([CRASH, *shown, "kdump:/# dmesg", *shown, "kdump:/#"])
    )
    assert (crashed.kind, capture.kind) == ("crashed", "capture")
    assert [message.text for message in capture.messages][2:] == [
        "Memory: 1K",
        "a",
        "kdump:/# dmesg",
        "kdump:/#",
    ]


def test_an_oops_that_nothing_follows_is_a_crash() -> None:
    oops = [
        "[  90.000000] BUG: unable to handle page fault for address: 1",
        "[  90.100000] RIP: 0010:a+0x1/0x2",
    ]
    assert kinds(BANNER, NORMAL, *oops, BANNER, CAPTURE) == ["normal", "crashed", "capture"]
    assert kinds(BANNER, NORMAL, *oops, *(f"[  91.{n:06}] a" for n in range(100))) == ["normal"]


def test_a_panic_of_the_capture_kernel_is_not_our_crash() -> None:
    panic = "[    0.036000] Kernel panic - not syncing: timer doesn't work"
    assert kinds(CRASH, BANNER, CAPTURE, panic, BANNER, NORMAL) == ["crashed", "capture", "next"]


def test_somebody_who_prints_the_version_is_no_kernel() -> None:
    shown = "Linux version 6.12.107+deb13-amd64 (debian-kernel@lists.debian.org)"
    assert kinds(BANNER, NORMAL, "[   60.000000] a", shown, "[   61.000000] b") == ["normal"]


def test_messages_that_overtake_each_other_are_of_one_kernel() -> None:
    assert kinds(BANNER, NORMAL, "[   60.000000] a", "[   59.900000] b") == ["normal"]


def test_a_journal_has_banners_without_stamps() -> None:
    banner = "Nov 22 12:43:15 db01 kernel: Linux version 6.12.107+deb13-amd64"
    line = "Nov 22 12:43:15 db01 kernel: Command line: {}root=/dev/vda"
    crash = "Nov 22 12:44:00 db01 kernel: sysrq: Trigger a crash"
    assert kinds(
        banner, line.format(""), crash, banner, line.format("elfcorehdr=0x2f000000 "), banner, line.format(""),
        source="journal",
    ) == ["normal", "crashed", "capture", "next"]  # fmt: skip


@pytest.mark.parametrize("source", sorted(ONE_KERNEL))
def test_a_file_of_one_kernel_is_one_segment(source: str) -> None:
    assert kinds(BANNER, CAPTURE, "a", source=source) == [ONE_KERNEL[source]]


def test_a_crash_record_of_the_capture_kernel_is_known_by_its_command_line() -> None:
    assert kinds("Panic#1 Part1", "<6>" + CAPTURE, "<0>" + CRASH, source="pstore") == ["capture"]


DIED = "<0>[{}] Kernel panic - not syncing: Fatal exception in interrupt"


def owner(line: str, died: str = "    9.100000", run_id: str | None = None) -> str:
    """Whose a crash record is."""
    record = read_log("pstore", f"{line}\n{DIED.format(died)}\n")
    return segments_of_record(record, run_id=run_id)[-1].kind


@pytest.mark.parametrize(
    ("line", "died"),
    [
        ("<6>[    8.000000] vmcore.kdump: crash test run_id=1f0e host=db01", "    9.100000"),
        ("<6>[    8.000000] sysrq: Trigger a crash", "    9.100000"),
        ("<6>[    0.000000] Command line: root=/dev/vda ro crashkernel=256M", "    9.100000"),
        # No capture kernel runs for a day.
        ("<6>[90000.000000] eth0: link is down", "90000.100000"),
    ],
)
def test_a_crash_record_of_the_crashed_kernel_is_told_by_what_only_it_says(
    line: str, died: str
) -> None:
    assert owner(line, died) == "crashed"
    assert owner(line, died, run_id="1f0e") == "crashed"


def test_a_crash_record_without_the_mark_of_the_test_is_the_capture_kernels() -> None:
    assert owner("<6>[    8.000000] eth0: link is down", run_id="1f0e") == "capture"


def test_what_the_capture_kernel_said_before_it_panicked_is_its_own() -> None:
    record = read_log(
        "pstore", f"<3>[    8.000000] nvme0: timeout\n{DIED.format('    9.100000')}\n"
    )
    (segment,) = segments_of_record(record, run_id="1f0e")
    assert segment.messages[0].text == "nvme0: timeout"


def test_whose_a_crash_record_is_may_not_be_known() -> None:
    assert owner("<6>[    8.000000] eth0: link is down") == "unknown"


def test_nothing_is_no_segment() -> None:
    assert segments("console", " \r\n\x00") == []


def test_the_last_crash_counts() -> None:
    log = [
        BANNER,
        NORMAL,
        "first",
        CRASH,
        BANNER,
        CAPTURE,
        BANNER,
        NORMAL,
        "second",
        CRASH,
        BANNER,
        CAPTURE,
    ]
    found = last_crash(segments("console", "\n".join(log)))
    assert [segment.kind for segment in found] == ["normal", "crashed", "capture"]
    assert found[0].messages[-1].text == "second"


def test_the_crash_with_the_run_id_counts() -> None:
    ours = "[  200.000000] vmcore.kdump: crash test run_id=1f0e host=db01"
    log = [BANNER, NORMAL, "first", ours, CRASH, BANNER, CAPTURE, BANNER, NORMAL, "second", CRASH]
    found = last_crash(segments("console", "\n".join(log)), "1f0e")
    assert [segment.kind for segment in found] == ["normal", "crashed", "capture", "next"]
    assert found[0].messages[-1].text == "first"


def test_a_crash_of_the_next_boot_is_another_one() -> None:
    # As it went in the lab: the next boot panicked by itself.
    text = console("makedumpfile-fails")
    whole = segments("console", text)
    assert [segment.kind for segment in whole] == ["crashed", "capture", "next", "crashed"]
    assert last_crash(whole) == whole[:3]


def test_arguments_of_a_kernel() -> None:
    (found,) = segments("capture_dmesg", f"{BANNER}\n{CAPTURE}")
    assert command_line(found)["root"] == "/dev/vda"
    assert command_line(Segment("capture", "console", 0, (), (), {})) == {}


PARTS = st.sampled_from(
    [BANNER, CRASH, CAPTURE, NORMAL, "[   60.000000] a", "\x1b[0m", "", "[    1.000000] b", "\x00"]
)


@given(st.lists(PARTS, max_size=30))
def test_no_message_is_lost_or_doubled(parts: list[str]) -> None:
    text = "\n".join(parts)
    found = segments("console", text)
    numbers = [message.number for segment in found for message in segment.messages]
    assert numbers == sorted(numbers)
    (whole,) = segments("sel", text) or [Segment("firmware", "sel", 0, (), (), {})]
    assert [message for segment in found for message in segment.messages] == list(whole.messages)
    assert last_crash(found) == last_crash(last_crash(found))
