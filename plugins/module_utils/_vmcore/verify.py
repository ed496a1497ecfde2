# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Is a file the whole and readable dump of the crash that is expected?

Every check says in one sentence what it saw. The first one that is not ok decides the verdict,
failed ones before unverified ones. A dump is complete only if all of them are ok.
"""

from __future__ import annotations

import os
import re
import typing as t
from functools import partial

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.find import side_files
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Check, Flaw, check
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.identity import (
    Expectation,
    Identity,
    identity_checks,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.kdump_compressed import (
    KdumpCompressed,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.printk import read_log
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.storage import (
    Flattened,
    PlainFile,
    is_flattened,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.vmcoreinfo import VmcoreInfo
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.x86_64 import AddressSpace

if t.TYPE_CHECKING:  # pragma: no cover
    from pathlib import Path

    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Verdict
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.storage import Storage

_SIGNATURES = {
    b"KDUMP   ": "kdump-compressed",
    b"DISKDUMP": "diskdump",
    b"\x7fELF": "ELF",
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\x04\x22\x4d\x18": "lz4",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
_SIGNATURE_SIZE = 16

_LINE_START = r"^\[ *\d+\.\d{6}\] "
# crash_test writes it to /dev/kmsg before the crash.
_RUN = re.compile(_LINE_START + r"vmcore\.kdump: crash test run_id=(\S+) host=\S+$", re.MULTILINE)
_PANICS = tuple(
    re.compile(_LINE_START + rf"(.*{reason}.*)$", re.MULTILINE)
    for reason in ("Kernel panic - not syncing", "sysrq: .*[Tt]rigger a crash")
)
# The year 9999: later than any clock that is only set wrong.
_MAX_TIME = 253402300799


def verify(
    path: Path, expect: Expectation | None = None, *, full: bool = False, log: bool = False
) -> dict[str, t.Any]:
    """Verify a dump file; the result is plain data.

    With full every page is decompressed instead of an even sample. With log the text of the
    kernel's log is part of the result. Raise KdumpError only if the file cannot be read at all:
    what is wrong with its content is a result.
    """
    examination = _Examination()
    try:
        if not path.is_file():
            raise KdumpError(f"{path} is not a file; name a dump, or a directory that has dumps.")
        with path.open("rb", buffering=0) as file:
            status = os.fstat(file.fileno())
            examination.examine(PlainFile(file.fileno(), status.st_size), full=full)
    except OSError as exc:
        raise KdumpError(f"{path} cannot be read: {exc.strerror}.") from exc
    identity = identity_checks(expect or Expectation(), examination.identity())
    checks = [*examination.checks, check("name", partial(_look_at_name, path)), *identity]
    verdict, why = _conclude(checks) or ("complete", examination.proof(identity))
    return {
        "path": str(path),
        "directory": str(path.parent),
        "size": status.st_size,
        "mtime": status.st_mtime,
        "format": examination.format,
        "verdict": verdict,
        "why": why,
        "checks": [
            {"name": item.name, "status": item.status, "detail": item.detail} for item in checks
        ],
        "crash": examination.crash(),
        "pages": examination.pages(),
        "log_lines": examination.log_lines,
        "files": side_files(path),
        **({"log": examination.log} if log else {}),
    }


class _Examination:
    """What can be learned from a file, as far as it is readable."""

    def __init__(self) -> None:
        self.checks: list[Check] = []
        self.format = "unknown"
        self.log = ""
        self._dump: KdumpCompressed | None = None
        self._info: VmcoreInfo | None = None
        self._crash_time: int | None = None

    def examine(self, file: PlainFile, *, full: bool) -> None:
        """Make every check that the ones before it leave possible.

        A dump that is cut off can still show its header, and its log if that lies before the cut.
        """
        storage: Storage = file
        if is_flattened(file):
            self.format = "flattened unknown"
            storage = stream = Flattened(file)
            self._check("stream", stream.check)
        if self._check("format", partial(self._look_at_format, storage)):
            self._check("header", partial(self._look_at_header, storage))
        dump = self._dump
        if dump is None:
            return
        self._check("finished", dump.check_finished)
        if not self._check("bitmaps", dump.check_bitmaps):
            return
        if self._check("descriptors", dump.check_descriptors):
            self._check("pages", partial(dump.check_pages, full=full))
        self._check("vmcoreinfo", partial(self._look_at_vmcoreinfo, dump))
        if self._info is not None:
            self._check("kernel_log", partial(self._look_at_log, dump, self._info))

    def identity(self) -> Identity:
        header = self._dump.header if self._dump else None
        return Identity(
            run_ids=tuple(_RUN.findall(self.log)) if self.log else None,
            host=header.nodename if header else None,
            kernel=header.release if header else None,
            machine=header.machine if header else None,
            crash_time=self._crash_time,
        )

    def crash(self) -> dict[str, t.Any]:
        header = self._dump.header if self._dump else None
        return {
            "nodename": header.nodename if header else None,
            "release": header.release if header else None,
            "version": header.version if header else None,
            "machine": header.machine if header else None,
            "cpus": header.nr_cpus if header else None,
            "crash_time": self._crash_time,
            "panic": _panic(self.log),
            "run_ids": _RUN.findall(self.log),
        }

    def pages(self) -> dict[str, int]:
        dump = self._dump
        return {"dumped": dump.pages if dump else 0, "sampled": dump.sampled if dump else 0}

    @property
    def log_lines(self) -> int:
        return self.log.count("\n")

    def proof(self, identity: list[Check]) -> str:
        """What is known of a dump if all checks are ok."""
        pages = self.pages()
        same = ", ".join(item.name for item in identity)
        return (
            f"The dump is whole to its last byte, {pages['sampled']} of its {pages['dumped']} "
            f"pages were decompressed, its kernel log of {self.log_lines} lines was read, "
            + (
                f"and it is of the expected crash ({same})."
                if same
                else "and which crash it is of was not asked."
            )
        )

    def _check(self, name: str, look: t.Callable[[], str]) -> bool:
        self.checks.append(check(name, look))
        return self.checks[-1].status == "ok"

    def _look_at_format(self, storage: Storage) -> str:
        if isinstance(storage, PlainFile) and storage.size == 0:
            raise Flaw(
                "incomplete",
                "The file is empty (0 bytes): makedumpfile wrote nothing, and kdump-tools calls "
                "such a file saved nevertheless. The log of the capture kernel says why.",
            )
        start = storage.read("the signature", 0, _SIGNATURE_SIZE)
        if not any(start):
            raise Flaw("damaged", "It begins with zeros: its first block never reached the disk.")
        names = [name for signature, name in _SIGNATURES.items() if start.startswith(signature)]
        if names:
            self.format = self.format.replace("unknown", names[0])
        if names != ["kdump-compressed"]:
            raise Flaw(
                "unsupported",
                f"The format is {self.format} (it begins with {start[:8].hex()}); only "
                "kdump-compressed dumps, plain or flattened, can be verified.",
            )
        return f"The format is {self.format}."

    def _look_at_header(self, storage: Storage) -> str:
        self._dump = KdumpCompressed(storage)
        header = self._dump.header
        self.format += f" v6 ({header.codec})"
        return f"The dump is of the kernel {header.release} on {header.nodename}."

    def _look_at_vmcoreinfo(self, dump: KdumpCompressed) -> str:
        info = VmcoreInfo(dump.read_vmcoreinfo())
        release = info.text("OSRELEASE")
        if release != dump.header.release:
            raise Flaw(
                "damaged",
                f"VMCOREINFO is of the kernel {release}, the header of {dump.header.release}.",
            )
        self._info = info
        self._crash_time = info.bounded("CRASHTIME", 0, _MAX_TIME)
        return f"VMCOREINFO is of the kernel {release}, which crashed at {self._crash_time}."

    def _look_at_log(self, dump: KdumpCompressed, info: VmcoreInfo) -> str:
        self.log = read_log(AddressSpace(dump.read_page, info), info)
        if not self.log:
            raise Flaw("damaged", "The kernel's log has no record.")
        return f"The kernel's log has {self.log_lines} lines."


def _look_at_name(path: Path) -> str:
    if path.name.startswith(("dump-incomplete", "vmcore-incomplete")):
        raise Flaw(
            "incomplete",
            f"The name {path.name} says that kdump-tools is still writing the dump, "
            "or was interrupted.",
        )
    return "The file has a final name."


def _panic(log: str) -> str | None:
    matches = (pattern.search(log) for pattern in _PANICS)
    return next((match.group(1) for match in matches if match), None)


def _conclude(checks: list[Check]) -> tuple[Verdict, str] | None:
    """The verdict of the first check that is not ok; one that failed counts before all others."""
    for status in ("failed", "unverified"):
        for item in checks:
            if item.status == status:
                return item.verdict, item.detail
    return None


__all__ = ("Expectation", "verify")
