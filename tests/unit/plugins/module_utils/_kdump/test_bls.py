# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is booted next where each kernel has an entry of its own."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.bls import next_options
from ansible_collections.vmcore.kdump.tests.unit.boot_hosts import VARIABLES, VENDOR
from ansible_collections.vmcore.kdump.tests.unit.host_trees import build

ENTRIES = "boot/efi/loader/entries"


def entry(version: str, options: str, key: str = "") -> str:
    sort = f"sort-key {key}\n" if key else ""
    return f"# a comment\ntitle T\nversion {version}\n{sort}linux /x/linux\noptions {options}\n"


TREE: dict[str, t.Any] = {
    f"{ENTRIES}/a-6.9.1.conf": entry("6.9.1", "nine"),
    f"{ENTRIES}/a-6.10.2+3-1.conf": entry("6.10.2", "ten"),
    f"{ENTRIES}/memtest.conf": "title Memtest\nefi-shell /memtest.efi\n",
}


def variable(name: str, value: str) -> dict[str, bytes]:
    return {f"{VARIABLES}/{name}-{VENDOR}": b"\7\0\0\0" + f"{value}\0".encode("utf-16-le")}


@pytest.mark.parametrize(
    ("more", "options"),
    [
        ({}, "ten"),  # the newest, compared as a version
        ({"boot/efi/loader/loader.conf": "timeout 3\ndefault a-6.9*\n"}, "nine"),
        ({"boot/efi/loader/loader.conf": "default none\n"}, "ten"),
        (variable("LoaderEntryDefault", "a-6.9.1.conf"), "nine"),
        (variable("LoaderEntryOneShot", "a-6.9.1.conf"), "nine"),
        (variable("LoaderEntryDefault", "a-6.10.2.conf"), "ten"),  # without its counter
        ({f"{ENTRIES}/b-5.conf": entry("5", "keyed", "b")}, "keyed"),
        ({f"{ENTRIES}/a-6.10.2+3-1.conf": entry("6.10.2", "ten\noptions more")}, "ten more"),
    ],
)
def test_entry_that_is_booted_next(tmp_path: Path, more: dict[str, t.Any], options: str) -> None:
    assert next_options(build(tmp_path, {**TREE, **more})) == options.split()


def test_no_entry(tmp_path: Path) -> None:
    with pytest.raises(
        KdumpError, match="There is no entry to boot in loader/entries of /boot/efi, /efi, /boot"
    ):
        next_options(build(tmp_path, {f"{ENTRIES}/x.conf": "title no Linux\n"}))
