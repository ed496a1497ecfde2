# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dumps that were judged wrongly: without their kernel, of other machines, and of kernels with damaged memory."""

from __future__ import annotations

import os
import struct
import tempfile
import typing as t
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.crash import crash_in
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.find import (
    crash_time_of,
    dumps_at,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.identity import Expectation
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.verify import verify
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._vmcore.dump_builder import (
    CRASH_TIME,
    FIRST_RING_FRAME,
    IMAGE,
    MAX_FRAME,
    PAGE,
    PHYS_BASE,
    PRB_STATIC,
    RECORDS,
    RUN_ID,
    START_KERNEL_MAP,
    Kdump,
    Kernel,
    Ring,
    flattened,
    plain,
    vmcoreinfo,
    write,
)


def verdict_on(data: bytes, expect: Expectation | None = None) -> dict[str, t.Any]:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "vmcore"
        path.write_bytes(data)
        return verify(path, expect)


def test_a_symbol_that_vmcoreinfo_names_must_be_in_the_dump() -> None:
    info = vmcoreinfo(**{"SYMBOL(mem_section)": f"{IMAGE + 5 * PAGE + 8:x}"})
    result = verdict_on(plain(Kdump(info=info).parts()))
    assert result["verdict"] == "incomplete"
    assert result["why"] == (
        f"The dump does not have the symbol mem_section at {IMAGE + 5 * PAGE + 8:#x} (page frame 0x105), which no dump "
        "level leaves out."
    )


def test_a_page_table_that_is_not_there_makes_a_dump_incomplete() -> None:
    kernel = Kernel()
    memory = kernel.memory()
    # Another table than those that lead to the log: an entry of the kernel's half, to a page that is RAM.
    write(memory, 0x100 * PAGE + 300 * 8, struct.pack("<Q", 0x3F0 * PAGE | 0x63))
    result = verdict_on(plain(Kdump(memory).parts()))
    assert result["verdict"] == "incomplete"
    assert (
        "page tables of the kernel are not in the dump; the first is page frame 0x3f0"
        in result["why"]
    )


def test_a_dump_level_that_leaves_nothing_out_leaves_nothing_out() -> None:
    result = verdict_on(plain(Kdump(sub_header={"dump_level": 0}).parts()))
    assert result["verdict"] == "unsupported"
    assert "made of another dump" in result["why"]


def test_a_dump_that_was_made_of_one_without_pages_of_zeros_has_none_either() -> None:
    memory = Kernel().memory()
    write(memory, 0x100 * PAGE + 300 * 8, struct.pack("<Q", 0x3F0 * PAGE | 0x63))
    without = {frame: page for frame, page in memory.items() if any(page)}
    assert verdict_on(plain(Kdump(memory).parts()))["verdict"] == "incomplete"
    # The table at 0x3f0 may have been one of them.
    assert verdict_on(plain(Kdump(without).parts()))["verdict"] == "complete"


def test_no_cpu_that_left_its_state_is_not_verified() -> None:
    result = verdict_on(plain(Kdump(header={"nr_cpus": 0}, version=3).parts()))
    assert result["verdict"] == "unsupported"
    assert result["why"].startswith("No CPU left its state")


BIG = struct.Struct(">8si65s65s65s65s65s65s6xqqIiiIIIIIIi")


@pytest.mark.parametrize("machine", [b"s390x", b"ppc64"])
def test_a_big_endian_header_is_read_in_its_order(machine: bytes) -> None:
    header = BIG.pack(
        b"KDUMP   ", 6, b"Linux", b"z", b"6.4.0", b"#1", machine, b"", CRASH_TIME, 0, 1, PAGE, 1, 2, MAX_FRAME,
        0, 0, 0, 0, 2,
    )  # fmt: skip
    result = verdict_on(header.ljust(2 * PAGE, b"\0"))
    assert result["crash"]["machine"] in (None, machine.decode())
    assert result["verdict"] != "damaged" or "header version" not in result["why"]


def test_names_by_a_makedumpfile_that_is_older_than_the_kernel_are_repaired() -> None:
    memory = Kernel().memory()
    names = bytes(
        memory[(IMAGE + PAGE - START_KERNEL_MAP + PHYS_BASE) // PAGE][1024 + 4 : 1024 + 4 + 390]
    )
    late = names[4:] + bytes(4)
    data = bytearray(plain(Kdump().parts()))
    data[12 : 12 + 390] = late
    result = verdict_on(bytes(data))
    assert (result["verdict"], result["crash"]["machine"]) == ("complete", "x86_64")
    assert "older than 1.6.9" in next(
        c["detail"] for c in result["checks"] if c["name"] == "header"
    )


def test_a_ring_that_the_crashed_kernel_damaged_is_not_the_files_damage() -> None:
    memory = Kernel().memory()
    write(memory, PRB_STATIC - START_KERNEL_MAP + PHYS_BASE, b"\xa5" * 88)
    result = verdict_on(plain(Kdump(memory).parts()))
    assert result["verdict"] == "complete"
    assert "What the kernel left in its memory is not as it should be" in result["why"]
    # Without a checksum nobody can tell the two apart.
    result = verdict_on(plain(Kdump(memory, codec="uncompressed").parts()))
    assert result["verdict"] == "unsupported"


def test_a_run_id_that_later_records_pushed_out_is_not_a_contrary_one() -> None:
    expect = Expectation(run_id=RUN_ID)
    later = [(9_000_000_000, b"storm"), *RECORDS[3:]]
    without = [record for record in later if RUN_ID.encode() not in record[1]]
    result = verdict_on(plain(Kdump(Kernel(Ring(without)).memory()).parts()), expect)
    assert result["verdict"] == "unsupported"
    assert "the log begins later, 9 s after the boot" in result["why"]
    whole = [record for record in RECORDS if RUN_ID.encode() not in record[1]]
    result = verdict_on(plain(Kdump(Kernel(Ring(whole)).memory()).parts()), expect)
    assert result["verdict"] == "not_this_crash"


def test_a_block_of_zeros_behind_a_dump_is_no_part_of_it() -> None:
    assert verdict_on(plain(Kdump().parts()) + bytes(20 * PAGE))["verdict"] == "complete"


def test_the_parts_of_a_set_may_be_flattened_and_among_many_files(tmp_path: Path) -> None:
    middle = FIRST_RING_FRAME
    for number, split in enumerate([(0, middle), (middle, MAX_FRAME)], 1):
        (tmp_path / f"vmcore{number}").write_bytes(flattened(Kdump(split=split).parts()))
    for number in range(1100):
        (tmp_path / f"a{number}").touch()
    result = verify(tmp_path / "vmcore1")
    assert (result["verdict"], len(result["parts"])) == ("complete", 2)


def test_the_time_of_the_crash_counts_and_not_the_files(tmp_path: Path) -> None:
    path = tmp_path / "backup" / "kdump.202611220951"
    path.parent.mkdir()
    path.write_bytes(plain(Kdump().parts()))
    os.utime(path, (0, 0))
    os.utime(path.parent, (0, 0))
    assert crash_time_of(path) == CRASH_TIME
    assert dumps_at(tmp_path, CRASH_TIME - 60.0) == [path]
    assert dumps_at(tmp_path, CRASH_TIME + 60.0) == []


TRACE = """\
[    5.000000] [    T307] sysrq: Trigger a crash
[    5.000001] [    T307] Kernel panic - not syncing: sysrq triggered crash
[    5.000002] [    T307] CPU: 1 UID: 0 PID: 307 Comm: sh Kdump: loaded Not tainted 6.12.0 #1
[    5.000003] [    T307] Call Trace:
[    5.000004] [    T307]  <TASK>
[    5.000005] [    T307]  dump_stack_lvl+0x5d/0x80
[    5.000006] [    T307]  panic+0x118/0x2d0
[    5.000006] [      C0] clocksource: other words
[    5.000007] [    T307]  ? _printk+0x6b/0x90
[    5.000008] [    T307]  sysrq_handle_crash.isra.0+0x1a/0x20
[    5.000009] [    T307]  __handle_sysrq.cold+0x9b/0xde
[    5.000010] [    T307]  </TASK>
"""


def test_equal_crashes_have_one_signature() -> None:
    crash = crash_in(TRACE)
    assert crash["trace"] == ["panic", "sysrq_handle_crash", "__handle_sysrq"]
    assert (crash["cpu"], crash["task"], crash["reason"]) == (1, "sh", "sysrq triggered crash")
    other = (
        TRACE.replace("+0x1a/0x20", "+0x2c/0x44").replace("5.0000", "7.0000").replace(".isra.0", "")
    )
    assert crash_in(other)["signature"] == crash["signature"]
    assert crash_in(TRACE.replace("sysrq_handle_crash", "other"))["signature"] != crash["signature"]


def with_stack_at(pointer: int) -> bytes:
    """What a CPU left: its stack pointer."""
    return bytes(112 + 19 * 8) + struct.pack("<Q", pointer) + bytes(64)


STACK = Kernel().direct_map + FIRST_RING_FRAME * PAGE


def test_the_stack_of_a_cpu_must_be_in_the_dump() -> None:
    assert verdict_on(plain(Kdump(registers=with_stack_at(STACK)).parts()))["verdict"] == "complete"
    memory = Kernel().memory()
    # The page table of the direct map has the next page as well, which is RAM, and not in the dump.
    write(memory, 0x113 * PAGE + (FIRST_RING_FRAME + 9) % 512 * 8, struct.pack("<Q", 0x3F0 * PAGE | 0x63))  # fmt: skip
    data = plain(Kdump(memory, registers=with_stack_at(STACK + 9 * PAGE + 8)).parts())
    result = verdict_on(data)
    assert result["verdict"] == "incomplete"
    assert "does not have the stack of CPU state 0" in result["why"]


@pytest.mark.parametrize("pointer", [0, 0x7FFF12345678, 0xFFFFC90000004000, (1 << 64) - 8])
def test_a_stack_pointer_that_leads_nowhere_is_what_a_crash_leaves(pointer: int) -> None:
    data = plain(Kdump(registers=with_stack_at(pointer)).parts())
    assert verdict_on(data)["verdict"] == "complete"


def test_a_symbol_that_is_no_place_in_memory_is_no_gap() -> None:
    info = vmcoreinfo(**{"SYMBOL(vmemmap)": "ffffea0000000000", "SYMBOL(pages)": "12"})
    assert verdict_on(plain(Kdump(info=info).parts()))["verdict"] == "complete"


def test_a_page_table_that_was_overwritten_is_the_crash_and_not_the_file() -> None:
    memory = Kernel().memory()
    write(memory, 0x100 * PAGE + 300 * 8, struct.pack("<Q", 0x7FFFFF * PAGE | 0x63))
    result = verdict_on(plain(Kdump(memory).parts()))
    assert result["verdict"] == "complete"
    assert "a table is in the page frame 0x7fffff, which is no RAM" in result["why"]
    # Nothing says of pages without a checksum what they were; a gap it is not.
    result = verdict_on(plain(Kdump(memory, codec="uncompressed").parts()))
    assert result["verdict"] == "complete"


def test_a_boot_id_is_looked_for_only_where_the_table_of_symbols_is_known() -> None:
    info = vmcoreinfo(
        **{f"SYMBOL(kallsyms_{name})": f"{IMAGE + PAGE:x}" for name in (
            "num_syms", "names", "token_table", "token_index", "offsets", "relative_base")}
    )  # fmt: skip
    result = verdict_on(plain(Kdump(info=info).parts()))
    assert (result["verdict"], result["crash"]["boot_id"]) == ("complete", None)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"EMiL\1\0\0\0", "image of memory"),
        (b"AVML\2\0\0\0", "image of memory"),
        (b"minidump FreeBSD/amd64\0\0", "FreeBSD kernel dump"),
        (b"FreeBSD Kernel Dump\0", "FreeBSD kernel dump"),
        (b"MDMP\x93\xa7\0\0", "Windows crash dump"),
        (b"QEVM\0\0\0\3", "saved guest"),
        (b"LibvirtQemudSave", "saved guest"),
        (bytes(4086) + b"SWAPSPACE2", "swap space"),
        (b"LUKS\xba\xbe\0\2", "LUKS"),
        (b"vmcore".ljust(257, b"\0") + b"ustar\0", "archive"),
        (b"\x02\x21\x4c\x18", "stream of another compressor"),
    ],
    ids=str,
)
def test_what_is_no_dump_of_kdump_has_a_name(data: bytes, name: str) -> None:
    result = verdict_on(data.ljust(3 * PAGE, b"x"))
    assert (result["verdict"], result["format"]) == ("unsupported", name)


def test_a_file_that_begins_with_some_zeros_is_not_one_that_was_not_written() -> None:
    # A file system, its super block at 1024.
    result = verdict_on(bytes(1080) + b"\x53\xef" + bytes(3 * PAGE))
    assert result["verdict"] == "unsupported"
    assert verdict_on(bytes(PAGE) + b"x" * PAGE)["verdict"] == "incomplete"


def test_notes_that_end_before_the_header_says_are_not_verified() -> None:
    """makedumpfile writes the size that they have; zeros behind them would hide that it was changed."""
    data = bytearray(plain(Kdump().parts()))
    (size,) = struct.unpack_from("<Q", data, PAGE + 56)
    struct.pack_into("<Q", data, PAGE + 56, size + 64)
    result = verdict_on(bytes(data))
    assert result["verdict"] == "unsupported"
    assert "The notes end at byte" in result["why"]


def test_a_dump_by_qemu_is_named() -> None:
    data = bytearray(plain(Kdump().parts()))
    data[12 : 12 + 390] = bytes(4 * 65) + b"Unknown".ljust(2 * 65, b"\0")
    result = verdict_on(bytes(data))
    assert result["verdict"] == "unsupported"
    assert "QEMU's dump-guest-memory wrote the dump" in result["why"]
