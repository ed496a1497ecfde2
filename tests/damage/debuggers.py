# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What vmcore_info says of dumps, and what a debugger does with them: ``make debuggers DUMPS="..."``.

drgn opens each dump with the kernel's debug information (VMLINUX=...), reads the log, every task, every module and the
trace of the one that panicked. With GAPS=1 the first dump, a kdump-compressed one, is also copied without most of its
pages (all but those of the log), and without the task that panicked. A dump that is called complete must open; the
copies must be called incomplete. The table is that of docs/how/vmcore-verification.md.
"""

from __future__ import annotations

import argparse
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore import kallsyms
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.kdump_compressed import (
    KdumpCompressed,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.kernel_state import CURRENT
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.memory import (
    ORDERS,
    memory_of,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.opening import Files
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.printk import read_log
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.verify import verify
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.vmcoreinfo import VmcoreInfo

# page_desc: offset, size, flags, page_flags
_DESCRIPTOR = struct.Struct("<QIIQ")
_DRGN = """
import sys
import drgn
from drgn.helpers.linux import for_each_module, for_each_task, get_dmesg
program = drgn.Program()
program.set_core_dump(sys.argv[1])
program.load_debug_info([sys.argv[2]])
lines = len(get_dmesg(program).splitlines())
tasks, modules = sum(1 for _ in for_each_task(program)), sum(1 for _ in for_each_module(program))
trace = [frame.name for frame in program.crashed_thread().stack_trace()]
if "panic" not in trace:
    raise SystemExit(f"no panic in {trace}")
print(f"opens: {lines} lines, {tasks} tasks, {modules} modules, trace")
"""


class Row(NamedTuple):
    """One dump."""

    name: str
    format: str
    quick: str
    full: str
    drgn: str
    why: str

    @property
    def is_right(self) -> bool:
        """Whether drgn opens what is called complete."""
        return self.quick != "complete" or self.drgn.startswith("opens")


def judged(path: Path, name: str, vmlinux: Path, python: str) -> Row:
    """Both verdicts on a dump, and what drgn says. drgn does not read split dumps."""
    quick, full = verify(path), verify(path, full=True)
    drgn = "-"
    if len(quick["parts"]) == 1:
        command = [python, "-c", _DRGN, str(path), str(vmlinux)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        drgn = result.stdout.strip() or result.stderr.strip().splitlines()[-1][:120]
    return Row(name, quick["format"], quick["verdict"], full["verdict"], drgn, quick["why"])


class Pages:
    """The pages of a kdump-compressed dump, to be copied without some of them."""

    def __init__(self, path: Path, files: Files) -> None:
        self._raw = path.read_bytes()
        self._dump = KdumpCompressed(files.plain(path), ORDERS)
        self._dump.check_bitmaps()
        self._info = VmcoreInfo(self._dump.read_vmcoreinfo())

    def of_the_log(self) -> set[int]:
        """The page frames that the log is read from."""
        read: set[int] = set()
        find = self._dump.read_page

        def noted(frame: int) -> bytes:
            read.add(frame)
            return find(frame)

        memory = memory_of(self._dump, self._info)
        memory._read_page = noted
        memory.read(self._info.address("init_uts_ns"), 512)
        read_log(memory, self._info)
        return read

    def of_the_task(self, cpu: int) -> int:
        """The page frame of the task that ran on a CPU."""
        memory = memory_of(self._dump, self._info)
        symbols = kallsyms.known_symbols(memory, self._info, ("__per_cpu_offset", *CURRENT))
        current = next(symbols[name] for name in CURRENT if name in symbols)
        place = memory.ulong(symbols["__per_cpu_offset"] + cpu * 8) + current
        return memory.frame(memory.ulong(place & (1 << 64) - 1))

    def all(self) -> set[int]:
        """Every page frame that is in the dump."""
        return {frame for frame in range(self._dump.header.frames) if self._dump.has_page(frame)}

    def copy(self, frames: Iterable[int], target: Path) -> None:
        """Write a dump that has these pages only."""
        header, kept = self._dump.header, sorted(frames)
        bitmap = bytearray(header.bitmap_size)
        for frame in kept:
            bitmap[frame // 8] |= 1 << frame % 8
        first = header.descriptors + _DESCRIPTOR.size * len(kept)
        descriptors, pages = bytearray(), bytearray(header.block_size)
        for frame in kept:
            index = self._dump._bitmaps.index_of(frame)
            place = header.descriptors + (index or 0) * _DESCRIPTOR.size
            offset, size, flags, page_flags = _DESCRIPTOR.unpack_from(self._raw, place)
            own = first
            if offset != self._dump._first_data:
                own += len(pages)
                pages += self._raw[offset : offset + size]
            descriptors += _DESCRIPTOR.pack(own, size, flags, page_flags)
        before = self._raw[: header.bitmap + header.bitmap_size]
        target.write_bytes(before + bitmap + descriptors + pages)


def gaps(path: Path, directory: Path) -> Iterator[tuple[str, Path]]:
    """Copies of a dump that lack what a debugger needs."""
    files = Files(path.parent)
    try:
        pages = Pages(path, files)
        log, everything = pages.of_the_log(), pages.all()
        cpu = verify(path)["crash"]["cpu"] or 0
        for name, frames in (
            (f"the {len(log)} pages of its log", log),
            ("without the task that panicked", everything - {pages.of_the_task(cpu)}),
        ):
            copy = directory / f"copy-{len(frames)}"
            pages.copy(frames, copy)
            yield f"{path.name}, {name}", copy
    finally:
        files.close()


def main() -> int:
    """Print the table, and then what is wrong."""
    parser = argparse.ArgumentParser(
        prog="debuggers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dumps", nargs="+", type=Path)
    parser.add_argument("--vmlinux", required=True, type=Path, help="with debug information")
    parser.add_argument("--python", default=sys.executable, help="the Python that has drgn")
    parser.add_argument("--gaps", action="store_true", help="copies of the first one as well")
    arguments = parser.parse_args()
    rows = []
    wrong: list[str] = []
    print("| dump | format | quick | full | drgn |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(dir=arguments.dumps[0].parent) as directory:
        dumps = [(path.name, path) for path in arguments.dumps]
        lacking = list(gaps(arguments.dumps[0], Path(directory))) if arguments.gaps else []
        for name, path in [*dumps, *lacking]:
            row = judged(path.absolute(), name, arguments.vmlinux, arguments.python)
            print(f"| {' | '.join(row[:5])} |", flush=True)
            rows.append(row)
            if not row.is_right:
                wrong.append(f"{name} is called complete, and drgn says: {row.drgn}")
            if path in [copy for _name, copy in lacking] and row.quick != "incomplete":
                wrong.append(f"{name} is called {row.quick}.")
    print("\n".join([f"{row.name}: {row.why}" for row in rows if row.quick != "complete"] + wrong))
    return int(bool(wrong))


if __name__ == "__main__":
    raise SystemExit(main())
