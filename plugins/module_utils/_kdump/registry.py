# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The families there are, and which of them a host has."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.config.shell import (
    parse_assignments,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.debian.family import (
    Debian,
    DebianDracut,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.kdump_utils.family import (
    KdumpUtils,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.suse.family import Suse
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.problems import problem
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import read_int, read_text

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.family import Family

# In this order: kdump-utils has a mkdumprd and an /etc/sysconfig/kdump too.
FAMILIES: tuple[Family, ...] = (DebianDracut(), Debian(), KdumpUtils(), Suse())

_DISTRIBUTIONS = {
    "debian": "debian",
    "ubuntu": "debian",
    "fedora": "kdump-utils",
    "rhel": "kdump-utils",
    "centos": "kdump-utils",
    "suse": "suse",
    "opensuse": "suse",
    "sles": "suse",
}

# arch/powerpc/kernel/fadump.c: 1 while the firmware is to boot the normal kernel after a crash.
_FADUMP = "sys/kernel/fadump/enabled"


def detect(root: Path) -> Family | None:
    """Return the family of the host's kdump, None when none of them is installed."""
    return next((family for family in FAMILIES if family.present(root)), None)


def expected(root: Path) -> str | None:
    """Return the name of the family that the host's distribution has packages of, None for an unknown one.

    os-release(5), which a shell can read; the distribution itself comes before those that it is like:
    C(ID="rocky"), C(ID_LIKE="rhel centos fedora")
    """
    release = parse_assignments(read_text(root / "etc/os-release") or "")
    words = [release.get("ID", ""), *release.get("ID_LIKE", "").split()]
    return next((_DISTRIBUTIONS[word] for word in words if word in _DISTRIBUTIONS), None)


def helper_family(root: Path) -> Family:
    """Return the family of the host's kdump. Raises KdumpError where the reset helper has no place."""
    family = detect(root)
    if family is None:
        raise KdumpError(problem("no_family")["message"])
    if read_int(root / _FADUMP) == 1:
        raise KdumpError(problem("fadump")["message"])
    return family


__all__ = ("FAMILIES", "detect", "expected", "helper_family")
