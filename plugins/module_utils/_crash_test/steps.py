# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The steps of a crash test on the host: each is one call of the module, and the state connects them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import signal
import sys
import time
import typing as t
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test import state as test_state
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.arguments import RESUME_HINT
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.check import check_host
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.judge import (
    dumps_by_time,
    judged,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.machine import (
    UNITS,
    has_systemd,
    online_cpus,
    ram_bytes,
    running_build_id,
    this_boot,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.record import (
    PROVEN,
    lost_record,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.trigger import (
    LOAD_DIRECTORY,
    LOAD_FILES,
    choose_cpu,
    effective_delay,
    load_command,
    session_command,
    timer_command,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.sources import (
    listing,
    record_names,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.host import running_watchdogs

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.check import Checked
    from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.machine import Machine
    from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.preflight import Check

_LOCK = "run/vmcore-kdump-crash-test.lock"
_FED_BY_KERNEL = "watchdog_fed_by_kernel"
_NOT_LOADED = "quiesce_not_loaded"  # a problem that keeps no host from taking a dump

Result = dict[str, t.Any]
Options = t.Mapping[str, t.Any]


def do_preflight(machine: Machine, options: Options) -> Result:
    """Check the host and change nothing."""
    checked = check_host(machine, options)
    if checked.why_not:
        return _refusal(machine, checked, f"The host cannot be crash-tested: {checked.why_not}")
    return {
        **_known(machine, checked),
        "ready": True,
        "changed": True,
        "msg": "The host is ready; outside check mode it would be crashed now.",
    }


def do_prepare(machine: Machine, options: Options) -> Result:
    """Check the host, and keep the state of a test that crashes nothing yet."""
    with only_one(machine):
        checked = check_host(machine, options)
        if checked.why_not:
            return _refusal(machine, checked, f"The host was not crashed: {checked.why_not}")
        state = new_state(machine.root, options, checked.checks, checked.facts)
        test_state.reserve()
        test_state.save(state)
    return {**_known(machine, checked), "ready": True, "changed": True, "state": state}


def do_trigger(machine: Machine, options: Options) -> Result:
    """Mark the kernel log and the journal, and schedule the crash."""
    with only_one(machine):
        state = test_state.load()
        if state is None or state["run_id"] != options["run_id"]:
            raise KdumpError(f"The crash test {options['run_id']} was not prepared here.")
        if state["status"] != "prepared" or state["boot_id"] != this_boot(machine.root)["boot_id"]:
            raise KdumpError(
                f"The crash test {state['run_id']} was prepared for another boot: nothing was crashed."
            )
        state = {**state, "status": "started", "triggered_at": time.time()}
        by = "systemd-run" if has_systemd(machine.root) else "setsid"
        state["trigger"] = {**state["trigger"], "by": by}
        test_state.save(state)
        mark_logs(machine, state)
        try:
            _schedule(machine, state)
        except KdumpError as exc:
            _cancel_crash(machine, state)
            why = f"Nothing was crashed: {exc}"
            _finish(state, lost_record(state, stage="armed", why=why, now=time.time()))
            raise
    return {"changed": True, "state": state}


def do_state(_machine: Machine, _options: Options) -> Result:
    """Return the state of the last test, with its record when it is finished; None when there was no test."""
    return {"state": test_state.load()}


def do_cancel(machine: Machine, options: Options) -> Result:
    """Call off a crash that did not happen yet, and finish its test. With C(check_mode) say what would be done."""
    with only_one(machine):
        state = test_state.load()
        if state is None or state["status"] == "finished":
            return {"msg": "No crash of this host is scheduled."}
        if state["boot_id"] != this_boot(machine.root)["boot_id"]:
            raise KdumpError(
                f"The crash test {state['run_id']} cannot be cancelled, the host was started since. {RESUME_HINT}"
            )
        if options["check_mode"]:
            return {"changed": True, "msg": f"The crash test {state['run_id']} would be cancelled."}
        _cancel_crash(machine, state)
        why = f"The test was cancelled before the crash, by {options['requested_by']}."
        record = lost_record(state, stage="armed", why=why, now=time.time(), verdict="inconclusive")
        _finish(state, record)
        _log(
            machine,
            f"crash test run_id={state['run_id']} cancelled by={options['requested_by']}",
        )
    return {"changed": True, "record": record, "msg": why}


def do_collect(machine: Machine, options: Options) -> Result:
    """Judge what the crash left behind, and finish the test."""
    with only_one(machine):
        state = test_state.load()
        if state is None or state["run_id"] != options["run_id"]:
            raise KdumpError(
                f"The crash test {options['run_id']} is not the one that {test_state.STATE} waits for:"
                " somebody else finished it."
            )
        if state["status"] == "finished":
            return {"record": state["record"]}
        if state["status"] == "prepared":
            return _never_triggered(state)
        return _collect(machine, state, options)


STEPS = {
    "preflight": do_preflight,
    "prepare": do_prepare,
    "trigger": do_trigger,
    "state": do_state,
    "collect": do_collect,
    "cancel": do_cancel,
}


def _collect(machine: Machine, state: Result, options: Options) -> Result:
    boot = this_boot(machine.root)
    if boot["boot_id"] == state["boot_id"]:
        # It never crashed. It shall not do so later, when nobody waits for it any more.
        _cancel_crash(machine, state)
    remove_load_files()
    result = judged(machine, state, options, boot)
    _finish(state, result["record"])
    verdict = result["record"]["verdict"]
    _log(machine, f"crash test run_id={state['run_id']} finished verdict={verdict}")
    return {"changed": True, **(result if options["with_logs"] else {"record": result["record"]})}


def _never_triggered(state: Result) -> Result:
    why = (
        "The test was prepared, and nothing was crashed: its controller did not get to the trigger."
    )
    record = lost_record(state, stage="armed", why=why, now=time.time(), verdict="inconclusive")
    _finish(state, record)
    return {"changed": True, "record": record}


def _known(machine: Machine, checked: Checked) -> Result:
    """What the controller compares with what it knows itself, before anything is crashed."""
    return {
        "checks": checked.checks,
        "boot_id": this_boot(machine.root)["boot_id"],
        "expected_bytes": checked.expected_bytes,
    }


def _refusal(machine: Machine, checked: Checked, why: str) -> Result:
    return {**_known(machine, checked), "ready": False, "failed": True, "msg": why}


def _schedule(machine: Machine, state: Result) -> None:
    """Start the load and the timer, both detached from this session."""
    trigger = state["trigger"]
    systemd = trigger["by"] == "systemd-run"
    commands = []
    if trigger["load"]:
        commands.append(
            load_command(trigger["load"], trigger["delay"], sys.executable, systemd=systemd)
        )
    crash = timer_command if systemd else session_command
    commands.append(crash(trigger["delay"], state["run_id"], trigger["cpu"]))
    for command in commands:
        status, output = machine.run(command)
        if status:
            raise KdumpError(f"the crash could not be scheduled: {output.strip()}")


def _cancel_crash(machine: Machine, state: Result) -> None:
    """Call off what is scheduled, whatever scheduled it. It shall not happen when nobody waits for it any more."""
    if has_systemd(machine.root):
        machine.run(["systemctl", "stop", *UNITS])
    for process in (machine.root / "proc").glob("[0-9]*"):
        # What was started with setsid has the run id among its arguments. This module gets it another way.
        with contextlib.suppress(OSError, ValueError):
            arguments = (process / "cmdline").read_bytes().split(b"\0")
            if state["run_id"].encode() in arguments:
                os.kill(int(process.name), signal.SIGTERM)


def _finish(state: Result, record: Result) -> None:
    """End a test. The record stays, for a controller that died before it had it."""
    test_state.release()
    test_state.save({**state, "status": "finished", "record": record})


@contextlib.contextmanager
def only_one(machine: Machine) -> Iterator[None]:
    """Keep a second controller out while this one decides.

    Raises:
        KdumpError: there is one already.
    """
    with (machine.root / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise KdumpError("Another controller is testing this host right now.") from None
        yield


def remove_load_files() -> None:
    """Remove what a load could not remove, because the host was crashed under it."""
    for path in Path(LOAD_DIRECTORY).glob(LOAD_FILES):
        with contextlib.suppress(OSError):
            path.unlink()


def new_state(
    root: Path, options: Options, checks: Sequence[Check], facts: Mapping[str, t.Any]
) -> Result:
    """The state of a test that is prepared now.

    Raises:
        KdumpError: the CPU cannot be chosen, or the dump directory cannot be read.
    """
    kdump = facts["kdump"]
    directory = Path(kdump["target"]["path"])
    codes = {each["code"] for each in kdump["problems"]}
    return {
        "status": "prepared",
        "run_id": options["run_id"],
        "host": options["host"],
        "hostname": os.uname().nodename,
        "requested_by": options["requested_by"],
        "armed_at": time.time(),
        "boot_id": this_boot(root)["boot_id"],
        "kernel": kdump["kernel_release"],
        "build_id": running_build_id(root),
        "watchdog": bool(running_watchdogs(kdump)) or _FED_BY_KERNEL in codes,
        "crash_size": kdump["crash_size"],
        "dump_directory": str(directory),
        "dump_host": options["dump_host"],
        "files_before": listing(directory),
        "records_before": record_names(root),
        "dumps_before": {} if options["dump_host"] else dumps_by_time(directory),
        "helper": kdump["helper"],
        "kdump": {key: kdump[key] for key in PROVEN},
        "not_loaded": next(
            (each["message"] for each in kdump["problems"] if each["code"] == _NOT_LOADED), None
        ),
        "platform": facts["platform"],
        "ram_bytes": ram_bytes(root),
        "iommu": {
            key: facts["iommu"][key] for key in ("kind", "translation", "interrupt_remapping")
        },
        "trigger": {
            "delay": effective_delay(options["delay"], options["load"]),
            "cpu": choose_cpu(options["cpu"], online_cpus(root)),
            "load": options["load"],
            "by": None,
        },
        "preflight": checks,
    }


def mark_logs(machine: Machine, state: Result) -> None:
    """Write the run identifier where the dump will show it, and who asked for it into the journal."""
    host = re.sub(r"[^A-Za-z0-9._:-]", "_", state["host"])
    with Path("/dev/kmsg").open("w") as kmsg:
        kmsg.write(f"vmcore.kdump: crash test run_id={state['run_id']} host={host}\n")
    trigger = state["trigger"]
    _log(
        machine,
        f"crash test run_id={state['run_id']} host={host} requested by={state['requested_by']}"
        f" delay={trigger['delay']} cpu={trigger['cpu']} load={','.join(trigger['load']) or None}",
    )


def _log(machine: Machine, line: str) -> None:
    """Write an audit line into the host's journal (or syslog), and have it on the disk."""
    machine.run(["logger", "--tag", "vmcore.kdump", "--priority", "auth.notice", "--", line])
    if has_systemd(machine.root):
        machine.run(["journalctl", "--sync"])


__all__ = ("STEPS", "mark_logs", "new_state", "only_one", "remove_load_files")
