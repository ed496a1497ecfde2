# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import pytest

from lab.errors import LabError
from lab.plays import Plays, records, why_of


@pytest.fixture(name="plays")
def _plays(tmp_path: Path) -> Plays:
    """The controller in the machine's place, with a real ansible."""
    hosts = {"guest": {"ansible_connection": "local"}}
    host: Any = types.SimpleNamespace(
        name="guest", directory=tmp_path, inventory=lambda: {"all": {"hosts": hosts}}
    )
    return Plays(host)


def test_what_a_module_returns_is_there(plays: Plays) -> None:
    assert "pcie" in plays.module("platform_facts", gather_subset=["pcie"])["ansible_facts"]


def test_a_module_that_fails_is_an_error_with_its_sentence(plays: Plays) -> None:
    with pytest.raises(
        LabError, match=r"platform_facts on guest: The root /nowhere does not exist"
    ):
        plays.module("platform_facts", root="/nowhere")


ADVICE = """makedumpfile cannot read the running kernel (VA Bits 52 not supported), every dump would be empty: install
a newer makedumpfile, or add the line 'makedumpfile() { cat /proc/vmcore; }' to /etc/default/kdump-tools, which
kdump-config sources, and run 'systemctl restart kdump-tools.service': the dump is then all of the memory.""".replace(
    "\n", " "
)


@pytest.mark.parametrize(
    ("message", "command"),
    [(ADVICE, "makedumpfile()"), ("It fails, and nobody knows what to do.", None)],
)
def test_what_the_facts_tell_to_do_without_makedumpfile_is_done(
    plays: Plays, monkeypatch: pytest.MonkeyPatch, message: str, command: str | None
) -> None:
    ran: list[str] = []
    problems = [{"code": "makedumpfile_fails", "message": message}]
    facts = {"ansible_facts": {"kdump": {"problems": problems}}}
    monkeypatch.setattr(plays, "module", lambda *_name, **_arguments: facts)
    monkeypatch.setattr(
        plays, "host", types.SimpleNamespace(ssh=lambda line, **_: ran.append(line))
    )
    if command is None:
        with pytest.raises(LabError, match="What to do is not told"):
            plays.without_makedumpfile()
        return
    assert plays.without_makedumpfile() == [message]
    (line,) = ran
    assert command in line
    assert line.endswith(">>/etc/default/kdump-tools; systemctl restart kdump-tools.service")
    problems.clear()
    assert plays.without_makedumpfile() == []


def test_a_record_says_why_and_what_the_cause_is() -> None:
    assert why_of({"why": "No dump.", "cause": None}) == "No dump."
    assert why_of({"why": "No dump.", "cause": {"sentence": "No disk."}}) == "No dump. No disk."


def test_facts_that_assess_keeps_are_no_record(tmp_path: Path) -> None:
    for name in ("one-facts.json", "one-refusal.json", "one-aa.json", "two-bb.json", "one-aa.dump"):
        (tmp_path / name).write_text("{}")
    assert [path.name for path in records(tmp_path)] == ["one-aa.json", "two-bb.json"]
    assert [path.name for path in records(tmp_path, "one")] == ["one-aa.json"]
