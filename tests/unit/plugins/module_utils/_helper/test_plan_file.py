# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._helper.plan_file import (
    parse_plan_text,
    plan_text,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.plan import make_plan
from ansible_collections.vmcore.kdump.tests.unit.facts import bridge, function, host

PORT = "0000:00:02.0"
PLAN = make_plan(
    host(
        bridge("0000:00:03.0"),
        bridge(PORT),
        function("0000:01:00.1", PORT, **{"class": "010802"}),
        function("0000:01:00.0", PORT),
    )
)


def test_text() -> None:
    assert plan_text(PLAN) == (
        "# vmcore.kdump reset plan: written by pcie_reset_helper,"
        " read by the reset helper in the capture kernel.\n"
        "version 2\n"
        "host db01.example.com\n"
        "kernel 6.12.107+deb13-amd64\n"
        f"digest {PLAN['digest']}\n"
        "# leave 0000:00:03.0 no_children\n"
        "port 0000:00:02.0 reset_subordinate"
        " 0000:01:00.0=8086:10d3:020000 0000:01:00.1=8086:10d3:010802\n"
    )


def test_text_is_read_back() -> None:
    assert parse_plan_text(plan_text(PLAN)) == {
        **{key: PLAN[key] for key in ("version", "host", "kernel", "digest")},
        "ports": [
            {key: port[key] for key in ("address", "methods", "children")}
            for port in PLAN["ports"]
            if port["decision"] == "reset"
        ],
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("port 0000:00:02.0 reset_subordinate", "The reset plan has the line"),
        (
            "port somewhere reset_subordinate 0000:01:00.0=8086:10d3:020000",
            "The reset plan has the line",
        ),
        (
            "port 0000:00:02.0 reset_subordinate 0000:01:00.0",
            "The reset plan names a function as '0000:01:00.0'",
        ),
        (
            "port 0000:00:02.0 bus,../remove 0000:01:00.0=8086:10d3:020000",
            "The reset plan has the line",
        ),
        ("port", "The reset plan has the line 'port'"),
        ("colour blue", "The reset plan has the line 'colour blue'"),
        ("version 1", "The file is no reset plan of version 2"),
    ],
)
def test_text_that_is_no_plan(line: str, message: str) -> None:
    with pytest.raises(KdumpError) as error:
        parse_plan_text(plan_text(PLAN) + line + "\n")
    assert str(error.value).startswith(message)


@pytest.mark.parametrize("key", ["version", "host", "kernel", "digest"])
def test_text_without_one_of_its_keys_is_no_plan(key: str) -> None:
    lines = [line for line in plan_text(PLAN).splitlines() if not line.startswith(f"{key} ")]
    with pytest.raises(KdumpError, match="The file is no reset plan of version 2"):
        parse_plan_text("\n".join(lines))


def test_empty_text_is_no_plan() -> None:
    with pytest.raises(KdumpError):
        parse_plan_text("")
