# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's own playbooks and modules against virtual machines, exactly as against servers."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import time
from pathlib import Path
from typing import Any

import yaml

from lab.errors import LabError
from lab.machine import Machine

CHECKOUT = Path(__file__).parents[2]
RESULTS = CHECKOUT / "build" / "results"
_PLAYBOOKS = Path(__file__).parent / "playbooks"
_CONFIGURATION = str(Path(__file__).parent / "ansible.cfg")
# For crash_test_recovery: tasks that press the reset button of a machine of the lab.
RECOVERY = str(_PLAYBOOKS.with_name("tasks") / "recover.yml")

# ... add the line 'makedumpfile() { ...; }' to /etc/default/kdump-tools, ..., and run 'systemctl restart ...': ...
_ADVICE = re.compile(r"add the line '(.+?)' to (\S+?),.* and run '(.+?)'")
_COMMAND_SECONDS = 600


def why_of(record: dict[str, Any]) -> str:
    """What a record says of its verdict, and of the cause if it names one."""
    cause = record["cause"]
    return " ".join((record["why"], *([cause["sentence"]] if cause else [])))


def records(directory: Path, host: str = "*") -> list[Path]:
    """The records of crash tests, without what else is kept beside them: facts, and why a host was refused."""
    return sorted(
        path
        for path in directory.glob(f"{host}-*.json")
        if not path.name.endswith(("-facts.json", "-refusal.json"))
    )


class Plays:
    """Ansible, with one machine of the lab (or more) as its only hosts."""

    def __init__(self, host: Machine, *others: Machine, **variables: Any) -> None:
        self.host = host
        machines = (host, *others)
        self.variables = {
            "crash_test_confirm": [machine.name for machine in machines],
            "crash_test_console": "{{ lab_console }}",
            "crash_test_results_directory": str(RESULTS),
            # The image has the packages; the guest reaches no mirror.
            "kdump_manage_packages": False,
            # QEMU gives the kernel its arguments.
            "kdump_manage_crashkernel": False,
            **variables,
        }
        self._results = Path(self.variables["crash_test_results_directory"])
        self._played = 0.0  # when the last playbook began
        self._inventory = host.directory / "inventory.yml"
        hosts = {
            name: entry
            for machine in machines
            for name, entry in machine.inventory()["all"]["hosts"].items()
        }
        inventory = {"all": {"hosts": hosts}}
        self._inventory.write_text(yaml.safe_dump(inventory, sort_keys=False))

    def play(self, playbook: str, **variables: Any) -> int:
        """Run a playbook of the lab ("fleet.yml"), or of the collection ("assess"), on the terminal; its exit code."""
        started, self._played = time.monotonic(), time.time()
        print(f"\n===== {playbook} =====", flush=True)
        code = self._run(
            "ansible-playbook",
            str(_PLAYBOOKS / playbook) if playbook.endswith(".yml") else f"vmcore.kdump.{playbook}",
            "--extra-vars", json.dumps({**self.variables, **variables}),
        ).returncode  # fmt: skip
        print(f"===== {playbook} took {time.monotonic() - started:.0f} s =====", flush=True)
        return code

    def start(self, playbook: str, log: Path, **variables: Any) -> subprocess.Popen[bytes]:
        """Start a playbook of the collection in a process group of its own; what it prints is in the file *log*."""
        self._played = time.time()
        with log.open("wb") as stream:
            return subprocess.Popen(
                ["ansible-playbook", "-i", str(self._inventory), f"vmcore.kdump.{playbook}",
                 "--extra-vars", json.dumps({**self.variables, **variables})],
                cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT,
                env={**os.environ, "ANSIBLE_CONFIG": _CONFIGURATION}, start_new_session=True,
            )  # fmt: skip

    def run(self, playbook: str) -> None:
        """Run a playbook that must not fail.

        Raises:
            LabError: it failed.
        """
        if self.play(playbook):
            raise LabError(f"The playbook {playbook} failed on {self.host.name}.")

    def output(self, play: str, *arguments: str) -> str:
        """What a play of the lab itself prints; whether it failed is said in its last line."""
        done = self._run(
            "ansible-playbook", str(_PLAYBOOKS / play),
            "--extra-vars", json.dumps(self.variables), *arguments, capture_output=True, text=True,
        )  # fmt: skip
        return f"{done.stdout}{done.stderr}"

    def install(self, **files: str) -> dict[str, Any]:
        """What pcie_reset_helper returns, having installed the helper, with other *files* if given.

        Raises:
            LabError: it failed.
        """
        result = self.host.directory / "installed.json"
        variables = {**self.variables, "lab_result": str(result)}
        if files:
            variables["lab_files"] = files
        done = self._run(
            "ansible-playbook",
            str(_PLAYBOOKS / "install.yml"),
            "--extra-vars",
            json.dumps(variables),
        )
        if done.returncode:
            raise LabError(f"The reset helper was not installed on {self.host.name}.")
        answer: dict[str, Any] = json.loads(result.read_text())
        return answer

    def module(self, name: str, **arguments: Any) -> dict[str, Any]:
        """What a module of the collection returns on the machine.

        Raises:
            LabError: it failed; the sentence is the module's.
        """
        failed, answer = self._module(name, "--args", json.dumps(arguments) if arguments else "")
        if failed:
            raise LabError(f"{name} on {self.host.name}: {answer.get('msg', answer)}")
        return answer

    def without_makedumpfile(self) -> list[str]:
        """Do what the facts tell to do if makedumpfile cannot read the kernel; the sentence, if there is one.

        Raises:
            LabError: the facts cannot be gathered, or name no line and no file.
        """
        kdump = self.module("platform_facts", gather_subset=["kdump"])["ansible_facts"]["kdump"]
        for problem in kdump["problems"]:
            if problem["code"] != "makedumpfile_fails":
                continue
            advice = _ADVICE.search(problem["message"])
            if not advice:
                raise LabError(f"What to do is not told: {problem['message']}")
            line, file, command = advice.groups()
            self.host.ssh(f"echo {shlex.quote(line)} >>{file}; {command}", timeout=_COMMAND_SECONDS)
            return [problem["message"]]
        return []

    def preflight(self) -> list[dict[str, str]]:
        """The checks before a crash test of the machine, whether they hold or not.

        Raises:
            LabError: they could not be made.
        """
        _failed, answer = self._module("crash_test", "--check")
        if "checks" not in answer:
            raise LabError(f"{self.host.name} cannot be checked: {answer.get('msg', answer)}")
        checks: list[dict[str, str]] = answer["checks"]
        return checks

    def _module(self, name: str, *options: str) -> tuple[bool, dict[str, Any]]:
        """Whether it failed, which "ansible" leaves out of what it prints, and what it returns."""
        done = self._run(
            "ansible", self.host.name, "--module-name", f"vmcore.kdump.{name}", *options,
            capture_output=True, text=True,
        )  # fmt: skip
        # demo | SUCCESS => {...}
        _head, _arrow, result = done.stdout.partition("=>")
        try:
            answer: dict[str, Any] = json.loads(result)
        except ValueError:
            raise LabError(f"{name} on {self.host.name}: {done.stdout}{done.stderr}") from None
        return done.returncode != 0, answer

    def record(self, host: Machine | None = None) -> tuple[Path, dict[str, Any]]:
        """The record that the last play left of this machine (or another one of it), with its file.

        Raises:
            LabError: it left none; an older one is none.
        """
        name = (host or self.host).name
        times = {path.stat().st_mtime: path for path in records(self._results, name)}
        if not times or max(times) < self._played:
            raise LabError(f"The crash test of {name} left no record in {self._results}.")
        newest = times[max(times)]
        return newest, json.loads(newest.read_text())

    def _run(
        self, program: str, *arguments: str, **options: Any
    ) -> subprocess.CompletedProcess[Any]:
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": _CONFIGURATION,
            # How "ansible" prints what a module returns; playbooks show YAML.
            **({"ANSIBLE_CALLBACK_RESULT_FORMAT": "json"} if program == "ansible" else {}),
        }
        return subprocess.run(
            [program, "-i", str(self._inventory), *arguments], check=False, env=environment,
            cwd=CHECKOUT, stdin=subprocess.DEVNULL, **options,
        )  # fmt: skip
