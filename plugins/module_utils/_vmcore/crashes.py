# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What crashes left in a dump directory, each known by what is in its files and never by a time.

Clocks are wrong where a capture kernel has none, and a dump that is copied or restored gets another time.
"""

from __future__ import annotations

import hashlib
import re
import typing as t
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.registry import (
    detect,
    no_family,
    traces,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    exists,
    read_bytes,
    read_text,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.crash import crash_in
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.find import find
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.signature import account

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable, Collection, Iterator

    from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.crashes import NewCrash

    # A dump -> what M(vmcore.kdump.vmcore_info) returns of it, with the log
    Verify = Callable[[Path], dict[str, t.Any]]

# The headers of a dump and the kernel's VMCOREINFO are in there.
_HEAD = 64 << 10
# The end of a log tells how the kernel died. A ring buffer is rarely larger.
LOG_CHARACTERS = 1_000_000
_LOG_BYTES = 32 << 20

# kdump.sh, kdump_test_set_status(): the directory of a dump that "kdumpctl test" made
_KDUMPCTL_TEST = re.compile(r"kdump-test-[\d-]+")


class Remains(t.NamedTuple):
    """The files of one crash: a dump, or only the log that was saved where the dump was not."""

    path: Path
    identity: str
    crash_time: int | None  # None where only the log was saved
    is_dump: bool


def dump_directory(root: Path) -> Path:
    """Return the directory of this host that gets its dumps.

    Raises:
        KdumpError: no kdump is installed, or the dumps leave the host.
    """
    family = detect(root)
    if family is None:
        raise KdumpError(no_family()["message"])
    target = family.facts(root, read_text(root / "proc/sys/kernel/osrelease") or "")["target"]
    if target["type"] != "local":
        raise KdumpError(
            f"Dumps leave this host (its target is {target['type']}): run this on the host that has them, and name"
            " their directory with path."
        )
    return Path(target["path"])


def refuse_while_dumping(root: Path) -> None:
    """Raise KdumpError in a capture kernel, which is writing a dump."""
    if exists(root / "proc/vmcore"):
        raise KdumpError("This host is saving a dump. Wait until it has booted its normal kernel.")


def remains(directory: Path) -> list[Remains]:
    """Return what there is of each crash, the dump of the newest one first.

    Raises:
        KdumpError: the directory cannot be read.
    """
    dumps = find(directory)[::-1]
    with_dump = {dump.path.parent for dump in dumps}
    logs = [path for path in _logs(directory) if path.parent not in with_dump]
    return [
        *(Remains(dump.path, identity_of(dump.path), dump.crash_time, True) for dump in dumps),
        *(Remains(path, identity_of(path), None, False) for path in logs),
    ]


def identity_of(path: Path) -> str:
    """Return what tells this file from others: a digest of its name, its size and how it begins.

    Raises:
        KdumpError: it cannot be read.
    """
    try:
        size = path.stat().st_size
    except OSError as exc:
        raise KdumpError(f"{path} cannot be read: {exc.strerror}.") from exc
    head = read_bytes(path, _HEAD) or b""
    # Two empty files begin alike: their names have the time of the crash.
    name = f"{path.parent.name}/{path.name}\0{size}\0".encode("utf-8", "surrogateescape")
    return hashlib.sha256(name + head).hexdigest()[:32]


def describe(found: Remains, verify: Verify) -> NewCrash:
    """Return what there is to know of a crash."""
    dump = verify(found.path) if found.is_dump else _without_dump(found.path)
    log = dump["log"] or _saved_log(dump["files"].get("dmesg"))
    crash = {**dump["crash"], **({} if dump["log"] else crash_in(log))}
    told = account(log)
    described: NewCrash = {
        "identity": found.identity,
        "path": str(found.path),
        "size": dump["size"],
        "verdict": dump["verdict"],
        "why": dump["why"],
        "origin": _origin(found.path, crash["run_ids"], told.kind),
        "run_id": crash["run_ids"][-1] if crash["run_ids"] else None,
        "kind": told.kind,
        "words": told.words,
        "reason": told.reason,
        "functions": list(told.functions),
        "signature": told.signature,
        "cpu": told.cpu,
        "task": told.task,
        "nodename": crash["nodename"],
        "release": crash["release"],
        "build_id": crash["build_id"],
        "crash_time": crash["crash_time"],
        "log": log[-LOG_CHARACTERS:].splitlines(),
        "log_is_cut": len(log) > LOG_CHARACTERS,
    }
    return described


def news(
    directory: Path, known: Collection[str], most: int, verify: Verify
) -> tuple[list[NewCrash], list[str], int]:
    """Return what is not known yet, C(most) crashes at most; the identities of all there is; and how many are left."""
    there = remains(directory)
    unknown = [each for each in there if each.identity not in known]
    described = [describe(each, verify) for each in unknown[:most]]
    return described, [each.identity for each in there], len(unknown) - len(described)


def _origin(
    path: Path, run_ids: list[str], kind: str | None
) -> t.Literal["unplanned", "crash_test", "kdumpctl_test"]:
    """Say who crashed the kernel: C(crash_test), C(kdumpctl_test), or nobody (C(unplanned)).

    A test that was announced and did not happen leaves its run id to the next crash of that kernel, so the run id
    counts only where the kernel was crashed as crash tests do it.
    """
    if _KDUMPCTL_TEST.fullmatch(path.parent.name):
        return "kdumpctl_test"
    return "crash_test" if run_ids and kind == "sysrq" else "unplanned"


def _logs(directory: Path) -> Iterator[Path]:
    """The saved logs of crashes, by the families' names."""
    for place in sorted(path for path in directory.iterdir() if path.is_dir()):
        for each in traces():
            crash = each.layout.directory.fullmatch(place.name)
            if crash:
                names = [name.format(stamp=crash.group(1)) for name in each.layout.dmesg]
                yield from (place / name for name in names[:1] if (place / name).is_file())


def _without_dump(log: Path) -> dict[str, t.Any]:
    return {
        "size": 0,
        "verdict": "absent",
        "why": "Only the kernel's log was saved, and no dump.",
        "crash": dict.fromkeys(("nodename", "release", "build_id", "crash_time")),
        "log": "",
        "files": {"dmesg": str(log)},
    }


def _saved_log(path: str | None) -> str:
    content = read_bytes(path, _LOG_BYTES) if path else None
    return (content or b"").decode("utf-8", "replace")


__all__ = (
    "LOG_CHARACTERS",
    "Remains",
    "describe",
    "dump_directory",
    "identity_of",
    "news",
    "refuse_while_dumping",
    "remains",
)
