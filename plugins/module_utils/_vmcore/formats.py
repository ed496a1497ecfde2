# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What a file is by its first bytes: the formats that are verified, and those that are known by name.

Signatures: makedumpfile's diskdump_mod.h and sadump_info.c, crash's lkcd_dump_v*.h, s390_dump.c, vmware_vmss.h and
win_dmp in QEMU; libkdumpfile's src/kdumpfile names the same ones. The others: the projects that are named beside them,
and the magic numbers that file(1) knows.
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
_FREEBSD = "FreeBSD kernel dump"
_RAW = "image of memory"
_QEMU = "saved guest"
_SWAP = "swap space"
_LUKS = "LUKS"
_ARCHIVE = "archive"
_PACKED = "stream of another compressor"
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
    (0, b"MDMP"): _WINDOWS,
    (0, b"minidump FreeBSD/"): _FREEBSD,  # sys/amd64/include/minidump.h
    (0, b"FreeBSD Kernel Dump\0"): _FREEBSD,  # sys/sys/kerneldump.h
    (0, b"EMiL"): _RAW,  # LiME
    (0, b"AVML"): _RAW,
    (0, b"QEVM"): _QEMU,  # QEMU's migration/savevm.h
    (0, b"LibvirtQemudSave"): _QEMU,  # libvirt's src/qemu/qemu_saveimage.h
    (0, b"LibvirtQemudPart"): _QEMU,
    (4086, b"SWAPSPACE2"): _SWAP,  # include/linux/swap.h
    (0, b"LUKS\xba\xbe"): _LUKS,
    (257, b"ustar"): _ARCHIVE,
    (0, b"PK\3\4"): _ARCHIVE,
    (0, b"7z\xbc\xaf\x27\x1c"): _ARCHIVE,
    (0, b"\x02\x21\x4c\x18"): _PACKED,  # lz4 -l
    (0, b"\x89LZO\0"): _PACKED,
    (0, b"LZIP"): _PACKED,
    (0, b"\x5d\0\0"): _PACKED,  # xz --format=lzma
    (0, b"\x1f\x9d"): _PACKED,
}
FOREIGN = {
    _LKCD: "LKCD's own format was replaced by kdump.",
    _SADUMP: "Firmware of Fujitsu's servers writes it, without kdump.",
    _S390: "A stand-alone dumper of s390 wrote it, without kdump.",
    _VMWARE: "A hypervisor wrote it, without kdump.",
    _WINDOWS: "It is of a Windows guest, or of virsh dump --format=win-dmp.",
    _FREEBSD: "Another system wrote it.",
    _RAW: "It is of a system that ran, and not of a crash.",
    _QEMU: "A hypervisor wrote it, without kdump.",
    _SWAP: "There is no dump in it.",
    _LUKS: "It is encrypted: open it and name what is inside.",
    _ARCHIVE: "Unpack it and name the dump.",
    _PACKED: "Unpack it and name the dump.",
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
