# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Is a file the whole and readable dump of the crash that is expected?

Every check says in one sentence what it saw. The first one that is not ok decides the verdict,
failed ones before unverified ones. A dump is complete only if none is failed or unverified: what is C(noted) is
a fault of the crashed kernel, in a file that has none.
"""

from __future__ import annotations

import typing as t
from contextlib import closing
from functools import partial

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.container import How
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.examination import Examination
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.find import side_files
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Check, check
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.identity import (
    Expectation,
    identity_checks,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.opening import Files
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.side_files import (
    check_name,
    check_side_files,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from pathlib import Path

    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Verdict

    # Looks at a dump with tools of the host: path, release of the kernel, format -> checks
    Deep = t.Callable[[Path, t.Optional[str], str], list[Check]]


def verify(
    path: Path,
    expect: Expectation | None = None,
    *,
    full: bool = False,
    log: bool = False,
    how: How | None = None,
    deep: Deep | None = None,
) -> dict[str, t.Any]:
    """Verify a dump file, or a split dump of which it is a part; the result is plain data.

    With full every page is decompressed instead of an even sample; how says the same and in how many
    processes. With log the text of the kernel's log is part of the result. With deep its checks are
    made as well. Raise KdumpError only if the file cannot be read at all: what is wrong with its content
    is a result.
    """
    with closing(Files(path.parent)) as files:
        examination = Examination(path, files)
        try:
            size = files.plain(path).size
            status = path.stat()
            examination.examine(how or How(full=full))
            if len(examination.parts) > 1:
                size = sum(part.stat().st_size for part in examination.parts)
            beside = side_files(path)
        except OSError as exc:
            raise KdumpError(f"{path} cannot be read: {exc.strerror}.") from exc
        identity = identity_checks(expect or Expectation(), examination.identity())
        name = check("name", partial(check_name, path))
        checks = [
            *examination.checks,
            name,
            check("side_files", partial(check_side_files, beside)),
            *identity,
        ]
        if deep:
            checks += deep(path, examination.names.get("release"), examination.format)
        crash = examination.crash()
    verdict, why = _conclude(checks) or ("complete", examination.proof(identity))
    if verdict in ("damaged", "unsupported") and name.status == "failed":
        # Whose writing was interrupted may have damage of any kind.
        verdict, why = name.verdict, f"{name.detail} {why}"
    return {
        "path": str(path),
        "directory": str(path.parent),
        "parts": [str(part) for part in examination.parts],
        "size": size,
        "mtime": status.st_mtime,
        "format": examination.format,
        "verdict": verdict,
        "why": why,
        "checks": [
            {"name": item.name, "status": item.status, "detail": item.detail} for item in checks
        ],
        "crash": crash,
        "pages": examination.pages(),
        "log_lines": examination.log_lines,
        "files": beside,
        **({"log": examination.log} if log else {}),
    }


def _conclude(checks: list[Check]) -> tuple[Verdict, str] | None:
    """The verdict of the first check that is not ok; one that failed counts before all others."""
    for status in ("failed", "unverified"):
        for item in checks:
            if item.status == status:
                return item.verdict, item.detail
    return None


__all__ = ("Expectation", "verify")
