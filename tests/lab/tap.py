# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody sees who listens on a machine's network, and how much of a dump is in there."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from lab.machine import Machine

# Short beside a TCP segment, so that few pieces begin in one frame and end in the next.
_PIECE = 64
_PIECES = 100
# Bytes of a piece that differ: zeros and patterns are everywhere.
_DISTINCT = 32


class Seen(NamedTuple):
    """How many pieces of a dump were looked for on the network, and found."""

    pieces: int
    found: int

    def __str__(self) -> str:
        return f"{self.found} of {self.pieces}"


@contextmanager
def listening(host: Machine, netdev: str = "net0") -> Iterator[Path]:
    """Write every frame of a machine's network to a file, for as long as this lasts.

    QEMU's filter-dump does it (qemu(1), "-object filter-dump"). The file is a pcap file, with the frames as they are.
    """
    frames = host.directory / f"{netdev}.pcap"
    host.qmp(
        "object-add",
        **{"qom-type": "filter-dump", "id": "tap", "netdev": netdev, "file": str(frames)},
    )
    try:
        yield frames
    finally:
        host.qmp("object-del", id="tap")


def seen(frames: Path, dump: Path) -> Seen:
    """Look for pieces of a dump, from its begin to its end, in what was heard."""
    looked_for = list(_pieces(dump))
    with (
        frames.open("rb") as stream,
        mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as heard,
    ):
        return Seen(len(looked_for), sum(heard.find(piece) >= 0 for piece in looked_for))


def _pieces(dump: Path) -> Iterator[bytes]:
    """Pieces at even distances that are not likely to be anywhere else."""
    size = dump.stat().st_size
    with dump.open("rb") as stream:
        for number in range(_PIECES):
            stream.seek(size * number // _PIECES)
            piece = stream.read(_PIECE)
            if len(set(piece)) >= _DISTINCT:
                yield piece
