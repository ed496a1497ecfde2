# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from pathlib import Path, PurePosixPath

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._helper.layout import ENABLED, SHIPPED
from ansible_collections.vmcore.kdump.plugins.module_utils._helper.plan_file import plan_text
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs import order
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.read import Entry
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.debian.family import (
    Debian,
    DebianDracut,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.kdump_utils.family import (
    KdumpUtils,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.suse.family import Suse
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.family import Family
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.registry import FAMILIES
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.install import (
    Item,
    State,
    differing,
    expected_in_image,
    found,
    lacking_in_image,
    needs_setpci,
    require_tools,
    text_diff,
    wanted_absent,
    wanted_present,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.plan import make_plan
from ansible_collections.vmcore.kdump.tests.unit.facts import bridge, function, host
from ansible_collections.vmcore.kdump.tests.unit.host_trees import Link, build

FILES = {
    **{name: f"text of {name}\n" for name in SHIPPED},
    "local-apic.hex": "# A program\n7f 45 4c 46 # its name\n00\n",
}
PROGRAM = b"\x7fELF\0"
PLAN = make_plan(host(bridge("0000:00:02.0"), function("0000:01:00.0", "0000:00:02.0")))
PLAN_PATH = PurePosixPath("/etc/pcie-reset/plan")


def shipped(name: str, mode: int) -> Item:
    return Item(f"text of {name}\n".encode(), mode)


UNIT = "pcie-reset-report.service"
EVERYWHERE = {
    "/etc/pcie-reset/plan": Item(plan_text(PLAN).encode(), 0o644),
    "/usr/local/lib/pcie-reset/guard": shipped("guard", 0o755),
    "/usr/local/lib/pcie-reset/lib.sh": shipped("lib.sh", 0o644),
    "/usr/local/lib/pcie-reset/local-apic": Item(PROGRAM, 0o755),
    "/usr/local/lib/pcie-reset/pcie-reset": shipped("pcie-reset", 0o755),
    "/usr/local/lib/pcie-reset/secondary-bus-reset": shipped("secondary-bus-reset", 0o755),
    "/usr/local/lib/pcie-reset/store-report": shipped("store-report", 0o755),
}
REAL_ROOT = {
    f"/etc/systemd/system/kdump-tools-dump.service.wants/{UNIT}": Item(
        f"/etc/systemd/system/{UNIT}".encode(), None
    ),
    f"/etc/systemd/system/{UNIT}": shipped(UNIT, 0o644),
    "/usr/local/lib/pcie-reset/capture-arguments": shipped("capture-arguments", 0o644),
}
INITRAMFS_TOOLS = {
    "/etc/initramfs-tools/hooks/pcie-reset": shipped("initramfs-tools-hook", 0o755),
    "/usr/local/lib/pcie-reset/init-top": shipped("init-top", 0o755),
}
MODULE = "/usr/lib/dracut/modules.d/50pcie-reset"
DRACUT = {
    f"{MODULE}/module-setup.sh": shipped("dracut-module-setup.sh", 0o755),
    f"{MODULE}/pcie-reset.service": shipped("pcie-reset.service", 0o644),
    f"{MODULE}/pcie-reset.sh": shipped("dracut-hook.sh", 0o755),
}
QUIESCE = {
    f"/usr/local/lib/pcie-reset/{name}": shipped(name, mode)
    for name, mode in (("quiesce", 0o755), ("quiesce-init", 0o755), ("quiesce-kdump-tools", 0o644))
}
SAVE = {f"{MODULE}/kdump-save.conf": shipped("dracut-kdump-save.conf", 0o644)}


def named(state: State) -> dict[str, Item | None]:
    return {str(path): item for path, item in state.items()}


@pytest.mark.parametrize(
    ("family", "needed"),
    [
        (Debian(), {**EVERYWHERE, **REAL_ROOT, **INITRAMFS_TOOLS}),
        (DebianDracut(), {**EVERYWHERE, **REAL_ROOT, **DRACUT}),
        (KdumpUtils(), {**EVERYWHERE, **DRACUT}),
        (Suse(), {**EVERYWHERE, **DRACUT, **SAVE}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_host_has_what_its_family_needs_and_nothing_of_another(
    family: Family, needed: dict[str, Item]
) -> None:
    wanted = named(wanted_present(FILES, PLAN, family))
    assert {path: item for path, item in wanted.items() if item} == needed
    assert set(wanted) == {
        *EVERYWHERE, *REAL_ROOT, *INITRAMFS_TOOLS, *DRACUT, *SAVE, *QUIESCE,
    }  # fmt: skip


@pytest.mark.parametrize("family", [Debian(), DebianDracut()], ids=lambda value: value.generator)
def test_quiesce_stage_adds_its_files(family: Family) -> None:
    plan = {**PLAN, "stage": "quiesce"}
    wanted = named(wanted_present(FILES, plan, family, "quiesce"))
    without = named(wanted_present(FILES, PLAN, family))
    assert {path: item for path, item in wanted.items() if item != without[path]} == QUIESCE


@pytest.mark.parametrize("family", [KdumpUtils(), Suse()], ids=lambda value: value.name)
def test_quiesce_stage_is_refused_where_it_is_not_built(family: Family) -> None:
    with pytest.raises(KdumpError) as error:
        wanted_present(FILES, {**PLAN, "stage": "quiesce"}, family, "quiesce")
    assert str(error.value) == (
        f"The quiesce stage is built for kdump-tools (Debian, Ubuntu), and not for {family.name}: leave the stage at"
        " initramfs."
    )


@pytest.mark.parametrize("stages", [("initramfs", "quiesce"), ("quiesce", "initramfs")])
def test_plan_for_another_stage_is_refused(stages: tuple[str, str]) -> None:
    planned, wanted = stages
    with pytest.raises(
        KdumpError, match=f"for the stage {planned} and is to be installed for {wanted}"
    ):
        wanted_present(FILES, {**PLAN, "stage": planned}, Debian(), wanted)


def test_every_family_has_its_files() -> None:
    for family in FAMILIES:
        wanted = wanted_present(FILES, PLAN, family)
        assert wanted[family.hook] is not None


def test_what_a_host_without_the_helper_has() -> None:
    assert wanted_absent() == dict.fromkeys(wanted_present(FILES, PLAN, Debian()))


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: type(family).__name__)
def test_what_the_image_has(family: Family) -> None:
    expected = expected_in_image(wanted_present(FILES, PLAN, family))
    placement = (
        {order.UNIT: b"text of pcie-reset.service\n"}
        if family.generator == "dracut"
        else {order.SCRIPT: b"text of init-top\n"}
    )
    assert expected == {
        order.HELPER: b"text of pcie-reset\n",
        order.PLAN: plan_text(PLAN).encode(),
        "usr/local/lib/pcie-reset/guard": b"text of guard\n",
        order.COMMON: b"text of lib.sh\n",
        "usr/local/lib/pcie-reset/local-apic": PROGRAM,
        order.SEQUENCE: b"text of secondary-bus-reset\n",
        **placement,
    }
    assert expected_in_image(wanted_absent()) == {}


def in_image(**files: str) -> dict[str, Entry]:
    return {name: Entry(name, 0o100644, memoryview(text.encode())) for name, text in files.items()}


SBR_PLAN = make_plan(
    host(bridge("0000:00:02.0"), function("0000:01:00.0", "0000:00:02.0")), [], {"sbr": "fallback"}
)


def test_registers_are_reset_with_setpci() -> None:
    without, wanted = (wanted_present(FILES, plan, Debian()) for plan in (PLAN, SBR_PLAN))
    assert not needs_setpci(without)
    assert not needs_setpci(wanted_absent())
    assert needs_setpci(wanted)


def test_host_without_setpci_is_told_to_install_it(tmp_path: Path) -> None:
    wanted = wanted_present(FILES, SBR_PLAN, Debian())
    with pytest.raises(KdumpError, match="install pciutils"):
        require_tools(tmp_path, wanted)
    require_tools(tmp_path, wanted_present(FILES, PLAN, Debian()))
    require_tools(tmp_path, wanted_absent())
    require_tools(build(tmp_path, {"usr/bin/setpci": ""}), wanted)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (
            "usr/lib/systemd/system/kdump-save.service.d/pcie-reset.conf",
            "dracut-kdump-save.conf",
        ),
        ("var/lib/dracut/hooks/cmdline/00-pcie-reset.sh", "dracut-hook.sh"),
        ("usr/lib/dracut/hooks/cmdline/00-pcie-reset.sh", "dracut-hook.sh"),
        ("usr/local/lib/pcie-reset/store-report", "store-report"),
    ],
)
def test_what_is_in_some_images_is_the_present_one(path: str, name: str) -> None:
    wanted = wanted_present(FILES, PLAN, Suse())
    assert lacking_in_image(wanted, in_image(**{path: FILES[name]})) is None
    assert lacking_in_image(wanted, in_image(**{path: "old"})) == (
        f"/{path} in the image differs from the one to be installed."
    )


@pytest.mark.parametrize(
    ("files", "named_in_error"),
    [
        ({}, ", ".join(sorted(FILES))),
        ({**FILES, "init-bottom": ""}, "init-bottom"),
    ],
)
def test_files_come_from_the_collection(files: dict[str, str], named_in_error: str) -> None:
    with pytest.raises(KdumpError, match=f"\\({named_in_error}\\)"):
        wanted_present(files, PLAN, Debian())


@pytest.mark.parametrize(
    ("plan", "sentence"),
    [
        ({}, "The plan is not one"),
        ({"ports": []}, "The plan is not one"),
        ({**PLAN, "ports": None}, "The plan is not one"),
        ({**PLAN, "ports": [{"decision": "reset"}]}, "The plan is not one"),
        ({**PLAN, "ports": []}, "The plan was changed after it was made"),
        ({**PLAN, "host": "a b"}, "which is none"),
        ({**PLAN, "host": "a\nport"}, "which is none"),
    ],
)
def test_only_a_plan_gets_into_the_capture_kernel(plan: dict[str, t.Any], sentence: str) -> None:
    with pytest.raises(KdumpError, match=sentence):
        wanted_present(FILES, plan, Debian())


def test_content_permissions_and_links_count(tmp_path: Path) -> None:
    build(
        tmp_path,
        {"same": "1", "content": "2", "mode": "1", "target": Link("/a"), "kind": Link("/a")},
    )
    (tmp_path / "mode").chmod(0o600)
    for name in ("same", "content"):
        (tmp_path / name).chmod(0o644)
    wanted: State = {
        PurePosixPath("/same"): Item(b"1", 0o644),
        PurePosixPath("/content"): Item(b"1", 0o644),
        PurePosixPath("/mode"): Item(b"1", 0o644),
        PurePosixPath("/missing"): Item(b"1", 0o644),
        PurePosixPath("/target"): Item(b"/b", None),
        PurePosixPath("/kind"): Item(b"/a", 0o644),
        PurePosixPath("/gone"): None,
    }
    present = found(tmp_path, wanted)
    assert [str(path) for path in differing(wanted, present)] == [
        "/content",
        "/kind",
        "/missing",
        "/mode",
        "/target",
    ]


def test_something_else_in_the_way_is_an_error(tmp_path: Path) -> None:
    build(tmp_path, {"etc/pcie-reset/plan": None})
    with pytest.raises(KdumpError, match="etc/pcie-reset/plan is neither a file nor a link"):
        found(tmp_path, [PLAN_PATH])


def test_diff_shows_texts_permissions_and_links() -> None:
    before: State = {PLAN_PATH: Item(b"old\n", 0o600), ENABLED: None}
    after: State = {PLAN_PATH: Item(b"new\n", 0o644), ENABLED: Item(b"/unit", None)}
    assert text_diff(before, after) == [
        {
            "before_header": "/etc/pcie-reset/plan (mode 0600)",
            "after_header": "/etc/pcie-reset/plan (mode 0644)",
            "before": "old\n",
            "after": "new\n",
        },
        {
            "before_header": f"{ENABLED} (absent)",
            "after_header": f"{ENABLED} (link)",
            "before": "",
            "after": "/unit",
        },
    ]
    assert text_diff(before, before) == []
