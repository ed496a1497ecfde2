# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t
from pathlib import Path, PurePosixPath

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils import _module
from ansible_collections.vmcore.kdump.plugins.module_utils._initramfs.order import UNIT
from ansible_collections.vmcore.kdump.plugins.modules import initramfs_info
from ansible_collections.vmcore.kdump.tests.unit.dracut_image import (
    HOOK,
    INIT,
    RELEASE,
    script_files,
    systemd_files,
)
from ansible_collections.vmcore.kdump.tests.unit.images import FILE, PROGRAM, cpio, image

TOOLS_IMAGE = image(
    ("cpio", [("kernel/x86/microcode/AuthenticAMD.bin", FILE, b"\1")]),
    (
        "gzip",
        [
            ("conf/initramfs.conf", FILE, b"MODULES=dep\n"),
            (
                "scripts/init-top/ORDER",
                FILE,
                b'/scripts/init-top/udev "$@"\n[ -e /conf/param.conf ]\n',
            ),
            ("scripts/functions", FILE, b""),
        ],
    ),
)


class Exit(Exception):
    """The module's end; what it returned is in C(args)."""


class Module:
    """Stand in for AnsibleModule."""

    arguments: t.ClassVar[dict[str, t.Any]] = {}
    tmpdir = ""

    def __init__(self, argument_spec: dict[str, t.Any], supports_check_mode: bool) -> None:
        assert supports_check_mode
        assert set(self.arguments) <= set(argument_spec)
        defaults = {name: option.get("default") for name, option in argument_spec.items()}
        self.params = {**defaults, **self.arguments}

    def run_command(self, command: list[str], **_options: t.Any) -> tuple[int, str, str]:
        """Unpack a squashfs of one file; no other program is installed."""
        if command[0] != "unsquashfs":
            raise FileNotFoundError(2, "No such file or directory")
        directory = Path(command[command.index("-dest") + 1])
        directory.mkdir()
        (directory / "init").write_bytes(b"#!/bin/sh\n")
        return 0, "", ""

    def exit_json(self, **result: t.Any) -> t.NoReturn:
        raise Exit(result)

    def fail_json(self, **result: t.Any) -> t.NoReturn:
        raise Exit({**result, "failed": True})


Run = t.Callable[..., dict[str, t.Any]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run the module on an image."""
    monkeypatch.setattr(_module, "AnsibleModule", Module)
    monkeypatch.setattr(Module, "tmpdir", str(tmp_path))

    def with_image(content: bytes, **options: t.Any) -> dict[str, t.Any]:
        path = tmp_path / "initrd.img"
        path.write_bytes(content)
        monkeypatch.setattr(Module, "arguments", {"path": str(path), **options})
        return ended()

    return with_image


def ended() -> dict[str, t.Any]:
    with pytest.raises(Exit) as end:
        initramfs_info.main()
    result = dict(end.value.args[0])
    assert json.loads(json.dumps(result)) == result
    return result


def test_image_with_systemd(run: Run) -> None:
    content = image(("xz", systemd_files()))
    result = run(content)
    assert result["image"]["size"] == len(content)
    assert (result["generator"], result["systemd"], result["nested"]) == ("dracut", True, None)
    assert result["segments"] == [
        {
            "compression": "xz",
            "offset": 0,
            "size": len(content),
            "unpacked_size": len(cpio(systemd_files())),
        }
    ]
    assert result["file_count"] == len(systemd_files())
    assert result["modules"] == [
        {"name": "dm_mod", "kernel": RELEASE, "pci": False},
        {"name": "e1000e", "kernel": RELEASE, "pci": True},
    ]
    assert result["helper"]["present"]
    assert result["helper"]["plan_digest"] == "9f2c"
    assert UNIT in result["helper"]["traces"]
    assert result["proof"]["proven"]
    assert "files" not in result
    units = {unit["name"]: unit for unit in result["order"]["units"]["units"]}
    assert units["systemd-udevd.service"] == {
        "name": "systemd-udevd.service",
        "path": "usr/lib/systemd/system/systemd-udevd.service",
        "pulled_in_by": "sysinit.target",
        "triggered_by": None,
        "after": ["dracut-pre-udev.service", "pcie-reset.service"],
        "loads_drivers": "usr/lib/systemd/system/systemd-udevd.service:6:"
        " ExecStart=/usr/lib/systemd/systemd-udevd",
    }
    assert units["initrd.target"]["pulled_in_by"] is None
    assert result["order"]["units"]["start"] == "initrd.target"
    assert result["order"]["units"]["cycles"] == []


def test_image_with_hooks(run: Run) -> None:
    result = run(image(("gzip", script_files())))
    assert result["order"] == {
        "scripts": None,
        "hooks": {
            "cmdline": [HOOK, "usr/lib/dracut/hooks/cmdline/01-parse-kernel.sh"],
            "pre-udev": ["usr/lib/dracut/hooks/pre-udev/50-dm.sh"],
        },
        "units": None,
    }
    assert result["proof"]["before"][0] == INIT.splitlines()[5]


def test_image_of_initramfs_tools_without_the_helper(run: Run) -> None:
    result = run(TOOLS_IMAGE, files=True)
    assert (result["generator"], result["systemd"]) == ("initramfs-tools", False)
    assert [segment["compression"] for segment in result["segments"]] == [None, "gzip"]
    assert result["segments"][1]["offset"] == 512
    assert result["order"]["scripts"] == {"init-top": ["scripts/init-top/udev"]}
    assert result["helper"] == {"present": False, "plan_digest": None, "traces": []}
    assert result["proof"]["why_not"].startswith(
        "The image does not contain /usr/local/lib/pcie-reset/"
    )
    assert result["files"][0] == {
        "path": "conf/initramfs.conf",
        "layer": "initramfs",
        "type": "file",
        "mode": "0644",
        "size": 12,
        "target": None,
    }


def test_nested_image_is_shown_with_its_layers(run: Run) -> None:
    result = run(
        image(("cpio", [("init", PROGRAM, b"loader"), ("squashfs-root.img", FILE, b"hsqs")])),
        files=True,
    )
    assert result["nested"] == {"path": "squashfs-root.img", "format": "squashfs", "size": 4}
    assert [(file["path"], file["layer"]) for file in result["files"]] == [
        ("init", "squashfs-root.img"),
        ("init", "loader"),
        ("squashfs-root.img", "loader"),
    ]


def test_links_are_listed_with_their_target(run: Run) -> None:
    files = run(image(("gzip", systemd_files())), files=True)["files"]
    assert {"path": "lib", "target": "usr/lib"}.items() <= next(
        file.items() for file in files if file["path"] == "lib"
    )


def test_image_is_that_of_the_hosts_kdump(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "initrd"
    path.write_bytes(TOOLS_IMAGE)

    class Family:
        def image(self, _root: Path, _kernel: str) -> PurePosixPath:
            return PurePosixPath(path)

    monkeypatch.setattr(_module, "AnsibleModule", Module)
    monkeypatch.setattr(Module, "arguments", {})
    monkeypatch.setattr(initramfs_info, "detect", lambda _root: Family())
    assert ended()["image"]["path"] == str(path)
    monkeypatch.setattr(initramfs_info, "detect", lambda _root: None)
    assert ended()["msg"] == "No kdump is installed on this host; give the path of an image."


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("none", "There is no image {0}/none: build it, or give the path of another one."),
        ("", "The image {0} cannot be read, Is a directory."),
    ],
)
def test_what_cannot_be_read_is_an_error(
    run: Run, tmp_path: Path, path: str, sentence: str
) -> None:
    assert run(b"", path=str(tmp_path / path))["msg"] == sentence.format(tmp_path)


def test_what_is_no_image_or_cannot_be_unpacked_is_an_error(run: Run) -> None:
    assert "neither a cpio archive" in run(b"text")["msg"]
    message = run(image(("zstd", [("init", FILE, b"")])))["msg"]
    assert message == (
        "The initramfs holds zstd, and the host has no zstd to unpack that: install zstd."
    )
