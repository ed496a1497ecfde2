# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils import _module
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.crashkernel import MIB
from ansible_collections.vmcore.kdump.plugins.modules import crashkernel
from ansible_collections.vmcore.kdump.tests.unit.boot_hosts import DROP_IN, Debian


class Exit(Exception):
    """The module's end; what it returned is in C(args)."""


class Module:
    """Stand in for AnsibleModule on a host made of files."""

    machine: t.ClassVar[Debian]
    params: t.ClassVar[dict[str, t.Any]]
    check_mode = False
    _diff = True
    warnings: t.ClassVar[list[str]] = []

    def __init__(self, **arguments: t.Any) -> None:
        assert arguments["supports_check_mode"]
        assert set(arguments["argument_spec"]) == {"size", "state"}
        self.tmpdir = str(self.machine.root.parent)

    def run_command(self, argv: list[str], **options: t.Any) -> tuple[int, str, str]:
        assert options["data"] is None
        assert options["environ_update"] == {"LC_ALL": "C.UTF-8"}
        status, output = self.machine.run(argv)
        return status, output, "and a warning"

    def atomic_move(self, source: str, target: str, keep_dest_attrs: bool) -> None:
        assert not keep_dest_attrs
        Path(source).replace(target)

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def exit_json(self, **result: t.Any) -> t.NoReturn:
        raise Exit(result)

    def fail_json(self, **result: t.Any) -> t.NoReturn:
        raise Exit({**result, "failed": True})


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Debian:
    (tmp_path / "root").mkdir()
    machine = Debian(tmp_path / "root")
    tree = {"proc/meminfo": "MemTotal: 3900000 kB\n", "proc/sys/kernel/arch": "x86_64\n"}
    for name, content in tree.items():
        path = machine.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    machine.boot(["512M-:192M"], 192 * MIB)
    monkeypatch.setattr(Module, "machine", machine, raising=False)
    monkeypatch.setattr(_module, "AnsibleModule", Module)
    monkeypatch.setattr(crashkernel, "ROOT", machine.root)
    monkeypatch.setattr(crashkernel, "STATE", machine.root / "none")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return machine


def run(monkeypatch: pytest.MonkeyPatch, **params: t.Any) -> dict[str, t.Any]:
    monkeypatch.setattr(
        Module, "params", {"size": "auto", "state": "present", **params}, raising=False
    )
    with pytest.raises(Exit) as caught:
        crashkernel.main()
    result = caught.value.args[0]
    assert isinstance(result, dict)
    return result


def test_recommended_size(machine: Debian, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch)
    (drop_in, line) = result.pop("diff")
    assert result == {
        "changed": True,
        "bootloader": "GRUB with update-grub",
        "recommended_bytes": 256 * MIB,
        "recommended_why": [
            "A host of 4 GiB with the architecture x86_64 begins with 256 MiB.",
            "/etc/default/grub.d/kdump-tools.cfg asks for 192 MiB.",
        ],
        "reserved_bytes": 192 * MIB,
        "configured": ["256M"],
        "reset_by_updates": False,
        "reboot_required": True,
        "why": "192 MiB are reserved; crashkernel=256M counts from the next boot.",
    }
    assert drop_in["before"] == ""
    assert drop_in["after"] == (machine.root / DROP_IN).read_text()
    assert (line["before"], line["after"]) == ("crashkernel=512M-:192M\n", "crashkernel=256M\n")
    assert (machine.root / DROP_IN).stat().st_mode & 0o777 == 0o644


def test_second_run_changes_nothing(machine: Debian, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = run(monkeypatch), run(monkeypatch)
    assert second.pop("diff") == []
    del first["diff"]
    assert second == {**first, "changed": False}
    assert machine.commands == ["update-grub"]


def test_check_mode_says_the_same_and_does_nothing(
    machine: Debian, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Module, "check_mode", True)
    predicted = run(monkeypatch)
    assert machine.commands == []
    assert not (machine.root / DROP_IN).exists()
    monkeypatch.setattr(Module, "check_mode", False)
    assert run(monkeypatch) == predicted


def test_absence(machine: Debian, monkeypatch: pytest.MonkeyPatch) -> None:
    run(monkeypatch, size="512M")
    monkeypatch.setattr(Module, "check_mode", True)
    predicted = run(monkeypatch, state="absent")
    monkeypatch.setattr(Module, "check_mode", False)
    result = run(monkeypatch, state="absent")
    assert result == predicted
    assert (result["configured"], result["reboot_required"]) == (["512M-:192M"], False)
    assert not (machine.root / DROP_IN).exists()
    assert run(monkeypatch, state="absent")["changed"] is False


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ("lots", "crashkernel=lots is nothing that the kernel understands"),
        (" ", "The size is empty"),
        ("3G", "more than half of the host's"),
    ],
)
def test_size_that_is_refused(
    machine: Debian, monkeypatch: pytest.MonkeyPatch, size: str, message: str
) -> None:
    result = run(monkeypatch, size=size)
    assert result["failed"]
    assert message in result["msg"]
    assert machine.commands == []


def test_only_root_can_do_it(machine: Debian, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "set become for this task" in run(monkeypatch)["msg"]
    assert machine.commands == []


def test_failing_tool_is_quoted(machine: Debian, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.failing["update-grub"] = "grub-probe: error"
    result = run(monkeypatch)
    assert result["failed"]
    assert "Its last lines: grub-probe: error | and a warning." in result["msg"]


@pytest.mark.usefixtures("machine")
def test_memory_that_the_running_kernel_uses_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Module, "warnings", [])
    assert run(monkeypatch, size="256M 512M,cma")["configured"] == ["256M", "512M,cma"]
    (warning,) = Module.warnings
    assert warning.startswith(
        "512 MiB of what is reserved (,cma) are memory that the running kernel"
    )
