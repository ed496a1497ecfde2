# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the cases of this directory; README.md has their form."""

from __future__ import annotations

import itertools
import re
import typing as t
from pathlib import Path

_HERE = Path(__file__).parent
_TITLE = re.compile(r"^=== (?P<title>.+)$", re.MULTILINE)
_LOG = re.compile(r"^--- (?P<source>\w+)$", re.MULTILINE)
_FIELD = re.compile(r"^(?P<name>\w+): (?P<value>.+)$")
_FIELDS = {"source", "returned", "dump", "reached", "failed", "cause", "names"}
_STORM = 700

_BANNER = "[    0.000000] Linux version 6.12.48+deb13-amd64 (debian-kernel@lists.debian.org)"
_ARGUMENTS = "BOOT_IMAGE=/boot/vmlinuz-6.12.48 root=/dev/sda2 ro console=ttyS0,115200n8"
# What each kernel prints when it begins, by what stands for it in a case.
_BLOCKS = {
    "normal": [
        _BANNER,
        f"[    0.000000] Command line: {_ARGUMENTS} crashkernel=512M",
        "[    2.500000] Run /init as init process",
        "[    9.000000] systemd[1]: Hostname set to <host>.",
    ],
    "panic": [
        "[ 1041.220000] sysrq: Trigger a crash",
        "[ 1041.221000] Kernel panic - not syncing: sysrq triggered crash",
    ],
    "capture": [
        _BANNER,
        f"[    0.000000] Command line: {_ARGUMENTS} irqpoll nr_cpus=1 reset_devices elfcorehdr=0x7b000000",
        "[    0.050000] Memory: 236208K/262016K available",
    ],
    "capture-arm64": [
        "[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x413fd0c1]",
        "[    0.000000] Linux version 5.14.0-427.el9.aarch64 (mockbuild@example)",
        "[    0.000000] Kernel command line: root=/dev/sda2 ro irqpoll nr_cpus=1 reset_devices",
    ],
    "capture-ppc64": [
        "[    0.000000] Linux version 6.8.0-300.fc40.ppc64le (mockbuild@example)",
        "[    0.000000] Kernel command line: root=/dev/sda2 ro irqpoll maxcpus=1 reset_devices elfcorehdr=156608K",
    ],
    "init": [
        "[    2.800000] Freeing unused kernel image (initmem) memory: 2704K",
        "[    2.900000] Run /init as init process",
    ],
    "disk": [
        "[    3.900000] sd 0:0:0:0: [sda] 937703088 512-byte logical blocks: (480 GB/447 GiB)"
    ],
    "mounted": [
        "[    8.100000] EXT4-fs (sda2): mounted filesystem 1d9a with ordered data mode. Quota mode: none.",
    ],
    "next": [
        _BANNER,
        f"[    0.000000] Command line: {_ARGUMENTS} crashkernel=512M",
        "[    2.900000] Run /init as init process",
        "[    3.900000] sd 0:0:0:0: [sda] 937703088 512-byte logical blocks: (480 GB/447 GiB)",
        "[    9.000000] systemd[1]: Hostname set to <host>.",
        "host login: ",
    ],
}


class Case(t.NamedTuple):
    """A crash of which it is known how far it came, and why no farther."""

    title: str
    fields: dict[str, str]
    logs: dict[str, str]

    @property
    def answer(self) -> tuple[str | None, str | None, str | None]:
        """The stage that was reached, the first that was not, the cause."""
        reached, failed, cause = (self.fields[name] for name in ("reached", "failed", "cause"))
        return _value(reached), _value(failed), _value(cause)

    @property
    def facts(self) -> dict[str, t.Any]:
        """What is known beside the logs."""
        facts: dict[str, t.Any] = {}
        returned, dump = self.fields.get("returned"), self.fields.get("dump")
        if returned == "yes":
            facts.update(boot_changed=True, returned=True)
        elif returned == "no":
            facts["returned"] = False
        if dump == "none":
            facts["dump"] = None
        elif dump is not None:
            why = "It is whole and of this crash." if dump == "complete" else "It is cut short."
            facts["dump"] = {"path": "vmcore", "size": 1 << 20, "verdict": dump, "why": why}
        return facts


def _value(text: str) -> str | None:
    return None if text == "-" else text


def cases() -> list[Case]:
    """All cases, in the order of the files and of what is in them."""
    return [
        _case(title, body)
        for path in sorted(_HERE.glob("*.txt"))
        if path.name != "benign.txt"
        for title, body in _parts(_TITLE, path.read_text())
    ]


def benign() -> list[str]:
    """Lines of boots without a fault."""
    return (_HERE / "benign.txt").read_text().splitlines()


def expanded(log: str) -> str:
    """A log with the lines that its signs stand for."""
    lines: list[str] = []
    for line in log.splitlines():
        name, _space, rest = line.removeprefix("@").partition(" ")
        if not line.startswith("@"):
            lines.append(line)
        elif name == "storm":
            lines += _storm(rest)
        else:
            lines += _BLOCKS[name]
    return "".join(f"{line}\n" for line in lines)


def _storm(device: str) -> list[str]:
    """What a device that goes on makes VT-d say."""
    return [
        f"[{1.3 + number / 1000:12.6f}] DMAR: [DMA Write NO_PASID] Request device [{device}]"
        f" fault addr {0xFFDF7000 + number * 4096:#x} [fault reason 0x05] PTE Write access is not set"
        for number in range(_STORM)
    ]


def _case(title: str, body: str) -> Case:
    head = body.partition("\n--- ")[0]
    matches = [_FIELD.match(line) for line in head.strip().splitlines()]
    fields = {match["name"]: match["value"] for match in matches if match}
    assert len(fields) == len(matches), f"{title}: a line of its head is not a field"
    assert set(fields) <= _FIELDS, f"{title}: {set(fields) - _FIELDS}"
    logs = {source: expanded(log) for source, log in _parts(_LOG, body)}
    return Case(title, fields, logs)


def _parts(begin: re.Pattern[str], text: str) -> list[tuple[str, str]]:
    """What stands after each title, until the next."""
    found = list(begin.finditer(text))
    return [
        (match[1], text[match.end() : after.start() if after else len(text)].strip("\n"))
        for match, after in itertools.zip_longest(found, found[1:])
    ]
