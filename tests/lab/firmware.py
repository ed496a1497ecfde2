# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""UEFI firmware with Secure Boot, which starts what Debian signed."""

from __future__ import annotations

import subprocess
from pathlib import Path

# Debian's package ovmf. It keeps its variables where only system management mode can write.
_CODE = "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd"
_VARIABLES = "/usr/share/OVMF/OVMF_VARS_4M.fd"


def secure_boot(directory: Path) -> list[str]:
    """QEMU's arguments for a machine with this firmware, whose variables are kept in *directory*."""
    variables = directory / "variables.fd"
    _trust_debian(variables)
    return [
        "-global", "driver=cfi.pflash01,property=secure,value=on",
        "-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={_CODE}",
        "-drive", f"if=pflash,unit=1,format=raw,file={variables}",
    ]  # fmt: skip


def _trust_debian(variables: Path) -> None:
    """Write variables with Debian's certificate in the database, and nobody else's."""
    subprocess.run(
        ["virt-fw-vars", "--loglevel", "ERROR", "--input", _VARIABLES, "--output", variables,
         "--enroll-generate", "lab", "--microsoft-kek", "none", "--no-microsoft",
         "--distro-keys", "debian", "--secure-boot"],
        check=True,
    )  # fmt: skip
