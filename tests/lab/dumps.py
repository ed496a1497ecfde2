# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A second look at the dumps of the lab: every page, and the log against makedumpfile's."""

from __future__ import annotations

import re
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.verify import verify
from lab.errors import LabError
from lab.machine import Machine

_COPY_SECONDS = 900
# makedumpfile reads a log from a dump that is not flattened only.
_EXTRACT = r"""
set -e
work=$(mktemp -d -p /var/tmp)
trap 'rm -rf "$work"' EXIT
dump={dump}
case $(head -c 12 "$dump") in
makedumpfile) makedumpfile -R "$work/dump" <"$dump" >/dev/null; dump=$work/dump ;;
esac
makedumpfile --dump-dmesg "$dump" "$work/log" >/dev/null
cat "$work/log"
"""
# makedumpfile prints a byte above 127 as \xffffffe2, where char is signed.
_SIGNED = re.compile(r"\\xffffff([0-9a-f]{2})")


class Look(NamedTuple):
    """What was seen in a dump."""

    verdict: str  # with every page read
    pages: int  # that were read
    log_lines: int
    same_log: bool  # as "makedumpfile --dump-dmesg" prints it

    @property
    def is_good(self) -> bool:
        """Nothing speaks against the dump."""
        return self.verdict == "complete" and self.same_log

    def __str__(self) -> str:
        return (
            f"{self.verdict}: {self.pages} pages; log {'equal' if self.same_log else 'DIFFERS'}"
            f" ({self.log_lines} lines)"
        )


def look(host: Machine, record: dict[str, Any]) -> Look:
    """Copy the dump of a record from *host*, read every page, and compare its log with makedumpfile's.

    Raises:
        LabError: it cannot be copied.
    """
    with tempfile.TemporaryDirectory(prefix="lab-dump-") as temporary:
        dump = Path(temporary) / Path(record["vmcore"]["path"]).name
        _copy(host, record["vmcore"]["path"], dump)
        seen = verify(dump, full=True, log=True)
        return Look(
            seen["verdict"],
            seen["pages"]["sampled"],
            seen["log_lines"],
            seen["log"].rstrip("\n")
            == _log_by_makedumpfile(host, record["vmcore"]["path"]).rstrip("\n"),
        )


def _copy(host: Machine, source: str, target: Path) -> None:
    command = [
        "scp", "-q", *host.ssh_options(), "-P", str(host.port), f"root@127.0.0.1:{source}", str(target),
    ]  # fmt: skip
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=_COPY_SECONDS, check=False
    )
    if done.returncode:
        raise LabError(f"{source} of {host.name} cannot be copied: {done.stderr.strip()}")


def _log_by_makedumpfile(host: Machine, dump: str) -> str:
    """What the guest's own makedumpfile extracts: it is as old as the guest's kernel."""
    text = host.ssh(_EXTRACT.format(dump=shlex.quote(dump)), timeout=_COPY_SECONDS)
    return _SIGNED.sub(r"\\x\1", text)
