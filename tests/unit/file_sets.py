# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real files of kdump from public sources, edited, and what a shell reads in them before and after.

C(data/kdump-files) has one set a file: its source, its family, and the files. C(make file-sets) writes the page.
"""

from __future__ import annotations

import os
import subprocess
import typing as t
from pathlib import Path, PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.config.options import EditContext
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.edit import Edit, edit
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.kdump_utils.kdump_conf import (
    parse_conf,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.registry import FAMILIES

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.family import Config

Files = dict[PurePosixPath, str]

DATA = Path(__file__).parent / "data/kdump-files"
PAGE = Path(__file__).parents[2] / "docs/evidence/file-sets.md"
NO_NEWLINE = "\\ no newline at the end\n"

# What the programs of the families have before they read the files, as far as an edit rests on it.
PROGRAMS = {
    "debian": 'MAKEDUMP_ARGS=${MAKEDUMP_ARGS:="-F -c -d 31"}\n'
    'KDUMP_CMDLINE_APPEND=${KDUMP_CMDLINE_APPEND:="reset_devices systemd.unit=kdump-tools-dump.service nr_cpus=1'
    ' irqpoll usbcore.nousb"}\n',
    "kdump-utils": """\
KDUMP_COMMANDLINE_REMOVE="hugepages hugepagesz slub_debug"
parse_config()
{
\tpath | core_collector | failure_action | final_action) ;;
}
""",
    "suse": "",
}
# What the role does to a host of which nobody asked more, and what somebody asks.
ASKED: dict[str, dict[str, t.Any]] = {
    "plain": {"command_line_append": ["panic=10"]},
    "more": {
        "command_line_append": ["panic=10", "nr_cpus=2"],
        "compression": "lzo",
        "dump_level": 23,
        "dump_path": "/srv/crash",
        "failure_action": "reboot",
    },
}
# What these options may change, by the name in the files.
MAY_CHANGE = {
    "plain": {"KDUMP_CMDLINE_APPEND", "KDUMP_COMMANDLINE_APPEND", "USE_KDUMP"},
    "more": {
        "KDUMP_CMDLINE_APPEND", "KDUMP_COMMANDLINE_APPEND", "USE_KDUMP", "KDUMP_COREDIR", "KDUMP_SAVEDIR",
        "MAKEDUMP_ARGS",
        "KDUMP_DUMPLEVEL", "KDUMP_DUMPFORMAT", "KDUMP_CONTINUE_ON_ERROR", "KDUMP_FAIL_CMD", "core_collector", "path",
        "failure_action", "default",
    },
}  # fmt: skip
# Lists of words, of which each that was there has to be there still; and words with a value that was asked for.
LISTS = ("KDUMP_CMDLINE_APPEND", "KDUMP_COMMANDLINE_APPEND", "KDUMP_COMMANDLINE_REMOVE")
PREFIXES = (
    "KDUMP_", "FADUMP_", "KEXEC_", "USE_KDUMP", "MAKEDUMP_", "NFS", "SSH", "FTP", "HOSTTAG", "VMCORE_",
)  # fmt: skip
# Prints every variable that a shell has, C(NAME=value) with a zero behind each.
SHOW = r"""
for name in $(set | sed -n "s/^\([A-Z][A-Z_0-9]*\)=.*/\1/p"); do eval "printf '%s=%s\\0' $name \"\$$name\""; done
"""


class FileSet(t.NamedTuple):
    """Files of one host, or of one example."""

    name: str
    source: str
    family: str
    files: Files

    @property
    def config(self) -> Config:
        return next(each.configuration for each in FAMILIES if each.name == self.family)


class Outcome(t.NamedTuple):
    """What came of a set: what is read before and after, or why it is refused."""

    before: dict[str, str]
    after: dict[str, str]
    edit: Edit | None
    refused: str
    again: bool  # whether a second run changes something


def file_sets() -> Iterator[FileSet]:
    """Return the sets of C(data/kdump-files), sorted by name."""
    for path in sorted(DATA.glob("*.txt")):
        head, *parts = path.read_text(encoding="utf-8").split("==> ")
        fields = dict(line.partition(": ")[::2] for line in head.splitlines())
        files = {}
        for part in parts:
            name, _newline, text = part.partition("\n")
            if text.endswith(NO_NEWLINE):
                text = text[: -len(NO_NEWLINE) - 1]
            files[PurePosixPath(name)] = text
        yield FileSet(path.stem, fields["source"], fields["family"], files)


def ask(command: list[str], text: str) -> tuple[int, str]:
    """Ask a real shell, with nothing in its environment."""
    done = subprocess.run(
        command,
        input=text,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )
    return done.returncode, done.stdout


def read(family: str, files: Mapping[PurePosixPath, str]) -> dict[str, str]:
    """Return what the families' readers have: kdump.conf by its lines, the others by the shell that reads them."""
    values: dict[str, str] = {}
    for path, text in files.items():
        if path.suffix == ".conf":
            values |= parse_conf(text)
        else:
            values |= sourced("sh" if family == "debian" else "bash", PROGRAMS[family], text)
    return values


def sourced(shell: str, program: str, text: str) -> dict[str, str]:
    """Return the variables that a shell has after the file, without those that it has without it."""
    defaults = program.partition("parse_config")[0] if "KDUMP_COMMANDLINE_REMOVE" in program else ""
    bare = _listed(ask([shell, "-s"], SHOW)[1])
    found = _listed(ask([shell, "-s"], f"{defaults}{text}\n{SHOW}")[1])
    return {
        name: value
        for name, value in found.items()
        if bare.get(name) != value and name.startswith(PREFIXES)
    }


def _listed(output: str) -> dict[str, str]:
    return dict(each.partition("=")[::2] for each in output.split("\0") if "=" in each)


def outcome(files: FileSet, asked: str) -> Outcome:
    """Edit a set twice, as the module does on a host."""
    config, options = files.config, ASKED[asked]
    texts = {path: files.files.get(path, "") for path in config.paths}
    context = EditContext(PROGRAMS[files.family], "root=/dev/vda ro", ask=ask)
    before = read(files.family, texts)
    try:
        first = edit(config, texts, options, context)
        second = edit(config, first.after, options, context)
    except KdumpError as error:
        return Outcome(before, before, None, str(error), again=False)
    return Outcome(before, read(files.family, first.after), first, "", again=bool(second.changed))


def changed(found: Outcome) -> dict[str, tuple[str | None, str | None]]:
    """Return what is read differently: the value before and after, None where there is none."""
    return {
        name: (found.before.get(name), found.after.get(name))
        for name in sorted({*found.before, *found.after})
        if found.before.get(name) != found.after.get(name)
    }


def lost(found: Outcome, asked: str) -> list[str]:
    """Return what the edit lost: a setting that nobody asked for, a word of a list, a comment or a line."""
    wrong = [
        name
        for name, (before, after) in changed(found).items()
        if name not in MAY_CHANGE[asked] or (before and after is None and name != "default")
    ]
    named = {word.partition("=")[0] for word in ASKED[asked]["command_line_append"]}
    for name in LISTS:
        words = [
            each
            for each in found.before.get(name, "").split()
            if each.partition("=")[0] not in named
        ]
        wrong += [
            f"{name}: {each}" for each in words if each not in found.after.get(name, "").split()
        ]
    if found.edit is not None:
        for path, text in found.edit.before.items():
            kept = found.edit.after[path].splitlines()
            wrong += [
                line
                for line in text.splitlines()
                if line.lstrip().startswith("#") and line not in kept
            ]
    return wrong


def page() -> str:
    """Return the page."""
    rows = []
    for each in file_sets():
        found = outcome(each, "more")
        lines = sum(len(text.splitlines()) for text in each.files.values())
        if found.refused:
            says = f"refused: {found.refused}"
        else:
            says = ", ".join(f"`{name}`" for name in changed(found)) or "nothing"
        second = "-" if found.refused else "changes again" if found.again else "nothing"
        shown = [
            each.name,
            each.source,
            str(lines),
            says,
            second,
            ", ".join(lost(found, "more")) or "none",
        ]
        rows.append("| " + " | ".join(word.replace("|", "\\|") for word in shown) + " |")
    head = PAGE.read_text(encoding="utf-8").partition("<!-- table -->")[0] if PAGE.exists() else ""
    table = [
        "| files | source | lines | changed | second run | lost |",
        "|---|---|---|---|---|---|",
        *rows,
    ]
    return head + "<!-- table -->\n\n" + "\n".join(table) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
