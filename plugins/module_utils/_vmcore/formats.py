# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What a file is by its first bytes: the formats that are verified, and those that are known by name.

Signatures: makedumpfile's diskdump_mod.h and sadump_info.c, crash's lkcd_dump_v*.h, s390_dump.c, vmware_vmss.h and
win_dmp in QEMU; libkdumpfile's src/kdumpfile names the same ones.
"""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.wrapped import WRAPPERS

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.storage import Storage

SIGNATURE_SIZE = 16
SIGNATURES = {
    b"KDUMP   ": "kdump-compressed",
    b"DISKDUMP": "diskdump",
    b"\x7fELF": "ELF",
    **WRAPPERS,
}
_LKCD = "LKCD"
_SADUMP = "sadump"
_S390 = "s390 dump"
_VMWARE = "VMware suspended state"
_WINDOWS = "Windows crash dump"
# (place, bytes) -> format
_MARKS = {
    (0, bytes.fromhex("a8190173618f23ed")): _LKCD,
    (0, bytes.fromhex("ed238f61730119a8")): _LKCD,
    (
        0,
        bytes.fromhex("a8190173618f23fd"),
    ): _S390,  # DF_S390_MAGIC, written by zipl's stand-alone dumpers
    (0, bytes.fromhex("fd238f61730119a8")): _S390,
    (0, bytes.fromhex("a8190173618f23ea")): _S390,  # with "extended" in its header
    (0, b"sadump\0\0"): _SADUMP,
    (4096, b"sadump\0\0"): _SADUMP,  # behind the header of a backup medium
    (0, bytes.fromhex("d2bed2be")): _VMWARE,
    (0, bytes.fromhex("d0bed2be")): _VMWARE,
    (0, bytes.fromhex("d1bad1ba")): _VMWARE,
    (0, bytes.fromhex("d3bed2be")): _VMWARE,
    (0, b"PAGEDUMP"): _WINDOWS,
    (0, b"PAGEDU64"): _WINDOWS,
}
FOREIGN = {
    _LKCD: "LKCD's own format was replaced by kdump.",
    _SADUMP: "Firmware of Fujitsu's servers writes it, without kdump.",
    _S390: "A stand-alone dumper of s390 wrote it, without kdump.",
    _VMWARE: "A hypervisor wrote it, without kdump.",
    _WINDOWS: "It is of a Windows guest, or of virsh dump --format=win-dmp.",
    "diskdump": "It is what kdump replaced.",
}


def foreign_format(storage: Storage) -> str | None:
    """The name of a format that cannot be verified, None if it is not known."""
    for (place, mark), name in _MARKS.items():
        if (
            storage.size >= place + len(mark)
            and storage.read("the signature", place, len(mark), holes=True) == mark
        ):
            return name
    return None


__all__ = ("FOREIGN", "SIGNATURES", "SIGNATURE_SIZE", "foreign_format")
