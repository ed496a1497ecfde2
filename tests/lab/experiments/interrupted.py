# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Crash tests that do not go through in one piece, and what becomes of them: ``make interrupted``.

The controller gets SIGINT, as Ctrl-C at a terminal sends it to all that the terminal runs, or SIGTERM, as a job system
sends it to ansible-playbook, at each stage of a test. A second controller comes while the first one is at work. A host
crashes again before anybody has judged its dump. Each time the playbook verify finishes the test: there is one record
of it, the host has the same, and the host crashed no more often than it should.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from lab.errors import LabError
from lab.experiment import Case, Experiment, Guest, Outcome, Trial
from lab.experiments.crash_faults import kept
from lab.machine import Machine
from lab.plays import CHECKOUT, records

_KEPT = CHECKOUT / "build" / "interrupted"
# From the line of the kernel log that names the test to the crash.
_DELAY = 20
# The same where a second controller has to get to the host before the crash.
_LONG_DELAY = 90
_STAGE_SECONDS = 900
# How long a controller may take to end after a signal, and what it started.
_END_SECONDS = 30
_FINISH_SECONDS = 1200

_PANIC = r"Kernel panic - not syncing"
# What the console shows, one after the other, until a stage is reached. None of it: the first record is written.
_STAGES: dict[str, tuple[str, ...]] = {
    "prepared": (),
    "scheduled": (r"vmcore\.kdump: crash test run_id=",),
    "panicked": (_PANIC,),
    "capture": (_PANIC, r"pcie_reset: summary "),
    "dumping": (_PANIC, r"running makedumpfile -F"),
    "returned": (_PANIC, r"running makedumpfile -F", r"Linux version ", r"systemd\[1\]: "),
}
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Left(NamedTuple):
    """What a controller left behind when it was ended."""

    code: int  # its exit status
    went_on: bool  # what it had started ended later than it
    record: dict[str, Any] | None


def _interrupt(stage: str, number: signal.Signals, trial: Trial) -> Outcome:
    """End the controller at a stage, then finish its test with another one."""
    before, begin, started = _records(), _end_of(trial.host), time.monotonic()
    boot = _boot(trial.host)
    controller = trial.plays.start(
        "crash_test", _KEPT / f"{trial.name}.log", crash_test_delay=_DELAY
    )
    try:
        _wait_for_stage(trial.host, controller, stage, begin, before)
        left = _end(controller, number, before)
    finally:
        _kill(controller)
    trial.plays.play("verify", crash_test_delay=_DELAY)
    found, panics = _only(before), _panics(trial.host, begin)
    wrong = differences(left, found, panics=panics, crashed=_boot(trial.host) != boot)
    wrong += kept(trial.host, found)
    row = (
        str(left.code),
        "it finished the test" if left.went_on else "-",
        left.record["why"] if left.record else "no record",
        f"{found['verdict']}: {found['why']}",
        panics,
        f"{time.monotonic() - started:.0f}",
    )
    return Outcome([row], wrong=wrong)


def differences(left: Left, record: Mapping[str, Any], *, panics: int, crashed: bool) -> list[str]:
    """What is not as it has to be after a test that was interrupted and finished by another controller.

    A test whose controller did not come to the trigger has crashed nothing; every other one has a good dump.
    """
    wrong = []
    wanted = "passed" if crashed else "inconclusive"
    if record["verdict"] != wanted:
        wrong.append(f"The verdict is {record['verdict']}, not {wanted}: {record['why']}")
    if panics != int(crashed):
        wrong.append(f"The host panicked {panics} times.")
    if left.code == 0 and not left.went_on:
        wrong.append("The controller that was ended says that all went well.")
    if left.record is None:
        wrong.append("The controller left no record.")
    elif left.record["run_id"] != record["run_id"]:
        wrong.append("The record is of another test than the one that was interrupted.")
    elif left.record["verdict"] == "inconclusive" and "vmcore.kdump.verify" not in str(
        left.record["why"]
    ):
        wrong.append(f"The record does not say how to finish the test: {left.record['why']}")
    return wrong


def _second_controller(together: bool, trial: Trial) -> Outcome:
    """Let a second controller ask for a crash, after the first one or at the same moment."""
    before, begin, started = _records(), _end_of(trial.host), time.monotonic()
    logs = [_KEPT / f"{trial.name}-{number}.log" for number in (1, 2)]
    first = trial.plays.start("crash_test", logs[0], crash_test_delay=_LONG_DELAY)
    second: subprocess.Popen[bytes] | None = None
    try:
        if not together:
            _wait_for_stage(trial.host, first, "scheduled", begin, before)
        second = trial.plays.start("crash_test", logs[1], crash_test_delay=_LONG_DELAY)
        codes = [each.wait(_FINISH_SECONDS) for each in (first, second)]
    except subprocess.TimeoutExpired:
        raise LabError(f"A controller does not end: see {_KEPT}.") from None
    finally:
        for each in filter(None, (first, second)):
            _kill(each)
    record, panics = _only(before), _panics(trial.host, begin)
    refused = [
        log.read_text(errors="replace") for log, code in zip(logs, codes, strict=True) if code
    ]
    said = [line for text in refused for line in _REFUSED.findall(text)]
    wrong = kept(trial.host, record)
    if len(refused) != 1 or not said:
        wrong.append(f"Not one of them was refused: they ended with {codes}, see {_KEPT}.")
    if record["verdict"] != "passed" or panics != 1:
        wrong.append(f"{panics} panics, and {record['verdict']}: {record['why']}")
    row = (
        ", ".join(map(str, codes)), "-", said[0] if said else "-",
        f"{record['verdict']}: {record['why']}", panics, f"{time.monotonic() - started:.0f}",
    )  # fmt: skip
    return Outcome([row], wrong=wrong)


# What a host says to the second controller.
_REFUSED = re.compile(
    r"(?:Another controller is testing this host right now|The (?:last )?crash test \S+ of this host was not finished)"
)


def _crash_again(trial: Trial) -> Outcome:
    """Crash the host once more as soon as it could take a dump again, before its boot is over."""
    before, begin, started = _records(), _end_of(trial.host), time.monotonic()
    controller = trial.plays.start(
        "crash_test", _KEPT / f"{trial.name}.log", crash_test_delay=_DELAY
    )
    again = threading.Event()
    try:
        _wait_for_stage(trial.host, controller, "returned", begin, before)
        threading.Thread(target=_crash_when_loaded, args=(trial.host, again), daemon=True).start()
        code = controller.wait(_FINISH_SECONDS)
    except subprocess.TimeoutExpired:
        raise LabError(f"The controller does not end: see {_KEPT}.") from None
    finally:
        again.set()
        _kill(controller)
    record, panics = _only(before), _panics(trial.host, begin)
    wrong = kept(trial.host, record)
    runs = ((record["vmcore"] or {}).get("crash") or {}).get("run_ids") or [None]
    if panics != 2:
        wrong.append(f"The host panicked {panics} times, not twice.")
    if record["verdict"] != "passed" or runs[-1] != record["run_id"]:
        wrong.append(f"The dump of the test was not found: {record['verdict']}: {record['why']}")
    row = (
        str(code), "-", "-", f"{record['verdict']}: {record['why']}", panics,
        f"{time.monotonic() - started:.0f}",
    )  # fmt: skip
    return Outcome([row], wrong=wrong)


def _crash_when_loaded(host: Machine, done: threading.Event) -> None:
    """Ask for a crash over ssh as soon as somebody answers and a capture kernel is loaded."""
    command = "until grep -q 1 /sys/kernel/kexec_crash_loaded; do sleep 0.1; done; echo c >/proc/sysrq-trigger"
    until = time.monotonic() + _STAGE_SECONDS
    while not done.is_set() and time.monotonic() < until:
        panics = host.console.read_text(errors="replace").count("sysrq: Trigger a crash")
        # The session dies with the kernel, or nobody answers yet.
        with suppress(LabError):
            host.ssh(command, timeout=60)
        if host.console.read_text(errors="replace").count("sysrq: Trigger a crash") > panics:
            return
        done.wait(1)


def _wait_for_stage(
    host: Machine, controller: subprocess.Popen[bytes], stage: str, begin: int, before: set[Path]
) -> None:
    until = time.monotonic() + _STAGE_SECONDS
    while not (
        _records() - before if stage == "prepared" else reached(_printed(host, begin), stage)
    ):
        if controller.poll() is not None:
            raise LabError(f"The controller ended before the host was {stage}: see {_KEPT}.")
        if time.monotonic() > until:
            raise LabError(f"The console {host.console} never showed that the host was {stage}.")
        time.sleep(0.05)


def reached(console: str, stage: str) -> bool:
    """Whether a console shows all that leads to a stage, in its order."""
    place = 0
    for pattern in _STAGES[stage]:
        found = re.compile(pattern).search(console, place)
        if not found:
            return False
        place = found.end()
    return True


def _end(controller: subprocess.Popen[bytes], number: signal.Signals, before: set[Path]) -> Left:
    """Send a signal as it would be sent, and wait for what the controller started."""
    send: Callable[[int, int], None] = os.killpg if number is signal.SIGINT else os.kill
    send(controller.pid, number)
    try:
        code = controller.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        raise LabError(f"The controller does not end by {number.name}.") from None
    time.sleep(2)
    left = _newest(before)
    went_on = _lives(controller.pid)
    until = time.monotonic() + _FINISH_SECONDS
    while _lives(controller.pid) and time.monotonic() < until:
        time.sleep(1)
    return Left(code, went_on, left)


def _lives(group: int) -> bool:
    """Whether a process group has processes: a worker that survives its parent would finish the test."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            # proc(5), /proc/PID/stat: 4242 (ansible-playboo) S 4200 4242 ...; what nobody waits for is a zombie.
            state, _parent, its_group, *_more = (
                (process / "stat").read_text().rpartition(")")[2].split()
            )
            if int(its_group) == group and state not in ("Z", "X"):
                return True
    return False


def _kill(controller: subprocess.Popen[Any]) -> None:
    """Leave nothing behind of a controller, whatever became of the case."""
    with suppress(ProcessLookupError):
        os.killpg(controller.pid, signal.SIGKILL)
    controller.wait()


def _records() -> set[Path]:
    return set(records(_KEPT))


def _newest(before: set[Path]) -> dict[str, Any] | None:
    new = sorted(_records() - before)
    return json.loads(new[-1].read_text()) if new else None


def _only(before: set[Path]) -> dict[str, Any]:
    new = sorted(_records() - before)
    if len(new) != 1:
        raise LabError(f"There are {len(new)} new records in {_KEPT}, not one.")
    record: dict[str, Any] = json.loads(new[0].read_text())
    return record


def _end_of(host: Machine) -> int:
    return host.console.stat().st_size


def _printed(host: Machine, begin: int) -> str:
    with host.console.open("rb") as console:
        console.seek(begin)
        return console.read().decode(errors="replace")


def _panics(host: Machine, begin: int) -> int:
    return len(re.findall(_PANIC, _printed(host, begin)))


def _boot(host: Machine) -> str:
    return host.ssh("cat /proc/sys/kernel/random/boot_id").strip()


def _cases() -> dict[str, Callable[[Trial], Outcome]]:
    interrupted = {
        f"{number.name.lower()}-{stage}": partial(_interrupt, stage, number)
        for stage in _STAGES
        for number in _SIGNALS
    }
    return {
        **interrupted,
        "second-controller": partial(_second_controller, False),
        "two-controllers": partial(_second_controller, True),
        "crashes-again": _crash_again,
    }


def _fresh(run: Callable[[Trial], Outcome], trial: Trial) -> Outcome:
    """Try a case whose files are its own."""
    _KEPT.mkdir(parents=True, exist_ok=True)
    for path in _KEPT.glob(f"{trial.name}*.log"):
        path.unlink()
    shutil.rmtree(_KEPT / "dumps", ignore_errors=True)
    return run(trial)


_COLUMNS: Sequence[str] = (
    "exit status", "what it had started", "said then", "record at the end", "panics:", "s:",
)  # fmt: skip
EXPERIMENT = Experiment(
    "interrupted",
    "controllers that end in the middle of a crash test, two at once, a host that crashes again",
    _COLUMNS,
    {
        name: Case(
            partial(_fresh, run),
            (Guest("interrupted"),),
            {"crash_test_minimum_uptime": 0, "crash_test_results_directory": str(_KEPT)},
        )
        for name, run in _cases().items()
    },
)
