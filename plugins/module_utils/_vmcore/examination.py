# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What can be learned from a dump, check by check, as far as it is readable."""

from __future__ import annotations

import typing as t
import uuid
from functools import partial

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore import kallsyms
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.crash import (
    borders_in,
    cma_in,
    cma_of,
    crash_in,
    run_ids,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.elf import ElfCore
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import (
    Check,
    Flaw,
    KernelFlaw,
    check,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.formats import (
    FOREIGN,
    SIGNATURE_SIZE,
    SIGNATURES,
    foreign_format,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.identity import Identity
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.kdump_compressed import (
    KdumpCompressed,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.kdump_header import text
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.kernel_state import (
    CURRENT,
    SYMBOLS,
    KernelState,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.memory import (
    ORDERS,
    memory_of,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.printk import read_log
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.split import (
    SplitSet,
    parts_beside,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.storage import (
    PlainFile,
    is_zero,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.vmcoreinfo import VmcoreInfo

if t.TYPE_CHECKING:  # pragma: no cover
    from pathlib import Path

    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.container import (
        Container,
        How,
    )
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.memory import Memory
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.opening import Files
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.storage import Storage

_FORMATS: dict[str, t.Callable[[Storage], Container]] = {
    "kdump-compressed": lambda storage: KdumpCompressed(storage, ORDERS),
    "ELF": lambda storage: ElfCore(storage, ORDERS),
}
# Without these the dump cannot be looked at any further; without others only its pages cannot.
_NEEDED = ("bitmaps", "parts")
_OF_PAGES = ("descriptors", "segments", "pages")

_UTSNAME = ("sysname", "nodename", "release", "version", "machine", "domainname")
_NAME_SIZE = 65
# Before Linux 5.11 VMCOREINFO does not say where struct uts_namespace has them: behind its reference count.
_UTSNAME_OFFSET = 4
# The year 9999: later than any clock that is only set wrong.
_MAX_TIME = 253402300799
_NANOSECONDS = 10**9
_BOOT_ID_SIZE = 16
# What a file system or device writes at once.
_BLOCK = 4096


class Examination:
    """Makes the checks of one dump."""

    def __init__(self, path: Path, files: Files) -> None:
        self.checks: list[Check] = []
        self.format = "unknown"
        self.log = ""
        self.parts = [path]
        self.names: dict[str, str] = {}
        self.crash_time: int | None = None
        self._path = path
        self._files = files
        self._dump: Container | None = None
        self._info: VmcoreInfo | None = None
        self._memory: Memory | None = None
        self._symbols: dict[str, int] = {}
        self._cpus: int | None = None
        self._log_begins: float | None = None
        # All pages that were looked at are as they were written.
        self._pages_hold = False

    def examine(self, how: How) -> None:
        """Make every check that the ones before it leave possible.

        A dump that is cut off can still show its header, and its log if that lies before the cut.
        """
        opened = self._files.open(self._path)
        self.format = " ".join((*opened.layers, "unknown"))
        for name, look in opened.checks:
            self._check(name, look)
            if (
                name == "wrapper"
                and self.checks[-1].status == "unverified"
                and not opened.storage.size
            ):
                return
        if self._check("format", partial(self._look_at_format, opened.storage)):
            self._check("header", partial(self._look_at_header, opened.storage))
        if self._dump is not None and self._look_at_content(self._dump, how):
            self._look_at_kernel(self._dump, how)

    def identity(self) -> Identity:
        """Which crash the dump is of."""
        memory = self._dump.ram_pages * self._dump.page_size if self._dump else 0
        return Identity(
            run_ids=tuple(run_ids(self.log)) if self.log else None,
            host=self.names.get("nodename"),
            kernel=self.names.get("release"),
            machine=self._dump.machine if self._dump else None,
            crash_time=self.crash_time,
            build_id=self._info.text("BUILD-ID") if self._info else None,
            cpus=self._cpus,
            memory=memory or None,
            boot_id=self.boot_id(),
            log_begins=self._log_begins,
            cma=self._cma(),
        )

    def boot_id(self) -> str | None:
        """The boot id in the kernel's memory (drivers/char/random.c, sysctl_bootid), if it was ever asked for."""
        data = self._read_symbol("sysctl_bootid", _BOOT_ID_SIZE)
        return str(uuid.UUID(bytes=data)) if data and any(data) else None

    def crash(self) -> dict[str, t.Any]:
        """What the dump says about the crash."""
        names = {name: self.names.get(name) for name in ("nodename", "release", "version")}
        return {
            **names,
            "machine": self._dump.machine if self._dump else None,
            "build_id": self._info.text("BUILD-ID") if self._info else None,
            "boot_id": self.boot_id(),
            "cpus": self._cpus,
            "crash_time": self.crash_time,
            **crash_in(self.log),
        }

    def pages(self) -> dict[str, int]:
        """How many pages there are, and were read."""
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
        noted = next((item for item in self.checks if item.status == "noted"), None)
        log = f"its kernel log of {self.log_lines} lines was read, " if self.log else ""
        return (
            f"The dump is whole to its last byte, {pages['sampled']} of its {pages['dumped']} "
            f"pages were read, {log}"
            + (
                f"and it is of the expected crash ({same})."
                if same
                else "and which crash it is of was not asked."
            )
            + (
                f" What the kernel left in its memory is not as it should be: {noted.detail}"
                if noted
                else ""
            )
        )

    def _check(self, name: str, look: t.Callable[[], str], *, of_kernel: bool = False) -> bool:
        self.checks.append(check(name, look, proven=of_kernel and self._pages_hold))
        return self.checks[-1].status == "ok"

    def _look_at_content(self, dump: Container, how: How) -> bool:
        """The file's own structure; false if it has no memory that can be read."""
        for name, look in dump.checks(how):
            if not self._check(name, look):
                if name in _NEEDED:
                    return False
                if name in _OF_PAGES:
                    return True
        self._pages_hold = dump.has_checksums
        return True

    def _look_at_kernel(self, dump: Container, how: How) -> None:
        """What the crashed kernel left in its memory."""
        self._check("vmcoreinfo", partial(self._look_at_vmcoreinfo, dump))
        self._check("cpus_stopped", partial(self._look_at_cpus, dump))
        if self._info is None:
            return
        self._check("utsname", partial(self._look_at_utsname, dump, self._info), of_kernel=True)
        if self._memory is None:
            return
        if self._check(
            "kernel_log", partial(self._look_at_log, self._memory, self._info), of_kernel=True
        ):
            self._check("ram_map", partial(self._look_at_ram_map, dump))
        look = partial(self._look_at_kernel_memory, dump, self._memory, self._info, full=how.full)
        self._check("kernel_memory", look, of_kernel=True)

    def _look_at_format(self, storage: Storage) -> str:
        if isinstance(storage, PlainFile) and storage.size == 0 and len(self.checks) == 0:
            raise Flaw(
                "incomplete",
                "The file is empty (0 bytes): makedumpfile wrote nothing, and kdump-tools calls "
                "such a file saved nevertheless. The log of the capture kernel says why.",
            )
        start = storage.read("the signature", 0, SIGNATURE_SIZE)
        foreign = foreign_format(storage)
        first_block = min(storage.size, _BLOCK)
        if not foreign and is_zero(storage, "the first block", 0, first_block):
            raise Flaw(
                "incomplete", "It begins with zeros: its first block never reached the disk."
            )
        names = [name for signature, name in SIGNATURES.items() if start.startswith(signature)]
        name = names[0] if names else foreign or "unknown"
        self.format = self.format.replace("unknown", name)
        if name in _FORMATS:
            return f"The format is {self.format}."
        known = " and ".join(_FORMATS)
        said = FOREIGN.get(name, f"It begins with {start[:8].hex()}.")
        raise Flaw(
            "unsupported",
            f"The format is {self.format}. {said} What can be verified are {known} dumps.",
        )

    def _look_at_header(self, storage: Storage) -> str:
        name = next(name for name in _FORMATS if self.format.endswith(name))
        dump = _FORMATS[name](storage)
        if isinstance(dump, KdumpCompressed) and dump.header.split:
            dump = self._with_siblings(dump)
        self._dump = dump
        self.format = self.format.replace(name, dump.format)
        if not dump.utsname:
            return f"The dump is of an {dump.machine} kernel."
        self._note_names(dump.utsname)
        late = (
            " The makedumpfile that wrote it is older than 1.6.9 and does not know this kernel: it wrote the names "
            "from 4 bytes too late."
            if dump.late_names
            else ""
        )
        return (
            f"The dump is of the kernel {self.names['release']} on {self.names['nodename']}.{late}"
        )

    def _with_siblings(self, dump: KdumpCompressed) -> SplitSet:
        """All parts of a split dump, which lie beside each other whatever their names are."""
        found = parts_beside(self._path, dump, self._files)
        self.parts = sorted([self._path, *(part.path for part in found)])
        for part in found:
            for name, look in part.checks:
                # One check of each layer is enough, as long as nothing is wrong.
                item = check(name, look)
                if item.status != "ok":
                    self.checks.append(item._replace(detail=f"{part.path.name}: {item.detail}"))
        return SplitSet([(self._path.name, dump), *((part.path.name, part.dump) for part in found)])

    def _note_names(self, utsname: bytes) -> None:
        fields = [utsname[at : at + _NAME_SIZE] for at in range(0, len(utsname), _NAME_SIZE)]
        self.names = dict(zip(_UTSNAME, map(text, fields)))

    def _look_at_vmcoreinfo(self, dump: Container) -> str:
        info = VmcoreInfo(dump.read_vmcoreinfo())
        release = info.text("OSRELEASE")
        header = self.names.get("release", release)
        if release is None:
            raise Flaw("unsupported", "VMCOREINFO does not say of which kernel it is.")
        if release != header:
            raise Flaw("damaged", f"VMCOREINFO is of the kernel {release}, the header of {header}.")
        self._info = info
        self.names["release"] = release
        if "CRASHTIME" not in info:
            raise Flaw(
                "unsupported",
                f"VMCOREINFO is of the kernel {release}, and does not say when it crashed: the dump is "
                "not by kdump.",
            )
        self.crash_time = info.bounded("CRASHTIME", 0, _MAX_TIME)
        _require_same("the time of the crash", dump.timestamp, self.crash_time)
        if dump.machine == "x86_64" and "NUMBER(phys_base)" in info:
            _require_same("phys_base", dump.phys_base, info.number("NUMBER(phys_base)"))
        return f"VMCOREINFO is of the kernel {release}, which crashed at {self.crash_time}."

    def _look_at_cpus(self, dump: Container) -> str:
        self._cpus = dump.count_cpus()
        if self._cpus is None:
            raise Flaw("unsupported", "The dump does not have the state of the CPUs.")
        if self._cpus == 0:
            raise Flaw(
                "unsupported",
                "No CPU left its state, and the one that panics always does: debuggers have no trace to show.",
            )
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
            self.names["release"] = release or ""
            raise KernelFlaw(
                f"The kernel's memory is of the kernel {text(names[2 * _NAME_SIZE :][:_NAME_SIZE])}, VMCOREINFO of "
                f"{release}."
            )
        return f"The kernel's memory has the names of {self.names['nodename']} and {release}."

    def _look_at_log(self, memory: Memory, info: VmcoreInfo) -> str:
        log = read_log(memory, info)
        self.log, self._log_begins = log.text, log.begins / _NANOSECONDS
        if not self.log:
            raise KernelFlaw("The kernel's log has no record.")
        late = (
            f", of which the oldest is of {self._log_begins:.0f} s after the boot"
            if log.begins
            else ""
        )
        return f"The kernel's log has {self.log_lines} lines{late}."

    def _look_at_ram_map(self, dump: Container) -> str:
        """What the first bitmap says of RAM here and there, and what the kernel said when it booted."""
        borders = borders_in(self.log)
        if borders is None or self._log_begins:
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

    def _look_at_kernel_memory(
        self, dump: Container, memory: Memory, info: VmcoreInfo, *, full: bool
    ) -> str:
        """What no dump can be without."""
        self._symbols = kallsyms.known_symbols(memory, info, (*SYMBOLS, *CURRENT))
        cpu = crash_in(self.log)["cpu"]
        return KernelState(dump, memory, info, self._symbols).check(cpu, full=full)

    def _cma(self) -> int | None:
        """What the capture kernel had as CMA, from the kernel's command line."""
        pointer = self._read_symbol("saved_command_line", 8)
        if pointer and self._memory:
            at = int.from_bytes(pointer, "little" if self._memory.order == "<" else "big")
            # To the end of its page: reading must not fail for what is behind the line.
            size = self._memory.page_size - at % self._memory.page_size
            try:
                return cma_of(text(self._memory.read(at, size)))
            except Flaw:
                pass
        return cma_in(self.log)

    def _read_symbol(self, name: str, size: int) -> bytes | None:
        address = self._symbols.get(name)
        if address is None or self._memory is None:
            return None
        try:
            return self._memory.read(address, size)
        except Flaw:
            return None


def _require_same(what: str, header: object, info: object) -> None:
    if header is not None and header != info:
        raise Flaw("damaged", f"VMCOREINFO says {info} as {what}, the header {header}.")


__all__ = ("Examination",)
