# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.facts import kdump_facts
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.registry import (
    FAMILIES,
    detect,
    helper_family,
)
from ansible_collections.vmcore.kdump.tests.unit.host_trees import build, unpack

DRACUT_HOOK = "/usr/lib/dracut/modules.d/50pcie-reset/module-setup.sh"


def test_family_of_a_real_host(tmp_path: Path) -> None:
    root = unpack("q35-vtd", tmp_path)
    family = detect(root)
    assert family is FAMILIES[1]
    facts, expected = kdump_facts(root), family.facts(root, "6.12.107+deb13-amd64")
    # The tree lies on this machine's disk, whose free space changes between the two.
    for each in (facts, expected):
        del each["target"]["free_bytes"]
    assert facts["target"].pop("functions") is None  # its mounts are not in the captured tree
    assert facts["image"].pop("fingerprint") is None  # the captured image is empty
    # What no single family knows, see test_readiness.py.
    for key in (
        "recommended_crash_size",
        "core_collector",
        "problems",
        "not_known",
        "distribution_family",
    ):
        del facts[key], expected[key]
    assert facts == expected


def test_host_without_kdump(tmp_path: Path) -> None:
    root = build(tmp_path, {"proc/sys/kernel/osrelease": "6.1.0-1-arm64\n"})
    facts = kdump_facts(root)
    assert detect(root) is None
    assert (facts["family"], facts["kernel_release"], facts["crash_size"]) == (
        None,
        "6.1.0-1-arm64",
        0,
    )
    assert [problem["code"] for problem in facts["problems"]] == ["no_family"]


def test_facts_have_one_shape(tmp_path: Path) -> None:
    def shape(value: object) -> object:
        return (
            {key: shape(each) for key, each in value.items()} if isinstance(value, dict) else None
        )

    without = shape(kdump_facts(build(tmp_path / "a", {"proc": None})))
    assert without == shape(kdump_facts(unpack("q35-vtd", tmp_path / "b")))


def test_capture_kernel_of_a_host_without_kdump(tmp_path: Path) -> None:
    facts = kdump_facts(build(tmp_path, {"proc/vmcore": ""}))
    assert [problem["code"] for problem in facts["problems"]] == ["is_capture_kernel"]


@pytest.mark.parametrize(
    ("files", "name"),
    [
        (("etc/default/kdump-tools", "usr/sbin/kdump-config"), "debian"),
        (("etc/kdump.conf", "usr/bin/kdumpctl"), "kdump-utils"),
        (
            ("etc/kdump.conf", "usr/bin/kdumpctl", "etc/sysconfig/kdump", "usr/sbin/mkdumprd"),
            "kdump-utils",
        ),
        (("etc/sysconfig/kdump", "usr/sbin/mkdumprd"), "suse"),
        (("etc/sysconfig/kdump",), None),
        (("etc/kdump.conf",), None),
    ],
)
def test_family(tmp_path: Path, files: tuple[str, ...], name: str | None) -> None:
    family = detect(build(tmp_path, dict.fromkeys(files, "")))
    assert (family and family.name) == name


# os-release(5) of each, as far as it tells what it is.
@pytest.mark.parametrize(
    ("release", "name"),
    [
        ("ID=debian\n", "debian"),
        ("ID=ubuntu\nID_LIKE=debian\n", "debian"),
        ("ID=fedora\n", "kdump-utils"),
        ('ID="rhel"\nID_LIKE="fedora"\n', "kdump-utils"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "kdump-utils"),
        ('ID="amzn"\nID_LIKE="centos rhel fedora"\nVERSION_ID="2"\n', "kdump-utils"),
        ('ID="amzn"\nID_LIKE="fedora"\nVERSION_ID="2023"\n', "kdump-utils"),
        ('ID="ol"\nID_LIKE="fedora"\n', "kdump-utils"),
        ('ID="openEuler"\nVERSION_ID="24.03"\n', "kdump-utils"),
        ('ID=azurelinux\nVERSION_ID="3.0"\n', "kdump-utils"),
        ("ID=mariner\n", "kdump-utils"),
        ('ID="sles"\nID_LIKE="suse"\n', "suse"),
        ('ID="opensuse-leap"\nID_LIKE="suse opensuse"\n', "suse"),
        ('ID="sl-micro"\nID_LIKE="suse"\n', "suse"),
        ("ID=alpine\n", None),
        ("", None),
    ],
)
def test_family_of_a_distribution(tmp_path: Path, release: str, name: str | None) -> None:
    root = build(tmp_path, {"etc/os-release": release, "proc/sys/kernel/osrelease": "6.1.0\n"})
    facts = kdump_facts(root)
    assert (facts["family"], facts["distribution_family"]) == (None, name)


@pytest.mark.parametrize(
    ("files", "generator", "hook"),
    [
        (
            ("etc/default/kdump-tools", "usr/sbin/kdump-config"),
            "initramfs-tools",
            "/etc/initramfs-tools/hooks/pcie-reset",
        ),
        (("etc/kdump.conf", "usr/bin/kdumpctl"), "dracut", DRACUT_HOOK),
        (("etc/sysconfig/kdump", "usr/sbin/mkdumprd"), "dracut", DRACUT_HOOK),
    ],
)
def test_helper_has_a_place_in_the_images_of_every_family(
    tmp_path: Path, files: tuple[str, ...], generator: str, hook: str
) -> None:
    family = helper_family(build(tmp_path, dict.fromkeys(files, "")))
    assert (family.generator, str(family.hook)) == (generator, hook)


def test_helper_has_no_place_without_kdump(tmp_path: Path) -> None:
    with pytest.raises(KdumpError, match="No kdump service that this collection knows"):
        helper_family(build(tmp_path, {"proc": None}))


def test_helper_has_no_place_where_the_firmware_boots_the_normal_image(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {"etc/kdump.conf": "", "usr/bin/kdumpctl": "", "sys/kernel/fadump/enabled": "1\n"},
    )
    with pytest.raises(KdumpError, match="Boot without fadump="):
        helper_family(root)


@pytest.mark.parametrize(
    "files",
    [("etc/kdump.conf", "usr/bin/kdumpctl"), ("etc/sysconfig/kdump", "usr/sbin/mkdumprd")],
)
def test_facts_of_other_families_have_the_same_shape(
    tmp_path: Path, files: tuple[str, ...]
) -> None:
    without = kdump_facts(build(tmp_path / "a", {"proc": None}))
    facts = kdump_facts(build(tmp_path / "b", dict.fromkeys(files, "")))
    assert facts.keys() == without.keys()
    for key, value in without.items():
        if isinstance(value, dict):
            assert facts[key].keys() == value.keys()
