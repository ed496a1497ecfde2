# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m machines convert`` makes a machine's file from a public export.

``python -m machines page`` writes docs/evidence/platforms.md.
``python -m machines compare DUMP...`` compares the facts of outputs of lspci -xxxx, and of trees of hosts, with what
lspci says of them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from machines import by_lspci, hwloc, lspci, page, pciconf, udev
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
    compare = commands.add_parser("compare", help="compare facts with what lspci says")
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


def _compare(dumps: list[Path]) -> int:
    """Print what differs, and return 1 if anything does."""
    functions, different = 0, 0
    for dump in dumps:
        if dump.is_dir():
            spaces = by_lspci.read_tree(dump)
        else:
            spaces = by_lspci.read_dump(dump.read_text(encoding="utf-8", errors="replace"))
        functions += len(spaces)
        for sentence in by_lspci.differences(spaces):
            print(f"{dump}: {sentence}")
            different += 1
    print(f"{functions} functions of {len(dumps)} dumps, {different} differences")
    return int(different > 0)


if __name__ == "__main__":
    main()
