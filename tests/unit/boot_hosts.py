# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts made of files that set crashkernel=, whose tools do what the real ones do."""

from __future__ import annotations

import re
import subprocess
import typing as t
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.bootloader import (
    BootHost,
    Bootloader,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.crashkernel import GIB, Needs
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.registry import bootloader_of
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.reservation import (
    ReservationState,
    converge,
    examine,
)
from ansible_collections.vmcore.kdump.tests.unit.host_trees import build

Tree = dict[str, t.Any]

VARIABLES = "sys/firmware/efi/efivars"
VENDOR = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
DROP_IN = "etc/default/grub.d/zz-vmcore-kdump.cfg"
RHEL = "2G-64G:256M,64G-:512M"
SYSCONFIG = 'KDUMP_CPUS=""\nKDUMP_CRASHKERNEL="auto"\n# the end\nKDUMP_SAVEDIR="/var/crash"\n'


class FakeHost:
    """A host, the commands that were run on it, and which of them fail."""

    def __init__(self, root: Path, tree: Tree, memory: int = 4 * GIB) -> None:
        self.root = build(
            root, {"proc/cmdline": "ro\n", "sys/kernel/kexec_crash_size": "0\n", **tree}
        )
        self.host = BootHost(root, memory, self.run, self.write)
        self.commands: list[str] = []
        self.failing: dict[str, str] = {}
        self.needs = Needs("x86_64", memory)
        self.deaf = False  # its tools succeed and do nothing

    @property
    def bootloader(self) -> Bootloader:
        return bootloader_of(self.root)

    def run(self, argv: list[str]) -> tuple[int, str]:
        command = " ".join(argv)
        self.commands.append(command)
        if command in self.failing:
            return 1, self.failing[command]
        return 0, self.answer(argv)

    def answer(self, argv: list[str]) -> str:
        raise NotImplementedError(argv)

    def write(self, path: Path, content: bytes, mode: int) -> None:
        path.write_bytes(content)
        path.chmod(mode)

    def examine(self, size: str) -> ReservationState:
        return examine(self.host, self.bootloader, self.needs, size)

    def ensure(self, size: str) -> tuple[bool, list[str]]:
        """Return what the module would: whether something changed, and what is booted next."""
        findings = self.examine(size)
        return findings.edit is not None, converge(self.host, self.bootloader, findings, size)

    def boot(self, words: list[str], reserved: int) -> None:
        line = " ".join(["ro", *(f"crashkernel={word}" for word in words)])
        (self.root / "proc/cmdline").write_text(f"{line}\n")
        (self.root / "sys/kernel/kexec_crash_size").write_text(f"{reserved}\n")


class Debian(FakeHost):
    """update-grub sources the settings with a real shell and writes a grub.cfg."""

    def __init__(
        self, root: Path, package: str | None = "512M-:192M", line: str = "", **values: t.Any
    ) -> None:
        tree: Tree = {
            "usr/sbin/update-grub": "",
            "boot/grub/grub.cfg": "",
            "etc/default/grub": f'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\nGRUB_CMDLINE_LINUX="{line}"\n',
            "etc/default/grub.d": None,
        }
        if package:
            tree["etc/default/grub.d/kdump-tools.cfg"] = (
                f'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT crashkernel={package}"\n'
            )
        super().__init__(root, tree, **values)
        self.answer(["update-grub"])
        self.commands.clear()

    def answer(self, argv: list[str]) -> str:
        assert argv == ["update-grub"]
        if self.deaf:
            return ""
        sources = (
            ". etc/default/grub; for x in etc/default/grub.d/*.cfg; do [ ! -e $x ] || . ./$x; done"
        )
        line = 'echo "linux /boot/vmlinuz ro $GRUB_CMDLINE_LINUX $GRUB_CMDLINE_LINUX_DEFAULT"'
        command = ["sh", "-ec", f"{sources}; {line}"]
        linux = subprocess.run(
            command, cwd=self.root, capture_output=True, text=True, check=True
        ).stdout
        (self.root / "boot/grub/grub.cfg").write_text(f"menuentry 'Debian' {{\n\t{linux}}}\n")
        return "Generating grub configuration file ...\ndone\n"


class RedHat(FakeHost):
    """grubby with two entries."""

    def __init__(
        self, root: Path, *entries: str, default: str | None = RHEL, **values: t.Any
    ) -> None:
        self.entries = [f"ro quiet {entry}".strip() for entry in entries]
        self.default = default
        tree: Tree = {"usr/sbin/grubby": ""}
        if default:
            tree["usr/bin/kdumpctl"] = ""
        super().__init__(root, tree, **values)

    def answer(self, argv: list[str]) -> str:
        option, _equals, value = argv[1].partition("=")
        if argv == ["kdumpctl", "get-default-crashkernel"]:
            return f"{self.default}\n"
        if option == "--info":
            shown = self.entries[:1] if value == "DEFAULT" else self.entries
            # An entry without options has no line for them.
            return "".join(
                'index=0\nkernel="/boot/vmlinuz"\n' + f'args="{line}"\n' * bool(line) + 'id="1"\n'
                for line in shown
            )
        if not self.deaf:
            added = f"crashkernel={self.default}" if argv[0] == "kdumpctl" else ""
            if argv[-1].startswith("--args="):
                added = argv[-1].partition("=")[2]
            kept = [re.sub(r" crashkernel=\S+", "", line) for line in self.entries]
            self.entries = [f"{line} {added}".strip() for line in kept]
        return ""


class OsTree(FakeHost):
    """rpm-ostree kargs with one deployment."""

    def __init__(self, root: Path, line: str, **values: t.Any) -> None:
        self.line = line
        tree: Tree = {
            "run/ostree-booted": "",
            "usr/bin/rpm-ostree": "",
            "usr/bin/kdumpctl": "",
            "usr/sbin/grubby": "",  # is there, and knows nothing of deployments
        }
        super().__init__(root, tree, **values)

    def answer(self, argv: list[str]) -> str:
        if argv == ["kdumpctl", "get-default-crashkernel"]:
            return f"{RHEL}\n"
        assert argv[:2] == ["rpm-ostree", "kargs"]
        words = self.line.split()
        for change in argv[2:]:
            option, _equals, word = change.partition("=")
            if option == "--delete":
                words.remove(word)
            else:
                assert option == "--append"
                words.append(word)
        self.line = " ".join(words)
        return f"{self.line}\n"


class Suse(FakeHost):
    """kdumptool commandline -u does what KDUMP_CRASHKERNEL says."""

    def __init__(
        self, root: Path, low: int = 72, high: int = 248, loader: str = "grub2-efi", **values: t.Any
    ) -> None:
        self.low, self.high, self.loader = low, high, loader
        tree: Tree = {
            "usr/sbin/kdumptool": "#!/bin/bash\nfunction do_commandline()\n",
            "etc/sysconfig/kdump": SYSCONFIG,
            "etc/sysconfig/bootloader": f'LOADER_TYPE="{loader}"\n',
            "boot/grub2/grub.cfg": "menuentry 'SUSE' {\n\tlinux /boot/vmlinuz ro\n}\n",
        }
        super().__init__(root, tree, **values)

    def answer(self, argv: list[str]) -> str:
        if argv == ["kdumptool", "calibrate"]:
            return f"Total: 4096\nLow: {self.low}\nHigh: {self.high}\nMinLow: 72\nMaxLow: 2000\n"
        text = (self.root / "etc/sysconfig/kdump").read_text()
        found = re.search(r'KDUMP_CRASHKERNEL="(.*)"', text)
        words = found[1] if found else ""
        if words == "auto":
            words = f"crashkernel={self.low}M,low crashkernel={self.high}M,high"
        if argv[-1] == "-d":
            words = ""
        entries = list((self.root / "boot/efi/loader/entries").glob("*.conf"))
        for path in entries:
            path.write_text(
                re.sub(r"(options .*?)( crashkernel=\S+)*\n", rf"\1 {words}\n", path.read_text())
            )
        if entries:
            return ""
        config = f"menuentry 'SUSE' {{\n\tlinux /boot/vmlinuz ro {words}\n}}\n"
        (self.root / "boot/grub2/grub.cfg").write_text(config)
        return ""
