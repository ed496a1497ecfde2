# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
import types
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.vmcore.kdump.plugins.module_utils._helper.plan_file import parse_plan_text
from lab import image, machine, plays
from lab.errors import LabError
from lab.experiments import lanes
from lab.experiments.faults import FAULTS
from lab.experiments.lanes import LANES
from lab.experiments.ports import plan_of

IMAGES = Path(image.__file__).parent / "images"
PROFILES = Path(machine.__file__).parent / "profiles"
CHANGED = {"files": {"pcie-reset": "#!/bin/sh\n"}, "stage": "quiesce"}


@pytest.mark.parametrize("name", LANES)
def test_every_lane_has_its_image_and_its_profile(name: str) -> None:
    lane = LANES[name]
    recipe = yaml.safe_load((IMAGES / f"{lane.image}.yml").read_text())
    assert recipe.get("tree") == lane.needs
    assert (PROFILES / f"{lane.profile}.yml").exists()


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_has_its_profile_and_breaks_one_thing(name: str) -> None:
    fault = FAULTS[name]
    devices = machine._profile(fault.profile)["devices"]
    ids = {device.get("id") for device in devices}
    assert fault.vanishes is None or {fault.vanishes, f"port-{fault.vanishes}"} <= ids
    assert sum(map(bool, (fault.helper, fault.before, fault.vanishes))) == 1


def test_the_plan_for_the_ports_is_one() -> None:
    plan = parse_plan_text(plan_of({"0000:00:08.0": "0000:03:00.0"}))
    assert [port["address"] for port in plan["ports"]] == ["0000:00:08.0"]


class Guest:
    """A machine and its playbooks, as far as the checks of a lane ask them."""

    name = "guest"

    def __init__(self, files: str, later: str, answer: dict[str, Any] | LabError) -> None:
        self.listings = [files, later]
        self.answer = answer
        self.broken = False
        self.traces: list[str] = []

    def ssh(self, command: str, **_options: Any) -> str:
        if "lab-fails.conf" in command:
            self.broken = not command.startswith("rm ")
            return ""
        return self.listings.pop(0)

    def run(self, _playbook: str) -> None:
        pass

    def module(self, name: str, **arguments: Any) -> dict[str, Any]:
        if name == "initramfs_info":
            return {"image": {"path": "/image"}, "helper": {"traces": self.traces}}
        assert self.broken
        assert arguments == CHANGED
        if isinstance(self.answer, LabError):
            raise self.answer
        return self.answer


TAKEN_BACK = LabError(
    "pcie_reset_helper on guest: 'mkinitramfs' failed with status 1. The previous files and image are back and the"
    " capture kernel is loaded as before."
)


def test_another_helper_is_for_the_stage_of_its_lane() -> None:
    stages = {name: lanes._changed_helper(lane)["stage"] for name, lane in LANES.items()}
    assert {name for name, stage in stages.items() if stage == "quiesce"} == {
        name for name in LANES if "quiesce" in name
    }
    assert stages["debian13"] == "initramfs"


def fail_to_rebuild(guest: Any) -> None:
    try:
        lanes._fail_to_rebuild(guest, guest, CHANGED)
    finally:
        assert not guest.broken


def test_a_rebuild_that_fails_and_leaves_everything_as_it_was_passes() -> None:
    fail_to_rebuild(Guest("a\n1", "a\n1", TAKEN_BACK))


@pytest.mark.parametrize(
    ("later", "answer", "complaint"),
    [
        ("a\n1", {"changed": True}, "did not fail, although no image can be built"),
        (
            "a\n1",
            LabError("It failed. The previous state could not be put back."),
            "not taken back",
        ),
        ("b\n1", TAKEN_BACK, "changed the host: a; b"),
        ("a\n0", TAKEN_BACK, "changed the host: 0; 1"),
    ],
    ids=["no failure", "not taken back", "a file", "not armed"],
)
def test_a_rebuild_that_fails_and_leaves_anything_else_does_not_pass(
    later: str, answer: dict[str, Any] | LabError, complaint: str
) -> None:
    with pytest.raises(LabError, match=complaint):
        fail_to_rebuild(Guest("a\n1", later, answer))


def test_a_host_that_was_not_armed_shows_nothing() -> None:
    with pytest.raises(LabError, match="no capture kernel is loaded"):
        fail_to_rebuild(Guest("a\n0", "a\n0", TAKEN_BACK))


class Powerless(Guest):
    """Its installation goes on until the power is cut, unless it ended before."""

    def __init__(self, **outcome: Any) -> None:
        super().__init__("", "", {})
        self.outcome = {"armed": "1", "left": "/image", "installed": [True, False], **outcome}
        self.off = threading.Event()

    def ssh(self, command: str, **_options: Any) -> str:
        if command.startswith("cat "):
            return f"{self.outcome['armed']}\n" if self.off.is_set() else "1\n"
        if command.startswith("ls "):
            return f"{self.outcome['left']}\n" if self.off.is_set() else "/image.before\n"
        return ""

    def cut_power(self) -> None:
        self.off.set()

    def module(self, name: str, **arguments: Any) -> dict[str, Any]:
        if name == "initramfs_info":
            return super().module(name, **arguments)
        assert arguments == CHANGED
        if "ended" not in self.outcome:
            assert self.off.wait(5)
            raise LabError("unreachable")
        return {"changed": True}

    def install(self) -> dict[str, Any]:
        return {"changed": self.outcome["installed"].pop(0)}


@pytest.mark.parametrize(
    ("outcome", "complaint"),
    [
        ({}, None),
        ({"ended": True}, "ended before the power was cut"),
        ({"armed": "0"}, "not armed"),
        ({"installed": [False]}, "left the changed helper in place"),
        ({"installed": [True, True]}, "was not complete"),
        ({"left": "/image /image.before"}, "left /image, /image.before"),
    ],
)
def test_a_power_cut_in_a_rebuild_must_leave_an_armed_host_that_can_be_mended(
    outcome: dict[str, Any], complaint: str | None
) -> None:
    guest: Any = Powerless(**outcome)
    expected = pytest.raises(LabError, match=complaint) if complaint else contextlib.nullcontext()
    with expected:
        lanes._cut_power_in_a_rebuild(guest, guest, CHANGED)


def remove(guest: Any, before: str) -> None:
    lanes._remove(guest, guest, before)


def test_a_removal_that_gives_everything_back_passes() -> None:
    remove(Guest("a\nb", "", {}), "a\nb")


def test_a_removal_that_leaves_a_file_does_not_pass() -> None:
    with pytest.raises(LabError, match=r"did not give back the files: c$"):
        remove(Guest("a\nb\nc", "", {}), "a\nb")


def test_a_removal_that_leaves_a_trace_in_the_image_does_not_pass() -> None:
    guest = Guest("a\nb", "", {})
    guest.traces = ["etc/pcie-reset"]
    with pytest.raises(LabError, match="the helper has etc/pcie-reset"):
        remove(guest, "a\nb")


def test_an_older_record_is_none_of_the_last_crash_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash test that was refused leaves no record, and the machine may have been crashed before."""
    host: Any = types.SimpleNamespace(
        name="guest", directory=tmp_path, console="", inventory=lambda: {"all": {"hosts": {}}}
    )
    monkeypatch.setattr(plays, "RESULTS", tmp_path)
    record = tmp_path / "guest-1.json"
    record.write_text('{"verdict": "passed"}')
    played = plays.Plays(host)
    monkeypatch.setattr(played, "_run", lambda *_arguments: types.SimpleNamespace(returncode=1))
    os.utime(record, (1, 1))
    assert played.record()[0] == record
    played.play("crash_test")
    with pytest.raises(LabError, match="left no record"):
        played.record()
    now = time.time() + 1  # a file's time is that of the last tick
    os.utime(record, (now, now))
    assert played.record()[1] == {"verdict": "passed"}


def test_what_is_damaged_of_a_quiesce_stage_is_the_kernel_alone(tmp_path: Path) -> None:
    """kexec, which is in the same image, has the kernel's magic number, too."""
    image = tmp_path / "quiesce.img"
    kernel = b"\x00\x55\xaa\xebjHdrS\x0f\x02"
    image.write_bytes(kernel + b"\nkexec: \x81\x3fHdrS\n")
    command = FAULTS["quiesce-kernel"].before
    assert command is not None
    damage = command.replace("/var/lib/pcie-reset", str(tmp_path)).partition(" kexec -p -u;")[0]
    subprocess.run(["/bin/sh", "-c", damage], check=True)
    assert image.read_bytes() == kernel.replace(b"HdrS", b"XXXX") + b"\nkexec: \x81\x3fHdrS\n"
    assert subprocess.run(["/bin/sh", "-c", damage], check=False).returncode == 1
