#!/usr/bin/python
# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from playbooks, other collections or standalone plugins!
from __future__ import annotations

DOCUMENTATION = r"""
module: _crash_test_step
short_description: Private, one step of a crash test on its host
version_added: 0.3.0
author:
  - vmcore.kdump authors (@vmcore-kdump)
description:
  - The action plugin of M(vmcore.kdump.crash_test) runs this on the host. Leave it to that one.
extends_documentation_fragment:
  - vmcore.kdump._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
    details:
      - A step has no difference to show.
  idempotent:
    support: none
options:
  step:
    description: What to do.
    type: str
    choices: [preflight, prepare, trigger, state, collect, cancel]
    required: true
  run_id:
    description: The identifier of the test.
    type: str
  host:
    description: The inventory name of the host.
    type: str
  requested_by:
    description: Who asked for the crash, or for its end.
    type: str
  observed:
    description: The stages that the console showed, in seconds since the trigger.
    type: dict
    default: {}
  with_logs:
    description: Whether to return the logs as well, to be read together with the console.
    type: bool
    default: false
  checks:
    description: As O(vmcore.kdump.crash_test#module:checks).
    type: list
    default: []
    elements: str
  cpu:
    description: As O(vmcore.kdump.crash_test#module:cpu).
    type: str
  delay:
    description: As O(vmcore.kdump.crash_test#module:delay).
    type: int
    default: 3
  dump_host:
    description: As O(vmcore.kdump.crash_test#module:dump_host).
    type: str
  load:
    description: As O(vmcore.kdump.crash_test#module:load).
    type: list
    default: []
    elements: str
    choices: [disk, network]
  minimum_uptime:
    description: As O(vmcore.kdump.crash_test#module:minimum_uptime).
    type: int
    default: 60
  window:
    description: As O(vmcore.kdump.crash_test#module:window).
    type: list
    default: []
    elements: str
  window_time_zone:
    description: As O(vmcore.kdump.crash_test#module:window_time_zone).
    type: str
    default: host
    choices: [host, utc]
  recovery:
    description: As O(vmcore.kdump.crash_test#module:recovery).
    type: dict
  dumps:
    description: As O(vmcore.kdump.crash_test#module:dumps).
    type: list
    elements: dict
seealso:
  - module: vmcore.kdump.crash_test
"""

EXAMPLES = r"""
# The action plugin of vmcore.kdump.crash_test is the only one to use it.
"""

RETURN = r"""
checks:
  description: What was checked before the crash.
  returned: by the steps V(preflight) and V(prepare)
  type: list
  elements: dict
ready:
  description: Whether all checks are V(ok).
  returned: by the steps V(preflight) and V(prepare)
  type: bool
state:
  description: The state of the test as it is kept on the host.
  returned: by the steps V(prepare), V(trigger) and V(state)
  type: dict
record:
  description: The result record. See C(docs/reference/result-record.schema.json).
  returned: by the steps V(collect) and V(cancel)
  type: dict
logs:
  description: The logs that the crash left on the host.
  returned: by the step V(collect), with O(with_logs=true)
  type: list
  elements: dict
known:
  description: What else is known of the crash.
  returned: by the step V(collect), with O(with_logs=true)
  type: dict
refused:
  description: Whether the host itself said why not, in contrast to an answer that got lost.
  returned: on failure
  type: bool
"""

import typing as t
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.arguments import (
    STEP_ARGUMENTS,
    STEP_NEEDS,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.machine import Machine
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.steps import STEPS
from ansible_collections.vmcore.kdump.plugins.module_utils._module import run_module, runner

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible.module_utils.basic import AnsibleModule


def work(module: AnsibleModule) -> dict[str, t.Any]:
    """Do one step for the action plugin."""
    step = module.params["step"]
    if module.check_mode and step not in ("cancel", "state"):
        step = "preflight"
    machine = Machine(runner(module), Path(module.tmpdir))
    return {
        "changed": False,
        **STEPS[step](machine, {**module.params, "check_mode": module.check_mode}),
    }


def main() -> None:
    """Run the module."""
    run_module(
        work,
        argument_spec=STEP_ARGUMENTS,
        only_root_can="crash-test a host",
        failure={"refused": True},
        required_if=STEP_NEEDS,
    )


if __name__ == "__main__":
    main()
