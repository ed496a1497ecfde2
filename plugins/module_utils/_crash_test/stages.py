# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The stages of a crash, and what a probe over ssh shows of them."""

from __future__ import annotations

import re
import shlex
import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.stages import RECORDED

# In the order in which a crash goes through them.
STAGES = RECORDED

# One remote command tells all about a host that answers. Its output, the last line only in a capture
# kernel that sees the dump directory (KiB in it):
#   4f0c6bd5-2c1e-4f0e-9e39-0d1ddc1f1a55
#   normal
#   running
#   34816
_PROBE = (
    "cat /proc/sys/kernel/random/boot_id; kernel=normal; "
    "if [ -e /proc/vmcore ] || grep -q elfcorehdr= /proc/cmdline; then kernel=capture; fi; echo $kernel; "
    # sd_booted(3), as machine.has_systemd() asks it: systemctl may be there without systemd.
    "[ ! -d /run/systemd/system ] || systemctl is-system-running 2>/dev/null || true; "
    "[ $kernel = normal ] || du -sk {directory} 2>/dev/null | cut -f 1"
)
# systemctl(1), is-system-running: both mean that the boot is over.
_SETTLED = ("running", "degraded")


class Probe(t.NamedTuple):
    """What a host that answers is doing."""

    boot_id: str
    kernel: str
    system: str
    dump_kib: int | None = None  # what is in the dump directory of a capture kernel


def probe_command(dump_directory: str) -> str:
    """Return the command that asks a host what it is doing; C(parse_probe) reads what it prints."""
    return _PROBE.format(directory=shlex.quote(dump_directory))


def parse_probe(output: str) -> Probe | None:
    """Read what probe_command() printed, None when it is not that (ssh banners, a shell that died)."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    if len(lines) < 2 or not re.fullmatch(r"[0-9a-f-]{36}", lines[0]):
        return None
    if lines[1] not in ("capture", "normal"):
        return None
    words = [line for line in lines[2:] if line.isalpha()]
    sizes = [int(line) for line in lines[2:] if line.isdigit()]
    return Probe(lines[0], lines[1], words[0] if words else "unknown", sizes[-1] if sizes else None)


def running_boot(probe: Probe, boot_id_before: str) -> str:
    """Say which boot of a host answers: C(same boot), C(capture kernel), C(starting) or C(normal kernel)."""
    if probe.kernel == "capture":
        return "capture kernel"
    if probe.boot_id == boot_id_before:
        return "same boot"
    # Without systemd there is nothing to wait for: the host answers.
    return "normal kernel" if probe.system in (*_SETTLED, "unknown") else "starting"


__all__ = (
    "STAGES",
    "Probe",
    "parse_probe",
    "probe_command",
    "running_boot",
)
