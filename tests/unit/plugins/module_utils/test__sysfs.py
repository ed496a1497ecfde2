# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils import _sysfs
from ansible_collections.vmcore.kdump.tests.unit.host_trees import Link, build


@pytest.mark.parametrize("name", ["missing", "too long" * 100])
def test_what_is_missing_is_none(tmp_path: Path, name: str) -> None:
    missing = tmp_path / name
    assert not _sysfs.exists(missing)
    assert not _sysfs.is_file(missing)
    assert not _sysfs.is_directory(missing)
    assert _sysfs.resolve(tmp_path, PurePosixPath("/", name)) is None
    assert _sysfs.read_bytes(missing) is None
    assert _sysfs.read_text(missing) is None
    assert _sysfs.read_int(missing) is None
    assert _sysfs.link_name(missing) is None
    assert _sysfs.modified(missing) is None
    assert _sysfs.names(missing) == []


def test_reads(tmp_path: Path) -> None:
    build(tmp_path, {"text": b" caf\xe9\n", "number": "-1\n", "b": "", "a": Link("../x/y")})
    assert _sysfs.read_bytes(tmp_path / "text", 4) == b" caf"
    assert _sysfs.read_text(tmp_path / "text") == "caf\N{REPLACEMENT CHARACTER}"
    assert _sysfs.read_int(tmp_path / "number") == -1
    assert _sysfs.read_int(tmp_path / "text") is None
    assert _sysfs.link_name(tmp_path / "a") == "y"
    assert _sysfs.is_file(tmp_path / "b")
    assert _sysfs.is_directory(tmp_path)
    assert _sysfs.names(tmp_path) == ["a", "b", "number", "text"]


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("/file", "/file"),
        ("/absolute", "/file"),
        ("/directory/relative", "/file"),
        ("/twice", "/file"),
        ("/directory", "/directory"),
        ("/broken", None),
        ("/loop", None),
        ("/missing", None),
    ],
)
def test_links_stay_below_the_root(tmp_path: Path, path: str, leads_to: str | None) -> None:
    build(
        tmp_path,
        {
            "file": "",
            "absolute": Link("/file"),
            "directory/relative": Link("../file"),
            "twice": Link("/directory/relative"),
            "broken": Link("/etc/passwd"),
            "loop": Link("/loop"),
        },
    )
    resolved = _sysfs.resolve(tmp_path, PurePosixPath(path))
    assert resolved == (leads_to and PurePosixPath(leads_to))
