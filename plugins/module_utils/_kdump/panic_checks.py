# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What makes a host dump, and what ends a dump before it is saved. Each check returns what it finds."""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._iommu.command_line import arguments
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.fencing import fencing, unknown
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import read_int, read_text

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.look import Look, Problems

_SYSCTLS = "proc/sys/kernel"
_NOTIFIERS = "sys/module/kernel/parameters/crash_kexec_post_notifiers"

# The enable mask of sysrq that a crash by a key takes, include/linux/sysrq.h, SYSRQ_ENABLE_DUMP.
_SYSRQ_DUMP = 8

# How long a capture kernel takes until it saves, and how much it writes a second: a crash test measures both.
_BOOT_SECONDS = 30
_BYTES_PER_SECOND = 100 << 20


def oops(look: Look) -> Problems | None:
    return _sysctl(look, "panic_on_oops", "panic_on_oops_off")


def sysrq(look: Look) -> Problems | None:
    if look.facts["panic_triggers"]["unknown_nmi_panic"]:
        return []  # its management controller sends an NMI
    return _sysctl(look, "sysrq", "sysrq_off")


def hang(look: Look) -> Problems | None:
    """drivers/tty/sysrq.c, sysrq_crash_op: the key needs 8 in the mask, or 1 for all; arch/x86/kernel/nmi.c."""
    triggers = look.facts["panic_triggers"]
    sysrq = read_int(look.root / _SYSCTLS / "sysrq")
    others = [triggers[name] for name in ("unknown_nmi_panic", "hardlockup_panic")]
    # A running kernel that does not have one never panics of it; a captured tree may only lack it.
    if sysrq is None or (look.live is None and None in others):
        return None
    ways = sysrq == 1 or sysrq & _SYSRQ_DUMP or any(others)
    # Without any key there is a problem of its own.
    return [] if ways or not sysrq else look.problem("hang_no_dump", sysrq=str(sysrq))


def notifiers(look: Look) -> Problems | None:
    """kernel/panic.c; the command line where the parameter is not shown."""
    value = read_text(look.root / _NOTIFIERS)
    if value is None:
        names = [name for name, _value in arguments(look.facts["command_line"])]
        value = "Y" if "crash_kexec_post_notifiers" in names else "N"
    return look.problem("post_notifiers") if value == "Y" else []


def fenced(look: Look) -> Problems | None:
    """A node whose power is switched off in the middle of its dump leaves none."""
    if unknown(look.root):
        return None
    found, tells = fencing(look.root), look.settings.tells_cluster
    if found is None:
        return []
    if tells is None:
        return None
    expected = look.measures.expected
    if found.waits and tells:
        needed = _BOOT_SECONDS
    elif expected is None:
        return None
    else:
        needed = _BOOT_SECONDS + expected // _BYTES_PER_SECOND
    if found.seconds >= needed:
        return []
    what = "tells the cluster of it" if found.waits and tells else "is expected to have its dump"
    return look.problem(
        "fenced_while_dumping", seconds=str(found.seconds), needed=str(needed), what=what
    )


def _sysctl(look: Look, name: str, code: str) -> Problems | None:
    """Report a setting that is 0."""
    value = read_int(look.root / _SYSCTLS / name)
    if value is None:
        return None
    return look.problem(code) if value == 0 else []


__all__ = ("fenced", "hang", "notifiers", "oops", "sysrq")
