# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.check import (
    AbsolutePath,
    Count,
    LongText,
    Time,
    Uuid,
    fits,
    misfits,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.facts import Facts, Function
from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.record import (
    KeptState,
    Record,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.reports import (
    CaptureReport,
    ResetReport,
)

CAPTURE = {"boot_id": "9a0b1c2d", "boot_epoch": 1.5, "dump_started": None, "dump_complete": 3}
# Whatever a JSON parser makes of a file.
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=12,
)


def test_a_report_of_the_right_shape_fits() -> None:
    assert list(misfits(CAPTURE, CaptureReport, "capture.json")) == []


@pytest.mark.parametrize(
    ("value", "phrase"),
    [
        ("x", "capture.json: boot_epoch is a text, not a time"),
        (True, "capture.json: boot_epoch is a truth value, not a time"),
        (1e300, "capture.json: boot_epoch is a number, not a time"),
        (float("nan"), "capture.json: boot_epoch is a number, not a time"),
        (1 << 65, "capture.json: boot_epoch is a number, not a time"),
        (None, "capture.json: boot_epoch is null, not a time"),
        ([1.0], "capture.json: boot_epoch is a list, not a time"),
    ],
)
def test_what_does_not_fit_is_named(value: t.Any, phrase: str) -> None:
    assert list(misfits({**CAPTURE, "boot_epoch": value}, CaptureReport, "capture.json")) == [
        phrase
    ]


@pytest.mark.parametrize(
    ("rule", "fitting", "others"),
    [
        (Uuid, ["4f0c6bd5-2c1e-4f0e-9e39-0d1ddc1f1a55"], ["4F0C6BD5-2C1E-4F0E-9E39-0D1DDC1F1A55", "x" * 300, 7]),
        (AbsolutePath, ["/var/crash", "/"], ["var/crash", "../x", "", "/x\0", ["/"], None]),
        (Time, [0, 1.5, 253402300799], [-1, 253402300800, 1e300, float("nan"), True, "1"]),
        (Count, [0, 1 << 62], [-1, 1.0, True, 1 << 65, None]),
        (LongText, ["", "x" * (1 << 20)], ["x" * (1 << 20 | 1), 7, None]),
    ],
)  # fmt: skip
def test_a_rule_says_more_than_a_type(
    rule: t.Any, fitting: list[t.Any], others: list[t.Any]
) -> None:
    assert [value for value in fitting if not fits(value, rule)] == []
    assert [value for value in others if fits(value, rule)] == []
    assert fits(None, t.Optional[rule])


def test_an_integer_of_any_size_is_compared() -> None:
    assert not fits({**CAPTURE, "boot_epoch": 10**400}, CaptureReport)


def test_a_part_that_does_not_fit_is_named_with_its_place() -> None:
    report = {"ports": [{}, "x"]}
    phrases = list(misfits(report, ResetReport, "pcie-reset.json"))
    assert "pcie-reset.json has no summary" in phrases
    assert "pcie-reset.json: ports[0] has no address" in phrases
    assert "pcie-reset.json: ports[1] is a text, not a dictionary" in phrases


@pytest.mark.parametrize("value", [None, [], "x", 1, True])
@pytest.mark.parametrize("contract", [Facts, Record, KeptState, ResetReport, CaptureReport])
def test_what_is_no_dictionary_fits_no_contract(contract: t.Any, value: t.Any) -> None:
    assert not fits(value, contract)


def test_a_text_and_a_list_have_a_length() -> None:
    assert not fits({**CAPTURE, "boot_id": "x" * (1 << 16 | 1)}, CaptureReport)
    assert not fits({"pcie": {"notes": [""] * (1 << 17 | 1)}}, Facts)


def test_more_than_the_contract_has_is_allowed() -> None:
    assert fits({**CAPTURE, "of_a_later_version": {}}, CaptureReport)


@given(value=JSON)
def test_any_json_has_an_answer(value: t.Any) -> None:
    for contract in (Facts, Function, Record, KeptState, ResetReport, CaptureReport):
        assert all(phrase.startswith("it") for phrase in misfits(value, contract, "it"))


@given(data=st.data())
def test_one_wrong_value_is_always_noticed(data: st.DataObject) -> None:
    """Every value of a report, replaced by one of another kind."""
    report: dict[str, t.Any] = json.loads(json.dumps(CAPTURE))
    key = data.draw(st.sampled_from(sorted(report)))
    report[key] = data.draw(st.sampled_from([[], {}, True, float("inf"), {"a": 1}, [None]]))
    assert not fits(report, CaptureReport)
