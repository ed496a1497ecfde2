# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The kernel argument crashkernel=: what its values mean, and how much a host should reserve.

Sizes are bytes. The table is that of docs/reference/readiness.md.
"""

from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path, PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._pci.address import is_address
from ansible_collections.vmcore.kdump.plugins.module_utils._platform import architecture
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    exists,
    inside,
    names,
    read_int,
    read_text,
    size,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Iterable, Sequence

MIB = 1 << 20
GIB = 1 << 30
TIB = 1 << 40
# What asks for the size that is recommended, instead of a value.
AUTO = "auto"

# lib/cmdline.c, memparse(), as people write it.
_SIZE = r"[0-9]{1,12}[KMGTkmgt]?"
_PLAIN = re.compile(rf"({_SIZE})(?:@{_SIZE})?")
_SUFFIXED = re.compile(rf"({_SIZE}),(high|low|cma)")
_RANGE = re.compile(rf"({_SIZE})-({_SIZE})?:({_SIZE})")
# The values that the kernel takes together, besides one with C(,cma), which adds to any of them.
_TOGETHER = (["plain"], ["high"], ["high", "low"])
_OFFSET = re.compile(rf"(.*?)(?:@{_SIZE})?")
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}

# kernel/crash_reserve.c, parse_crashkernel_mem(): firmware keeps some of the memory for itself.
_ROUND_MEMORY = 128 * MIB
# What is recommended is a multiple of this, so that it does not change with every kernel.
_ROUND_SIZE = 64 * MIB

# By memory, from which size on. Below 2 GiB kdump-utils reserves nothing, and Debian's kdump-tools
# and SUSE's kdumptool reserve this much; above, it is what kdump-utils reserves
# (kdump-lib.sh, kdump_get_arch_recommend_crashkernel()).
_BASE: dict[str, tuple[tuple[int, int], ...]] = {
    "x86_64": ((0, 192 * MIB), (2 * GIB, 256 * MIB), (64 * GIB, 512 * MIB)),
    "aarch64": (
        (0, 192 * MIB),
        (2 * GIB, 256 * MIB),
        (4 * GIB, 320 * MIB),
        (64 * GIB, 576 * MIB),
    ),
    "ppc64le": (
        (0, 256 * MIB),
        (2 * GIB, 384 * MIB),
        (4 * GIB, 512 * MIB),
        (16 * GIB, GIB),
        (64 * GIB, 2 * GIB),
        (128 * GIB, 4 * GIB),
    ),
    "s390x": ((0, 192 * MIB), (2 * GIB, 256 * MIB), (64 * GIB, 512 * MIB)),
}
# The same with firmware-assisted dump, where the normal system dumps with no more than that.
_FADUMP = (
    (0, 768 * MIB),
    (16 * GIB, GIB),
    (64 * GIB, 2 * GIB),
    (128 * GIB, 4 * GIB),
    (TIB, 6 * GIB),
    (2 * TIB, 12 * GIB),
    (4 * TIB, 20 * GIB),
    (8 * TIB, 36 * GIB),
    (16 * TIB, 64 * GIB),
    (32 * TIB, 128 * GIB),
    (64 * TIB, 180 * GIB),
)
# The kernel's default where this collection has no figures.
_OTHER = ((0, 256 * MIB), (64 * GIB, 512 * MIB))

# What a capture kernel needs beside itself, its modules and its initramfs: systemd, udev and
# makedumpfile's two bitmaps of 16 MiB. kdumptool's calibrate adds as much to what it computes.
_PROGRAMS = 64 * MIB
# The same for the least with which it can start at all; kdumpctl estimate takes this.
_LEAST_PROGRAMS = 16 * MIB
# The initramfs is loaded, and then unpacked into a file system that may fill half of the memory.
_IMAGE_TIMES = 3


class Needs(t.NamedTuple):
    """What decides how much a host should reserve; None: not known."""

    architecture: str | None
    memory: int | None
    large_pages: bool = False  # aarch64 with pages of 64 KiB
    encrypted: bool = False  # AMD SME or SEV
    smmu: bool = False
    mlx5: bool = False
    kernel: int | None = None
    modules: int | None = None
    image: int | None = None
    out_of_memory: int | None = None  # what was reserved when the last crash test ran out of it
    fadump: bool = False  # firmware-assisted dump, of POWER


def parse_size(text: str) -> int:
    """Return the bytes of a size as the kernel reads it: C(512M), C(1G), C(268435456)."""
    number = text.rstrip("KMGTkmgt")
    return int(number) * _UNITS[text[len(number) :].lower()]


def check_value(value: str) -> list[str]:
    """Return the values of as many crashkernel= arguments, which C(value) separates by blanks.

    Raises KdumpError for one that the kernel would not understand.
    """
    words = [word.partition("crashkernel=")[2] or word for word in value.split()]
    for word in words:
        if not (_PLAIN.fullmatch(word) or _SUFFIXED.fullmatch(word) or _ranges(word)):
            raise KdumpError(
                f"crashkernel={word} is nothing that the kernel understands: write a size such as 512M,"
                " ranges such as 2G-64G:256M,64G-:512M, or 512M,high."
            )
        if _PLAIN.fullmatch(word) and parse_size(word.partition("@")[0]) < MIB:
            raise KdumpError(f"crashkernel={word} is less than 1 MiB: write a unit, such as 512M.")
    kinds = sorted(_kind(word) for word in words)
    if [kind for kind in kinds if kind != "cma"] not in _TOGETHER or kinds.count("cma") > 1:
        raise KdumpError(
            f"crashkernel= was given as '{value}': it takes one size or one list of ranges, or one size with"
            " ',high' and one with ',low', and beside them one with ',cma'."
        )
    return words


def _kind(word: str) -> str:
    match = _SUFFIXED.fullmatch(word)
    return match[2] if match else "plain"


def lent(words: Sequence[str]) -> int:
    """Return the bytes that the running kernel goes on using until it crashes: C(,cma), Linux 6.17 and later.

    kernel/crash_reserve.c, reserve_crashkernel_cma(): they come on top of what the capture kernel has to itself.
    """
    sizes = [
        match[1] for word in words if (match := _SUFFIXED.fullmatch(word)) and match[2] == "cma"
    ]
    return parse_size(sizes[-1]) if sizes else 0


def reserved_by(words: Sequence[str], memory: int | None) -> int | None:
    """Return what the kernel reserves for these values of crashkernel=; None when that cannot be told.

    kernel/crash_reserve.c, parse_crashkernel(): the last one of a kind counts, and one without suffix
    before one with C(,high). What C(,low) and C(,cma) reserve besides is not counted, as it is not in
    /sys/kernel/kexec_crash_size.
    """
    if not words:
        return 0
    plain = [word for word in words if not _SUFFIXED.fullmatch(word)]
    if not plain:
        high = [
            match[1]
            for word in words
            if (match := _SUFFIXED.fullmatch(word)) and match[2] == "high"
        ]
        return parse_size(high[-1]) if high else 0
    single = _PLAIN.fullmatch(plain[-1])
    if single:
        return parse_size(single[1])
    ranges = _ranges(plain[-1])
    if ranges is None or memory is None:
        return None
    total = -(-memory // _ROUND_MEMORY) * _ROUND_MEMORY
    return next(
        (size for start, end, size in ranges if start <= total and (end is None or total < end)), 0
    )


def offered_by(words: Sequence[str], memory: int | None) -> int | None:
    """Return what reserved_by() does, with what C(,low) reserves besides."""
    reserved = reserved_by(words, memory)
    if reserved is None or any(not _SUFFIXED.fullmatch(word) for word in words):
        return reserved
    low = [match[1] for word in words if (match := _SUFFIXED.fullmatch(word)) and match[2] == "low"]
    return reserved + (parse_size(low[-1]) if low else 0)


def crashkernel_words(command_line: Iterable[str]) -> list[str]:
    """Return the values of the crashkernel= arguments among the words of a command line."""
    return [word.partition("=")[2] for word in command_line if word.startswith("crashkernel=")]


def system_memory(root: Path) -> int | None:
    """Return the bytes of memory that ranges of crashkernel= are compared with, not rounded.

    /proc/iomem has it, for root alone, as lines like C(00100000-3ffdffff : System RAM). Without it, what
    the kernel has to give away and what it reserved.
    """
    text = read_text(root / "proc/iomem") or ""
    ranges = _regions(text, r"", "System RAM")
    if ranges > _ROUND_MEMORY:
        return ranges
    total = re.search(
        r"^MemTotal:\s+([0-9]{1,15}) kB$", read_text(root / "proc/meminfo") or "", re.MULTILINE
    )
    if total is None:
        return None
    return (int(total[1]) << 10) + (read_int(root / "sys/kernel/kexec_crash_size") or 0)


def reserved(root: Path) -> int:
    """Return the bytes that the running kernel reserved, with those below 4 GiB that C(,high) brings.

    /proc/iomem has a line for each, of which /sys/kernel/kexec_crash_size is the larger one:
    C(  2a000000-39ffffff : Crash kernel)
    """
    regions = _regions(read_text(root / "proc/iomem") or "", r"\s*", "Crash kernel")
    return max(read_int(root / "sys/kernel/kexec_crash_size") or 0, regions)


def needs(root: Path, image: PurePosixPath | None, last_test: Path | None = None) -> Needs:
    """Look up what decides how much a host should reserve.

    C(image) is its kdump initramfs, C(last_test) the state of the last crash test.
    """
    release = read_text(root / "proc/sys/kernel/osrelease") or ""
    line = (read_text(root / "proc/cmdline") or "").split()
    iomem = read_text(root / "proc/iomem") or ""
    kernel = _regions(iomem, r"\s+", "Kernel (?:code|rodata|data|bss)")
    modules = [
        words.split()[1]
        for words in (read_text(root / "proc/modules") or "").splitlines()
        if " " in words
    ]
    return Needs(
        architecture=architecture(root),
        memory=system_memory(root),
        large_pages="64k" in release,
        # arch/x86/mm/mem_encrypt.c; a guest of SEV-SNP has the device.
        encrypted="mem_encrypt=on" in line or exists(root / "sys/class/misc/sev-guest"),
        smmu=any("smmu" in name for name in names(root / "sys/class/iommu")),
        mlx5=any(map(is_address, names(root / "sys/bus/pci/drivers/mlx5_core"))),
        kernel=kernel if kernel > MIB else None,
        # A line each: C(nvme 61440 1 - Live 0xffffffffc0a3d000)
        modules=sum(int(words) for words in modules if words.isdecimal()) or None,
        # An empty one stands for an image in a captured tree.
        image=(size(inside(root, image)) or None) if image else None,
        out_of_memory=_out_of_memory(last_test),
        fadump=read_int(root / "sys/kernel/fadump/enabled") == 1,
    )


def least(host: Needs) -> int | None:
    """Return what a capture kernel takes to start at all, None when that cannot be told."""
    if host.kernel is None or host.image is None:
        return None
    return host.kernel + _IMAGE_TIMES * host.image + _LEAST_PROGRAMS


def recommend(host: Needs) -> tuple[int | None, list[str]]:
    """Return how much to reserve and why, in sentences; None when the memory of the host is not known."""
    if host.memory is None:
        return None, ["How much memory the host has is not known."]
    total = -(-host.memory // _ROUND_MEMORY) * _ROUND_MEMORY
    known = _FADUMP if host.fadump else _BASE.get(host.architecture or "")
    base = [size for start, size in known or _OTHER if start <= total][-1]
    why = [
        f"A host of {_gib(total)} with the architecture {host.architecture or 'unknown'} begins with {base // MIB} MiB."
    ]
    if known is None:
        why.append(
            "This collection has no figures of that architecture: prove the size with a crash test."
        )
    table = base
    for applies, extra, sentence in _extras(host):
        if applies:
            table += extra * MIB
            why.append(f"{sentence}: {extra} MiB more.")
    candidates = [table]
    if host.kernel is not None and host.image is not None:
        modules = host.modules or 0
        counted = host.kernel + modules + _IMAGE_TIMES * host.image + _PROGRAMS
        candidates.append(counted)
        why.append(
            f"Counted, it takes {_mib(counted)} MiB: {_mib(host.kernel)} for the kernel, {_mib(modules)} for the"
            f" modules that are loaded now, {_IMAGE_TIMES} times {_mib(host.image)} for the kdump initramfs,"
            f" {_mib(_PROGRAMS)} for programs."
        )
    if host.out_of_memory:
        candidates.append(host.out_of_memory * 3 // 2)
        why.append(
            f"The last crash test ran out of memory with {_mib(host.out_of_memory)} MiB: half as much again."
        )
    return -(-max(candidates) // _ROUND_SIZE) * _ROUND_SIZE, why


def _extras(host: Needs) -> tuple[tuple[bool, int, str], ...]:
    """What kdump-utils adds, and why."""
    arm, large = host.architecture == "aarch64", host.large_pages
    return (
        (
            host.architecture == "x86_64" and host.encrypted,
            64,
            "Memory is encrypted (SME, SEV), its bounce buffers are larger",
        ),
        (arm and large, 100, "Pages of 64 KiB"),
        (arm and large and host.smmu, 384, "Queues of an SMMU with pages of 64 KiB"),
        (arm and large and host.mlx5, 200, "mlx5_core with pages of 64 KiB"),
        (arm and not large and host.mlx5, 150, "mlx5_core"),
        # find_nr_cpus(): 1 MiB for each of the processors that KDUMP_COMMANDLINE_APPEND has by default.
        (host.architecture == "ppc64le", 16, "Areas of 16 processors"),
    )


def _ranges(word: str) -> list[tuple[int, int | None, int]] | None:
    """Return C((start, end, size)) of the ranges of a value; None when it has none."""
    match = _OFFSET.fullmatch(word)
    found = [_RANGE.fullmatch(each) for each in (match[1] if match else word).split(",")]
    if not all(found):
        return None
    return [
        (parse_size(each[1]), parse_size(each[2]) if each[2] else None, parse_size(each[3]))
        for each in found
        if each
    ]


def _regions(iomem: str, indent: str, name: str) -> int:
    """Return the bytes of the regions with a name in /proc/iomem, below others if C(indent) says so."""
    line = re.compile(rf"^{indent}([0-9a-f]{{8,16}})-([0-9a-f]{{8,16}}) : {name}$", re.MULTILINE)
    return sum(int(end, 16) - int(start, 16) + 1 for start, end in line.findall(iomem))


def _out_of_memory(state: Path | None) -> int | None:
    """Return what was reserved when the last crash test ran out of memory, None if it did not."""
    try:
        test = json.loads((state and read_text(state)) or "{}")
        cause = test["record"]["cause"]["code"]
        reserved = test["crash_size"]
    except (ValueError, KeyError, TypeError):
        return None
    return reserved if cause == "out_of_memory" and isinstance(reserved, int) else None


def _mib(value: int) -> int:
    return -(-value // MIB)


def _gib(value: int) -> str:
    return f"{value / GIB:.3g} GiB"


__all__ = (
    "AUTO",
    "GIB",
    "MIB",
    "Needs",
    "check_value",
    "crashkernel_words",
    "least",
    "lent",
    "needs",
    "offered_by",
    "parse_size",
    "recommend",
    "reserved",
    "reserved_by",
    "system_memory",
)
