# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m bench copying``: a dump brought to the controller, against ansible.builtin.fetch.

The task of the role crash_test copies a file, and so does ansible.builtin.fetch with become, which a dump that only
root reads needs. Both run in a playbook of their own over a local connection, as root: there is no network, so the
figures show what the controller itself costs.

- The file has random bytes, so that nothing is saved by packing them.
- Times are by the clock, and the peak is that of the largest process of the run.
- What arrived is compared with what was sent, and its mode is printed.
- fetch takes the whole file into memory, several times over, so that it gets the small file only.
"""

from __future__ import annotations

import argparse
import filecmp
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from bench.fleet import Run, play

_RUN_ID = "00000000-0000-4000-8000-000000000000"
_PIECE = 8 << 20
_OURS = "vmcore.kdump._fetch_dump"
_PEER = "ansible.builtin.fetch"


class Copy(NamedTuple):
    """A file that was copied."""

    task: str
    mib: int
    run: Run
    mode: int
    directory_mode: int


def copy(task: str, mib: int, directory: Path) -> Copy:
    """Copy a new file of that size by a task, in a playbook of its own. A copy that differs is none."""
    source, results = directory / "source", directory / "results"
    source.touch(mode=0o600)
    with source.open("wb") as stream:
        for _piece in range(0, mib << 20, _PIECE):
            stream.write(os.urandom(min(_PIECE, mib << 20)))
    own: dict[str, dict[str, object]] = {
        _OURS: {"run_id": _RUN_ID, "results_directory": str(results)},
        _PEER: {"dest": f"{results}/dumps/", "flat": True},
    }
    tasks = [{task: {"src": str(source), **own[task]}}]
    # su asks root for no password.
    play_ = {
        "hosts": "all",
        "gather_facts": False,
        "become": True,
        "become_method": "ansible.builtin.su",
    }
    playbook = directory / "copy.yml"
    playbook.write_text(json.dumps([{**play_, "tasks": tasks}]))
    inventory = directory / "inventory.json"
    common = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    inventory.write_text(json.dumps({"all": {"hosts": {"host": {}}, "vars": common}}))
    (directory / "ansible.cfg").write_text("[defaults]\n")
    run = play(directory / "log", inventory, playbook, forks=1)
    (arrived,) = (results / "dumps").iterdir()
    if not filecmp.cmp(source, arrived, shallow=False):
        raise SystemExit(f"bench: {task} brought another file than the host has.")
    modes = (path.stat().st_mode & 0o777 for path in (arrived, arrived.parent))
    return Copy(task, mib, run, *modes)


def main(words: list[str]) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        prog="bench copying",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--small", type=int, default=256, help="MiB that both copy (default: 256)")
    parser.add_argument("--large", type=int, default=2048, help="MiB that we copy (default: 2048)")
    options = parser.parse_args(words)
    if os.geteuid():
        raise SystemExit("bench: only root becomes root without a password.")
    wanted = ((_PEER, options.small), (_OURS, options.small), (_OURS, options.large))
    copies = []
    for task, mib in wanted:
        with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
            copies.append(copy(task, mib, Path(temporary)))
    print(
        "| task | file | time | largest process | mode | of the directory |\n|---|---:|---:|---:|---|---|"
    )
    for each in copies:
        print(f"| {each.task} | {each.mib} MiB | {each.run.seconds:.1f} s | {each.run.peak_mib:.0f} MiB"
              f" | {each.mode:04o} | {each.directory_mode:04o} |")  # fmt: skip
    peer, ours, _large = (each.run for each in copies)
    print(
        f"| ratio | {options.small} MiB | {ours.seconds / peer.seconds:.2f} | {ours.peak_mib / peer.peak_mib:.2f} | | |"
    )
