# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: qualification
short_description: Compare crash tests without the reset and with it
version_added: 0.2.0
author:
  - vmcore.kdump authors (@vmcore-kdump)
description:
  - Compares the result records of crash tests of one host, without the reset helper and with it in each stage, and
    proposes a stage and exclusions for its platform. The playbook C(qualify) makes the records and writes what this
    filter returns.
options:
  _input:
    description:
      - Result records of M(vmcore.kdump.crash_test).
    type: list
    elements: dict
    required: true
  plan:
    description:
      - What P(vmcore.kdump.reset_plan#filter) made for the host. With it ports are named that only the register
        sequence would reset.
    type: dict
    version_added: 0.3.0
seealso:
  - module: vmcore.kdump.crash_test
  - plugin: vmcore.kdump.reset_plan
    plugin_type: filter
"""

EXAMPLES = r"""
---
- name: Show what the crash tests of a host say about its platform
  ansible.builtin.debug:
    msg: "{{ (records | vmcore.kdump.qualification).conclusion.sentence }}"
  vars:
    files: "{{ query('ansible.builtin.fileglob', 'results/db01.example.com-*.json') }}"
    records: "{{ query('ansible.builtin.file', *files) | map('from_json') }}"
"""

RETURN = r"""
_value:
  description:
    - The C(host), its C(platform), C(kernel) and C(iommu), the C(conclusion) with a code and a sentence, the
      proposed C(pcie_reset_stage), C(pcie_reset_policy) and C(pcie_reset_exclusions), and what C(to_qualify) next.
    - For the crashes C(without) and C(with) the reset in the initramfs, and with the one in the C(quiesce) stage, how
      many there were, how many left a dump, the times, the results of the ports, and the evidence.
  type: dict
  sample:
    conclusion:
      code: reset_helps
      sentence: >-
        The reset saves dumps: 3 of 3 crashes with the reset in the initramfs left a dump, 0 of 3 without it.
    pcie_reset_stage: initramfs
    pcie_reset_policy: {}
    to_qualify: {}
    pcie_reset_exclusions: []
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test import qualify
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable, Mapping, Sequence


def qualification(
    records: Sequence[Mapping[str, t.Any]], plan: Mapping[str, t.Any] | None = None
) -> dict[str, t.Any]:
    """Return the comparison."""
    try:
        return qualify.qualification(records, plan)
    except KdumpError as exc:
        raise AnsibleFilterError(str(exc)) from exc


class FilterModule:
    """Jinja2 filter of this collection."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"qualification": qualification}
