# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import types
import typing as t
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump import pstore
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.pstore import pstore_facts
from ansible_collections.vmcore.kdump.tests.unit.host_trees import build

KERNEL = "6.12.107+deb13-amd64"
MODULES = f"lib/modules/{KERNEL}"
BACKEND = "sys/module/pstore/parameters/backend"
ROOT = "26 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
VARIABLES = "36 26 0:31 / /sys/firmware/efi/efivars {},nosuid shared:9 - efivarfs efivarfs rw\n"

NONE = {BACKEND: "(null)\n", "proc/self/mountinfo": ROOT}
ERST = {**NONE, BACKEND: "erst\n", "sys/firmware/acpi/tables/ERST": b"ERST"}
UEFI = {**NONE, "proc/self/mountinfo": ROOT + VARIABLES.format("rw")}
DISABLED = {"sys/module/efi_pstore/parameters/pstore_disable": "Y\n"}
IN_MODULES = {f"{MODULES}/modules.dep": "kernel/drivers/firmware/efi/efi-pstore.ko.xz:\n"}
IN_KERNEL = {f"{MODULES}/modules.builtin": "kernel/drivers/firmware/efi/efi-pstore.ko\n"}
LOADED = {**DISABLED, "sys/module/efi_pstore/initstate": "live\n"}


@pytest.mark.parametrize(
    ("tree", "capture", "room", "why"),
    [
        (ERST, "erst", None, "there is nothing to set up"),
        ({**NONE, BACKEND: "ramoops\n"}, "ramoops", None, "keeps crash records with ramoops"),
        # Both: what the kernel chose counts, and the capture kernel is the same.
        ({**ERST, **UEFI, BACKEND: "erst\n"}, "erst", None, "ACPI ERST"),
        ({**UEFI, **IN_KERNEL, BACKEND: "efi_pstore\n"}, "efi_pstore", None, "UEFI variables can"),
        ({**UEFI, **IN_MODULES, BACKEND: "efi\n"}, "efi_pstore", None, "UEFI variables can"),
        ({**UEFI, **IN_MODULES}, "efi_pstore", None, "this kernel does not say"),
        ({**UEFI, **DISABLED}, "efi_pstore", None, "UEFI variables can keep"),
        (UEFI, None, None, "built without efi_pstore"),
        ({**UEFI, **IN_MODULES, "proc/self/mountinfo": ROOT + VARIABLES.format("ro")}, None, None,
         "no UEFI variable be written"),
        ({**ERST, BACKEND: "(null)\n"}, None, None, "see erst_disable"),
        (NONE, None, None, "no place for crash records"),
        ({}, None, None, "is not known"),
    ],
)  # fmt: skip
def test_what_could_keep_the_log_of_a_capture_kernel(
    tmp_path: Path, tree: dict[str, str | bytes], capture: str | None, room: bool | None, why: str
) -> None:
    facts = pstore_facts(build(tmp_path, tree), KERNEL)
    assert (facts["capture"], facts["room"]) == (capture, room)
    assert why in facts["why"]


@pytest.mark.parametrize(
    ("tree", "driver", "disabled"),
    [
        (LOADED, "module", True),
        ({**LOADED, "sys/module/efi_pstore/parameters/pstore_disable": "N\n"}, "module", False),
        (DISABLED, "built_in", True),
        (IN_MODULES, "module", None),
        (IN_KERNEL, "built_in", None),
        ({}, None, None),
    ],
)
def test_the_driver_of_uefi_variables(
    tmp_path: Path, tree: dict[str, str], driver: str | None, disabled: bool | None
) -> None:
    efi = pstore_facts(build(tmp_path, {**UEFI, **tree}), KERNEL)["efi"]
    assert efi == {"writable": True, "driver": driver, "disabled": disabled, "free_bytes": None}


def test_what_was_not_captured_is_not_known(tmp_path: Path) -> None:
    facts = pstore_facts(tmp_path, KERNEL)
    assert (facts["backend"], facts["erst"], facts["efi"], facts["records"]) == (None,) * 4
    assert pstore_facts(build(tmp_path, NONE), KERNEL)["erst"] is False


@pytest.mark.parametrize(
    ("blocks", "free", "room", "why"),
    [
        (262_128, 240_104, True, "with room for 240104 bytes"),
        (262_128, 16_383, False, "16383 bytes may be written and 16384 are needed"),
        # Before the kernel had efivarfs_statfs().
        (0, 0, None, "this kernel does not say"),
    ],
)
def test_the_room_for_uefi_variables(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    blocks: int,
    free: int,
    room: bool | None,
    why: str,
) -> None:
    asked = []

    def statvfs(path: t.Any) -> types.SimpleNamespace:
        asked.append(str(path))
        return types.SimpleNamespace(f_blocks=blocks, f_bavail=free, f_bsize=1)

    monkeypatch.setattr(os, "statvfs", statvfs)
    monkeypatch.setattr(pstore, "_is_live", lambda _root: True)
    facts = pstore_facts(build(tmp_path, {**UEFI, **IN_MODULES}), KERNEL)
    assert facts["room"] is room
    assert why in facts["why"]
    assert asked == [f"{tmp_path}/sys/firmware/efi/efivars"]
