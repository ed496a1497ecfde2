# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import stat
import typing as t

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.order import (
    COMMON,
    HELPER,
    PLAN,
    SCRIPT,
    TOOLS,
    prove_absent,
    prove_present,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.read import Entry

EXPECTED = {
    HELPER: b"#!/bin/sh\necho helper\n",
    COMMON: b"# common\n",
    SCRIPT: b"#!/bin/sh\n/usr/local/lib/pcie-reset/pcie-reset /etc/pcie-reset/plan\n",
    PLAN: b"version 1\ndigest 9f2c\n",
}

PARAMETERS = "[ -e /conf/param.conf ] && . /conf/param.conf\n"

# initramfs-tools 0.148.4, the lines that matter, at their places.
INIT = """\
#!/bin/sh
# Nothing is loaded with modprobe up here.
export MODPROBE_OPTIONS="-qb"
. /conf/initramfs.conf
. /scripts/functions
maybe_break top
run_scripts /scripts/init-top
maybe_break modules
[ -n "${netconsole}" ] && /sbin/modprobe netconsole netconsole="${netconsole}"
load_modules
run_scripts /scripts/init-premount
"""
UDEV = """\
#!/bin/sh -e
# systemd-udevd and udevadm
SYSTEMD_LOG_LEVEL=$log_level /usr/lib/systemd/systemd-udevd --daemon --resolve-names=never
udevadm trigger --type=devices --action=add
"""

Files = dict[str, Entry]


def entry(name: str, content: bytes | str, mode: int = 0o755, kind: int = stat.S_IFREG) -> Entry:
    data = content.encode() if isinstance(content, str) else content
    return Entry(name, kind | mode, memoryview(data))


def order(*scripts: str) -> str:
    return "".join(f'/scripts/init-top/{name} "$@"\n{PARAMETERS}' for name in scripts)


def built() -> Files:
    """Return what matters of an image that Debian 13 built with the helper."""
    contents: dict[str, bytes | str] = {
        **EXPECTED,
        **dict.fromkeys(TOOLS, b"\x7fELF"),
        "init": INIT,
        "conf/initramfs.conf": "MODULES=dep\nBUSYBOX=auto\n",
        "conf/conf.d/zzz-kdump": "MODULES=dep\n",
        "scripts/init-top/ORDER": order("00-pcie-reset", "all_generic_ide", "keymap", "udev"),
        "scripts/init-top/all_generic_ide": "#!/bin/sh\n/sbin/modprobe ata_generic\n",
        "scripts/init-top/keymap": "#!/bin/sh\n/bin/setupcon\n",
        "scripts/init-top/udev": UDEV,
    }
    return {name: entry(name, content) for name, content in contents.items()}


def test_proof_names_what_comes_later_and_shows_the_lines() -> None:
    assert prove_present(built(), EXPECTED) == {
        "proven": True,
        "statement": "scripts/init-top/00-pcie-reset runs before udev"
        " (starts systemd-udevd, triggers coldplug) and load_modules",
        "before": [
            "scripts/init-top/all_generic_ide",
            "scripts/init-top/keymap",
            "scripts/init-top/udev",
            "load_modules",
        ],
        "evidence": [
            'scripts/init-top/ORDER:1: /scripts/init-top/00-pcie-reset "$@"',
            'scripts/init-top/ORDER:3: /scripts/init-top/all_generic_ide "$@"',
            'scripts/init-top/ORDER:7: /scripts/init-top/udev "$@"',
            "init:7: run_scripts /scripts/init-top",
            "init:10: load_modules",
        ],
        "why_not": None,
    }


def test_scripts_that_load_nothing_may_run_earlier() -> None:
    files = built()
    files["scripts/init-top/ORDER"] = entry("", order("keymap", "00-pcie-reset", "udev"))
    proof = prove_present(files, EXPECTED)
    assert proof["proven"]
    assert 'scripts/init-top/ORDER:1: /scripts/init-top/keymap "$@"' in proof["evidence"]
    assert proof["before"] == ["scripts/init-top/udev", "load_modules"]


def test_image_without_udev() -> None:
    files = built()
    files["scripts/init-top/ORDER"] = entry("", order("00-pcie-reset"))
    proof = prove_present(files, EXPECTED)
    assert proof["statement"] == "scripts/init-top/00-pcie-reset runs before load_modules"


def without(name: str) -> t.Callable[[Files], t.Any]:
    return lambda files: files.pop(name)


def replaced(name: str, content: bytes | str, **kind: int) -> t.Callable[[Files], t.Any]:
    return lambda files: files.update({name: entry(name, content, **kind)})


IN_ORDER = "scripts/init-top/ORDER"
IDE = "scripts/init-top/all_generic_ide"
EARLIER = "runs before the reset and may load drivers"


@pytest.mark.parametrize(
    ("change", "why_not"),
    [
        (without(HELPER), f"The image does not contain /{HELPER}."),
        (without(SCRIPT), f"The image does not contain /{SCRIPT}."),
        (without(PLAN), f"The image does not contain /{PLAN}."),
        (without(TOOLS[1]), f"The image does not contain /{TOOLS[1]}."),
        (
            replaced(HELPER, EXPECTED[HELPER], mode=0o644),
            f"/{HELPER} in the image is not executable.",
        ),
        (
            replaced(SCRIPT, EXPECTED[SCRIPT], mode=0o644),
            f"/{SCRIPT} in the image is not executable.",
        ),
        (
            replaced(HELPER, EXPECTED[HELPER], kind=stat.S_IFLNK),
            f"/{HELPER} in the image is not a file.",
        ),
        (
            replaced(HELPER, "#!/bin/sh\n"),
            f"/{HELPER} in the image differs from the one to be installed.",
        ),
        (
            replaced(PLAN, "version 1\ndigest ab\n"),
            f"/{PLAN} in the image differs from the one to be installed (digests ab and 9f2c).",
        ),
        (
            replaced(PLAN, ""),
            f"/{PLAN} in the image differs from the one to be installed (digests none and 9f2c).",
        ),
        (without(IN_ORDER), f"{IN_ORDER} does not run {SCRIPT}."),
        (replaced(IN_ORDER, order("udev")), f"{IN_ORDER} does not run {SCRIPT}."),
        (
            replaced(IN_ORDER, order("udev", "00-pcie-reset")),
            f"scripts/init-top/udev {EARLIER}: scripts/init-top/udev:3: {UDEV.splitlines()[2]}.",
        ),
        (
            replaced(IN_ORDER, order("all_generic_ide", "00-pcie-reset", "udev")),
            f"{IDE} {EARLIER}: {IDE}:2: /sbin/modprobe ata_generic.",
        ),
        (
            replaced(IN_ORDER, "insmod /nvme.ko\n" + order("00-pcie-reset")),
            f"{IN_ORDER}:1: insmod /nvme.ko is before the reset and is not a script.",
        ),
        (
            replaced("conf/conf.d/early", "modprobe vmd\n"),
            "conf/conf.d/early:1: modprobe vmd may load drivers before the reset.",
        ),
        (
            replaced("init", INIT.replace("maybe_break top", "/sbin/modprobe nvme")),
            "init:6: /sbin/modprobe nvme may load drivers before the reset.",
        ),
        (
            replaced("init", INIT.replace("maybe_break top", "load_modules")),
            "init:6: load_modules may load drivers before the reset.",
        ),
        (
            replaced("init", INIT.replace("run_scripts /scripts/init-top\n", "")),
            f"init:8: {INIT.splitlines()[8]} may load drivers before the reset.",
        ),
        (without("init"), "/init does not run scripts/init-top and then load_modules."),
    ],
)
def test_image_that_proves_nothing_says_why(
    change: t.Callable[[Files], t.Any], why_not: str
) -> None:
    files = built()
    change(files)
    assert prove_present(files, EXPECTED) == {
        "proven": False,
        "statement": "The image resets PCIe devices before it loads drivers.",
        "before": [],
        "evidence": [],
        "why_not": why_not,
    }


def test_absence_is_proven_by_the_names() -> None:
    assert prove_absent({}) == {
        "proven": True,
        "statement": "The image contains nothing of the PCIe reset.",
        "before": [],
        "evidence": [],
        "why_not": None,
    }


def test_every_trace_is_found() -> None:
    proof = prove_absent(built())
    assert not proof["proven"]
    assert proof["why_not"] == f"The image contains {', '.join(sorted((*EXPECTED, *TOOLS)))}."
