# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.plugin_utils._crash_test.records import Records
from ansible_collections.vmcore.kdump.tests.unit import fleet


def stored_at(path: Path | None) -> float:
    assert path
    moment: float = json.loads(path.read_text())["stored_at"]
    return moment


def test_a_record_says_when_this_controller_stored_it(tmp_path: Path) -> None:
    before = time.time()
    path = Records(str(tmp_path)).keep(fleet.record("passed"))
    assert before <= stored_at(path) <= time.time()


def test_the_same_outcome_that_is_stored_again_is_no_newer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records, record = Records(str(tmp_path)), fleet.record("passed")
    first = stored_at(records.keep(record))
    monkeypatch.setattr(time, "time", lambda: first + 86400)
    assert stored_at(records.keep(record)) == first
    # What was under way and is finished now is another outcome.
    later = {**record, "finished_at": record["finished_at"] + 1}
    assert stored_at(records.keep(later)) == first + 86400


@pytest.mark.parametrize(
    "content", ["", "[]", "null", "{", '{"stored_at": "x"}', '{"finished_at": 1}']
)
def test_a_spoiled_file_is_replaced(tmp_path: Path, content: str) -> None:
    records, record = Records(str(tmp_path)), fleet.record("passed")
    path = records.keep(record)
    assert path
    path.write_text(content)
    assert records.keep(record) == path
    assert json.loads(path.read_text())["verdict"] == "passed"
