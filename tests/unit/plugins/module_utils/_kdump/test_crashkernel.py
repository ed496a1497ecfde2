# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t
from pathlib import Path, PurePosixPath

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.crashkernel import (
    GIB,
    MIB,
    Needs,
    check_value,
    crashkernel_words,
    least,
    lent,
    needs,
    offered_by,
    recommend,
    reserved_by,
    system_memory,
)
from ansible_collections.vmcore.kdump.tests.unit.host_trees import Link, build

RHEL = "2G-64G:256M,64G-:512M"
DEBIAN = "512M-:192M"

IOMEM = """\
00000000-00000fff : Reserved
00001000-0009fbff : System RAM
00100000-3ffdffff : System RAM
  22000000-23203157 : Kernel code
  23400000-23dfffff : Kernel rodata
  23e00000-24168fff : Kernel data
  248ad000-24ffffff : Kernel bss
  2a000000-39ffffff : Crash kernel
feffc000-feffffff : Reserved
"""
RAM = 0x9FBFF - 0x1000 + 1 + 0x3FFDFFFF - 0x100000 + 1
KERNEL = (
    0x23203157 - 0x22000000 + 1
    + 0x23DFFFFF - 0x23400000 + 1
    + 0x24168FFF - 0x23E00000 + 1
    + 0x24FFFFFF - 0x248AD000 + 1
)  # fmt: skip


@pytest.mark.parametrize(
    ("words", "memory", "reserved"),
    [
        ([], GIB, 0),
        (["256M"], None, 256 * MIB),
        (["256m"], None, 256 * MIB),
        (["268435456"], None, 256 * MIB),
        (["1G@16M"], None, GIB),
        (["128M", "256M"], None, 256 * MIB),  # the last one counts
        ([RHEL], 2 * GIB, 256 * MIB),
        ([RHEL], 2 * GIB - 1, 256 * MIB),  # rounded up: firmware took the rest
        ([RHEL], 2 * GIB - 128 * MIB, 0),
        ([RHEL], 64 * GIB, 512 * MIB),
        ([RHEL], None, None),
        ([f"{RHEL}@16M"], 4 * GIB, 256 * MIB),
        ([DEBIAN], 300 * MIB, 0),
        ([DEBIAN], GIB, 192 * MIB),
        (["512M,high"], None, 512 * MIB),
        (["512M,high", "128M,low"], None, 512 * MIB),
        (["128M,low"], None, 0),
        (["512M,high", "192M"], None, 192 * MIB),  # one without suffix hides it
        (["auto"], GIB, None),
        (["256M", "1G,cma"], None, 256 * MIB),
        (["1G,cma", "512M,high"], None, 512 * MIB),
    ],
)
def test_what_the_kernel_reserves(words: list[str], memory: int | None, reserved: int) -> None:
    assert reserved_by(words, memory) == reserved


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["512M,high", "128M,low"], 640 * MIB),
        (["512M,high"], 512 * MIB),
        (["256M"], 256 * MIB),
        (["auto"], None),
    ],
)
def test_low_memory_is_part_of_what_is_offered(words: list[str], offered: int | None) -> None:
    assert offered_by(words, GIB) == offered


def test_memory_that_is_lent_to_the_running_kernel() -> None:
    assert lent(["256M", "1G,cma"]) == GIB
    assert lent(["1G,high", "128M,low"]) == 0


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("512M", ["512M"]),
        ("crashkernel=512M", ["512M"]),
        ("512M@64M", ["512M@64M"]),
        (RHEL, [RHEL]),
        (f"{RHEL}@16M", [f"{RHEL}@16M"]),
        ("1G,high 128M,low", ["1G,high", "128M,low"]),
        ("1G,high", ["1G,high"]),
        ("256M 1G,cma", ["256M", "1G,cma"]),
        ("512M,cma 1G,high 128M,low", ["512M,cma", "1G,high", "128M,low"]),
    ],
)
def test_values_that_the_kernel_understands(value: str, words: list[str]) -> None:
    assert check_value(value) == words


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("", "it takes one size"),
        ("big", "crashkernel=big is nothing that the kernel understands"),
        ("512MB", "nothing that the kernel understands"),
        ("2G-64G:256M,64G-", "nothing that the kernel understands"),
        ("512M;reboot", "nothing that the kernel understands"),
        ("512", "less than 1 MiB: write a unit"),
        ("512M 256M", "it takes one size"),
        ("512M 128M,low", "it takes one size"),
        ("128M,low", "it takes one size"),  # of which the kernel reserves nothing
        ("1G,cma", "it takes one size"),
        ("256M 1G,cma 1G,cma", "it takes one size"),
    ],
)
def test_values_that_are_refused(value: str, complaint: str) -> None:
    with pytest.raises(KdumpError, match=complaint):
        check_value(value)


def test_values_on_a_command_line() -> None:
    line = "ro crashkernel=512M-:192M quiet crashkernel=256M nocrashkernel=1"
    assert crashkernel_words(line.split()) == ["512M-:192M", "256M"]


# kdump-lib.sh, kdump_get_arch_recommend_crashkernel(); below 2 GiB what Debian and SUSE reserve. What is
# no multiple of 64 MiB is rounded up.
@pytest.mark.parametrize(
    ("host", "recommended"),
    [
        ({"memory": GIB}, 192),
        ({"memory": 2 * GIB - 20 * MIB}, 256),
        ({"memory": 4 * GIB}, 256),
        ({"memory": 64 * GIB - 1}, 512),
        ({"memory": 2048 * GIB}, 512),
        ({"memory": 4 * GIB, "encrypted": True}, 320),
        ({"memory": 4 * GIB, "mlx5": True, "smmu": True, "large_pages": True}, 256),
        ({"architecture": "aarch64", "memory": GIB}, 192),
        ({"architecture": "aarch64", "memory": 2 * GIB}, 256),
        ({"architecture": "aarch64", "memory": 4 * GIB}, 320),
        ({"architecture": "aarch64", "memory": 256 * GIB}, 576),
        ({"architecture": "aarch64", "memory": 256 * GIB, "smmu": True}, 576),
        ({"architecture": "aarch64", "memory": 256 * GIB, "mlx5": True}, 768),  # 726
        ({"architecture": "aarch64", "memory": 256 * GIB, "large_pages": True}, 704),  # 676
        (
            {"architecture": "aarch64", "memory": 256 * GIB, "large_pages": True, "smmu": True},
            1088,  # 1060
        ),
        (
            {
                "architecture": "aarch64", "memory": 256 * GIB, "large_pages": True, "smmu": True,
                "mlx5": True,
            },
            1280,  # 1260
        ),
        ({"architecture": "riscv64", "memory": 4 * GIB}, 256),
        # Counted: 48 + 20 + 3 * 30 + 64 is 222, which fits; 3 * 90 does not.
        ({"memory": 4 * GIB, "kernel": 48 * MIB, "modules": 20 * MIB, "image": 30 * MIB}, 256),
        ({"memory": 4 * GIB, "kernel": 48 * MIB, "modules": 20 * MIB, "image": 90 * MIB}, 448),
        ({"memory": 4 * GIB, "kernel": 48 * MIB, "modules": 20 * MIB}, 256),
        ({"memory": 4 * GIB, "out_of_memory": 256 * MIB}, 384),
        ({"memory": 4 * GIB, "out_of_memory": 128 * MIB}, 256),
    ],
)  # fmt: skip
def test_recommended_size(host: dict[str, t.Any], recommended: int) -> None:
    size, why = recommend(Needs(**{"architecture": "x86_64", **host}))
    assert size == recommended * MIB
    assert why
    assert all(sentence.endswith(".") for sentence in why)


def test_every_part_of_the_size_is_explained() -> None:
    host = Needs(
        "aarch64", 256 * GIB, large_pages=True, smmu=True, mlx5=True, kernel=40 * MIB, modules=10 * MIB,
        image=20 * MIB, out_of_memory=512 * MIB,
    )  # fmt: skip
    _size, why = recommend(host)
    assert why == [
        "A host of 256 GiB with the architecture aarch64 begins with 576 MiB.",
        "Pages of 64 KiB: 100 MiB more.",
        "Queues of an SMMU with pages of 64 KiB: 384 MiB more.",
        "mlx5_core with pages of 64 KiB: 200 MiB more.",
        (
            "Counted, it takes 174 MiB: 40 for the kernel, 10 for the modules that are loaded now, 3 times 20 for the"
            " kdump initramfs, 64 for programs."
        ),
        "The last crash test ran out of memory with 512 MiB: half as much again.",
    ]


def test_no_size_without_the_memory_of_the_host() -> None:
    assert recommend(Needs("x86_64", None)) == (
        None,
        ["How much memory the host has is not known."],
    )


def test_least_that_a_capture_kernel_takes() -> None:
    host = Needs("x86_64", GIB, kernel=40 * MIB, image=20 * MIB)
    assert least(host) == (40 + 60 + 16) * MIB
    assert least(host._replace(image=None)) is None
    assert least(host._replace(kernel=None)) is None


def test_memory_as_the_kernel_counts_it(tmp_path: Path) -> None:
    assert system_memory(build(tmp_path, {"proc/iomem": IOMEM})) == RAM


def test_memory_for_those_whom_the_kernel_shows_no_addresses(tmp_path: Path) -> None:
    hidden = "00000000-00000000 : System RAM\n" * 3
    tree = {
        "proc/iomem": hidden,
        "proc/meminfo": "MemTotal:         726368 kB\nMemFree:  1 kB\n",
        "sys/kernel/kexec_crash_size": f"{256 * MIB}\n",
    }
    assert system_memory(build(tmp_path, tree)) == (726368 << 10) + 256 * MIB


def test_memory_that_is_not_known(tmp_path: Path) -> None:
    assert system_memory(build(tmp_path, {"proc": None})) is None


def test_needs_of_a_host(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {
            "proc/iomem": IOMEM,
            "proc/modules": "nvme 61440 1 - Live 0xffffffffc0a3d000\next4 1000000 2 mbcache, Live 0x0 (E)\n",
            "proc/cmdline": "ro mem_encrypt=on\n",
            "proc/sys/kernel/osrelease": "6.12.0-55.el10.aarch64+64k\n",
            "proc/sys/kernel/arch": "aarch64\n",
            "sys/class/iommu/smmu3.0x0000000009050000": None,
            "sys/bus/pci/drivers/mlx5_core/0000:01:00.0": Link(
                "../../../../devices/pci0000:00/0000:01:00.0"
            ),
            "boot/initramfs-kdump.img": b"x" * 1000,
        },
    )
    assert needs(root, PurePosixPath("/boot/initramfs-kdump.img")) == Needs(
        "aarch64", RAM, large_pages=True, encrypted=True, smmu=True, mlx5=True, kernel=KERNEL, modules=1061440,
        image=1000,
    )  # fmt: skip


def test_driver_without_a_device_takes_nothing(tmp_path: Path) -> None:
    root = build(tmp_path, {"sys/bus/pci/drivers/mlx5_core/new_id": ""})
    assert not needs(root, None).mlx5


def test_images_of_a_captured_tree_have_no_size(tmp_path: Path) -> None:
    root = build(tmp_path, {"boot/initramfs-kdump.img": ""})
    assert needs(root, PurePosixPath("/boot/initramfs-kdump.img")).image is None


@pytest.mark.parametrize(
    ("state", "reserved"),
    [
        ({"crash_size": 256 * MIB, "record": {"cause": {"code": "out_of_memory"}}}, 256 * MIB),
        ({"crash_size": 256 * MIB, "record": {"cause": {"code": "disk_full"}}}, None),
        ({"crash_size": 256 * MIB, "record": {"cause": None}}, None),
        ({"record": {"cause": {"code": "out_of_memory"}}}, None),  # of an earlier version
        ([], None),
    ],
)
def test_last_crash_test_that_ran_out_of_memory(
    tmp_path: Path, state: object, reserved: int | None
) -> None:
    path = tmp_path / "crash-test.json"
    path.write_text(json.dumps(state))
    assert needs(tmp_path, None, path).out_of_memory == reserved
    path.write_text("{")
    assert needs(tmp_path, None, path).out_of_memory is None
