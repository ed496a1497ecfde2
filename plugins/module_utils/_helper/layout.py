# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Where the parts of the reset helper lie: on the host, and in an image.

Every other module takes the paths from here. The helper itself, hooks and units are below
C(plugins/plugin_utils/pcie_reset) and name them again: C(tests/unit/plugins/module_utils/_helper) compares.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._helper import quiesce

HELPER = PurePosixPath("/usr/local/lib/pcie-reset/pcie-reset")
PLAN = PurePosixPath("/etc/pcie-reset/plan")
# Run by mkinitramfs, and asked by dracut whether it belongs into an image, whenever they build one.
INITRAMFS_TOOLS_HOOK = PurePosixPath("/etc/initramfs-tools/hooks/pcie-reset")
DRACUT_HOOK = PurePosixPath("/usr/lib/dracut/modules.d/50pcie-reset/module-setup.sh")

LIBRARY = HELPER.parent
UNIT = "pcie-reset-report.service"
UNITS = PurePosixPath("/etc/systemd/system")
MODULE = DRACUT_HOOK.parent

# The collection's own files: where they go, and their permissions.
SHIPPED: dict[str, tuple[PurePosixPath, int]] = {
    "pcie-reset": (HELPER, 0o755),
    "secondary-bus-reset": (LIBRARY / "secondary-bus-reset", 0o755),
    "guard": (LIBRARY / "guard", 0o755),
    "lib.sh": (LIBRARY / "lib.sh", 0o644),
    "local-apic.hex": (LIBRARY / "local-apic", 0o755),
    "store-report": (LIBRARY / "store-report", 0o755),
    "init-top": (LIBRARY / "init-top", 0o755),
    "initramfs-tools-hook": (INITRAMFS_TOOLS_HOOK, 0o755),
    "dracut-module-setup.sh": (DRACUT_HOOK, 0o755),
    "dracut-hook.sh": (MODULE / "pcie-reset.sh", 0o755),
    "pcie-reset.service": (MODULE / "pcie-reset.service", 0o644),
    "dracut-kdump-save.conf": (MODULE / "kdump-save.conf", 0o644),
    UNIT: (UNITS / UNIT, 0o644),
    "capture-arguments": (quiesce.ARGUMENTS, 0o644),
    "quiesce": (LIBRARY / "quiesce", 0o755),
    "quiesce-init": (LIBRARY / "quiesce-init", 0o755),
    "quiesce-kdump-tools": (quiesce.SETTINGS, 0o644),
}
# What systemctl enable makes of the unit's WantedBy=.
ENABLED = UNITS / "kdump-tools-dump.service.wants" / UNIT


# What of that a host gets: in any case, by what makes its images, and with the quiesce stage. A family may add its own.
EVERY_HOST = (
    "pcie-reset",
    "secondary-bus-reset",
    "guard",
    "lib.sh",
    "local-apic.hex",
    "store-report",
)
INITRAMFS_TOOLS = ("init-top", "initramfs-tools-hook")
DRACUT = ("dracut-module-setup.sh", "dracut-hook.sh", "pcie-reset.service")
QUIESCE = ("quiesce", "quiesce-init", "quiesce-kdump-tools")

# In an image. What runs the helper: the script of initramfs-tools, the unit of dracut with systemd.
SCRIPT = "scripts/init-top/00-pcie-reset"
IMAGE_UNIT = "usr/lib/systemd/system/pcie-reset.service"


def in_image(path: PurePosixPath) -> str:
    """Return where a file of the host is in an image: at the same path, without the slash in front."""
    return str(path)[1:]


__all__ = (
    "DRACUT",
    "DRACUT_HOOK",
    "ENABLED",
    "EVERY_HOST",
    "HELPER",
    "IMAGE_UNIT",
    "INITRAMFS_TOOLS",
    "INITRAMFS_TOOLS_HOOK",
    "LIBRARY",
    "MODULE",
    "PLAN",
    "QUIESCE",
    "SCRIPT",
    "SHIPPED",
    "UNIT",
    "UNITS",
    "in_image",
)
