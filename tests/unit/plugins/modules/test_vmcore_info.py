# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path, PurePosixPath

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils import _module
from ansible_collections.vmcore.kdump.plugins.modules import vmcore_info
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._vmcore.dump_builder import (
    BUILD_ID,
    CRASH_TIME,
    HOST,
    LOG,
    RELEASE,
    RUN_ID,
    Kdump,
    flattened,
    plain,
)

DUMP = flattened(Kdump().parts())


logged: list[str] = []


class Exit(Exception):
    """The module's end; what it returned is in C(args)."""


class Module:
    """Stand in for AnsibleModule: what is not given is the default of the argument spec."""

    arguments: t.ClassVar[dict[str, t.Any]] = {}

    def __init__(self, argument_spec: dict[str, t.Any], supports_check_mode: bool) -> None:
        assert supports_check_mode
        assert set(self.arguments) <= set(argument_spec)
        defaults = {name: option.get("default") for name, option in argument_spec.items()}
        self.params = {**defaults, **self.arguments}

    def log(self, text: str) -> None:
        logged.append(text)

    def get_bin_path(self, name: str) -> str | None:
        return f"/bin/{name}" if name == "makedumpfile" else None

    def run_command(self, argv: list[str], data: str, **_options: t.Any) -> tuple[int, str, str]:
        assert argv[:4] == ["/bin/makedumpfile", "--dry-run", "-d", "31"]
        assert data == ""
        return 1, "", "makedumpfile Failed.\n"

    def exit_json(self, **result: t.Any) -> t.NoReturn:
        raise Exit(result)

    def fail_json(self, **result: t.Any) -> t.NoReturn:
        raise Exit({**result, "failed": True})


Run = t.Callable[..., dict[str, t.Any]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the module with these options."""
    monkeypatch.setattr(_module, "AnsibleModule", Module)

    def with_options(**options: t.Any) -> dict[str, t.Any]:
        monkeypatch.setattr(Module, "arguments", options)
        with pytest.raises(Exit) as end:
            vmcore_info.main()
        result = dict(end.value.args[0])
        assert json.loads(json.dumps(result)) == result
        return result

    return with_options


def save(directory: Path, stamp: str, data: bytes, mtime: float) -> Path:
    path = directory / stamp / f"dump.{stamp}"
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    for changed in (path, path.parent):
        os.utime(changed, (mtime, mtime))
    return path


@pytest.fixture
def crashes(tmp_path: Path) -> Path:
    """A directory with an older dump that is cut, and a newer one that is whole."""
    save(tmp_path, "202611220900", DUMP[:-1], 1000.0)
    save(tmp_path, "202611220951", DUMP, CRASH_TIME + 120.0)
    return tmp_path


def test_every_dump_is_verified_and_the_newest_decides(run: Run, crashes: Path) -> None:
    result = run(path=str(crashes))
    assert [dump["verdict"] for dump in result["dumps"]] == ["incomplete", "complete"]
    assert (result["path"], result["verdict"]) == (str(crashes), "complete")
    assert "log" not in result["dumps"][0]


def test_since_leaves_older_dumps_out(run: Run, crashes: Path) -> None:
    (dump,) = run(path=str(crashes), since=CRASH_TIME + 60.0)["dumps"]
    assert dump["path"] == str(crashes / "202611220951" / "dump.202611220951")


def test_reports_beside_a_dump(run: Run, crashes: Path) -> None:
    (crashes / "202611220951/capture.json").write_text('{"boot_epoch": 1070.5}')
    (crashes / "202611220951/pcie-reset.json").write_text('{"version": 1, "por')
    older, newest = run(path=str(crashes), reports=True)["dumps"]
    assert older["reports"] == {"pcie_reset": None, "capture": None}
    assert newest["reports"] == {"pcie_reset": None, "capture": {"boot_epoch": 1070.5}}


def test_no_dump_is_absent(run: Run, crashes: Path) -> None:
    assert run(path=str(crashes), since=CRASH_TIME + 7200.0) == {
        "path": str(crashes),
        "dumps": [],
        "verdict": "absent",
    }


def test_one_file_can_be_named(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "vmcore.flat"
    path.write_bytes(DUMP)
    result = run(path=str(path), full=True, log=True)
    assert result["verdict"] == "complete"
    assert result["dumps"][0]["log"] == LOG
    assert result["dumps"][0]["pages"]["sampled"] == len(Kdump().memory)
    assert logged[-1] == f"{path}: 100 % verified"


def test_what_other_programs_say_is_a_check(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "vmcore.flat"
    path.write_bytes(plain(Kdump().parts()))
    (dump,) = run(path=str(path), deep=True)["dumps"]
    assert dump["verdict"] == "unsupported"
    assert dump["checks"][-1] == {
        "name": "makedumpfile",
        "status": "unverified",
        "detail": "makedumpfile --dry-run ended with 1: makedumpfile Failed.",
    }


@pytest.mark.parametrize(
    ("options", "verdict"),
    [
        ({"run_id": RUN_ID, "host": HOST, "kernel": RELEASE}, "complete"),
        ({"since": 1500.0, "until": CRASH_TIME + 1.0}, "complete"),
        ({"run_id": "other"}, "not_this_crash"),
        ({"host": "other"}, "not_this_crash"),
        ({"kernel": "other"}, "not_this_crash"),
        ({"until": 1500.0}, "not_this_crash"),
        ({"build_id": BUILD_ID, "cpus": 2, "memory": 4 << 20}, "complete"),
        ({"build_id": "other"}, "not_this_crash"),
        ({"cpus": 1}, "not_this_crash"),
        ({"memory": 8 << 30}, "not_this_crash"),
    ],
    ids=str,
)
def test_what_is_expected_is_compared(
    run: Run, crashes: Path, options: dict[str, t.Any], verdict: str
) -> None:
    assert run(path=str(crashes), **options)["verdict"] == verdict


def test_without_a_path_it_is_where_kdump_saves_its_dumps(
    run: Run, crashes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Family:
        def dump_directory(self, root: Path) -> PurePosixPath:
            assert root == Path("/")
            return PurePosixPath(crashes)

    monkeypatch.setattr(vmcore_info, "detect", lambda _root: Family())
    assert run()["verdict"] == "complete"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (None, "No kdump is installed on this host; give the path of a directory with dumps."),
        ("/nowhere/at/all", "/nowhere/at/all cannot be read: No such file or directory."),
        ("/dev/null", "/dev/null is not a file; name a dump, or a directory that has dumps."),
    ],
)
def test_nothing_to_read_is_a_failure(
    run: Run, path: str | None, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vmcore_info, "detect", lambda _root: None)
    assert run(path=path) == {"failed": True, "msg": message}
