# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the pages say that a playbook prints is what it prints, by Ansible's own defaults: there is no ansible.cfg."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.tests.package.conftest import CHECKOUT
from ansible_collections.vmcore.kdump.tests.unit.host_trees import unpack

if t.TYPE_CHECKING:
    from ansible_collections.vmcore.kdump.tests.package.conftest import Environment

PAGE = CHECKOUT / "docs/tasks/example-assess.md"
# A block of a page that somebody can compare: "<!-- printed: NAME -->", a blank line, lines that are indented.
_PRINTED = re.compile(r"^<!-- printed: (\S+) -->\n\n((?:(?: {4}.*)?\n)+)", re.MULTILINE)
_LEFT_OUT = "[...]"

pytestmark = [
    pytest.mark.usefixtures("environment"),
    pytest.mark.parametrize("environment", ["newest"], indirect=True),
]


def printed(name: str) -> list[str]:
    """The lines that the page shows."""
    blocks = dict(_PRINTED.findall(PAGE.read_text("utf-8")))
    return [line[4:] for line in blocks[name].rstrip("\n").splitlines()]


def same(shown: list[str], said: list[str]) -> bool:
    """Say whether lines are those of a page, which may leave some out."""
    if not shown or not said:
        return not said and set(shown) <= {_LEFT_OUT}
    if shown[0] == _LEFT_OUT:
        return any(same(shown[1:], said[start:]) for start in range(len(said) + 1))
    return shown[0].rstrip() == said[0].rstrip() and same(shown[1:], said[1:])


def inventory(home: Path, trees: dict[str, Path], count: int) -> Path:
    """Hosts whose captured trees are read on this machine: every tenth one lost its capture kernel."""
    lines = []
    for number in range(1, count + 1):
        tree = trees["unarmed" if number % 10 == 0 else "armed"]
        lines.append(f"    db{number:02}.example.com: {{assess_root: {tree}}}\n")
    path = home / "inventory.yml"
    path.write_text(
        "all:\n  vars: {ansible_connection: local, ansible_python_interpreter: /usr/bin/python3}\n  hosts:\n"
        + "".join(lines)
    )
    return path


@pytest.fixture(name="trees", scope="module")
def trees_fixture(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    trees = {
        name: unpack("q35-vtd", tmp_path_factory.mktemp(name)) for name in ("armed", "unarmed")
    }
    (trees["unarmed"] / "sys/kernel/kexec_crash_loaded").write_text("0\n")
    return trees


@pytest.mark.parametrize(("name", "count"), [("one-host", 1), ("fifty-hosts", 50)])
def test_assess_prints_what_the_page_shows(
    environment: Environment, trees: dict[str, Path], name: str, count: int
) -> None:
    hosts = inventory(environment.home, trees, count)
    done = environment.run(
        "ansible-playbook", "-i", hosts, "vmcore.kdump.assess", "--forks", "1"
    )  # fmt: skip
    assert not list(environment.home.glob("ansible.cfg"))
    said = done.stdout.strip().splitlines()
    assert same(printed(name), said), "\n".join(said)


def test_other_lines_are_not_those_of_the_page() -> None:
    assert same(["a", _LEFT_OUT, "d"], ["a", "b", "c", "d"])
    assert not same(["a", _LEFT_OUT, "d"], ["a", "b", "c"])
    assert not same(["a", "b"], ["a"])
    assert not same(["a"], ["a", "b"])
