#!/usr/bin/python
# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The action plugin of this name does it all; this is its documentation.
from __future__ import annotations

DOCUMENTATION = r"""
module: crash_test
short_description: Crash a host on purpose and judge the dump it takes
version_added: 0.1.0
author:
  - vmcore.kdump authors (@vmcore-kdump)
description:
  - Checks that a host is ready, writes a run identifier into its kernel log, and makes its kernel panic. Waits until
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
  action:
    description: Indicates this has a corresponding action plugin, which runs on the controller.
    support: full
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
      - The token confirms exactly the hosts of the play, by this inventory and at these addresses, for 24 hours.
    type: list
    elements: str
    default: []
  protected_groups:
    description:
      - Hosts in one of these groups of the inventory are never crashed, whatever is confirmed. Hosts at the same
        address as a protected host are never crashed either.
      - The group C(crash_test_protected) protects its hosts also if it is not named here.
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
  room_for_dump:
    description:
      - Whether a dump is copied to O(results_directory) later. The host is refused unless the controller has room for
        it.
    type: bool
    default: false
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
  refused:
    description:
      - What a host is that is refused, because it is protected, outside of its window, not ready, or does not answer.
        Nothing was done to it.
      - With V(stop) the task fails, with V(skip) it is skipped. The result has C(refused) in both cases, and with
        O(results_directory) the reason is kept there as C(HOST-refusal.json) for the report.
      - A host that is not confirmed is a failure in any case, and so is a name in O(confirm) that no host of the play
        has, or a group in O(protected_groups) that the inventory does not have.
    type: str
    choices: [skip, stop]
    default: stop
  objection:
    description:
      - Why the host is not to be crashed, when the play has found out something that this module does not check. It is
        refused then.
    type: str
  dumps:
    description:
      - The C(dumps) that M(vmcore.kdump.vmcore_info) found on O(dump_host), with
        O(vmcore.kdump.vmcore_info#module:reports=true).
    type: list
    elements: dict
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

- name: Crash hosts that are ready, and leave out those that are not
  vmcore.kdump.crash_test:
    confirm: "{{ groups['databases'] }}"
    refused: skip
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
refused:
  description:
    - Why the host was not crashed, in a word. V(protected), V(own_machine) (the controller, or a second name of another
      host), V(window), V(not_ready), V(unreachable), or V(no_test) with O(resume=true).
  returned: when the host is refused
  type: str
  sample: window
record:
  description:
    - The result record. See C(docs/reference/result-record.schema.json).
  returned: when a crash was prepared
  type: dict
  sample:
    verdict: passed
    why: The dump is whole and of this crash.
    stage: verified
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
