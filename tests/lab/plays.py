# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's own playbooks and modules against a virtual machine, exactly as against a server."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import yaml

from lab.errors import LabError
from lab.machine import Machine

CHECKOUT = Path(__file__).parents[2]
RESULTS = CHECKOUT / "build" / "results"
_INSTALL = Path(__file__).parent / "install.yml"


class Plays:
    """Ansible, with one machine of the lab as its only host."""

    def __init__(self, host: Machine, **variables: Any) -> None:
        self.host = host
        self.variables = {
            "crash_test_confirm": [host.name],
            "crash_test_console": str(host.console),
            "crash_test_results_directory": str(RESULTS),
            # The image has the packages; the guest reaches no mirror.
            "kdump_manage_packages": False,
            **variables,
        }
        self._played = 0.0  # when the last playbook began
        self._inventory = host.directory / "inventory.yml"
        self._inventory.write_text(yaml.safe_dump(host.inventory(), sort_keys=False))

    def play(self, playbook: str) -> int:
        """Run a playbook of the collection on the terminal; its exit code."""
        started, self._played = time.monotonic(), time.time()
        print(f"\n===== {playbook} =====", flush=True)
        code = self._run(
            "ansible-playbook", f"vmcore.kdump.{playbook}",
            "--extra-vars", json.dumps(self.variables),
        ).returncode  # fmt: skip
        print(f"===== {playbook} took {time.monotonic() - started:.0f} s =====", flush=True)
        return code

    def run(self, playbook: str) -> None:
        """Run a playbook that must not fail.

        Raises:
            LabError: it failed.
        """
        if self.play(playbook):
            raise LabError(f"The playbook {playbook} failed on {self.host.name}.")

    def install(self, **files: str) -> dict[str, Any]:
        """What pcie_reset_helper returns, having installed the helper, with other *files* if given.

        Raises:
            LabError: it failed.
        """
        result = self.host.directory / "installed.json"
        variables = {**self.variables, "lab_result": str(result)}
        if files:
            variables["lab_files"] = files
        done = self._run("ansible-playbook", str(_INSTALL), "--extra-vars", json.dumps(variables))
        if done.returncode:
            raise LabError(f"The reset helper was not installed on {self.host.name}.")
        answer: dict[str, Any] = json.loads(result.read_text())
        return answer

    def module(self, name: str, **arguments: Any) -> dict[str, Any]:
        """What a module of the collection returns on the machine.

        Raises:
            LabError: it failed; the sentence is the module's.
        """
        done = self._run(
            "ansible", self.host.name, "--module-name", f"vmcore.kdump.{name}",
            "--args", json.dumps(arguments) if arguments else "", capture_output=True, text=True,
        )  # fmt: skip
        # demo | SUCCESS => {...}
        _head, _arrow, result = done.stdout.partition("=>")
        try:
            answer: dict[str, Any] = json.loads(result)
        except ValueError:
            raise LabError(f"{name} on {self.host.name}: {done.stdout}{done.stderr}") from None
        if done.returncode:
            raise LabError(f"{name} on {self.host.name}: {answer.get('msg', answer)}")
        return answer

    def record(self) -> tuple[Path, dict[str, Any]]:
        """The result record of the crash test that was the last playbook, with its file.

        Raises:
            LabError: it left none; an older one is none.
        """
        times = {path: path.stat().st_mtime for path in RESULTS.glob(f"{self.host.name}-*.json")}
        found = [
            path for path in sorted(times, key=times.__getitem__) if times[path] >= self._played
        ]
        if not found:
            raise LabError(f"The crash test of {self.host.name} left no record in {RESULTS}.")
        return found[-1], json.loads(found[-1].read_text())

    def _run(
        self, program: str, *arguments: str, **options: Any
    ) -> subprocess.CompletedProcess[Any]:
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(Path(__file__).parent / "ansible.cfg"),
            # How "ansible" prints what a module returns; playbooks show YAML.
            **({"ANSIBLE_CALLBACK_RESULT_FORMAT": "json"} if program == "ansible" else {}),
        }
        return subprocess.run(
            [program, "-i", str(self._inventory), *arguments], check=False, env=environment,
            cwd=CHECKOUT, stdin=subprocess.DEVNULL, **options,
        )  # fmt: skip
