# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""crashkernel= with grubby and kdumpctl."""

from __future__ import annotations

import shlex
import typing as t
from pathlib import Path, PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.bootloader import (
    BootHost,
    Default,
    Edit,
    arguments_of,
    default_of,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.crashkernel import (
    crashkernel_words,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    exists,
    inside,
    is_file,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Sequence


class Grubby:
    """Fedora, Red Hat Enterprise Linux and what is made of it: grubby, kdumpctl reset-crashkernel."""

    name = "grubby"
    title = "grubby (Fedora, Red Hat Enterprise Linux)"

    command = PurePosixPath("/usr/sbin/grubby")
    kdumpctl = PurePosixPath("/usr/bin/kdumpctl")

    def present(self, root: Path) -> bool:
        # s390x boots with zipl, which grubby knows and what is read back here does not.
        return is_file(inside(root, self.command)) and not exists(root / "etc/zipl.conf")

    def configured(self, host: BootHost) -> list[list[str]]:
        return [
            crashkernel_words(_args(line))
            for which in ("DEFAULT", "ALL")
            for line in _output(host, ["grubby", f"--info={which}"]).splitlines()
            if line.startswith("args=")
        ]

    def default(self, host: BootHost) -> Default | None:
        if not is_file(inside(host.root, self.kdumpctl)):
            return None
        command = ["kdumpctl", "get-default-crashkernel"]
        status, output = host.run(command)
        words = output.split()[-1:] if status == 0 else []
        return default_of(words, host.memory, f"'{' '.join(command)}'")

    def edit(self, host: BootHost, words: Sequence[str], default: Default | None) -> Edit:
        del host
        if default is not None and list(words) == default.words:
            return Edit([["kdumpctl", "reset-crashkernel", "--kernel=ALL"]])
        # grubby puts only the last of several values in the place of one that is there.
        removal = ["grubby", "--update-kernel=ALL", "--remove-args=crashkernel"]
        added = (
            [["grubby", "--update-kernel=ALL", f"--args={arguments_of(words)}"]] if words else []
        )
        return Edit([removal, *added])


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


__all__ = ("Grubby",)
