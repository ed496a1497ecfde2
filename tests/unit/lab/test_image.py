# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from lab import image
from lab.errors import LabError

RECIPES = Path(image.__file__).parent / "images"

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
    assert image.debian_mirror() == "http://mirror.example/debian/"


def test_a_mirror_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, "")
    monkeypatch.setenv("LAB_DEBIAN_MIRROR", "http://other.example/debian")
    assert image.debian_mirror() == "http://other.example/debian"


def test_a_machine_without_a_mirror_is_told_how_to_name_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer(monkeypatch, "Ubuntu|noble|http://mirror.example/ubuntu/\n")
    with pytest.raises(LabError, match="LAB_DEBIAN_MIRROR="):
        image.debian_mirror()


def test_the_cache_is_outside_the_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert image.cache_directory() == tmp_path / "vmcore-kdump-lab"


@pytest.mark.parametrize("recipe", sorted(RECIPES.glob("*.yml")), ids=lambda path: path.stem)
def test_every_recipe_has_its_hooks(recipe: Path) -> None:
    for hook in yaml.safe_load(recipe.read_text())["hooks"]:
        assert os.access(image._hook(hook), os.X_OK)


def test_an_image_of_a_checkout_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAB_KDUMP_UTILS", raising=False)
    with pytest.raises(LabError, match="name a checkout of it with LAB_KDUMP_UTILS=DIR"):
        image.obtain("kdump-utils")


def test_an_image_is_made_again_when_a_file_of_its_checkout_changes(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/index").write_text("anything")
    (tmp_path / "kdumpctl").write_text("one")
    assert [path.name for path in image._files(tmp_path)] == ["kdumpctl"]
    before = image._digest(image._files(tmp_path))
    (tmp_path / "kdumpctl").write_text("two")
    assert image._digest(image._files(tmp_path)) != before


def test_a_bootstrap_that_fails_shows_its_last_lines(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="sh failed with 3; its last lines:\nit broke"):
        image._run(["sh", "-c", "echo it broke; exit 3"], tmp_path / "log", "breaking")


def test_a_missing_program_is_named_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="no-such-program is not installed; run 'make setup'"):
        image._run(["no-such-program"], tmp_path / "log", "starting")
