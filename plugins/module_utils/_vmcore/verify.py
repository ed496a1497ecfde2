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
import typing as t
from contextlib import ExitStack
from functools import partial

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.container import How
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.crash import (
    borders_in,
    crash_in,
    run_ids,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.elf import ElfCore
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
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.kdump_header import text
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.memory import (
    MACHINES,
    memory_of,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.printk import read_log
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.sayings import (
    check_name,
    check_sayings,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.split import (
    SplitSet,
    are_of_one_dump,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.storage import (
    Flattened,
    PlainFile,
    is_flattened,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.vmcoreinfo import VmcoreInfo
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.wrapped import (
    WRAPPERS,
    Unpacked,
    wrapper_of,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from pathlib import Path

    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.container import Container
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Verdict
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.memory import Memory
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.storage import Storage

    # Looks at a dump with tools of the host: path, release of the kernel, format -> checks
    Deep = t.Callable[[Path, t.Optional[str], str], list[Check]]

_SIGNATURES = {
    b"KDUMP   ": "kdump-compressed",
    b"DISKDUMP": "diskdump",
    b"\x7fELF": "ELF",
    **WRAPPERS,
}
_FORMATS: dict[str, t.Callable[[Storage, t.Container[str]], Container]] = {
    "kdump-compressed": KdumpCompressed,
    "ELF": ElfCore,
}
_SIGNATURE_SIZE = 16
# Without these the dump cannot be looked at any further; without others only its pages cannot.
_NEEDED = ("bitmaps",)
_OF_PAGES = ("descriptors", "segments", "pages")

_UTSNAME = ("sysname", "nodename", "release", "version", "machine", "domainname")
_NAME_SIZE = 65
# Before Linux 5.11 VMCOREINFO does not say where struct uts_namespace has them: behind its reference count.
_UTSNAME_OFFSET = 4
# The year 9999: later than any clock that is only set wrong.
_MAX_TIME = 253402300799
_MAX_FILES = 1000


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
    with ExitStack() as stack:
        examination = _Examination(path, stack)
        try:
            if not path.is_file():
                raise KdumpError(
                    f"{path} is not a file; name a dump, or a directory that has dumps."
                )
            status = path.stat()
            examination.examine(how or How(full=full))
            size = sum(part.stat().st_size for part in examination.parts)
            files = side_files(path)
        except OSError as exc:
            raise KdumpError(f"{path} cannot be read: {exc.strerror}.") from exc
        identity = identity_checks(expect or Expectation(), examination.identity())
        name = check("name", partial(check_name, path))
        checks = [
            *examination.checks,
            name,
            check("sayings", partial(check_sayings, files)),
            *identity,
        ]
        if deep:
            checks += deep(path, examination.names.get("release"), examination.format)
    verdict, why = _conclude(checks) or ("complete", examination.proof(identity))
    if verdict == "damaged" and name.status == "failed":
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
        "crash": examination.crash(),
        "pages": examination.pages(),
        "log_lines": examination.log_lines,
        "files": files,
        **({"log": examination.log} if log else {}),
    }


class _Examination:
    """What can be learned from a file, as far as it is readable."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self.checks: list[Check] = []
        self.format = "unknown"
        self.log = ""
        self.parts = [path]
        self.names: dict[str, str] = {}
        self._path = path
        self._stack = stack
        self._dump: Container | None = None
        self._info: VmcoreInfo | None = None
        self._memory: Memory | None = None
        self._crash_time: int | None = None
        self._cpus: int | None = None

    def examine(self, how: How) -> None:
        """Make every check that the ones before it leave possible.

        A dump that is cut off can still show its header, and its log if that lies before the cut.
        """
        storage = self._unwrapped(self._open(self._path))
        if storage is None:
            return
        if self._check("format", partial(self._look_at_format, storage)):
            self._check("header", partial(self._look_at_header, storage))
        dump = self._dump
        if dump is None:
            return
        for name, look in dump.checks(how):
            if not self._check(name, look):
                if name in _NEEDED:
                    return
                if name in _OF_PAGES:
                    break
        self._check("vmcoreinfo", partial(self._look_at_vmcoreinfo, dump))
        self._check("cpus_stopped", partial(self._look_at_cpus, dump))
        if self._info is not None:
            self._check("utsname", partial(self._look_at_utsname, dump, self._info))
            if self._check("kernel_log", partial(self._look_at_log, self._info)):
                self._check("ram_map", partial(self._look_at_ram_map, dump))

    def identity(self) -> Identity:
        memory = self._dump.ram_pages * self._dump.page_size if self._dump else 0
        return Identity(
            run_ids=tuple(run_ids(self.log)) if self.log else None,
            host=self.names.get("nodename"),
            kernel=self.names.get("release"),
            machine=self._dump.machine if self._dump else None,
            crash_time=self._crash_time,
            build_id=self._info.text("BUILD-ID") if self._info else None,
            cpus=self._cpus,
            memory=memory or None,
        )

    def crash(self) -> dict[str, t.Any]:
        names = {name: self.names.get(name) for name in ("nodename", "release", "version")}
        return {
            **names,
            "machine": self._dump.machine if self._dump else None,
            "build_id": self._info.text("BUILD-ID") if self._info else None,
            "cpus": self._cpus,
            "crash_time": self._crash_time,
            **crash_in(self.log),
        }

    def pages(self) -> dict[str, int]:
        dump = self._dump
        return {
            "dumped": dump.pages if dump else 0,
            "sampled": dump.sampled if dump else 0,
            "ram": dump.ram_pages if dump else 0,
        }

    @property
    def log_lines(self) -> int:
        return self.log.count("\n")

    def proof(self, identity: list[Check]) -> str:
        """What is known of a dump if all checks are ok."""
        pages = self.pages()
        same = ", ".join(item.name for item in identity)
        return (
            f"The dump is whole to its last byte, {pages['sampled']} of its {pages['dumped']} "
            f"pages were read, its kernel log of {self.log_lines} lines was read, "
            + (
                f"and it is of the expected crash ({same})."
                if same
                else "and which crash it is of was not asked."
            )
        )

    def _check(self, name: str, look: t.Callable[[], str]) -> bool:
        self.checks.append(check(name, look))
        return self.checks[-1].status == "ok"

    def _open(self, path: Path) -> PlainFile:
        file = self._stack.enter_context(path.open("rb", buffering=0))
        return PlainFile(file.fileno(), os.fstat(file.fileno()).st_size)

    def _unwrapped(self, file: PlainFile) -> Storage | None:
        """The dump in a file: it can be compressed as a whole, and be a flattened stream.

        None if this host cannot unpack it.
        """
        layers = []
        wrapper = wrapper_of(file)
        if wrapper:
            layers.append(f"{wrapper} of")
            self.format = f"{wrapper} of unknown"
            unpacked = Unpacked(file, wrapper, self._path.parent)
            self._stack.callback(unpacked.close)
            self._check("wrapper", unpacked.check)
            if self.checks[-1].status == "unverified":
                return None
            file = unpacked.file
        storage: Storage = file
        if is_flattened(file):
            layers.append("flattened")
            storage = stream = Flattened(file)
            self._check("stream", stream.check)
        self.format = " ".join((*layers, "unknown"))
        return storage

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
        if not names or names[0] not in _FORMATS:
            known = " and ".join(_FORMATS)
            raise Flaw(
                "unsupported",
                f"The format is {self.format} (it begins with {start[:8].hex()}); what can be "
                f"verified are {known} dumps.",
            )
        return f"The format is {self.format}."

    def _look_at_header(self, storage: Storage) -> str:
        name = next(name for name in _FORMATS if self.format.endswith(name))
        dump = _FORMATS[name](storage, MACHINES)
        if isinstance(dump, KdumpCompressed) and dump.header.split:
            dump = self._with_siblings(dump)
        self._dump = dump
        self.format = self.format.replace(name, dump.format)
        if dump.utsname:
            self._note_names(dump.utsname)
            return f"The dump is of the kernel {self.names['release']} on {self.names['nodename']}."
        return f"The dump is of an {dump.machine} kernel."

    def _with_siblings(self, dump: KdumpCompressed) -> SplitSet:
        """All parts of a split dump, which lie beside each other whatever their names are."""
        parts = [(self._path, dump)]
        for path in sorted(self._path.parent.iterdir())[:_MAX_FILES]:
            if path != self._path and path.is_file():
                try:
                    other = KdumpCompressed(self._open(path), MACHINES)
                except Flaw:
                    continue
                if are_of_one_dump(dump, other):
                    parts.append((path, other))
        self.parts = sorted(path for path, _part in parts)
        return SplitSet([(path.name, part) for path, part in parts])

    def _note_names(self, utsname: bytes) -> None:
        fields = [utsname[at : at + _NAME_SIZE] for at in range(0, len(utsname), _NAME_SIZE)]
        self.names = dict(zip(_UTSNAME, map(text, fields)))

    def _look_at_vmcoreinfo(self, dump: Container) -> str:
        info = VmcoreInfo(dump.read_vmcoreinfo())
        release = info.text("OSRELEASE")
        header = self.names.get("release", release)
        if release is None or release != header:
            raise Flaw("damaged", f"VMCOREINFO is of the kernel {release}, the header of {header}.")
        self._info = info
        self.names["release"] = release
        if "CRASHTIME" not in info:
            raise Flaw(
                "unsupported",
                f"VMCOREINFO is of the kernel {release}, and does not say when it crashed: the dump is "
                "not by kdump.",
            )
        self._crash_time = info.bounded("CRASHTIME", 0, _MAX_TIME)
        _require_same("the time of the crash", dump.timestamp, self._crash_time)
        if dump.machine == "x86_64" and "NUMBER(phys_base)" in info:
            _require_same("phys_base", dump.phys_base, info.number("NUMBER(phys_base)"))
        return f"VMCOREINFO is of the kernel {release}, which crashed at {self._crash_time}."

    def _look_at_cpus(self, dump: Container) -> str:
        self._cpus = dump.count_cpus()
        if self._cpus is None:
            raise Flaw("unsupported", "The dump does not have the state of the CPUs.")
        return f"{self._cpus} CPUs left their state."

    def _look_at_utsname(self, dump: Container, info: VmcoreInfo) -> str:
        """The names of the host and the kernel in the kernel's memory."""
        self._memory = memory_of(dump, info)
        key = "OFFSET(uts_namespace.name)"
        offset = info.bounded(key, 0, 4096) if key in info else _UTSNAME_OFFSET
        place = info.address("init_uts_ns") + offset
        names = self._memory.read(place, len(_UTSNAME) * _NAME_SIZE)
        if dump.utsname is not None and names != dump.utsname:
            raise Flaw("damaged", "The names in the header are not those in the kernel's memory.")
        self._note_names(names)
        release = info.text("OSRELEASE")
        if self.names["release"] != release:
            raise Flaw(
                "damaged",
                f"The kernel's memory is of the kernel {self.names['release']}, VMCOREINFO of "
                f"{release}.",
            )
        return f"The kernel's memory has the names of {self.names['nodename']} and {release}."

    def _look_at_log(self, info: VmcoreInfo) -> str:
        if self._memory is None:
            raise Flaw("damaged", "The kernel's memory cannot be found.")
        self.log = read_log(self._memory, info)
        if not self.log:
            raise Flaw("damaged", "The kernel's log has no record.")
        return f"The kernel's log has {self.log_lines} lines."

    def _look_at_ram_map(self, dump: Container) -> str:
        """What the first bitmap says of RAM here and there, and what the kernel said when it booted."""
        borders = borders_in(self.log)
        if borders is None:
            return "The log does not have the map of RAM any more."
        for first, last in dump.odd_ram:
            start, end = first * dump.page_size, last * dump.page_size
            if not any(start <= border <= end for border in borders):
                raise Flaw(
                    "damaged",
                    f"The bitmap of RAM has a gap or an island at {hex(start)} that the kernel did "
                    "not know of.",
                )
        return "The kernel's log has nothing against the bitmap of RAM."


def _require_same(what: str, header: object, info: object) -> None:
    if header is not None and header != info:
        raise Flaw("damaged", f"VMCOREINFO says {info} as {what}, the header {header}.")


def _conclude(checks: list[Check]) -> tuple[Verdict, str] | None:
    """The verdict of the first check that is not ok; one that failed counts before all others."""
    for status in ("failed", "unverified"):
        for item in checks:
            if item.status == status:
                return item.verdict, item.detail
    return None


__all__ = ("Expectation", "verify")
