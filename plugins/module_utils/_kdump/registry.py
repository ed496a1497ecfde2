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
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    exists,
    read_bytes,
    read_int,
    read_text,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.bootloader import Bootloader
    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.family import Captured, Family
    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.traces import Traces

# In this order: kdump-utils has a mkdumprd and an /etc/sysconfig/kdump too.
FAMILIES: tuple[Family, ...] = (DebianDracut(), Debian(), KdumpUtils(), Suse())

# The Boot Loader Interface: what booted this kernel calls itself, in UTF-16 behind four bytes.
_VARIABLES = "sys/firmware/efi/efivars"
_LOADER_INFO = "LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
_STUB_INFO = "StubInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"


# arch/powerpc/kernel/fadump.c: 1 while the firmware is to boot the normal kernel after a crash.
_FADUMP = "sys/kernel/fadump/enabled"


def detect(root: Path) -> Family | None:
    """Return the family of the host's kdump, None when none of them is installed."""
    return next((family for family in FAMILIES if family.present(root)), None)


def expected(root: Path) -> Family | None:
    """Return the family that the host's distribution has packages of, None for an unknown one.

    os-release(5), which a shell can read; the distribution itself comes before those that it is like:
    C(ID="rocky"), C(ID_LIKE="rhel centos fedora")
    """
    release = parse_assignments(read_text(root / "etc/os-release") or "")
    words = f"{release.get('ID', '')} {release.get('ID_LIKE', '')}".lower().split()
    # Of the rows of one family the last is what its packages bring.
    known = {word: family for family in FAMILIES for word in family.distributions}
    return next((known[word] for word in words if word in known), None)


def no_family() -> dict[str, str]:
    """Return the problem of a host without any of these."""
    *others, last = dict.fromkeys(family.title for family in FAMILIES)
    return problem("no_family", families=f"{', '.join(others)} or {last}")


def helper_family(root: Path) -> Family:
    """Return the family of the host's kdump. Raises KdumpError where the reset helper has no place."""
    family = detect(root)
    if family is None:
        raise KdumpError(no_family()["message"])
    if read_int(root / _FADUMP) == 1:
        raise KdumpError(problem("fadump")["message"])
    return family


def bootloaders() -> tuple[Bootloader, ...]:
    """Return what each family configures its kernels' command lines with."""
    return tuple(dict.fromkeys(each for family in FAMILIES for each in family.bootloaders))


def bootloader_of(root: Path) -> Bootloader:
    """Return what configures the command line of the next boot.

    Raises KdumpError with what is supported for everything else.
    """
    *others, last = (each.title for each in bootloaders())
    supported = (
        f"crashkernel= can be set with {', '.join(others)} and {last}: set it yourself here and reboot; the role kdump"
        " leaves it alone with kdump_manage_crashkernel=false."
    )
    found = next((each for each in bootloaders() if each.present(root)), None)
    if exists(root / _VARIABLES / _STUB_INFO):
        raise KdumpError(
            "This host booted a unified kernel image, which has its command line in it, from /etc/kernel/cmdline or an"
            f" addon (systemd-stub(7)); {supported}"
        )
    if exists(root / "run/ostree-booted") and found is None:
        raise KdumpError(f"This host is an image of OSTree without rpm-ostree; {supported}")
    loader = _loader(root)
    if "systemd-boot" in loader and not (found and found.systemd_boot):
        raise KdumpError(f"This host was booted by {loader}; {supported}")
    if found is None:
        raise KdumpError(f"No bootloader that this module knows is configured here; {supported}")
    return found


def _loader(root: Path) -> str:
    raw = read_bytes(root / _VARIABLES / _LOADER_INFO) or b""
    return raw[4:].decode("utf-16-le", "replace").strip("\0 ")


def traces() -> tuple[Traces, ...]:
    """Return what each family leaves of a crash, one a family."""
    return tuple({family.name: family.traces for family in FAMILIES}.values())


def captured() -> tuple[Captured, ...]:
    """Return what a captured tree has of each family, one a family."""
    return tuple({family.name: family.captured for family in FAMILIES}.values())


def has_quiesce(name: str) -> bool:
    """Say whether the quiesce stage is built for the family of this name."""
    return any(family.name == name and family.quiesce_settings for family in FAMILIES)


def with_quiesce() -> str:
    """Return the families that the quiesce stage is built for, as a sentence names them."""
    titles = dict.fromkeys(family.title for family in FAMILIES if family.quiesce_settings)
    return " and ".join(titles)


__all__ = (
    "FAMILIES",
    "bootloader_of",
    "bootloaders",
    "captured",
    "detect",
    "expected",
    "has_quiesce",
    "helper_family",
    "no_family",
    "traces",
    "with_quiesce",
)
