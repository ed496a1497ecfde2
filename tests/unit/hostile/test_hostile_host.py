# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts that answer with JSON of their own choosing, against the playbooks that a person runs.

Each host of a run is hostile in a way of its own. Whatever they say, nothing on the controller changes but what the
operator named, nothing of it is executed, and no terminal acts on it.
"""

from __future__ import annotations

import base64
import io
import json
import re
import tarfile
import typing as t
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.modules import platform_facts
from ansible_collections.vmcore.kdump.tests.unit.host_trees import unpack
from ansible_collections.vmcore.kdump.tests.unit.hostile.controller import (
    ESCAPES,
    Controller,
    Json,
    decisions,
    everywhere,
    held,
)


@pytest.fixture(scope="module", name="good")
def good_facts(tmp_path_factory: pytest.TempPathFactory) -> Json:
    root = unpack("q35-vtd", tmp_path_factory.mktemp("host"))
    sent: dict[str, t.Any] = json.loads(
        json.dumps(platform_facts.gather(root, platform_facts.SUBSETS))
    )
    return sent


@pytest.fixture(name="controller")
def a_controller(tmp_path: Path) -> Controller:
    return Controller(tmp_path)


# What a host answers instead of facts, and what is said of it. None: the reply is taken for what it says.
def replies_instead_of_facts(controller: Controller, good: Json) -> dict[str, tuple[t.Any, str]]:
    function = good["pcie"]["functions"][0]

    def facts(**changed: t.Any) -> Json:
        return {"ansible_facts": {**good, **changed}}

    def pcie(**changed: t.Any) -> Json:
        return facts(pcie={**good["pcie"], **changed})

    no_facts = "are no facts"
    return {
        "nothing": ("", "MODULE FAILURE|No start of json|failed"),
        "no-json": ("[[[[", "failed"),
        "deep": ("[" * 100000, "failed"),
        "a-list": ([1], "failed"),
        "no-facts": ({"changed": False}, no_facts),
        # ansible-core looks at these first.
        "null-facts": ({"ansible_facts": None}, "failed"),
        "list-facts": ({"ansible_facts": [1]}, "failed"),
        "text-facts": ({"ansible_facts": "x"}, "failed"),
        "null-pcie": (facts(pcie=None), no_facts),
        "ports-empty": (pcie(ports=[{}]), no_facts),
        "ports-text": (pcie(ports="x"), no_facts),
        "function-null": (pcie(functions=[None]), no_facts),
        "address-list": (pcie(functions=[{**function, "address": ["x"]}]), no_facts),
        "huge-number": (facts(kdump={**good["kdump"], "crash_size": 10**4000}), no_facts),
        "nan": (
            json.dumps(facts(platform={**good["platform"], "memory_bytes": 7})).replace(
                '"memory_bytes": 7', '"memory_bytes": NaN'
            ),
            no_facts,
        ),
        "escapes": (everywhere({"ansible_facts": good}, ESCAPES), ""),
        "escapes-failed": ({"failed": True, "msg": ESCAPES, "exception": ESCAPES}, "failed"),
        "escapes-printed": (f"{ESCAPES}{{]", "failed"),
        "escapes-warned": (
            {**facts(), "warnings": [ESCAPES], "deprecations": [{"msg": ESCAPES, "version": "9"}]},
            "",
        ),
        "escapes-keys": ({"failed": True, "msg": "x", ESCAPES: {ESCAPES: ESCAPES}}, "failed"),
        "jinja": (
            everywhere(
                {"ansible_facts": good},
                "{{ lookup('pipe', 'touch " + str(controller.home / "executed") + "') }}",
            ),
            "",
        ),
        "decides": ({"ansible_facts": {**good, **decisions(controller)}}, ""),
    }


def test_assess(controller: Controller, good: Json) -> None:
    table = replies_instead_of_facts(controller, good)
    ran = controller.play(
        "vmcore.kdump.assess",
        {
            **{name: {"platform_facts": reply} for name, (reply, _said) in table.items()},
            "honest": {"platform_facts": {"ansible_facts": good}},
        },
        variables={"assess_directory": "facts", "assess_brief": False},
        may_write=("facts",),
    )
    held(controller, ran)
    assert ran.status == 2
    for name, (_reply, said) in table.items():
        assert f"fatal: [{name}]" in ran.output or not said, name
        if said == "are no facts":
            assert said in ran.said_of(name), name
    assert re.search(r"^\[honest\] Of 6 functions that can do DMA", ran.output, re.MULTILINE)
    written = {path.name for path in (controller.project / "facts").iterdir()}
    assert "honest-facts.json" in written
    assert {"null-pcie-facts.json", "nan-facts.json"} & written == set()


def test_capture(controller: Controller) -> None:
    """What a host sends is saved where the operator said, if it is an archive, and nowhere else."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("sys/bus"))
    archive = base64.b64encode(buffer.getvalue()).decode()
    keys = str(controller.home / ".ssh/authorized_keys")

    def link(target: str) -> str:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            info = tarfile.TarInfo("proc/cmdline")
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
        return base64.b64encode(packed.getvalue()).decode()

    refused = "is not saved as"
    table: dict[str, tuple[t.Any, str]] = {
        "dest": ({"changed": True, "dest": keys, "archive": archive}, ""),
        "dest-text": ({"changed": True, "dest": keys, "archive": "c3NoLXJzYQ=="}, refused),
        "dest-list": ({"changed": True, "dest": [keys], "archive": archive}, ""),
        "no-archive": ({"changed": True, "dest": keys}, refused),
        "archive-list": ({"archive": [archive]}, refused),
        "link-out": ({"archive": link("/etc/shadow")}, refused),
        "link-up": ({"archive": link("../../x")}, refused),
        "escapes": (
            {"archive": archive, "size": ESCAPES, "functions": [ESCAPES], "x": ESCAPES},
            "",
        ),
        "decides": ({"archive": archive, "ansible_facts": decisions(controller)}, ""),
        "failed": ({"failed": True, "archive": archive, "dest": keys, "msg": ESCAPES}, "failed"),
    }
    ran = controller.play(
        "vmcore.kdump.capture",
        {name: {"capture_tree": reply} for name, (reply, _said) in table.items()},
        may_write=("captures",),
    )
    held(controller, ran)
    saved = {path.name for path in (controller.project / "captures").iterdir()}
    for name, (_reply, said) in table.items():
        assert (f"{name}.tar.gz" in saved) == (not said), name
        assert said in ran.output, name
        assert (f"fatal: [{name}]" in ran.output) == bool(said), name


def test_facts_of_a_host_decide_nothing(controller: Controller, good: Json) -> None:
    """Ansible makes a variable of every fact. The role crash_test runs console_command on the controller."""
    (controller.home / "evil.yml").write_text(
        "- ansible.builtin.command: touch executed\n  delegate_to: localhost\n"
    )
    evil = decisions(controller)
    (controller.root / "play.yml").write_text(PLAY_WITH_OTHER_MODULES)
    ran = controller.play(
        str(controller.root / "play.yml"),
        {
            # Replies of modules that are not ours.
            "setup": {"setup": {"ansible_facts": evil}, **honest(good)},
            "command": {"command": {"ansible_facts": evil, "rc": 0, "stdout": ""}, **honest(good)},
            "one": {"setup": {"ansible_facts": {"kdump_ssh_authorize_on": "x"}}, **honest(good)},
            "honest": {"setup": {"ansible_facts": {"kernel": "6.12"}}, **honest(good)},
        },
    )
    held(controller, ran)
    assert "ok: [honest]" in ran.output
    for host in ("setup", "command", "one"):
        assert "which no host decides" in ran.said_of(host), host


PLAY_WITH_OTHER_MODULES = """\
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.setup:
    - ansible.builtin.command: "true"
      changed_when: false
    - vmcore.kdump.assess:
"""


def honest(good: Json) -> Json:
    return {"platform_facts": {"ansible_facts": good}}


def test_facts_do_not_decide_about_a_crash(controller: Controller) -> None:
    evil = decisions(controller)
    (controller.root / "play.yml").write_text(
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - ansible.builtin.setup:\n"
        "- ansible.builtin.import_playbook: vmcore.kdump.crash_test\n"
    )
    ran = controller.play(
        str(controller.root / "play.yml"),
        {"decides": {"setup": {"ansible_facts": evil}, "crash_test": {"failed": True, "msg": "x"}}},
        may_write=("results",),
    )
    held(controller, ran)
    assert "which no host decides" in ran.output
    assert [line for line in ran.asked if "crash_test" in line] == []


def test_configure(controller: Controller, good: Json) -> None:
    """The roles go on with what modules answered: a wrong shape is one failed host, and no key goes anywhere."""
    table = replies_instead_of_facts(controller, good)
    ran = controller.play(
        "vmcore.kdump.configure",
        {name: {"platform_facts": reply} for name, (reply, _said) in table.items()},
        variables={"kdump_ssh_authorize_on": "honest"},
    )
    held(controller, ran)
    for name, (_reply, said) in table.items():
        if said == "are no facts":
            assert said in ran.said_of(name), name
