# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils import _module
from ansible_collections.vmcore.kdump.plugins.module_utils._helper.plan_file import plan_text
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.facts import kdump_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._pci.functions import pcie_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._platform import platform_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.plan import make_plan
from ansible_collections.vmcore.kdump.plugins.modules import pcie_reset_helper
from ansible_collections.vmcore.kdump.tests.unit.debian_host import (
    BUILD,
    FILES,
    IMAGE,
    KERNEL,
    LOAD,
    PLAN,
    UNLOAD,
    DebianHost,
)


class Exit(Exception):
    """The module's end; what it returned is in C(args)."""


class Module:
    """Stand in for AnsibleModule on a host made of files."""

    machine: DebianHost
    params: t.ClassVar[dict[str, t.Any]]
    check_mode = False
    _diff = False

    def __init__(self, **arguments: t.Any) -> None:
        assert arguments["supports_check_mode"]
        assert set(arguments["argument_spec"]) == {
            "state",
            "plan",
            "exclusions",
            "policy",
            "files",
            "stage",
        }
        self.tmpdir = str(self.machine.root.parent / "ansible-tmp")

    def run_command(self, argv: list[str], **options: t.Any) -> tuple[int, str, str]:
        assert options["data"] is None
        assert options["environ_update"] == {"LC_ALL": "C.UTF-8"}
        if argv[0] == "zstd":
            packed, unpacked = Path(argv[2]), Path(argv[4])
            unpacked.write_bytes(self.machine.host.decompress("zstd", packed.read_bytes()))
            return 0, "", ""
        status, output = self.machine.host.run(argv)
        return status, output, ""

    def atomic_move(self, source: str, target: str, keep_dest_attrs: bool) -> None:
        assert not keep_dest_attrs
        Path(source).replace(target)
        Path(target).chmod(0o640)

    def exit_json(self, **result: t.Any) -> t.NoReturn:
        raise Exit(result)

    def fail_json(self, **result: t.Any) -> t.NoReturn:
        raise Exit({**result, "failed": True})


@pytest.fixture(name="machine")
def debian_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DebianHost:
    (tmp_path / "root").mkdir()
    (tmp_path / "ansible-tmp").mkdir()
    machine = DebianHost(tmp_path / "root")
    monkeypatch.setattr(Module, "machine", machine, raising=False)
    monkeypatch.setattr(_module, "AnsibleModule", Module)
    monkeypatch.setattr(
        pcie_reset_helper, "Path", lambda path: machine.root if path == "/" else Path(path)
    )
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("", "", KERNEL, "", "")))
    return machine


def run(monkeypatch: pytest.MonkeyPatch, **params: t.Any) -> dict[str, t.Any]:
    defaults = {
        "state": "present",
        "plan": PLAN,
        "exclusions": [],
        "policy": {},
        "files": FILES,
        "stage": "initramfs",
    }
    monkeypatch.setattr(Module, "params", {**defaults, **params}, raising=False)
    with pytest.raises(Exit) as end:
        pcie_reset_helper.main()
    return dict(end.value.args[0])


def test_installs_once(machine: DebianHost, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch)
    assert result["changed"]
    assert result["rebuilt"]
    assert result["armed"]
    assert result["proof"]["proven"]
    assert result["image"]["path"] == f"/{IMAGE}"
    assert "/etc/pcie-reset/plan" in result["files"]
    assert "diff" not in result
    assert machine.commands == [BUILD, UNLOAD, LOAD]
    assert (machine.root / "usr/local/lib/pcie-reset/pcie-reset").stat().st_mode & 0o777 == 0o755

    again = run(monkeypatch)
    assert again == {**result, "changed": False, "rebuilt": False, "files": []}
    assert machine.commands == [BUILD, UNLOAD, LOAD]


def test_plans_on_the_host_what_the_controller_would_plan(
    machine: DebianHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = {
        "pcie": pcie_facts(machine.root),
        "kdump": kdump_facts(machine.root),
        "platform": platform_facts(machine.root),
    }
    result = run(monkeypatch, plan=None)
    assert result["proof"]["proven"]
    written = (machine.root / "etc/pcie-reset/plan").read_text()
    assert written == plan_text(make_plan(facts))


def test_a_wrong_rule_is_refused_by_its_name(
    machine: DebianHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = machine.snapshot()
    result = run(monkeypatch, plan=None, exclusions=[{"name": "nothing", "match": {}}])
    assert result["failed"]
    assert "'nothing'" in result["msg"]
    assert machine.snapshot() == before


def test_check_mode_says_what_would_change_and_changes_nothing(
    machine: DebianHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = machine.snapshot()
    monkeypatch.setattr(Module, "check_mode", True)
    monkeypatch.setattr(Module, "_diff", True)
    result = run(monkeypatch)
    assert result["changed"]
    assert result["rebuilt"]
    assert not result["proof"]["proven"]
    assert [each["before_header"] for each in result["diff"]] == [
        *(
            f"{path} (mode 0644)" if machine.has(path) else f"{path} (absent)"
            for path in result["files"]
        ),
        str(machine.image_path),
    ]
    assert result["diff"][-1]["before"] == (
        "The image does not contain /usr/local/lib/pcie-reset/pcie-reset.\n"
    )
    assert machine.snapshot() == before
    assert machine.commands == []


def test_removes_every_trace(machine: DebianHost, monkeypatch: pytest.MonkeyPatch) -> None:
    before = machine.snapshot()
    run(monkeypatch)
    result = run(monkeypatch, state="absent", plan=None, files=None)
    assert result["changed"]
    assert result["proof"]["statement"] == "The image contains nothing of the PCIe reset."
    assert machine.snapshot() == before
    assert not run(monkeypatch, state="absent", plan=None, files=None)["changed"]


def test_failure_is_one_message(machine: DebianHost, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.failing = {BUILD: "E: hook failed"}
    assert run(monkeypatch) == {
        "failed": True,
        "msg": f"'{BUILD}' failed with status 1. Its last lines: E: hook failed."
        " The previous files and image are back and the capture kernel is loaded as before.",
    }


def test_program_that_is_missing_is_a_failure(
    machine: DebianHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_command(*_arguments: t.Any, **_options: t.Any) -> t.NoReturn:
        raise FileNotFoundError("No such file or directory: 'zstd'")

    monkeypatch.setattr(Module, "run_command", run_command)
    assert "the host has no zstd to unpack that: install zstd." in str(
        pcie_reset_helper.ensure(check_module(monkeypatch))["proof"]["why_not"]
    )
    assert machine.commands == []


def check_module(monkeypatch: pytest.MonkeyPatch) -> t.Any:
    monkeypatch.setattr(Module, "check_mode", True)
    monkeypatch.setattr(
        Module,
        "params",
        {"state": "present", "plan": PLAN, "files": FILES, "stage": "initramfs"},
        raising=False,
    )
    spec = dict.fromkeys(("state", "plan", "exclusions", "policy", "files", "stage"))
    return Module(argument_spec=spec, supports_check_mode=True)


def test_only_root_can_do_it(machine: DebianHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "set become" in run(monkeypatch)["msg"]
    assert machine.commands == []


def test_host_without_kdump(machine: DebianHost, monkeypatch: pytest.MonkeyPatch) -> None:
    (machine.root / "etc/default/kdump-tools").unlink()
    assert run(monkeypatch)["msg"].startswith("No kdump service that this collection knows")
