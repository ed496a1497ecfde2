# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The call trace with files and lines, and what is said where it cannot be had."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore import tools
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.symbolize import symbolize

if t.TYPE_CHECKING:
    from pathlib import Path

RELEASE = "6.12.107+deb13-amd64"
DUMP = {
    "path": "/var/crash/vmcore",
    "format": "kdump-compressed v6 (zlib)",
    "crash": {"release": RELEASE, "build_id": "9c54a8e4"},
}
FRAMES = [
    ["panic", False, "kernel/panic.c", 426],
    ["pde_write", True, "fs/proc/inode.c", 330],
    ["0x4ae3f7", False, None, None],
]


def symbolized(
    vmlinux: Path | None, answer: tuple[int, str] = (0, json.dumps(FRAMES)), **changes: t.Any
) -> dict[str, t.Any]:
    def run(argv: list[str], data: str) -> tuple[int, str]:
        assert argv[0] == "python"
        assert argv[3:] == ["/var/crash/vmcore", str(vmlinux)]
        assert not data
        return answer

    path = str(vmlinux) if vmlinux else None
    return symbolize({**DUMP, **changes}, path, run, lambda _name: None, "python")


@pytest.fixture
def vmlinux(tmp_path: Path) -> Path:
    path = tmp_path / f"vmlinux-{RELEASE}"
    path.touch()
    return path


def test_each_function_of_the_trace_has_its_place_in_the_source(vmlinux: Path) -> None:
    result = symbolized(vmlinux)
    assert result["detail"] == "drgn names the file and line of 2 of 3 functions of the trace."
    assert result["vmlinux"] == str(vmlinux)
    assert result["frames"] == [
        {"function": "panic", "inlined": False, "file": "kernel/panic.c", "line": 426},
        {"function": "pde_write", "inlined": True, "file": "fs/proc/inode.c", "line": 330},
        {"function": "0x4ae3f7", "inlined": False, "file": None, "line": None},
    ]


def test_the_debug_information_is_where_distributions_put_it(
    vmlinux: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "_VMLINUX", (str(vmlinux.parent / "vmlinux-{}"),))
    asked: list[str] = []

    def run(argv: list[str], _data: str) -> tuple[int, str]:
        asked.append(argv[-1])
        return 0, json.dumps(FRAMES)

    assert symbolize(DUMP, None, run, lambda _name: None, "python")["frames"]
    assert asked == [str(vmlinux)]


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        ((3, ""), "drgn is not installed on this host: install the package drgn, or python3-drgn."),
        (
            (4, ""),
            "{} is not the debug information of this kernel, "
            + RELEASE
            + " with the build id 9c54a8e4.",
        ),
        ((1, "Traceback\n  x\nException: y\n"), "drgn ended with 1: x / Exception: y"),
        ((0, ""), "drgn ended with 0: "),
        ((0, "[[1]]"), "drgn ended with 0: [[1]]"),
        ((0, "5"), "drgn ended with 0: 5"),
    ],
)
def test_what_lacks_is_said(vmlinux: Path, answer: tuple[int, str], detail: str) -> None:
    result = symbolized(vmlinux, answer)
    assert (result["detail"], result["frames"]) == (detail.format(vmlinux), None)


def test_without_debug_information_nothing_is_run(tmp_path: Path) -> None:
    for path, words in (
        (tmp_path / "nowhere", f"{tmp_path}/nowhere is not there"),
        (None, "it is not where distributions put it"),
    ):
        result = symbolized(path, (9, "run"))
        assert result["frames"] is None
        assert (
            f"The debug information of the kernel {RELEASE} is needed, and {words}:"
            in result["detail"]
        )


@pytest.mark.parametrize(
    "form", ["split kdump-compressed v6 (zlib)", "gzip of flattened ELF", "sadump", "unknown"]
)
def test_a_format_that_drgn_does_not_read_is_named(vmlinux: Path, form: str) -> None:
    result = symbolized(vmlinux, (9, "run"), format=form)
    assert (
        result["detail"] == f"drgn does not read the format {form}: unpack or join the dump first."
    )


def test_a_kernel_that_is_not_known_has_no_debug_information(vmlinux: Path) -> None:
    result = symbolized(vmlinux, (9, "run"), crash={"release": None, "build_id": None})
    assert result["detail"].startswith("Of which kernel the dump is could not be read")


def test_a_release_is_no_way_out_of_the_directory(
    vmlinux: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name comes from the dump, which another host sent."""
    monkeypatch.setattr(tools, "_VMLINUX", (str(vmlinux.parent / "debug-{}"),))
    (vmlinux.parent / "debug-x").mkdir()
    assert tools.debug_kernel(f"x/../{vmlinux.name}") is None
