# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.record import (
    explanation,
    finished_record,
    lost_record,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.stages import (
    STAGES as RECORDED,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.classify import classify
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.stages import STAGES
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._crash_test.records import (
    CAPTURE,
    EVIDENCE,
    NORMAL,
    RESET,
    STATE,
    VMCORE,
)

SCHEMA = json.loads(
    (Path(__file__).parents[3] / "docs/reference/result-record.schema.json").read_text()
)

RECORDS: dict[str, dict[str, Any]] = {
    "passed": finished_record(
        STATE, vmcore=VMCORE, reset=RESET, capture=CAPTURE, evidence=[EVIDENCE], normal=NORMAL, now=1100.0
    ),
    "no dump": finished_record(
        STATE, vmcore=None, reset=None, capture=None, evidence=[], normal=NORMAL, now=1100.0
    ),
    "recovered": finished_record(
        STATE, vmcore=VMCORE, reset=RESET, capture=CAPTURE, evidence=[], normal=NORMAL, now=1100.0, panic_cpu=1,
        observed={"normal kernel": 60.0}, recovery={"method": "redfish", "sel": ["a line"]},
        cause=explanation(classify([], {"returned": True, "dump": None, "boot_changed": True}))["cause"],
    ),
    "unfinished": lost_record(
        STATE, stage="panicked", why="It goes on.", now=2800.0, verdict="inconclusive", observed={"panicked": 4.0}
    ),
    "lost": lost_record(STATE, stage="panicked", why="It is not back.", now=2800.0),
}  # fmt: skip


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", RECORDS)
def test_every_kind_of_record_has_the_documented_shape(name: str) -> None:
    jsonschema.validate(RECORDS[name], SCHEMA)


def test_the_stages_are_those_of_the_code() -> None:
    assert SCHEMA["$defs"]["stage"]["enum"] == list(RECORDED)
    explained = SCHEMA["properties"]["cause"]["oneOf"][1]["properties"]["stage"]["enum"]
    assert explained == [*(stage.name for stage in STAGES), None]
    assert {stage.recorded_as for stage in STAGES} <= set(RECORDED)


@pytest.mark.parametrize("key", SCHEMA["required"])
def test_a_record_that_lacks_something_has_not(key: str) -> None:
    record = {name: value for name, value in RECORDS["passed"].items() if name != key}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(record, SCHEMA)
