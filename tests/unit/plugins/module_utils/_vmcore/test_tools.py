# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What other programs say of a dump."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore import tools

if t.TYPE_CHECKING:
    from pathlib import Path

RELEASE = "6.12.107+deb13-amd64"


def checks(
    dump: Path,
    answers: dict[str, tuple[int, str]],
    programs: t.Container[str],
    form: str = "kdump-compressed v6 (zlib)",
) -> dict[str, tuple[str, str]]:
    asked: list[list[str]] = []

    def run(argv: list[str], data: str) -> tuple[int, str]:
        asked.append(argv)
        assert bool(data) == argv[0].endswith("crash")
        return answers[argv[0].rpartition("/")[2]]

    def which(name: str) -> str | None:
        return f"/bin/{name}" if name in programs else None

    result = tools.tool_checks(dump, RELEASE, form, run, which, "python")
    assert all(str(dump) in argv for argv in asked)
    return {one.name: (one.status, one.detail) for one in result}


def test_without_any_program_there_is_no_check(tmp_path: Path) -> None:
    assert checks(tmp_path / "vmcore", {}, ()) == {}


@pytest.mark.parametrize(
    ("name", "answer", "status", "detail"),
    [
        ("makedumpfile", (0, ""), "ok", "makedumpfile --dry-run could read every page."),
        (
            "makedumpfile",
            (1, "a\nb\n\nc\n"),
            "unverified",
            "makedumpfile --dry-run ended with 1: b / c",
        ),
        ("drgn", (0, RELEASE + "\n"), "ok", f"drgn could open the dump of the kernel {RELEASE}."),
        ("drgn", (0, "6.1\n"), "unverified", f"drgn says that the kernel is 6.1, not {RELEASE}."),
        ("drgn", (1, "Exception: x"), "unverified", "drgn ended with 1: Exception: x"),
    ],
)
def test_what_one_of_them_says(
    tmp_path: Path, name: str, answer: tuple[int, str], status: str, detail: str
) -> None:
    answers = {name: answer, "python": answer}
    assert checks(tmp_path / "vmcore", answers, {name}) == {name: (status, detail)}


@pytest.mark.parametrize(
    ("answer", "status", "detail"),
    [
        ((0, "  PANIC: \"sysrq triggered crash\"\n"), "ok",
         'crash could open the dump; it says PANIC: "sysrq triggered crash"'),
        ((0, "no panic"), "unverified", "crash ended with 0: no panic"),
        ((1, "PANIC: x"), "unverified", "crash ended with 1: PANIC: x"),
        ((0, "DUMPFILE: x [INCOMPLETE]\nPANIC: x"), "failed", "crash says that the dump is incomplete."),
    ],
)  # fmt: skip
def test_what_crash_says_with_debug_information(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: tuple[int, str],
    status: str,
    detail: str,
) -> None:
    (tmp_path / f"vmlinux-{RELEASE}").touch()
    monkeypatch.setattr(tools, "_VMLINUX", ("/nowhere/{}", str(tmp_path / "vmlinux-{}")))
    assert checks(tmp_path / "vmcore", {"crash": answer}, {"crash"}) == {"crash": (status, detail)}


@pytest.mark.parametrize(
    ("script", "python"),
    [
        ("#!/opt/drgn/bin/python3.11\nimport re\n", "/opt/drgn/bin/python3.11"),
        ("#!/bin/sh\n''''exec' /opt/a/bin/python \"$0\" \"$@\"\n' ''''\n", "/opt/a/bin/python"),
        ('#!/bin/sh\n\'\'\'\'exec\' "/opt/a b/bin/python3" "$0" "$@"\n', "/opt/a b/bin/python3"),
        ("#!/usr/bin/perl\n", "default"),
        ("\x7fELF", "default"),
        ("", "default"),
    ],
)
def test_the_python_of_a_program_is_the_one_that_has_its_modules(
    tmp_path: Path, script: str, python: str
) -> None:
    program = tmp_path / "drgn"
    program.write_text(script)
    assert tools.python_of(str(program), "default") == python
    assert tools.python_of(None, "default") == "default"


EVERYTHING = ("makedumpfile", "crash", "drgn")


@pytest.mark.parametrize(
    ("form", "asked"),
    [
        ("kdump-compressed v6 (zlib)", {"makedumpfile", "drgn"}),
        ("ELF", {"makedumpfile", "drgn"}),
        ("flattened kdump-compressed v6 (zlib)", {"drgn"}),
        ("split kdump-compressed v6 (zlib)", set()),
        ("gzip of flattened kdump-compressed v6 (zlib)", set()),
    ],
)
def test_a_program_is_asked_about_what_it_reads(tmp_path: Path, form: str, asked: set[str]) -> None:
    answers = {"makedumpfile": (0, ""), "python": (0, RELEASE)}
    assert set(checks(tmp_path / "vmcore", answers, EVERYTHING, form)) == asked
