# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The families whose images dracut makes: the same promises as on Debian, with their own commands."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.apply import converge, examine
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.install import (
    State,
    wanted_absent,
    wanted_present,
)
from ansible_collections.vmcore.kdump.tests.unit.debian_host import OTHER_PLAN, PLAN
from ansible_collections.vmcore.kdump.tests.unit.dracut_host import (
    PLACES,
    DracutHost,
    shipped_files,
)


@pytest.fixture(name="machine", params=sorted(PLACES))
def dracut_host(tmp_path: Path, request: pytest.FixtureRequest) -> DracutHost:
    return DracutHost(tmp_path, PLACES[request.param])


def present(machine: DracutHost, **files: str) -> State:
    return wanted_present({**shipped_files(), **files}, PLAN, machine.place.family)


def apply(machine: DracutHost, wanted: State) -> list[str]:
    """Do what has to be done and return the commands. Afterwards nothing has to be done."""
    machine.commands.clear()
    proof = converge(machine.host, examine(machine.host, wanted))
    assert proof["proven"], proof["why_not"]
    commands = list(machine.commands)
    assert not examine(machine.host, wanted).changed
    assert machine.loaded == machine.image_path.read_bytes()
    return commands


def test_installs_builds_proves_and_loads_and_takes_all_of_it_back(machine: DracutHost) -> None:
    before = machine.snapshot()
    everything = [machine.place.build, *machine.place.load]
    assert apply(machine, present(machine)) == everything
    assert machine.snapshot() != before
    assert apply(machine, present(machine)) == []
    assert apply(machine, wanted_absent()) == everything
    assert machine.snapshot() == before


def test_new_plan_needs_a_new_image(machine: DracutHost) -> None:
    apply(machine, present(machine))
    other = wanted_present(shipped_files(), OTHER_PLAN, machine.place.family)
    assert apply(machine, other) == [machine.place.build, *machine.place.load]


@pytest.mark.parametrize("name", ["guard", "pcie-reset", "pcie-reset.service", "store-report"])
def test_new_file_of_the_collection_needs_a_new_image(machine: DracutHost, name: str) -> None:
    apply(machine, present(machine))
    changed = present(machine, **{name: shipped_files()[name] + "# new\n"})
    assert apply(machine, changed) == [machine.place.build, *machine.place.load]


def test_image_that_the_family_builds_again_keeps_the_helper(machine: DracutHost) -> None:
    """A new kernel, or a changed configuration: the module lies where dracut looks for it."""
    apply(machine, present(machine))
    machine.build_image()
    assert not examine(machine.host, present(machine)).rebuild


@pytest.mark.parametrize("installed", [False, True])
def test_build_that_fails_puts_everything_back(machine: DracutHost, installed: bool) -> None:
    if installed:
        apply(machine, present(machine))
    wanted = wanted_absent() if installed else present(machine)
    before = machine.snapshot()
    machine.failing = {machine.place.build: "dracut: No space left on device"}
    with pytest.raises(KdumpError) as error:
        converge(machine.host, examine(machine.host, wanted))
    assert str(error.value) == (
        f"'{machine.place.build}' failed with status 1."
        " Its last lines: dracut: No space left on device."
        " The previous files and image are back and the capture kernel is loaded as before."
    )
    assert machine.snapshot() == before


def test_image_that_does_not_load_is_replaced_by_the_one_that_did(machine: DracutHost) -> None:
    before = machine.snapshot()
    good = machine.image_path.read_bytes()

    def load_only_the_good_one(argv: list[str]) -> tuple[int, str]:
        if " ".join(argv) == machine.place.load[-1] and machine.image_path.read_bytes() != good:
            machine.unload()
            return 1, "kexec: failed to load kdump kernel"
        return machine.run(argv)

    host = machine.host._replace(run=load_only_the_good_one)
    with pytest.raises(KdumpError, match=r"failed to load kdump kernel.*loaded as before"):
        converge(host, examine(host, present(machine)))
    assert machine.snapshot() == before


def test_image_of_a_run_that_was_interrupted_before_it_was_loaded_is_loaded(
    machine: DracutHost,
) -> None:
    """kdump-utils keeps no record of what it loaded."""
    apply(machine, present(machine))
    kept = Path(f"{machine.image_path}.before-pcie-reset")
    os.link(machine.image_path, kept)
    assert apply(machine, present(machine)) == list(machine.place.load)
    assert not kept.exists()


def test_image_that_cannot_be_kept_is_not_touched(
    machine: DracutHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copy_half(source: Path, target: Path) -> None:
        target.write_bytes(source.read_bytes()[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copy2", copy_half)
    before = machine.snapshot()
    with pytest.raises(KdumpError, match=r"nothing was changed: No space left on device\."):
        converge(machine.host, examine(machine.host, present(machine)))
    assert machine.snapshot() == before
    assert machine.commands == []
