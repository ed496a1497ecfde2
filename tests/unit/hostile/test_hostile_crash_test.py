# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts whose answers about a crash test are of their own choosing, against the playbooks crash_test and verify.

A host may say of its own test what it likes. It decides no path, no other host's result and nothing that is run on the
controller, and what it says is stored and shown as its own words.
"""

from __future__ import annotations

import hashlib
import json
import sys
import typing as t
import uuid
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.record import finished_record
from ansible_collections.vmcore.kdump.tests.unit.hostile.controller import (
    ESCAPES,
    Controller,
    Json,
    Ran,
    decisions,
    everywhere,
    held,
)
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._crash_test.records import (
    CAPTURE,
    NORMAL,
    RESET,
    STATE,
    VMCORE,
)

# What the connection puts the run id of the test in for.
RUN_ID = "RUN-ID"
OTHER = "db02"
FOREIGN = "99999999-bea3-42f9-b221-e09a5853e55a"
# A playbook that crashes one host after the other ends at the first failure: each has its turn at the same time here.
TOGETHER = """\
- hosts: all
  gather_facts: false
  vars:
    crash_test_confirm: "{{ ansible_play_hosts_all }}"
    crash_test_fetch_dump: true
  roles:
    - vmcore.kdump.crash_test
"""
NOT_BELIEVED = "is not believed"


@pytest.fixture(name="controller")
def a_controller(tmp_path: Path) -> Controller:
    controller = Controller(tmp_path)
    (controller.home / "evil.yml").write_text(
        "- ansible.builtin.command: touch executed\n  delegate_to: localhost\n"
    )
    return controller


class Honest(t.NamedTuple):
    """An honest test of a host, as its module tells of it."""

    state: Json
    record: Json
    probe: str  # of the kernel that runs after the crash

    def replies(self, record: t.Any, **answers: t.Any) -> Json:
        """An honest host but for its record, and for the answers that are given."""
        prepared = {
            "changed": True,
            "checks": [],
            "ready": True,
            "boot_id": self.state["boot_id"],
            "expected_bytes": 1,
            "state": {**self.state, "status": "prepared"},
        }
        return {
            "_crash_test_step:prepare": prepared,
            "_crash_test_step:trigger": {"changed": True, "state": self.state},
            "_crash_test_step:state": {"state": self.state},
            "_crash_test_step:collect": {"changed": True, "record": record},
            "_crash_test_step:cancel": {"changed": True, "record": record},
            "probe": self.probe,
            "describe": f"vmcore-kdump<3 {hashlib.sha256(b'abc').hexdigest()}>",
            "piece": "vmcore-kdump<YWJj>",
            **{
                name if name in ("probe", "describe", "piece") else f"_crash_test_step:{name}": each
                for name, each in answers.items()
            },
        }


def honest(host: str, run_id: str) -> Honest:
    """Each host has boots of its own: two names of one machine are no two hosts."""
    before, after = str(uuid.uuid4()), str(uuid.uuid4())
    state = {**STATE, "host": host, "run_id": run_id, "boot_id": before}
    record = finished_record(
        state,
        vmcore=VMCORE,
        reset=RESET,
        capture=CAPTURE,
        evidence=[],
        normal={**NORMAL, "boot_id": after},
        now=1100.0,
    )
    return Honest(state, record, f"{after}\nnormal\nrunning\n")


# What a host says of its crash -> what is said of that. None: the host passes, by its own words.
def records(controller: Controller, run_id: str) -> dict[str, tuple[Json, str | None]]:
    """Replies of hosts, by their names, in which only the record is not as it should be."""
    profile = str(controller.home / ".profile")
    touch = "{{ lookup('pipe', 'touch " + str(controller.home / "executed") + "') }}"
    huge = ["x" * 4096] * 2048
    odd: dict[str, tuple[t.Callable[[Json], t.Any], str | None]] = {
        "other-host": (lambda good: {**good, "host": OTHER}, NOT_BELIEVED),
        "other-test": (lambda good: {**good, "run_id": FOREIGN}, NOT_BELIEVED),
        "host-is-path": (lambda good: {**good, "host": "../../home/.ssh/x"}, NOT_BELIEVED),
        "run-id-too-long": (lambda good: {**good, "run_id": "a" * 300}, NOT_BELIEVED),
        "run-id-is-path": (lambda good: {**good, "run_id": f"/../../{profile}"}, NOT_BELIEVED),
        "nothing": (lambda _good: {}, NOT_BELIEVED),
        "stages-null": (lambda good: {**good, "stages": [None]}, NOT_BELIEVED),
        "cause-text": (lambda good: {**good, "cause": "x"}, NOT_BELIEVED),
        "time-of-no-calendar": (lambda good: {**good, "finished_at": 1e300}, NOT_BELIEVED),
        "ports-empty": (lambda good: {**good, "reset": {**RESET, "ports": [{}]}}, NOT_BELIEVED),
        "dump-is-relative": (with_dump("../.ssh/authorized_keys"), NOT_BELIEVED),
        "dump-of-nobody": (with_dump("/etc/shadow"), None),
        "huge": (lambda good: {**good, "notes": huge}, None),
        "escapes": (lambda good: in_its_words(good, ESCAPES), None),
        "escapes-everywhere": (
            lambda good: {**everywhere(good, ESCAPES), "host": good["host"], "run_id": good["run_id"]},
            NOT_BELIEVED,
        ),
        "escapes-in-keys": (lambda good: {**good, ESCAPES: {ESCAPES: ESCAPES}}, None),
        "jinja": (lambda good: {**good, "why": touch, "hostname": touch}, None),
    }  # fmt: skip
    return {
        name: ((test := honest(name, run_id)).replies(change(test.record)), said)
        for name, (change, said) in odd.items()
    }


def with_dump(path: t.Any) -> t.Callable[[Json], Json]:
    return lambda good: {**good, "vmcore": {**VMCORE, "path": path}}


def in_its_words(good: Json, text: str) -> Json:
    """A record of this test, with a text in all words that are the host's own to choose."""
    free = ("why", "hostname", "kernel", "platform")
    return {**good, **{key: everywhere(good[key], text) for key in free}}


def answers(controller: Controller, run_id: str) -> dict[str, tuple[Json, str | None]]:
    """Replies of hosts in which something around the record is not as it should be."""

    def test(name: str) -> Honest:
        return honest(name, run_id)

    def replies(name: str, **given: t.Callable[[Honest], t.Any]) -> Json:
        of = test(name)
        return of.replies(of.record, **{step: give(of) for step, give in given.items()})

    keys = str(controller.home / ".ssh/authorized_keys")
    return {
        "more-than-a-record": (
            replies(
                "more-than-a-record",
                collect=lambda of: {
                    "record": of.record,
                    "record_path": f"{keys}.json",
                    "dest": keys,
                    "lost": True,
                    "ansible_facts": decisions(controller),
                    "_ansible_delegated_vars": {"ansible_host": "localhost"},
                    "invocation": {"module_args": {ESCAPES: ESCAPES}},
                    "msg": ESCAPES,
                    "warnings": [ESCAPES],
                },
            ),
            None,
        ),
        "logs-of-wrong-type": (
            replies(
                "logs-of-wrong-type",
                collect=lambda of: {"record": of.record, "logs": [{"text": 7}], "known": []},
            ),
            NOT_BELIEVED,
        ),
        "garbage-collected": (replies("garbage-collected", collect=lambda _of: f"{ESCAPES}[["), ""),
        "deep-collected": (replies("deep-collected", collect=lambda _of: "[" * 100000), ""),
        "dump-huge": (
            replies("dump-huge", describe=lambda _of: f"vmcore-kdump<{1 << 62} {'0' * 64}>"),
            "make room",
        ),
        "dump-escapes": (replies("dump-escapes", describe=lambda _of: f"{ESCAPES}"), "cannot be read"),
    }  # fmt: skip


def states(run_id: str) -> dict[str, tuple[Json, str]]:
    """Replies of hosts that are told from the first answer on to be no hosts to be crashed."""
    table: dict[str, tuple[t.Callable[[Honest], t.Any], str]] = {
        "state-null": (lambda _of: None, NOT_BELIEVED),
        "state-of-other": (lambda of: {**of.state, "host": OTHER}, f"is of {OTHER}"),
        "state-of-path": (lambda of: {**of.state, "host": "../../home/.ssh/x"}, "is of .."),
        "state-run-id-long": (lambda of: {**of.state, "run_id": "a" * 300}, NOT_BELIEVED),
        "state-foreign": (lambda of: {**of.state, "run_id": FOREIGN}, "answered with the test"),
        "state-delay": (lambda of: {**of.state, "trigger": {**of.state["trigger"], "delay": "x"}}, NOT_BELIEVED),
        "state-boot": (lambda of: {**of.state, "boot_id": ESCAPES}, NOT_BELIEVED),
    }  # fmt: skip
    found: dict[str, tuple[Json, str]] = {}
    for name, (change, said) in table.items():
        of = honest(name, run_id)
        prepared = of.replies(of.record)["_crash_test_step:prepare"]
        answer = {**prepared, "state": change(of)}
        found[name] = (of.replies(of.record, prepare=answer, state=answer), said)
    return found


def kept(controller: Controller, ran: Ran, name: str) -> list[str]:
    """The files that are of a host, by their suffixes, and never of a name that the host chose."""
    assert ran.changed == []
    files = (controller.project / "results").glob(f"{name}-*")
    return sorted(path.suffix for path in files if path.stem[:-37] == name)


def test_crash_test(controller: Controller) -> None:
    table = {**records(controller, RUN_ID), **answers(controller, RUN_ID)}
    refused = states(RUN_ID)
    (controller.root / "play.yml").write_text(TOGETHER)
    results = controller.project / "results"
    results.mkdir()
    of_other = results / f"{OTHER}-{FOREIGN}.json"
    of_other.write_text('{"host": "db02"}')
    ran = controller.play(
        str(controller.root / "play.yml"),
        {name: replies for name, (replies, _said) in {**table, **refused}.items()},
        "--forks", "12",
        may_write=("results",),
    )  # fmt: skip
    held(controller, ran)
    assert ran.status == 2
    assert of_other.read_text() == '{"host": "db02"}'
    assert {path.stem[:-37] for path in results.glob("*.json")} == {*table, OTHER}
    for name, (_replies, sentence) in refused.items():
        assert sentence in ran.said_of(name), name
        assert kept(controller, ran, name) == [], name
        assert f"{name} _crash_test_step:trigger" not in ran.asked, name
    for name, (_replies, said) in table.items():
        suffixes = kept(controller, ran, name)
        assert f"{name} _crash_test_step:trigger" in ran.asked, name
        assert ".json" in suffixes, name
        assert (".answer" in suffixes) == (said == NOT_BELIEVED and name != "logs-of-wrong-type"), (
            name
        )
        if said is None:
            assert f"Crash test of {name}: PASSED" in ran.output, name
        else:
            assert f"fatal: [{name}]" in ran.output, name
            assert said in ran.said_of(name), name
        (path,) = (each for each in results.glob(f"{name}-*.json") if each.stem[:-37] == name)
        record = json.loads(path.read_text())
        assert record["host"] == name
        assert path.name == f"{name}-{record['run_id']}.json"
    assert f"Crash test of {OTHER}" not in ran.output


def test_verify(controller: Controller) -> None:
    """A host is asked for the test that it has: which one it is, and what came of it, are its own words."""
    run_id = str(uuid.uuid4())
    collected = {
        name: (replies, said)
        for name, (replies, said) in records(controller, run_id).items()
        if name in ("other-host", "run-id-is-path", "huge", "escapes")
    }
    finished: dict[str, tuple[t.Callable[[Honest], t.Any], str | None]] = {
        "finished-other-host": (
            lambda of: {**of.state, "record": {**of.record, "host": OTHER}},
            NOT_BELIEVED,
        ),
        "finished-empty": (
            lambda of: {**of.state, "record": {}},
            "has no crash test that could be finished",
        ),
        "finished-null": (lambda of: {**of.state, "record": {"verdict": None}}, NOT_BELIEVED),
        "finished-escapes": (
            lambda of: {
                **of.state,
                "record": in_its_words(of.record, ESCAPES),
            },
            None,
        ),
    }
    for name, (change, outcome) in finished.items():
        of = honest(name, run_id)
        answer = {"state": {**change(of), "status": "finished"}}
        collected[name] = (of.replies(of.record, state=answer), outcome)
    refused = {
        name: each
        for name, each in states(run_id).items()
        if name in ("state-of-path", "state-run-id-long", "state-boot")
    }
    ran = controller.play(
        "vmcore.kdump.verify",
        {name: replies for name, (replies, _said) in {**collected, **refused}.items()},
        "--forks", "12",
        may_write=("results",),
    )  # fmt: skip
    held(controller, ran)
    assert ran.status == 2
    assert [line for line in ran.asked if line.endswith((":prepare", ":trigger"))] == []
    for name, (_replies, sentence) in refused.items():
        assert sentence in ran.said_of(name), name
        assert kept(controller, ran, name) == [], name
    for name, (_replies, said) in collected.items():
        if said is None:
            assert f"Crash test of {name}: PASSED" in ran.output, name
        else:
            assert said in ran.said_of(name), name
        assert (".answer" in kept(controller, ran, name)) == (said == NOT_BELIEVED), name
    assert f"Crash test of {OTHER}" not in ran.output


def test_explain(controller: Controller) -> None:
    """A console log is a text of a host: it may have been written to be read by somebody's terminal."""
    log = controller.project / "console.log"
    log.write_text(
        "[    0.000000] Linux version 6.12.107+deb13-amd64\n"
        f"[  100.000000] Kernel panic - not syncing: {ESCAPES}\n"
        f"[    0.000000] {ESCAPES} elfcorehdr=0x1000 {{{{ lookup('pipe', 'touch {controller.home}/executed') }}}}\n"
        f"[    4.000000] Out of memory: Killed process 1 ({ESCAPES})\n",
        errors="surrogatepass",
    )
    ran = controller.play(
        "vmcore.kdump.explain",
        {"localhost": {}},
        "-e", f"log={log}",
        variables={"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
    )  # fmt: skip
    held(controller, ran)
    assert ran.status == 0
    assert "Came as far as" in ran.output
