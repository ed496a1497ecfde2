#!/usr/bin/python
# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The action plugin of this name does it all; this is its documentation.
# Note that it is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from playbooks, other collections or standalone plugins!
from __future__ import annotations

DOCUMENTATION = r"""
module: _fetch_dump
short_description: Private, copies the dump of a crash test to the controller
version_added: 0.3.0
author:
  - vmcore.kdump authors (@vmcore-kdump)
description:
  - The role P(vmcore.kdump.crash_test#role) copies dumps with this. Leave it to that one.
  - The dump is read in pieces, so that no memory grows with it. A copy that was interrupted goes on where it stopped,
    and the checksum tells whether the dump arrived as it was. Nobody but the user may read the copy.
extends_documentation_fragment:
  - vmcore.kdump._attributes
attributes:
  action:
    description: Indicates this has a corresponding action plugin, which runs on the controller.
    support: full
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  src:
    description: The dump on the host.
    type: str
    required: true
  run_id:
    description: The identifier of the test.
    type: str
    required: true
  results_directory:
    description: The directory on the controller; the copy goes to C(dumps) in it.
    type: path
    required: true
"""

EXAMPLES = r"""
# The role vmcore.kdump.crash_test is the only one to use it.
"""

RETURN = r"""
dest:
  description: The copy.
  returned: success
  type: str
"""
