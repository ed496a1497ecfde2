# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import tracemalloc
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.stages import STAGES
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.classify import classify
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.console import ConsoleReader
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.stages import RECORDED
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._evidence.consoles import (
    CONSOLES,
    raw_console,
)

PANIC = "[  216.460420] Kernel panic - not syncing: sysrq triggered crash\n"
BANNER = "[    0.000000] Linux version 6.12.107+deb13-amd64\n"
CAPTURE = (
    BANNER + "[    0.000000] Command line: root=/dev/vda reset_devices elfcorehdr=0x2f000000\n"
)
NEXT = BANNER + "[    0.000000] Command line: root=/dev/vda crashkernel=256M\n"
RESET = (
    "[    9.100000] pcie_reset: summary planned=1 reset=1 left=0 failed=0 timeout=0 seconds=1.05\n"
)

# What each tool says on the console when it begins and when it has saved the dump.
SAVED = {
    "kdump-tools": (
        "[   41.575309] kdump-tools[311]: running makedumpfile -F -c -d 31 /proc/vmcore | compress > /var/crash/1/x.\n",
        "[   44.575309] kdump-tools[311]: kdump-tools: saved vmcore in /var/crash/202611221255.\n",
    ),
    "kdump-tools over SSH": (
        "[   41.575309] kdump-tools[311]: sending makedumpfile -c -d 31 /proc/vmcore to root@dumps : /srv/1/x.\n",
        "[   44.575309] kdump-tools[311]: kdump-tools: saved vmcore in root@dumps:/srv/db01-202611221255.\n",
    ),
    "kdump-tools over NFS": (
        (
            "[   40.575309] kdump-tools[311]: Mounting NFS mountpoint dumps:/srv ....\n"
            "[   41.575309] kdump-tools[311]: Dumping to NFS mountpoint dumps:/srv/202611221255.\n"
            "[   41.675309] kdump-tools[311]: running makedumpfile -c -d 31 /proc/vmcore | compress > /var/crash/1/x.\n"
        ),
        "[   44.575309] kdump-tools[311]: kdump-tools: saved vmcore in /var/crash/db01-202611221255.\n",
    ),
    "kdump-tools over FTP": (
        "[   41.575309] kdump-tools[311]: sending makedumpfile -c -d 31 /proc/vmcore via FTP to dumps:/db01-1.\n",
        "[   44.575309] kdump-tools[311]: kdump-tools: saved vmcore via FTP in dumps:/db01-202611221255.\n",
    ),
    "kdump-utils": (
        (
            "[   12.100000] kdump[666]: saving to /kdumproot/var/crash/127.0.0.1-2026-11-22-12:55:12/\n"
            "[   13.100000] kdump[680]: saving vmcore\n"
        ),
        "[   44.575309] kdump[690]: saving vmcore complete\n",
    ),
    "SUSE": (
        "Saved temporary README.txt\nSaved dmesg\n",
        "Saved vmcore\nSaved final README.txt\n",
    ),
    "SUSE by its journal": (
        "[   12.100000] kdump-save[411]: Saved temporary README.txt\n[   13.100000] kdump-save[411]: Saved dmesg\n",
        "[   44.575309] kdump-save[411]: Saved vmcore\n",
    ),
}


def watched(*parts: str) -> ConsoleReader:
    reader = ConsoleReader()
    for part in parts:
        reader.feed(part.encode())
    return reader


def judged(reader: ConsoleReader) -> str | None:
    """The stage of the record that the judgement says of the same console."""
    stage = classify([reader.finish()], {})["stage"]
    return t.cast(str, stage["recorded_as"]) if stage else None


def test_the_stages_are_those_of_a_record() -> None:
    assert RECORDED == STAGES


@pytest.mark.parametrize("end", ["", "\x1b[0m"], ids=["plain", "a terminal's attributes"])
@pytest.mark.parametrize("tool", SAVED)
def test_each_tool_is_watched_as_it_is_judged(tool: str, end: str) -> None:
    started, complete = (part.replace("\n", f"{end}\r\n") for part in SAVED[tool])
    reader = watched(PANIC, CAPTURE, RESET)
    assert reader.stage == "reset done"
    reader.feed(started.encode())
    assert reader.stage == "dump started"
    reader.feed(complete.encode())
    assert reader.stage == "dump complete"
    assert judged(reader) == "dump complete"
    reader.feed(NEXT.encode())
    assert reader.stage == "normal kernel"
    assert judged(reader) == "normal kernel"


def test_a_stage_is_reached_when_its_line_ends() -> None:
    reader = watched()
    seen = []
    for byte in (PANIC + CAPTURE + RESET).encode():
        reader.feed(bytes([byte]))
        if reader.stage not in seen:
            seen.append(reader.stage)
    assert seen == [None, "panicked", "capture kernel", "reset done"]


def test_the_first_of_two_capture_kernels_is_followed_by_no_normal_kernel() -> None:
    # The quiesce stage: between the banner and the command line nobody knows which kernel it is.
    reader = watched(PANIC, CAPTURE, BANNER)
    assert reader.stage == "capture kernel"
    reader.feed(b"[    0.000000] Command line: root=/dev/vda elfcorehdr=0x2f000000\n")
    assert reader.stage == "capture kernel"


def test_a_boot_that_follows_a_panic_at_once_is_no_capture_kernel() -> None:
    assert watched(PANIC, NEXT).stage == "panicked"
    assert watched(BANNER).stage is None


def test_the_last_line_is_what_a_person_would_read() -> None:
    reader = watched(
        "\x1b[2J\x1b[01;01HGRUB\r\n[\x1b[0;32m  OK  \x1b[0m] Started \x1b[0;1;39mtwo\x1b[0m.\r\n"
    )
    assert reader.last_line == "[  OK  ] Started two."
    reader.feed(b"\x1b[0m\r\n\r\n")
    assert reader.last_line == "[  OK  ] Started two."
    reader.feed(b"[   12.100000] db01 lo")
    assert reader.last_line == "db01 lo"
    reader.feed(b"gin: \x1b[")
    assert reader.last_line.startswith("db01 login:")
    reader.feed(b"0mCopying data : [ 1.0 %]\rCopying data : [ 2.0 %]")
    assert reader.last_line == "Copying data : [ 2.0 %]"
    assert watched("").last_line == ""


def test_the_test_that_is_watched_counts() -> None:
    mark = "[  200.000000] vmcore.kdump: crash test run_id={} host=db01\n"
    reader = ConsoleReader(run_id="1f0e")
    # The end of an earlier test is still on the console.
    reader.feed((mark.format("0a0b") + PANIC + CAPTURE + NEXT).encode())
    assert reader.stage == "normal kernel"
    reader.feed((mark.format("1f0e") + PANIC).encode())
    assert reader.stage == "panicked"
    # The boot that follows may crash by itself.
    reader.feed((CAPTURE + NEXT + PANIC).encode())
    assert reader.stage == "normal kernel"


@pytest.mark.parametrize("name", CONSOLES)
def test_pieces_of_any_size_are_the_same_console(name: str) -> None:
    raw = raw_console(name)
    whole = ConsoleReader()
    whole.feed(raw)
    expected = classify([whole.finish()], {})
    for size in (1, 7, 64, 1000):
        reader = ConsoleReader()
        for begin in range(0, len(raw), size):
            reader.feed(raw[begin : begin + size])
        assert classify([reader.finish()], {}) == expected


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.one_of(st.binary(max_size=60), st.sampled_from([PANIC.encode(), CAPTURE.encode()])),
        max_size=30,
    )
)
def test_any_bytes_are_read(pieces: list[bytes]) -> None:
    reader = ConsoleReader()
    reached = 0
    for piece in pieces:
        reader.feed(piece)
        stage = reader.stage
        assert "\x1b" not in reader.last_line
        now = STAGES.index(stage) + 1 if stage else 0
        assert now >= reached
        reached = now
    classify([reader.finish()], {})


def storm(lines: int) -> bytes:
    """What a device prints that goes on."""
    line = "[{:12.6f}] DMAR: [DMA Read NO_PASID] Request device [3b:00.0] fault addr {:#x} [fault reason 0x06]\n"
    return "".join(line.format(3 + n / 1000, 0xDF7E5000 + n * 4096) for n in range(lines)).encode()


HOSTILE = {
    "a storm": lambda: storm(1_000),
    "no line ends": lambda: b"x" * 300_000,
    "a progress display": lambda: b"".join(
        b"Copying data : [%5.1f %%]\r" % (n / 100) for n in range(2_000)
    ),
    "reboots": lambda: NEXT.encode() * 500 + CAPTURE.encode() * 500,
    "escapes without an end": lambda: b"\x1b[" + b"1;" * 100_000,
    "crashes": lambda: (PANIC + BANNER).encode() * 500,
    "banners that somebody prints": lambda: b"Linux version 6.12\n" * 2_000,
    "numbers": lambda: b"".join(
        b"%d %x %s\n" % (n, n * 7919, (chr(97 + n % 26) * (n % 97)).encode()) for n in range(2_000)
    ),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_memory_is_bounded_whatever_a_console_says(what: str) -> None:
    reader = ConsoleReader()
    piece = HOSTILE[what]()
    reader.feed(piece)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _time in range(3):
        reader.feed(piece)
        assert reader.stage in (None, *STAGES)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    # What is kept of the last messages may be longer than what it replaced.
    assert grown < 1 << 20
