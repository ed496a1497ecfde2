# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import secrets
import urllib.parse
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.plugin_utils import _save
from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report import files, html, model
from ansible_collections.vmcore.kdump.tests.unit import fleet

RECORD = {"host": "db01", "run_id": "5c1010ec", "verdict": "passed"}


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "record.json").write_text(json.dumps(RECORD))
    results = files.read(tmp_path)
    assert len(results.records) == 1
    assert results.ignored == ["pipe.json is no file."]


def test_what_is_too_large_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_LIMIT", 100)
    (tmp_path / "large.json").write_text(json.dumps({**RECORD, "why": "x" * 100}))
    (tmp_path / "small.json").write_text(json.dumps(RECORD))
    results = files.read(tmp_path)
    assert len(results.records) == 1
    assert results.ignored == ["large.json is larger than 0 MiB."]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o027, 0o640)])
def test_permissions_are_what_the_umask_leaves(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        files.write(tmp_path / "report/report.html", "text")
    finally:
        os.umask(before)
    assert (tmp_path / "report/report.html").stat().st_mode & 0o777 == mode


def test_partial_files_of_two_controllers_have_two_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a shared volume both may be process 4711; each would move the half of the other into place."""
    partial: list[Path] = []
    real = Path.replace

    def replace(path: Path, target: Path) -> Path:
        partial.append(path)
        assert path.parent == target.parent
        return real(path, target)

    monkeypatch.setattr(Path, "replace", replace)
    monkeypatch.setattr(os, "getpid", lambda: 4711)
    for _controller in range(2):
        _save.save(tmp_path / "record.json", b"{}")
    assert len(set(partial)) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["record.json"]


def test_a_link_in_place_of_a_partial_file_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").write_text("as it was")
    monkeypatch.setattr(secrets, "token_hex", lambda _bytes: "known")
    (tmp_path / ".record.json.known").symlink_to("elsewhere")
    with pytest.raises(FileExistsError):
        _save.save(tmp_path / "record.json", b"{}")
    assert (tmp_path / "elsewhere").read_text() == "as it was"


def test_nothing_is_left_of_what_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "record.json").mkdir()
    with pytest.raises(OSError, match="directory"):
        _save.save(tmp_path / "record.json", b"{}")
    assert [path.name for path in tmp_path.iterdir()] == ["record.json"]


def test_the_page_leads_to_the_record_the_copied_dump_and_the_page_of_the_cause(
    tmp_path: Path,
) -> None:
    host = "rack1/db01 <b>"
    record = {**fleet.record("no-return"), "host": host}
    path = files.record_path(tmp_path, host, record["run_id"])
    path.write_text(json.dumps(record))
    page = html.render(model.build(files.read(tmp_path)))
    name = urllib.parse.quote(path.name, safe="")
    assert f'<a href="../{name}">' in page
    assert "/docs/reference/evidence.md#causes" in page
    assert "copied to the controller" not in page
    record["vmcore"] = fleet.record("passed")["vmcore"]
    path.write_text(json.dumps(record))
    copied = files.dump_path(tmp_path, host, record["run_id"])
    copied.parent.mkdir()
    copied.touch()
    page = html.render(model.build(files.read(tmp_path), results_url="../../kept"))
    assert f'<a href="../../kept/dumps/{urllib.parse.quote(copied.name, safe="")}">' in page
