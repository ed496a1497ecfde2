# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.modules.crash_test import TRIGGER

ARMED = "/sys/kernel/kexec_crash_loaded"
SYSRQ = "/proc/sysrq-trigger"


@pytest.mark.parametrize(("armed", "written", "status"), [("1\n", "c\n", 0), ("0\n", "", 1)])
def test_the_trigger_crashes_only_a_host_that_is_still_armed(
    tmp_path: Path, armed: str, written: str, status: int
) -> None:
    loaded, sysrq = tmp_path / "loaded", tmp_path / "sysrq"
    loaded.write_text(armed)
    sysrq.touch()
    script = TRIGGER.replace(ARMED, str(loaded)).replace(SYSRQ, str(sysrq))
    # This machine is not to be crashed by its tests.
    assert "/proc/" not in script
    assert "/sys/" not in script
    result = subprocess.run(["/bin/sh", "-c", script], capture_output=True, timeout=60, check=False)
    assert (sysrq.read_text(), result.returncode) == (written, status)
