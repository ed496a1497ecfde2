# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's archives, and how mmdebstrap takes packages from them by a recipe.

The keys of a recipe that this module reads::

    suite: trixie
    keyring: /usr/share/keyrings/debian-archive-keyring.gpg
    architecture: arm64             # amd64 without it
    packages: [systemd-sysv, ...]
    backports: [linux-image-arm64]  # packages of the suite's backports; what they need comes from there, too
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.progress import Progress, tail

NATIVE = "amd64"


def mirror() -> str:
    """The Debian mirror that this machine's apt uses.

    Raises:
        LabError: apt knows none; LAB_DEBIAN_MIRROR names one.
    """
    named = os.environ.get("LAB_DEBIAN_MIRROR")
    if named:
        return named
    # One line a package index: "Debian|bookworm|http://mirror.example/debian/". Security and
    # update archives have a suffix in the code name; other vendors have another origin.
    listing = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(ORIGIN)|$(CODENAME)|$(REPO_URI)",
         "Created-By: Packages"],
        capture_output=True, text=True, check=False,
    ).stdout  # fmt: skip
    for line in listing.splitlines():
        origin, codename, uri = line.split("|", 2)
        if origin == "Debian" and "-" not in codename:
            return uri
    raise LabError(
        "apt on this machine knows no Debian mirror; run 'apt-get update', or name one with "
        "LAB_DEBIAN_MIRROR=http://..."
    )


def packages(recipe: dict[str, Any]) -> list[str]:
    """mmdebstrap's options for what a recipe takes from Debian."""
    suite = recipe["suite"]
    backports = [f"{package}/{suite}-backports" for package in recipe.get("backports", ())]
    return [
        f"--keyring={recipe['keyring']}",
        f"--architectures={recipe.get('architecture', NATIVE)}",
        # A mirror may be one of a past day.
        '--aptopt=Acquire::Check-Valid-Until "false"',
        f"--include={','.join([*backports, *recipe['packages']])}",
    ]


def archives(recipe: dict[str, Any]) -> list[str]:
    """mmdebstrap's last arguments: where it takes the packages from."""
    suite = recipe["suite"]
    suites = [suite, f"{suite}-backports"] if recipe.get("backports") else [suite]
    return [f"deb {mirror()} {each} main" for each in suites]


def bootstrap(command: list[str], log: Path, stage: str) -> None:
    """Run mmdebstrap, and say how it goes.

    Raises:
        LabError: it is not installed, or failed.
    """
    progress = Progress(stage)
    if shutil.which(command[0]) is None:
        raise LabError(f"{command[0]} is not installed; run 'make setup'.")
    with log.open("w") as stream:
        process = subprocess.Popen(
            command, stdout=stream, stderr=stream, stdin=subprocess.DEVNULL,
            # The kernel's package makes no initramfs: none that would do can be made so early,
            # and Debian 12's kdump-tools fails to.
            env={**os.environ, "INITRD": "No"},
        )  # fmt: skip
    try:
        while process.poll() is None:
            progress.update("".join(tail(log)))
            try:
                process.wait(1)
            except subprocess.TimeoutExpired:
                continue
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    if process.returncode:
        last = "\n".join(tail(log, 8))
        raise LabError(f"{command[0]} failed with {process.returncode}; its last lines:\n{last}")
    progress.done()
