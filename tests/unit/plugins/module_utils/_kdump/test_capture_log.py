# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from pathlib import PurePosixPath

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.capture_log import (
    DRACUT,
    INITRAMFS_TOOLS,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.config.options import EditContext
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.edit import Edit, edit, files_of
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.registry import FAMILIES
from ansible_collections.vmcore.kdump.tests.unit.plugins.module_utils._kdump.test_edit import (
    DEBIAN_PROGRAM,
    FILES,
)

if t.TYPE_CHECKING:
    from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.facts import Pstore

CONFIGS = {family.name: family.configuration for family in FAMILIES}
APPEND = {
    "debian": "KDUMP_CMDLINE_APPEND",
    "kdump-utils": "KDUMP_COMMANDLINE_APPEND",
    "suse": "KDUMP_COMMANDLINE_APPEND",
}
ARGUMENT = "efi_pstore.pstore_disable=0"
OURS = "# vmcore.kdump, capture_log: keeps the log of a capture kernel that dies\n"
MODULES = "# List of modules that you want to include in your initramfs.\nnvme\n"


def store(capture: str | None, driver: t.Literal["built_in", "module"] | None = None) -> Pstore:
    """Return what the facts say."""
    return {
        "backend": None,
        "records": None,
        "erst": capture == "erst",
        "efi": {"writable": True, "driver": driver, "disabled": True, "free_bytes": None},
        "capture": capture,
        "room": None,
        "why": "",
    }


MODULE, BUILT_IN, ERST = (
    store("efi_pstore", "module"), store("efi_pstore", "built_in"), store("erst", "module"),
)  # fmt: skip


def run(
    family: str,
    found: Pstore,
    texts: dict[PurePosixPath, str] | None = None,
    wanted: str = "pstore",
    **options: t.Any,
) -> Edit:
    config = CONFIGS[family]
    before = texts or dict(zip(config.paths, FILES[family]))
    program = DEBIAN_PROGRAM if family == "debian" else ""
    host = EditContext(program, "root=/dev/vda ro quiet", store=found)
    return edit(config, before, {"capture_log": wanted, **options}, host)


@pytest.mark.parametrize("family", FILES)
@pytest.mark.parametrize("found", [MODULE, BUILT_IN, ERST], ids=["module", "built_in", "erst"])
def test_a_second_run_changes_nothing_and_none_takes_it_away(family: str, found: Pstore) -> None:
    first = run(family, found)
    again = run(family, found, first.after)
    assert not again.changed
    assert not again.rebuild
    assert not again.rearm
    gone = run(family, found, first.after, wanted="none")
    assert ARGUMENT not in "".join(gone.after.values())
    assert "efi_pstore" not in "".join(gone.after.values())
    assert not run(family, found, gone.after, wanted="none").changed


@pytest.mark.parametrize("family", FILES)
def test_uefi_variables_take_an_argument_and_a_module(family: str) -> None:
    found = run(family, MODULE)
    modules = CONFIGS[family].first_modules.path
    assert ARGUMENT in found.after[CONFIGS[family].paths[-1]]
    assert "efi_pstore" in found.after[modules]
    assert modules in found.changed
    assert found.rebuild
    assert found.rearm


@pytest.mark.parametrize("family", FILES)
def test_a_driver_in_the_kernel_takes_an_argument_alone(family: str) -> None:
    assert run(family, BUILT_IN).changed == [CONFIGS[family].paths[-1]]


@pytest.mark.parametrize("family", FILES)
@pytest.mark.parametrize("found", [ERST, store(None)], ids=["erst", "none"])
def test_where_nothing_is_to_be_set_up_nothing_changes(family: str, found: Pstore) -> None:
    assert not run(family, found).changed


@pytest.mark.parametrize("family", FILES)
def test_a_setting_that_both_change_is_refused_by_its_name(family: str) -> None:
    settings = {APPEND[family]: "nr_cpus=1"}
    for wanted in ("pstore", "none"):
        with pytest.raises(
            KdumpError, match=f"settings has {APPEND[family]}, which capture_log sets"
        ):
            run(family, MODULE, wanted=wanted, settings=settings)
    assert run(family, ERST, settings=settings).changed == [CONFIGS[family].paths[-1]]


@pytest.mark.parametrize("family", FILES)
def test_other_arguments_stay(family: str) -> None:
    found = run(family, MODULE, command_line_append=["nr_cpus=2"])
    text = found.after[CONFIGS[family].paths[-1]]
    assert ARGUMENT in text
    assert "nr_cpus=2" in text
    gone = run(family, MODULE, found.after, wanted="none").after[CONFIGS[family].paths[-1]]
    assert ARGUMENT not in gone
    assert "nr_cpus=2" in gone


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f"{OURS}efi_pstore\n"),
        (MODULES, f"{MODULES}{OURS}efi_pstore\n"),
        ("nvme", f"nvme\n{OURS}efi_pstore\n"),
        # The administrator's own line stays theirs.
        ("efi_pstore\n", "efi_pstore\n"),
        ("# efi_pstore\n", f"# efi_pstore\n{OURS}efi_pstore\n"),
    ],
)
def test_the_modules_of_initramfs_tools(before: str, after: str) -> None:
    assert INITRAMFS_TOOLS.with_module(before) == after
    assert INITRAMFS_TOOLS.with_module(after) == after
    removed = INITRAMFS_TOOLS.without_module(after)
    assert removed.rstrip("\n") == before.rstrip("\n")


def test_a_file_of_dracut_is_ours_and_is_removed() -> None:
    text = DRACUT.with_module("")
    assert 'force_drivers+=" efi_pstore "' in text
    assert DRACUT.without_module(text) == ""
    found = run("kdump-utils", MODULE)
    assert found.removes(DRACUT.path)
    assert not found.removes(CONFIGS["kdump-utils"].paths[0])
    assert not run("debian", MODULE).removes(INITRAMFS_TOOLS.path)


def test_the_list_of_modules_is_read_only_where_it_counts() -> None:
    config = CONFIGS["debian"]
    assert files_of(config, {"keep": 3}) == [*config.paths]
    assert files_of(config, {"capture_log": "none"}) == [*config.paths, INITRAMFS_TOOLS.path]
