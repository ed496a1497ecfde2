# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import functools
import getpass
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
import typing as t
import uuid
from pathlib import Path

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.arguments import (
    ARGUMENTS,
    MUTUALLY_EXCLUSIVE,
    RESUME_HINT,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.deadline import (
    Deadline,
    scaled_timeout,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.elsewhere import (
    expectation,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.gate import (
    is_confirmed,
    play_token,
    protection,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.record import (
    explanation,
    lost_record,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.stages import (
    Probe,
    console_stage,
    last_lines,
    parse_probe,
    probe_command,
    situation,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.state import RESERVE
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.summary import summary
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.classify import classify
from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report.files import record_path

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

display = Display()

Result = dict[str, t.Any]

_POLL_SECONDS = 3
_TALK_SECONDS = 15
# From the trigger to the panic, and as long again before anybody calls it no crash.
_CRASH_SECONDS = 60
# A peer that panicked sends no FIN: without these a session over it hangs for ever.
_SSH_OPTIONS = "-o ServerAliveInterval=5 -o ServerAliveCountMax=6"
# ssh notices a dead peer only in a session that is open. One that dies while it lets somebody in, or that answers
# and does nothing, is noticed by these: seconds for a probe, for a step of the module, to drop a session.
_PROBE_SECONDS = 90
_STEP_SECONDS = 1800
_RESET_SECONDS = 30
_CONSOLE_CHARACTERS = 2 << 20


# What a step is for, in messages.
_STEPS = {
    "preflight": "check it",
    "prepare": "prepare the test",
    "trigger": "crash it",
    "state": "ask for its test",
    "collect": "judge its dump",
    "cancel": "cancel its test",
}
# Steps after a crash: the dump may have filled the file system that the module is copied to.
_STEPS_AFTER = ("state", "collect")
_RELEASE = f"rm -f {RESERVE}"
# What the module is told in which step.
_CHECK_OPTIONS = (
    "checks", "cpu", "delay", "dump_host", "load", "minimum_uptime", "window", "window_time_zone",
)  # fmt: skip


class ActionModule(ActionBase):
    """Crash a host on purpose, wait until it is back, and judge the dump it took."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> Result:
        """Run the whole test; the result holds the record, also when the test failed."""
        result: Result = super().run(tmp, task_vars)
        self._task_vars = task_vars or {}
        self._host: str = self._task_vars["inventory_hostname"]
        _validation, options = self.validate_argument_spec(
            argument_spec=ARGUMENTS, mutually_exclusive=MUTUALLY_EXCLUSIVE
        )
        self._options: Result = options
        if options["state"] == "cancelled":
            return {**result, **self._cancel()}
        if self._task.check_mode:
            return {**result, **self._preview()}
        refusal = self._refusal()
        if refusal:
            return {**result, "failed": True, "changed": False, "msg": refusal}
        # What can fail on the controller fails here, before anything is crashed.
        self._directory = _results_directory(options["results_directory"])
        with _console(options) as console:
            return {**result, **self._test(console)}

    def _test(self, console: _Console) -> Result:
        """Begin a test or find the one that was begun, and finish it."""
        self._notice_dead_peers()
        begun = self._resume() if self._options["resume"] else self._begin()
        if begun.get("failed") or "record" in begun:
            return begun
        self._forget_session()
        state = begun["state"]
        if self._options["resume"]:
            console.rewind(state["run_id"], self._seen_before(state))
        lost = self._wait(state, console)
        if lost:
            return self._conclude({"record": lost, "lost": True, "changed": True})
        if state.get("dump_host") and self._options["dumps"] is None:
            return {"changed": True, "lost": False, "expected": expectation(state)}
        outcome = self._step(
            "collect",
            run_id=state["run_id"],
            observed=console.observed,
            recovery=self._options["recovery"],
            dumps=self._options["dumps"],
            with_logs=console.size is not None,
        )
        if "record" not in outcome:
            # The state stays on the host, whatever kept the module from judging the dump.
            hint = "" if outcome.get("unanswered") else f" {RESUME_HINT}"
            return {
                **outcome,
                "failed": True,
                "changed": True,
                "msg": f"{outcome.get('msg')}{hint}",
            }
        if "logs" in outcome:
            # The host judged by what it has itself; its console may know more.
            logs = [*outcome.pop("logs"), console.log()]
            outcome["record"].update(explanation(classify(logs, outcome.pop("known"))))
        return self._conclude({**outcome, "changed": True})

    def _begin(self) -> Result:
        """Prepare the host and trigger its crash. From the first record on it may be gone at any time."""
        prepared = self._step(
            "prepare",
            run_id=str(uuid.uuid4()),
            host=self._host,
            requested_by=_requester(self._task_vars),
            **{option: self._options[option] for option in _CHECK_OPTIONS},
        )
        if prepared.get("failed"):
            return prepared
        state: Result = prepared["state"]
        self._store_unfinished(state, "armed", {})
        begun = self._step("trigger", run_id=state["run_id"])
        delay = state["trigger"]["delay"]
        if begun.get("failed") and not begun.get("refused"):
            # Nobody knows whether the trigger got there. The host will tell.
            display.warning(begun["msg"])
            begun = {"state": {**state, "triggered_at": time.time()}}
        elif begun.get("failed"):
            record = lost_record(
                state, stage="armed", why=f"Nothing was crashed: {begun['msg']}", now=time.time()
            )
            return {**self._conclude({"record": record}), "changed": True}
        display.display(
            f"[{self._host}] crash test {state['run_id']}: it crashes in {delay} s", color="yellow"
        )
        return begun

    def _resume(self) -> Result:
        """Find the test that was begun. One that is finished has its record."""
        begun = self._wait_for_state()
        state = begun.get("state")
        if state and state["stage"] == "finished" and state.get("record"):
            return self._conclude({"record": state["record"], "changed": False})
        if state and state["stage"] == "finished":
            return {"failed": True, "msg": f"{self._host} has no crash test to be finished."}
        return begun

    def _seen_before(self, state: Result) -> dict[str, float]:
        """The stages that an earlier controller saw on the console, by the record that it left here."""
        if self._directory is None:
            return {}
        try:
            record = json.loads(_record_path(state, self._directory).read_text())
        except (OSError, ValueError):
            return {}
        begin = state.get("triggered_at", state["armed_at"])
        return {
            stage["name"]: round(stage["time"] - begin, 1)
            for stage in record["stages"]
            if stage["source"] == "console"
        }

    def _wait_for_state(self) -> Result:
        """Ask the host for its test until it answers: it may just have been switched on."""
        timeout = self._options["timeout"] or scaled_timeout(None)
        start = time.monotonic()
        while True:
            begun = self._step("state")
            elapsed = time.monotonic() - start
            if not begun.pop("unanswered", False) or elapsed > timeout:
                return begun
            display.display(f"[{self._host}] {elapsed:4.0f} s | no answer yet")
            self._reset_connection()
            time.sleep(_POLL_SECONDS)

    def _conclude(self, outcome: Result) -> Result:
        """Store and show the record; the verdict decides about the task."""
        record = outcome["record"]
        path = self._keep(record)
        if path:
            outcome["record_path"] = str(path)
        display.display(summary(record))
        passed = record["verdict"] == "passed"
        cause = f" Most likely cause: {record['cause']['sentence']}" if record.get("cause") else ""
        return {
            "lost": False,
            **outcome,
            "failed": not passed,
            "msg": f"{record['why']}{cause}",
        }

    def _store_unfinished(self, state: Result, stage: str, observed: dict[str, float]) -> None:
        """Keep a record for the case that this process ends now and writes nothing any more."""
        if self._directory:
            why = f"The test is under way; if nobody waits for it any more: {RESUME_HINT}"
            record = lost_record(
                state, stage=stage, why=why, now=time.time(), verdict="inconclusive", observed=observed
            )  # fmt: skip
            self._keep(record)

    def _keep(self, record: Result) -> Path | None:
        """Store a record; a controller without room for it still finishes the test."""
        if self._directory is None:
            return None
        try:
            return _store(record, self._directory)
        except OSError as error:
            display.warning(f"The record cannot be stored in {self._directory}: {error.strerror}.")
            return None

    def _preview(self) -> Result:
        """Check the host and say what would confirm its crash."""
        done = self._step(
            "preflight", **{option: self._options[option] for option in _CHECK_OPTIONS}
        )
        if "checks" not in done:
            return done
        protected = self._protection()
        if protected:
            check = {"name": "protected", "status": "failed", "detail": protected}
            return {
                **done,
                "checks": [check, *done["checks"]],
                "ready": False,
                "failed": True,
                "msg": protected,
            }
        token = play_token(self._play_hosts(), time.time())
        done["token"] = token
        done["confirmed"] = self._is_confirmed()
        if done["ready"]:
            done["msg"] = (
                f"{done['msg']} {self._host} or the token {token} of this play confirms it"
                " (crash_test_confirm of the role)."
            )
        return done

    def _cancel(self) -> Result:
        return self._step("cancel", requested_by=_requester(self._task_vars))

    def _refusal(self) -> str | None:
        """Why this host is not crashed, None when it may be."""
        if self._task.delegate_to:
            return (
                f"The crash test of {self._host} is delegated to {self._task.delegate_to}: "
                "run it on the host that is to be crashed."
            )
        if self._connection.transport == "local":
            return f"{self._host} has a local connection: this would crash the controller."
        if self._options["resume"]:
            return None
        protected = self._protection()
        if protected:
            return protected
        if not self._is_confirmed():
            given = ", ".join(self._options["confirm"]) or "nothing"
            return (
                f"{self._host} was not crashed: a crash test needs its name or the play's token as confirmation, and "
                f"{given} was confirmed. Set confirm (crash_test_confirm of the role) to {self._host}, "
                "or to the token that the same play shows with --check."
            )
        return None

    def _is_confirmed(self) -> bool:
        return is_confirmed(self._host, self._options["confirm"], self._play_hosts(), time.time())

    def _protection(self) -> str | None:
        groups = protection(
            self._task_vars.get("group_names", ()), self._options["protected_groups"]
        )
        return f"{self._host} is never crashed: it is in {', '.join(groups)}." if groups else None

    def _play_hosts(self) -> list[str]:
        """All hosts of the play, whatever batch is at work."""
        return list(self._task_vars.get("ansible_play_hosts_all", ()))

    def _step(self, step: str, **arguments: t.Any) -> Result:
        """Run one step of the module on the host.

        A host that cannot be reached is a failure here, not "unreachable": a play counts only
        failures when it decides whether the next hosts are crashed.
        """
        try:
            if step in _STEPS_AFTER:
                with _watchdog(_PROBE_SECONDS):
                    self._low_level_execute_command(_RELEASE)
            with _watchdog(_STEP_SECONDS):
                done: Result = self._execute_module(
                    module_name="vmcore.kdump.crash_test",
                    module_args={"step": step, **arguments},
                    task_vars=self._task_vars,
                )
        except AnsibleConnectionFailure as error:
            return {
                "failed": True,
                "changed": step == "trigger",
                "unanswered": True,
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
        with contextlib.suppress(AttributeError, AnsibleError), _watchdog(_RESET_SECONDS):
            self._connection.reset()  # there may be nothing to drop

    def _probe(self, command: str) -> Probe | None:
        """What the host is doing, None when it does not answer."""
        try:
            with _watchdog(_PROBE_SECONDS):
                answer = self._low_level_execute_command(command, sudoable=False)
        except AnsibleConnectionFailure:
            self._reset_connection()
            return None
        return parse_probe(answer["stdout"]) if answer["rc"] == 0 else None

    def _wait(self, state: Result, console: _Console) -> Result | None:
        """Wait until there is something to collect; return the record of a host that is lost instead."""
        deadline = Deadline(
            self._options["timeout"] or scaled_timeout(state["platform"].get("memory_bytes"))
        )
        command = probe_command(state["dump_directory"])
        no_crash = state["trigger"]["delay"] + _CRASH_SECONDS
        with self._watch(state, console) as watch:
            while True:
                time.sleep(_POLL_SECONDS)
                probe = self._probe(command)
                where = situation(probe, state["boot_id"]) if probe else "no answer"
                dump = probe.dump_kib if probe else None
                watch.found(where, dump)
                elapsed, stage = watch.look()
                if where == "normal kernel" or (where == "same boot" and elapsed > no_crash):
                    display.display(f"[{self._host}] {elapsed:4.0f} s | {where}")
                    return None
                deadline.saw(elapsed, console=console.size, dump=dump, where=probe and where)
                if deadline.passed(elapsed):
                    break
        why = f"The host is not back in its normal kernel after {elapsed:.0f} s ({where})."
        return self._lost(state, console, stage or "armed", f"{why} {RESUME_HINT}", elapsed)

    @contextlib.contextmanager
    def _watch(self, state: Result, console: _Console) -> Iterator[_Watch]:
        """Look at the console all the time: a session to a host that dies in it ends half a minute later."""
        watch = _Watch(self._host, console, functools.partial(self._store_unfinished, state))
        done = threading.Event()

        def look() -> None:
            while not done.wait(_POLL_SECONDS):
                watch.look()

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield watch
        finally:
            done.set()
            thread.join()

    def _lost(
        self, state: Result, console: _Console, stage: str, why: str, elapsed: float
    ) -> Result:
        """The record of a host that did not return: all there is to judge by is its console."""
        recovery = self._options["recovery"]
        sel = (recovery or {}).get("sel")
        logs = [] if console.size is None else [console.log()]
        if sel:
            logs.append({"source": "sel", "text": "\n".join(sel), "name": "sel"})
        known = {
            "armed": True,
            "returned": False,
            "run_id": state["run_id"],
            "power_cycled": bool(recovery),
            "watchdog": state.get("watchdog"),
            "silent_seconds": elapsed - console.heard if console.size is not None else None,
        }
        record = lost_record(
            state,
            stage=stage,
            why=why,
            now=time.time(),
            observed=console.observed,
            recovery=recovery,
        )
        record.update(explanation(classify(logs, known)))
        return record


class _Watch:
    """How far a host is: its console says more than its answers. Two threads look."""

    def __init__(
        self, host: str, console: _Console, reached: Callable[[str, dict[str, float]], None]
    ) -> None:
        self._host = host
        self._console = console
        # Called for every new stage with it and with what the console proved so far.
        self._reached = reached
        self._start = time.monotonic()
        self._lock = threading.Lock()
        self._talked = 0.0
        self._stage = "armed"
        self._where = "no answer"
        self._dump: int | None = None
        self._found = self._start

    def found(self, where: str, dump_kib: int | None) -> None:
        """Note where the host is and the KiB in its dump directory, as it said itself."""
        with self._lock:
            self._where, self._dump, self._found = where, dump_kib, time.monotonic()

    def look(self) -> tuple[float, str | None]:
        """Read the console and talk now and then; return seconds since the trigger and the stage it proves."""
        with self._lock:
            now = time.monotonic()
            elapsed = now - self._start
            stage = self._console.look(elapsed)
            if stage and stage != self._stage:
                self._reached(stage, self._console.observed)
                self._stage = stage
            # What a host said before a probe that hangs is not where it is.
            if now - self._found >= _TALK_SECONDS:
                self._where, self._dump = "no answer", None
            if elapsed - self._talked >= _TALK_SECONDS:
                self._talked = elapsed
                self._talk(elapsed, stage or self._where)
            return elapsed, stage

    def _talk(self, elapsed: float, stage: str) -> None:
        size = f" | dump directory {self._dump >> 10} MiB" if self._dump is not None else ""
        line = f"[{self._host}] {elapsed:4.0f} s | {stage}{size}"
        last = self._console.last
        display.display(f"{line} | {last}" if last else line)


class _Console:
    """A console log on the controller, from the moment the test begins."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._text = ""
        self._position = path.stat().st_size if path else 0
        self._stage: str | None = None
        self._from_trigger = True
        self.last = ""
        self.heard = 0.0
        # Seconds since the trigger, for each stage that was seen.
        self.observed: dict[str, float] = {}

    @property
    def size(self) -> int | None:
        """How much it has printed, None without a console."""
        return self._position if self._path else None

    def rewind(self, run_id: str, observed: dict[str, float]) -> None:
        """Go back to where a test began that another controller saw: the kernel printed its run id there.

        When the stages were reached is only known as far as the other one noted it.
        """
        self._from_trigger = False
        self.observed = dict(observed)
        if self._path is None:
            return
        with contextlib.suppress(OSError), self._path.open("rb") as log:
            begin = max(0, self._position - _CONSOLE_CHARACTERS)
            log.seek(begin)
            printed = log.read()
            found = printed.rfind(f"run_id={run_id} ".encode())
            if found >= 0:
                self._position = begin + printed.rfind(b"\n", 0, found) + 1

    def log(self) -> dict[str, str]:
        """What it printed since the test began, for _evidence/classify.py."""
        return {
            "source": "console",
            "text": self._text[-_CONSOLE_CHARACTERS:],
            "name": str(self._path),
        }

    def look(self, elapsed: float) -> str | None:
        """Read what is new; return the last stage that the console proves so far."""
        if self._path is None:
            return None
        try:
            with self._path.open("rb") as log:
                log.seek(self._position)
                new = log.read()
        except OSError:  # being rotated; what it shows is help while waiting and nothing more
            return self._stage
        if new:
            self._position += len(new)
            self.heard = elapsed
        self._text += new.decode("utf-8", "replace")
        self.last = "".join(last_lines(self._text[-4096:]))
        self._stage = console_stage(self._text)
        if self._stage and self._from_trigger:
            self.observed.setdefault(self._stage, round(elapsed, 1))
        return self._stage


@contextlib.contextmanager
def _console(options: Result) -> Iterator[_Console]:
    """The console of the host: a file, what a command prints, or nothing."""
    if options["console"]:
        path = Path(options["console"])
        try:
            path.open("rb").close()
        except OSError as error:
            raise AnsibleActionFail(
                f"The console log {path} cannot be read: {error.strerror}."
            ) from error
        yield _Console(path)
        return
    if not options["console_command"]:
        yield _Console(None)
        return
    with tempfile.NamedTemporaryFile(prefix="console-") as log:
        # Made before there is anything in it: whatever the command prints is of this test.
        console = _Console(Path(log.name))
        try:
            # What attaches to a console ends when its standard input does.
            process = subprocess.Popen(
                options["console_command"], stdin=subprocess.PIPE, stdout=log, stderr=log
            )
        except OSError as error:
            raise AnsibleActionFail(
                f"The console command {options['console_command'][0]} cannot be run: {error.strerror}."
            ) from error
        try:
            yield console
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextlib.contextmanager
def _watchdog(seconds: float) -> Iterator[None]:
    """Limit what a connection plugin does by ending the programs it started, ssh above all.

    Raises:
        AnsibleConnectionFailure: the time was over.
    """
    before = set(_children())
    bitten, done = threading.Event(), threading.Event()

    def guard() -> None:
        if done.wait(seconds):
            return
        bitten.set()
        # What is ended may be followed by the next program, or not even be there yet.
        while not done.is_set():
            for child in set(_children()) - before:
                with contextlib.suppress(OSError):
                    os.kill(child, signal.SIGTERM)
            done.wait(1)

    thread = threading.Thread(target=guard, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        if bitten.is_set():
            raise AnsibleConnectionFailure(f"It did not answer within {seconds:.0f} s.")


def _children() -> list[int]:
    """The processes that this one started and that still run.

    Linux has them in /proc/PID/stat, C(4242 (ssh) S 4200 ...); elsewhere ps(1) is part of the system.
    """
    if Path("/proc/self/stat").exists():
        rows = []
        for process in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                rows.append(
                    (process.parent.name, process.read_text().rpartition(")")[2].split()[1])
                )
    else:
        command = ["ps", "-A", "-o", "pid=", "-o", "ppid="]
        table = subprocess.run(command, capture_output=True, text=True, check=False)
        rows = [(row.split()[0], row.split()[1]) for row in table.stdout.splitlines()]
    return [int(pid) for pid, parent in rows if int(parent) == os.getpid()]


def _requester(task_vars: Result) -> str:
    """Who asks for a crash, for the audit trail on the host."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container without that user
        user = str(os.getuid())
    # Set by AWX for every job.
    job = task_vars.get("awx_job_id")
    by_job = f" by {task_vars.get('awx_user_name')} in job {job}" if job else ""
    return f"{user} on {socket.gethostname()}{by_job}"


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


def _record_path(test: Result, directory: Path) -> Path:
    """Where the record of a test is, by its record or its state."""
    return record_path(directory, test["host"], test["run_id"])


def _store(record: Result, directory: Path) -> Path:
    """Write the record on the controller; a file is there whole or not at all."""
    path = _record_path(record, directory)
    handle, temporary = tempfile.mkstemp(dir=directory, prefix=".record-")
    with os.fdopen(handle, "w") as stream:
        json.dump(record, stream, indent=2, sort_keys=True)
        stream.write("\n")
    Path(temporary).chmod(0o644)
    Path(temporary).replace(path)
    return path
