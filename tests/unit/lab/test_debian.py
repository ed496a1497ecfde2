# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import subprocess
from pathlib import Path

import pytest

from lab import debian
from lab.errors import LabError

# What apt-get indextargets prints on a machine with other vendors' sources beside Debian's.
LISTING = """\
. cloud-sdk-bookworm|cloud-sdk-bookworm|https://packages.example/apt/
Debian|bookworm-security|http://mirror.example/debian-security/
Debian|bookworm-updates|http://mirror.example/debian/
Debian|bookworm|http://mirror.example/debian/
"""


def answer(monkeypatch: pytest.MonkeyPatch, listing: str) -> None:
    done = subprocess.CompletedProcess([], 0, stdout=listing)
    monkeypatch.setattr(subprocess, "run", lambda *_args, **_kwargs: done)
    monkeypatch.delenv("LAB_DEBIAN_MIRROR", raising=False)


def test_the_mirror_is_the_one_that_apt_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, LISTING)
    assert debian.mirror() == "http://mirror.example/debian/"


def test_a_mirror_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, "")
    monkeypatch.setenv("LAB_DEBIAN_MIRROR", "http://other.example/debian")
    assert debian.mirror() == "http://other.example/debian"


def test_a_machine_without_a_mirror_is_told_how_to_name_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer(monkeypatch, "Ubuntu|noble|http://mirror.example/ubuntu/\n")
    with pytest.raises(LabError, match="LAB_DEBIAN_MIRROR="):
        debian.mirror()


def test_packages_of_the_backports_are_taken_from_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_DEBIAN_MIRROR", "http://other.example/debian")
    recipe = {"suite": "trixie", "keyring": "/key", "packages": ["dbus"], "backports": ["linux"]}
    assert debian.packages(recipe) == [
        "--keyring=/key",
        "--architectures=amd64",
        '--aptopt=Acquire::Check-Valid-Until "false"',
        "--include=linux/trixie-backports,dbus",
    ]
    assert debian.archives(recipe) == [
        "deb http://other.example/debian trixie main",
        "deb http://other.example/debian trixie-backports main",
    ]
    assert len(debian.archives({"suite": "testing"})) == 1


def test_a_bootstrap_that_fails_shows_its_last_lines(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="sh failed with 3; its last lines:\nit broke"):
        debian.bootstrap(["sh", "-c", "echo it broke; exit 3"], tmp_path / "log", "breaking")


def test_a_missing_program_is_named_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="no-such-program is not installed; run 'make setup'"):
        debian.bootstrap(["no-such-program"], tmp_path / "log", "starting")
