# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's own table of symbols, built as scripts/kallsyms.c builds it."""

from __future__ import annotations

import struct
import typing as t

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore import kallsyms
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Absent, Flaw
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.vmcoreinfo import VmcoreInfo
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._vmcore.dump_builder import (
    PAGE,
    START_KERNEL_MAP,
    memory_at,
    vmcoreinfo,
)

if t.TYPE_CHECKING:
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.memory import Memory

# Where the tables are: not at the start of a page.
START = START_KERNEL_MAP + 0x100DC0
BASE = START_KERNEL_MAP + 0x1000000
WANTED = "sysctl_bootid"
# More than one piece of 64 KiB, and a name with more tokens than one byte of its length can say.
OTHERS = [f"d{'a_function_of_a_driver' * 3}_{number}" for number in range(3000)]
LONG = "t" + "long_" * 30


class Table(t.NamedTuple):
    """Symbols, each with its type before its name, and where they are."""

    symbols: t.Sequence[tuple[str, int]]
    says: int | None = None
    token_index: bytes = b""

    def lay_out(self) -> tuple[bytes, dict[str, int]]:
        """The tables, one behind the other, and their places."""
        tokens = [bytes((number,)) for number in range(256)]
        tokens[0x01], tokens[0x02] = b"sysctl", b"_bootid"
        names = bytearray()
        for name, _offset in self.symbols:
            packed = (
                name.encode().replace(b"sysctl", b"\x01").replace(b"_bootid", b"\x02")
                if name[1:] == WANTED
                else name.encode()
            )
            size = len(packed)
            names += bytes((size,)) if size < 0x80 else bytes((size & 0x7F | 0x80, size >> 7))
            names += packed
        token_table, index = bytearray(), bytearray()
        for token in tokens:
            index += struct.pack("<H", len(token_table))
            token_table += token.strip(b"\0") + b"\0"
        count = len(self.symbols) if self.says is None else self.says
        data, places = bytearray(), {}
        for name, table in (
            ("kallsyms_num_syms", struct.pack("<I", count)),
            ("kallsyms_names", names),
            ("kallsyms_token_table", token_table),
            ("kallsyms_token_index", self.token_index or index),
            (
                "kallsyms_offsets",
                b"".join(struct.pack("<i", offset) for _name, offset in self.symbols),
            ),
            ("kallsyms_relative_base", struct.pack("<Q", BASE)),
        ):
            places[name] = START + len(data)
            data += bytes(table).ljust(-(-len(table) // 8) * 8, b"\0")
        return bytes(data), places

    def read(self) -> tuple[Memory, VmcoreInfo]:
        data, places = self.lay_out()
        image = bytes(START % PAGE) + data
        first = (START - START_KERNEL_MAP) // PAGE

        def read_page(frame: int) -> bytes:
            page = image[(frame - first) * PAGE :][:PAGE] if frame >= first else b""
            if not page:
                raise Absent(frame, is_ram=False)
            return page.ljust(PAGE, b"\0")

        info = VmcoreInfo(
            vmcoreinfo(
                **{f"SYMBOL({name})": f"{at:x}" for name, at in places.items()},
                **{"NUMBER(phys_base)": "0"},
            )
        )
        return memory_at(read_page, PAGE, info), info


def find(table: Table, *wanted: str) -> dict[str, int]:
    return kallsyms.find_symbols(*table.read(), wanted)


def test_a_symbol_is_found_in_tables_that_begin_anywhere_and_take_many_pages() -> None:
    symbols = [*((name, 16 * number) for number, name in enumerate(OTHERS)), (LONG, 1 << 20),
               (f"b{WANTED}", 0x200000)]  # fmt: skip
    assert find(Table(symbols), WANTED, LONG[1:], "missing") == {
        WANTED: BASE + 0x200000,
        LONG[1:]: BASE + (1 << 20),
    }


def test_offsets_of_kernels_that_have_variables_of_each_cpu_are_negative() -> None:
    symbols = [("Apcpu_hot", 0x2C000), (f"b{WANTED}", -1 - 0x3000)]
    assert find(Table(symbols), WANTED, "pcpu_hot") == {
        "pcpu_hot": 0x2C000,
        WANTED: BASE - 1 - -(1 + 0x3000),
    }


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (Table([("Aa", 0)], says=0), "says that it has 0"),
        (Table([("Aa", 0)], says=1 << 30), "says that it has 1073741824"),
        (
            Table([("Aa", 0)], token_index=struct.pack("<256H", *range(256, 0, -1))),
            "not in their order",
        ),
        (Table([("", 0)]), "Symbol 0 of the kernel's table has no name"),
    ],
)
def test_a_table_that_contradicts_itself_is_the_kernels_flaw(table: Table, sentence: str) -> None:
    with pytest.raises(Flaw, match=sentence) as caught:
        find(table, WANTED)
    assert caught.value.verdict == "unsupported"


def test_a_kernel_that_does_not_say_where_its_table_is_has_none() -> None:
    assert not kallsyms.has_symbols(VmcoreInfo(vmcoreinfo()))
    assert kallsyms.has_symbols(Table([("Aa", 0)]).read()[1])
