# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What initramfs-tools runs: the hook when an image is built, the boot script in the image."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.tests.unit.helper.capture_kernel import SCRIPTS


def run(script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(SCRIPTS / script), *arguments],
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("script", ["initramfs-tools-hook", "init-top"])
def test_nothing_has_to_run_earlier(script: str) -> None:
    assert run(script, "prereqs").stdout == "\n"


@pytest.mark.parametrize("directory", ["/etc/initramfs-tools", ""])
def test_normal_image_gets_nothing(tmp_path: Path, directory: str) -> None:
    done = run("initramfs-tools-hook", CONFDIR=directory, DESTDIR=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_boot_goes_on_even_without_the_helper() -> None:
    assert run("init-top").returncode == 0
