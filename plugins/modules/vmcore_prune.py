#!/usr/bin/python
# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The action plugin of this name does it all; this is its documentation.
from __future__ import annotations

DOCUMENTATION = r"""
module: vmcore_prune
short_description: Remove old crash dumps
version_added: 0.3.0
description:
  - Removes what crashes left in the dump directory, until what stays is within all limits. The oldest crashes go first.
  - What a crash left is removed as a whole, that is the dump with all its parts, the kernel's log, and what kdump and
    the reset helper stored beside them. Other files stay, and their directory with them.
  - It works by the names of all families of kdump, follows no link below the dump directory, and leaves the directory
    nowhere.
  - A crash stays, whatever the limits are, while a process has a file of it open, when anything of it changed within
    the last hour or at a time in the future, and when it is unfinished (C(-incomplete)) and changed within the last
    week.
  - A crash whose time is not known, because no clock was right, is not old.
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
    support: full
  idempotent:
    support: full
    details:
      - Time passes. A crash that becomes too old is removed by a later run.
options:
  directory:
    description:
      - Directory on the controller with the results, where M(vmcore.kdump.collect) keeps what it has of the host.
    type: path
    required: true
  path:
    description:
      - The directory with dumps. By default it is the directory that the kdump of the host saves its dumps in.
    type: path
  max_age:
    description: Remove crashes that are older than so many days.
    type: int
  max_count:
    description: Remove crashes when so many newer ones stay.
    type: int
  max_size:
    description:
      - Remove crashes until those that stay take no more on the disk, such as V(20G) or V(500M).
    type: str
  keep_unreported:
    description: Keep crashes that M(vmcore.kdump.collect) did not bring to the controller yet.
    type: bool
    default: true
  keep_signatures:
    description: Keep the newest crash of each signature, so that each cause can still be looked into.
    type: bool
    default: true
notes:
  - At least one of O(max_age), O(max_count) and O(max_size) is needed.
seealso:
  - module: vmcore.kdump.collect
"""

EXAMPLES = r"""
---
- name: Keep what is younger than 90 days, in 20 GiB, and one dump of each cause
  vmcore.kdump.vmcore_prune:
    directory: results
    max_age: 90
    max_size: 20G
"""

RETURN = r"""
directory:
  description: The dump directory.
  returned: success
  type: str
  sample: /var/crash
removed:
  description: The crashes that were removed, or would be in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: The directory of the crash.
      type: str
    size:
      description: What it took on the disk, in bytes.
      type: int
    why:
      description: The limit that it exceeded.
      type: str
  sample:
    - path: /var/crash/202608220951
      size: 121438208
      why: it is older than 90 days
kept:
  description: The crashes that stay, and why.
  returned: success
  type: list
  elements: dict
  sample:
    - path: /var/crash/202611220951
      size: 121438208
      why: it was not collected yet
freed_bytes:
  description: What the crashes that were removed took on the disk.
  returned: success
  type: int
  sample: 121438208
"""
