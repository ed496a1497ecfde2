# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module's documentation says of its sources and results is what it knows and returns."""

from __future__ import annotations

from pathlib import Path

import yaml

from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.files import SOURCES
from ansible_collections.vmcore.kdump.plugins.modules import crash_evidence
from ansible_collections.vmcore.kdump.tests.unit.plugins.modules.test_crash_evidence import (
    explained,
)


def test_every_source_is_a_choice() -> None:
    options = yaml.safe_load(crash_evidence.DOCUMENTATION)["options"]
    assert tuple(options["logs"]["suboptions"]["source"]["choices"]) == SOURCES


def test_what_is_returned_is_documented(tmp_path: Path) -> None:
    log = tmp_path / "db01.log"
    log.write_text("[    1.000000] Kernel panic - not syncing: sysrq triggered crash\n")
    result = explained([{"path": str(log), "source": None}])
    assert set(result) == set(yaml.safe_load(crash_evidence.RETURN))
