# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Which kernel printed what: a log cut where another kernel begins.

A console shows up to four kernels of one crash, one after the other: C(normal), the same one
C(crashed), C(capture), C(next). They print the same messages with different meaning.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.text import Line, lines

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NORMAL, CRASHED, CAPTURE, NEXT, FIRMWARE = "normal", "crashed", "capture", "next", "firmware"

# Sources that only ever hold the log of one kernel.
ONE_KERNEL = {
    "dmesg": CRASHED,  # the log inside the dump, and what the family's tool stored of it
    "capture_dmesg": CAPTURE,  # capture-dmesg.txt, by the reset helper
    "quiesce_dmesg": CAPTURE,  # quiesce-dmesg.txt, by the same, of the kernel before that
    "kexec_dmesg": CAPTURE,  # kexec-dmesg.log, by kdump-utils
    "readme": CAPTURE,  # README.txt, by SUSE's kdump-save
    "status": CAPTURE,  # vmcore-creation.status, by kdumpctl test
    "sel": FIRMWARE,
}

# init/version.c, linux_banner: the first line of a kernel (the second one on arm64).
_BANNER = re.compile(r"\bLinux version \d+\.\d+")
_COMMAND_LINE = re.compile(r"ommand line: (?P<arguments>.*)")
# Only what boots after a crash has one of these: the address of the dead kernel's memory (x86; on
# arm64 it is in the device tree), and what kdump-tools, kdump-utils and kdump add for drivers.
_CAPTURE_ARGUMENT = re.compile(r"(?:^|\s)(?:elfcorehdr=|reset_devices(?:\s|$)|kdump_test_id=)")
_CAPTURE_WORDS = re.compile(
    r"Kdump: vmcore not initialized|pcie_reset: (?:start|resetting=|summary )"
    r"|running makedumpfile |(?:kdump|dracut)\S*: saving (?:vmcore|to )|Saved temporary README\.txt"
)
# What crash_test writes before it triggers.
_MARK = "vmcore.kdump: crash test run_id="
# kernel/panic.c, panic(); drivers/tty/sysrq.c.
_CRASH = re.compile(
    r"Kernel panic - not syncing|[Ss]ys[Rr]q ?: (?:SysRq : )?Trigger a crash|vmcore\.kdump: crash test run_id="
)
_PANIC = re.compile(r"Kernel panic - not syncing")
# kernel/panic.c: only a kernel that has nothing to jump to waits.
_WAITS = re.compile(r"Rebooting in \d+ seconds|end Kernel panic")
# arch/arm64/kernel/machine_kexec.c (riscv and loongarch print the same)
_JUMP = re.compile(r"Starting crashdump kernel\.\.\.|^Bye!$")
_BANNER_TO_COMMAND_LINE = 60
# A clock that falls back this far, to the first seconds of a kernel, began anew.
_FALLS_BACK, _FIRST_SECONDS = 5.0, 20.0


class Segment(t.NamedTuple):
    """What one kernel printed."""

    kind: str
    source: str
    lines: tuple[Line, ...]


def segments(source: str, text: str, token: str | None = None) -> list[Segment]:
    """Return a log cut into segments, in order.

    Args:
        source: what it is: C(console), C(journal), C(pstore), or one of ONE_KERNEL.
        text: its text.
        token: a word of the capture kernel's command line that no other boot has.
    """
    all_lines = lines(text)
    if not all_lines:
        return []
    if source in ONE_KERNEL:
        return [Segment(ONE_KERNEL[source], source, tuple(all_lines))]
    found: list[Segment] = []
    for boot in _boots(all_lines):
        found.extend(_segments_of_boot(source, boot, found, token))
    return found


def last_crash(all_segments: Iterable[Segment], run_id: str | None = None) -> list[Segment]:
    """Return the segments of the last crash in a log: the kernel that crashed and what came after.

    With C(run_id), of the crash that has it in its log, if there is one; else of one that any crash
    test marked, if there is one.
    """
    found = list(all_segments)
    crashes = [index for index, segment in enumerate(found) if segment.kind == CRASHED]
    if not crashes:
        return found
    # The boot after a crash can crash, too: the test's own crash is the one that it marked.
    wanted = (run_id or _MARK, _MARK, "")
    chosen = next(
        index
        for word in wanted
        for index in reversed(crashes)
        if any(word in line.text for line in found[index].lines)
    )
    begin = chosen - 1 if chosen and found[chosen - 1].kind in (NORMAL, NEXT) else chosen
    end = next((index for index in crashes if index > chosen), len(found))
    before = [found[begin]._replace(kind=NORMAL)] if begin < chosen else []
    return [*before, *found[chosen:end]]


def _boots(all_lines: list[Line]) -> list[list[Line]]:
    """Cut where a kernel begins."""
    begins = [0]
    latest: float | None = None
    for index, line in enumerate(all_lines):
        fell_back = (
            latest is not None
            and line.time is not None
            and line.time + _FALLS_BACK < latest
            and line.time < _FIRST_SECONDS
        )
        if _is_banner(all_lines, index) or fell_back:
            # On arm64 "Booting Linux on physical CPU" comes first, with the time 0.
            if index and not (begins[-1] == index - 1 and line.time == all_lines[index - 1].time):
                begins.append(index)
            latest = None
        if line.time is not None:
            latest = max(latest or 0.0, line.time)
    return [all_lines[begin:end] for begin, end in zip(begins, [*begins[1:], len(all_lines)])]


def _is_banner(all_lines: list[Line], index: int) -> bool:
    """Whether a kernel begins here, and not somebody prints /proc/version."""
    line = all_lines[index]
    if not _BANNER.search(line.text):
        return False
    if line.time is not None:
        return line.time < 1
    if "kernel: Linux version" in line.text:
        return True
    following = all_lines[index : index + _BANNER_TO_COMMAND_LINE]
    return any(_COMMAND_LINE.search(near.text) for near in following)


def _segments_of_boot(
    source: str, boot: list[Line], before: list[Segment], token: str | None
) -> t.Iterator[Segment]:
    if _is_capture(boot, before, token):
        yield Segment(CAPTURE, source, tuple(boot))
        return
    kind = NEXT if before else NORMAL
    crash = next((index for index, line in enumerate(boot) if _CRASH.search(line.text)), None)
    if crash is None:
        yield Segment(kind, source, tuple(boot))
        return
    if crash:
        yield Segment(kind, source, tuple(boot[:crash]))
    yield Segment(CRASHED, source, tuple(boot[crash:]))


def _is_capture(boot: list[Line], before: list[Segment], token: str | None) -> bool:
    arguments = [
        match["arguments"]
        for line in boot
        if (match := _COMMAND_LINE.search(line.text)) is not None
    ]
    if any(
        _CAPTURE_ARGUMENT.search(given) or (token and token in given.split()) for given in arguments
    ):
        return True
    jumped = bool(before) and any(_JUMP.search(line.text) for line in before[-1].lines[-20:])
    if jumped and before[-1].kind == CRASHED:
        return True
    # The command line is lost, or is not printed with "quiet" on arm64: what only it does.
    crashed = next((i for i, line in enumerate(boot) if _PANIC.search(line.text)), len(boot))
    return not arguments and any(_CAPTURE_WORDS.search(line.text) for line in boot[:crashed])


def waits_after_panic(segment: Segment) -> bool:
    """Whether a kernel waited for its reboot after its panic: it had no capture kernel to jump to."""
    return any(_WAITS.search(line.text) for line in segment.lines)


def command_line(segment: Segment) -> Mapping[str, str]:
    """The arguments of a segment's kernel, empty when it does not show them."""
    for line in segment.lines:
        match = _COMMAND_LINE.search(line.text)
        if match:
            words = [word.partition("=") for word in match["arguments"].split()]
            return {name: value for name, _equals, value in words}
    return {}


__all__ = (
    "CAPTURE", "CRASHED", "FIRMWARE", "NEXT", "NORMAL", "ONE_KERNEL", "Segment", "command_line",
    "last_crash", "segments", "waits_after_panic",
)  # fmt: skip
