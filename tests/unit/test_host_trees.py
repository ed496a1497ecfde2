# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

from ansible_collections.vmcore.kdump.tests.unit.host_trees import Link, build, pack, unpack


def test_packed_tree_is_the_tree(tmp_path: Path) -> None:
    text = pack(
        build(
            tmp_path,
            {
                "a/config": b"\x86\x80\xd3\x10" + bytes(4092),
                "a/driver": Link("../drivers/x"),
                "a/empty": "",
                "a/lines": "tab\there\nback\\slash\n",
                "a/loaded": b"\x01\xff",
                "b": None,
            },
        )
    )
    assert text == (
        "a/config\thex\t8680d310+4092\n"
        "a/driver\tlink\t../drivers/x\n"
        "a/empty\tempty\n"
        "a/lines\ttext\ttab\\there\\nback\\\\slash\\n\n"
        "a/loaded\thex\t01ff\n"
        "b\tdirectory\n"
    )


def test_real_tree_survives(tmp_path: Path) -> None:
    text = pack(unpack("q35-vtd", tmp_path))
    for line in text.splitlines():
        assert "\t" in line
    assert text.count("/config\thex\t") == 15
