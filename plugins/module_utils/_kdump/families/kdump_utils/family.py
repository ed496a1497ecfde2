# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""kdump-utils, the kdump of Fedora and Red Hat Enterprise Linux."""

from __future__ import annotations

import typing as t
from pathlib import PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._helper.layout import (
    DRACUT,
    DRACUT_HOOK,
    EVERY_HOST,
    in_image,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.config.present import undecided
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.config.shell import read_values
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.dracut import (
    facts_of,
    sysconfig,
    without,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.kdump_utils.bootinfo import (
    bootinfo,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.kdump_utils.bootloader import (
    Grubby,
    RpmOstree,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.kdump_utils.config import (
    CONFIG,
    SYSCONFIG,
    KdumpUtilsConfig,
    built_in,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.kdump_utils.kdump_conf import (
    parse_conf,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.kdump_utils.targets import (
    DIRECTORY,
    KEY,
    targets,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.kdump_utils.traces import (
    TRACES,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.family import Captured
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.settings import Settings
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    inside,
    is_file,
    read_text,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Mapping
    from pathlib import Path

    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.target import Target

COMMAND = PurePosixPath("/usr/bin/kdumpctl")

# kdump-lib.sh, prepare_cmdline(): what never gets into the capture kernel.
_REMOVED = (
    "crashkernel", "panic_on_warn", "root", "rd.lvm.lv", "rd.luks.uuid", "rd.dm.uuid", "rd.md.uuid", "fcoe", "netroot",
    "rd.iscsi.initiator", "iscsi_initiator", "BOOT_IMAGE",
)  # fmt: skip


class KdumpUtils:
    """kdump-utils: /etc/kdump.conf, kdumpctl, dracut."""

    name = "kdump-utils"
    title = "kdump-utils (Fedora, Red Hat Enterprise Linux)"
    # Amazon Linux, Oracle Linux and others say what they are like; these do not, or did not always.
    distributions: tuple[str, ...] = (
        "fedora", "rhel", "centos", "rocky", "almalinux", "ol", "amzn", "openeuler", "azurelinux", "mariner", "anolis",
        "alinux", "tencentos", "opencloudos", "kylin", "uos", "virtuozzo", "cloudlinux", "eurolinux", "miraclelinux",
    )  # fmt: skip
    service = "kdump.service"
    generator = "dracut"
    hook = DRACUT_HOOK
    quiesce_settings: PurePosixPath | None = None
    parts: tuple[str, ...] = (*EVERY_HOST, *DRACUT)
    saves_from_image = True
    configuration = KdumpUtilsConfig()
    bootloaders = (RpmOstree(), Grubby())
    traces = TRACES
    captured = Captured(
        texts=tuple(map(in_image, KdumpUtilsConfig.paths)),
        present=(
            in_image(COMMAND),
            "usr/lib/dracut/modules.d/*kdump*/*.sh",
            "usr/lib/kdump/*",
            "usr/sbin/mkdumprd",
            "usr/lib/systemd/system/kdump*",
            "var/lib/kdump/initr*",
            "var/lib/kdump/vmlinu*",
        ),
        units=(
            "etc/systemd/system/*.wants/*kdump*",
            "etc/systemd/system/*.requires/*kdump*",
            # These are masks.
            "etc/systemd/system/kdump*.service",
        ),
    )

    def present(self, root: Path) -> bool:
        """Say whether kdump-utils is installed."""
        return all(is_file(inside(root, path)) for path in (CONFIG, COMMAND))

    def config(self, root: Path) -> dict[str, str]:
        """Return /etc/kdump.conf, one C(key value) a line; the last one of a key wins."""
        return parse_conf(read_text(inside(root, CONFIG)) or "")

    def targets(self, texts: Mapping[PurePosixPath, str]) -> list[Target]:
        """Return the target that kdumpctl takes."""
        return targets(parse_conf(texts.get(CONFIG, "")))

    def image(self, root: Path, kernel: str) -> PurePosixPath:
        """Return the kdump initramfs of a kernel: the one that kdumpctl builds and loads."""
        return bootinfo(root, kernel, sysconfig(root)).image

    def dump_directory(self, root: Path) -> PurePosixPath:
        """Return the directory below which one directory a dump is made, on the dump's file system."""
        return PurePosixPath(self.config(root).get("path") or DIRECTORY)

    def rebuild_commands(self, root: Path, kernel: str) -> list[list[str]]:
        """Return the commands that build the kdump initramfs of the running kernel again."""
        del root, kernel  # kdumpctl takes it from its configuration
        return [["kdumpctl", "rebuild"]]

    def rearm_commands(self) -> list[list[str]]:
        """Return the commands that load the present kdump initramfs in place of what is loaded."""
        return [["kdumpctl", "restart"]]

    def record(self, root: Path, kernel: str) -> PurePosixPath | None:
        """Return the image, which kdumpctl builds again when /etc/kdump.conf is newer."""
        return self.image(root, kernel)

    def settings(self, root: Path) -> Settings:
        """Return what /etc/kdump.conf says that decides whether the host is ready."""
        config = self.config(root)
        collector = config.get("core_collector", "makedumpfile").split()[:1]
        return Settings(
            units=(self.service,),
            # kdumpctl, check_files_modified(), unless it is told not to look.
            inputs=() if config.get("force_no_rebuild") == "1" else (CONFIG,),
            collector=(collector or ["makedumpfile"])[0],
            targets=tuple(_with_key(root, each) for each in targets(config)),
            not_told=undecided(
                read_text(inside(root, SYSCONFIG)) or "",
                KdumpUtilsConfig.decides,
                built_in(read_text(inside(root, COMMAND)) or ""),
            ),
            early=_early(root),
            tells_cluster=_tells_cluster(root, config),
            # kdumpctl, VMCORE_CREATION_STATUS: a word, and the test's identifier.
            test=("kdumpctl test", PurePosixPath("/var/lib/kdump/vmcore-creation.status")),
            opens_device=", with 'kdumpctl setup-crypttab'",
            without_makedumpfile=f"set 'core_collector cp' in {CONFIG}, and run 'kdumpctl restart': the dump is then"
            " all of the memory",
        )

    def loaded(self, root: Path) -> list[str]:
        """Return nothing: this family keeps no record of what it loaded."""
        del root
        return []

    def facts(self, root: Path, kernel: str) -> dict[str, t.Any]:
        """Return the kdump facts, shaped as in C(base_facts)."""
        boot = bootinfo(root, kernel, sysconfig(root))
        # An image that is not where it is built is loaded by nobody, but says that there was one.
        other_images = [
            PurePosixPath(place) / boot.image.name for place in ("/boot", "/var/lib/kdump")
        ]
        return facts_of(
            self,
            root,
            kernel,
            images=[boot.image, *other_images],
            kernels=[boot.kernel] if boot.kernel else [],
            target=targets(self.config(root))[0].type,
            capture_command_line=self._capture_command_line(root),
        )

    def _capture_command_line(self, root: Path) -> str:
        """Return what kdump-lib.sh, prepare_cmdline() makes of /etc/sysconfig/kdump.

        Without what it finds out by itself: disable_cpu_apicid= and what the architecture needs.
        """
        program = built_in(read_text(inside(root, COMMAND)) or "")
        config = read_values(read_text(inside(root, SYSCONFIG)) or "", program).known
        line = config.get("KDUMP_COMMANDLINE") or read_text(root / "proc/cmdline") or ""
        # A word is taken out by its name, also where the setting has its value.
        words = config.get("KDUMP_COMMANDLINE_REMOVE", "").split()
        removed = [*_REMOVED, *(word.partition("=")[0] for word in words)]
        return " ".join(
            [*without(line, removed), *config.get("KDUMP_COMMANDLINE_APPEND", "").split()]
        )


def _tells_cluster(root: Path, config: Mapping[str, str]) -> bool:
    """kdump-lib.sh, is_pcs_fence_kdump() and is_generic_fence_kdump(): with pcs the nodes follow from the cluster."""
    sends = is_file(root / "usr/libexec/fence_kdump_send")
    return sends and bool(config.get("fence_kdump_nodes") or is_file(root / "usr/sbin/pcs"))


def _early(root: Path) -> PurePosixPath | None:
    """Return the initramfs that loads its own copy of the capture kernel at boot: dracut's module earlykdump."""
    if "rd.earlykdump" not in (read_text(root / "proc/cmdline") or "").split():
        return None
    kernel = read_text(root / "proc/sys/kernel/osrelease") or ""
    return bootinfo(root, kernel, sysconfig(root)).normal


def _with_key(root: Path, target: Target) -> Target:
    """Return a target with the key that kdumpctl takes: its own where the configured one does not exist."""
    if target.key is None or is_file(inside(root, target.key)):
        return target
    return target._replace(key=KEY)


__all__ = ("KdumpUtils",)
