# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible.errors import AnsibleFilterError
from ansible_collections.vmcore.kdump.plugins.filter.awx_survey import FilterModule, awx_survey

if t.TYPE_CHECKING:
    Json = dict[str, t.Any]


def survey(option: Json, **more: t.Any) -> list[Json]:
    specs = {"lamp": {"argument_specs": {"main": {"options": {"lamp_x": option}}}}}
    found: list[Json] = awx_survey(specs, ["lamp.main"], **more)["spec"]
    return found


@pytest.mark.parametrize(
    ("option", "question"),
    [
        (
            {"type": "bool", "default": False},
            {"type": "multiplechoice", "choices": ["true", "false"], "default": "false"},
        ),
        (
            {"type": "str", "default": "on", "choices": ["on", "off"]},
            {"type": "multiplechoice", "choices": ["on", "off"], "default": "on"},
        ),
        (
            {"type": "list", "elements": "str", "default": ["a", "b"], "choices": ["a", "b", "c"]},
            {"type": "multiselect", "choices": ["a", "b", "c"], "default": "a\nb"},
        ),
        ({"type": "int", "default": 0}, {"type": "integer", "default": 0}),
        ({"type": "float", "default": 0.5}, {"type": "float", "default": 0.5}),
        ({"type": "path", "default": "/srv"}, {"type": "text", "default": "/srv"}),
        ({"default": "x"}, {"type": "text", "default": "x"}),
    ],
)
def test_option_with_a_default_becomes_a_question(option: Json, question: Json) -> None:
    assert survey({"description": "Words.", **option}) == [
        {
            "question_name": "lamp_x",
            "question_description": "Words.",
            "variable": "lamp_x",
            "required": True,
            **question,
        }
    ]


@pytest.mark.parametrize(
    "option",
    [
        {"type": "str"},
        {"type": "str", "default": ""},
        {"type": "list", "elements": "str", "default": []},
        {"type": "list", "elements": "str", "default": ["group"]},
        {"type": "dict", "default": {"a": 1}},
        {"type": "str", "default": "secret", "no_log": True},
    ],
)
def test_option_that_an_answer_cannot_tell_is_not_asked_for(option: Json) -> None:
    assert survey({"description": "Words.", **option}) == []


def test_option_is_left_out() -> None:
    assert survey({"description": "", "type": "int", "default": 1}, without=["lamp_x"]) == []


def test_confirmation_may_be_empty() -> None:
    option = {"description": "", "type": "list", "elements": "str", "default": []}
    (question,) = survey(option, confirm=["lamp_x"])
    assert (question["type"], question["required"], question["default"]) == ("text", False, "")


def test_confirmation_by_default_is_refused() -> None:
    option = {"description": "", "type": "list", "elements": "str", "default": ["db01"]}
    with pytest.raises(AnsibleFilterError, match="empty by default"):
        survey(option, confirm=["lamp_x"])


def test_markup_is_taken_away() -> None:
    (question,) = survey(
        {
            "description": [
                "See O(lamp_y=V(1)) and P(a.b.c#filter).",
                "It is V(on), C(off) or nothing.",
            ],
            "default": "on",
        }
    )
    assert question["question_description"].endswith("It is on, off or nothing.")
    assert "and a.b.c." in question["question_description"]


def test_each_option_is_asked_for_once_in_order() -> None:
    options = {
        "lamp_a": {"description": "", "default": "1"},
        "lamp_b": {"description": "", "default": "2"},
    }
    entry_points = {
        "main": {"options": options},
        "other": {"options": {"lamp_b": options["lamp_b"]}},
    }
    found = awx_survey({"lamp": {"argument_specs": entry_points}}, ["lamp.other", "lamp.main"])
    assert [each["variable"] for each in found["spec"]] == ["lamp_b", "lamp_a"]


def test_unknown_entry_point_is_named() -> None:
    with pytest.raises(AnsibleFilterError, match=r"no entry point lamp\.none"):
        awx_survey({"lamp": {"argument_specs": {}}}, ["lamp.none"])


def test_it_is_a_filter() -> None:
    assert set(FilterModule().filters()) == {"awx_survey"}
