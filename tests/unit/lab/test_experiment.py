# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import argparse
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab import experiment, machine
from lab.errors import LabError
from lab.experiment import Case, Experiment, Guest, Outcome, Trial
from lab.experiments import EXPERIMENTS

FIRST, SECOND = Guest("first"), Guest("second", "none")


class Lab:
    """Machines that are only noted: which were started, and how they ended."""

    def __init__(self) -> None:
        self.started: list[tuple[str, str, str]] = []
        self.ended: dict[str, bool] = {}  # whether console and disk were kept

    def up(self, name: str, profile: str, image: str, **_changes: Any) -> Any:
        if profile == "broken":
            raise LabError("It does not boot.")
        self.started.append((name, profile, image))
        return SimpleNamespace(name=name, down=lambda keep: self.ended.setdefault(name, keep))


@pytest.fixture(name="lab")
def _lab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Lab:
    lab = Lab()
    plays = SimpleNamespace(run=lambda _playbook: None)
    monkeypatch.setattr(machine, "up", lab.up)
    monkeypatch.setattr(experiment, "Plays", lambda *_hosts, **_variables: plays)
    monkeypatch.setattr(experiment, "RESULTS", tmp_path)
    return lab


def case(outcome: Outcome | LabError, *guests: Guest, **more: Any) -> Case:
    def run(_trial: Trial) -> Outcome:
        if isinstance(outcome, LabError):
            raise outcome
        return outcome

    return Case(run, guests or (FIRST,), **more)


def tried(cases: dict[str, Case], *arguments: str, **more: Any) -> int:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()
    experiment.add_command(commands, Experiment("tries", "", ("what", "s:"), cases, **more))
    chosen = parser.parse_args(["tries", *arguments])
    run: Callable[[argparse.Namespace], int] = chosen.run
    return run(chosen)


GOOD = Outcome([("nothing", 1)], ["It is whole."])
BAD = Outcome([("a fault", 2)], wrong=["There is no dump."])


@pytest.mark.usefixtures("lab")
def test_the_table_has_a_row_a_case_and_the_last_line_is_for_scripts(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert tried({"one": case(GOOD), "two": case(BAD)}) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-8:] == [
        "| case | what | s | as it has to be |",
        "| --- | --- | ---: | --- |",
        "| one | nothing | 1 | yes |",
        "| two | a fault | 2 | NO |",
        "",
        "one: It is whole.",
        "two: WRONG: There is no dump.",
        "tries: 1 passed, 1 failed",
    ]
    assert (tmp_path / "tries.md").read_text().splitlines() == lines[-8:-1]
    assert tried({"one": case(GOOD)}) == 0


def test_neighbours_share_their_guest_and_others_do_not(lab: Lab) -> None:
    cases = {
        "a": case(GOOD),
        "b": case(GOOD),
        "c": case(BAD, SECOND),
        "d": case(GOOD, variables={"x": 1}),
    }
    tried(cases)
    assert [name for name, *_rest in lab.started] == ["first", "second", "first"]
    assert lab.ended == {"first": False, "second": True}


def test_all_machines_end_and_stay_for_a_look_after_a_failure(lab: Lab) -> None:
    assert tried({"a": case(LabError("QEMU ended."), FIRST, SECOND)}) == 1
    assert lab.ended == {"first": True, "second": True}


def test_a_machine_that_does_not_boot_ends_the_one_beside_it(lab: Lab) -> None:
    assert tried({"a": case(GOOD, FIRST, Guest("second", "broken"))}) == 1
    assert lab.ended == {"first": True}


@pytest.mark.usefixtures("lab")
def test_after_an_error_the_rest_of_the_guest_is_not_tried_and_others_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cases = {"a": case(LabError("QEMU ended.")), "b": case(GOOD), "c": case(GOOD, SECOND)}
    assert tried(cases) == 1
    output = capsys.readouterr().out
    assert "a: WRONG: QEMU ended.\nb: WRONG: It was not tried after the failure of a.\n" in output
    assert output.endswith("tries: 1 passed, 2 failed\n")


def test_other_guests_have_other_names_and_results(lab: Lab, tmp_path: Path) -> None:
    tried({"a": case(GOOD)}, "--profile", "none", "--image", "debian12", "--smp", "1", "--keep")
    assert lab.started == [("first-none-debian12-smp1", "none", "debian12")]
    assert (tmp_path / "tries-none-debian12-smp1.md").exists()
    assert not lab.ended


@pytest.mark.usefixtures("lab")
def test_a_case_comes_with_the_one_that_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    cases = {"a": case(GOOD), "b": case(GOOD), "c": case(GOOD, after="b")}
    assert tried(cases, "c") == 0
    assert capsys.readouterr().out.endswith("tries: 2 passed, 0 failed\n")


@pytest.mark.usefixtures("lab")
def test_a_case_that_lacks_something_is_left_out_unless_it_is_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LAB_THING", raising=False)
    cases = {"a": case(GOOD), "b": case(BAD, needs="LAB_THING")}
    assert tried(cases) == 0
    assert "b is left out: LAB_THING is not set." in capsys.readouterr().out
    assert tried(cases, "b") == 1


@pytest.mark.usefixtures("lab")
def test_what_is_wrong_as_a_whole_fails_though_each_case_passed() -> None:
    whole = Outcome(wrong=["They differ."])
    assert tried({"a": case(GOOD)}, conclude=lambda _outcomes: whole) == 1


@pytest.mark.usefixtures("lab")
def test_two_machines_cannot_be_one_that_runs() -> None:
    assert tried({"a": case(GOOD, FIRST, SECOND)}, "--use", "other") == 1


@pytest.mark.parametrize("each", EXPERIMENTS, ids=lambda each: each.name)
def test_every_experiment_has_guests_that_are_there(each: Experiment) -> None:
    lab = Path(machine.__file__).parent
    for name, one in each.cases.items():
        assert one.after is None or list(each.cases).index(one.after) < list(each.cases).index(name)
        for guest in one.guests:
            assert (lab / "profiles" / f"{guest.profile}.yml").exists()
            assert (lab / "images" / f"{guest.image}.yml").exists()


@pytest.mark.usefixtures("lab")
def test_an_unknown_case_is_answered_with_the_known_ones() -> None:
    with pytest.raises(LabError, match="no case of tries nothing; choose of: a"):
        tried({"a": case(GOOD)}, "nothing")
