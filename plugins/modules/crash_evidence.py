#!/usr/bin/python
# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: crash_evidence
short_description: Say from logs how far a kernel crash dump came, and why no farther
version_added: 0.3.0
description:
  - Reads the logs of any crash, not only of a crash test. That can be a serial console, a log of the management
    controller, a journal, or what kdump's tools left beside a dump. Returns the last stage that the dump reached, the
    first stage that it did not reach, the most likely cause, other possible causes, and the log lines for them.
  - Changes nothing and needs no root. It runs where the files are, on a host or on the controller.
  - A log may be of any length. It is read once, in pieces.
author:
  - vmcore.kdump authors (@vmcore-kdump)
extends_documentation_fragment:
  - vmcore.kdump._attributes
  - vmcore.kdump._attributes.info_module
attributes:
  platform:
    platforms: posix
options:
  logs:
    description: The logs of one crash.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description:
          - The file, or a tar of files of one crash. Either may be packed with gzip, bzip2 or xz.
          - A directory stands for the crash records in it and below it, such as C(/var/lib/systemd/pstore). The parts
            of a crash record are put in order, wherever they lie and whatever systemd made of them.
          - Nothing is written. What is more than 1 GiB when it is unpacked is refused. Dumps in a tar are passed over.
        type: path
        required: true
      source:
        description:
          - What it is. If it is not given, the name of the file tells, and a file with any other name is a console.
            In a tar the names of its files tell first.
          - V(dmesg) is of the crashed kernel, V(capture_dmesg), V(kexec_dmesg), V(readme) and V(status) are of the
            capture kernel, V(sel) is the event log of a management controller.
        type: str
        choices: [console, journal, pstore, dmesg, capture_dmesg, quiesce_dmesg, kexec_dmesg, readme, status, sel]
  run_id:
    description: The crash test whose crash it is. Without it, the last crash in the logs is meant.
    type: str
  returned:
    description: Whether the host is back in its normal kernel. Leave it out if that is not known.
    type: bool
  dump:
    description: What there is of a dump. Leave it out if that is not known.
    type: str
    choices: [none, incomplete, complete]
  devices:
    description: Names of PCI devices, by their addresses, for sentences that name one.
    type: dict
"""

EXAMPLES = r"""
---
- name: Why was there no dump last night
  vmcore.kdump.crash_evidence:
    logs:
      - path: /var/log/consoles/db01.log
  delegate_to: localhost
  register: crash

- name: Show it
  ansible.builtin.debug:
    msg: "{{ crash.cause.sentence | default('Nothing is wrong.') }}"
"""

RETURN = r"""
stage:
  description: The last stage that is proven, C(null) for none.
  returned: success
  type: dict
  sample: {"code": "S3", "name": "capture kernel", "recorded_as": "capture kernel"}
failed_stage:
  description: The first stage that did not happen, C(null) if none failed or nobody can know.
  returned: success
  type: dict
  sample: {"code": "S4", "name": "vmcore present", "recorded_as": "capture kernel"}
cause:
  description: The most likely cause, C(null) if nothing is wrong. The page evidence says what C(sure) means.
  returned: success
  type: dict
  sample: {"code": "iommu_fault", "sentence": "IOMMU fault.", "sure": "likely"}
alternatives:
  description: What else it could be, in the order of likelihood.
  returned: success
  type: list
  elements: dict
  sample: []
evidence:
  description: The lines that mean something, the gravest first.
  returned: success
  type: list
  elements: dict
  sample: []
segments:
  description: What each kernel printed, in the order of the logs, with its first and its last line.
  returned: success
  type: list
  elements: dict
  sample: [{"kind": "capture", "source": "console", "lines": 8, "first": "Linux version 6.12", "last": "Run /init"}]
dump:
  description: What there is of a dump, C(state) and C(sentence).
  returned: success
  type: dict
  sample: {"state": "none", "sentence": "There is no new dump."}
silence:
  description: What was not heard.
  returned: success
  type: str
  sample: Nothing was heard of the capture kernel.
needs:
  description: What would have to be collected to know more.
  returned: success
  type: list
  elements: str
  sample: []
"""

import typing as t
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.classify import (
    classify,
    outline,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.files import SOURCES, read_all
from ansible_collections.vmcore.kdump.plugins.module_utils._module import run_module

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible.module_utils.basic import AnsibleModule


def known(params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return what is known beside the logs, for classify()."""
    facts: dict[str, t.Any] = {"run_id": params["run_id"], "devices": params["devices"]}
    if params["returned"] is not None:
        facts["returned"] = params["returned"]
        if params["returned"]:
            facts["boot_changed"] = True
    if params["dump"] == "none":
        facts["dump"] = None
    elif params["dump"]:
        why = "The dump is whole." if params["dump"] == "complete" else "The dump is cut short."
        facts["dump"] = {"path": "vmcore", "size": 1, "verdict": params["dump"], "why": why}
    return facts


def explain(module: AnsibleModule) -> dict[str, t.Any]:
    """Return what happened."""
    logs = read_all([(Path(given["path"]), given["source"]) for given in module.params["logs"]])
    facts = known(module.params)
    result = classify(logs, facts)
    # "failed" would be the task's.
    failed = result.pop("failed")
    return {**result, "failed_stage": failed, "segments": outline(logs, facts)}


def main() -> None:
    run_module(
        explain,
        argument_spec={
            "logs": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "path": {"type": "path", "required": True},
                    "source": {"type": "str", "choices": list(SOURCES)},
                },
            },
            "run_id": {"type": "str"},
            "returned": {"type": "bool"},
            "dump": {"type": "str", "choices": ["none", "incomplete", "complete"]},
            "devices": {"type": "dict"},
        },
    )


if __name__ == "__main__":
    main()
