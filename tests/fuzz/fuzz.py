# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Feed the parsers of dumps with what atheris finds: ``python -m fuzz TARGET [SECONDS]``.

atheris is not among the tools that the tests need: ``pip install atheris`` into their Python first. A target
may raise what its parser documents and nothing else, must answer within ten seconds, and must do with
512 MiB of memory. A run begins with small good files of the unit tests' dump builder.
"""

from __future__ import annotations

import gzip
import importlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore import lz4, lzo, snappy
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.container import How
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.notes import notes
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.verify import verify
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.vmcoreinfo import VmcoreInfo
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._vmcore import dump_builder
from fuzz import shell

_PAGE = dump_builder.PAGE
_SECONDS = 60
_VERDICTS = {"complete", "incomplete", "damaged", "not_this_crash", "unsupported"}


class Target(NamedTuple):
    """A parser, what it may raise, and what it is known to accept."""

    parse: Callable[[bytes], object]
    errors: tuple[type[Exception], ...]
    seeds: Callable[[], list[bytes]]


def _verify(data: bytes) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        path = Path(directory) / "vmcore"
        path.write_bytes(data)
        for full in (False, True):
            if verify(path, how=How(full), log=True)["verdict"] not in _VERDICTS:
                raise AssertionError


def _lz4(data: bytes) -> None:
    place = 0

    def read(size: int) -> bytes:
        nonlocal place
        piece = data[place : place + size]
        place += len(piece)
        return piece

    for block in lz4.frame(read):
        if len(block) > 1 << 22:
            raise AssertionError


def _vmcoreinfo(data: bytes) -> None:
    info = VmcoreInfo(data)
    info.size("printk_info", 1, 4096)
    info.address("prb")
    info.number("NUMBER(phys_base)")


def _page(builder: Callable[[bytes], bytes]) -> Callable[[], list[bytes]]:
    return lambda: [builder(dump_builder.noise(size).ljust(_PAGE, b"\0")) for size in (9, 900)]


def _kdumps() -> list[bytes]:
    kdumps = [dump_builder.Kdump(codec=codec) for codec in dump_builder.CODECS]
    return [
        data
        for kdump in kdumps
        for data in (dump_builder.plain(kdump.parts()), dump_builder.flattened(kdump.parts()))
    ]


def _elves() -> list[bytes]:
    return [dump_builder.plain(dump_builder.Elf(extended=one).parts()) for one in (False, True)]


TARGETS = {
    "kdump": Target(_verify, (KdumpError,), _kdumps),
    "elf": Target(_verify, (KdumpError,), _elves),
    "wrapped": Target(_verify, (KdumpError,), lambda: [gzip.compress(_kdumps()[1])]),
    "notes": Target(
        lambda data: list(notes(data)), (KdumpError,), lambda: [dump_builder.notes_of(b"A=1")]
    ),
    "vmcoreinfo": Target(_vmcoreinfo, (KdumpError,), lambda: [dump_builder.vmcoreinfo()]),
    "lzo": Target(lambda data: lzo.decompress(data, _PAGE), (ValueError,), _page(dump_builder.lzo)),
    "snappy": Target(
        lambda data: snappy.decompress(data, _PAGE), (ValueError,), _page(dump_builder.snappy)
    ),
    "lz4": Target(
        _lz4, (ValueError, EOFError), lambda: [b"\x04\x22\x4d\x18\x60\x40\x82" + bytes(4)]
    ),
}


def main() -> None:
    """Run one target; libFuzzer ends the process."""
    if sys.argv[1:2] == ["shell"]:
        shell.run(*map(int, sys.argv[2:3]))
        return
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        raise SystemExit(
            f"usage: python -m fuzz {{{','.join(TARGETS)}}} [SECONDS], or python -m fuzz shell [FILES]"
        )
    try:
        atheris = importlib.import_module("atheris")
    except ImportError:
        raise SystemExit("fuzz: atheris is not installed; pip install atheris") from None
    target = TARGETS[sys.argv[1]]
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else _SECONDS

    def one(data: bytes) -> None:
        try:
            target.parse(data)
        except target.errors:
            return

    atheris.instrument_all()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as directory:
        for number, seed in enumerate(target.seeds()):
            (Path(directory) / str(number)).write_bytes(seed)
        atheris.Setup(
            ["fuzz", directory, f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=512",
             "-max_len=65536", "-verbosity=1"],
            one,
        )  # fmt: skip
        atheris.Fuzz()
