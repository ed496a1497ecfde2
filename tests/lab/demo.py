# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo: the collection's own playbooks against a virtual machine, exactly as against a server."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.summary import summary
from lab import machine
from lab.errors import LabError
from lab.progress import tail

_NAME = "demo"
_CHECKOUT = Path(__file__).parents[2]
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
    host = machine.up(_NAME, arguments.profile, arguments.image)
    try:
        code = _Demo(host, arguments).run()
    except BaseException:
        host.down(keep=True)
        raise
    print(f"The demo took {time.monotonic() - started:.0f} s.")
    if arguments.keep:
        print(f"The machine runs: {' '.join(host.ssh_command())}")
    else:
        host.down(keep=code != 0)
    # Scripts read the last line.
    print(f"crash test: {1 - code} passed, {code} failed")
    return code


class _Demo:
    def __init__(self, host: machine.Machine, arguments: argparse.Namespace) -> None:
        self.host = host
        self.results = _CHECKOUT / "build" / "results"
        self.inventory = host.directory / "inventory.yml"
        self.inventory.write_text(yaml.safe_dump(host.inventory(), sort_keys=False))
        self.variables = {
            "pcie_reset_exclusions": _EVERYTHING if arguments.empty_plan else [],
            "crash_test_confirm": [] if arguments.no_confirm else [host.name],
            "crash_test_console": str(host.console),
            "crash_test_results_directory": str(self.results),
            "crash_test_fetch_dump": True,
            # The image has the packages; the guest reaches no mirror.
            "kdump_manage_packages": False,
        }

    def run(self) -> int:
        """Run the playbooks; 0 if all that was to be seen was seen, 1 otherwise."""
        boot_id = self._boot_id()
        for playbook in ("assess", "configure", "crash_test"):
            started = time.monotonic()
            print(f"\n===== {playbook} =====", flush=True)
            code = self._play(playbook)
            print(f"===== {playbook} took {time.monotonic() - started:.0f} s =====")
            if code:
                self._report_failure(playbook, boot_id)
                return 1
        record = self._record()
        print(f"\n{summary(record)}\n")
        path = self._record_path(record)
        print(f"Result record: {path}\nDump: {path.with_suffix('.dump')}")
        return 0

    def _play(self, playbook: str) -> int:
        command = ["ansible-playbook", "-i", str(self.inventory), f"vmcore.kdump.{playbook}",
                   "--extra-vars", json.dumps(self.variables)]  # fmt: skip
        environment = {**os.environ, "ANSIBLE_CONFIG": str(Path(__file__).parent / "ansible.cfg")}
        return subprocess.run(
            command, check=False, env=environment, cwd=_CHECKOUT, stdin=subprocess.DEVNULL
        ).returncode

    def _boot_id(self) -> str:
        return self.host.ssh("cat /proc/sys/kernel/random/boot_id").strip()

    def _record(self) -> dict[str, Any]:
        """The newest record: the one of this run."""
        records = sorted(
            self.results.glob(f"{self.host.name}-*.json"), key=lambda path: path.stat().st_mtime
        )
        record: dict[str, Any] = json.loads(records[-1].read_text())
        return record

    def _record_path(self, record: dict[str, Any]) -> Path:
        return self.results / f"{record['host']}-{record['run_id']}.json"

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
