# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Which kernel printed what.

A console shows up to four kernels of one crash, one after the other: C(normal), the same one
C(crashed), C(capture), C(next). They print the same messages with different meaning.
"""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.boots import (
    CAPTURE_ARGUMENT,
    FADUMP,
    JUMP,
    LOGIN,
    MARK,
    NOTHING,
    OOPS,
    PANIC,
    RESTART,
    SYSRQ,
    WAITS,
    Boot,
    Found,
    LogReader,
    Part,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.registry import traces

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.messages import Message

NORMAL, CRASHED, CAPTURE, NEXT, FIRMWARE = "normal", "crashed", "capture", "next", "firmware"
# A kernel that died, of which nobody can tell whether it was the crashed one or the capture kernel.
UNKNOWN = "unknown"

# Sources that only ever hold the log of one kernel.
ONE_KERNEL = {
    "dmesg": CRASHED,  # the log inside the dump, and what the family's tool stored of it
    "capture_dmesg": CAPTURE,  # capture-dmesg.txt, by the reset helper
    "quiesce_dmesg": CAPTURE,  # quiesce-dmesg.txt, by the same, of the kernel before that
    # What the families' tools store beside the dump.
    **{file.log: CAPTURE for each in traces() for file in each.side_files},
    "sel": FIRMWARE,
}

# Where the lines of a pattern count: P, C and A of the table.
_PLACES = {
    NORMAL: "P",
    CRASHED: "P",
    CAPTURE: "C",
    NEXT: "",  # the next boot knows nothing of the crash, except what firmware kept for it
    FIRMWARE: "A",
    UNKNOWN: "",
}
_JUMP_TO_END = 20
# No capture kernel runs as long, whatever it dumps.
_NO_CAPTURE_SECONDS = 86_400


class Segment(t.NamedTuple):
    """What one kernel printed: the first messages, the last ones, and how many there were."""

    kind: str
    source: str
    total: int
    first: tuple[Message, ...]
    last: tuple[Message, ...]
    found: Mapping[tuple[str, str], Found]
    command_lines: tuple[str, ...] = ()
    by_order: bool = False  # a capture kernel that is only known by what came before it

    @property
    def messages(self) -> tuple[Message, ...]:
        """What is kept."""
        return (*self.first, *self.last)

    @property
    def left_out(self) -> int:
        """How many messages were between the first and the last ones."""
        return self.total - len(self.first) - len(self.last)

    def sign(self, code: str) -> Found:
        """The lines of a sign."""
        return self.found.get(("", code), NOTHING)

    def milestone(self, stage: str) -> Found:
        """The lines that prove a stage."""
        return self.found.get((_PLACES[self.kind], stage), NOTHING)

    def patterns(self) -> dict[str, Found]:
        """The lines that mean something in this kernel, by pattern."""
        place = _PLACES[self.kind]
        return {
            code: found for (where, code), found in self.found.items() if where == place and place
        }


def segments_of(log: LogReader, token: str | None = None) -> list[Segment]:
    """Return the segments of a log, in order.

    Args:
        log: what was read of it so far.
        token: a word of the capture kernel's command line that no other boot has.
    """
    if log.is_empty:
        return []
    if log.source in ONE_KERNEL:
        whole = log.boots[0].whole
        for boot in log.boots[1:]:
            whole = whole.joined(boot.whole)
        arguments = [line for boot in log.boots for line in boot.command_lines]
        return [_segment(ONE_KERNEL[log.source], log.source, whole, arguments)]
    found: list[Segment] = []
    for boot in log.boots:
        found.extend(_segments_of_boot(log.source, boot, found, token))
    return found


def segments_of_record(
    log: LogReader, token: str | None = None, run_id: str | None = None
) -> list[Segment]:
    """Return the segments of a crash record, which has the end of a log only, often without the command line.

    With a capture kernel loaded, the crashed kernel writes none unless crash_kexec_post_notifiers is set. A kernel that
    died in a record is told by what only the crashed kernel says, and in a crash test by the test's mark that it lacks.
    Otherwise nobody can tell.

    Args:
        log: what was read of it.
        token: as of segments_of().
        run_id: of the crash test, None for a crash of which nobody knows how it was caused.
    """
    found = segments_of(log, token)
    if not found or found[-1].kind != CRASHED or _is_of_crashed(log.boots[-1]):
        return found
    boot = log.boots[-1]
    whole = _segment(CAPTURE if run_id else UNKNOWN, log.source, boot.whole, boot.command_lines)
    return [whole._replace(by_order=True)]


def _is_of_crashed(boot: Boot) -> bool:
    """Whether only the kernel that was to be crashed, or a host's normal boot, prints such a log."""
    whole = boot.whole
    return (
        any(whole.has(sign) for sign in (MARK, SYSRQ, LOGIN))
        or any(
            each.time is not None and each.time > _NO_CAPTURE_SECONDS
            for each in (*whole.first, *whole.last)
        )
        or any("crashkernel=" in line for line in boot.command_lines)
    )


def last_crash(all_segments: Iterable[Segment], run_id: str | None = None) -> list[Segment]:
    """Return the segments of the last crash in a log: the kernel that crashed and what came after.

    With C(run_id), of the crash that has it in its log, if there is one; else of one that any crash
    test marked, if there is one.
    """
    found = list(all_segments)
    crashes = [index for index, segment in enumerate(found) if segment.kind == CRASHED]
    if not crashes:
        return found
    chosen = _chosen(found, crashes, run_id)
    begin = chosen - 1 if chosen and found[chosen - 1].kind in (NORMAL, NEXT) else chosen
    end = next((index for index in crashes if index > chosen), len(found))
    before = [found[begin]._replace(kind=NORMAL)] if begin < chosen else []
    return [*before, *found[chosen:end]]


def _chosen(found: list[Segment], crashes: list[int], run_id: str | None) -> int:
    """The boot after a crash can crash, too: the test's own crash is the one that it marked."""
    marks = {
        index: [hit.groups.get("run_id", "") for hit in found[index].sign("mark").hits]
        for index in crashes
    }
    marked = [index for index in crashes if marks[index]]
    ours = [index for index in marked if run_id and any(run_id in mark for mark in marks[index])]
    return (ours or marked or crashes)[-1]


def _segment(kind: str, source: str, part: Part, command_lines: Iterable[str]) -> Segment:
    return Segment(
        kind,
        source,
        part.count,
        tuple(part.first),
        tuple(part.last),
        part.found,
        tuple(command_lines),
    )


def _segments_of_boot(
    source: str, boot: Boot, before: list[Segment], token: str | None
) -> t.Iterator[Segment]:
    if _is_capture(boot, before, token):
        yield _segment(CAPTURE, source, boot.whole, boot.command_lines)
        return
    if _follows_a_jump(boot, before):
        yield _segment(CAPTURE, source, boot.whole, boot.command_lines)._replace(by_order=True)
        return
    kind = NEXT if before else NORMAL
    if boot.before.count:
        yield _segment(kind, source, boot.before, boot.command_lines)
    if boot.crashed is not None:
        yield _segment(CRASHED, source, boot.crashed, boot.command_lines)


def _is_capture(boot: Boot, before: list[Segment], token: str | None) -> bool:
    if any(
        CAPTURE_ARGUMENT.search(given) or (token and token in given.split())
        for given in boot.command_lines
    ):
        return True
    if before and before[-1].kind == CRASHED:
        jumps = before[-1].sign(JUMP).hits
        if jumps and jumps[-1].place >= before[-1].total - _JUMP_TO_END:
            return True
    # The command line is lost or cut, or is not printed with "quiet" on arm64: what only it does.
    return boot.says_capture or boot.before.has(FADUMP)


def _follows_a_jump(boot: Boot, before: list[Segment]) -> bool:
    """Whether it comes right after a panic, without firmware between them, and dies without a login.

    The crashed kernel's C(crashkernel=) is taken off the capture kernel's command line.
    """
    if not before or before[-1].kind != CRASHED:
        return False
    crashed, whole = before[-1], boot.whole
    if not (crashed.sign(PANIC).total or crashed.sign(OOPS).total):
        return False
    if any(crashed.sign(sign).total for sign in (WAITS, RESTART)) or whole.has(LOGIN):
        return False
    return not any("crashkernel=" in line for line in boot.command_lines)


def waits_after_panic(segment: Segment) -> bool:
    """Whether a kernel waited for its reboot after its panic: it had no capture kernel to jump to."""
    return segment.sign(WAITS).total > 0


def command_line(segment: Segment) -> Mapping[str, str]:
    """The arguments of a segment's kernel, empty when it does not show them."""
    if not segment.command_lines:
        return {}
    words = [word.partition("=") for word in segment.command_lines[0].split()]
    return {name: value for name, _equals, value in words}


__all__ = (
    "CAPTURE", "CRASHED", "FIRMWARE", "NEXT", "NORMAL", "ONE_KERNEL", "UNKNOWN", "Segment", "command_line",
    "last_crash", "segments_of", "segments_of_record", "waits_after_panic",
)  # fmt: skip
