# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The readiness timer on a host made of files: there as it has to be, and gone to the byte."""

from __future__ import annotations

import base64
import os
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils import _module
from ansible_collections.vmcore.kdump.plugins.modules import readiness_timer
from ansible_collections.vmcore.kdump.tests.unit.host_trees import build

Data = dict[str, t.Any]

PROGRAM = base64.b64encode(b"PK a program").decode()
FILES = {
    "usr/local/lib/vmcore-kdump/readiness.pyz",
    "usr/local/lib/vmcore-kdump/check_kdump",
    "etc/systemd/system/vmcore-kdump-readiness.service",
    "etc/systemd/system/vmcore-kdump-readiness.timer",
    "etc/systemd/system/vmcore-kdump-readiness.path",
}


class Exit(Exception):
    """The module's end."""


class Host:
    """A host with systemd, whose service notes something when it runs."""

    def __init__(self, root: Path) -> None:
        self.root = build(
            root,
            {
                "run/systemd/system": None,
                "etc/systemd/system/other.service": "",
                "usr/local/lib": None,
                "var/lib/prometheus/node-exporter/apt.prom": "",
            },
        )
        self.enabled = False
        self.commands: list[str] = []

    def systemctl(self, verb: str, *units: str) -> int:
        self.commands.append(" ".join((verb, *units)))
        if verb in ("is-enabled", "is-active"):
            return 0 if self.enabled else 1
        if verb == "enable":
            self.enabled = True
        if verb == "disable":
            self.enabled = False
        if verb == "start":
            build(self.root, {"var/lib/vmcore-kdump-readiness/state.json": "{}"})
            build(self.root, {"var/lib/prometheus/node-exporter/vmcore_kdump_host.prom": ""})
        return 0

    def files(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.root)): path.read_bytes() if path.is_file() else b""
            for path in sorted(self.root.rglob("*"))
        }


Run = t.Callable[..., Data]


@pytest.fixture(name="host")
def fixture_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    host = Host(tmp_path / "host")
    monkeypatch.setattr(readiness_timer, "ROOT", host.root)
    return host


@pytest.fixture(name="run")
def fixture_run(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    class Module:
        """Stand in for AnsibleModule."""

        check_mode = False
        arguments: t.ClassVar[Data] = {}

        def __init__(self, argument_spec: Data, supports_check_mode: bool) -> None:
            assert supports_check_mode
            defaults = {name: option.get("default") for name, option in argument_spec.items()}
            self.params = {**defaults, **self.arguments}
            self.tmpdir = str(tmp_path)

        def run_command(self, argv: list[str], **_options: t.Any) -> tuple[int, str, str]:
            assert argv[0] == "systemctl"
            return (
                host.systemctl(argv[1], *(word for word in argv[2:] if word != "--quiet")),
                "",
                "",
            )

        def atomic_move(self, source: str, place: str, keep_dest_attrs: bool) -> None:
            assert not keep_dest_attrs
            Path(source).replace(place)

        def exit_json(self, **result: t.Any) -> t.NoReturn:
            raise Exit(result)

        def fail_json(self, **result: t.Any) -> t.NoReturn:
            raise Exit({**result, "failed": True})

    monkeypatch.setattr(_module, "AnsibleModule", Module)
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    def with_options(*, check_mode: bool = False, **options: t.Any) -> Data:
        monkeypatch.setattr(Module, "check_mode", check_mode)
        given = {"program": PROGRAM, "check": "print(1)\n", **options}
        monkeypatch.setattr(Module, "arguments", given)
        with pytest.raises(Exit) as end:
            readiness_timer.main()
        result: Data = end.value.args[0]
        return result

    return with_options


def test_it_is_installed_once_and_removed_to_the_byte(run: Run, host: Host) -> None:
    before = host.files()
    result = run()
    assert result["changed"]
    assert {path.lstrip("/") for path in result["files"]} == FILES
    files = host.files()
    assert files["usr/local/lib/vmcore-kdump/readiness.pyz"] == b"PK a program"
    assert (
        files["usr/local/lib/vmcore-kdump/check_kdump"]
        == f"#!{sys.executable}\nprint(1)\n".encode()
    )
    service = files["etc/systemd/system/vmcore-kdump-readiness.service"].decode()
    assert (
        f"ExecStart={sys.executable} -I /usr/local/lib/vmcore-kdump/readiness.pyz /var/lib/prometheus"
        in service
    )
    assert host.commands[-1] == "start vmcore-kdump-readiness.service"
    assert "var/lib/vmcore-kdump-readiness/state.json" in files
    again = run()
    assert (again["changed"], again["files"]) == (False, [])
    removed = run(state="absent")
    assert removed["changed"]
    assert host.files() == before
    assert not host.enabled
    assert not run(state="absent")["changed"]


def test_check_mode_shows_and_changes_nothing(run: Run, host: Host) -> None:
    before = host.files()
    result = run(check_mode=True)
    assert result["changed"]
    shown = {each["after_header"]: each["after"] for each in result["diff"]}
    assert shown["/usr/local/lib/vmcore-kdump/readiness.pyz"] == "a program of 12 bytes\n"
    assert "PathChanged=/lib/modules" in shown["/etc/systemd/system/vmcore-kdump-readiness.path"]
    assert host.files() == before
    run()
    installed = host.files()
    assert run(check_mode=True, state="absent")["changed"]
    assert host.files() == installed


def test_what_somebody_changed_is_mended(run: Run, host: Host) -> None:
    run()
    check = host.root / "usr/local/lib/vmcore-kdump/check_kdump"
    check.chmod(0o600)
    assert run()["files"] == ["/usr/local/lib/vmcore-kdump/check_kdump"]
    assert check.stat().st_mode & 0o777 == 0o755
    host.enabled = False
    assert run()["changed"]
    assert host.enabled


def test_other_files_keep_their_directory(run: Run, host: Host) -> None:
    run()
    own = host.root / "usr/local/lib/vmcore-kdump/mine"
    own.touch()
    run(state="absent")
    assert own.exists()


def test_metrics_go_where_they_are_wanted(run: Run, host: Host) -> None:
    service = host.root / "etc/systemd/system/vmcore-kdump-readiness.service"
    run(textfile_directory="/srv/metrics")
    assert "readiness.pyz /srv/metrics\n" in service.read_text()
    run(textfile_directory="")
    assert "readiness.pyz\n" in service.read_text()


def test_a_host_without_systemd_is_refused(run: Run, host: Host) -> None:
    (host.root / "run/systemd/system").rmdir()
    assert "systemd does not run this host" in run()["msg"]
