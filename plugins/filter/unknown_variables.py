# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: unknown_variables
short_description: Find variables that a role does not read
version_added: 0.2.0
author:
  - vmcore.kdump authors (@vmcore-kdump)
description:
  - Returns a sentence for each variable that begins as those of a role and is none of them, with the nearest one that
    is. A variable with a slip in its name is silently ignored otherwise. The roles of this collection use this filter.
options:
  _input:
    description:
      - Names of variables, as from P(ansible.builtin.varnames#lookup).
    type: list
    elements: str
    required: true
  specs:
    description:
      - The content of the role's C(meta/argument_specs.yml).
    type: dict
    required: true
  own:
    description:
      - The names that the role sets itself.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
---
- name: Show variables of the role crash_test that nobody reads
  ansible.builtin.debug:
    msg: "{{ query('ansible.builtin.varnames', '^crash_test_') | vmcore.kdump.unknown_variables(specs) }}"
  vars:
    specs: "{{ lookup('ansible.builtin.file', 'roles/crash_test/meta/argument_specs.yml') | from_yaml }}"
"""

RETURN = r"""
_value:
  description:
    - A sentence for each that is not known, in the order of their names.
  type: list
  elements: str
  sample: ["crash_test_confrim is not read by anything here: crash_test_confirm is the nearest name that is."]
"""

import difflib
import typing as t

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable, Iterable, Mapping


def unknown_variables(
    names: Iterable[str], specs: Mapping[str, t.Any], own: Iterable[str] = ()
) -> list[str]:
    """Return a sentence for each name that is neither an option of the role nor one of its C(own)."""
    options = {
        name for entry in specs["argument_specs"].values() for name in entry.get("options", {})
    }
    unknown = sorted(set(names) - options - set(own))
    return [_sentence(name, sorted(options)) for name in unknown]


def _sentence(name: str, options: list[str]) -> str:
    nearest = difflib.get_close_matches(name, options, n=1, cutoff=0)
    return f"{name} is not read by anything here: {nearest[0]} is the nearest name that is."


class FilterModule:
    """Jinja2 filter of this collection."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"unknown_variables": unknown_variables}
