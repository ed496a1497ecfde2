#!/usr/bin/python
# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pcie_reset_helper
short_description: Put the PCIe reset into the kdump initramfs and prove its order
version_added: 0.1.0
description:
  - Installs a helper that resets PCIe devices in the capture kernel, before any driver loads. It follows a plan that
    the filter P(vmcore.kdump.reset_plan#filter) made before.
  - Rebuilds the kdump initramfs, and loads the capture kernel with it. Before that it looks into the built image for
    the helper, the plan, and the order in which the scripts run.
  - All of that is one step. If a part of it fails, the module puts back the previous files and the previous image,
    loads the capture kernel as before, and fails with the reason.
  - The normal initramfs is not touched and never contains the helper.
  - Knows the images of kdump-tools on Debian and Ubuntu, of kdump-utils on Fedora and Red Hat Enterprise Linux, and of
    kdump on SUSE. On Debian and Ubuntu also an image in C(/var/lib/kdump) that was made by dracut and is named in
    C(KDUMP_INITRD); it is rebuilt with the options that dracut recorded in it.
  - What builds the image later, for a new kernel or a new configuration, puts helper and plan into it again.
  - A host with firmware-assisted dump is refused. There the normal initramfs saves the dump.
  - A plan with the method V(sbr) needs C(setpci) of pciutils on the host.
  - Rebuilding takes from seconds to minutes. It happens only when the image on the disk is not as it has to be.
options:
  state:
    description:
      - V(present) installs the helper and O(plan).
      - V(absent) removes every file, rebuilds the kdump initramfs without the helper and proves that nothing of it is
        left.
    type: str
    choices: [present, absent]
    default: present
  plan:
    description:
      - What the filter P(vmcore.kdump.reset_plan#filter) returned for this host.
      - Without it the module plans on the host, by the same function, from the facts of this moment. The rules that
        the role P(vmcore.kdump.pcie_reset#role) ships are not among O(exclusions) then.
      - Ignored if O(state=absent).
    type: dict
  exclusions:
    description:
      - Rules for a plan that is made on the host, as for P(vmcore.kdump.reset_plan#filter).
    type: list
    elements: dict
    default: []
  stage:
    description:
      - Where the devices are reset. The plan must be made for the same stage.
      - With V(initramfs), in the initramfs of the capture kernel before drivers load, and after the kernel has
        initialised the IOMMU.
      - With V(quiesce), in a small stage of its own before that. A first kernel leaves the IOMMU alone, resets the
        devices and starts the capture kernel. That kernel finds silent devices, those of built-in drivers among them.
      - V(quiesce) takes one more boot of the kernel, and memory. When less is reserved than needed the module fails and
        says how much it is.
      - V(quiesce) is built for kdump-tools (Debian, Ubuntu) on x86_64 and aarch64. It adds a line to
        C(/etc/default/kdump-tools), by which C(kdump-config) makes and loads it whenever it loads the capture kernel.
    type: str
    choices: [initramfs, quiesce]
    default: initramfs
  policy:
    description:
      - Policy for a plan that is made on the host, as for P(vmcore.kdump.reset_plan#filter).
    type: dict
    default: {}
  files:
    description:
      - The text of the helper's files by name.
      - Filled in by the action plugin with the collection's own files. Set single entries only to test another helper.
    type: dict
extends_documentation_fragment:
  - vmcore.kdump._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
author:
  - vmcore.kdump authors (@vmcore-kdump)
seealso:
  - module: vmcore.kdump.platform_facts
  - plugin: vmcore.kdump.reset_plan
    plugin_type: filter
"""

EXAMPLES = r"""
---
- name: Gather what the plan is made from
  vmcore.kdump.platform_facts:

- name: Reset all PCIe devices but one in the capture kernel
  vmcore.kdump.pcie_reset_helper:
    plan: "{{ ansible_facts | vmcore.kdump.reset_plan(exclusions) }}"
  vars:
    exclusions:
      - name: accelerator
        match:
          vendor: 1b36
          class: "1200*"
        reason: Its firmware does not survive a hot reset.

- name: The same, planned on the host
  vmcore.kdump.pcie_reset_helper:
    exclusions:
      - name: accelerator
        match:
          class: "1200*"

- name: Reset all PCIe devices before the IOMMU is initialised
  vmcore.kdump.pcie_reset_helper:
    plan: "{{ ansible_facts | vmcore.kdump.reset_plan(stage='quiesce') }}"
    stage: quiesce

- name: Remove the reset
  vmcore.kdump.pcie_reset_helper:
    state: absent
"""

RETURN = r"""
proof:
  description:
    - The proof that was read from the image on the disk, which is the one that is loaded.
    - In check mode that image is the present one.
  returned: success
  type: dict
  sample:
    proven: true
    statement: >-
      scripts/init-top/00-pcie-reset runs before udev (starts systemd-udevd, triggers coldplug) and load_modules
    before: [scripts/init-top/blacklist, scripts/init-top/udev, load_modules]
    evidence:
      - 'scripts/init-top/ORDER:1: /scripts/init-top/00-pcie-reset "$@"'
      - 'scripts/init-top/ORDER:9: /scripts/init-top/udev "$@"'
      - 'init:222: run_scripts /scripts/init-top'
      - 'init:227: load_modules'
    why_not:
  contains:
    proven:
      description: Whether the image is as it has to be for O(state).
      type: bool
    statement:
      description: What is proven.
      type: str
    before:
      description: What runs later than the reset.
      type: list
      elements: str
    evidence:
      description: The lines of files in the image that the proof rests on, each with its file and number.
      type: list
      elements: str
    why_not:
      description: The reason why RV(proof.statement) is not proven, otherwise V(null).
      type: str
image:
  description: The kdump initramfs, V(null) if there is none.
  returned: success
  type: dict
  sample:
    path: /var/lib/kdump/initrd.img-6.12.107+deb13-amd64
    size: 14155776
    sha256: 5a2f1d0c0a3e8e1a4f2f54c3f5f3a8f8b1d6b6a9d6f3c1e2b7a8c9d0e1f2a3b4
  contains:
    path:
      description: Where it is.
      type: str
    size:
      description: Its size in bytes.
      type: int
    sha256:
      description: The SHA-256 of its content.
      type: str
files:
  description: The paths that were written or removed, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: [/etc/pcie-reset/plan]
rebuilt:
  description: Whether the kdump initramfs was rebuilt, or would be in check mode.
  returned: success
  type: bool
  sample: true
stage:
  description: Where the capture kernel that is loaded has the devices reset, V(null) without the helper.
  returned: success
  type: str
  sample: initramfs
armed:
  description: Whether a capture kernel is loaded.
  returned: success
  type: bool
  sample: true
"""

import os
import typing as t
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.programs import with_programs
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.facts import kdump_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.registry import helper_family
from ansible_collections.vmcore.kdump.plugins.module_utils._module import run_module, runner, writer
from ansible_collections.vmcore.kdump.plugins.module_utils._pci.functions import pcie_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._platform import platform_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.apply import (
    Difference,
    Host,
    converge,
    examine,
    image_facts,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.install import (
    text_diff,
    wanted_absent,
    wanted_present,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.plan import make_plan

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible.module_utils.basic import AnsibleModule


def make_host(module: AnsibleModule) -> Host:
    """Return this host, with commands and files going through the module."""
    root = Path("/")
    family, run = helper_family(root), runner(module)

    return Host(
        root=root,
        kernel=os.uname().release,
        family=family,
        run=run,
        write=writer(module),
        decompress=with_programs(run, Path(module.tmpdir)),
    )


def plan_here(params: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return the plan that the controller would make from this host's facts."""
    root = Path("/")
    facts = {
        "pcie": pcie_facts(root),
        "kdump": kdump_facts(root),
        "platform": platform_facts(root),
    }
    return make_plan(facts, params["exclusions"], params["policy"], params["stage"])


def make_diff(difference: Difference, host: Host) -> list[dict[str, str]]:
    """Return the diff of the files, and of the image in words."""
    diff = text_diff(difference.present, difference.wanted)
    if difference.rebuild:
        diff.append(
            {
                "before_header": str(host.image),
                "after_header": str(host.image),
                "before": f"{difference.proof['why_not']}\n",
                "after": "Rebuilt and proven.\n",
            }
        )
    if difference.stage_why_not:
        diff.append(
            {
                "before_header": "capture kernel",
                "after_header": "capture kernel",
                "before": f"{difference.stage_why_not}\n",
                "after": "Loaded again and proven.\n",
            }
        )
    return diff


def ensure(module: AnsibleModule) -> dict[str, t.Any]:
    """Do what the task asks for and return the module's result."""
    host = make_host(module)
    wanted = wanted_absent()
    if module.params["state"] == "present":
        plan = module.params["plan"] or plan_here(module.params)
        wanted = wanted_present(
            module.params["files"] or {}, plan, host.family, module.params["stage"]
        )
    difference = examine(host, wanted)
    result: dict[str, t.Any] = {
        "changed": difference.changed,
        "proof": difference.proof,
        "files": [str(path) for path in difference.differing],
        "rebuilt": difference.rebuild,
        "stage": module.params["stage"] if module.params["state"] == "present" else None,
    }
    if module._diff:
        result["diff"] = make_diff(difference, host)
    if difference.changed and not module.check_mode:
        result["proof"] = converge(host, difference)
    return {**result, "image": image_facts(host), "armed": host.armed}


def main() -> None:
    run_module(
        ensure,
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "plan": {"type": "dict"},
            "exclusions": {"type": "list", "elements": "dict", "default": []},
            "policy": {"type": "dict", "default": {}},
            "stage": {"type": "str", "choices": ["initramfs", "quiesce"], "default": "initramfs"},
            "files": {"type": "dict"},
        },
        only_root_can="change the kdump initramfs",
    )


if __name__ == "__main__":
    main()
