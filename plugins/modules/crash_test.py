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
    O(confirm) names the host, and never in check mode.
  - The state of a test is kept in C(/var/lib/vmcore-kdump) on the host. A test that lost its controller is finished
    with O(resume=true).
extends_documentation_fragment:
  - vmcore.kdump._attributes
attributes:
  check_mode:
    support: full
    details:
      - In check mode the host is checked and nothing else happens.
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
      - The names (C(inventory_hostname)) of the hosts that may be crashed. A host that is not among them is refused.
    type: list
    elements: str
    default: []
  timeout:
    description:
      - How long to wait for the normal kernel after the trigger, in seconds.
      - A dump takes minutes, on hosts with terabytes of memory hours.
    type: int
    default: 1800
  console:
    description:
      - A file on the controller that the host's serial console is logged to. It is read for the stage a crash has
        reached and for the last line, both only shown while waiting.
    type: path
  results_directory:
    description:
      - A directory on the controller in which the record is stored as C(HOST-RUN_ID.json). Created when missing.
    type: path
  resume:
    description:
      - Finish the test that an earlier run began on this host, instead of beginning one. Crashes nothing.
    type: bool
    default: false
  step:
    description:
      - What the action plugin asks the module on the host to do. Leave it alone.
    type: str
    choices:
      - preflight
      - start
      - state
      - collect
    default: preflight
  run_id:
    description:
      - The run identifier, chosen by the action plugin. Leave it alone.
    type: str
  host:
    description:
      - The inventory name of the host, given by the action plugin. Leave it alone.
    type: str
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

- name: Finish a test whose controller died
  vmcore.kdump.crash_test:
    resume: true
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
state:
  description: The state of the test as it is kept on the host.
  returned: internal, between the action plugin and the module
  type: dict
record:
  description:
    - The result record. See C(docs/result-record.schema.json).
  returned: when a crash was triggered
  type: dict
  sample:
    verdict: passed
    why: The dump is whole and of this crash.
    stage: verified
record_path:
  description: Where the record was stored on the controller.
  returned: when O(results_directory) is given and a crash was triggered
  type: str
  sample: results/db01.example.com-6f1c1f0e-8f6c-4a51-9c3c-0d2a1b3c4d5e.json
"""

import json
import os
import re
import time
import typing as t
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test import state as test_state
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.arguments import ARGUMENTS
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.preflight import preflight
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.record import finished_record
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.patterns import classify
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.programs import with_programs
from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.facts import iommu_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families import (
    helper_family,
    kdump_facts,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._platform import platform_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.apply import Host, prove
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.install import (
    found,
    wanted_absent,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.find import find
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.identity import Expectation
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.verify import verify

ROOT = Path("/")
UNIT = "vmcore-kdump-crash-test"
DELAY_SECONDS = 3
# What is dirty goes to the disk first, but a sync that hangs (a dead NFS server) is not waited for.
# Nothing is crashed that could not take a dump any more: the preflight was some seconds ago.
TRIGGER = """
synced=$(mktemp -u)
{ sync; : > "$synced"; } &
tenths=0
until [ -e "$synced" ] || [ $tenths -ge 100 ]; do sleep 0.1; tenths=$((tenths + 1)); done
rm -f "$synced"
read -r armed < /sys/kernel/kexec_crash_loaded
[ "$armed" = 1 ] || { echo "No capture kernel is loaded any more, nothing is crashed." >&2; exit 1; }
echo c > /proc/sysrq-trigger
"""

Result = dict[str, t.Any]


def check_host(module: AnsibleModule) -> tuple[Result, Result]:
    """Return what the checks say of this host, and its facts."""
    facts = {
        "kdump": kdump_facts(ROOT),
        "iommu": iommu_facts(ROOT),
        "platform": platform_facts(ROOT),
    }
    rc, mem_usage, _stderr = module.run_command(["makedumpfile", "--mem-usage", "/proc/kcore"])
    proof = prove_image(module, facts) if facts["kdump"]["helper"]["installed"] else None
    checks = preflight(facts, test_state.load(), None if rc else mem_usage, proof, ROOT)
    failed = [check["detail"] for check in checks if check["status"] == "failed"]
    return {"checks": checks, "ready": not failed, "failed_details": failed}, facts


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


def do_start(module: AnsibleModule) -> Result:
    """Check the host, keep the state, mark the kernel log, and arm the trigger."""
    checked, facts = check_host(module)
    failed = checked.pop("failed_details")
    if failed:
        return {**checked, "failed": True, "msg": "The host was not crashed: " + " ".join(failed)}
    state = new_state(module.params["run_id"], module.params["host"], facts)
    test_state.save(state)
    mark_kernel_log(state)
    # Detached from this session, with a delay that lets the answer out, and cancellable until then:
    # systemctl stop vmcore-kdump-crash-test.timer
    rc, _stdout, stderr = module.run_command(
        ["systemd-run", "--collect", f"--unit={UNIT}", f"--on-active={DELAY_SECONDS}",
         "--timer-property=AccuracySec=100ms", "/bin/sh", "-c", TRIGGER]
    )  # fmt: skip
    if rc:
        test_state.save({**state, "stage": "finished"})
        raise KdumpError(f"systemd-run could not schedule the crash: {stderr.strip()}")
    return {**checked, "changed": True, "state": state}


def do_state(_module: AnsibleModule) -> Result:
    """Return the state of a test that was begun and not finished."""
    state = test_state.load()
    if state is None or state["stage"] == "finished":
        raise KdumpError("No crash test of this host waits to be finished.")
    return {"state": state}


def do_collect(module: AnsibleModule) -> Result:
    """Judge what the crash left behind, and finish the test."""
    state = test_state.load()
    if state is None or state["run_id"] != module.params["run_id"] or state["stage"] == "finished":
        raise KdumpError(
            f"The crash test {module.params['run_id']} is not the one that {test_state.STATE} waits for:"
            " somebody else finished it."
        )
    boot = this_boot()
    if boot["boot_id"] == state["boot_id"]:
        # It never crashed. It shall not do so later, when nobody waits for it any more.
        module.run_command(["systemctl", "stop", f"{UNIT}.timer", f"{UNIT}.service"])
    vmcore = newest_dump(state)
    files = vmcore["files"] if vmcore else {}
    evidence = [
        item
        for source, key in (("crashed kernel", "dmesg"), ("capture kernel", "capture_dmesg"))
        for item in classify(source, (read(files.get(key)) or "").splitlines())
    ]
    record = finished_record(
        state,
        vmcore=vmcore,
        reset=read_report(files.get("pcie_reset")),
        capture=read_json(files.get("capture")),
        evidence=evidence,
        normal=boot,
        now=time.time(),
    )
    test_state.save({**state, "stage": "finished", "record": record})
    return {"changed": True, "record": record}


def new_state(run_id: str, host: str, facts: Result) -> Result:
    """The state of a test that begins now."""
    kdump, platform = facts["kdump"], facts["platform"]
    return {
        "stage": "started",
        "run_id": run_id,
        "host": host,
        "hostname": os.uname().nodename,
        "armed_at": time.time(),
        "boot_id": this_boot()["boot_id"],
        "kernel": kdump["kernel_release"],
        "dump_directory": kdump["target"]["path"],
        "dumps_before": dumps_by_time(Path(kdump["target"]["path"])),
        "helper": kdump["helper"],
        "platform": platform,
        "iommu": {
            key: facts["iommu"][key] for key in ("kind", "translation", "interrupt_remapping")
        },
    }


def mark_kernel_log(state: Result) -> None:
    """Write the run identifier where the dump will show it; journald keeps the line as an audit trail."""
    host = re.sub(r"[^A-Za-z0-9._:-]", "_", state["host"])
    with Path("/dev/kmsg").open("w") as kmsg:
        kmsg.write(f"vmcore.kdump: crash test run_id={state['run_id']} host={host}\n")


def newest_dump(state: Result) -> Result | None:
    """The verdict on the newest dump since the test began, None when there is none."""
    present = dumps_by_time(Path(state["dump_directory"]))
    # By what is there and not by clocks: the capture kernel may have another one.
    new = [path for path, changed in present.items() if state["dumps_before"].get(path) != changed]
    if not new:
        return None
    expected = Expectation(
        run_id=state["run_id"],
        host=state["hostname"],
        kernel=state["kernel"],
        since=state["armed_at"],
    )
    return verify(Path(new[-1]), expected)


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


def read_json(path: str | None) -> Result | None:
    """The content of a report beside the dump, None when it is not there or was cut by the reboot."""
    try:
        content = json.loads(read(path) or "null")
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def read_report(path: str | None) -> Result | None:
    """The reset helper's report, None when it is not there or is not whole."""
    report = read_json(path)
    whole = report is not None and {"digest", "ports", "summary", "uptime_end"} <= set(report)
    return report if whole else None


STEPS = {
    "preflight": do_preflight,
    "start": do_start,
    "state": do_state,
    "collect": do_collect,
}


def main() -> None:
    """Run one step for the action plugin."""
    module = AnsibleModule(
        argument_spec=ARGUMENTS,
        required_if=[("step", "start", ["run_id", "host"]), ("step", "collect", ["run_id"])],
        supports_check_mode=True,
    )
    step = "preflight" if module.check_mode else module.params["step"]
    if os.geteuid() != 0:
        module.fail_json(msg="Only root can crash-test a host: set become for this task.")
    try:
        result = STEPS[step](module)
    except KdumpError as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(**{"changed": False, **result})


if __name__ == "__main__":
    main()
