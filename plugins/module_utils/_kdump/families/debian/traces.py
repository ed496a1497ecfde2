# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What kdump-tools leaves of a crash. With the host's name or address before the time where it saves to a server:

/var/crash/202611220951/dump.202611220951         by makedumpfile
/var/crash/202611220951/dump-incomplete           the same while it is written
/var/crash/202611220951/dump.202611220951.gz      with KDUMP_COMPRESSION=gzip
/var/crash/202611220951/vmcore.202611220951       by cp, if makedumpfile failed
/var/crash/202611220951/vmcore-incomplete
/var/crash/202611220951/dmesg.202611220951        the kernel's log
"""

from __future__ import annotations

import re

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.traces import (
    LAB,
    PART,
    SOURCE,
    DumpLayout,
    PrintedLine,
    Traces,
)

_CONFIG = "kdump-tools kdump-config"
_SAVE = f"{_CONFIG} kdump_save_core()"
_PACKED = r"(?:\.(?:gz|bz2|lz4|xz|zst))?"

# fmt: off
_LINES = (
    PrintedLine("not_reserved", r"no crashkernel= parameter in the kernel cmdline",
                f"{_CONFIG} check_kdump_support()", SOURCE),
    PrintedLine("not_loaded", r"failed to load kdump kernel", f"{_CONFIG} kdump_load()", SOURCE),
    PrintedLine("S6", r"Dumping to NFS mountpoint", _SAVE, SOURCE),
    PrintedLine("S7", r"running makedumpfile (?!--dump-dmesg)", _SAVE, LAB),
    PrintedLine("S7", r"running cp /proc/vmcore", _SAVE, LAB),
    PrintedLine("S7", r"sending /proc/vmcore ", f"{_CONFIG} kdump_save_core_to_ssh()", SOURCE),
    PrintedLine("S7", r"sending makedumpfile ", f"{_CONFIG} kdump_save_core_to_ssh()", SOURCE),
    PrintedLine("S8", r"kdump-tools: saved vmcore (?:in|via)", _SAVE, LAB),
    # It says so after makedumpfile failed, too.
    PrintedLine("family_says_saved", r"kdump-tools: saved vmcore (?:in|via)", _SAVE, LAB),
    PrintedLine("network_missing", r"Network not reachable; will try \d+ more times", _CONFIG, SOURCE),
    PrintedLine("network_missing", r"\bUnable to (?:mount remote NFS|reach remote server|write to the remote NFS)",
                _CONFIG, SOURCE),
    PrintedLine("makedumpfile_failed", r"makedumpfile failed, falling back", _SAVE, LAB),
    PrintedLine("save_failed", r"failed to save vmcore (?:in|via)", _SAVE, LAB),
)
# fmt: on

TRACES = Traces(
    layout=DumpLayout(
        directory=re.compile(r"(?:.+-)?(\d{12})"),
        dumps=rf"(?:dump\.{{stamp}}|dump-incomplete){_PACKED}|vmcore\.{{stamp}}|vmcore-incomplete|{PART}",
        dmesg=("dmesg.{stamp}",),
        stamp=r"\d{12}",
    ),
    lines=_LINES,
    own_files=("kdump_lock", "kexec_cmd"),
)

__all__ = ("TRACES",)
