# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.order import (
    HELPER,
    PLAN,
    SEQUENCE,
    SETPCI,
    TOOLS,
    UNIT,
    generator,
    prove_absent,
    prove_present,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.read import Entry
from ansible_collections.vmcore.kdump.tests.unit.dracut_image import (
    EXPECTED,
    HOOK,
    HOOKS,
    INIT,
    LINK,
    OURS,
    PROGRAM,
    RELEASE,
    UNITS,
    as_entries,
    script_files,
    service,
    systemd_files,
)

Files = dict[str, Entry]
Change = t.Callable[[Files], t.Any]


def replaced(name: str, content: str, mode: int = PROGRAM) -> Change:
    return lambda files: files.update({name: Entry(name, mode, memoryview(content.encode()))})


def without(name: str) -> Change:
    return lambda files: files.pop(name)


def both(*changes: Change) -> Change:
    return lambda files: [change(files) for change in changes]


def unit(name: str, content: str, wanted_by: str = "sysinit.target") -> Change:
    """Add a unit that a target wants."""
    return both(
        replaced(f"{UNITS}/{name}", content),
        replaced(f"{UNITS}/{wanted_by}.wants/{name}", f"../{name}", LINK),
    )


def ours(old: str, new: str) -> Change:
    return replaced(UNIT, OURS.replace(old, new))


def judged(files: Files, expected: t.Mapping[str, bytes] | None = None) -> str | None:
    why_not: str | None = prove_present(files, expected or EXPECTED)["why_not"]
    return why_not


def test_units_are_named_and_every_edge_is_shown() -> None:
    assert prove_present(as_entries(systemd_files()), EXPECTED) == {
        "proven": True,
        "statement": "pcie-reset.service runs before dracut-cmdline.service, dracut-initqueue.service,"
        " dracut-pre-udev.service, systemd-modules-load.service, systemd-udev-trigger.service and"
        " systemd-udevd.service, which load drivers",
        "before": [
            "dracut-cmdline.service",
            "dracut-initqueue.service",
            "dracut-pre-udev.service",
            "systemd-modules-load.service",
            "systemd-udev-trigger.service",
            "systemd-udevd.service",
        ],
        "evidence": [
            f"{UNITS}/initrd.target:2: Requires=basic.target",
            f"{UNITS}/basic.target:2: Requires=sysinit.target",
            f"{UNITS}/sysinit.target.wants/pcie-reset.service -> ../pcie-reset.service",
            f"{UNIT}:10: ExecStart=-/{HELPER} /{PLAN}",
            f"{UNIT}:5: Before=dracut-cmdline.service dracut-pre-udev.service",
            f"{UNIT}:6: Before=systemd-modules-load.service systemd-udevd.service systemd-udev-trigger.service",
            f"{UNITS}/dracut-initqueue.service:3: After=systemd-udev-trigger.service",
        ],
        "why_not": None,
    }


MODULES_LOAD = (
    f"{UNITS}/systemd-modules-load.service:6: ExecStart=/usr/lib/systemd/systemd-modules-load"
)
VENDOR = f"{UNITS}/vendor.service:5: ExecStart=/usr/bin/vendor"


@pytest.mark.parametrize(
    ("change", "why_not"),
    [
        (
            ours("systemd-modules-load.service ", ""),
            (
                "Nothing orders pcie-reset.service before systemd-modules-load.service, which may load drivers:"
                f" {MODULES_LOAD}."
            ),
        ),
        (
            ours(
                "systemd-modules-load.service ",
                "sysinit.target\nAfter=systemd-modules-load.service\nBefore=",
            ),
            f"systemd-modules-load.service runs before the reset and may load drivers: {MODULES_LOAD}.",
        ),
        (
            without(f"{UNITS}/sysinit.target.wants/pcie-reset.service"),
            "pcie-reset.service is not certain to be started: nothing that initrd.target starts wants it.",
        ),
        (
            replaced("etc/systemd/system/pcie-reset.service", "/dev/null", LINK),
            "pcie-reset.service is not certain to be started: it is masked.",
        ),
        (
            replaced(
                "etc/systemd/system/sysinit.target.wants/pcie-reset.service", "/dev/null", LINK
            ),
            "pcie-reset.service is not certain to be started: nothing that initrd.target starts wants it.",
        ),
        (
            without(UNIT),
            "pcie-reset.service is not certain to be started: the image has no such unit.",
        ),
        (
            unit(
                "vendor.service", service("/usr/bin/modprobe e1000e", Before="pcie-reset.service")
            ),
            (
                "vendor.service runs before the reset and may load drivers:"
                f" {UNITS}/vendor.service:6: ExecStart=/usr/bin/modprobe e1000e."
            ),
        ),
        (
            both(
                unit("vendor.service", service("/usr/bin/vendor")),
                replaced("usr/bin/vendor", "#!/bin/sh\n# modprobe\ninsmod /nvme.ko\n"),
            ),
            (
                "Nothing orders pcie-reset.service before vendor.service, which may load drivers:"
                " usr/bin/vendor:3: insmod /nvme.ko."
            ),
        ),
        (
            unit(
                "vendor.service",
                service("/usr/lib/vendor", After="pcie-reset.service", Before="x.service"),
            ),
            None,
        ),
        (
            unit(
                "vendor.service",
                service(
                    "/usr/lib/vendor", After="dracut-cmdline.service", Before="pcie-reset.service"
                ),
            ),
            (
                "pcie-reset.service is not certain to be started: it is part of an ordering cycle,"
                " pcie-reset.service -> dracut-cmdline.service -> vendor.service -> pcie-reset.service, which systemd"
                " breaks by leaving a unit out."
            ),
        ),
        (
            unit("vendor.service", "[Unit]\nConflicts=pcie-reset.service\n"),
            (
                "pcie-reset.service is not certain to be started: it conflicts with vendor.service"
                f" ({UNITS}/vendor.service:2: Conflicts=pcie-reset.service)."
            ),
        ),
        (
            ours("After=", "Requires=vendor.service\nAfter="),
            (
                "pcie-reset.service is not certain to be started: it needs vendor.service, which is not started"
                f" ({UNIT}:4: Requires=vendor.service)."
            ),
        ),
        (
            ours("After=", "After=dev-sda.device "),
            "pcie-reset.service waits for dev-sda.device, which needs a driver.",
        ),
        (
            ours("Type=oneshot", "Type=simple"),
            "pcie-reset.service is not Type=oneshot: nothing waits until the helper is done.",
        ),
        (
            ours("Type=oneshot\n", ""),
            "pcie-reset.service is not Type=oneshot: nothing waits until the helper is done.",
        ),
        (
            ours("/usr/local/lib/pcie-reset/pcie-reset", "/bin/true"),
            f"pcie-reset.service does not run /{HELPER}.",
        ),
        (
            replaced("etc/systemd/system/pcie-reset.service.d/a.conf", "[Service]\nExecStart=\n"),
            f"pcie-reset.service does not run /{HELPER}.",
        ),
        (
            replaced("etc/systemd/system/service.d/a.conf", "[Unit]\nConditionPathExists=/x\n"),
            "pcie-reset.service may be skipped: etc/systemd/system/service.d/a.conf:2: ConditionPathExists=/x.",
        ),
        (
            ours("Type=oneshot", "Type=oneshot\nExecCondition=/bin/false"),
            f"pcie-reset.service may be skipped: {UNIT}:10: ExecCondition=/bin/false.",
        ),
        (
            replaced("lib/systemd/system-generators/vendor", "#!/bin/sh\nmodprobe e1000e\n"),
            None,  # a directory beside the link lib is not reachable
        ),
        (
            replaced("usr/lib/systemd/system-generators/vendor", "#!/bin/sh\nmodprobe e1000e\n"),
            (
                "usr/lib/systemd/system-generators/vendor runs before the reset and may load drivers:"
                " usr/lib/systemd/system-generators/vendor:2: modprobe e1000e."
            ),
        ),
        (
            lambda files: [
                files.pop(name)
                for name in list(files)
                if name.startswith((f"{UNITS}/initrd.target.", f"{UNITS}/sysinit.target."))
                and not name.endswith("/pcie-reset.service")
            ],
            "The image starts nothing that is known to load drivers.",
        ),
    ],
)
def test_what_systemd_does_not_guarantee_is_not_proven(change: Change, why_not: str | None) -> None:
    files = as_entries(systemd_files())
    change(files)
    expected = {path: EXPECTED[path] for path in (HELPER, PLAN)}
    assert judged(files, expected) == why_not


def test_unit_in_etc_replaces_the_one_that_was_installed() -> None:
    files = as_entries(systemd_files())
    replaced("etc/systemd/system/pcie-reset.service", OURS.replace("Before=", "Wants="))(files)
    assert judged(files) == (
        "/etc/systemd/system/pcie-reset.service in the image differs from the one to be installed."
    )


@pytest.mark.parametrize(
    "change",
    [
        # Dependencies cannot be taken away by a drop-in.
        replaced("etc/systemd/system/pcie-reset.service.d/a.conf", "[Unit]\nBefore=\n"),
        replaced(
            "etc/systemd/system/pcie-reset.service.d/a.conf",
            "[Unit]\nConditionPathExists=\nConditionKernelCommandLine=!pcie_reset=off\n",
        ),
        # Nothing that a PCI device could be bound by.
        unit("vendor.service", service("/sbin/modprobe -q dm-mod loop")),
        unit("vendor.service", service("/bin/sh -c 'modprobe -a dm_mod || :'")),
        unit("vendor.service", service("udevadm settle")),
        # After everything of early boot: udevd is before sysinit.target and after the reset.
        unit("vendor.service", "[Service]\nExecStart=/sbin/modprobe e1000e\n", "initrd.target"),
        # Not started, so it loads nothing.
        replaced(f"{UNITS}/vendor.service", service("modprobe e1000e")),
        both(
            unit("vendor.service", service("modprobe e1000e")),
            replaced("etc/systemd/system/vendor.service", "", PROGRAM),
        ),
    ],
)
def test_what_changes_no_order_changes_no_proof(change: Change) -> None:
    files = as_entries(systemd_files())
    change(files)
    assert judged(files) is None


def test_socket_that_would_start_a_loading_service_counts() -> None:
    files = as_entries(systemd_files())
    unit("vendor.socket", "[Unit]\nDefaultDependencies=no\n[Socket]\nService=other.service\n")(
        files
    )
    replaced(f"{UNITS}/other.service", service("modprobe e1000e"))(files)
    assert judged(files) == (
        "Nothing orders pcie-reset.service before other.service, which may load drivers:"
        f" {UNITS}/other.service:5: ExecStart=modprobe e1000e."
    )


def test_image_that_does_not_say_what_its_modules_are_for_is_not_trusted() -> None:
    files = as_entries(systemd_files())
    without(f"usr/lib/modules/{RELEASE}/modules.alias")(files)
    assert judged(files) == (
        "Nothing orders pcie-reset.service before modprobe@dm_mod.service, which may load drivers:"
        f" {UNITS}/modprobe@.service:5: ExecStart=-/sbin/modprobe -abq %i."
    )


def test_hooks_are_run_by_the_script_in_the_order_of_their_names() -> None:
    assert prove_present(as_entries(script_files()), EXPECTED) == {
        "proven": True,
        "statement": f"{HOOK} runs before udevd is started and triggered",
        "before": [INIT.splitlines()[5], INIT.splitlines()[8]],
        "evidence": [
            "init:4: source_hook cmdline",
            HOOK,
            f"init:6: {INIT.splitlines()[5]}",
            f"init:9: {INIT.splitlines()[8]}",
        ],
        "why_not": None,
    }


LATER = f"{HOOKS}/pre-udev/00-pcie-reset.sh"


@pytest.mark.parametrize(
    ("change", "why_not"),
    [
        (without(HOOK), f"No hook of the image runs /{HELPER}."),
        (
            both(without(HOOK), replaced(LATER, f"/{HELPER}\n")),
            (
                f"{HOOKS}/cmdline/01-parse-kernel.sh runs before the reset and may load drivers:"
                f' {HOOKS}/cmdline/01-parse-kernel.sh:2: modprobe "$p".'
            ),
        ),
        (
            both(
                without(HOOK),
                without(f"{HOOKS}/cmdline/01-parse-kernel.sh"),
                replaced(LATER, f"/{HELPER}\n"),
            ),
            None,
        ),
        (
            both(
                without(HOOK),
                without(f"{HOOKS}/cmdline/01-parse-kernel.sh"),
                replaced(f"{HOOKS}/pre-trigger/00-pcie-reset.sh", f"/{HELPER}\n"),
            ),
            f"init:6: {INIT.splitlines()[5]} may load drivers before the reset.",
        ),
        (
            replaced("init", INIT.replace("kmod static-nodes", "modprobe e1000e")),
            "init:3: modprobe e1000e --format=tmpfiles may load drivers before the reset.",
        ),
        (
            replaced("init", "source_hook cmdline\n"),
            f"/init does not start udevd after it ran {HOOK}.",
        ),
        (
            replaced("init", "source_hook mount\n"),
            f"/init does not run {HOOK} before it starts udevd.",
        ),
    ],
)
def test_what_the_script_does_not_guarantee_is_not_proven(change: Change, why_not: str) -> None:
    files = as_entries(script_files())
    change(files)
    assert judged(files) == why_not


def test_newer_dracut_has_its_hooks_elsewhere() -> None:
    moved = [
        (name.replace("usr/lib/dracut/hooks", "var/lib/dracut/hooks"), mode, content)
        for name, mode, content in script_files()
    ]
    proof = prove_present(as_entries(moved), EXPECTED)
    assert proof["statement"].startswith(
        "var/lib/dracut/hooks/cmdline/00-pcie-reset.sh runs before"
    )


LOADER = '#!/bin/sh\nmodprobe loop\nmodprobe "$_fs"\nexec switch_root /newroot /init\n'


def nested(loader: str, aliases: str) -> Files:
    """Return a system in a nested image, with its loader."""
    modules = f"usr/lib/modules/{RELEASE}"
    around = {
        "init": loader,
        f"{modules}/modules.alias": aliases,
        f"{modules}/modules.dep": "kernel/fs/erofs/erofs.ko:\n",
    }
    return {
        **as_entries(systemd_files()),
        **{
            f"loader:{name}": Entry(name, PROGRAM, memoryview(text.encode()))
            for name, text in around.items()
        },
    }


def test_loader_of_a_nested_image_has_only_what_mounts_it() -> None:
    proof = prove_present(nested(LOADER, "alias fs-erofs erofs\n"), EXPECTED)
    assert proof["proven"]
    assert proof["evidence"][0] == "loader:init:4: exec switch_root /newroot /init"


@pytest.mark.parametrize(
    ("loader", "aliases", "line"),
    [
        (LOADER, "alias pci:v00008086d* e1000e\n", 'loader:init:3: modprobe "$_fs"'),
        (
            LOADER.replace("loop", "e1000e"),
            "alias pci:v* e1000e\n",
            "loader:init:2: modprobe e1000e",
        ),
        (LOADER.replace("modprobe loop", "udevadm trigger"), "", "loader:init:2: udevadm trigger"),
    ],
)
def test_loader_that_may_load_drivers_is_found(loader: str, aliases: str, line: str) -> None:
    assert judged(nested(loader, aliases)) == (
        f"The loader of the nested image may load drivers before the reset: {line}."
    )


def test_plan_with_the_register_sequence_needs_its_tools() -> None:
    plan = b"port 0000:00:02.0 reset_subordinate,sbr 0000:01:00.0=8086:10d3:020000\n"
    files = as_entries(systemd_files())
    replaced(PLAN, plan.decode())(files)
    expected = {**EXPECTED, PLAN: plan}
    assert judged(files, expected) == f"The image does not contain /{SEQUENCE}."
    replaced(SEQUENCE, "#!/bin/sh\n")(files)
    assert judged(files, expected) == f"The image does not contain /{SETPCI}."
    replaced(SETPCI, "\x7fELF")(files)
    assert judged(files, expected) is None


@pytest.mark.parametrize(
    ("files", "made_by"),
    [
        ({}, None),
        (as_entries(systemd_files()), "dracut"),
        (as_entries(script_files()), "dracut"),
        (as_entries([("conf/initramfs.conf", PROGRAM, b"")]), "initramfs-tools"),
        (as_entries([("init", PROGRAM, b"#!/bin/sh\n")]), None),
    ],
)
def test_what_made_an_image_is_seen_in_it(files: Files, made_by: str | None) -> None:
    assert generator(files) == made_by


def test_image_of_something_else_is_not_proven() -> None:
    files = as_entries(
        [
            *((path, PROGRAM, b"") for path in TOOLS),
            *((path, PROGRAM, content) for path, content in EXPECTED.items()),
        ]
    )
    assert judged(files) == "The image is neither of initramfs-tools nor of dracut."


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        (UNIT, "", True),
        ("etc/systemd/system/sysinit.target.wants/pcie-reset.service", "", True),
        ("etc/systemd/system/pcie-reset.service.d/a.conf", "", True),
        (HOOK, "", True),
        (f"{HOOKS}/pre-udev/00-pre-udev.sh", f"/{HELPER}", True),
        (f"{HOOKS}/pre-udev/00-pre-udev.sh", "/bin/other", False),
        (f"loader:{HELPER}", "", True),
        ("usr/lib/vendor-pcie-reset-tool", "", False),
    ],
)
def test_trace_is_found_in_every_layer(name: str, content: str, found: bool) -> None:
    proof = prove_absent({name: Entry(name, PROGRAM, memoryview(content.encode()))})
    assert proof["why_not"] == (f"The image contains {name}." if found else None)


PATHS = sorted(name for name, _mode, _content in systemd_files())
GARBLED = st.dictionaries(
    st.sampled_from(PATHS),
    st.tuples(
        st.sampled_from([PROGRAM, LINK]),
        st.one_of(
            st.binary(max_size=40),
            st.sampled_from([path.encode() for path in PATHS]),
            st.lists(
                st.sampled_from(
                    [b"[Unit]\n", b"Before=", b"After=", b"Wants=", b"\n", b" \\\n"]
                    + [path.rpartition("/")[2].encode() + b" " for path in PATHS]
                ),
                max_size=12,
            ).map(b"".join),
        ),
    ),
    max_size=6,
)


@given(garbled=GARBLED)
def test_garbled_image_is_judged(garbled: dict[str, tuple[int, bytes]]) -> None:
    files = as_entries(systemd_files())
    files.update(as_entries((name, mode, content) for name, (mode, content) in garbled.items()))
    proof = prove_present(files, EXPECTED)
    assert proof["proven"] is (proof["why_not"] is None)
    assert not proof["proven"] or bytes(files[UNIT].data) == EXPECTED[UNIT]
    assert not prove_absent(files)["proven"]
