# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.experiments.configure import recap
from lab.image import Image
from lab.servers import Servers


def test_the_recap_of_a_play() -> None:
    output = """
PLAY RECAP *********************************************************************
one                        : ok=15   changed=3    unreachable=0    failed=1    skipped=12   rescued=0    ignored=0
"""
    assert recap(output) == (3, 1)


def test_a_play_that_never_ran() -> None:
    with pytest.raises(LabError, match="The play has no recap"):
        recap("ERROR! the playbook could not be found\n")


def test_a_guest_with_a_boot_loader_is_booted_by_it() -> None:
    own, given = Image(Path("/one"), bootloader=True), Image(Path("/one"))
    assert (own.kernel, own.linux) == (Path("/one/loader"), Path("/one/vmlinuz"))
    assert given.kernel == given.linux == own.linux


def test_servers_are_not_started_by_a_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def started(*_arguments: object, **_options: object) -> None:
        raise AssertionError("nothing is to be started")

    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr(subprocess, "Popen", started)
    with pytest.raises(LabError, match="Only root can serve dumps"), Servers(tmp_path):
        pass
