# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.state import (
    load,
    release,
    reserve,
    save,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._crash_test.records import (
    STATE,
)


def test_what_is_saved_is_loaded_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "new" / "crash-test.json"
    save(STATE, path)
    save({**STATE, "status": "finished"}, path)
    assert load(path) == {**STATE, "status": "finished"}
    assert [each.name for each in path.parent.iterdir()] == ["crash-test.json"]


def test_a_state_of_an_earlier_release_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "crash-test.json"
    earlier = {**STATE, "stage": STATE["status"]}
    del earlier["status"]
    save(earlier, path)
    assert load(path) == STATE


def test_a_host_that_was_never_tested_has_no_state(tmp_path: Path) -> None:
    assert load(tmp_path / "crash-test.json") is None


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '"text"', "{}"])
def test_a_damaged_state_is_refused_by_the_name_of_its_file(tmp_path: Path, content: str) -> None:
    path = tmp_path / "crash-test.json"
    path.write_text(content)
    with pytest.raises(KdumpError, match=r"crash-test\.json .*remove"):
        load(path)


def test_space_for_the_time_after_the_crash_is_kept_and_given_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "reserve"
    reserve(path)
    assert path.stat().st_blocks * 512 >= 8 << 20
    release(path)
    release(path)
    assert not path.exists()


def test_a_host_without_that_space_is_not_crashed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(KdumpError, match=r"was not crashed: .*No space left on device"):
        reserve(tmp_path / "reserve")
    assert list(tmp_path.iterdir()) == []


def test_the_record_of_another_release_keeps_no_host_from_its_next_test(tmp_path: Path) -> None:
    path = tmp_path / "crash-test.json"
    save({**STATE, "status": "finished", "record": {"verdict": "passed"}}, path)
    assert (load(path) or {})["record"] == {"verdict": "passed"}
