# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.fencing import (
    Fencing,
    fencing,
    unknown,
)
from ansible_collections.vmcore.kdump.tests.unit.host_trees import build

COROSYNC = "etc/corosync/corosync.conf"
CIB = "var/lib/pacemaker/cib/cib.xml"
TOTEM = "totem {\n    version: 2\n    cluster_name: db\n    token: 10000\n}\n"


def cib(*agents: str, enabled: str = "true") -> str:
    """As pcs writes it, shortened."""
    return (
        '<cib epoch="7"><configuration><crm_config><cluster_property_set id="o">'
        f'<nvpair id="o-s" name="stonith-enabled" value="{enabled}"/></cluster_property_set></crm_config>'
        f"<resources>{''.join(agents)}</resources></configuration></cib>"
    )


def agent(kind: str, **values: str) -> str:
    pairs = "".join(
        f'<nvpair id="{name}" name="{name}" value="{value}"/>' for name, value in values.items()
    )
    attributes = f'<instance_attributes id="a">{pairs}</instance_attributes>'
    return f'<primitive id="{kind}" class="stonith" type="{kind}">{attributes}</primitive>'


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, None),
        ({COROSYNC: TOTEM, CIB: cib()}, None),
        ({COROSYNC: TOTEM, CIB: cib(agent("fence_ipmilan"), enabled="false")}, None),
        ({COROSYNC: TOTEM, CIB: cib(agent("fence_ipmilan"))}, Fencing(22, waits=False)),
        ({COROSYNC: "totem {\n}\n", CIB: cib(agent("fence_ipmilan"))}, Fencing(6, waits=False)),
        (
            {COROSYNC: TOTEM, CIB: cib(agent("fence_ipmilan", pcmk_delay_base="n1:10;n2:2min"))},
            Fencing(142, waits=False),
        ),
        (
            {COROSYNC: TOTEM, CIB: cib(agent("fence_ipmilan"), agent("fence_kdump"))},
            Fencing(82, waits=True),
        ),
        (
            {
                COROSYNC: TOTEM,
                CIB: cib(agent("fence_kdump", timeout="120s"), agent("fence_ipmilan")),
            },
            Fencing(142, waits=True),
        ),
    ],
)
def test_time_until_the_power_is_off(
    tmp_path: Path, files: dict[str, str], found: Fencing | None
) -> None:
    root = build(tmp_path, files)
    assert fencing(root) == found
    assert not unknown(root)


@pytest.mark.parametrize("text", [None, "<cib", '<!DOCTYPE x [<!ENTITY a "b">]><cib/>'])
def test_cluster_that_does_not_tell(tmp_path: Path, text: str | None) -> None:
    root = build(tmp_path, {COROSYNC: TOTEM, **({} if text is None else {CIB: text})})
    assert fencing(root) is None
    assert unknown(root)
