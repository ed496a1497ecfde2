# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo: the collection's own playbooks against a virtual machine, exactly as against a server."""

from __future__ import annotations

import argparse
import time

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.summary import summary
from lab.errors import LabError
from lab.experiment import Guest, guest
from lab.machine import Machine
from lab.plays import Plays
from lab.progress import tail

_EVERYTHING = [{"name": "empty plan", "match": {"port": "*"}, "reason": "The demo was told to."}]


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``demo`` to the lab's command line."""
    command = commands.add_parser("demo", help="assess, configure, crash and verify a machine")
    command.add_argument("--profile", default="vtd", help="PCIe tree and IOMMU (default: vtd)")
    command.add_argument("--image", default="debian13", help="guest (default: debian13)")
    command.add_argument(
        "--empty-plan", action="store_true", help="exclude every port from the reset"
    )
    command.add_argument(
        "--no-confirm", action="store_true", help="leave the confirmation out; nothing is crashed"
    )
    command.add_argument("--keep", action="store_true", help="leave the machine running")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the demo; the exit code is 0 only for a crash whose dump was verified."""
    started = time.monotonic()
    print(f"The demo crashes a virtual machine ({arguments.profile}) and verifies its dump.")
    code = 1
    one = Guest("demo", arguments.profile, arguments.image)
    with guest((one,), keep=arguments.keep, keep_on_failure=lambda: code != 0) as (host,):
        code = _Demo(host, arguments).run()
        if arguments.keep:
            print(f"The machine runs: {' '.join(host.ssh_command())}")
    print(f"The demo took {time.monotonic() - started:.0f} s.")
    # Scripts read the last line.
    print(f"crash test: {1 - code} passed, {code} failed")
    return code


class _Demo:
    def __init__(self, host: Machine, arguments: argparse.Namespace) -> None:
        self.host = host
        self.plays = Plays(
            host,
            pcie_reset_exclusions=_EVERYTHING if arguments.empty_plan else [],
            crash_test_confirm=[] if arguments.no_confirm else [host.name],
            crash_test_fetch_dump=True,
        )

    def run(self) -> int:
        """Run the playbooks; 0 if all that was to be seen was seen, 1 otherwise."""
        boot_id = self._boot_id()
        for playbook in ("assess", "configure", "crash_test"):
            if self.plays.play(playbook):
                self._report_failure(playbook, boot_id)
                return 1
        path, record = self.plays.record()
        print(f"\n{summary(record)}\n")
        dump = path.parent / "dumps" / f"{path.stem}.dump"
        print(f"Result record: {path}\nDump: {dump}")
        return 0

    def _boot_id(self) -> str:
        return self.host.ssh("cat /proc/sys/kernel/random/boot_id").strip()

    def _report_failure(self, playbook: str, boot_id: str) -> None:
        print(f"\nThe demo failed in the stage {playbook}. Last lines of the console:")
        for line in tail(self.host.console, 15):
            print(f"  {line}")
        try:
            same = self._boot_id() == boot_id
            print(f"The machine's boot id is {'unchanged' if same else 'another one'}: {boot_id}")
        except LabError as error:
            print(f"The machine does not answer: {error}")
        print(f"Console log: {self.host.console}\nDisk: {self.host.disk}")
