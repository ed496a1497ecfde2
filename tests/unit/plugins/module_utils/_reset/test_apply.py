# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import typing as t
from pathlib import Path, PurePosixPath

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.debian.family import (
    Debian,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.apply import (
    converge,
    examine,
    image_facts,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.install import (
    State,
    wanted_absent,
    wanted_present,
)
from ansible_collections.vmcore.kdump.tests.unit.debian_host import (
    BUILD,
    FILES,
    IMAGE,
    LOAD,
    OTHER_PLAN,
    PLAN,
    UNLOAD,
    DebianHost,
)

PRESENT = wanted_present(FILES, PLAN, Debian())
CHANGED = wanted_present({**FILES, "pcie-reset": "#!/bin/sh\n# new\n"}, OTHER_PLAN, Debian())
ABSENT = wanted_absent()


@pytest.fixture(name="machine")
def debian_host(tmp_path: Path) -> DebianHost:
    return DebianHost(tmp_path)


def apply(machine: DebianHost, wanted: State) -> dict[str, t.Any]:
    """Do what has to be done and return the proof. Afterwards nothing has to be done."""
    machine.commands.clear()
    proof = converge(machine.host, examine(machine.host, wanted))
    assert not examine(machine.host, wanted).changed
    return proof


def test_installs_builds_proves_and_loads(machine: DebianHost) -> None:
    difference = examine(machine.host, PRESENT)
    assert difference.changed
    settings = PurePosixPath("/etc/default/kdump-tools")
    assert difference.differing == sorted(
        [settings, *(path for path, item in PRESENT.items() if item)]
    )
    assert (difference.rebuild, difference.load) == (True, True)
    assert difference.proof["why_not"] == (
        "The image does not contain /usr/local/lib/pcie-reset/pcie-reset."
    )

    proof = apply(machine, PRESENT)

    assert machine.commands == [BUILD, UNLOAD, LOAD]
    assert proof["proven"]
    assert machine.loaded == machine.image_path.read_bytes()
    assert [path.name for path in machine.image_path.parent.iterdir()] == [machine.image_path.name]
    assert (machine.root / "usr/local/lib/pcie-reset/pcie-reset").stat().st_mode & 0o777 == 0o755


def test_looking_changes_nothing(machine: DebianHost) -> None:
    before = machine.snapshot()
    examine(machine.host, PRESENT)
    assert machine.snapshot() == before
    assert machine.commands == []


def test_file_outside_the_image_needs_no_new_image(machine: DebianHost) -> None:
    apply(machine, PRESENT)
    apply(machine, wanted_present({**FILES, "store-report": "#!/bin/sh\n# new\n"}, PLAN, Debian()))
    assert machine.commands == []


def test_new_plan_needs_a_new_image(machine: DebianHost) -> None:
    apply(machine, PRESENT)
    apply(machine, CHANGED)
    assert machine.commands == [BUILD, UNLOAD, LOAD]


def test_lost_or_foreign_image_is_rebuilt(machine: DebianHost) -> None:
    apply(machine, PRESENT)
    machine.image_path.write_bytes(b"garbage")
    difference = examine(machine.host, PRESENT)
    assert "known compression" in difference.proof["why_not"]
    apply(machine, PRESENT)
    assert machine.commands == [BUILD, UNLOAD, LOAD]
    machine.image_path.unlink()
    difference = examine(machine.host, PRESENT)
    assert (
        difference.proof["why_not"] == f"The kdump initramfs {machine.image_path} does not exist."
    )
    assert image_facts(machine.host) is None
    apply(machine, PRESENT)


def test_capture_kernel_that_is_not_loaded_is_loaded(machine: DebianHost) -> None:
    apply(machine, PRESENT)
    machine.unload()
    difference = examine(machine.host, PRESENT)
    assert (difference.differing, difference.rebuild, difference.load) == ([], False, True)
    apply(machine, PRESENT)
    assert machine.commands == [UNLOAD, LOAD]


def test_image_that_was_built_but_not_loaded_is_loaded(machine: DebianHost) -> None:
    apply(machine, PRESENT)
    record = machine.root / "var/crash/kexec_cmd"
    record.write_text(f"/sbin/kexec -p --initrd=/{IMAGE} /boot/vmlinuz\n")
    modified = machine.image_path.stat().st_mtime_ns
    for offset, load in ((-1, True), (1, False)):  # loaded before, loaded after the image was built
        os.utime(record, ns=(modified + offset, modified + offset))
        assert examine(machine.host, PRESENT).load is load


def test_capture_kernel_that_is_loaded_with_another_image_is_a_failure(
    machine: DebianHost,
) -> None:
    """KDUMP_INITRD= in /etc/default/kdump-tools may name any image."""
    record = machine.root / "var/crash/kexec_cmd"
    record.write_text("/sbin/kexec -p --initrd=/boot/initrd.img /boot/vmlinuz\n")
    before = machine.snapshot()
    with pytest.raises(KdumpError, match="loaded with another initramfs than the present"):
        converge(machine.host, examine(machine.host, PRESENT))
    assert machine.snapshot() == before


def test_removal_leaves_what_was_there_before(machine: DebianHost) -> None:
    before = machine.snapshot()
    apply(machine, PRESENT)
    proof = apply(machine, ABSENT)
    assert proof["statement"] == "The image contains nothing of the PCIe reset."
    assert machine.commands == [BUILD, UNLOAD, LOAD]
    assert machine.snapshot() == before


def test_nothing_to_remove(machine: DebianHost) -> None:
    assert not examine(machine.host, ABSENT).changed
    machine.image_path.unlink()
    assert not examine(machine.host, ABSENT).changed


def test_removal_does_not_load_what_was_not_loaded(machine: DebianHost) -> None:
    apply(machine, PRESENT)
    machine.unload()
    (machine.root / "sys/kernel/kexec_crash_size").write_text("0\n")
    apply(machine, ABSENT)
    assert machine.commands == [BUILD]


@pytest.mark.parametrize("wanted", [PRESENT, CHANGED, ABSENT], ids=["same", "changed", "absent"])
@pytest.mark.parametrize("command", [BUILD, UNLOAD])
def test_failure_puts_everything_back(machine: DebianHost, command: str, wanted: State) -> None:
    apply(machine, PRESENT)
    machine.image_path.write_bytes(machine.image_path.read_bytes() + b"\0")
    if wanted is PRESENT:
        machine.image_path.write_bytes(b"garbage")
    before = machine.snapshot()
    machine.failing = {command: "one\n\ntwo\nthree."}
    first = len(machine.commands)

    with pytest.raises(KdumpError) as error:
        converge(machine.host, examine(machine.host, wanted))

    assert str(error.value).startswith(
        f"'{command}' failed with status 1. Its last lines: one | two | three. The previous"
    )
    after = machine.snapshot()
    if command == BUILD:
        assert machine.commands[first:] == [BUILD]
        assert str(error.value).endswith(
            "The previous files and image are back and the capture kernel is loaded as before."
        )
        assert after == before
    else:  # what cannot be unloaded cannot be loaded again either: everything but that is back
        assert "could not be put back" in str(error.value)
        assert str(error.value).endswith("The capture kernel is not loaded.")
        assert {**after, "loaded": None} == {**before, "loaded": None}


def test_image_that_does_not_load_is_replaced_by_the_one_that_did(machine: DebianHost) -> None:
    apply(machine, PRESENT)
    before = machine.snapshot()
    good = machine.image_path.read_bytes()
    run = machine.host.run

    def load_only_the_good_one(argv: list[str]) -> tuple[int, str]:
        if " ".join(argv) == LOAD and machine.image_path.read_bytes() != good:
            return 0, "failed to load kdump kernel"  # kdump-config may say so and exit with 0
        return run(argv)

    host = machine.host._replace(run=load_only_the_good_one)
    with pytest.raises(KdumpError) as error:
        converge(host, examine(host, CHANGED))
    assert str(error.value) == (
        "The capture kernel is not loaded, although no command to load it failed."
        " Its last lines: failed to load kdump kernel."
        " The previous files and image are back and the capture kernel is loaded as before."
    )
    assert machine.snapshot() == before


def test_image_without_proof_is_not_loaded(machine: DebianHost) -> None:
    before = machine.snapshot()
    machine.order = ["udev", "00-pcie-reset"]
    with pytest.raises(KdumpError) as error:
        converge(machine.host, examine(machine.host, PRESENT))
    assert str(error.value).startswith(
        "The rebuilt image is not as it has to be: scripts/init-top/udev runs before the reset"
    )
    assert machine.commands == [BUILD]
    assert machine.snapshot() == before


def test_image_that_is_built_again_while_it_is_loaded_is_proven_again(machine: DebianHost) -> None:
    """kdump-config load removes the image and calls its builder where /etc/kdump/sysctl.conf changed."""
    before = machine.snapshot()
    run = machine.host.run

    def load_after_another_build(argv: list[str]) -> tuple[int, str]:
        if " ".join(argv) == LOAD and machine.order[0] != "udev":
            machine.order.reverse()
            run(BUILD.split())
        return run(argv)

    host = machine.host._replace(run=load_after_another_build)
    with pytest.raises(KdumpError, match="scripts/init-top/udev runs before the reset"):
        converge(host, examine(host, PRESENT))
    assert machine.snapshot() == before


def test_host_that_had_no_image_and_was_not_armed_is_not_worse_after_a_failure(
    machine: DebianHost,
) -> None:
    machine.image_path.unlink()
    machine.unload()
    before = machine.snapshot()
    machine.failing = {LOAD: "USE_KDUMP is not set or zero"}
    with pytest.raises(KdumpError) as error:
        converge(machine.host, examine(machine.host, PRESENT))
    assert str(error.value) == (
        "'kdump-config load' failed with status 1. Its last lines: USE_KDUMP is not set or zero."
        " The previous files and image are back."
        " The capture kernel was not loaded before and is not now."
    )
    assert machine.snapshot() == before


def test_error_of_the_file_system_puts_everything_back(machine: DebianHost) -> None:
    before = machine.snapshot()
    host = machine.host
    calls: list[Path] = []

    def write(path: Path, content: bytes, mode: int) -> None:
        calls.append(path)
        if len(calls) == 3:
            raise OSError("No space left on device")
        host.write(path, content, mode)

    full = host._replace(write=write)
    with pytest.raises(KdumpError, match=r"^No space left on device\. The previous files"):
        converge(full, examine(full, PRESENT))
    assert machine.snapshot() == before
    assert machine.commands == []


def test_image_of_an_interrupted_run_comes_back(machine: DebianHost) -> None:
    good = machine.image_path.read_bytes()
    machine.image_path.rename(f"{machine.image_path}.before-pcie-reset")
    machine.failing = {BUILD: ""}
    with pytest.raises(KdumpError):
        converge(machine.host, examine(machine.host, PRESENT))
    assert machine.image_path.read_bytes() == good
    machine.failing = {}
    apply(machine, PRESENT)
    assert [path.name for path in machine.image_path.parent.iterdir()] == [machine.image_path.name]


def test_no_memory_is_reserved(machine: DebianHost) -> None:
    machine.unload()
    (machine.root / "sys/kernel/kexec_crash_size").write_text("0\n")
    with pytest.raises(KdumpError, match="add crashkernel= to the kernel command line and reboot"):
        examine(machine.host, PRESENT)


@pytest.mark.parametrize("wanted", [PRESENT, ABSENT])
def test_capture_kernel_is_left_to_its_dump(machine: DebianHost, wanted: State) -> None:
    (machine.root / "proc/vmcore").touch()
    with pytest.raises(KdumpError, match="This is the capture kernel"):
        examine(machine.host, wanted)


def test_image_facts(machine: DebianHost) -> None:
    machine.image_path.write_bytes(b"image")
    assert image_facts(machine.host) == {
        "path": f"/{IMAGE}",
        "size": 5,
        "sha256": "6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d",
    }
