# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""crashkernel= with grubby or rpm-ostree, and kdumpctl."""

from __future__ import annotations

import shlex
import typing as t
from pathlib import Path, PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.bootloader import (
    BootHost,
    Default,
    LoaderEdit,
    arguments_of,
    default_of,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.crashkernel import (
    crashkernel_words,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.kdump_utils import (
    kdump_conf,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    exists,
    inside,
    is_file,
    read_text,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Sequence


_KDUMPCTL = PurePosixPath("/usr/bin/kdumpctl")
_CONF = PurePosixPath("/etc/kdump.conf")
_AUTO_RESET = "auto_reset_crashkernel"


class Grubby:
    """Fedora, Red Hat Enterprise Linux and what is made of it: grubby, kdumpctl reset-crashkernel."""

    name = "grubby"
    title = "grubby (Fedora, Red Hat Enterprise Linux)"
    systemd_boot = False

    command = PurePosixPath("/usr/sbin/grubby")

    def present(self, root: Path) -> bool:
        # s390x boots with zipl, which grubby knows and what is read back here does not.
        other_loader = exists(root / "etc/zipl.conf") or exists(root / "run/ostree-booted")
        return is_file(inside(root, self.command)) and not other_loader

    def configured(self, host: BootHost) -> list[list[str]]:
        found = [
            words
            for which in ("DEFAULT", "ALL")
            for words in _entries(_output(host, ["grubby", f"--info={which}"]))
        ]
        if not found:
            raise KdumpError(
                "grubby knows no kernel to boot: look at 'grubby --info=ALL' and at the files in /boot/loader/entries."
            )
        return found

    def default(self, host: BootHost) -> Default | None:
        return _default(host)

    def reset_by_updates(
        self, host: BootHost, words: Sequence[str], default: Default | None
    ) -> bool:
        """kdumpctl, _should_reset_crashkernel(): any other value than the default, unless it is told not to."""
        program = read_text(inside(host.root, _KDUMPCTL)) or ""
        if default is None or list(words) == default.words or _AUTO_RESET not in program:
            return False
        conf = kdump_conf.parse_conf(read_text(inside(host.root, _CONF)) or "")
        return conf.get(_AUTO_RESET) != "no"

    def edit(self, host: BootHost, words: Sequence[str], default: Default | None) -> LoaderEdit:
        del host
        if default is not None and list(words) == default.words:
            return LoaderEdit([["kdumpctl", "reset-crashkernel", "--kernel=ALL"]])
        # grubby puts only the last of several values in the place of one that is there.
        removal = ["grubby", "--update-kernel=ALL", "--remove-args=crashkernel"]
        added = (
            [["grubby", "--update-kernel=ALL", f"--args={arguments_of(words)}"]] if words else []
        )
        return LoaderEdit([removal, *added])


class RpmOstree:
    """Images of OSTree, whose kernel arguments belong to a deployment: rpm-ostree kargs."""

    name = "rpm-ostree"
    title = "rpm-ostree (images of OSTree)"
    systemd_boot = False

    command = PurePosixPath("/usr/bin/rpm-ostree")

    def present(self, root: Path) -> bool:
        return exists(root / "run/ostree-booted") and is_file(inside(root, self.command))

    def configured(self, host: BootHost) -> list[list[str]]:
        return [crashkernel_words(_output(host, ["rpm-ostree", "kargs"]).split())]

    def default(self, host: BootHost) -> Default | None:
        return _default(host)

    def reset_by_updates(
        self, host: BootHost, words: Sequence[str], default: Default | None
    ) -> bool:
        del host, words, default  # no scriptlet of a package runs on the host
        return False

    def edit(self, host: BootHost, words: Sequence[str], default: Default | None) -> LoaderEdit:
        """Return one command, which makes one deployment, as C(kdumpctl reset-crashkernel) does with one value."""
        del default
        changes = [
            *(f"--delete=crashkernel={word}" for word in self.configured(host)[0]),
            *(f"--append=crashkernel={word}" for word in words),
        ]
        return LoaderEdit([["rpm-ostree", "kargs", *changes]])


def _default(host: BootHost) -> Default | None:
    if not is_file(inside(host.root, _KDUMPCTL)):
        return None
    command = ["kdumpctl", "get-default-crashkernel"]
    status, output = host.run(command)
    words = output.split()[-1:] if status == 0 else []
    return default_of(words, host.memory, f"'{' '.join(command)}'")


def _entries(info: str) -> list[list[str]]:
    """Return the values of each kernel that grubby lists, of which one without arguments has no args= line."""
    found: list[list[str]] = []
    for line in info.splitlines():
        if line.startswith("kernel="):
            found.append([])
        elif line.startswith("args=") and found:
            found[-1] = crashkernel_words(_args(line))
    return found


def _args(line: str) -> list[str]:
    """Return the words of a line of grubby: C(args="ro quiet crashkernel=2G-64G:256M,64G-:512M")."""
    return line.partition("=")[2].strip().strip('"').split()


def _output(host: BootHost, command: list[str]) -> str:
    status, output = host.run(command)
    if status != 0:
        raise KdumpError(f"'{shlex.join(command)}' failed with status {status}: {_last(output)}.")
    return output


def _last(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "it printed nothing"


__all__ = ("Grubby", "RpmOstree")
