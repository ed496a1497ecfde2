# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Damage real dumps in a thousand ways, and see whether vmcore_info still calls one complete.

Each dump is copied, and each variant of it is verified quickly and, if that does not see the damage, in
full (which makes all checks of a quick look, and more). The variants are the same in each run:

- cut at the structures of the dump, around them, in its last bytes, and anywhere;
- a hole of zeros, of 4 KiB to 1 MiB, as a lost write leaves it;
- one bit or byte changed in the headers, the bitmaps, the page descriptors or program headers, and between the
  records of a flattened stream;
- the incomplete mark of makedumpfile; bytes behind the end.

The table has a line for each kind. Behind it is every variant that was called complete.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.container import How
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.elf import ElfCore
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.kdump_compressed import (
    KdumpCompressed,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.memory import ORDERS
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.storage import (
    Flattened,
    PlainFile,
    Storage,
    is_flattened,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.verify import verify
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.wrapped import wrapper_of

_HOLES = (4096, 4096, 16384, 65536, 1 << 20)
_STATUS, _E_FLAGS = 424, 48
_INCOMPLETE = {"kdump": (_STATUS, 0x8), "elf": (_E_FLAGS, 0x1)}


class Variant(NamedTuple):
    """One damage: new bytes at a place of the file, or a new size of it."""

    kind: str
    place: int
    data: bytes = b""
    size: int | None = None

    def __str__(self) -> str:
        if self.size is not None:
            return f"{self.kind} to {self.size} bytes"
        what = f"{len(self.data)} zeros" if not any(self.data) else self.data[:8].hex()
        return f"{self.kind}: {what} at byte {self.place} of the file"


class Places(NamedTuple):
    """Where the structures of a dump are, as ranges of the file."""

    kind: str
    areas: dict[str, list[range]]
    data: range


def survey(file: PlainFile) -> Places:
    """Find the structures of a dump."""
    if wrapper_of(file):
        whole = range(file.size)
        return Places("wrapped", {"stream": [whole]}, whole)
    storage: Storage = Flattened(file) if is_flattened(file) else file
    if storage.read("signature", 0, 4) == b"\x7fELF":
        elf = ElfCore(storage, ORDERS)
        first = elf._first
        areas = {"headers": [(0, 64), (64, 64 + 56 * (len(elf._loads) + len(elf._notes)))]}
        kind, data = "elf", (first, storage.size)
    else:
        dump = KdumpCompressed(storage, ORDERS)
        dump.check_bitmaps()
        header = dump.header
        first = dump._first_data
        areas = {
            "headers": [(0, 464), (header.block_size, header.block_size + 104)],
            "bitmaps": [
                (at, at + -(-header.frames // 8))
                for at in (header.bitmap, header.bitmap + header.bitmap_size)
            ],
            "descriptors": [(header.descriptors, header.descriptors + dump.pages * 24)],
        }
        kind, data = "kdump", (first, storage.size)

    def in_file(start: int, end: int) -> list[range]:
        if not isinstance(storage, Flattened):
            return [range(start, end)]
        return [
            range(position, position + stop - begin)
            for begin, stop, position in storage._extents.between(start, end)
            if position is not None
        ]

    result = {
        name: [piece for pair in pairs for piece in in_file(*pair)] for name, pairs in areas.items()
    }
    if isinstance(storage, Flattened):
        starts = sorted(storage._extents.positions)
        result["records"] = [range(at - 16, at) for at in starts] + [range(4096)]
    pieces = in_file(*data)
    return Places(kind, result, range(pieces[0].start, pieces[-1].stop))


def variants(path: Path, count: int, seed: int) -> Iterator[Variant]:
    """A thousand ways to damage a dump, the cuts last and from the end to the start."""
    choose = random.Random(seed)
    with path.open("rb", buffering=0) as file:
        size = path.stat().st_size
        plain = PlainFile(file.fileno(), size)
        places = survey(plain)

        def flipped(kind: str, area: list[range]) -> Variant:
            variant = changed(kind, area)
            old = plain.read("it", variant.place, 1)[0]
            return variant._replace(data=bytes((old ^ 1 << choose.randrange(8),)))

        def changed(kind: str, area: list[range]) -> Variant:
            piece = choose.choices(area, [len(one) for one in area])[0]
            at = choose.choice(piece)
            old = plain.read("it", at, 1)[0]
            return Variant(kind, at, bytes((old ^ choose.randrange(1, 256),)))

        for name, area in places.areas.items():
            for _number in range(count // 10):
                yield changed(f"byte in {name}", area)
                yield flipped(f"bit in {name}", area)
        if places.kind == "kdump":
            # The sub header is small: each byte of it.
            header = places.areas["headers"]
            for at in header[-1]:
                old = plain.read("it", at, 1)[0]
                yield Variant("bit in headers", at, bytes((old ^ 1 << choose.randrange(8),)))
        if places.kind in _INCOMPLETE:
            at, bit = _INCOMPLETE[places.kind]
            at += places.areas["headers"][0].start
            yield Variant("incomplete mark", at, bytes((plain.read("it", at, 1)[0] | bit,)))
        for _number in range(count // 4):
            length = choose.choice(_HOLES)
            at = choose.randrange(places.data.start, size) // 4096 * 4096
            data = bytes(max(0, min(length, size - at)))
            if data and plain.read("it", at, len(data)) != data:
                yield Variant("hole", at, data)
        for _number in range(count // 50):
            yield Variant("bytes behind the end", size, choose.randbytes(choose.randrange(1, 9000)))
        cuts = {size - one for one in range(1, 33)} | {0, 1, 16, 4095, 4096}
        for area in places.areas.values():
            for piece in area[:8]:
                cuts |= {piece.start, piece.start + 1, piece.stop - 1, piece.stop}
        while len(cuts) < count // 3:
            cuts.add(choose.randrange(size))
        for cut in sorted(cuts - {size}, reverse=True):
            yield Variant("cut", 0, size=cut)


@contextmanager
def applied(variant: Variant, path: Path) -> Iterator[None]:
    """The copy with this damage; cuts are not undone, because each is shorter than the one before."""
    if variant.size is not None:
        os.truncate(path, variant.size)
        yield
        return
    size = path.stat().st_size
    with path.open("r+b", buffering=0) as file:
        old = os.pread(file.fileno(), len(variant.data), variant.place)
        os.pwrite(file.fileno(), variant.data, variant.place)
        try:
            yield
        finally:
            os.pwrite(file.fileno(), old, variant.place)
            os.truncate(path, size)


def judge(path: Path, jobs: int) -> tuple[bool, bool]:
    """Whether a quick and a full look call a dump complete."""
    if verify(path)["verdict"] != "complete":
        return False, False
    return True, verify(path, how=How(True, jobs))["verdict"] == "complete"


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        prog="damage", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dumps", nargs="+", type=Path, help="real dumps, whole ones")
    parser.add_argument("--count", type=int, default=1000, help="about how many variants of each")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2, help="processes of a full look")
    arguments = parser.parse_args()
    missed_in_full = 0
    for dump in arguments.dumps:
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="damage-", dir=dump.parent) as directory:
            copy = Path(directory) / dump.name
            result = verify(dump)
            for part in result["parts"]:
                shutil.copyfile(part, Path(directory) / Path(part).name)
            if result["verdict"] != "complete":
                raise SystemExit(f"damage: {dump} is not whole: {result['why']}")
            everything: Counter[str] = Counter()
            quick: Counter[str] = Counter()
            full: Counter[str] = Counter()
            misses: list[str] = []
            for variant in variants(dump, arguments.count, arguments.seed):
                with applied(variant, copy):
                    in_quick, in_full = judge(copy, arguments.jobs)
                everything[variant.kind] += 1
                quick[variant.kind] += in_quick
                full[variant.kind] += in_full
                if in_quick:
                    misses.append(f"{'full ' if in_full else 'quick'} {variant}")
        seconds = time.monotonic() - started
        print(f"\n{dump.name}: {result['format']}, {result['size']} bytes, {seconds:.0f} s")
        print("| damage | variants | called complete by quick | by full |\n|---|---:|---:|---:|")
        for kind, number in everything.items():
            print(f"| {kind} | {number} | {quick[kind]} | {full[kind]} |")
        print(f"| all | {everything.total()} | {quick.total()} | {full.total()} |", flush=True)
        print("\n".join(misses), flush=True)
        missed_in_full += full.total()
    return int(missed_in_full > 0)
