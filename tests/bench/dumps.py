# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a verdict on a large dump takes: ``python -m bench dumps``.

- "quick" is a verdict on a sparse dump of 100 GB that 25 million pages of a machine with 2 TB of memory
  would be. Its page descriptors and its bitmaps are there; the data of its pages is a hole, but for those
  that the kernel's log is read from, so each page is stored and not compressed. The log is that of the
  unit tests' kernel.
- "sparse" are verdicts on small dumps of large machines: 1 GiB of RAM somewhere in so many addresses, and a flattened
  stream of so many records. Their bitmaps and pages are holes of the file, as a file system with holes keeps them.
- "full" reads every page of a dump of compressible pages in as many processes as there are CPUs, against
  ``makedumpfile --dry-run`` with as many threads. It needs a real dump, which is named on the command line.
- Bytes are those that the process read (rchar of /proc/self/io); peaks are VmHWM. The page cache is warm.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from array import array
from pathlib import Path
from typing import NamedTuple

from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._vmcore.dump_builder import (
    PAGE,
    Kdump,
    Kernel,
)

_MEMORY = 2 << 40
_PAGES = 25_000_000
_AT_ONCE = 1 << 16

# Runs in a process of its own.
_VERIFY = """
import json, sys, time
from pathlib import Path
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.container import How
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.verify import verify
def read():
    return int(Path("/proc/self/io").read_text().split()[1])
before, started, busy = read(), time.perf_counter(), time.process_time()
result = verify(Path(sys.argv[1]), how=How(sys.argv[2] == "full", int(sys.argv[3])))
seconds, busy = time.perf_counter() - started, time.process_time() - busy
peak = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
print(json.dumps([seconds, busy, read() - before, peak, result["verdict"], result["why"]]))
"""


class Run(NamedTuple):
    """One measured verdict."""

    seconds: float
    cpu_seconds: float
    bytes_read: int
    peak_kib: int
    verdict: str
    why: str


def generate(path: Path, addresses: int = _MEMORY, ram: int = _MEMORY, pages: int = _PAGES) -> None:
    """Write a dump of so many pages, evenly out of the RAM of a machine."""
    memory = Kernel().memory()
    frames = addresses // PAGE
    in_ram = ram // PAGE
    bitmap_blocks = 2 * (frames // 8 // PAGE)
    # The headers, and nothing of the pages, of a small dump of the same kernel.
    kdump = Kdump(
        memory,
        codec="uncompressed",
        header={"bitmap_blocks": bitmap_blocks, "max_mapnr": min(frames, (1 << 32) - 1)},
        sub_header={"dump_level": 30, "max_mapnr_64": frames},
    )
    parts = kdump.parts()
    bitmap = parts[3][0]
    dumped = bytearray(in_ram // 8)
    # What the kernel needs, and others in between.
    step = max(1, in_ram // max(1, pages - len(memory)))
    wanted = sorted({*memory, *range(1 << 12, in_ram, step)})[:pages]
    for frame in wanted:
        dumped[frame >> 3] |= 1 << (frame & 7)
    table = bitmap + bitmap_blocks * PAGE
    data = table + 24 * len(wanted)
    with path.open("wb") as file:
        for offset, content in parts[:3]:
            file.seek(offset)
            file.write(content)
        file.seek(bitmap)
        file.write(b"\xff" * len(dumped))
        file.seek(bitmap + bitmap_blocks * PAGE // 2)
        file.write(dumped)
        file.seek(table)
        for start in range(0, len(wanted), _AT_ONCE):
            count = min(_AT_ONCE, len(wanted) - start)
            words = array("Q", bytes(24 * count))
            words[0::3] = array(
                "Q", range(data + start * PAGE, data + (start + count) * PAGE, PAGE)
            )
            words[1::3] = array("Q", [PAGE]) * count
            file.write(words.tobytes())
        for index, frame in enumerate(wanted):
            if frame in memory:
                file.seek(data + index * PAGE)
                file.write(memory[frame])
        file.truncate(data + len(wanted) * PAGE)


def flatten(source: Path, target: Path, record: int) -> int:
    """Write a flattened stream of records of this size, with the holes of the dump; return how many they are."""
    size = source.stat().st_size
    with source.open("rb") as dump, target.open("wb") as stream:
        stream.write(b"makedumpfile\0\0\0\0" + struct.pack(">qq", 1, 1))
        place = 4096
        for offset in range(0, size, record):
            content = dump.read(min(record, size - offset))
            stream.seek(place)
            stream.write(struct.pack(">qq", offset, len(content)))
            if any(content):
                stream.write(content)
            place += 16 + len(content)
        stream.seek(place)
        stream.write(struct.pack(">qq", -1, -1))
    return -(-size // record)


def verify(path: Path, how: str, jobs: int) -> Run:
    """Verify a dump in a process of its own."""
    command = [sys.executable, "-c", _VERIFY, str(path), how, str(jobs)]
    output = subprocess.run(command, check=True, capture_output=True).stdout
    return Run(*json.loads(output))


def makedumpfile(path: Path, jobs: int) -> float:
    """The seconds that makedumpfile needs to read every page."""
    command = ["makedumpfile", "--dry-run", "-d", "31", "--num-threads", str(jobs), str(path), "x"]
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


def quick(runs: int) -> None:
    """Print what a quick verdict on the large dump takes."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("TMPDIR")) as directory:
        path = Path(directory) / "vmcore"
        generate(path)
        size = path.stat().st_size
        results = [verify(path, "quick", 1) for _run in range(runs + 1)][1:]
    if {run.verdict for run in results} != {"complete"}:
        raise SystemExit(f"bench: the dump is not complete: {results[0].why}")
    seconds = statistics.median(run.seconds for run in results)
    print(f"quick: {size / 1e9:.1f} GB of {_MEMORY >> 40} TiB in {seconds:.2f} s (goal 1; "
          f"{min(run.cpu_seconds for run in results):.2f} s on the CPU), "
          f"{results[0].bytes_read / 1e6:.0f} MB read (goal 150), "
          f"{max(run.peak_kib for run in results) / 1024:.0f} MiB peak (goal 200)")  # fmt: skip


def sparse(runs: int) -> None:
    """Print what a quick verdict on each of the sparse dumps takes."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("TMPDIR")) as directory:
        plain, stream = Path(directory) / "vmcore", Path(directory) / "vmcore.flat"
        for tebibytes in (8, 32):
            generate(plain, tebibytes << 40, 1 << 30, 1000)
            _print_sparse(f"1 GiB of RAM in {tebibytes} TiB of addresses", plain, runs)
        generate(plain, 1 << 34, 1 << 30, 100_000)
        records = flatten(plain, stream, 1024)
        plain.unlink()
        _print_sparse(f"a stream of {records} records", stream, runs)


def _print_sparse(what: str, path: Path, runs: int) -> None:
    results = [verify(path, "quick", 1) for _run in range(runs + 1)][1:]
    if {run.verdict for run in results} != {"complete"}:
        raise SystemExit(f"bench: the dump is not complete: {results[0].why}")
    print(f"sparse: {what}, {path.stat().st_size / 1e6:.0f} MB, in "
          f"{statistics.median(run.seconds for run in results):.2f} s (goal 1; "
          f"{min(run.cpu_seconds for run in results):.2f} s on the CPU), "
          f"{max(run.peak_kib for run in results) / 1024:.0f} MiB peak")  # fmt: skip


def full(path: Path, runs: int) -> None:
    """Print what a full look at a real dump takes, and makedumpfile."""
    jobs = len(os.sched_getaffinity(0))
    ours, theirs = [], []
    for _run in range(runs + 1):
        ours.append(verify(path, "full", jobs))
        theirs.append(makedumpfile(path, jobs))
    mine = statistics.median(run.seconds for run in ours[1:])
    other = statistics.median(theirs[1:])
    print(f"full: {path.name}, {path.stat().st_size / 1e6:.0f} MB, {jobs} CPUs: {mine:.2f} s; "
          f"makedumpfile --dry-run: {other:.2f} s; ratio {mine / other:.2f}; "
          f"peak {max(run.peak_kib for run in ours) / 1024:.0f} MiB")  # fmt: skip


def main(arguments: list[str]) -> None:
    """Print all of them."""
    runs = 5
    print(f"Python {platform.python_version()}, {runs} runs")
    quick(runs)
    sparse(runs)
    if arguments and shutil.which("makedumpfile") is None:
        raise SystemExit("bench: makedumpfile is not installed.")
    for path in map(Path, arguments):
        full(path, runs)
