#!/usr/bin/python
# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The action plugin of this name does it all; this is its documentation.
from __future__ import annotations

DOCUMENTATION = r"""
module: collect
short_description: Bring what is new of a host's crashes to the controller
version_added: 0.3.0
description:
  - Looks through the dump directory of the host for crashes that are not known yet, and keeps of each what the report
    needs, that is the verdict on the dump, why the kernel crashed, a signature that equal crashes share, and the
    kernel's log. M(vmcore.kdump.fleet_report) reads it.
  - A dump never leaves the host.
  - Crashes are known by what is in their files, and by no clock. The controller keeps which of them it has.
  - The dumps of crash tests are told from others by the run id in the kernel's log, and those of C(kdumpctl test) by
    their directory. A log that announces a crash test, of a kernel that crashed in another way, is of an unplanned
    crash.
  - A crash that left the kernel's log and no dump is found as well. What left neither is not.
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
    details:
      - Nothing is written on the controller. Nothing ever is on the host.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  directory:
    description:
      - Directory on the controller with the results. It gets the directory C(crashes), for the user alone, with
        C(HOST.json), and with C(HOST-ID.log) for the log of each crash.
    type: path
    required: true
  path:
    description:
      - The directory with dumps, in the layout of any family of kdump. Set it on a server that gets the dumps of other
        hosts.
      - By default it is the directory that the kdump of the host saves its dumps in. A host whose dumps go elsewhere
        is refused.
    type: path
notes:
  - A host that never crashed has no dump directory, and no crash is new.
  - At most 500 crashes of a host are kept, and of each log the last million characters.
seealso:
  - module: vmcore.kdump.fleet_report
  - module: vmcore.kdump.vmcore_info
  - module: vmcore.kdump.vmcore_prune
"""

EXAMPLES = r"""
---
- name: Bring what is new
  vmcore.kdump.collect:
    directory: results

- name: Bring what is new of the hosts whose dumps are on this server
  vmcore.kdump.collect:
    directory: results
    path: /srv/dumps
"""

RETURN = r"""
msg:
  description: How many crashes are new, and known.
  returned: success
  type: str
  sample: 1 new unplanned crashes, 0 of tests, 3 known
path:
  description: The file on the controller with all crashes of the host that are known.
  returned: success
  type: str
  sample: /home/op/results/crashes/db01.example.com.json
crashes:
  description: The new ones, in the order of the host's clock.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: What the crash is called on the controller.
      type: str
    origin:
      description: V(unplanned), V(crash_test), or V(kdumpctl_test).
      type: str
    run_id:
      description: The last crash test that the log announces.
      type: str
    kind:
      description:
        - The kind of crash, V(null) if nothing says it. It is V(sysrq), V(soft_lockup), V(hard_lockup), V(hung_task),
          V(rcu_stall), V(machine_check), V(serror), V(nmi), V(out_of_memory), V(init_died), V(no_root), V(warning),
          V(oops), or V(panic) for any other.
      type: str
    words:
      description: The same in words.
      type: str
    reason:
      description: What the kernel said.
      type: str
    signature:
      description: Crashes of one cause have the same.
      type: str
    release:
      description: The kernel that crashed.
      type: str
    crash_time:
      description: When, in seconds since the epoch by the host's clock.
      type: int
    verdict:
      description: As RV(vmcore.kdump.vmcore_info#module:dumps[].verdict), or V(absent) where there is no dump.
      type: str
    path:
      description: The dump on the host, or the log where there is no dump.
      type: str
    size:
      description: Its size in bytes.
      type: int
    log:
      description: The kernel's log on the controller.
      type: str
  sample:
    - id: 3f0f4e1b2c9d8a77
      origin: unplanned
      run_id: null
      kind: oops
      words: The kernel did something that a processor or the kernel itself does not allow (oops)
      reason: "BUG: kernel NULL pointer dereference, address: 0000000000000008"
      signature: 9e1c3b7d20f4a856
      release: 6.12.107+deb13-amd64
      crash_time: 1795341073
      verdict: complete
      path: /var/crash/202611220951/dump.202611220951
      size: 121438696
      log: /home/op/results/crashes/db01.example.com-3f0f4e1b2c9d8a77.log
"""
