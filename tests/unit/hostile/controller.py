# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A controller in a directory, and the hosts that it believes to manage."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import yaml

from ansible_collections.vmcore.kdump.plugins.modules import platform_facts

PLUGINS = Path(__file__).parent / "connection_plugins"
# What makes a terminal act instead of show: C0 but tab and line feed, DEL, C1, and what turns the direction of text.
ACTS = [
    *(chr(code) for code in range(0x20) if chr(code) not in "\t\n"),
    "\x7f",
    *(chr(code) for code in range(0x80, 0xA0)),
    *"\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
]

# Sets the clipboard (OSC 52), clears the screen (CSI, in 7 and in 8 bits), turns the text around, ends a line.
ESCAPES = "\x1b]52;c;Y3VybCBldmlsfHNo\x07\x1b[2J\x9b2J\u202eevil\r" + "".join(ACTS)

Json = dict[str, t.Any]


class Ran(t.NamedTuple):
    """How a run of ansible-playbook ended."""

    status: int
    output: str
    changed: list[str]  # the files that are not as they were, but for those that it may write
    asked: list[str]  # what was asked of which host

    def said_of(self, host: str) -> str:
        """What was printed of a host: the lines that name it, and what was said below them."""
        lines, taken = [], False
        for line in self.output.splitlines():
            if line.startswith(
                ("ok:", "changed:", "fatal:", "skipping:", "failed:", "TASK", "PLAY")
            ):
                taken = f"[{host}]" in line
            if taken or line.startswith(f"{host} "):
                lines.append(line)
        return "\n".join(lines)


class Controller:
    """A home with something to lose, and a project whose hosts are all hostile."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / "home"
        self.project = root / "project"
        for name in ("home/.ssh", "project", "tmp", "etc", "ansible"):
            (root / name).mkdir(parents=True)
        (self.home / ".ssh/authorized_keys").write_text("ssh-ed25519 AAAA operator\n")
        (self.home / ".profile").write_text("# of the operator\n")

    def play(
        self,
        playbook: str,
        replies: dict[str, dict[str, t.Any]],
        *arguments: str,
        variables: Json | None = None,
        groups: t.Mapping[str, t.Sequence[str]] | None = None,
        may_write: tuple[str, ...] = (),
    ) -> Ran:
        """Run a playbook of the collection on a host for each entry of C(replies).

        Args:
            replies: host -> module or module:step -> its reply, which is made JSON unless it is a text.
            arguments: more arguments of ansible-playbook.
            variables: of all hosts, as the operator's inventory has them.
            groups: of the inventory, with their hosts.
            may_write: directories below the project in which files may change.
        """
        told = {
            host: {
                name: reply if isinstance(reply, str) else json.dumps(reply)
                for name, reply in each.items()
            }
            for host, each in replies.items()
        }
        (self.root / "replies.json").write_text(json.dumps(told))
        (self.root / "asked").write_text("")
        inventory = {
            "all": {
                "hosts": {host: {} for host in replies},
                "children": {
                    group: {"hosts": {host: {} for host in hosts}}
                    for group, hosts in (groups or {}).items()
                },
                "vars": {
                    "ansible_connection": "hostile",
                    "ansible_python_interpreter": "/usr/bin/python3",
                    "ansible_become": False,
                    **(variables or {}),
                },
            }
        }
        (self.root / "inventory.yml").write_text(yaml.safe_dump(inventory))
        before = self._tree()
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("ansible-playbook")),
                "-i", str(self.root / "inventory.yml"), playbook, *arguments,
            ],
            cwd=self.project,
            env={
                "PATH": os.environ["PATH"],
                "LANG": "C.UTF-8",
                "HOME": str(self.home),
                "TMPDIR": str(self.root / "tmp"),
                "ANSIBLE_HOME": str(self.root / "ansible"),
                "ANSIBLE_NOCOLOR": "1",
                "ANSIBLE_PIPELINING": "1",
                "ANSIBLE_CONNECTION_PLUGINS": str(PLUGINS),
                "ANSIBLE_COLLECTIONS_PATH": str(Path(platform_facts.__file__).parents[5]),
                "HOSTILE_REPLIES": str(self.root / "replies.json"),
            },
            capture_output=True,
            check=False,
            timeout=600,
        )  # fmt: skip
        after = self._tree()
        ours = tuple(str(self.project / name) for name in may_write)
        changed = sorted(
            path
            for path in before.keys() | after.keys()
            if before.get(path) != after.get(path) and not (ours and path.startswith(ours))
        )
        return Ran(
            done.returncode,
            (done.stdout + done.stderr).decode("utf-8", "surrogateescape"),
            changed,
            (self.root / "asked").read_text().splitlines(),
        )

    def _tree(self) -> dict[str, str]:
        """Every file with its mode and content, but for what Ansible itself keeps and what this test writes."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            name = path.relative_to(self.root).parts[0]
            if name in ("ansible", "tmp", "asked", "replies.json", "inventory.yml"):
                continue
            mode = f"{path.lstat().st_mode:o}"
            content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
            found[str(path)] = f"{mode} {hashlib.sha256(content).hexdigest()}"
        return found


def everywhere(value: t.Any, text: str) -> t.Any:
    """A value with C(text) in each of its texts."""
    if isinstance(value, dict):
        return {key: everywhere(each, text) for key, each in value.items()}
    if isinstance(value, list):
        return [everywhere(each, text) for each in value]
    return f"{value}{text}" if isinstance(value, str) else value


def decisions(controller: Controller) -> Json:
    """Variables by which the roles decide something on the controller, as a host would like them."""
    touch = ["touch", str(controller.home / "executed")]
    return {
        "crash_test_console_command": touch,
        "crash_test_results_directory": str(controller.home / ".ssh"),
        "crash_test_confirm": ["decides"],
        "crash_test_checks_tasks": str(controller.home / "evil.yml"),
        "crash_test_recovery": str(controller.home / "evil.yml"),
        "crash_test_dump_host": "localhost",
        "capture_directory": str(controller.home / ".ssh"),
        "assess_directory": str(controller.home / ".ssh"),
        "kdump_ssh_authorize_on": "localhost",
        "pcie_reset_exclusions": [],
    }


def held(controller: Controller, ran: Ran) -> None:
    """What no host may do."""
    assert ran.changed == []
    assert not (controller.home / "executed").exists()
    assert acting(ran.output) == []
    assert "Traceback" not in ran.output, ran.output


def acting(output: str) -> list[str]:
    """The characters of an output that a terminal acts on, each with what is around it."""
    return [
        repr(output[max(0, index - 60) : index + 20])
        for index, character in enumerate(output)
        if character in _ACTS
    ]


_ACTS = frozenset(ACTS)
