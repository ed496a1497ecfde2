# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
import typing as t
import uuid
from pathlib import Path

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.arguments import (
    ARGUMENTS,
    RESUME_HINT,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.record import lost_record
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.stages import (
    PROBE,
    Probe,
    console_stage,
    last_lines,
    parse_probe,
    situation,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.summary import summary

display = Display()

Result = dict[str, t.Any]

_POLL_SECONDS = 3
_TALK_SECONDS = 15
# From the trigger to the panic, and as long again before anybody calls it no crash.
_CRASH_SECONDS = 60
# A peer that panicked sends no FIN: without these a session over it hangs for ever.
_SSH_OPTIONS = "-o ServerAliveInterval=5 -o ServerAliveCountMax=6"


# What a step is for, in messages.
_STEPS = {
    "preflight": "check it",
    "start": "begin the test",
    "state": "ask for its test",
    "collect": "judge its dump",
}


class ActionModule(ActionBase):
    """Crash a host on purpose, wait until it is back, and judge the dump it took."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> Result:
        """Run the whole test; the result holds the record, also when the test failed."""
        result: Result = super().run(tmp, task_vars)
        self._task_vars = task_vars or {}
        self._host: str = self._task_vars["inventory_hostname"]
        _validation, options = self.validate_argument_spec(argument_spec=ARGUMENTS)
        if self._task.check_mode:
            return {**result, **self._step("preflight")}
        refusal = self._refusal(options)
        if refusal:
            return {**result, "failed": True, "changed": False, "msg": refusal}
        # What can fail on the controller fails here, before anything is crashed.
        console = _Console(options["console"])
        directory = _results_directory(options["results_directory"])

        self._notice_dead_peers()
        if options["resume"]:
            begun = self._step("state")
        else:
            begun = self._step("start", run_id=str(uuid.uuid4()), host=self._host)
        if begun.get("failed"):
            return {**result, **begun}
        self._forget_session()
        state = begun["state"]
        display.display(f"[{self._host}] crash test {state['run_id']}: triggered", color="yellow")

        lost = self._wait(state, options["timeout"], console)
        outcome: Result = (
            {"record": lost} if lost else self._step("collect", run_id=state["run_id"])
        )
        if "record" not in outcome:
            return {**result, **outcome}
        record = outcome["record"]
        if directory:
            outcome["record_path"] = str(_store(record, directory))
        display.display(summary(record))
        passed = record["verdict"] == "passed"
        return {**result, **outcome, "changed": True, "failed": not passed, "msg": record["why"]}

    def _refusal(self, options: dict[str, t.Any]) -> str | None:
        """Why this host is not crashed, None when it may be."""
        if self._task.delegate_to:
            return (
                f"The crash test of {self._host} is delegated to {self._task.delegate_to}: "
                "run it on the host that is to be crashed."
            )
        if self._connection.transport == "local":
            return f"{self._host} has a local connection: this would crash the controller."
        if not options["resume"] and self._host not in options["confirm"]:
            given = ", ".join(options["confirm"]) or "nothing"
            return (
                f"{self._host} was not crashed: a crash test needs its name as confirmation, and "
                f"{given} was confirmed. Set confirm (crash_test_confirm of the role) to {self._host}."
            )
        return None

    def _step(self, step: str, **arguments: str) -> Result:
        """Run one step of the module on the host.

        A host that cannot be reached is a failure here, not "unreachable": a play counts only
        failures when it decides whether the next hosts are crashed.
        """
        try:
            done: Result = self._execute_module(
                module_name="vmcore.kdump.crash_test",
                module_args={"step": step, **arguments},
                task_vars=self._task_vars,
            )
        except AnsibleConnectionFailure as error:
            return {
                "failed": True,
                "changed": step == "start",
                "msg": f"{self._host} cannot be reached to {_STEPS[step]}: {error} {RESUME_HINT}",
            }
        # Templates, callbacks and job events need no copy of how the module was called.
        done.pop("invocation", None)
        return done

    def _notice_dead_peers(self) -> None:
        """From here on a session ends when its peer is dead. The peer may die in any of them."""
        # Connections other than ssh have no such option, and time limits of their own.
        with contextlib.suppress(KeyError, AnsibleError):
            present = self._connection.get_option("ssh_extra_args") or ""
            if _SSH_OPTIONS not in present:
                self._connection.set_option("ssh_extra_args", f"{present} {_SSH_OPTIONS}".strip())
        self._reset_connection()

    def _forget_session(self) -> None:
        """Drop what belongs to the kernel that is about to die: session and temporary directory."""
        self._reset_connection()
        self._connection._shell.tmpdir = None

    def _reset_connection(self) -> None:
        with contextlib.suppress(AttributeError, AnsibleError):  # nothing to drop
            self._connection.reset()

    def _probe(self) -> Probe | None:
        """What the host is doing, None when it does not answer."""
        try:
            answer = self._low_level_execute_command(PROBE, sudoable=False)
        except AnsibleConnectionFailure:
            self._reset_connection()
            return None
        return parse_probe(answer["stdout"]) if answer["rc"] == 0 else None

    def _wait(self, state: Result, timeout: int, console: _Console) -> Result | None:
        """Wait until there is something to collect; return the record of a host that is lost instead."""
        start = time.monotonic()
        talked = 0.0
        while True:
            time.sleep(_POLL_SECONDS)
            probe = self._probe()
            elapsed = time.monotonic() - start
            where = situation(probe, state["boot_id"]) if probe else "no answer"
            if where == "normal kernel" or (where == "same boot" and elapsed > _CRASH_SECONDS):
                display.display(f"[{self._host}] {elapsed:4.0f} s | {where}")
                return None
            stage = console.stage()
            if elapsed > timeout:
                why = f"The host is not back in its normal kernel after {elapsed:.0f} s ({where})."
                why = f"{why} {RESUME_HINT}"
                return lost_record(state, stage=stage or "armed", why=why, now=time.time())
            if elapsed - talked >= _TALK_SECONDS:
                talked = elapsed
                line = f"[{self._host}] {elapsed:4.0f} s | {stage or where}"
                display.display(f"{line} | {console.last}" if console.last else line)


class _Console:
    """A console log on the controller, from the moment the test begins."""

    def __init__(self, path: str | None) -> None:
        self._path = Path(path) if path else None
        self._text = ""
        self._position = 0
        if self._path is not None:
            try:
                with self._path.open("rb") as log:
                    self._position = log.seek(0, os.SEEK_END)
            except OSError as error:
                raise AnsibleActionFail(
                    f"The console log {path} cannot be read: {error.strerror}."
                ) from error
        self.last = ""

    def stage(self) -> str | None:
        """The last stage that the console proves so far."""
        if self._path is None:
            return None
        try:
            with self._path.open("rb") as log:
                log.seek(self._position)
                new = log.read()
        except OSError:  # being rotated; what it shows is help while waiting and nothing more
            return None
        self._position += len(new)
        self._text += new.decode("utf-8", "replace")
        self.last = "".join(last_lines(self._text[-4096:]))
        return console_stage(self._text)


def _results_directory(path: str | None) -> Path | None:
    """The directory for the record, made and tried; None when no record is to be stored."""
    if path is None:
        return None
    directory = Path(path).absolute()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            return directory
    except OSError as error:
        raise AnsibleActionFail(
            f"The results directory {directory} cannot be written to: {error.strerror}."
        ) from error


def _store(record: Result, directory: Path) -> Path:
    """Write the record on the controller; a file is there whole or not at all."""
    path = directory / f"{record['host']}-{record['run_id']}.json"
    handle, temporary = tempfile.mkstemp(dir=directory, prefix=".record-")
    with os.fdopen(handle, "w") as stream:
        json.dump(record, stream, indent=2, sort_keys=True)
        stream.write("\n")
    Path(temporary).chmod(0o644)
    Path(temporary).replace(path)
    return path
