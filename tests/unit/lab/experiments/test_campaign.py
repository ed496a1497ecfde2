# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.window import (
    is_open,
    parse_window,
)
from ansible_collections.vmcore.kdump.plugins.plugin_utils._refusal import REASONS
from lab.errors import LabError
from lab.experiments import campaign
from lab.experiments.crash_faults import FAULTS


@pytest.mark.parametrize("hour", range(24))
def test_the_window_is_closed_for_as_long_as_the_campaign_takes(hour: int) -> None:
    now = 1_800_000_000 // 86400 * 86400 + hour * 3600 + 1800
    window = parse_window(campaign.closed_window(now))
    assert not any(is_open([window], time.gmtime(now + later)) for later in range(0, 5 * 3600, 600))
    assert is_open([window], time.gmtime(now + 6 * 3600))


def test_what_is_expected_is_what_the_report_knows() -> None:
    refused = {seen.refused for seen in campaign.EXPECTED.values()} - {None}
    assert refused <= set(REASONS)
    assert campaign.EXPECTED["fails"].verdict == FAULTS[campaign._FAULT].expected.verdict
    assert not FAULTS[campaign._FAULT].variables


def test_a_refused_host_with_a_record_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaign, "_KEPT", tmp_path)
    host: Any = SimpleNamespace(name="one")
    report = {"one": {"verdict": "untested", "refusal": {"reason": "window"}}}
    (tmp_path / "one-refusal.json").write_text("{}")
    assert campaign._said(report, host) == ("untested", "window")
    (tmp_path / "one-aa.json").write_text("{}")
    with pytest.raises(LabError, match="has a record"):
        campaign._said(report, host)
