# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Whether firmware could keep the last lines of a capture kernel that dies: pstore, its backends, and their room.

A capture kernel has no kdump of its own, so its panic goes to kmsg_dump(), and with a backend of pstore to firmware.
What the running kernel says of its backend holds for the capture kernel, too: they are the same kernel on the same
machine.
"""

from __future__ import annotations

import os
import typing as t
from pathlib import Path, PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.mounts import mounted
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    exists,
    inside,
    is_file,
    names,
    read_text,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.facts import (
        EfiStore,
        Pstore,
    )

STORE = "sys/fs/pstore"
EFI_VARIABLES = "sys/firmware/efi/efivars"

# fs/pstore/platform.c, module_param(backend, charp, 0444): C(erst), or C((null)) for none.
_BACKEND = "sys/module/pstore/parameters/backend"
_NO_BACKEND = "(null)"
_ERST_TABLE = "sys/firmware/acpi/tables/ERST"
_ERST = "erst"
EFI = "efi_pstore"
# drivers/firmware/efi/efi-pstore.c: its name was C(efi), and is that of the module since Linux 6.0.
_EFI_NAMES = ("efi", EFI)
_EFI_MODULE = "sys/module/efi_pstore"
_EFI_FILE = "/efi-pstore.ko"

# fs/pstore/platform.c, pstore_dump(): records are written until they have kmsg_bytes, 10,240 by default. A variable of
# 1,024 bytes takes a header and a name besides.
NEEDED_BYTES = 16 << 10

_WHY = {
    "unknown": "Whether this kernel has pstore is not known: /sys/module/pstore was not captured, or the kernel is"
    " built without it.",
    "erst": "The firmware keeps crash records (ACPI ERST), and the kernel has what it takes built in: there is nothing"
    " to set up. How much room there is, the firmware does not say.",
    "erst_unused": "The firmware has a table ERST, which the kernel does not use: see erst_disable and pstore.backend="
    " on its command line.",
    "other": "The kernel keeps crash records with {backend}: there is nothing to set up. How much room there is, is not"
    " known.",
    "efi": "UEFI variables can keep crash records, {free}.",
    "efi_full": "UEFI variables can keep crash records, and there is no room: {free_bytes} bytes may be written and"
    " {needed} are needed. Remove old dump-type0-* variables, or others that nobody needs, in"
    " /sys/firmware/efi/efivars.",
    "efi_read_only": "The firmware lets no UEFI variable be written once the kernel runs.",
    "efi_no_driver": "The firmware has UEFI variables, and this kernel is built without efi_pstore.",
    "none": "The machine has no place for crash records: no ACPI ERST, and no UEFI variables that the kernel can"
    " write.",
}  # fmt: skip


def pstore_facts(root: Path, kernel: str) -> Pstore:
    """Return what could keep the log of a capture kernel that dies, see M(vmcore.kdump.platform_facts).

    Args:
        root: of the host.
        kernel: its release.
    """
    name = read_text(root / _BACKEND)
    backend = None if name in (None, "", _NO_BACKEND) else name
    known = name is not None
    efi = _efi(root, kernel, backend)
    erst = is_file(root / _ERST_TABLE) or (False if known else None)
    mounts = mounted(root) or ()
    is_mounted = any(each.type == "pstore" for each in mounts)
    capture, room, why = _capture(known, backend, erst, efi)
    return {
        "backend": backend,
        "records": len(names(root / STORE)) if is_mounted and _is_live(root) else None,
        "erst": erst,
        "efi": efi,
        "capture": capture,
        "room": room,
        "why": why,
    }


def _capture(
    known: bool, backend: str | None, erst: bool | None, efi: EfiStore | None
) -> tuple[str | None, bool | None, str]:
    """The backend that a capture kernel can have, whether there is room, and a sentence."""
    if backend is not None and backend not in _EFI_NAMES:
        kind = "erst" if backend == _ERST else "other"
        return backend, None, _WHY[kind].format(backend=backend)
    if not known:
        return None, None, _WHY["unknown"]
    if efi is not None:
        return _of_variables(efi)
    return None, None, _WHY["erst_unused" if erst else "none"]


def _of_variables(efi: EfiStore) -> tuple[str | None, bool | None, str]:
    if not efi["writable"]:
        return None, None, _WHY["efi_read_only"]
    if efi["driver"] is None:
        return None, None, _WHY["efi_no_driver"]
    free = efi["free_bytes"]
    if free is None:
        return EFI, None, _WHY["efi"].format(free="how many more, this kernel does not say")
    if free < NEEDED_BYTES:
        return EFI, False, _WHY["efi_full"].format(free_bytes=free, needed=NEEDED_BYTES)
    return EFI, True, _WHY["efi"].format(free=f"with room for {free} bytes")


def _efi(root: Path, kernel: str, backend: str | None) -> EfiStore | None:
    """UEFI variables as the kernel sees them, None for a machine without.

    fs/efivarfs/super.c: the file system is mounted read-only where the firmware lets no variable be set at run time, in
    /proc/self/mountinfo C(36 26 0:31 / /sys/firmware/efi/efivars rw,nosuid - efivarfs efivarfs rw).
    """
    mount = next((each for each in mounted(root) or () if each.type == "efivarfs"), None)
    if mount is None and backend not in _EFI_NAMES:
        return None
    disabled = read_text(root / _EFI_MODULE / "parameters/pstore_disable")
    return {
        "writable": True if backend in _EFI_NAMES or mount is None else not mount.read_only,
        "driver": _driver(root, kernel),
        "disabled": None if disabled is None else disabled == "Y",
        "free_bytes": _free(root),
    }


def _driver(root: Path, kernel: str) -> t.Literal["built_in", "module"] | None:
    """Whether efi_pstore is in the kernel or a module of it; None: neither.

    A module has its state in /sys; what is built in has parameters there, and nothing else.
    """
    if exists(root / _EFI_MODULE):
        return "module" if exists(root / _EFI_MODULE / "initstate") else "built_in"
    directory = inside(root, PurePosixPath("/lib/modules") / kernel)
    if _EFI_FILE in (read_text(directory / "modules.builtin") or ""):
        return "built_in"
    # A line each: kernel/drivers/firmware/efi/efi-pstore.ko.xz:
    return "module" if _EFI_FILE in (read_text(directory / "modules.dep") or "") else None


def _is_live(root: Path) -> bool:
    """Whether it is the running host's, and no captured tree."""
    return root == Path("/")


def _free(root: Path) -> int | None:
    """What may still be written to UEFI variables, in bytes.

    fs/efivarfs/super.c, efivarfs_statfs(), of 2023: f_bavail is without what the kernel keeps for the firmware. Older
    kernels have zeros. In a captured tree it would be the size of another file system.
    """
    if not _is_live(root):
        return None
    try:
        state = os.statvfs(root / EFI_VARIABLES)
    except OSError:
        return None
    return state.f_bavail * state.f_bsize if state.f_blocks else None


__all__ = ("EFI", "EFI_VARIABLES", "NEEDED_BYTES", "STORE", "pstore_facts")
