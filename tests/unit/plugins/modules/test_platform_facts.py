# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils import _module
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.live import Live
from ansible_collections.vmcore.kdump.plugins.module_utils._pci.functions import NOTE_NO_BUS
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
    """Stand in for AnsibleModule; C(given) are the options that the task names."""

    given: t.ClassVar[dict[str, t.Any]] = {}

    def __init__(self, **arguments: t.Any) -> None:
        assert arguments == {
            "argument_spec": platform_facts.ARGUMENT_SPEC,
            "supports_check_mode": True,
        }
        self.params = {
            name: self.given.get(name, option["default"])
            for name, option in platform_facts.ARGUMENT_SPEC.items()
        }
        self.warnings: list[str] = []

    def run_command(self, command: list[str], **_options: t.Any) -> t.NoReturn:
        raise AssertionError(f"{command} was run for a captured tree")

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    def exit_json(self, **result: t.Any) -> t.NoReturn:
        raise Exit({**result, "warnings": self.warnings})

    def fail_json(self, **result: t.Any) -> t.NoReturn:
        raise Exit({**result, "failed": True})


def run(monkeypatch: pytest.MonkeyPatch, root: Path, **options: t.Any) -> dict[str, t.Any]:
    """Run the module on a host's tree."""
    monkeypatch.setattr(_module, "AnsibleModule", Module)
    monkeypatch.setattr(Module, "given", {"root": str(root), **options})
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
    assert facts["kdump"]["suitable_stage"]["stage"] == "quiesce"
    assert "virtio-pci of 0000:02:00.0 is built into" in facts["kdump"]["suitable_stage"]["why"]
    assert json.loads(json.dumps(facts)) == facts


def test_suitable_stage_is_not_told_by_a_part_of_the_facts(tmp_path: Path) -> None:
    facts = platform_facts.gather(unpack("q35-vtd", tmp_path), ["iommu", "kdump"])
    assert facts["kdump"]["suitable_stage"] is None


def test_host_that_has_nothing_of_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    result = run(monkeypatch, build(tmp_path, {"sys": None}))
    assert result["ansible_facts"]["pcie"]["functions"] == []
    assert result["ansible_facts"]["pcie"]["notes"] == [NOTE_NO_BUS]
    assert result["ansible_facts"]["kdump"]["problems"][0]["code"] == "no_family"


ALL = ["pcie", "iommu", "kdump", "platform"]


@pytest.mark.parametrize(
    ("asked", "gathered"),
    [
        (["all"], ALL),
        ([], ALL),
        (["pcie"], ["pcie"]),
        (["platform", "iommu"], ["iommu", "platform"]),
        (["!pcie"], ["iommu", "kdump", "platform"]),
        (["!pcie", "!kdump"], ["iommu", "platform"]),
        (["all", "!kdump"], ["pcie", "iommu", "platform"]),
        (["all", "pcie"], ALL),
        (["!all"], []),
        (["!all", "pcie"], ["pcie"]),
        (["pcie", "!iommu"], ["pcie"]),
        (["pcie", "!pcie"], ["pcie"]),
    ],
)
def test_subsets(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, asked: list[str], gathered: list[str]
) -> None:
    result = run(monkeypatch, build(tmp_path, {"sys": None}), gather_subset=asked)
    assert list(result["ansible_facts"]) == gathered
    assert set(asked) <= set(platform_facts.ARGUMENT_SPEC["gather_subset"]["choices"])


def test_root_is_the_running_host_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    roots: list[Path] = []

    def gather(root: Path, _subsets: list[str], live: Live | None) -> dict[str, t.Any]:
        assert live is not None
        roots.append(root)
        return {}

    monkeypatch.setattr(_module, "AnsibleModule", Module)
    monkeypatch.setattr(Module, "given", {})
    monkeypatch.setattr(platform_facts, "gather", gather)
    with pytest.raises(Exit):
        platform_facts.main()
    assert roots == [Path("/")]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("missing", "does not exist: name the directory that has the sys and proc of a host."),
        (
            "file",
            "is no directory: unpack a captured tree and name the directory that has its sys and proc.",
        ),
    ],
)
def test_bad_root(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, sentence: str
) -> None:
    build(tmp_path, {"file": ""})
    assert run(monkeypatch, tmp_path / name) == {
        "msg": f"The root {tmp_path / name} {sentence}",
        "failed": True,
    }


def test_warns_without_privilege(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    header = config_space(capabilities={0x40: b"\x01\x00"}, size=64)
    root = build(tmp_path, pci_function("pci0000:00/0000:00:02.0", config=header))
    assert run(monkeypatch, root)["warnings"] == [platform_facts.WARNING_TREE]

    monkeypatch.setattr(platform_facts, "Path", lambda path: root if path == "/" else Path(path))
    monkeypatch.setattr(platform_facts, "HOST", root)
    assert run(monkeypatch, Path("/"))["warnings"] == [platform_facts.WARNING_HOST]


def test_error_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(root: Path, subsets: list[str], live: object) -> t.NoReturn:
        assert live is None
        raise KdumpError(f"Something is wrong with {root} and {subsets[0]}.")

    monkeypatch.setattr(platform_facts, "gather", fail)
    assert run(monkeypatch, tmp_path) == {
        "msg": f"Something is wrong with {tmp_path} and pcie.",
        "failed": True,
    }
