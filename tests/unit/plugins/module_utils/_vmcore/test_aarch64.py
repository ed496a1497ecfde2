# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual addresses of aarch64 kernels, from the kernel's own formulae."""

from __future__ import annotations

import struct
import tempfile
import typing as t
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.verify import verify
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.vmcoreinfo import VmcoreInfo
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._vmcore.dump_builder import (
    HOST,
    LOG,
    RELEASE,
    VMCOREINFO,
    Kdump,
    Memory,
    Ring,
    memory_at,
    plain,
    utsname,
    write,
)

PAGES = (4096, 16384, 65536)
RAM = 0x40000000


class Kernel(t.NamedTuple):
    """How an aarch64 kernel was built, and where it runs."""

    built: int = 48  # VA_BITS
    actual: int = 48  # vabits_actual
    low: bool = True  # Linux 5.4 and later: the linear map is the lower half
    physical: int = RAM  # of the linear map's first page
    image: int = RAM + 0x200000  # where the kernel lies in RAM

    @property
    def linear(self) -> int:
        """The address of the linear map."""
        return (1 << 64) - (1 << self.actual - (0 if self.low else 1))

    @property
    def text(self) -> int:
        """The address of the image."""
        half = 1 << min(self.built, 48) - 1
        return (1 << 64) - (half if self.low else 2 * half) + 0x8000000

    def info(self, page: int = 4096) -> dict[str, str]:
        # arch/arm64/mm/init.c: memstart_addr -= _PAGE_OFFSET(vabits_actual) - _PAGE_OFFSET(52)
        offset = self.physical - ((1 << self.built) - (1 << self.actual))
        return {
            "PAGESIZE": str(page),
            "SYMBOL(_stext)": f"{self.text:x}",
            "NUMBER(VA_BITS)": str(self.built),
            "NUMBER(TCR_EL1_T1SZ)": hex(64 - self.actual),
            "NUMBER(kimage_voffset)": hex(self.text - self.image),
            "NUMBER(PHYS_OFFSET)": hex(offset & (1 << 64) - 1),
        }


KERNELS = {
    "48 bits": Kernel(),
    "39 bits": Kernel(39, 39),
    "52 bits on hardware with 48": Kernel(52, 48),
    "52 bits": Kernel(52, 52),
    "before 5.4": Kernel(low=False),
    "before 5.4, 42 bits": Kernel(42, 42, low=False),
    "RAM at 0": Kernel(physical=0, image=0x80000),
}


def vmcoreinfo(values: dict[str, str]) -> VmcoreInfo:
    return VmcoreInfo("".join(f"{key}={value}\n" for key, value in values.items()).encode())


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
def test_both_maps_lead_to_ram(kernel: Kernel, page: int) -> None:
    seen: list[int] = []

    def read_page(frame: int) -> bytes:
        seen.append(frame)
        return struct.pack("<Q", frame) * (page // 8)

    space = memory_at(read_page, page, vmcoreinfo(kernel.info(page)), "aarch64")
    for address, physical in (
        (kernel.linear, kernel.physical),
        (kernel.linear + 0x12345678, kernel.physical + 0x12345678),
        (kernel.text, kernel.image),
        (kernel.text + 0x54321, kernel.image + 0x54321),
    ):
        space.read(address, 8)
        assert seen.pop() == physical // page
    assert space.read(kernel.text + page - 8, 16) == struct.pack(
        "<QQ", *((kernel.image // page) + one for one in (0, 1))
    )


@pytest.mark.parametrize("address", [0, 0xFFFF, 0x7FFF_FFFF_FFFF_FFFF, 1 << 64])
def test_an_address_that_is_not_the_kernels_is_a_flaw(address: int) -> None:
    space = memory_at(lambda _frame: bytes(4096), 4096, vmcoreinfo(Kernel().info()), "aarch64")
    with pytest.raises(Flaw, match="The kernel has no memory at its address"):
        space.read(address, 8)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"NUMBER(VA_BITS)": "64"}, "NUMBER(VA_BITS)=64"),
        ({"NUMBER(TCR_EL1_T1SZ)": "0x0"}, "virtual addresses have 64 bits"),
        ({"NUMBER(kimage_voffset)": "x"}, "NUMBER(kimage_voffset)=x, not a number"),
        ({"NUMBER(PHYS_OFFSET)": ""}, "NUMBER(PHYS_OFFSET)=, not a number"),
    ],
)
def test_a_description_that_cannot_be_is_a_flaw(changes: dict[str, str], sentence: str) -> None:
    with pytest.raises(Flaw) as caught:
        memory_at(lambda _frame: b"", 4096, vmcoreinfo({**Kernel().info(), **changes}), "aarch64")
    assert sentence in str(caught.value)


@pytest.mark.parametrize("page", PAGES)
def test_a_dump_with_a_log_is_verified(page: int) -> None:
    # The bitmaps of the dump builder end at the frame 0x400: RAM begins at 0.
    kernel = Kernel(physical=0, image=0x100 * page)
    memory: Memory = {}

    def put(physical: int, data: bytes) -> None:
        small: Memory = {}
        write(small, physical, data)
        for frame, content in small.items():
            at = frame * 4096
            whole = memory.setdefault(at // page, bytearray(page))
            start = at % page
            part = data[max(0, at - physical) : at + 4096 - physical]
            begin = start + max(0, physical - at)
            whole[begin : begin + len(part)] = part
            assert content

    ring, arrays = Ring().pack(kernel.linear + 0x200 * page)
    put(kernel.image, struct.pack("<Q", kernel.text + 64))
    put(kernel.image + 64, ring)
    put(kernel.image + 1024 + 4, utsname("aarch64"))
    put(0x200 * page, arrays)
    info = {
        **VMCOREINFO,
        **kernel.info(page),
        "SYMBOL(prb)": f"{kernel.text:x}",
        "SYMBOL(init_uts_ns)": f"{kernel.text + 1024:x}",
    }
    kdump = Kdump(memory, "".join(f"{key}={value}\n" for key, value in info.items()).encode(),
                  page=page, machine="aarch64", phys_base=0)  # fmt: skip
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "vmcore"
        path.write_bytes(plain(kdump.parts()))
        result = verify(path, full=True, log=True)
    assert (result["why"][:35], result["log"]) == ("The dump is whole to its last byte,", LOG)
    assert (result["crash"]["nodename"], result["crash"]["release"]) == (HOST, RELEASE)
