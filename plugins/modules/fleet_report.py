#!/usr/bin/python
# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The action plugin of this name does it all; this is its documentation.
from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_report
short_description: Write the report of crash tests and assessments
version_added: 0.2.0
description:
  - Reads result records of M(vmcore.kdump.crash_test), what M(vmcore.kdump.assess) kept, and the crashes that
    M(vmcore.kdump.collect) brought, of any number of hosts and runs, and writes a report of them as HTML, JUnit XML,
    Prometheus metrics, JSON and Markdown.
  - It runs on the controller and asks no host. The same files make the same report, until a proof becomes too old.
  - A host whose last test passed is C(stale), and not C(passed), when an assessment after the test shows that the host
    cannot take a dump any more, or that its kernel, reset plan, kdump initramfs, firmware, reservation or kdump
    configuration changed. What one side does not know has not changed.
author:
  - vmcore.kdump authors (@vmcore-kdump)
extends_documentation_fragment:
  - vmcore.kdump._attributes
attributes:
  action:
    description: Indicates this has a corresponding action plugin, which runs on the controller.
    support: full
  check_mode:
    support: full
  diff_mode:
    support: partial
    details:
      - Of the Markdown summary.
  idempotent:
    support: full
  platform:
    description: It runs on the controller.
    support: N/A
    platforms: posix
options:
  results_directory:
    description:
      - Directory on the controller with the records, O(vmcore.kdump.crash_test#module:results_directory), and with what
        M(vmcore.kdump.assess) kept. Files of other kinds are listed in the report and left alone.
      - The last record of a host is its verdict, unless it was cancelled before the crash. The others are its history.
    type: path
    required: true
  directory:
    description:
      - Directory on the controller for the report. By default it is C(report) in O(results_directory).
      - It gets C(report.html), C(junit.xml), C(vmcore_kdump.prom), C(report.json) and C(summary.md), each of which is
        replaced at once.
      - It also gets a file C(limit-STEP) for each step of C(steps), with the hosts of O(hosts) that the step is for.
        C(ansible-playbook --limit @FILE) reads such a file.
    type: path
  max_age:
    description:
      - How many days a test that passed counts as a proof. Older proofs are C(stale). V(0) is for ever.
      - The age is that of the record on the controller.
    type: int
    default: 90
    version_added: 0.3.0
  hosts:
    description:
      - Hosts that belong to the report even if nothing is known of them.
    type: list
    elements: str
    default: []
seealso:
  - module: vmcore.kdump.assess
  - module: vmcore.kdump.collect
  - module: vmcore.kdump.crash_test
"""

EXAMPLES = r"""
---
- name: Write the report of all that was tested so far
  vmcore.kdump.fleet_report:
    results_directory: results
    hosts: "{{ groups['kdump_servers'] }}"
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
msg:
  description: The summary in Markdown.
  returned: success
  type: str
  sample: "**7 of 12 hosts take a proven crash dump**"
files:
  description: The files of the report by their name.
  returned: success
  type: dict
  sample:
    report.html: /home/op/results/report/report.html
summary:
  description: Numbers of hosts, and of crashes with and without the reset.
  returned: success
  type: dict
  sample:
    hosts: 12
    tested: 10
    verdicts: {failed: 2, inconclusive: 1, stale: 0, untested: 2, passed: 7}
steps:
  description: What to do next, the most urgent step first, with the command to do so.
  returned: success
  type: list
  elements: dict
  sample:
    - name: stale
      hosts: 2
      command: ansible-playbook vmcore.kdump.crash_test --limit @/home/op/results/report/limit-stale --check
  version_added: 0.3.0
unplanned:
  description: How many unplanned crashes M(vmcore.kdump.collect) has collected, and of how many hosts.
  returned: success
  type: dict
  sample: {total: 3, hosts: 2}
  version_added: 0.3.0
ignored:
  description: A sentence for each file that is neither a record nor facts.
  returned: success
  type: list
  elements: str
  sample: []
stats:
  description:
    - For M(ansible.builtin.set_stats). It is one variable whose name is C(vmcore_kdump_report_) and a digest of the
      names of the hosts, so that the slices of a job do not replace each other's.
  returned: success
  type: dict
  sample:
    vmcore_kdump_report_0d2f8e6c1a55:
      verdicts: {failed: 0, inconclusive: 0, stale: 0, untested: 0, passed: 1}
      hosts:
        db01.example.com: {verdict: passed, stage: verified, run_id: 5c1010ec-bea3-42f9-b221-e09a5853e55a}
"""
