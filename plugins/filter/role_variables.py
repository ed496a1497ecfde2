# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: role_variables
short_description: Take the variables of linux-system-roles/kdump
version_added: 0.2.0
author:
  - vmcore.kdump authors (@vmcore-kdump)
description:
  - Returns the variables that the role C(vmcore.kdump.kdump) works with, from its own and from those of the role kdump
    of linux-system-roles. Both begin with C(kdump_). The role uses this filter.
options:
  _input:
    description:
      - The variables of both roles by their names, V(none) for one that is not set.
    type: dict
    required: true
  conf:
    description:
      - Whether the host's kdump has a C(kdump.conf).
    type: bool
    required: true
"""

EXAMPLES = r"""
---
- name: Show what the variables of another role are here
  ansible.builtin.debug:
    msg: "{{ {'kdump_path': '/srv/crash'} | vmcore.kdump.role_variables(conf=true) }}"
"""

RETURN = r"""
_value:
  description:
    - The C(variables) of this role, and C(notes), a sentence for each that was given by its name there.
  type: dict
  sample:
    variables: {kdump_dump_directory: /srv/crash, kdump_settings: {}}
    notes: [kdump_path is kdump_dump_directory here.]
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.role_variables import take

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable, Mapping


def role_variables(given: Mapping[str, t.Any], conf: bool) -> dict[str, t.Any]:
    """Return the variables of this role and what to say about those of the other."""
    try:
        return take(given, conf=conf)._asdict()
    except KdumpError as exc:
        raise AnsibleFilterError(str(exc)) from exc


class FilterModule:
    """Jinja2 filter of this collection."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"role_variables": role_variables}
