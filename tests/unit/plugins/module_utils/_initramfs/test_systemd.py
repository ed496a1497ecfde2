# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.systemd import (
    SystemdBoot,
    Units,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.tree import Tree
from ansible_collections.vmcore.kdump.tests.unit.dracut_image import (
    LINK,
    PROGRAM,
    UNITS,
    as_entries,
)

ETC = "etc/systemd/system"
NO_DEFAULT = "[Unit]\nDefaultDependencies=no\n"


def tree(files: dict[str, str], links: dict[str, str] | None = None) -> Tree:
    """Return a tree of unit files and links; a name without a directory is in /usr/lib."""

    def path(name: str) -> str:
        return name if name.startswith(("etc/", "run/", "usr/")) else f"{UNITS}/{name}"

    return Tree(
        as_entries(
            [
                ("etc/initrd-release", PROGRAM, b"NAME=dracut\n"),
                ("lib", LINK, b"usr/lib"),
                *((path(name), PROGRAM, text.encode()) for name, text in files.items()),
                *((path(name), LINK, to.encode()) for name, to in (links or {}).items()),
            ]
        )
    )


def described(files: dict[str, str], links: dict[str, str] | None = None) -> str | None:
    unit = Units(tree(files, links)).load("a.service")
    setting = None if unit is None else unit.last("Unit", "Description")
    return None if setting is None else setting.value


def says(text: str) -> str:
    return f"[Unit]\nDescription={text}\n"


@pytest.mark.parametrize(
    ("files", "links", "description"),
    [
        ({"a.service": says("lib")}, {}, "lib"),
        ({"a.service": says("lib"), f"{ETC}/a.service": says("etc")}, {}, "etc"),
        (
            {"a.service": says("lib"), "run/systemd/system/a.service": says("run")},
            {},
            "run",
        ),
        ({"b.service": says("b")}, {"a.service": "b.service"}, "b"),
        ({"b.service": says("b")}, {f"{ETC}/a.service": "/lib/systemd/system/b.service"}, "b"),
        ({"a.service": says("lib")}, {f"{ETC}/a.service": "/dev/null"}, None),
        ({"a.service": says("lib"), f"{ETC}/a.service": ""}, {}, None),
        ({"a.service": says("lib")}, {f"{ETC}/a.service": "/gone"}, None),
        # Drop-ins are read in the order of their names, wherever they are.
        (
            {
                "a.service": says("lib"),
                "a.service.d/20.conf": says("20"),
                f"{ETC}/a.service.d/10.conf": says("10"),
            },
            {},
            "20",
        ),
        (
            {
                "a.service": says("lib"),
                "a.service.d/10.conf": says("lib 10"),
                f"{ETC}/a.service.d/10.conf": says("etc 10"),
            },
            {},
            "etc 10",
        ),
        (
            {"a.service": says("lib"), "a.service.d/10.conf": says("10")},
            {f"{ETC}/a.service.d/10.conf": "/dev/null"},
            "lib",
        ),
        ({"a.service": says("lib"), "service.d/10.conf": says("all")}, {}, "all"),
        (
            {
                "a.service": says("lib"),
                "service.d/10.conf": says("all"),
                "a.service.d/10.conf": says("a"),
            },
            {},
            "a",
        ),
        ({"a.service": says("lib"), "a.service.d/10.txt": says("no")}, {}, "lib"),
        (
            {"b.service": says("b"), "a.service.d/1.conf": says("alias")},
            {"a.service": "b.service"},
            "alias",
        ),
        # systemd.syntax(7)
        (
            {
                "a.service": "# c\n; c\n[Unit]\nDescription = one \\\n# c\n  two\n[Other]\nDescription=x\n"
            },
            {},
            "one two",
        ),
        ({"a.service": says("set") + says("")}, {}, None),
    ],
)
def test_file_that_counts(
    files: dict[str, str], links: dict[str, str], description: str | None
) -> None:
    assert described(files, links) == description


def test_drop_in_for_a_family_of_names() -> None:
    units = Units(tree({"a-b-c.service": says("lib"), "a-b-.service.d/1.conf": says("family")}))
    unit = units.load("a-b-c.service")
    assert unit is not None
    assert [setting.value for setting in unit.items("Unit", "Description")] == ["lib", "family"]


def test_instance_is_made_from_its_template() -> None:
    files = {
        "load@.service": "[Unit]\nBefore=%i.mount\n[Service]\nExecStart=modprobe %I\n",
        "load@.service.d/1.conf": "[Unit]\nAfter=x.service\n",
    }
    unit = Units(tree(files, {"alias@.service": "load@.service"})).load("alias@dm.service")
    assert unit is not None
    assert unit.name == "load@dm.service"
    assert [name for name, _line in unit.names("Before", "After")] == ["dm.mount", "x.service"]
    assert [setting.value for setting in unit.commands()] == ["modprobe dm"]


def boot(files: dict[str, str], links: dict[str, str] | None = None) -> SystemdBoot:
    return SystemdBoot(tree({"initrd.target": NO_DEFAULT, **files}, links))


def wanted(*names: str, by: str = "initrd.target") -> dict[str, str]:
    return {f"{by}.wants/{name}": f"../{name}" for name in names}


def test_transaction_is_what_the_start_pulls_in() -> None:
    found = boot(
        {
            "initrd.target": "[Unit]\nRequires=b.target\nWants=missing.service masked.service\n",
            "b.target": NO_DEFAULT,
            "c.service": NO_DEFAULT,
            "d.service": NO_DEFAULT,
            "masked.service": NO_DEFAULT,
            "other.service": NO_DEFAULT,
        },
        {
            "b.target.wants/c.service": "../c.service",
            "c.service.requires/d.service": "../d.service",
            f"{ETC}/masked.service": "/dev/null",
        },
    )
    assert sorted(found.pulled) == ["b.target", "c.service", "d.service", "initrd.target"]
    assert found.why_started("d.service") == [
        f"{UNITS}/initrd.target:2: Requires=b.target",
        f"{UNITS}/b.target.wants/c.service -> ../c.service",
        f"{UNITS}/c.service.requires/d.service -> ../d.service",
    ]
    assert [unit.name for unit in found.all_units()] == sorted(found.pulled)


def test_without_initrd_release_it_is_the_default_target() -> None:
    entries = as_entries(
        [
            (f"{UNITS}/initrd.target", PROGRAM, NO_DEFAULT.encode()),
            (f"{UNITS}/other.target", PROGRAM, NO_DEFAULT.encode()),
            (f"{ETC}/default.target", LINK, b"/usr/lib/systemd/system/other.target"),
        ]
    )
    assert SystemdBoot(Tree(entries)).start == "other.target"


@pytest.mark.parametrize(
    ("files", "ordered"),
    [
        ({"a.service": f"{NO_DEFAULT}Before=b.service\n", "b.service": NO_DEFAULT}, True),
        ({"a.service": NO_DEFAULT, "b.service": f"{NO_DEFAULT}After=a.service\n"}, True),
        ({"a.service": NO_DEFAULT, "b.service": NO_DEFAULT}, False),
        ({"a.service": f"{NO_DEFAULT}After=b.service\n", "b.service": NO_DEFAULT}, False),
        # Over another unit, if that is started.
        (
            {
                "a.service": f"{NO_DEFAULT}Before=c.service\n",
                "b.service": f"{NO_DEFAULT}After=c.service\nWants=c.service\n",
                "c.service": NO_DEFAULT,
            },
            True,
        ),
        (
            {
                "a.service": f"{NO_DEFAULT}Before=c.service\n",
                "b.service": f"{NO_DEFAULT}After=c.service\n",
                "c.service": NO_DEFAULT,
            },
            False,
        ),
        (
            {
                "a.service": f"{NO_DEFAULT}Before=c.service\n",
                "b.service": f"{NO_DEFAULT}After=c.service\nWants=c.service\n",
                "c.service": f"{NO_DEFAULT}Requires=missing.service\n",
            },
            False,
        ),
        # Services with default dependencies are after sysinit.target.
        (
            {
                "a.service": f"{NO_DEFAULT}Before=sysinit.target\n",
                "b.service": "",
                "sysinit.target": NO_DEFAULT,
            },
            False,
        ),
        (
            {
                "a.service": f"{NO_DEFAULT}Before=sysinit.target\n",
                "b.service": "[Unit]\n",
                "sysinit.target": NO_DEFAULT,
            },
            True,
        ),
        # A target is after what it wants, unless one of both has no default dependencies.
        (
            {
                "a.service": "[Unit]\n",
                "b.service": f"{NO_DEFAULT}Wants=c.target\nAfter=c.target\n",
                "c.target": "[Unit]\nWants=a.service\n",
            },
            True,
        ),
        (
            {
                "a.service": NO_DEFAULT,
                "b.service": f"{NO_DEFAULT}Wants=c.target\nAfter=c.target\n",
                "c.target": "[Unit]\nWants=a.service\n",
            },
            False,
        ),
        (
            {
                "a.service": "[Unit]\n",
                "b.service": f"{NO_DEFAULT}Wants=c.target\nAfter=c.target\n",
                "c.target": "[Unit]\nWants=a.service\nBefore=a.service\n",
            },
            False,
        ),
        # kdump-capture.service of kdump-utils: initrd.target wants it, and it is after initrd.target.
        (
            {
                "a.service": "[Unit]\nAfter=c.target\n",
                "b.service": f"{NO_DEFAULT}Wants=c.target\nAfter=c.target\n",
                "c.target": "[Unit]\nWants=a.service\n",
            },
            False,
        ),
    ],
)
def test_order_between_two_units(files: dict[str, str], ordered: bool) -> None:
    found = boot(files, wanted("a.service", "b.service"))
    assert (found.before("a.service", "b.service") is not None) is ordered


def test_edges_are_shown_with_file_and_line() -> None:
    found = boot(
        {
            "a.service": NO_DEFAULT,
            "a.service.d/x.conf": "[Unit]\nBefore=\\\n  b.service\n",
            "b.service": NO_DEFAULT,
            "c.service": f"{NO_DEFAULT}After=b.service\n",
        },
        wanted("a.service", "b.service", "c.service"),
    )
    assert found.before("a.service", "c.service") == [
        f"{UNITS}/a.service.d/x.conf:2: Before= b.service",
        f"{UNITS}/c.service:3: After=b.service",
    ]
    assert found.after("c.service") == ["b.service"]
    assert found.predecessors("c.service") == ["a.service", "b.service", "systemd-journald.socket"]


@pytest.mark.parametrize(
    ("trigger", "text", "started"),
    [
        ("x.socket", "", "x.service"),
        ("x.socket", "[Socket]\nService=y.service\n", "y.service"),
        ("x.socket", "[Socket]\nAccept=yes\n", "x@0.service"),
        ("x.path", "[Path]\nUnit=y.service\n", "y.service"),
        ("x.timer", "", "x.service"),
        ("x.automount", "", "x.mount"),
    ],
)
def test_what_a_unit_may_start_later_is_after_it(trigger: str, text: str, started: str) -> None:
    files = {
        trigger: NO_DEFAULT + text,
        "x.service": f"{NO_DEFAULT}Wants=z.service\n",
        "x@.service": NO_DEFAULT,
        "x.mount": NO_DEFAULT,
        "y.service": NO_DEFAULT,
        "z.service": NO_DEFAULT,
    }
    found = boot(files, wanted(trigger))
    assert found.triggered[started] == trigger
    assert ("z.service" in found.triggered) is (started == "x.service")
    assert found.before(trigger, started) == [
        f"{UNITS}/{trigger}: a {trigger[2:]} is before its unit"
    ]
    assert found.not_started(started) == "nothing that initrd.target starts wants it"


def test_sockets_are_before_their_target() -> None:
    found = boot(
        {"x.socket": "[Unit]\n", "sockets.target": "[Unit]\n", "sysinit.target": NO_DEFAULT},
        wanted("x.socket", "sockets.target"),
    )
    assert found.before("x.socket", "sockets.target") is not None
    assert found.before("sysinit.target", "x.socket") is not None


def test_service_that_logs_is_after_the_journal() -> None:
    null = f"{NO_DEFAULT}[Service]\nStandardOutput=null\n"
    files = {
        "systemd-journald.socket": NO_DEFAULT,
        "a.service": NO_DEFAULT,
        "b.service": null,
        "c.service": f"{null}StandardError=journal\n",
    }
    found = boot(files, wanted(*files))
    after = {name: found.after(name) for name in ("a.service", "b.service", "c.service")}
    journal = ["systemd-journald.socket"]
    assert after == {"a.service": journal, "b.service": [], "c.service": journal}


def test_every_unit_of_a_cycle_may_be_left_out_and_no_other() -> None:
    files = {
        "a.service": f"{NO_DEFAULT}Before=b.service\n",
        "b.service": f"{NO_DEFAULT}Before=c.service\n",
        "c.service": f"{NO_DEFAULT}Before=b.service d.service\n",
        "d.service": NO_DEFAULT,
    }
    found = boot(files, wanted(*files))
    assert found.cycles == {
        "b.service": ["b.service", "c.service", "b.service"],
        "c.service": ["c.service", "b.service", "c.service"],
    }
    assert {name for name in files if found.not_started(name)} == {"b.service", "c.service"}
    assert found.before("a.service", "b.service") is not None
    assert found.before("a.service", "d.service") is None


def test_what_needs_a_unit_that_is_left_out_is_left_out() -> None:
    files = {
        "a.service": f"{NO_DEFAULT}Requires=b.service\n",
        "b.service": f"{NO_DEFAULT}Conflicts=c.service\n",
        "c.service": NO_DEFAULT,
        "d.service": f"{NO_DEFAULT}Requires=sysroot.mount dev-x.device\n",
    }
    found = boot(files, wanted(*files))
    line = f"{UNITS}/b.service:3: Conflicts=c.service"
    assert {name: found.not_started(name) for name in files} == {
        "a.service": f"it needs b.service, which is not started ({UNITS}/a.service:3: Requires=b.service)",
        "b.service": f"it conflicts with c.service ({line})",
        "c.service": f"it conflicts with b.service ({line})",
        "d.service": None,
    }


def test_what_is_only_wanted_by_units_that_may_be_left_out_is_left_out() -> None:
    files = {
        "a.service": f"{NO_DEFAULT}Before=b.service\nWants=c.service\n",
        "b.service": f"{NO_DEFAULT}Before=a.service\n",
        "c.service": NO_DEFAULT,
    }
    found = boot(files, wanted("a.service", "b.service"))
    assert found.not_started("c.service") == "everything that wants it may be left out"
    assert boot(files, wanted(*files)).not_started("c.service") is None
