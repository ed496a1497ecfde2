# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""kdump-tools, the kdump of Debian and Ubuntu."""

from __future__ import annotations

import re
import shlex
import typing as t
from pathlib import Path, PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._helper.layout import (
    DRACUT as DRACUT_PARTS,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._helper.layout import (
    DRACUT_HOOK,
    EVERY_HOST,
    INITRAMFS_TOOLS,
    INITRAMFS_TOOLS_HOOK,
    UNIT,
    in_image,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._helper.quiesce import (
    IMAGE as QUIESCE_IMAGE,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._helper.quiesce import (
    REFUSED,
    SETTINGS,
    sourced,
    split,
    without_lines,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.config.present import undecided
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.config.shell import (
    read_values,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.debian.bootloader import (
    UpdateGrub,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.debian.config import (
    CONFIG,
    DebianConfig,
    DracutDebianConfig,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.debian.targets import (
    DIRECTORY,
    targets,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.debian.traces import (
    TRACES,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.family import Captured
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.host import (
    base_facts,
    free_bytes,
    helper_codes,
    helper_state,
    may_hang,
    running_watchdogs,
    service_enabled,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.problems import problem
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.settings import Settings
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    inside,
    is_directory,
    is_file,
    modified,
    read_text,
    resolve,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Mapping

    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.target import Target

COMMAND = PurePosixPath("/usr/sbin/kdump-config")
IMAGES = PurePosixPath("/var/lib/kdump")
# The kernel packages' hook, and the only builder of the image: it copies /etc/initramfs-tools to
# IMAGES, sets MODULES=dep there and runs mkinitramfs with the copy.
BUILDER = PurePosixPath("/etc/kernel/postinst.d/kdump-tools")
# What the quiesce stage itself did not say.
_NOT_NOTED = "Run pcie_reset_helper again, it says why."
DRACUT = PurePosixPath("/usr/bin/dracut")

# The kexec command that loaded the capture kernel, in the dump directory.
RECORD = "kexec_cmd"

# A shell function in the configuration, which kdump-config sources, takes the place of the program.
# Up to 1.8 kdump-config calls it, also for the log: a function that did not refuse that would print all of the
# memory on the console. From 1.10 on it takes cp, because a function is no executable file.
_OWN_COLLECTOR = re.compile(r"^\s*makedumpfile\s*\(\)", re.MULTILINE)
_WITHOUT_MAKEDUMPFILE = (
    "add the line 'makedumpfile() { case $1 in --dump-dmesg) false ;; *) cat /proc/vmcore ;; esac; }' to"
    f" {CONFIG}, which kdump-config sources, and run 'systemctl restart kdump-tools.service': the dump is"
    " then all of the memory"
)


# The unit stores the report beside the dump; the settings' last line lets the helper see the local APIC.
_OWN_PARTS = (UNIT, "capture-arguments")


class Debian:
    """kdump-tools: /etc/default/kdump-tools, kdump-config, initramfs-tools."""

    name = "debian"
    title = "kdump-tools (Debian, Ubuntu)"
    distributions: tuple[str, ...] = ("debian", "ubuntu", "raspbian", "linuxmint", "devuan", "kali")
    service = "kdump-tools.service"
    generator = "initramfs-tools"
    hook = INITRAMFS_TOOLS_HOOK
    quiesce_settings: PurePosixPath | None = CONFIG
    parts: tuple[str, ...] = (*EVERY_HOST, *INITRAMFS_TOOLS, *_OWN_PARTS)
    saves_from_image = False  # it boots the root file system
    configuration: DebianConfig = DebianConfig()
    bootloaders = (UpdateGrub(),)
    traces = TRACES
    captured = Captured(
        texts=(in_image(CONFIG),),
        present=(
            in_image(BUILDER),
            "usr/sbin/kdump*",
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
        record=RECORD,
    )

    def present(self, root: Path) -> bool:
        """Say whether kdump-tools is installed, and not only its configuration left over."""
        return all(is_file(inside(root, path)) for path in (CONFIG, COMMAND))

    def config(self, root: Path) -> dict[str, str]:
        """Return the assignments in /etc/default/kdump-tools; the last one of a name wins."""
        return _values(read_text(inside(root, CONFIG)) or "")

    def targets(self, texts: Mapping[PurePosixPath, str]) -> list[Target]:
        """Return every target that kdump-config saves to, in its order."""
        return targets(_values(texts.get(CONFIG, "")))

    def image(self, root: Path, kernel: str) -> PurePosixPath:
        """Return the kdump initramfs of a kernel, or the one that the operator named instead of the package's link."""
        named = PurePosixPath(self.config(root).get("KDUMP_INITRD") or IMAGES / "initrd.img")
        if named.parent == IMAGES and named.name.startswith("initrd.img"):
            return IMAGES / f"initrd.img-{kernel}"
        return resolve(root, named) or named

    def dump_directory(self, root: Path) -> PurePosixPath:
        """Return the directory below which kdump-config makes one directory a dump."""
        return PurePosixPath(self.config(root).get("KDUMP_COREDIR") or DIRECTORY)

    def rebuild_commands(self, root: Path, kernel: str) -> list[list[str]]:
        """Return the commands that build the kdump initramfs of a kernel again."""
        del root
        return [[str(BUILDER), kernel]]

    def rearm_commands(self) -> list[list[str]]:
        """Return the commands that load the present kdump initramfs in place of what is loaded."""
        return [["kdump-config", "unload"], ["kdump-config", "load"]]

    def record(self, root: Path, kernel: str) -> PurePosixPath | None:
        """Return where kdump-config keeps the command that loaded the capture kernel."""
        del kernel
        return self.dump_directory(root) / RECORD

    def settings(self, root: Path) -> Settings:
        """Return what /etc/default/kdump-tools says that decides whether the host is ready.

        The capture kernel boots the real root: the initramfs has nothing of the configuration in it.
        """
        config = self.config(root)
        line = config.get("KDUMP_CMDLINE") or read_text(root / "proc/cmdline")
        text = read_text(inside(root, CONFIG)) or ""
        own = _OWN_COLLECTOR.search(text)
        not_told = undecided(without_lines(text), DebianConfig.decides, bash=False)
        off = "USE_KDUMP" not in not_told and config.get("USE_KDUMP", "0") in ("", "0")
        return Settings(
            units=(self.service, "kdump-tools-dump.service"),
            loaded=(CONFIG, self.dump_directory(root) / RECORD),
            off=f"USE_KDUMP=1 in {CONFIG}" if off else None,
            collector="a shell function" if own else "makedumpfile",
            targets=tuple(targets(config)),
            not_told=not_told,
            command_line=line and f"{line} {config.get('KDUMP_CMDLINE_APPEND', '')}",
            without_makedumpfile=_WITHOUT_MAKEDUMPFILE,
        )

    def loaded(self, root: Path) -> list[str]:
        """Return the words of the kexec command that loaded the capture kernel."""
        return _recorded_load(root, self.dump_directory(root))

    def facts(self, root: Path, kernel: str) -> dict[str, t.Any]:
        """Return the kdump facts, shaped as in C(base_facts)."""
        config = self.config(root)
        directory = self.dump_directory(root)
        facts = base_facts(root, kernel)
        known = facts["armed"] and not may_hang(root, directory)
        recorded = _recorded_load(root, directory) if known else []
        initramfs = resolve(root, self.image(root, kernel))
        boot = resolve(root, PurePosixPath(config.get("KDUMP_KERNEL") or f"/boot/vmlinuz-{kernel}"))
        kind = targets(config)[0].type
        facts.update(
            family=self.name,
            service={"name": self.service, "enabled": service_enabled(root, self.service)},
            image={
                "kernel": boot and str(boot),
                "initramfs": initramfs and str(initramfs),
                "generator": self.generator,
            },
            capture_command_line=_capture_command_line(recorded),
            target={
                "type": kind,
                "path": str(directory),
                "free_bytes": free_bytes(root, directory) if kind == "local" else None,
            },
            helper=helper_state(root, self.hook),
        )
        if _is_quiesce(recorded):
            facts["helper"]["stage"] = "quiesce"
        words = {
            "image": str(self.image(root, kernel)),
            "directory": str(directory),
            "service": self.service,
            "rebuild": _command_line(self.rebuild_commands(root, kernel)),
            "watchdogs": ", ".join(running_watchdogs(facts)),
            "rearm": _command_line(self.rearm_commands()),
            "refused": (read_text(inside(root, REFUSED)) or _NOT_NOTED).strip(),
        }
        # The image of the quiesce stage was made of that image when it was loaded.
        image = str(initramfs) if _is_quiesce(recorded) else _argument(recorded, "--initrd=")
        stale = _is_stale(root, directory, initramfs, image)
        facts["problems"] = [
            problem(code, **words) for code in _problem_codes(root, facts, directory, stale)
        ]
        return facts


class DebianDracut(Debian):
    """kdump-tools with an image that dracut made: its operator did, and named it with KDUMP_INITRD=.

    kdump-tools itself knows mkinitramfs only. Its own images are initrd.img-<kernel>; by default
    KDUMP_INITRD= is a link to one of them.
    """

    generator = "dracut"
    hook = DRACUT_HOOK
    parts: tuple[str, ...] = (*EVERY_HOST, *DRACUT_PARTS, *_OWN_PARTS)
    configuration: DebianConfig = DracutDebianConfig()

    def present(self, root: Path) -> bool:
        """Say whether kdump-tools is to load an image beside its own, and dracut is there to make it."""
        return (
            super().present(root)
            and is_file(inside(root, DRACUT))
            and self._image(root).parent == IMAGES
            and not self._image(root).name.startswith("initrd.img")
        )

    def image(self, root: Path, kernel: str) -> PurePosixPath:
        """Return the kdump initramfs, whatever the kernel."""
        del kernel
        return self._image(root)

    def rebuild_commands(self, root: Path, kernel: str) -> list[list[str]]:
        """Return the command that builds the image again as it was built: dracut records that in it."""
        boot = resolve(root, PurePosixPath(self.config(root).get("KDUMP_KERNEL") or "/"))
        version = boot.name.partition("-")[2] if boot else ""
        return [["dracut", "--kver", version or kernel, "--rebuild", str(self._image(root))]]

    def _image(self, root: Path) -> PurePosixPath:
        named = PurePosixPath(self.config(root).get("KDUMP_INITRD") or "/")
        return resolve(root, named) or named


def _values(text: str) -> dict[str, str]:
    """Return what is known of the settings; kdump-config is a script for sh, which may have no C(+=)."""
    return read_values(without_lines(text), bash=False).known


def _problem_codes(
    root: Path, facts: dict[str, t.Any], directory: PurePosixPath, stale: bool
) -> list[str]:
    """Return what is wrong. In the capture kernel nothing is loaded, reserved or to be mended."""
    if facts["is_capture_kernel"]:
        return ["is_capture_kernel"]
    checks = (
        ("no_reservation", not facts["crash_size"]),
        ("no_image", facts["image"]["initramfs"] is None),
        ("not_armed", bool(facts["crash_size"]) and not facts["armed"]),
        ("image_not_loaded", stale),
        (
            "dump_directory_missing",
            not may_hang(root, directory) and not is_directory(inside(root, directory)),
        ),
        ("service_disabled", facts["service"]["enabled"] is False),
        ("watchdog_active", bool(running_watchdogs(facts))),
        (
            "quiesce_not_loaded",
            facts["armed"]
            and facts["helper"]["stage"] != "quiesce"
            and SETTINGS in sourced(read_text(inside(root, CONFIG)) or ""),
        ),
    )
    return [code for code, applies in checks if applies] + helper_codes(facts["helper"])


def _recorded_load(root: Path, directory: PurePosixPath) -> list[str]:
    """Return the words of the kexec command that loaded the capture kernel.

    kdump-config, kdump_load(), writes it to $KDUMP_COREDIR/kexec_cmd once kexec succeeded:
    /sbin/kexec -p --command-line="BOOT_IMAGE=/vmlinuz root=UUID=... ro  reset_devices systemd.unit=..."
    --initrd=/var/lib/kdump/initrd.img /var/lib/kdump/vmlinuz     (one line)
    """
    try:
        return shlex.split(read_text(inside(root, directory / RECORD)) or "")
    except ValueError:
        return []


def _argument(words: list[str], option: str) -> str | None:
    return next((word[len(option) :].strip() for word in words if word.startswith(option)), None)


def _is_quiesce(words: list[str]) -> bool:
    return _argument(words, "--initrd=") == str(QUIESCE_IMAGE)


def _capture_command_line(words: list[str]) -> str | None:
    """Return the command line of the kernel that saves the dump, whatever stage comes before."""
    line = _argument(words, "--command-line=")
    return " ".join(split(line).capture) if line is not None and _is_quiesce(words) else line


def _is_stale(
    root: Path, directory: PurePosixPath, initramfs: PurePosixPath | None, loaded: str | None
) -> bool:
    """Say whether the capture kernel was loaded with another initramfs than the one on disk.

    kexec copies the image into memory. What it copied is known by its name, and by the record of the
    load being newer than the image.
    """
    if initramfs is None or loaded is None:
        return False
    built = modified(inside(root, initramfs))
    recorded = modified(inside(root, directory / RECORD))
    return resolve(root, PurePosixPath(loaded)) != initramfs or (
        built is not None and recorded is not None and built > recorded
    )


def _command_line(commands: list[list[str]]) -> str:
    return " && ".join(shlex.join(command) for command in commands)


__all__ = ("Debian", "DebianDracut")
