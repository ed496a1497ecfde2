#!/usr/bin/python
# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: crash_test
short_description: Crash a host on purpose and judge the dump it takes
version_added: 0.1.0
author:
  - vmcore.kdump authors (@vmcore-kdump)
description:
  - Checks that a host is ready, writes a run identifier into its kernel log, makes its kernel panic, waits until
    the host runs its normal kernel again, and verifies that the new dump is whole and of this very crash.
  - B(The host goes down hard.) Nothing is shut down, what was not written to disk is lost. It happens only if
    O(confirm) names the host or holds the play's token, and never in check mode.
  - The state of a test is kept in C(/var/lib/vmcore-kdump) on the host. A test that lost its controller is finished
    with O(resume=true); until then no other test begins on that host.
  - With O(results_directory) a record exists from before the crash on. It is replaced at every stage, and says that
    nobody has finished the test as long as that is so.
extends_documentation_fragment:
  - vmcore.kdump._attributes
attributes:
  check_mode:
    support: full
    details:
      - In check mode the host is checked and nothing else happens. The commands of O(checks) are run.
  diff_mode:
    support: N/A
    details:
      - A crash has no difference to show.
  idempotent:
    support: none
    details:
      - Every run crashes the host.
options:
  confirm:
    description:
      - The names (C(inventory_hostname)) of the hosts that may be crashed, or the token that a check of the same play
        showed. A host that is not confirmed is refused.
      - The token confirms exactly the hosts of the play, on the day it was shown (UTC) and the next.
    type: list
    elements: str
    default: []
  protected_groups:
    description:
      - Hosts in one of these groups of the inventory are never crashed, whatever is confirmed.
    type: list
    elements: str
    default: [crash_test_protected]
  state:
    description:
      - With V(tested) the host is crashed and its dump is judged.
      - With V(cancelled) a crash that is scheduled and did not happen yet is called off, and its test is finished. It
        takes a second controller, and a O(delay) that leaves the time.
    type: str
    choices: [tested, cancelled]
    default: tested
  window:
    description:
      - Maintenance windows as C([DAYS ]HH:MM-HH:MM), with days such as V(Sat,Sun) or V(Mon-Fri). The host is refused
        unless one of them is open when the crash would happen.
      - A window that ends before it begins is open past midnight; its days are those on which it begins.
    type: list
    elements: str
    default: []
  window_time_zone:
    description:
      - The time zone of O(window), that of the host or UTC. It is the host's clock in both cases.
    type: str
    choices: [host, utc]
    default: host
  minimum_uptime:
    description:
      - The host is refused until it has been up for so many seconds.
    type: int
    default: 60
  checks:
    description:
      - Commands for the host's shell. The host is refused unless each ends with 0 within a minute.
      - They run in check mode, too, so they must change nothing.
    type: list
    elements: str
    default: []
  delay:
    description:
      - Seconds between the last step of the preparation and the crash. Until then it can be cancelled, with
        O(state=cancelled) or on the host with C(systemctl stop vmcore-kdump-crash-test.timer).
      - At least 10 with O(load).
    type: int
    default: 3
  cpu:
    description:
      - The number of the CPU to crash on, or V(random). Without it the kernel chooses.
      - A crash that then happens on another one does not pass.
    type: str
  load:
    description:
      - The load to crash under. V(disk) writes one file of 64 MiB in C(/var/tmp) again and again, V(network) sends
        over the loopback interface. Both end by themselves when no crash comes.
    type: list
    elements: str
    choices: [disk, network]
    default: []
  timeout:
    description:
      - How long to wait for the normal kernel after the trigger, in seconds. By default 30 minutes, and 3 seconds
        more for every GiB of memory.
      - A host whose console or dump directory shows progress is waited for up to twice as long.
    type: int
  console:
    description:
      - A file on the controller that the host's serial console is logged to. It is read for the stage a crash has
        reached, for signs of progress and for the last line.
    type: path
  console_command:
    description:
      - A command on the controller that prints the host's serial console, used like the file of O(console).
    type: list
    elements: str
  results_directory:
    description:
      - A directory on the controller in which the record is stored as C(HOST-RUN_ID.json). Created when missing.
    type: path
  resume:
    description:
      - Finish the test that an earlier run began on this host, instead of beginning one. Crashes nothing.
      - The record of a test that is finished is returned again.
    type: bool
    default: false
  recovery:
    description:
      - How a host that did not return was brought back, with O(resume=true). The key C(method) says it in a word or
        two, C(sel) may have the lines of the system event log. The role fills it.
    type: dict
  dump_host:
    description:
      - The host on which dumps arrive that leave this one. Without it a host whose dumps leave it is refused.
      - With it the test is not finished when the host is back. The result has C(expected) then, for
        M(vmcore.kdump.vmcore_info) on O(dump_host). What that finds finishes the test, as O(dumps) with O(resume=true).
        The role C(vmcore.kdump.crash_test) does all of this.
    type: str
  dumps:
    description:
      - The C(dumps) that M(vmcore.kdump.vmcore_info) found on O(dump_host), with
        O(vmcore.kdump.vmcore_info#module:reports=true).
    type: list
    elements: dict
  step:
    description:
      - What the action plugin asks the module on the host to do. Leave it alone.
    type: str
    choices:
      - preflight
      - prepare
      - trigger
      - state
      - collect
      - cancel
    default: preflight
  run_id:
    description:
      - The run identifier, chosen by the action plugin. Leave it alone.
    type: str
  host:
    description:
      - The inventory name of the host, given by the action plugin. Leave it alone.
    type: str
  requested_by:
    description:
      - Who asked for the crash, given by the action plugin. Leave it alone.
    type: str
  observed:
    description:
      - The stages that the console showed, given by the action plugin. Leave it alone.
    type: dict
    default: {}
  with_logs:
    description:
      - Whether the action plugin wants the logs as well, to read them together with the console. Leave it alone.
    type: bool
    default: false
seealso:
  - module: vmcore.kdump.vmcore_info
  - module: vmcore.kdump.pcie_reset_helper
"""

EXAMPLES = r"""
---
- name: See whether db01 could be crashed (with --check)
  vmcore.kdump.crash_test:
  become: true

- name: Crash db01, only db01, and judge the dump
  vmcore.kdump.crash_test:
    confirm: db01.example.com
    results_directory: results
  become: true
  register: test

- name: Crash it on any CPU while it works, at night, if the cluster has no other host down
  vmcore.kdump.crash_test:
    confirm: db01.example.com
    cpu: random
    load: [disk, network]
    window: Mon-Thu 22:00-05:00
    checks:
      - test "$(cluster-status --nodes-down)" = 0
  become: true

- name: Finish a test whose controller died
  vmcore.kdump.crash_test:
    resume: true
  become: true

- name: Call off a crash that was scheduled with a delay
  vmcore.kdump.crash_test:
    state: cancelled
  become: true
"""

RETURN = r"""
checks:
  description: What was checked before the crash, each with C(name), C(status) (V(ok) or V(failed)) and C(detail).
  returned: when the host was checked
  type: list
  elements: dict
  sample:
    - name: armed
      status: ok
      detail: A capture kernel is loaded; 256 MiB are reserved for it.
ready:
  description: Whether all checks are V(ok).
  returned: when the host was checked
  type: bool
  sample: true
token:
  description: What confirms the crash of exactly the hosts of this play, in O(confirm).
  returned: in check mode
  type: str
  sample: crash-1f0c3a52b7
confirmed:
  description: Whether O(confirm) has the host or this token.
  returned: in check mode
  type: bool
  sample: false
state:
  description: The state of the test as it is kept on the host.
  returned: internal, between the action plugin and the module
  type: dict
record:
  description:
    - The result record. See C(docs/result-record.schema.json).
  returned: when a crash was prepared
  type: dict
  sample:
    verdict: passed
    why: The dump is whole and of this crash.
    stage: verified
refused:
  description: Whether the host itself said why not, in contrast to an answer that got lost.
  returned: internal, between the action plugin and the module
  type: bool
expected:
  description: What the dump must be that was sent to O(dump_host), for M(vmcore.kdump.vmcore_info) there.
  returned: when the host is back and its dump is yet to be judged
  type: dict
  sample:
    run_id: 6f1c1f0e-8f6c-4a51-9c3c-0d2a1b3c4d5e
    host: db01
    kernel: 6.12.107+deb13-amd64
lost:
  description: Whether the host did not return in time. The role then recovers it, if it was told how.
  returned: when a crash was triggered
  type: bool
  sample: false
record_path:
  description: Where the record was stored on the controller.
  returned: when O(results_directory) is given and a crash was prepared
  type: str
  sample: results/db01.example.com-6f1c1f0e-8f6c-4a51-9c3c-0d2a1b3c4d5e.json
"""

import contextlib
import fcntl
import os
import re
import sys
import time
import typing as t
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test import state as test_state
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.arguments import (
    ARGUMENTS,
    MUTUALLY_EXCLUSIVE,
    RESUME_HINT,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.elsewhere import (
    dump_of,
    expectation,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.preflight import (
    Command,
    Moment,
    command_checks,
    preflight,
    window_check,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.ram import dumped_ram
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.record import (
    explanation,
    finished_record,
    lost_record,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.trigger import (
    LOAD_DIRECTORY,
    LOAD_FILES,
    LOAD_UNIT,
    UNIT,
    choose_cpu,
    effective_delay,
    load_command,
    panic_cpu,
    parse_cpus,
    session_command,
    timer_command,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.classify import classify
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.sources import (
    journal_logs,
    left_files,
    listing,
    pstore_logs,
    side_logs,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.programs import with_programs
from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.facts import iommu_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families import (
    helper_family,
    kdump_facts,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.host import running_watchdogs
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.live import live_host
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.makedumpfile import (
    COMMAND,
    Answer,
    ask,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._module import runner
from ansible_collections.vmcore.kdump.plugins.module_utils._platform import platform_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.apply import Host, prove
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.install import (
    found,
    wanted_absent,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.find import find, side_reports
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.identity import Expectation
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.notes import build_id
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.verify import verify

ROOT = Path("/")
LOCK = Path("/run/vmcore-kdump-crash-test.lock")
COMMAND_SECONDS = 60
NOT_LOADED = "quiesce_not_loaded"  # a problem that keeps no host from taking a dump
UNITS = (f"{UNIT}.timer", f"{UNIT}.service", f"{LOAD_UNIT}.service")

Result = dict[str, t.Any]


def check_host(module: AnsibleModule) -> tuple[Result, Result]:
    """Return what the checks say of this host, and its facts."""
    options = module.params
    facts = {
        "kdump": kdump_facts(ROOT, live_host(runner(module))),
        "iommu": iommu_facts(ROOT),
        "platform": platform_facts(ROOT),
    }
    dump = ask_makedumpfile(module) if facts["kdump"]["core_collector"] == COMMAND[0] else None
    proof = prove_image(module, facts) if facts["kdump"]["helper"]["installed"] else None
    checks = preflight(
        facts, test_state.load(), dump, proof, this_moment(module), ROOT, options["dump_host"]
    )
    if options["window"]:
        crash = time.time() + effective_delay(options["delay"], options["load"])
        calendar = time.localtime if options["window_time_zone"] == "host" else time.gmtime
        checks.append(window_check(options["window"], options["window_time_zone"], calendar(crash)))
    if options["cpu"] is not None:
        checks.append(check_cpu(module))
    checks += command_checks(run_check(module, text) for text in options["checks"])
    failed = [check["detail"] for check in checks if check["status"] == "failed"]
    return {"checks": checks, "ready": not failed, "failed_details": failed}, facts


def ask_makedumpfile(module: AnsibleModule) -> Answer:
    """What makedumpfile says of the running kernel, once it has counted every page."""

    def run(command: list[str]) -> tuple[int, str]:
        try:
            status, output, errors = module.run_command(command, handle_exceptions=False)
        except OSError as exc:  # it is not there
            return 127, str(exc)
        return status, f"{output}\n{errors}"

    return ask(run)


def this_moment(module: AnsibleModule) -> Moment:
    """What the host is doing."""
    system, pending = "", []
    if has_systemd():
        _rc, system, _stderr = module.run_command(["systemctl", "is-system-running"])
        _rc, states, _stderr = module.run_command(["systemctl", "is-active", *UNITS])
        pending = [
            unit for unit, state in zip(UNITS, states.split()) if state in ("active", "activating")
        ]
    uptime = float((ROOT / "proc/uptime").read_text().split()[0])
    return Moment(uptime, module.params["minimum_uptime"], system.strip(), tuple(pending))


def check_cpu(module: AnsibleModule) -> dict[str, str]:
    """The check of the CPU that the host is to be crashed on."""
    try:
        choose_cpu(module.params["cpu"], online_cpus())
        if module.get_bin_path("taskset") is None:
            raise KdumpError("The host has no taskset (util-linux) to choose the CPU with.")
    except KdumpError as exc:
        return {"name": "cpu", "status": "failed", "detail": str(exc)}
    return {"name": "cpu", "status": "ok", "detail": f"CPU {module.params['cpu']} can be chosen."}


def run_check(module: AnsibleModule, text: str) -> Command:
    """Run a command of the operator, which may hang."""
    rc, stdout, stderr = module.run_command(
        ["timeout", "--kill-after=5", str(COMMAND_SECONDS), "/bin/sh", "-c", text]
    )
    return Command(text, rc, f"{stdout}\n{stderr}")


def online_cpus() -> list[int]:
    """The CPUs that a crash can happen on."""
    return parse_cpus((ROOT / "sys/devices/system/cpu/online").read_text())


def has_systemd() -> bool:
    """Whether systemd runs this host; sd_booted(3)."""
    return (ROOT / "run/systemd/system").is_dir()


def prove_image(module: AnsibleModule, facts: Result) -> Result:
    """Return the proof that the kdump initramfs holds the helper and the plan that are installed."""
    family = helper_family(ROOT)

    def run(command: list[str]) -> tuple[int, str]:
        rc, stdout, stderr = module.run_command(command)
        return rc, f"{stdout}\n{stderr}"

    def refuse(path: Path, _content: bytes, _mode: int) -> None:
        raise AssertionError(f"A check wrote {path}.")

    host = Host(
        root=ROOT,
        kernel=facts["kdump"]["kernel_release"],
        family=family,
        run=run,
        write=refuse,
        decompress=with_programs(run, Path(module.tmpdir)),
    )
    return prove(host, found(ROOT, wanted_absent()))


def do_preflight(module: AnsibleModule) -> Result:
    """Check the host and change nothing."""
    checked, _facts = check_host(module)
    failed = checked.pop("failed_details")
    if failed:
        return {
            **checked,
            "failed": True,
            "msg": "The host cannot be crash-tested: " + " ".join(failed),
        }
    return {
        **checked,
        "changed": True,
        "msg": "The host is ready; outside check mode it would be crashed now.",
    }


def do_prepare(module: AnsibleModule) -> Result:
    """Check the host, and keep the state of a test that crashes nothing yet."""
    with only_one():
        checked, facts = check_host(module)
        failed = checked.pop("failed_details")
        if failed:
            return {
                **checked,
                "failed": True,
                "msg": "The host was not crashed: " + " ".join(failed),
            }
        state = new_state(module.params, checked["checks"], facts)
        test_state.reserve()
        test_state.save(state)
    return {**checked, "changed": True, "state": state}


def do_trigger(module: AnsibleModule) -> Result:
    """Mark the kernel log and the journal, and schedule the crash."""
    with only_one():
        state = test_state.load()
        if state is None or state["run_id"] != module.params["run_id"]:
            raise KdumpError(f"The crash test {module.params['run_id']} was not prepared here.")
        if state["stage"] != "prepared" or state["boot_id"] != this_boot()["boot_id"]:
            raise KdumpError(
                f"The crash test {state['run_id']} was prepared for another boot: nothing was crashed."
            )
        state = {**state, "stage": "started", "triggered_at": time.time()}
        state["trigger"] = {**state["trigger"], "by": "systemd-run" if has_systemd() else "setsid"}
        test_state.save(state)
        mark_logs(module, state)
        try:
            schedule(module, state)
        except KdumpError as exc:
            cancel_crash(module, state)
            finish(
                state,
                lost_record(
                    state, stage="armed", why=f"Nothing was crashed: {exc}", now=time.time()
                ),
            )
            raise
    return {"changed": True, "state": state}


def schedule(module: AnsibleModule, state: Result) -> None:
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
        rc, _stdout, stderr = module.run_command(command)
        if rc:
            raise KdumpError(f"the crash could not be scheduled: {stderr.strip()}")


def cancel_crash(module: AnsibleModule, state: Result) -> None:
    """Call off what is scheduled, whatever scheduled it. It shall not happen when nobody waits for it any more."""
    if has_systemd():
        module.run_command(["systemctl", "stop", *UNITS])
    for process in (ROOT / "proc").glob("[0-9]*"):
        # What was started with setsid has the run id among its arguments. This module gets it another way.
        with contextlib.suppress(OSError, ValueError):
            arguments = (process / "cmdline").read_bytes().split(b"\0")
            if state["run_id"].encode() in arguments:
                os.kill(int(process.name), 15)


def do_state(_module: AnsibleModule) -> Result:
    """Return the state of the last test, with its record when it is finished."""
    state = test_state.load()
    if state is None:
        raise KdumpError("No crash test of this host waits to be finished.")
    return {"state": state}


def do_cancel(module: AnsibleModule) -> Result:
    """Call off a crash that did not happen yet, and finish its test."""
    with only_one():
        state = test_state.load()
        if state is None or state["stage"] == "finished":
            return {"msg": "No crash of this host is scheduled."}
        if state["boot_id"] != this_boot()["boot_id"]:
            raise KdumpError(
                f"The crash test {state['run_id']} cannot be cancelled, the host was started since. {RESUME_HINT}"
            )
        if module.check_mode:
            return {"changed": True, "msg": f"The crash test {state['run_id']} would be cancelled."}
        cancel_crash(module, state)
        why = f"The test was cancelled before the crash, by {module.params['requested_by']}."
        record = lost_record(state, stage="armed", why=why, now=time.time(), verdict="inconclusive")
        finish(state, record)
        log(
            module,
            f"crash test run_id={state['run_id']} cancelled by={module.params['requested_by']}",
        )
    return {"changed": True, "record": record, "msg": why}


def do_collect(module: AnsibleModule) -> Result:
    """Judge what the crash left behind, and finish the test."""
    with only_one():
        return judge(module)


def judge(module: AnsibleModule) -> Result:
    """Return the record of the test, which is finished by that."""
    state = test_state.load()
    if state is None or state["run_id"] != module.params["run_id"]:
        raise KdumpError(
            f"The crash test {module.params['run_id']} is not the one that {test_state.STATE} waits for:"
            " somebody else finished it."
        )
    if state["stage"] == "finished":
        return {"record": state["record"]}
    if state["stage"] == "prepared":
        why = "The test was prepared, and nothing was crashed: its controller did not get to the trigger."
        record = lost_record(state, stage="armed", why=why, now=time.time(), verdict="inconclusive")
        finish(state, record)
        return {"changed": True, "record": record}
    boot = this_boot()
    if boot["boot_id"] == state["boot_id"]:
        # It never crashed. It shall not do so later, when nobody waits for it any more.
        cancel_crash(module, state)
    remove_load_files()
    vmcore, reports = (
        arrived(state, module.params["dumps"]) if state.get("dump_host") else saved(state)
    )
    logs, known = collected(module, state, boot, vmcore)
    record = finished_record(
        state,
        vmcore=vmcore,
        reset=whole_report(reports["pcie_reset"]),
        capture=reports["capture"],
        **explanation(classify(logs, known)),
        normal=boot,
        now=time.time(),
        panic_cpu=cpu_of(vmcore),
        observed=module.params["observed"],
        recovery=module.params["recovery"],
    )
    finish(state, record)
    log(module, f"crash test run_id={state['run_id']} finished verdict={record['verdict']}")
    material = {"logs": logs, "known": known} if module.params["with_logs"] else {}
    return {"changed": True, "record": record, **material}


def collected(
    module: AnsibleModule, state: Result, boot: Result, vmcore: Result | None
) -> tuple[list[dict[str, str]], Result]:
    """The logs that the crash left on the host, and what else is known, for _evidence/classify.py."""
    directory, since = Path(state["dump_directory"]), state["armed_at"]
    files = left_files(directory, state.get("files_before", {}))
    logs = [*side_logs(directory, files), *pstore_logs(ROOT, since)]
    if vmcore is None or vmcore["verdict"] != "complete":

        def run(command: list[str]) -> tuple[int, str]:
            rc, stdout, _stderr = module.run_command(command)
            return rc, stdout

        logs += journal_logs(run, since)
    recovery = module.params["recovery"]
    if recovery and recovery.get("sel"):
        logs.append({"source": "sel", "text": "\n".join(recovery["sel"]), "name": "sel"})
    status = os.statvfs(directory) if directory.is_dir() else None
    known = {
        "armed": True,
        "boot_changed": boot["boot_id"] != state["boot_id"],
        "returned": True,
        "dump": vmcore,
        "files": files,
        "free_bytes": status.f_bavail * status.f_frsize if status else None,
        "run_id": state["run_id"],
        "power_cycled": bool(recovery),
        "watchdog": state.get("watchdog"),
    }
    return logs, known


def finish(state: Result, record: Result) -> None:
    """End a test. The record stays, for a controller that died before it had it."""
    test_state.release()
    test_state.save({**state, "stage": "finished", "record": record})


@contextlib.contextmanager
def only_one() -> t.Iterator[None]:
    """Keep a second controller out while this one decides.

    Raises:
        KdumpError: there is one already.
    """
    with LOCK.open("w") as lock:
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


def new_state(options: Result, checks: list[dict[str, str]], facts: Result) -> Result:
    """The state of a test that is prepared now."""
    kdump, platform = facts["kdump"], facts["platform"]
    directory = Path(kdump["target"]["path"])
    return {
        "stage": "prepared",
        "run_id": options["run_id"],
        "host": options["host"],
        "hostname": os.uname().nodename,
        "requested_by": options["requested_by"],
        "armed_at": time.time(),
        "boot_id": this_boot()["boot_id"],
        "kernel": kdump["kernel_release"],
        "build_id": running_build_id(),
        "watchdog": bool(running_watchdogs(kdump)),
        "crash_size": kdump["crash_size"],
        "dump_directory": str(directory),
        "dump_host": options["dump_host"],
        "files_before": listing(directory),
        "dumps_before": {} if options["dump_host"] else dumps_by_time(directory),
        "helper": kdump["helper"],
        "not_loaded": next(
            (each["message"] for each in kdump["problems"] if each["code"] == NOT_LOADED), None
        ),
        "platform": platform,
        "ram_bytes": ram_bytes(),
        "iommu": {
            key: facts["iommu"][key] for key in ("kind", "translation", "interrupt_remapping")
        },
        "trigger": {
            "delay": effective_delay(options["delay"], options["load"]),
            "cpu": choose_cpu(options["cpu"], online_cpus()),
            "load": options["load"],
            "by": None,
        },
        "preflight": checks,
    }


def mark_logs(module: AnsibleModule, state: Result) -> None:
    """Write the run identifier where the dump will show it, and who asked for it into the journal."""
    host = re.sub(r"[^A-Za-z0-9._:-]", "_", state["host"])
    with Path("/dev/kmsg").open("w") as kmsg:
        kmsg.write(f"vmcore.kdump: crash test run_id={state['run_id']} host={host}\n")
    trigger = state["trigger"]
    log(
        module,
        f"crash test run_id={state['run_id']} host={host} requested by={state['requested_by']}"
        f" delay={trigger['delay']} cpu={trigger['cpu']} load={','.join(trigger['load']) or None}",
    )


def log(module: AnsibleModule, line: str) -> None:
    """Write an audit line into the host's journal (or syslog), and have it on the disk."""
    module.run_command(["logger", "--tag", "vmcore.kdump", "--priority", "auth.notice", "--", line])
    if has_systemd():
        module.run_command(["journalctl", "--sync"])


def saved(state: Result) -> tuple[Result | None, Result]:
    """The verdict on the dump of the test on the host itself, and the reports beside it."""
    vmcore = newest_dump(state)
    return vmcore, side_reports(vmcore["files"] if vmcore else {})


def arrived(state: Result, dumps: list[Result] | None) -> tuple[Result | None, Result]:
    """The same of a dump that left the host, by what vmcore_info said where it arrived.

    Raises:
        KdumpError: nobody looked there.
    """
    if dumps is None:
        raise KdumpError(f"The dump of this test went to {state['dump_host']}: judge it there.")
    vmcore = dump_of(dumps, state)
    reports = vmcore.pop("reports", None) if vmcore else None
    return vmcore, reports or side_reports({})


def newest_dump(state: Result) -> Result | None:
    """The verdict on the dump since the test began, None when there is none."""
    present = dumps_by_time(Path(state["dump_directory"]))
    # By what is there and not by clocks: the capture kernel may have another one.
    new = [path for path, changed in present.items() if state["dumps_before"].get(path) != changed]
    if not new:
        return None
    expected = Expectation(**expectation(state))
    return judge_newest(new, lambda path: verify(Path(path), expected))


def judge_newest(paths: list[str], judge_one: t.Callable[[str], Result]) -> Result:
    """The verdict on the newest dump, or on an older one that is complete: others may be copied in meanwhile."""
    newest = judge_one(paths[-1])
    if newest["verdict"] == "complete":
        return newest
    older = (judge_one(path) for path in reversed(paths[:-1]))
    return next((one for one in older if one["verdict"] == "complete"), newest)


def cpu_of(vmcore: Result | None) -> int | None:
    """The CPU that panicked, by the log in the dump, or else by the one that was stored beside it."""
    if vmcore is None:
        return None
    cpu: int | None = vmcore["crash"].get("cpu")
    return panic_cpu(read(vmcore["files"].get("dmesg")) or "") if cpu is None else cpu


def ram_bytes() -> int | None:
    """The memory that a dump of this host covers, None when the kernel does not say.

    MemTotal of /proc/meminfo is no measure of it: a balloon takes from that, and the kernel dumps all the same.
    """
    try:
        return dumped_ram((ROOT / "proc/iomem").read_text())
    except OSError:
        return None


def running_build_id() -> str | None:
    """The build id of the kernel that runs now, None when it does not say."""
    try:
        return build_id((ROOT / "sys/kernel/notes").read_bytes())
    except (OSError, KdumpError):
        return None


def dumps_by_time(directory: Path) -> dict[str, float]:
    """The dumps below a directory and when each was last written, the newest last."""
    return {str(dump.path): dump.path.stat().st_mtime for dump in find(directory)}


def this_boot() -> Result:
    """The kernel that runs now.

    /proc/stat has the boot's time in seconds since the epoch: C(btime 1763800000)
    """
    stat = (ROOT / "proc/stat").read_text()
    btime = re.search(r"^btime (\d+)$", stat, re.MULTILINE)
    return {
        "boot_id": (ROOT / "proc/sys/kernel/random/boot_id").read_text().strip(),
        "boot_epoch": float(btime[1]) if btime else None,
        "kernel": os.uname().release,
    }


def read(path: str | None) -> str | None:
    """The text of a file beside the dump, None when it is not there."""
    try:
        return Path(path).read_text(errors="replace") if path else None
    except OSError:
        return None


def whole_report(report: Result | None) -> Result | None:
    """The reset helper's report, None when it is not there or is not whole."""
    whole = report is not None and {"digest", "ports", "summary", "uptime_end"} <= set(report)
    return report if whole else None


STEPS = {
    "preflight": do_preflight,
    "prepare": do_prepare,
    "trigger": do_trigger,
    "state": do_state,
    "collect": do_collect,
    "cancel": do_cancel,
}


def main() -> None:
    """Run one step for the action plugin."""
    module = AnsibleModule(
        argument_spec=ARGUMENTS,
        mutually_exclusive=MUTUALLY_EXCLUSIVE,
        required_if=[
            ("step", "prepare", ["run_id", "host", "requested_by"]),
            ("step", "trigger", ["run_id"]),
            ("step", "collect", ["run_id"]),
            ("step", "cancel", ["requested_by"]),
        ],
        supports_check_mode=True,
    )
    step = module.params["step"]
    if module.check_mode and step not in ("cancel", "state"):
        step = "preflight"
    if os.geteuid() != 0:
        module.fail_json(msg="Only root can crash-test a host: set become for this task.")
    try:
        result = STEPS[step](module)
    except KdumpError as exc:
        module.fail_json(msg=str(exc), refused=True)
    module.exit_json(**{"changed": False, **result})


if __name__ == "__main__":
    main()
