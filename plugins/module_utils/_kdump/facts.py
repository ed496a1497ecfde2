# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The C(kdump) facts: the family's, and what every host has."""

from __future__ import annotations

import typing as t
from pathlib import Path, PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.disks import dump_functions
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.host import base_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.problems import problem
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.readiness import readiness
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.registry import (
    detect,
    expected,
    no_family,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    inside,
    modified,
    read_text,
    size,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.live import Live


def kdump_facts(root: Path, live: Live | None = None) -> dict[str, t.Any]:
    """Return the C(kdump) facts of the host, with a problem C(no_family) when no kdump is installed.

    What takes a question to the running host is asked with C(live). Without it, as for a captured tree,
    it is not known.
    """
    kernel = read_text(root / "proc/sys/kernel/osrelease") or ""
    family = detect(root)
    if family is None:
        packaged = expected(root)
        facts = {**base_facts(root, kernel), "distribution_family": packaged and packaged.name}
        here = problem("is_capture_kernel") if facts["is_capture_kernel"] else no_family()
        return {**facts, "problems": [here]}
    own = family.facts(root, kernel)
    target = {**own["target"], "functions": None}
    if root != Path("/"):  # what is free there is not what is free on the captured host
        target["free_bytes"] = None
    if target["type"] == "local":
        target["functions"] = dump_functions(root, PurePosixPath(target["path"]))
    image = {**own["image"], "fingerprint": _fingerprint(root, own["image"]["initramfs"])}
    packaged = expected(root)
    facts = {
        **own,
        "distribution_family": packaged and packaged.name,
        "target": target,
        "image": image,
    }
    if facts["is_capture_kernel"]:
        return facts
    found = readiness(root, family, facts, live)
    return {
        **facts,
        "target": {**target, "free_bytes": found.measures.free},
        "recommended_crash_size": found.measures.recommended,
        "core_collector": found.collector,
        "expected_dump_bytes": found.measures.expected,
        "problems": [*facts["problems"], *found.problems],
        "not_known": found.not_known,
    }


def _fingerprint(root: Path, initramfs: str | None) -> str | None:
    """Return C(SIZE-MTIME), in bytes and nanoseconds: another one is another build of the image.

    Two fingerprints are equal or not; which image is newer, no clock says. In a captured tree an empty file stands for
    the image.
    """
    if initramfs is None:
        return None
    path = inside(root, initramfs)
    length = size(path)
    return f"{length}-{modified(path)}" if length else None


def capture_command_line(root: Path) -> str | None:
    """Return the command line that the capture kernel is loaded with; None without one, and where it is not known."""
    family = detect(root)
    if family is None:
        return None
    facts = family.facts(root, read_text(root / "proc/sys/kernel/osrelease") or "")
    line: str | None = facts["capture_command_line"]
    return line


__all__ = ("capture_command_line", "kdump_facts")
