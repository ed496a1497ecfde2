# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._helper.quiesce import (
    BEGIN,
    END,
    IMAGE,
    REFUSED,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._quiesce.prove import Loaded, why_not
from ansible_collections.vmcore.kdump.tests.unit.images import (
    ARM64_IMAGE,
    BZIMAGE,
    PROGRAM,
    image,
    unpack_foreign,
)
from ansible_collections.vmcore.kdump.tests.unit.pci_drivers import add_driver

DISK = "0000:02:00.0"
NIC = "0000:01:00.0"
PROGRAMS = (
    *(f"bin/{tool}" for tool in ("sh", "cat", "dmesg", "kexec", "mkdir", "mount", "mv", "sleep")),
    *(f"usr/local/lib/pcie-reset/bin/{tool}" for tool in ("head", "od", "sleep")),
)
FIRST = "intremap=off pcie_ports=compat panic=10 oops=panic"
HELD = "initcall_blacklist=pci_iommu_init,virtio_pci_driver_init"
FILES = {"init": b"init", "etc/pcie-reset/plan": b"plan"}
CONTENT = {
    **FILES,
    **dict.fromkeys(PROGRAMS, b"\x7fELF"),
    "capture/kernel": BZIMAGE,
    "capture/initramfs": b"initramfs",
}


class Host:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.initrd = str(IMAGE)
        self.line = f"ro {BEGIN} {FIRST} {HELD} {END}"
        for directory in ("boot", "proc", "var/lib/pcie-reset"):
            (root / directory).mkdir(parents=True)
        (root / "boot/vmlinuz").write_bytes(BZIMAGE)
        (root / "boot/initrd").write_bytes(b"initramfs")
        (root / "proc/kallsyms").write_text(
            "0 d __initcall__kmod_virtio_pci__576_821_virtio_pci_driver_init6\n"
        )
        self.image(CONTENT)
        self.bind(DISK, "virtio-pci", "virtio_pci")
        self.bind(NIC, "e1000e", "e1000e", loaded=True)

    def bind(self, address: str, name: str, module: str | None, loaded: bool = False) -> None:
        driver = add_driver(self.root, name, module, loaded)
        device = self.root / "sys/bus/pci/devices" / address
        device.mkdir(parents=True, exist_ok=True)
        (device / "driver").unlink(missing_ok=True)
        (device / "driver").symlink_to(driver)

    def image(self, files: dict[str, bytes]) -> None:
        content = image(("cpio", [(name, PROGRAM, data) for name, data in files.items()]))
        (self.root / str(IMAGE)[1:]).write_bytes(content)

    def why_not(self) -> str | None:
        words = ["kexec", "-p", f"--command-line={self.line}", f"--initrd={self.initrd}"]
        loaded = Loaded(PurePosixPath("/boot/vmlinuz"), PurePosixPath("/boot/initrd"), words)
        return why_not(self.root, loaded, FILES, [NIC, DISK], unpack_foreign)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_proven(host: Host) -> None:
    assert host.why_not() is None


def test_other_image_is_loaded(host: Host) -> None:
    host.initrd = "/boot/initrd"
    assert host.why_not() == "The capture kernel is loaded without the quiesce stage."
    (host.root / str(REFUSED)[1:]).write_text("It needs 311 MiB.\n")
    assert host.why_not() == "It needs 311 MiB."


@pytest.mark.parametrize("word", FIRST.split())
def test_first_stage_without_a_word(host: Host, word: str) -> None:
    # It does not count on the part of the command line that both kernels have.
    host.line = f"{word} {host.line.replace(f' {word} ', ' ')}"
    assert host.why_not() == f"The command line of the first stage does not have {word}."


def test_first_stage_that_would_initialise_the_iommu(host: Host) -> None:
    host.line = host.line.replace("pci_iommu_init,", "")
    assert host.why_not() == (
        "The command line of the first stage does not have initcall_blacklist=pci_iommu_init."
    )


def test_first_stage_on_arm64_holds_back_the_smmu(host: Host) -> None:
    (host.root / "boot/vmlinuz").write_bytes(ARM64_IMAGE)
    host.image({**CONTENT, "capture/kernel": ARM64_IMAGE})
    assert "fw_devlink=permissive" in str(host.why_not())
    host.line = host.line.replace("intremap=off", "fw_devlink=permissive")
    assert "initcall_blacklist=arm_smmu_driver_init" in str(host.why_not())
    host.line = host.line.replace("pci_iommu_init", "arm_smmu_driver_init")
    assert host.why_not() is None


def test_kernel_of_another_architecture(host: Host) -> None:
    (host.root / "boot/vmlinuz").write_bytes(b"\x7fELF" + bytes(1000))
    assert host.why_not() == "The kernel of the quiesce stage is none for x86_64 or arm64."


def test_capture_kernel_that_would_not_initialise_the_iommu(host: Host) -> None:
    host.line = f"initcall_blacklist=pci_iommu_init {host.line}"
    assert str(host.why_not()).startswith(
        "The capture kernel itself would leave out pci_iommu_init"
    )


def test_command_line_that_a_kernel_would_cut(host: Host) -> None:
    host.line = f"{'x' * 1900} {host.line}"
    assert "a kernel takes 2048" in str(host.why_not())


def test_built_in_driver_that_is_not_held_back(host: Host) -> None:
    host.line = host.line.replace(",virtio_pci_driver_init", "")
    assert host.why_not() == (
        f"The first stage does not hold back the built-in driver of {DISK}, virtio_pci."
    )


def test_built_in_driver_without_an_initcall_or_a_module(host: Host) -> None:
    host.bind(NIC, "some-nic", None)
    assert host.why_not() == (
        f"The first stage does not hold back the built-in driver of {NIC}, some_nic."
    )


@pytest.mark.parametrize("name", CONTENT)
def test_image_without_a_file(host: Host, name: str) -> None:
    host.image({path: data for path, data in CONTENT.items() if path != name})
    assert host.why_not() == f"The image of the quiesce stage does not contain /{name}."


@pytest.mark.parametrize("name", [name for name in CONTENT if name not in PROGRAMS])
def test_image_with_another_file(host: Host, name: str) -> None:
    host.image({**CONTENT, name: b"older"})
    assert host.why_not() == (f"/{name} in the image of the quiesce stage is not the present file.")


def test_damaged_or_missing_image(host: Host) -> None:
    path = host.root / str(IMAGE)[1:]
    path.write_bytes(path.read_bytes()[:-700])
    assert str(host.why_not()).startswith("The image of the quiesce stage cannot be compared: ")
    path.unlink()
    assert "No such file" in str(host.why_not())
