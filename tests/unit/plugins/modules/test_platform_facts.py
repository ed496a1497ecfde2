# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.modules import platform_facts
from ansible_collections.vmcore.kdump.tests.unit.host_trees import (
    build,
    config_space,
    pci_function,
    unpack,
)


class Exit(Exception):
    """The module's end; what it returned is in C(args)."""


class Module:
    """Stand in for AnsibleModule."""

    def __init__(self, **arguments: t.Any) -> None:
        assert arguments == {"argument_spec": {}, "supports_check_mode": True}
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    def exit_json(self, **result: t.Any) -> t.NoReturn:
        raise Exit({**result, "warnings": self.warnings})

    def fail_json(self, **result: t.Any) -> t.NoReturn:
        raise Exit({**result, "failed": True})


def run(monkeypatch: pytest.MonkeyPatch, root: Path) -> dict[str, t.Any]:
    """Run the module on a host's tree."""
    monkeypatch.setattr(platform_facts, "AnsibleModule", Module)
    monkeypatch.setattr(platform_facts, "Path", lambda path: root if path == "/" else Path(path))
    with pytest.raises(Exit) as end:
        platform_facts.main()
    return dict(end.value.args[0])


def test_real_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    result = run(monkeypatch, unpack("q35-vtd", tmp_path))
    facts = result.pop("ansible_facts")
    assert result == {"warnings": []}
    assert list(facts) == ["pcie", "iommu", "kdump", "platform"]
    assert len(facts["pcie"]["functions"]) == 15
    assert facts["iommu"]["kind"] == "vtd"
    assert facts["kdump"]["armed"]
    assert facts["platform"]["hostname"] == "lab"
    assert json.loads(json.dumps(facts)) == facts


def test_host_that_has_nothing_of_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    result = run(monkeypatch, tmp_path)
    assert result["ansible_facts"]["pcie"] == {"functions": [], "ports": []}
    assert result["ansible_facts"]["kdump"]["problems"][0]["code"] == "no_family"


def test_warns_without_privilege(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    header = config_space(capabilities={0x40: b"\x01\x00"}, size=64)
    result = run(
        monkeypatch, build(tmp_path, pci_function("pci0000:00/0000:00:02.0", config=header))
    )
    assert result["warnings"] == [
        "The PCI configuration space can only be read by root, ports and links are missing: use become."
    ]


def test_error_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(root: Path) -> t.NoReturn:
        raise KdumpError(f"Something is wrong with {root}.")

    monkeypatch.setattr(platform_facts, "gather", fail)
    assert run(monkeypatch, tmp_path) == {
        "msg": f"Something is wrong with {tmp_path}.",
        "failed": True,
    }
