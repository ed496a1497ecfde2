# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What SUSE's kdump leaves of a crash, by kdump-save:

/var/crash/2026-11-22-09-51/vmcore, dmesg, README.txt
"""

from __future__ import annotations

import re

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.traces import (
    PART,
    SOURCE,
    DumpLayout,
    PrintedLine,
    SideFile,
    Traces,
)

_SAVE = "SUSE kdump dracut/kdump-save"
_README = f"{_SAVE}, README.txt"
# On a console the journal puts its name in front of what the service prints.
_SAYS = r"(?:^|kdump-save\[\d+\]: )"

# fmt: off
_LINES = (
    PrintedLine("S6", r"Saved temporary README\.txt", _SAVE, SOURCE),
    PrintedLine("S6", r"^This file will be overwritten when the dump is finished", _README, SOURCE),
    PrintedLine("S7", rf"{_SAYS}Saved dmesg$", _SAVE, SOURCE),
    PrintedLine("S7", r"Saving dump (?:using|to) ", "SUSE kdump before 1.9, kdumptool/savedump.cc", SOURCE),
    PrintedLine("S8", rf"{_SAYS}Saved vmcore$", _SAVE, SOURCE),
    PrintedLine("S8", r"^vmcore status: saved successfully", _README, SOURCE),
    PrintedLine("family_says_saved", rf"{_SAYS}Saved vmcore$", _SAVE, SOURCE),
    PrintedLine("family_says_saved", r"^vmcore status: saved successfully", _README, SOURCE),
    PrintedLine("no_vmcore", r"/proc/vmcore does not exist", _SAVE, SOURCE),
    PrintedLine("network_missing", r"Error: Host not responding", _SAVE, SOURCE),
    PrintedLine("disk_full", r"Remaining space \(\d+ MB\) less than KDUMP_FREE_DISK_SIZE", _SAVE, SOURCE),
    PrintedLine("disk_full", r"^vmcore status: deleted", _README, SOURCE),
    PrintedLine("save_failed", r"Error: Failed saving vmcore", _SAVE, SOURCE),
    PrintedLine("save_failed", r"^vmcore status: error while saving", _README, SOURCE),
    PrintedLine("save_failed", r"^Transfer exit code: [1-9]", _SAVE, SOURCE),
    PrintedLine("dump_interrupted", r"If you see this text the crash dump is likely incomplete", _README, SOURCE),
    PrintedLine("script_failed", r"Error: (?:Pre|Post)-script failed", _SAVE, SOURCE),
    PrintedLine("gave_up", r"Something failed\. Running a debug shell", _SAVE, SOURCE),
)
# fmt: on

TRACES = Traces(
    layout=DumpLayout(
        directory=re.compile(r"(?:.+-)?\d{4}-\d\d-\d\d-\d\d[-:]\d\d()"),
        dumps=rf"vmcore|{PART}",
        dmesg=("dmesg", "dmesg.txt"),
    ),
    lines=_LINES,
    side_files=(
        SideFile(
            "readme",
            "README.txt",
            "readme",
            (
                # kdump-save writes it before the dump, and other words in its place afterwards.
                (
                    re.compile(r"the crash dump is likely incomplete"),
                    "README.txt beside it says that kdump did not finish.",
                ),
                (
                    re.compile(r"vmcore status: *(?!saved successfully)(\S.*)"),
                    "README.txt beside it says of the vmcore: {0}.",
                ),
            ),
        ),
    ),
)

__all__ = ("TRACES",)
