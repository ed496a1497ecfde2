# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The contracts are the documentation, the schema, and what plugins and shell scripts really make."""

from __future__ import annotations

import json
import shutil
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.check import misfits
from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.facts import Facts
from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.plan import Plan, WrittenPlan
from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.record import (
    DUMP_VERDICTS,
    VERDICTS,
    KeptState,
    Record,
    StageName,
    TestedIommu,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.reports import RESULTS
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.stages import STAGES
from ansible_collections.vmcore.kdump.plugins.module_utils._helper.plan_file import (
    parse_plan_text,
    plan_text,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.plan import make_plan
from ansible_collections.vmcore.kdump.plugins.modules import platform_facts, vmcore_info
from ansible_collections.vmcore.kdump.tests.unit.docs.test_result_record_schema import (
    RECORDS,
    SCHEMA,
)
from ansible_collections.vmcore.kdump.tests.unit.host_trees import unpack
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._crash_test.records import (
    STATE,
)

# Ansible's word for each type; float and int are both numbers to a reader of JSON.
WORDS = {str: "str", bool: "bool", int: "int", float: "float", dict: "dict", list: "list"}
TREES = sorted(path.stem for path in (Path(__file__).parents[1] / "data").glob("*.txt"))


@pytest.fixture(name="facts", params=TREES)
def facts_of_tree(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, t.Any]:
    return platform_facts.gather(unpack(request.param, tmp_path), platform_facts.SUBSETS)


def test_facts_of_real_machines_fit(facts: dict[str, t.Any]) -> None:
    assert list(misfits(facts, Facts, "facts")) == []


def test_plans_of_real_machines_fit(facts: dict[str, t.Any]) -> None:
    assert list(misfits(make_plan(facts), Plan, "plan")) == []


# What a kernel without the part, a container or a capture without root does not have.
MISSING = (
    "boot", "etc", "proc", "proc/sys", "sys", "sys/bus", "sys/bus/pci", "sys/class", "sys/class/iommu", "sys/devices",
    "sys/firmware", "sys/firmware/acpi", "sys/kernel", "sys/kernel/iommu_groups", "sys/module", "usr", "var",
)  # fmt: skip


@pytest.mark.parametrize("missing", MISSING)
def test_what_is_not_known_of_a_host_fits_as_well(missing: str, tmp_path: Path) -> None:
    root = unpack("q35-vtd", tmp_path)
    shutil.rmtree(root / missing, ignore_errors=True)
    facts = platform_facts.gather(root, platform_facts.SUBSETS)
    assert list(misfits(facts, Facts, "facts")) == []
    assert list(misfits(make_plan(facts), Plan, "plan")) == []
    tested = {key: facts["iommu"][key] for key in t.get_type_hints(TestedIommu)}
    assert list(misfits(tested, TestedIommu, "iommu")) == []
    assert tested["kind"] in SCHEMA["properties"]["iommu"]["properties"]["kind"]["enum"]


def test_the_facts_that_are_documented_are_those_of_the_contract() -> None:
    documented = yaml.safe_load(platform_facts.RETURN)["ansible_facts"]["contains"]
    compare("facts", documented, Facts)


def test_what_is_documented_of_a_dump_is_in_the_contract() -> None:
    documented = yaml.safe_load(vmcore_info.RETURN)["dumps"]["contains"]
    dump = part_of(t.get_type_hints(Record)["vmcore"])
    # Only asked for by people; a record has none of these.
    assert set(documented) - {"log", "reports", "symbolized"} == set(t.get_type_hints(dump))


@pytest.mark.parametrize("name", RECORDS)
def test_every_kind_of_record_fits(name: str) -> None:
    assert list(misfits(RECORDS[name], Record, "record")) == []


def test_the_state_of_a_test_fits() -> None:
    assert list(misfits(STATE, KeptState, "state")) == []


def test_schema_and_contract_of_a_record_name_the_same() -> None:
    hints = t.get_type_hints(Record)
    assert set(SCHEMA["properties"]) == set(hints)
    assert set(SCHEMA["required"]) == Record.__required_keys__
    assert SCHEMA["properties"]["verdict"]["enum"] == list(VERDICTS)
    assert SCHEMA["$defs"]["stage"]["enum"] == list(STAGES) == list(t.get_args(StageName))
    vmcore = SCHEMA["properties"]["vmcore"]["oneOf"][1]
    assert vmcore["properties"]["verdict"]["enum"] == list(DUMP_VERDICTS)
    assert set(vmcore["required"]) == part_of(hints["vmcore"]).__required_keys__
    for name in ("trigger", "preflight", "cause"):
        schema = SCHEMA["properties"][name]
        schema = schema.get("items") or schema.get("oneOf", [None, schema])[1]
        assert set(schema["required"]) == part_of(hints[name]).__required_keys__, name
        assert set(schema["properties"]) == set(t.get_type_hints(part_of(hints[name]))), name
    line = t.get_type_hints(part_of(hints["evidence"]))
    assert set(SCHEMA["$defs"]["line"]["properties"]) == set(line)
    reset = SCHEMA["properties"]["reset"]["oneOf"][1]
    port = reset["properties"]["ports"]["items"]
    assert port["properties"]["result"]["enum"] == list(RESULTS)
    ports = part_of(t.get_type_hints(part_of(hints["reset"]))["ports"])
    assert set(port["required"]) == ports.__required_keys__


def part_of(hint: t.Any) -> t.Any:
    """The type in Optional[...], list[...] or both."""
    while t.get_args(hint):
        hint = t.get_args(hint)[0]
    return hint


def compare(name: str, documented: dict[str, t.Any], contract: t.Any) -> None:
    """Make sure that documentation and contract have the same keys and types, at every depth."""
    hints = t.get_type_hints(contract)
    assert set(documented) == set(hints), name
    for key, hint in hints.items():
        parts = [part for part in t.get_args(hint) if part is not type(None)]
        inner = parts[0] if t.get_origin(hint) is t.Union else hint
        described, where = documented[key], f"{name}.{key}"
        kind = t.get_origin(inner) or inner
        word = "str" if kind is t.Literal else WORDS.get(kind, "dict")
        assert described["type"] == word, where
        if word == "list":
            inner = t.get_args(inner)[0]
            assert described["elements"] == WORDS.get(t.get_origin(inner) or inner, "dict"), where
        if "contains" in described:
            compare(where, described["contains"], inner)


def test_a_plan_that_was_read_back_fits(facts: dict[str, t.Any]) -> None:
    written = parse_plan_text(plan_text(json.loads(json.dumps(make_plan(facts)))))
    assert list(misfits(written, WrittenPlan, "plan")) == []
