# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What dracut runs: the module's functions when an image is built, the hook in an image without systemd."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ansible_collections.vmcore.kdump.tests.unit.helper.capture_kernel import SCRIPTS

NEVER = 255


def call(function: str, before: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Source the module as dracut does and call one of its functions."""
    script = f"{before}\n. {SCRIPTS}/dracut-module-setup.sh\n{function}"
    return subprocess.run(
        ["bash", "--norc", "-c", script],
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("environment", "status"),
    [
        ({}, NEVER),
        ({"outfile": "/boot/initrd.img-6.12"}, NEVER),
        ({"outfile": "/var/lib/kdump-other/image"}, NEVER),
        ({"add_dracutmodules": " bash network "}, NEVER),
        ({"add_dracutmodules": " earlykdump kdumpbase "}, NEVER),
        ({"IN_KDUMP": "1", "outfile": "/boot/initramfs-6.12kdump.img"}, 0),
        ({"add_dracutmodules": " kdump "}, 0),
        ({"force_add_dracutmodules": "network kdump"}, 0),
        ({"outfile": "/var/lib/kdump/initrd-dracut.img"}, 0),
    ],
)
def test_module_is_in_kdump_images_and_in_no_other(
    environment: dict[str, str], status: int
) -> None:
    done = call("check", **environment)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")


def test_image_is_built_without_the_helper_if_that_is_missing(tmp_path: Path) -> None:
    """The plan of this machine is nobody's."""
    done = call("install; echo $?", 'dwarn() { echo "$*"; }', initdir=str(tmp_path))
    assert done.stdout == (
        "pcie-reset: /usr/local/lib/pcie-reset/pcie-reset is missing,"
        " the kdump initramfs is built without the PCIe reset.\n0\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("methods", "planned"),
    [("sbr", True), ("bus,sbr,flr", True), ("bus,sbr", True), ("bus", False), ("nosbr,bus", False)],
)
def test_setpci_is_needed_for_a_plan_with_sbr(
    tmp_path: Path, shell: list[str], methods: str, planned: bool
) -> None:
    plan = tmp_path / "plan"
    plan.write_text(
        "# leave 0000:00:03.0 sbr\nversion 2\nhost sbr\n"
        f"port 0000:00:02.0 {methods} 0000:01:00.0=8086:10d3:020000\n"
    )
    done = subprocess.run(
        [*shell, "-c", f". {SCRIPTS}/lib.sh; plans sbr {plan}"],
        check=False,
    )
    assert (done.returncode == 0) == planned


def test_hook_goes_on_without_the_helper() -> None:
    """dracut sources it: an exit in it would be the end of the boot."""
    done = subprocess.run(
        ["sh", "-c", f". {SCRIPTS}/dracut-hook.sh; echo on"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "on\n"
