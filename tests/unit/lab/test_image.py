# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from lab import cache, image
from lab.errors import LabError

RECIPES = Path(image.__file__).parent / "images"


def test_the_cache_is_outside_the_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.directory() == tmp_path / "vmcore-kdump-lab"


@pytest.mark.parametrize("recipe", sorted(RECIPES.glob("*.yml")), ids=lambda path: path.stem)
def test_every_recipe_has_its_hooks(recipe: Path) -> None:
    for hook in yaml.safe_load(recipe.read_text())["hooks"]:
        assert os.access(image._hook(hook), os.X_OK)


def test_an_image_of_installed_files_asks_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAB_KDUMP_UTILS", raising=False)
    with pytest.raises(LabError, match=r"name a directory with them, .* by LAB_KDUMP_UTILS=DIR"):
        image.obtain("kdump-utils")


def test_an_image_is_made_again_when_one_of_these_files_changes(tmp_path: Path) -> None:
    (tmp_path / "kdumpctl").write_text("one")
    assert [path.name for path in image._files(tmp_path)] == ["kdumpctl"]
    before = cache.digest(image._files(tmp_path))
    (tmp_path / "kdumpctl").write_text("two")
    assert cache.digest(image._files(tmp_path)) != before
