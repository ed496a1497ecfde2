# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import io
import json
import os
import tarfile
import typing as t
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils import _module
from ansible_collections.vmcore.kdump.plugins.modules import capture_tree
from ansible_collections.vmcore.kdump.tests.unit.host_trees import unpack


class Exit(Exception):
    """The module's end; what it returned is in C(args)."""


class Module:
    """Stand in for AnsibleModule."""

    params: t.ClassVar[dict[str, t.Any]] = {"dest": "/archive.tar.gz", "identifying": False}
    warned: t.ClassVar[list[str]] = []

    def __init__(self, argument_spec: dict[str, t.Any], supports_check_mode: bool) -> None:
        assert set(argument_spec) == set(self.params)
        assert supports_check_mode
        self.warned.clear()

    def warn(self, warning: str) -> None:
        self.warned.append(warning)

    def exit_json(self, **result: t.Any) -> t.NoReturn:
        raise Exit(result)

    def fail_json(self, **result: t.Any) -> t.NoReturn:
        raise Exit({**result, "failed": True})


def run(monkeypatch: pytest.MonkeyPatch, root: Path) -> dict[str, t.Any]:
    """Run the module on a host's tree."""
    monkeypatch.setattr(_module, "AnsibleModule", Module)
    monkeypatch.setattr(capture_tree, "ROOT", root)
    with pytest.raises(Exit) as end:
        capture_tree.main()
    result = dict(end.value.args[0])
    assert json.loads(json.dumps(result)) == result
    return result


def test_real_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    result = run(monkeypatch, unpack("q35-vtd", tmp_path))
    data = base64.b64decode(result.pop("archive"))
    assert result == {
        "changed": True,
        "dest": "/archive.tar.gz",
        "size": len(data),
        "functions": 15,
    }
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert "proc/cmdline" in tar.getnames()


def test_a_tree_without_what_only_root_reads_is_warned_about(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    root = unpack("q35-vtd", tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    run(monkeypatch, root)
    assert Module.warned == []
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    run(monkeypatch, root)
    (warning,) = Module.warned
    assert "Capture it again with become." in warning


def test_error_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert run(monkeypatch, tmp_path) == {
        "msg": f"There is no sysfs below {tmp_path}: mount it, then capture the host.",
        "failed": True,
    }
