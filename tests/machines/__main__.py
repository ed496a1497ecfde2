# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m machines convert`` makes a machine's file from a public export.

``python -m machines page`` writes docs/evidence/platforms.md.
``python -m machines compare DUMP...`` compares facts with what other programs say of the same bytes: of outputs of
lspci -xxxx with lspci, of ACPI tables and outputs of acpidump with iasl, of trees of hosts with both.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import NamedTuple

from machines import by_iasl, by_lspci, hwloc, lspci, page, pciconf, udev
from machines.machine import Machine, write

_READERS = {"pciconf": pciconf.read, "udev": udev.read, "hwloc": hwloc.read, "lspci": lspci.read}


def main() -> None:
    parser = argparse.ArgumentParser(prog="machines", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    convert = commands.add_parser("convert", help="make a file of tests/unit/data/machines")
    convert.add_argument("kind", choices=_READERS)
    convert.add_argument("export", type=Path)
    convert.add_argument("machine", type=Path, help="the file to write")
    for name in ("title", "kinds", "source", "architecture", "vendor", "product"):
        convert.add_argument(f"--{name}", required=True)
    commands.add_parser("page", help="write docs/evidence/platforms.md")
    compare = commands.add_parser("compare", help="compare facts with what lspci and iasl say")
    compare.add_argument("dumps", type=Path, nargs="+", metavar="DUMP")
    arguments = parser.parse_args()
    if arguments.command == "page":
        page.write()
        return
    if arguments.command == "compare":
        sys.exit(_compare(arguments.dumps))
    functions, root_buses = _READERS[arguments.kind](arguments.export)
    machine = Machine(
        title=arguments.title,
        kinds=arguments.kinds.split(","),
        source=arguments.source,
        architecture=arguments.architecture,
        dmi={"sys_vendor": arguments.vendor, "product_name": arguments.product},
        root_buses=root_buses,
        functions=functions,
    )
    write(arguments.machine, machine)


class Compared(NamedTuple):
    """What there is of a dump, and sentences about what differs and what could not be compared."""

    functions: int
    tables: int
    different: list[str]
    skipped: list[str]


def _compare(dumps: list[Path]) -> int:
    """Print what differs, and return 1 if anything does."""
    found = [_compared(dump) for dump in dumps]
    for dump, each in zip(dumps, found, strict=True):
        for sentence in (*each.different, *each.skipped):
            print(f"{dump}: {sentence}")
    functions, tables = sum(each.functions for each in found), sum(each.tables for each in found)
    different, skipped = (sum(map(len, column)) for column in list(zip(*found, strict=True))[2:])
    print(f"{functions} functions and {tables} tables of {len(dumps)} dumps, {different} differences,"
          f" {skipped} not compared")  # fmt: skip
    return int(different > 0)


def _compared(dump: Path) -> Compared:
    if dump.is_dir():
        spaces = by_lspci.read_tree(dump)
    else:
        spaces = by_lspci.read_dump(dump.read_text(encoding="utf-8", errors="replace"))
    different, skipped = list(by_lspci.differences(spaces)), []
    tables = by_iasl.read_dump(dump)
    for table in tables:
        try:
            different += by_iasl.differences(table)
        except ValueError as error:
            skipped.append(f"{table[:4].decode()} was not compared, iasl says: {error}")
    return Compared(len(spaces), len(tables), different, skipped)


if __name__ == "__main__":
    main()
