# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import accel, machine
from lab.errors import LabError
from lab.image import Image
from lab.machine import Function, Machine, Process

PROFILES = Path(machine.__file__).parent / "profiles"
NAMES = sorted(path.stem for path in PROFILES.glob("*.yml"))


def profile(name: str) -> dict[str, Any]:
    return machine._profile(name)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def test_a_process_is_told_from_a_later_one_with_its_number() -> None:
    own = Process.of(os.getpid())
    assert own is not None
    assert own.alive()
    assert not Process(own.pid, "0").alive()
    assert Process.of(2**22 + 1) is None


def test_only_the_process_that_was_started_is_ended(sleeper: subprocess.Popen[bytes]) -> None:
    machine._end(Process(sleeper.pid, "0"))
    assert sleeper.poll() is None
    started = Process.of(sleeper.pid)
    assert started is not None
    machine._end(started)
    assert not started.alive()


@pytest.mark.parametrize("name", NAMES)
def test_every_device_of_a_profile_hangs_on_something_that_is_there(name: str) -> None:
    description = profile(name)
    ids = [device["id"] for device in description["devices"] if "id" in device]
    assert len(ids) == len(set(ids))
    buses = {"pcie.0", "sound.0", *ids}
    for device in description["devices"]:
        assert device.get("bus", "pcie.0") in buses, device
        assert device.get("drive", "root") in ("root", "scratch"), device
        assert re.fullmatch("net0|wire[0-9]", device.get("netdev", "net0")), device
        assert not {"subsys", "drive"} <= set(device), "QEMU takes one of them"
    assert set(description.get("measured", [])) <= set(ids)


def test_functions_are_found_below_bridges_with_the_port_above() -> None:
    # What query-pci answers, without what nobody asks for.
    nic = {"bus": 3, "slot": 0, "function": 0, "qdev_id": "nic", "class_info": {"class": 512}}
    port = {"bus": 0, "slot": 4, "function": 1, "qdev_id": "", "class_info": {"class": 1540},
            "pci_bridge": {"bus": {"number": 0}, "devices": [nic]}}  # fmt: skip
    empty = {**port, "slot": 5, "pci_bridge": {"bus": {"number": 0}}}
    assert list(machine._functions([port, empty])) == [
        Function("0000:00:04.1", "", 0x0604, None),
        Function("0000:03:00.0", "nic", 0x0200, "0000:00:04.1"),
        Function("0000:00:05.1", "", 0x0604, None),
    ]


def test_a_profile_has_what_it_does_not_say_itself_from_its_base() -> None:
    vtd, amdvi, none = profile("vtd"), profile("amdvi"), profile("none")
    drivers = [device["driver"] for device in amdvi["devices"]]
    assert drivers[:2] == ["AMDVI-PCI", "amd-iommu"]
    assert "intel-iommu" not in drivers
    assert none["devices"] == [each for each in vtd["devices"] if each["driver"] != "intel-iommu"]
    assert amdvi["memory_mib"] == vtd["memory_mib"]
    assert not any("iommu" in argument for argument in none["kernel_arguments"])


@pytest.mark.parametrize(
    ("name", "iommu"),
    [("vtd", "intel-iommu"), ("amdvi", "amd-iommu"), ("smmuv3", "smmuv3"), ("none", None)],
)
def test_a_machine_knows_its_iommu(name: str, iommu: str | None) -> None:
    assert Machine("one", name, "debian13", 4242, Process(1, "0")).iommu == iommu


def test_an_image_for_other_processors_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_DIRECTORY", str(tmp_path))
    monkeypatch.setattr(machine, "obtain", lambda _name: Image(tmp_path))
    with pytest.raises(LabError, match="debian13 is for amd64: not for the profile smmuv3"):
        machine.up("one", "smmuv3", "debian13")


def arguments(name: str, tmp_path: Path) -> str:
    (tmp_path / "key.pub").write_text("key")
    (tmp_path / "monitor").symlink_to(tmp_path)
    return " ".join(machine._arguments("one", tmp_path, Image(tmp_path), profile(name)))


def test_the_key_is_given_by_firmware_or_by_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accel, "accelerator", lambda _image: accel.TCG)
    text = arguments("vtd", tmp_path)
    assert "type=11,value=io.systemd.credential.binary:ssh.authorized_keys.root=a2V5" in text
    assert "console=ttyS0" in text


def test_crash_records_of_a_machine_are_kept_in_its_directory(tmp_path: Path) -> None:
    text = arguments("erst", tmp_path)
    assert f"memory-backend-file,id=records,mem-path={tmp_path}/records,size=64K,share=on" in text
    assert "-device acpi-erst,memdev=records,addr=0xa" in text
    (tmp_path / "monitor").unlink()
    assert "acpi-erst" not in arguments("smp", tmp_path)


def test_an_arm_machine_has_no_smbios(tmp_path: Path) -> None:
    text = arguments("smmuv3", tmp_path)
    assert "smbios" not in text
    assert "systemd.set_credential_binary=ssh.authorized_keys.root:a2V5" in text
    assert "console=ttyAMA0" in text
    assert "-machine virt,iommu=smmuv3,gic-version=3" in text
    assert "cortex-a57" in text


def test_an_inventory_reaches_this_machine_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_DIRECTORY", str(tmp_path / "with a blank"))
    one = Machine("one", "vtd", "debian13", 4242, Process(1, "0"))
    host = one.inventory()["all"]["hosts"]["one"]
    assert host["ansible_port"] == 4242
    assert "StrictHostKeyChecking=yes" in host["ansible_ssh_common_args"]
    assert (
        f"'UserKnownHostsFile={tmp_path}/with a blank/one/known_hosts'"
        in (host["ansible_ssh_common_args"])
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"name": "One"}, "is no name for a machine"),
        ({"name": "../one"}, "is no name for a machine"),
        ({"name": "one", "profile": "nothing"}, "no profile called nothing; choose one of: .*none, .*vtd"),
        ({"name": "one", "image": "nothing"}, "no image called nothing; choose one of: .*debian12, .*debian13, "),
    ],
)  # fmt: skip
def test_a_machine_that_cannot_be_is_refused_before_anything_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, str], sentence: str
) -> None:
    monkeypatch.setenv("LAB_DIRECTORY", str(tmp_path))
    with pytest.raises(LabError, match=sentence):
        machine.up(**arguments)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_machine_is_named_with_those_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_DIRECTORY", str(tmp_path))
    with pytest.raises(LabError, match="no machine called one; this lab has: none"):
        machine.find("one")
