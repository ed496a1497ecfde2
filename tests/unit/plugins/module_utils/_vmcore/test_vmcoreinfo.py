# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a kernel says about itself."""

from __future__ import annotations

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.flaw import Flaw
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.vmcoreinfo import VmcoreInfo

INFO = VmcoreInfo(
    b"OSRELEASE=6.12=x\n"
    b"SYMBOL(prb)=ffffffffaac5c3a0\n"
    b"OFFSET(prb_desc.state_var)=16\n"
    b"SIZE(prb_desc)=24\n"
    b"NUMBER(phys_base)=-484442112\n"
    b"NUMBER(VMALLOC_START)=0xff42442d40000000\n"
    b"KERNELOFFSET=28000000\n"
    b"no value\n"
    b"CRASHTIME=1795341073\n\0\0\0"
)


def test_values_by_their_kind() -> None:
    assert INFO.text("OSRELEASE") == "6.12=x"
    assert INFO.text("MISSING") is None
    assert INFO.address("prb") == 0xFFFFFFFFAAC5C3A0
    assert INFO.number("NUMBER(phys_base)") == -484442112
    assert INFO.number("NUMBER(sme_mask)", 0) == 0
    assert INFO.bounded("CRASHTIME", 0, 1 << 40) == 1795341073
    assert INFO.size("prb_desc", 24, 24) == 24
    assert INFO.field("prb_desc.state_var", 8, within=24) == 16
    assert "SYMBOL(prb)" in INFO
    assert "no value" not in INFO


@pytest.mark.parametrize(
    ("look", "sentence"),
    [
        (
            lambda: INFO.number("MISSING"),
            "VMCOREINFO does not have MISSING: this kernel describes itself in another way.",
        ),
        (
            lambda: INFO.address("missing"),
            "VMCOREINFO does not have SYMBOL(missing): this kernel describes itself in another way.",
        ),
        (lambda: INFO.number("OSRELEASE"), "VMCOREINFO says OSRELEASE=6.12=x, not a number."),
        (
            lambda: INFO.size("prb_desc", 25, 4096),
            "VMCOREINFO says SIZE(prb_desc)=24, which is not from 25 to 4096.",
        ),
        (
            lambda: INFO.field("prb_desc.state_var", 8, within=23),
            "VMCOREINFO says OFFSET(prb_desc.state_var)=16, which is not from 0 to 15.",
        ),
    ],
)
def test_what_is_not_known_here_is_no_damage(look: object, sentence: str) -> None:
    assert callable(look)
    with pytest.raises(Flaw) as caught:
        look()
    assert str(caught.value) == sentence
    assert caught.value.verdict == "unsupported"


def test_a_number_can_be_hexadecimal_and_say_so() -> None:
    assert INFO.number("NUMBER(VMALLOC_START)") == 0xFF42442D40000000
