# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: awx_survey
short_description: Make an AWX survey from the argument specifications of roles
version_added: 0.2.0
author:
  - vmcore.kdump authors (@vmcore-kdump)
description:
  - Makes one question of every option that can be asked for, with its type, its choices and its default.
  - An empty answer reaches a job as an empty string, which is not the same as an option that is not set.
    So options are asked for if they have a default that is not empty, and their questions have to be
    answered. Lists without choices and dictionaries, for which surveys have no type, are not asked for.
    What is not asked for belongs into the inventory.
positional: entry_points
options:
  _input:
    description:
      - The content of the roles' C(meta/argument_specs.yml), by role.
    type: dict
    required: true
  entry_points:
    description:
      - The entry points that the playbook runs, as C(ROLE.ENTRY_POINT).
    type: list
    elements: str
    required: true
  without:
    description:
      - Options that are not asked for.
    type: list
    elements: str
    default: []
  confirm:
    description:
      - Lists that are asked for as text with commas. The answer may be empty.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
---
- name: Show the survey of the playbook crash_test
  ansible.builtin.debug:
    msg: "{{ specs | vmcore.kdump.awx_survey(['crash_test.main'], confirm=['crash_test_confirm']) }}"
  vars:
    path: roles/crash_test/meta/argument_specs.yml
    specs:
      crash_test: "{{ lookup('ansible.builtin.file', path) | from_yaml }}"
"""

RETURN = r"""
_value:
  description: A survey, for O(awx.awx.job_template#module:survey_spec).
  type: dict
  sample:
    name: ""
    description: ""
    spec:
      - question_name: crash_test_delay
        question_description: Seconds until the crash, in which it can be cancelled.
        variable: crash_test_delay
        type: integer
        required: true
        default: 3
"""

import re
import typing as t

from ansible.errors import AnsibleFilterError

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable, Collection, Iterable, Mapping

    Option = Mapping[str, t.Any]
    Question = dict[str, t.Any]

# Semantic markup, such as O(option) or P(plugin#type); of references what comes before the mark.
_MARKUP = re.compile(r"\b(?:[BCEIMOPV]|RV|HORIZONTALLINE)\(([^()#]*)(?:#[^()]*)?\)")
_TYPES = {"float": "float", "int": "integer", "path": "text", "str": "text"}


def awx_survey(
    specs: Mapping[str, t.Any],
    entry_points: Iterable[str],
    without: Collection[str] = (),
    confirm: Collection[str] = (),
) -> dict[str, t.Any]:
    """Return the survey; every option once, in the order of the specifications."""
    questions: dict[str, Question] = {}
    for name, option in _options(specs, entry_points):
        if name not in without and name not in questions:
            question = _confirmation(option) if name in confirm else _question(option)
            if question:
                questions[name] = {
                    "question_name": name,
                    "question_description": _plain(option["description"]),
                    "variable": name,
                    **question,
                }
    return {"name": "", "description": "", "spec": list(questions.values())}


def _options(
    specs: Mapping[str, t.Any], entry_points: Iterable[str]
) -> Iterable[tuple[str, Option]]:
    for place in entry_points:
        role, _dot, entry_point = place.partition(".")
        try:
            spec = specs[role]["argument_specs"][entry_point]
        except (KeyError, TypeError) as error:
            raise AnsibleFilterError(
                f"The argument specifications have no entry point {place}: name it as ROLE.ENTRY_POINT."
            ) from error
        yield from (spec.get("options") or {}).items()


def _confirmation(option: Option) -> Question:
    if option.get("type") != "list" or option.get("default"):
        raise AnsibleFilterError("confirm= is for lists that are empty by default.")
    return {"type": "text", "required": False, "default": ""}


def _question(option: Option) -> Question | None:
    kind = option.get("type", "str")
    default = option.get("default")
    choices = option.get("choices")
    if default in (None, "", [], {}) or option.get("no_log"):
        return None
    if kind == "bool":
        answer = {
            "type": "multiplechoice",
            "choices": ["true", "false"],
            "default": str(default).lower(),
        }
    elif choices and kind == "list":
        answer = {
            "type": "multiselect",
            "choices": list(choices),
            "default": "\n".join(default),
        }
    elif choices:
        answer = {
            "type": "multiplechoice",
            "choices": [str(choice) for choice in choices],
            "default": str(default),
        }
    elif kind in _TYPES:
        answer = {"type": _TYPES[kind], "default": default}
    else:
        return None
    return {**answer, "required": True}


def _plain(description: str | Iterable[str]) -> str:
    text = description if isinstance(description, str) else " ".join(description)
    return _MARKUP.sub(r"\1", text)


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        """Return the filters of this file by name."""
        return {"awx_survey": awx_survey}
