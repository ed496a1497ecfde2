# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guest images: bootstrapped once from the machine's own Debian mirror, then taken from a cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab import cache, debian
from lab.errors import LabError

_HERE = Path(__file__).parent / "images"
_CUSTOMIZE = _HERE / "customize.sh"
_CRASHKERNEL = "256M"


@dataclass(frozen=True)
class Image:
    """A directory of the cache: what QEMU boots and what pins the guest's identity."""

    directory: Path
    crashkernel: str = _CRASHKERNEL
    bootloader: bool = False  # of its own: what to boot, and how, is in its disk
    architecture: str = debian.NATIVE

    @property
    def disk(self) -> Path:
        """The root file system, raw; machines use overlays of it and never write to it."""
        return self.directory / "disk.raw"

    @property
    def kernel(self) -> Path:
        """What QEMU boots: Linux, or the boot loader in its place."""
        return self.directory / "loader" if self.bootloader else self.linux

    @property
    def linux(self) -> Path:
        """The guest's kernel."""
        return self.directory / "vmlinuz"

    @property
    def initrd(self) -> Path:
        """The initramfs that QEMU boots."""
        return self.directory / "initrd.img"

    @property
    def host_key(self) -> str:
        """The guest's ssh host key, ``ssh-ed25519 AAAA...``."""
        return " ".join((self.directory / "host_key.pub").read_text().split()[:2])


def obtain(name: str) -> Image:
    """The image *name*, from the cache or made now (about a minute).

    Raises:
        LabError: there is no such recipe, no Debian mirror, a tree of files that it takes is not named, or the
            bootstrap failed.
    """
    recipe_file = _HERE / f"{name}.yml"
    if not recipe_file.exists():
        known = ", ".join(sorted(path.stem for path in _HERE.glob("*.yml")))
        raise LabError(f"There is no image called {name}; choose one of: {known}.")
    recipe = yaml.safe_load(recipe_file.read_text())
    tree = _tree(recipe["tree"]) if "tree" in recipe else None
    inputs = [recipe_file, _CUSTOMIZE, *(_hook(hook) for hook in recipe["hooks"])]
    key = cache.digest([*inputs, *(_files(tree) if tree else [])])
    image = Image(
        cache.directory() / f"{name}-{key}",
        recipe.get("crashkernel", _CRASHKERNEL),
        recipe.get("bootloader", False),
        recipe.get("architecture", debian.NATIVE),
    )
    if not image.directory.exists():
        _build(image.directory, recipe, tree)
    return image


def _hook(name: str) -> Path:
    return _HERE / "hooks" / f"{name}.sh"


def _tree(variable: str) -> Path:
    """The directory that the environment variable *variable* names."""
    tree = Path(os.environ.get(variable) or "/nonexistent")
    if not (tree / "usr").is_dir():
        raise LabError(
            f"This image takes files that no package of Debian has: name a directory with them, usr/, etc/ and all, by"
            f" {variable}=DIR. They are what a package of their distribution holds, or their own installation makes."
        )
    return tree


def _files(directory: Path) -> list[Path]:
    """The files of a tree."""
    return sorted(path for path in directory.rglob("*") if path.is_file())


def _build(directory: Path, recipe: dict[str, Any], tree: Path | None) -> None:
    directory.parent.mkdir(parents=True, exist_ok=True)
    log = directory.parent / f"{directory.name}.log"
    # Without root mmdebstrap works in a user namespace, whose root is another user of this
    # machine: the hook writes its output to a directory that everybody can write to.
    with tempfile.TemporaryDirectory(prefix="lab-image-") as temporary:
        output = Path(temporary) / "output"
        output.mkdir()
        Path(temporary).chmod(0o711)
        output.chmod(0o1777)
        copied = [f"--customize-hook=sync-in {tree} /"] if tree else []
        hooks = " ".join(recipe["hooks"])
        command = [
            "mmdebstrap", "--variant=minbase", *debian.packages(recipe), *copied,
            f'--customize-hook={_CUSTOMIZE} "$1" {output} {recipe["disk_mib"]} {hooks}',
            "--format=null", recipe["suite"], "-", *debian.archives(recipe),
        ]  # fmt: skip
        debian.bootstrap(command, log, f"making the guest image {directory.name}")
        if recipe.get("bootloader"):
            subprocess.run(
                ["/sbin/debugfs", "-R", f"dump /boot/grub/loader {output / 'loader'}",
                 output / "disk.raw"],
                check=True, capture_output=True,
            )  # fmt: skip
        partial = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
        try:
            for file in output.iterdir():
                subprocess.run(["cp", "--sparse=always", file, partial], check=True)
            partial.chmod(0o755)
            partial.rename(directory)
        except OSError:
            # Somebody else finished the same image first: theirs is as good.
            shutil.rmtree(partial)
            if not directory.exists():
                raise
