# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""To the quiesce stage, from it, and what happens when it cannot be made."""

from __future__ import annotations

import shutil
import typing as t
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._helper.quiesce import (
    ARGUMENTS,
    BEGIN,
    END,
    IMAGE,
    MADE,
    REFUSED,
    SETTINGS,
    sourced,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.debian.family import (
    Debian,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.apply import converge, examine
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.install import (
    State,
    wanted_absent,
    wanted_present,
)
from ansible_collections.vmcore.kdump.tests.unit.debian_host import (
    BUILD,
    FILES,
    KERNEL,
    LOAD,
    OTHER_PLAN,
    PLAN,
    UNLOAD,
    DebianHost,
)
from ansible_collections.vmcore.kdump.tests.unit.debian_host import (
    IMAGE as KDUMP_IMAGE,
)
from ansible_collections.vmcore.kdump.tests.unit.images import BZIMAGE, PROGRAM, image

WORDS = f"{BEGIN} intremap=off pcie_ports=compat panic=10 oops=panic initcall_blacklist=pci_iommu_init {END}"
TOOLS = (
    *(f"bin/{tool}" for tool in ("sh", "cat", "dmesg", "kexec", "mkdir", "mount", "mv", "sleep")),
    *(f"usr/local/lib/pcie-reset/bin/{tool}" for tool in ("head", "od", "sleep")),
)
QUIESCE = wanted_present(FILES, {**PLAN, "stage": "quiesce"}, Debian(), "quiesce")
INITRAMFS = wanted_present(FILES, PLAN, Debian())
ABSENT = wanted_absent()


class Machine(DebianHost):
    """A host whose kdump-config sources its settings, and keeps a record of what it loads."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.refused = ""
        self.settings = root / "etc/default/kdump-tools"
        (root / "boot").mkdir()
        (root / f"boot/vmlinuz-{KERNEL}").write_bytes(BZIMAGE)
        (root / "proc/kallsyms").write_text("")
        self.record(f"/{KDUMP_IMAGE}", "ro")

    @property
    def host(self) -> t.Any:
        return super().host._replace(run=self.run)

    def run(self, argv: list[str]) -> tuple[int, str]:
        status, output = self._run(argv)
        if " ".join(argv) == LOAD and status == 0:
            self.record(f"/{KDUMP_IMAGE}", "ro")
            if SETTINGS in sourced(self.settings.read_text()):
                self.make()
        return status, output

    def make(self) -> None:
        """Do what quiesce does."""
        state = self.root / str(IMAGE.parent)[1:]
        state.mkdir(parents=True, exist_ok=True)
        for name in MADE:
            (self.root / str(name)[1:]).unlink(missing_ok=True)
        if self.refused:
            (self.root / str(REFUSED)[1:]).write_text(f"{self.refused}\n")
            return
        lib = self.root / "usr/local/lib/pcie-reset"
        content = {
            "init": (lib / "quiesce-init").read_bytes(),
            "etc/pcie-reset/plan": (self.root / "etc/pcie-reset/plan").read_bytes(),
            "capture/kernel": (self.root / f"boot/vmlinuz-{KERNEL}").read_bytes(),
            "capture/initramfs": self.image_path.read_bytes(),
            **dict.fromkeys(TOOLS, b"\x7fELF"),
            **{
                f"usr/local/lib/pcie-reset/{name}": (lib / name).read_bytes()
                for name in ("pcie-reset", "guard", "lib.sh", "local-apic", "secondary-bus-reset")
            },
        }
        archive = image(("cpio", [(name, PROGRAM, data) for name, data in content.items()]))
        (self.root / str(IMAGE)[1:]).write_bytes(archive)
        self.record(str(IMAGE), f"ro {WORDS}")

    def record(self, initrd: str, line: str) -> None:
        (self.root / "var/crash/kexec_cmd").write_text(
            f'/sbin/kexec -p --command-line="{line}" --initrd={initrd} /boot/vmlinuz\n'
        )


@pytest.fixture(name="machine")
def make_machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def apply(machine: Machine, wanted: State) -> None:
    machine.commands.clear()
    converge(machine.host, examine(machine.host, wanted))
    assert not examine(machine.host, wanted).changed


def stage(machine: Machine) -> t.Any:
    return Debian().facts(machine.root, KERNEL)["helper"]["stage"]


def test_capture_kernel_is_loaded_with_the_stage(machine: Machine) -> None:
    difference = examine(machine.host, QUIESCE)
    assert difference.stage_why_not == "The capture kernel is loaded without the quiesce stage."
    apply(machine, QUIESCE)
    assert machine.commands == [BUILD, UNLOAD, LOAD]
    assert machine.settings.read_text().startswith("USE_KDUMP=1\n[ ! -r ")
    facts = Debian().facts(machine.root, KERNEL)
    assert facts["helper"]["stage"] == "quiesce"
    assert facts["capture_command_line"] == "ro"
    assert [problem["code"] for problem in facts["problems"]] == ["service_disabled"]


def test_other_stage_needs_no_other_image(machine: Machine) -> None:
    apply(machine, INITRAMFS)
    assert stage(machine) == "initramfs"
    apply(machine, QUIESCE)
    assert machine.commands == [UNLOAD, LOAD]
    apply(machine, INITRAMFS)
    assert machine.commands == [UNLOAD, LOAD]
    assert stage(machine) == "initramfs"
    assert sourced(machine.settings.read_text()) == [ARGUMENTS]
    assert not (machine.root / str(IMAGE.parent)[1:]).exists()


def test_new_plan_is_in_both_images(machine: Machine) -> None:
    apply(machine, QUIESCE)
    apply(machine, wanted_present(FILES, {**OTHER_PLAN, "stage": "quiesce"}, Debian(), "quiesce"))
    assert machine.commands == [BUILD, UNLOAD, LOAD]


def test_new_init_is_loaded_again(machine: Machine) -> None:
    apply(machine, QUIESCE)
    files = {**FILES, "quiesce-init": "#!/bin/sh\n# new\n"}
    apply(machine, wanted_present(files, {**PLAN, "stage": "quiesce"}, Debian(), "quiesce"))
    assert machine.commands == [UNLOAD, LOAD]


def problem_of(machine: Machine) -> str:
    messages: list[str] = [
        problem["message"]
        for problem in Debian().facts(machine.root, KERNEL)["problems"]
        if problem["code"] == "quiesce_not_loaded"
    ]
    assert len(messages) == 1
    return messages[0]


def test_lost_stage_is_loaded_again(machine: Machine) -> None:
    apply(machine, QUIESCE)
    machine.record(f"/{KDUMP_IMAGE}", "ro")
    assert problem_of(machine).endswith("Run pcie_reset_helper again, it says why.")
    (machine.root / str(REFUSED)[1:]).write_text("The quiesce stage needs 311 MiB.\n")
    assert problem_of(machine).endswith(" initramfs instead. The quiesce stage needs 311 MiB.")
    apply(machine, QUIESCE)
    assert machine.commands == [UNLOAD, LOAD]


def test_refused_stage_leaves_the_host_as_it_was(machine: Machine) -> None:
    apply(machine, INITRAMFS)
    before = machine.snapshot()
    machine.refused = "It needs 311 MiB, and 256 MiB are reserved."
    with pytest.raises(KdumpError) as error:
        apply(machine, QUIESCE)
    assert str(error.value) == (
        "It needs 311 MiB, and 256 MiB are reserved. The previous files and image are back and the capture kernel is"
        " loaded as before."
    )
    assert machine.snapshot() == before


def test_removal_leaves_nothing(machine: Machine) -> None:
    before = machine.snapshot()
    apply(machine, QUIESCE)
    apply(machine, ABSENT)
    after = machine.snapshot()
    assert after == before


def test_removal_leaves_the_state_of_a_crash_test(machine: Machine) -> None:
    apply(machine, QUIESCE)
    state = machine.root / str(IMAGE.parent)[1:] / "crash-test.json"
    state.write_text("{}")
    apply(machine, ABSENT)
    assert [path.name for path in state.parent.iterdir()] == [state.name]


def test_settings_that_are_a_link_are_refused(machine: Machine) -> None:
    shutil.move(machine.settings, machine.root / "elsewhere")
    machine.settings.symlink_to(machine.root / "elsewhere")
    with pytest.raises(KdumpError, match="settings of kdump are a symbolic link"):
        examine(machine.host, QUIESCE)
    apply(machine, INITRAMFS)
    assert machine.settings.is_symlink()
