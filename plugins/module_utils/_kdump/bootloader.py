# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The one interface to what puts crashkernel= on the command line of the next boot."""

from __future__ import annotations

import re
import shlex
import typing as t
from pathlib import Path, PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.config.shell import (
    parse_assignments,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.crashkernel import (
    MIB,
    crashkernel_words,
    reserved_by,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.grub import next_command_line
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    exists,
    inside,
    is_file,
    read_bytes,
    read_text,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable, Sequence


class Host(t.NamedTuple):
    """The host and what may be done to it."""

    root: Path
    memory: int | None  # bytes
    run: Callable[[list[str]], tuple[int, str]]  # a command -> its exit status and standard output
    write: Callable[[Path, bytes, int], None]  # replaces a file as a whole: path, content, mode


class Edit(t.NamedTuple):
    """What brings values of crashkernel= to the next boot: a file, and the commands after it."""

    commands: list[list[str]]
    path: PurePosixPath | None = None
    content: bytes | None = None  # None removes the file


class Default(t.NamedTuple):
    """What the distribution itself would reserve on this host."""

    words: list[str]
    size: int
    says: str  # who says so


class Bootloader(t.Protocol):
    """How one family of distributions configures its kernels' command lines."""

    name: str

    def present(self, root: Path) -> bool:
        """Say whether the host below C(root) is configured like that."""

    def configured(self, host: Host) -> list[list[str]]:
        """Return the values of crashkernel= of each entry that is looked at, the next boot's first."""

    def default(self, host: Host) -> Default | None:
        """Return what the distribution's own tool would reserve, None where it has no opinion."""

    def edit(self, host: Host, words: Sequence[str], default: Default | None) -> Edit:
        """Return what sets these values; no values take away what this bootloader's edits set."""


class UpdateGrub:
    """Debian and Ubuntu: drop-ins in /etc/default/grub.d, update-grub."""

    name = "GRUB with update-grub"

    command = PurePosixPath("/usr/sbin/update-grub")
    directory = PurePosixPath("/etc/default/grub.d")
    config = PurePosixPath("/boot/grub/grub.cfg")
    # Behind kdump-tools.cfg, the package's own.
    drop_in = directory / "zz-vmcore-kdump.cfg"
    package = directory / "kdump-tools.cfg"

    def present(self, root: Path) -> bool:
        return is_file(inside(root, self.command)) and is_file(inside(root, self.config))

    def configured(self, host: Host) -> list[list[str]]:
        return [_next_words(host.root, self.config)]

    def default(self, host: Host) -> Default | None:
        """Return what the package's drop-in says: C(... crashkernel=512M-:192M")."""
        text = read_text(inside(host.root, self.package)) or ""
        words = re.findall(r"crashkernel=([^\s\"']+)", text)
        return _default(words[-1:], host.memory, f"{self.package}")

    def edit(self, host: Host, words: Sequence[str], default: Default | None) -> Edit:
        """Return a drop-in that takes away every other crashkernel=: without suffix one hides a C(,high)."""
        del host, default
        commands = [[self.command.name]]
        if not words:
            return Edit(commands, self.drop_in, None)
        lines = [
            "# Set by the Ansible module vmcore.kdump.crashkernel, which replaces this file. It takes the place of",
            "# every other crashkernel= in /etc/default/grub and /etc/default/grub.d.",
            *(
                f"{variable}=$(printf '%s' \"${variable}\" | sed -E 's/(^|[[:space:]])crashkernel=[^[:space:]]*//g')"
                for variable in ("GRUB_CMDLINE_LINUX", "GRUB_CMDLINE_LINUX_DEFAULT")
            ),
            f'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT {_arguments(words)}"',
        ]
        return Edit(commands, self.drop_in, "\n".join([*lines, ""]).encode())


class Grubby:
    """Fedora, Red Hat Enterprise Linux and what is made of it: grubby, kdumpctl reset-crashkernel."""

    name = "grubby"

    command = PurePosixPath("/usr/sbin/grubby")
    kdumpctl = PurePosixPath("/usr/bin/kdumpctl")

    def present(self, root: Path) -> bool:
        # s390x boots with zipl, which grubby knows and what is read back here does not.
        return is_file(inside(root, self.command)) and not exists(root / "etc/zipl.conf")

    def configured(self, host: Host) -> list[list[str]]:
        return [
            crashkernel_words(_args(line))
            for which in ("DEFAULT", "ALL")
            for line in _output(host, ["grubby", f"--info={which}"]).splitlines()
            if line.startswith("args=")
        ]

    def default(self, host: Host) -> Default | None:
        if not is_file(inside(host.root, self.kdumpctl)):
            return None
        command = ["kdumpctl", "get-default-crashkernel"]
        status, output = host.run(command)
        words = output.split()[-1:] if status == 0 else []
        return _default(words, host.memory, f"'{' '.join(command)}'")

    def edit(self, host: Host, words: Sequence[str], default: Default | None) -> Edit:
        del host
        if default is not None and list(words) == default.words:
            return Edit([["kdumpctl", "reset-crashkernel", "--kernel=ALL"]])
        # grubby puts only the last of several values in the place of one that is there.
        removal = ["grubby", "--update-kernel=ALL", "--remove-args=crashkernel"]
        added = [["grubby", "--update-kernel=ALL", f"--args={_arguments(words)}"]] if words else []
        return Edit([removal, *added])


class Kdumptool:
    """SUSE: KDUMP_CRASHKERNEL in /etc/sysconfig/kdump, kdumptool commandline."""

    name = "GRUB with kdumptool"

    command = PurePosixPath("/usr/sbin/kdumptool")
    settings = PurePosixPath("/etc/sysconfig/kdump")
    bootloader = PurePosixPath("/etc/sysconfig/bootloader")
    config = PurePosixPath("/boot/grub2/grub.cfg")

    def present(self, root: Path) -> bool:
        loader = parse_assignments(read_text(inside(root, self.bootloader)) or "").get(
            "LOADER_TYPE"
        )
        return (
            # A script since version 2; before, it could not change the command line.
            b"commandline" in (read_bytes(inside(root, self.command)) or b"")
            and is_file(inside(root, self.settings))
            and is_file(inside(root, self.config))
            and loader in (None, "", "grub2", "grub2-efi")
        )

    def configured(self, host: Host) -> list[list[str]]:
        return [_next_words(host.root, self.config)]

    def default(self, host: Host) -> Default | None:
        """Return what C(kdumptool calibrate) says, in MiB a line: C(Low: 72), C(High: 256)."""
        status, output = host.run(["kdumptool", "calibrate"])
        found = dict(re.findall(r"^(Low|High):\s*(\d+)$", output, re.MULTILINE))
        if status != 0 or set(found) != {"Low", "High"}:
            return None
        low, high = int(found["Low"]), int(found["High"])
        pair = [f"{low}M,low"] * bool(low) + [f"{high}M,high"]
        words = pair if high else [f"{low}M"]
        return Default(words, (low + high) * MIB, "'kdumptool calibrate'")

    def edit(self, host: Host, words: Sequence[str], default: Default | None) -> Edit:
        if not words:
            return Edit([["kdumptool", "commandline", "-d"]])
        # With 'auto' it calibrates again whenever it is asked.
        automatic = default is not None and list(words) == default.words
        value = "auto" if automatic else _arguments(words)
        before = (read_bytes(inside(host.root, self.settings)) or b"").decode(
            "utf-8", "surrogateescape"
        )
        line = f'KDUMP_CRASHKERNEL="{value}"'
        after, count = re.subn(r"^KDUMP_CRASHKERNEL=.*$", line, before, flags=re.MULTILINE)
        if not count:
            after = f"{before.rstrip(chr(10))}\n{line}\n"
        return Edit(
            [["kdumptool", "commandline", "-u"]],
            self.settings,
            after.encode("utf-8", "surrogateescape"),
        )


BOOTLOADERS: tuple[Bootloader, ...] = (UpdateGrub(), Grubby(), Kdumptool())

# The Boot Loader Interface: what booted this kernel calls itself, in UTF-16 behind four bytes.
_LOADER_INFO = "LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"


def bootloader_of(root: Path) -> Bootloader:
    """Return what configures the command line of the next boot.

    Raises KdumpError with what is supported for everything else.
    """
    supported = (
        "crashkernel= can be set with update-grub (Debian, Ubuntu), grubby (Fedora, Red Hat Enterprise Linux) and"
        " kdumptool with GRUB (SUSE): set it yourself here and reboot."
    )
    if exists(root / "run/ostree-booted"):
        raise KdumpError(
            f"This host is an image of OSTree, whose arguments rpm-ostree kargs sets; {supported}"
        )
    loader = _loader(root)
    if "systemd-boot" in loader:
        raise KdumpError(f"This host was booted by {loader}; {supported}")
    found = next((each for each in BOOTLOADERS if each.present(root)), None)
    if found is None:
        raise KdumpError(f"No bootloader that this module knows is configured here; {supported}")
    return found


def _loader(root: Path) -> str:
    raw = read_bytes(root / "sys/firmware/efi/efivars" / _LOADER_INFO) or b""
    return raw[4:].decode("utf-16-le", "replace").strip("\0 ")


def _next_words(root: Path, config: PurePosixPath) -> list[str]:
    text = read_text(inside(root, config)) or ""
    environment = read_text(inside(root, config.with_name("grubenv"))) or ""
    return crashkernel_words(next_command_line(text, environment))


def _default(words: list[str], memory: int | None, says: str) -> Default | None:
    size = reserved_by(words, memory)
    return Default(words, size, says) if words and size else None


def _arguments(words: Sequence[str]) -> str:
    return " ".join(f"crashkernel={word}" for word in words)


def _args(line: str) -> list[str]:
    """Return the words of a line of grubby: C(args="ro quiet crashkernel=2G-64G:256M,64G-:512M")."""
    return line.partition("=")[2].strip().strip('"').split()


def _output(host: Host, command: list[str]) -> str:
    status, output = host.run(command)
    if status != 0:
        raise KdumpError(f"'{shlex.join(command)}' failed with status {status}: {_last(output)}.")
    return output


def _last(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "it printed nothing"


__all__ = ("BOOTLOADERS", "Bootloader", "Default", "Edit", "Host", "bootloader_of")
