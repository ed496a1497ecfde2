# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The QEMU that a machine needs: this system's own, or a newer one, unpacked into the cache and never installed."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

import yaml

from lab import cache, debian
from lab.errors import LabError

_RECIPE = Path(__file__).parent / "qemu.yml"
_PACKAGES = {"x86_64": "qemu-system-x86", "aarch64": "qemu-system-arm"}


class Qemu(NamedTuple):
    """How QEMU is started."""

    command: tuple[str, ...]
    environment: dict[str, str]


def obtain(system: str, version: int | None = None) -> Qemu:
    """The QEMU that emulates *system* (x86_64, aarch64), of at least that major version.

    Raises:
        LabError: this system has none, and the unpacked one does not do either.
    """
    program = f"qemu-system-{system}"
    own = Qemu((program,), {**os.environ})
    found = _version(own)
    if found and found >= (version or 0):
        return own
    if version is None:
        raise LabError(f"{program} is not installed: apt-get install {_PACKAGES[system]}")
    root = _unpacked()
    libraries = root / "usr/lib/x86_64-linux-gnu"
    newer = Qemu(
        (
            str(root / "usr/lib64/ld-linux-x86-64.so.2"),
            "--library-path", str(libraries), str(root / "usr/bin" / program),
            "-L", str(root / "usr/share/qemu"), "-L", str(root / "usr/share/seabios"),
        ),
        # Without it QEMU takes the modules of this system's own, and aborts.
        {**os.environ, "QEMU_MODULE_DIR": str(libraries / "qemu")},
    )  # fmt: skip
    found = _version(newer)
    if not found or found < version:
        raise LabError(f"{program} {version} is needed, and {_RECIPE.name} has {found or 'none'}.")
    return newer


@functools.cache
def _of(command: tuple[str, ...], modules: str | None) -> int | None:
    environment = {**os.environ, **({"QEMU_MODULE_DIR": modules} if modules else {})}
    try:
        said = subprocess.run(
            [*command, "--version"], capture_output=True, text=True, check=False, env=environment
        ).stdout
    except FileNotFoundError:
        return None
    # QEMU emulator version 7.2.19 (Debian 1:7.2+dfsg-7+deb12u14)
    match = re.match(r"QEMU emulator version (\d+)\.", said)
    return int(match[1]) if match else None


def _version(qemu: Qemu) -> int | None:
    """The major version; None if it does not start."""
    return _of(qemu.command, qemu.environment.get("QEMU_MODULE_DIR"))


def _unpacked() -> Path:
    """The directory with the programs of the recipe and all that they need, made now if the cache has none."""
    directory = cache.directory() / f"qemu-{cache.digest([_RECIPE])}"
    if directory.exists():
        return directory
    recipe = yaml.safe_load(_RECIPE.read_text())
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{directory.name}.", dir=directory.parent) as name:
        partial = Path(name) / "root"
        command = [
            "mmdebstrap", "--variant=extract", *debian.packages(recipe),
            "--aptopt=APT::Install-Recommends false", "--format=directory",
            recipe["suite"], str(partial), *debian.archives(recipe),
        ]  # fmt: skip
        debian.bootstrap(command, directory.with_suffix(".log"), "unpacking a newer QEMU")
        for left in ("var", "etc/apt"):
            shutil.rmtree(partial / left, ignore_errors=True)
        partial.rename(directory)
    return directory
