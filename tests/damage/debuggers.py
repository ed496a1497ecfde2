# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What vmcore_info says of dumps, and what the standard tools make of them: ``make debuggers DUMPS="..."``.

Each dump is judged quickly and in full. Then drgn opens it with the kernel's debug information (VMLINUX=...), and, if
they are named with ARGS="--crash PROGRAM --makedumpfile PROGRAM", so do these (oracles.py says what each is asked).

A dump that is called complete is right if a tool opens it and none fails. A dump that is called incomplete or damaged
is right if a tool fails. An unsupported one claims nothing: it is right as well, and false is only what is claimed.

With GAPS=1 the first dump, a kdump-compressed one, is also copied without most of its pages (all but those of the
log), and without the task that panicked; these copies must be called incomplete. The tables are those of
docs/evidence/dumps.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.verify import verify
from damage.gaps import gaps
from damage.oracles import NOT_ASKED, Answer, crash, drgn, makedumpfile


class Tools(NamedTuple):
    """The programs that are asked."""

    vmlinux: Path
    python: str
    crash: str | None
    makedumpfile: str | None


class Row(NamedTuple):
    """One dump."""

    name: str
    format: str
    quick: str
    full: str
    answers: tuple[Answer, ...]  # of makedumpfile, crash, drgn
    why: str

    @property
    def is_right(self) -> bool:
        """Whether no tool contradicts the verdicts."""
        opened = [answer.opened for answer in self.answers]
        return all(
            (True in opened and False not in opened)
            if verdict == "complete"
            else verdict == "unsupported" or False in opened
            for verdict in (self.quick, self.full)
        )


def judged(path: Path, name: str, tools: Tools) -> Row:
    """Both verdicts on a dump, and what the tools say."""
    quick, full = verify(path), verify(path, full=True)
    parts = [Path(part) for part in quick["parts"]]
    answers = (
        makedumpfile(tools.makedumpfile, parts, is_flattened="flattened" in quick["format"])
        if tools.makedumpfile
        else NOT_ASKED,
        crash(tools.crash, tools.vmlinux, parts) if tools.crash else NOT_ASKED,
        drgn(tools.python, tools.vmlinux, parts),
    )
    return Row(name, quick["format"], quick["verdict"], full["verdict"], answers, quick["why"])


def main() -> int:
    """Print the table, and then what is wrong."""
    parser = argparse.ArgumentParser(
        prog="debuggers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dumps", nargs="+", type=Path)
    parser.add_argument("--vmlinux", required=True, type=Path, help="with debug information")
    parser.add_argument("--python", default=sys.executable, help="the Python that has drgn")
    parser.add_argument("--crash", help="the program crash")
    parser.add_argument("--makedumpfile", help="the program makedumpfile")
    parser.add_argument("--gaps", action="store_true", help="copies of the first one as well")
    arguments = parser.parse_args()
    tools = Tools(arguments.vmlinux, arguments.python, arguments.crash, arguments.makedumpfile)
    rows = []
    wrong: list[str] = []
    print("| dump | format | quick | full | makedumpfile | crash | drgn | right |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(dir=arguments.dumps[0].parent) as directory:
        dumps = [(path.name, path) for path in arguments.dumps]
        lacking = list(gaps(arguments.dumps[0], Path(directory))) if arguments.gaps else []
        for name, path in [*dumps, *lacking]:
            row = judged(path.absolute(), name, tools)
            said = [answer.said for answer in row.answers]
            right = "yes" if row.is_right else "no"
            cells = [name, row.format, row.quick, row.full, *said, right]
            print(f"| {' | '.join(cells)} |", flush=True)
            rows.append(row)
            if not row.is_right:
                wrong.append(f"{name} is called {row.quick}, in full {row.full}: {row.why}")
            if path in [copy for _name, copy in lacking] and row.quick != "incomplete":
                wrong.append(f"{name} is called {row.quick}.")
    print("\n".join([f"{row.name}: {row.why}" for row in rows if row.quick != "complete"]))
    print("\n".join(["", *wrong, f"{len(rows)} dumps, {len(wrong)} wrong"]))
    return int(bool(wrong))


if __name__ == "__main__":
    raise SystemExit(main())
