# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from pathlib import Path

import pytest

from lab import qemu
from lab.errors import LabError
from lab.qemu import Qemu


def program(directory: Path, name: str, version: str) -> Path:
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho 'QEMU emulator version {version} (Debian)'\n")
    path.chmod(0o755)
    return path


@pytest.fixture(name="own")
def _own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system with QEMU 7.2, and an unpacked tree whose loader starts what it is told to."""
    qemu._of.cache_clear()
    program(tmp_path / "bin", "qemu-system-x86_64", "7.2.19")
    root = tmp_path / "root"
    program(root / "usr/bin", "qemu-system-x86_64", "11.1.3")
    loader = root / "usr/lib64/ld-linux-x86-64.so.2"
    loader.parent.mkdir(parents=True)
    loader.write_text('#!/bin/sh\n[ "$QEMU_MODULE_DIR" ] || exit 1\nshift 2; exec "$@"\n')
    loader.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    monkeypatch.setattr(qemu, "_unpacked", lambda: root)
    return root


@pytest.mark.usefixtures("own")
def test_the_systems_own_is_taken_where_it_does() -> None:
    assert qemu.obtain("x86_64").command == ("qemu-system-x86_64",)
    assert qemu.obtain("x86_64", 7).command == ("qemu-system-x86_64",)


def test_a_newer_one_runs_by_its_own_loader_with_its_own_modules(own: Path) -> None:
    found = qemu.obtain("x86_64", 11)
    assert found.command[0] == str(own / "usr/lib64/ld-linux-x86-64.so.2")
    assert str(own / "usr/bin/qemu-system-x86_64") in found.command
    assert found.environment["QEMU_MODULE_DIR"].startswith(str(own))


@pytest.mark.usefixtures("own")
def test_one_that_is_too_old_or_missing_is_named() -> None:
    with pytest.raises(LabError, match=r"qemu-system-x86_64 12 is needed, and qemu\.yml has 11"):
        qemu.obtain("x86_64", 12)
    with pytest.raises(LabError, match="apt-get install qemu-system-arm"):
        qemu.obtain("aarch64")


def test_what_is_no_version_is_none(tmp_path: Path) -> None:
    path = tmp_path / "qemu"
    path.write_text("#!/bin/sh\necho hello\n")
    path.chmod(0o755)
    assert qemu._version(Qemu((str(path),), {})) is None
