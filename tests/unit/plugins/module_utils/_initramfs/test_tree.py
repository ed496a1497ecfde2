# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.tree import Tree
from ansible_collections.vmcore.kdump.tests.unit.dracut_image import LINK, PROGRAM, as_entries

TREE = Tree(
    as_entries(
        [
            ("lib", LINK, b"usr/lib"),
            ("init", LINK, b"/usr/lib/systemd/systemd"),
            ("usr/lib/systemd/systemd", PROGRAM, b"\x7fELF"),
            ("usr/lib/systemd/system/b.service", PROGRAM, b"[Unit]\n"),
            ("usr/lib/systemd/system/a.service", LINK, b"../system/b.service"),
            ("etc/up", LINK, b"../../../usr"),
            ("etc/masked", LINK, b"/dev/null"),
            ("etc/away", LINK, b"nothing"),
            ("etc/one", LINK, b"two"),
            ("etc/two", LINK, b"one"),
            ("etc/script", PROGRAM, b"#!/bin/sh\n\n  # comment\n  run it\n"),
        ]
    )
)


@pytest.mark.parametrize(
    ("path", "real"),
    [
        ("init", "usr/lib/systemd/systemd"),
        ("lib/systemd/system", "usr/lib/systemd/system"),
        ("lib/systemd/system/a.service", "usr/lib/systemd/system/b.service"),
        ("/usr/./lib//systemd/", "usr/lib/systemd"),
        ("etc/up/lib", "usr/lib"),
        ("etc/masked", "dev/null"),
        ("etc/away", None),
        ("etc/one", None),
        ("lib/none", None),
        ("", ""),
    ],
)
def test_links_are_followed_inside_the_image(path: str, real: str | None) -> None:
    assert TREE.resolve(path) == real


def test_directories_need_no_entry_of_their_own() -> None:
    assert TREE.names("lib/systemd") == ["system", "systemd"]
    assert TREE.names("") == ["etc", "init", "lib", "usr"]
    assert TREE.names("etc/script") == TREE.names("none") == []


def test_files_below_a_directory_are_no_links() -> None:
    assert TREE.below("lib/systemd/system") == ["usr/lib/systemd/system/b.service"]
    assert TREE.below("none") == []


def test_target_of_a_link_is_as_it_is_written() -> None:
    assert TREE.link("lib/systemd/system/a.service") == "../system/b.service"
    assert TREE.link("lib/systemd/system/b.service") is None
    assert TREE.link("none/x") is None


def test_lines_have_their_place() -> None:
    assert [str(line) for line in TREE.lines("etc/script")] == ["etc/script:4: run it"]
    assert TREE.text("etc/away") == ""


def test_loader_and_system_do_not_see_each_other() -> None:
    files = as_entries([("loader:init", PROGRAM, b"a\n"), ("init", PROGRAM, b"b\n")])
    assert [str(line) for line in Tree(files).lines("init")] == ["init:1: b"]
    assert [str(line) for line in Tree(files, "loader:").lines("init")] == ["loader:init:1: a"]
