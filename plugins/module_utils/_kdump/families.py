# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The one interface to a distribution's kdump. Nothing else asks which distribution it runs on."""

from __future__ import annotations

import typing as t
from pathlib import Path, PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.config.shell import (
    parse_assignments,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.debian import (
    Debian,
    DebianDracut,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.host import (
    base_facts,
    problem,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.kdump_utils import KdumpUtils
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.readiness import readiness
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.suse import Suse
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.target import dump_functions
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import read_int, read_text

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.live import Live
    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.settings import Settings


class Family(t.Protocol):
    """How one family of distributions configures, builds and loads its capture kernel."""

    name: str
    service: str
    generator: str
    # The file on the host that puts the reset helper into this family's images.
    hook: PurePosixPath
    # The file that a shell reads whenever the capture kernel is loaded, which can have it loaded with the quiesce
    # stage. None: the stage is not built for this family.
    quiesce_settings: PurePosixPath | None

    def present(self, root: Path) -> bool:
        """Say whether this family's kdump is installed below C(root)."""

    def config(self, root: Path) -> dict[str, str]:
        """Return the configuration as written."""

    def image(self, root: Path, kernel: str) -> PurePosixPath:
        """Return the kdump initramfs of a kernel."""

    def dump_directory(self, root: Path) -> PurePosixPath:
        """Return the directory that dumps are saved in."""

    def rebuild_commands(self, root: Path, kernel: str) -> list[list[str]]:
        """Return the commands that build the kdump initramfs of a kernel again."""

    def rearm_commands(self) -> list[list[str]]:
        """Return the commands that load the capture kernel again."""

    def record(self, root: Path, kernel: str) -> PurePosixPath | None:
        """Return the file that is written when the configuration is put to use, None without such a file."""

    def settings(self, root: Path) -> Settings:
        """Return what the configuration says that decides whether the host is ready."""

    def loaded(self, root: Path) -> list[str]:
        """Return the words of the command that loaded the capture kernel, as far as it is recorded."""

    def facts(self, root: Path, kernel: str) -> dict[str, t.Any]:
        """Return the C(kdump) facts of M(vmcore.kdump.platform_facts)."""


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


def kdump_facts(root: Path, live: Live | None = None) -> dict[str, t.Any]:
    """Return the C(kdump) facts of the host, with a problem C(no_family) when no kdump is installed.

    What takes a question to the running host is asked with C(live). Without it, as for a captured tree,
    it is not known.
    """
    kernel = read_text(root / "proc/sys/kernel/osrelease") or ""
    family = detect(root)
    if family is not None:
        facts = family.facts(root, kernel)
        facts["target"]["functions"] = None
        if root != Path("/"):  # what is free there is not what is free on the captured host
            facts["target"]["free_bytes"] = None
        if facts["target"]["type"] == "local":
            facts["target"]["functions"] = dump_functions(
                root, PurePosixPath(facts["target"]["path"])
            )
        if not facts["is_capture_kernel"]:
            readiness(root, family, facts, live)
        return facts
    facts = base_facts(root, kernel)
    facts["problems"] = [
        problem("is_capture_kernel" if facts["is_capture_kernel"] else "no_family")
    ]
    return facts


__all__ = ("FAMILIES", "Family", "detect", "expected", "helper_family", "kdump_facts")
