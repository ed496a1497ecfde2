# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""A log as it comes: cut where another kernel begins, and of each kernel no more than is needed.

However long a log is and whatever is in it, what is kept of it is bounded: the first and the last
messages of each kernel, the first and the last lines of each pattern, and how many there were.
"""

from __future__ import annotations

import collections
import re
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.matcher import Matcher
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.messages import (
    Message,
    MessageReader,
    RawMessage,
    decoded,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.patterns import (
    MILESTONES,
    PATTERNS,
    Milestone,
    Pattern,
)

if t.TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

# Of each kernel, of each pattern, of a log; characters of a message.
KEPT_MESSAGES = 200
KEPT_HITS = 5
_KEPT_BOOTS = 24
_KEPT_AFTER_MARK = 8
_KEPT_COMMAND_LINES = 4
_TEXT = 400
_COMMAND_LINE_TEXT = 4_096


class Sign(t.NamedTuple):
    """A line that tells which kernel speaks and what it did, and means nothing for a dump."""

    code: str
    regex: re.Pattern[str]


# init/version.c, linux_banner: the first line of a kernel (the second one on arm64).
BANNER = "banner"
COMMAND_LINE = "command_line"
# kernel/panic.c, panic(); drivers/tty/sysrq.c; and what crash_test writes before it triggers.
PANIC, MARK, SYSRQ = "panic", "mark", "sysrq"
# kernel/panic.c: only a kernel that has nothing to jump to waits.
WAITS = "waits"
# arch/arm64/kernel/machine_kexec.c (riscv and loongarch print the same)
JUMP = "jump"
# What only a capture kernel's boot says.
CAPTURE_WORDS = "capture_words"
# arch/powerpc/kernel/fadump.c: firmware started this kernel after the crash of another one.
FADUMP = "fadump"
# An error of the kernel, after which it may jump without a word of panic.
OOPS = "oops"
# A boot came to its end; firmware or a boot loader ran, so nobody jumped.
LOGIN, RESTART = "login", "restart"
# What only a boot says: after a panic, that of a kernel which is quiet.
USER_SPACE = "user_space"
# How a disk shows itself: [vda], nvme0n1.
DISK = "disk"

SIGNS = tuple(
    Sign(code, re.compile(regex))
    for code, regex in (
        (BANNER, r"\bLinux version \d+\.\d+"),
        (COMMAND_LINE, r"ommand line: (?P<arguments>.*)"),
        (PANIC, r"Kernel panic - not syncing"),
        (SYSRQ, r"[Ss]ys[Rr]q ?: (?:SysRq : )?Trigger a crash\b"),
        (SYSRQ, r"sysrq triggered crash"),
        (MARK, r"vmcore\.kdump: crash test run_id=(?P<run_id>\S*)"),
        (WAITS, r"\bRebooting in \d+ seconds"),
        (WAITS, r"end Kernel panic"),
        (JUMP, r"Starting crashdump kernel\.\.\."),
        (JUMP, r"^Bye!$"),
        (CAPTURE_WORDS, r"Kdump: vmcore not initialized"),
        (CAPTURE_WORDS, r"pcie_reset: (?:start|resetting=|summary )"),
        (CAPTURE_WORDS, r"running makedumpfile "),
        (CAPTURE_WORDS, r"(?:kdump|dracut)\S*: saving (?:vmcore|to )"),
        (CAPTURE_WORDS, r"Saved temporary README\.txt"),
        (CAPTURE_WORDS, r"Starting Kdump Vmcore Save Service"),
        (FADUMP, r"fadump: Firmware-assisted dump is active"),
        (OOPS, r"\bOops: \S+ "),
        (OOPS, r"\bBUG: unable to handle"),
        (OOPS, r"BUG: kernel NULL pointer\b"),
        (OOPS, r"kernel BUG at "),
        (OOPS, r"general protection fault"),
        (OOPS, r"Unable to handle kernel "),
        (LOGIN, r"(?:^|\S )\blogin: ?$"),
        (LOGIN, r"Reached target (?:multi-user|graphical|Multi-User|Graphical)"),
        (LOGIN, r"systemd\[1\]: Startup finished in"),
        (RESTART, r"\bSeaBIOS \(version"),
        (RESTART, r"\bGNU GRUB"),
        (RESTART, r"\bWelcome to GRUB"),
        (RESTART, r"\bBdsDxe: "),
        (RESTART, r"EFI stub: "),
        (RESTART, r"Loading initial ramdisk"),
        (RESTART, r"\biPXE [0-9.]+"),
        (RESTART, r"\bPress .{1,12} (?:to enter|for|to run) (?:[Ss]etup|[Bb]oot)"),
        (USER_SPACE, r"^\[  OK  \] "),
        (USER_SPACE, r"^\[ TIME \] "),
        (USER_SPACE, r"^\[FAILED\] "),
        (USER_SPACE, r"^\[DEPEND\] "),
        (USER_SPACE, r"^Loading, please wait\.\.\."),
        (USER_SPACE, r"^Begin: Loading essential drivers"),
        (USER_SPACE, r"\bWelcome to .*(?:dracut|Initramfs)"),
        (USER_SPACE, r"\bStarting dracut"),
        (DISK, r"\[(?P<disk>sd[a-z]+|vd[a-z]+|xvd[a-z]+)\] .*logical blocks\b"),
        (DISK, r"\b(?P<disk>\bnvme\d+n\d+):"),
    )
)
_CRASHES = (PANIC, SYSRQ, MARK)
_NO_SIGNS: frozenset[str] = frozenset()

# Only what boots after a crash has one of these: the address of the dead kernel's memory (x86; on
# arm64 it is in the device tree), what every family adds for drivers, and the mark of a test.
CAPTURE_ARGUMENT = re.compile(r"(?:^|\s)(?:elfcorehdr=|reset_devices(?:\s|$)|kdump_test_id=)")
_BANNER_TO_COMMAND_LINE = 60
# A kernel that goes on after an oops was not killed by it.
_OOPS_TO_END = 80
# A clock that falls back this far, to the first seconds of a kernel, began anew.
_FALLS_BACK, _FIRST_SECONDS = 5.0, 20.0

Row = t.Union[Pattern, Milestone, Sign]


def _matcher() -> Matcher[Row]:
    forms: list[tuple[Row, re.Pattern[str]]] = []
    for row in (*PATTERNS, *MILESTONES):
        forms.extend((row, form.regex) for form in row.forms)
    forms.extend((sign, sign.regex) for sign in SIGNS)
    return Matcher(forms)


MATCHER = _matcher()


class Hit(t.NamedTuple):
    """A line that a row of the tables knows."""

    place: int  # the message's place among those of its kernel, from 0
    message: Message
    groups: Mapping[str, str]


class Found(t.NamedTuple):
    """The lines that one row knows: the first and the last of them."""

    total: int
    hits: tuple[Hit, ...]


NOTHING = Found(0, ())
# The same as it was read.
RawHit = tuple[int, RawMessage, t.Mapping[str, str]]
# By where a line counts (P before and while the crash, C in the capture kernel, A anywhere) and by what it is.
Key = tuple[str, str]


class _Tally:
    """The lines that one row knows, as they come: nothing is decoded of those that will not be kept."""

    def __init__(self) -> None:
        self.total = 0
        self.first: list[RawHit] = []
        self.last: collections.deque[RawHit] = collections.deque(maxlen=KEPT_HITS)

    def add(self, hit: RawHit) -> None:
        """One line more."""
        self.total += 1
        (self.first if len(self.first) < KEPT_HITS else self.last).append(hit)

    def extend(self, other: _Tally, moved: int) -> None:
        """The lines of a later part of the same log, too."""
        total = self.total + other.total
        for place, raw, groups in (*other.first, *other.last):
            self.add((place + moved, raw, groups))
        self.total = total

    def found(self) -> Found:
        """What is kept of them."""
        hits = (*self.first, *self.last)
        return Found(
            self.total, tuple(Hit(place, _kept(raw), groups) for place, raw, groups in hits)
        )


class Part:
    """Consecutive messages of one kernel."""

    def __init__(self) -> None:
        self.count = 0
        self._first: list[RawMessage] = []
        self._last: collections.deque[RawMessage] = collections.deque(maxlen=KEPT_MESSAGES)
        self._tallies: dict[Key, _Tally] = collections.defaultdict(_Tally)

    def add(self, raw: RawMessage, rows: Sequence[tuple[Row, Mapping[str, str]]]) -> None:
        """Take a message and what it is."""
        (self._first if self.count < KEPT_MESSAGES else self._last).append(raw)
        if rows:
            for key, groups in _keys(rows):
                self._tallies[key].add((self.count, raw, groups))
        self.count += 1

    def _keep(self, raw: RawMessage) -> None:
        (self._first if len(self._first) < KEPT_MESSAGES else self._last).append(raw)

    @property
    def first(self) -> list[Message]:
        """The first messages."""
        return [_kept(raw) for raw in self._first]

    @property
    def last(self) -> list[Message]:
        """The last messages that are not among the first."""
        return [_kept(raw) for raw in self._last]

    @property
    def last_message(self) -> str:
        """The text of the last message."""
        return _kept((self._last or self._first)[-1]).text

    @property
    def found(self) -> dict[Key, Found]:
        """The lines that rows of the tables know."""
        return {key: tally.found() for key, tally in self._tallies.items()}

    def has(self, code: str) -> bool:
        """Whether it has a sign."""
        return ("", code) in self._tallies

    def signs(self, code: str) -> tuple[Hit, ...]:
        """The lines of a sign."""
        return self._tallies[("", code)].found().hits if self.has(code) else ()

    def joined(self, other: Part) -> Part:
        """This part and the one that follows it."""
        both = Part()
        both.extend(self)
        both.extend(other)
        return both

    def extend(self, other: Part) -> None:
        """Take in the part that follows this one."""
        for raw in (*other._first, *other._last):
            self._keep(raw)
        for key, tally in other._tallies.items():
            self._tallies[key].extend(tally, self.count)
        self.count += other.count


def _kept(raw: RawMessage) -> Message:
    number, time, text = raw
    return Message(number, time, decoded(text)[:_TEXT])


def _keys(rows: Iterable[tuple[Row, Mapping[str, str]]]) -> Iterator[tuple[Key, Mapping[str, str]]]:
    """What a message counts for. Of the patterns of a place the first one has the line."""
    taken = ""
    for row, groups in rows:
        if isinstance(row, Sign):
            yield ("", row.code), groups
        elif isinstance(row, Milestone):
            yield (row.where, row.stage), groups
        else:
            for place in "PCA" if row.where == "A" else row.where:
                if place not in taken:
                    taken += place
                    yield (place, row.code), groups


class Boot:
    """What one kernel printed: until it crashed, and from then on."""

    def __init__(self) -> None:
        self.before = Part()
        self.crashed: Part | None = None
        self.command_lines: list[str] = []
        self.says_capture = False
        self._panicked = False
        self._only_oops = False

    @property
    def has_panicked(self) -> bool:
        """Whether nothing but another kernel can speak after it."""
        return self._panicked

    @property
    def part(self) -> Part:
        """The part that is under way."""
        return self.before if self.crashed is None else self.crashed

    @property
    def whole(self) -> Part:
        """Both parts as one."""
        return self.before if self.crashed is None else self.before.joined(self.crashed)

    @property
    def count(self) -> int:
        """How many messages it has."""
        return self.before.count + (self.crashed.count if self.crashed else 0)

    def add(self, raw: RawMessage, rows: Sequence[tuple[Row, Mapping[str, str]]]) -> None:
        """Take a message and what it is."""
        if rows:
            self._cut({row.code: groups for row, groups in rows if isinstance(row, Sign)})
        if self._only_oops and self.crashed and self.crashed.count > _OOPS_TO_END:
            self.before.extend(self.crashed)
            self.crashed, self._only_oops = None, False
        (self.before if self.crashed is None else self.crashed).add(raw, rows)

    def _cut(self, signs: Mapping[str, Mapping[str, str]]) -> None:
        """See whether the kernel crashes here, and which it is."""
        if any(code in signs for code in _CRASHES):
            self.crashed = self.crashed or Part()
            self._only_oops = False
        elif OOPS in signs and self.crashed is None:
            self.crashed, self._only_oops = Part(), True
        arguments = signs.get(COMMAND_LINE, {}).get("arguments")
        if arguments and len(self.command_lines) < _KEPT_COMMAND_LINES:
            self.command_lines.append(arguments[:_COMMAND_LINE_TEXT])
        self._panicked = self._panicked or PANIC in signs
        if CAPTURE_WORDS in signs and not self._panicked:
            self.says_capture = True

    def is_marked(self, run_id: str) -> bool:
        """Whether a crash test marked the crash; an empty run id stands for any."""
        marks = self.crashed.signs(MARK) if self.crashed else ()
        return any(run_id in hit.groups.get("run_id", "") for hit in marks)

    def followed_by(self, other: Boot) -> None:
        """Take in what was taken for another kernel."""
        for part in (other.before, other.crashed):
            if part is None:
                continue
            if self.crashed is None and any(part.has(code) for code in _CRASHES):
                self.crashed = part
            else:
                self.part.extend(part)
        self.command_lines = (self.command_lines + other.command_lines)[:_KEPT_COMMAND_LINES]
        self.says_capture = self.says_capture or other.says_capture


class LogReader:
    """Reads a log as it comes.

    Args:
        source: what it is, see classify().
        name: the file it comes from, if any.
    """

    def __init__(self, source: str, name: str = "") -> None:
        self.source = source
        self.name = name
        self.boots: list[Boot] = []
        self._messages = MessageReader()
        self._latest: float | None = None
        self._previous: float | None = None
        # What was printed before, up to this time, is printed again: somebody typed dmesg.
        self._again: float | None = None
        self._before: float | None = None
        # A banner without a time stamp: a kernel's if a command line follows, else something that somebody printed.
        self._doubtful: Boot | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing was printed."""
        return not self.boots

    @property
    def unfinished(self) -> str:
        """The text of the message that is not complete yet."""
        return self._messages.unfinished

    @property
    def last_message(self) -> str:
        """The last message that is complete."""
        boot = self._doubtful or (self.boots[-1] if self.boots else None)
        return boot.part.last_message if boot else ""

    def feed(self, data: bytes) -> None:
        """Take what was printed since, cut anywhere."""
        for raw in self._messages.feed(data):
            self._take(raw)

    def finish(self) -> None:
        """Take what has no line end, too: nothing more comes."""
        for raw in self._messages.finish():
            self._take(raw)
        self._resolve()

    def _take(self, raw: RawMessage) -> None:
        _number, time, text = raw
        if self._again is not None and time is not None and time <= self._again:
            return
        self._again = None
        candidates = MATCHER.candidates(text)
        rows = _rows(candidates, text) if candidates else []
        signs = {row.code for row, _groups in rows if isinstance(row, Sign)} if rows else _NO_SIGNS
        may_begin = signs or not self.boots or (time is not None and time < _FIRST_SECONDS)
        if may_begin and self._begins(raw, signs):
            self._resolve()
            self.boots.append(Boot())
            self._forget()
            self._before, self._latest = self._latest, None
        elif BANNER in signs and time is None:
            self._resolve()
            self._doubtful = Boot()
        (self._doubtful or self.boots[-1]).add(raw, rows)
        if time is not None and (self._latest is None or time > self._latest):
            self._latest = time
        self._previous = time
        if COMMAND_LINE in signs and self._is_shown_again():
            del self.boots[-1]
            self._again = self._latest = self._before
        elif self._doubtful is not None:
            self._decide(self._doubtful, signs)

    def _decide(self, doubtful: Boot, signs: Container[str]) -> None:
        """Whether a banner without a time stamp was a kernel's."""
        if COMMAND_LINE in signs:
            self.boots.append(doubtful)
            self._doubtful = None
            self._forget()
        elif doubtful.count > _BANNER_TO_COMMAND_LINE:
            self._resolve()

    def _begins(self, raw: RawMessage, signs: Container[str]) -> bool:
        """Whether a kernel begins here, and not somebody prints /proc/version."""
        _number, time, text = raw
        if not self.boots:
            return True
        fell_back = (
            time is not None
            and time < _FIRST_SECONDS
            and self._latest is not None
            and time + _FALLS_BACK < self._latest
        )
        banner = BANNER in signs and (
            time < 1 if time is not None else b"kernel: Linux version" in text
        )
        quiet = USER_SPACE in signs and self.boots[-1].has_panicked
        if not fell_back and not banner and not quiet:
            return False
        # On arm64 "Booting Linux on physical CPU" comes first, with the time 0.
        return not (self.boots[-1].count == 1 and time == self._previous and self._doubtful is None)

    def _is_shown_again(self) -> bool:
        """Whether this is the same boot: no two capture kernels have the dead kernel's memory at one address."""
        if len(self.boots) < 2 or self._doubtful is not None or self._before is None:
            return False
        boot, before = self.boots[-1], self.boots[-2]
        return (
            boot.command_lines == before.command_lines[:1]
            and "elfcorehdr=" in boot.command_lines[0]
            and (before.crashed is None or not before.crashed.has(WAITS))
        )

    def _resolve(self) -> None:
        """What looked like a kernel's first line was none."""
        if self._doubtful is not None:
            self.boots[-1].followed_by(self._doubtful)
            self._doubtful = None

    def _forget(self) -> None:
        """Keep the last boots, and always those from a crash test's mark on."""
        if len(self.boots) <= 2 * _KEPT_BOOTS:
            return
        marked = [index for index, boot in enumerate(self.boots) if boot.is_marked("")]
        last = self.boots[-_KEPT_BOOTS:]
        first = max(0, marked[-1] - 1) if marked else 0
        kept = self.boots[first : first + _KEPT_AFTER_MARK] if marked else []
        self.boots = [*(boot for boot in kept if boot not in last), *last]


def _rows(
    candidates: Sequence[tuple[Row, re.Pattern[str]]], raw: bytes
) -> list[tuple[Row, Mapping[str, str]]]:
    """The rows that know a message, in the table's order, each once."""
    found: list[tuple[Row, Mapping[str, str]]] = []
    text = decoded(raw)
    for row, regex in candidates:
        if found and found[-1][0] is row:
            continue
        match = regex.search(text)
        if match:
            found.append((row, {name: value for name, value in match.groupdict().items() if value}))
    return found


def read_log(source: str, text: str, name: str = "") -> LogReader:
    """Return a log that is there as a whole."""
    reader = LogReader(source, name)
    reader.feed(text.encode("utf-8", "replace"))
    reader.finish()
    return reader


__all__ = (
    "BANNER", "CAPTURE_ARGUMENT", "CAPTURE_WORDS", "COMMAND_LINE", "DISK", "FADUMP", "JUMP", "KEPT_HITS",
    "KEPT_MESSAGES", "LOGIN", "MARK", "MATCHER", "NOTHING", "OOPS", "PANIC", "RESTART", "SIGNS", "SYSRQ", "WAITS",
    "Boot", "Found", "Hit", "LogReader", "Part", "Sign", "read_log",
)  # fmt: skip
