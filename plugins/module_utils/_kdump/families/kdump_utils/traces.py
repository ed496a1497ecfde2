# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What kdump-utils leaves of a crash, by dump_fs() and dump_ssh() of kdump.sh:

/var/crash/127.0.0.1-2026-11-22-09:51:13/vmcore            vmcore.flat by ssh
/var/crash/127.0.0.1-2026-11-22-09:51:13/vmcore-incomplete
/var/crash/127.0.0.1-2026-11-22-09:51:13/vmcore-dmesg.txt  the kernel's log
/var/crash/127.0.0.1-2026-11-22-09:51:13/kexec-dmesg.log   the capture kernel's
/var/crash/kdump-test-1795341073-1/...                     of kdumpctl test
"""

from __future__ import annotations

import re

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.traces import (
    PART,
    REPORT,
    SOURCE,
    DumpLayout,
    PrintedLine,
    SideFile,
    Traces,
)

_KDUMP_SH = "kdump-utils dracut/99kdumpbase/kdump.sh"
_DUMP_FS = f"{_KDUMP_SH} dump_fs()"
_STATUS = f"{_KDUMP_SH} kdump_test_set_status()"

# fmt: off
_LINES = (
    PrintedLine("not_reserved", r"[Nn]o memory reserved for crash kernel", "kdump-utils kdumpctl", REPORT),
    PrintedLine("S6", r"kdump\[\d+\]: saving to ", _DUMP_FS, REPORT),
    PrintedLine("not_loaded", r"kexec: failed to load kdump kernel", "kdump-utils kdumpctl", REPORT),
    PrintedLine("S7", r"kdump\[\d+\]: saving vmcore$", _DUMP_FS, SOURCE),
    PrintedLine("S8", r"saving vmcore complete", _DUMP_FS, SOURCE),
    PrintedLine("S8", r"^success kdump_test_id=", _STATUS, SOURCE),
    PrintedLine("family_says_saved", r"saving vmcore complete", _DUMP_FS, SOURCE),
    PrintedLine("family_says_saved", r"^success kdump_test_id=", _STATUS, SOURCE),
    PrintedLine("network_missing", r"Waiting for network to be ready \(\d+s / 10min\)",
                f"{_KDUMP_SH} wait_online_network()", SOURCE),
    PrintedLine("network_missing", r"The network still isn't ready after waiting",
                f"{_KDUMP_SH} wait_online_network()", SOURCE),
    PrintedLine("network_missing", r"failed to get remote IP address!", f"{_KDUMP_SH} get_host_ip()", SOURCE),
    PrintedLine("network_missing", r"\bFailed to get IP of \S+", f"{_KDUMP_SH} get_host_ip()", SOURCE),
    PrintedLine("target_not_mounted", r"failed to dump to '[^']*', it's not a mount point", _DUMP_FS, SOURCE),
    PrintedLine("target_not_mounted", r"kdump\[\d+\]: Failed to mount rootfs", f"{_KDUMP_SH} dump_to_rootfs()", SOURCE),
    PrintedLine("save_failed", r"(?:saving|sync|moving) vmcore failed", f"{_KDUMP_SH} dump_fs(), dump_ssh()", REPORT),
    PrintedLine("save_failed", r"^fail kdump_test_id=", _STATUS, SOURCE),
    PrintedLine("script_failed", r"kdump_(?:pre|post) script exited with non-zero status", _KDUMP_SH, SOURCE),
    PrintedLine("gave_up", r"Executing failure action", _KDUMP_SH, SOURCE),
    PrintedLine("gave_up", r"Entering kdump emergency mode", _KDUMP_SH, SOURCE),
)
# fmt: on

TRACES = Traces(
    layout=DumpLayout(
        directory=re.compile(r"(?:.+-\d{4}-\d\d-\d\d-\d\d:\d\d:\d\d|kdump-test-[\d-]+)()"),
        dumps=rf"vmcore(?:\.flat)?|vmcore-incomplete|{PART}",
        dmesg=("vmcore-dmesg.txt", "vmcore-dmesg-incomplete.txt"),
    ),
    lines=_LINES,
    side_files=(
        SideFile("kexec_dmesg", "kexec-dmesg.log", "kexec_dmesg"),
        # kdumpctl test
        SideFile(
            "creation_status",
            "vmcore-creation.status",
            "status",
            (
                (
                    re.compile(r"^fail\b.*", re.MULTILINE),
                    "vmcore-creation.status beside it says that kdump failed.",
                ),
            ),
        ),
    ),
)

__all__ = ("TRACES",)
