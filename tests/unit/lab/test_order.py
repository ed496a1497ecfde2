# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.vmcore.kdump.tests.unit.lab.quiesce_console import (
    CONSOLE,
    DISK,
    NIC,
    RECORD,
)
from lab import order
from lab.errors import LabError

LINES = CONSOLE.splitlines(keepends=True)


def line(part: str) -> str:
    """The last line with that in it."""
    return next(line for line in reversed(LINES) if part in line)


def without(part: str) -> str:
    return "".join(line for line in LINES if part not in line)


def moved(what: str, where: str) -> str:
    """The console with a line before another one."""
    return without(what).replace(line(where), line(what) + line(where), 1)


def test_the_order_has_the_times_of_both_kernels() -> None:
    shown = order.prove(CONSOLE, RECORD, DISK)
    assert shown == order.Order((NIC, DISK), 18.715373, 24.762638, 9.510114, 34.899077)
    assert str(shown) == (
        "2 ports reset by 18.7 s, jump at 24.8 s; IOMMU at 9.5 s, drivers from 34.9 s"
    )


@pytest.mark.parametrize(
    ("console", "complaint"),
    [
        ("", "no panic that two kernels follow"),
        (without("Kernel panic"), "no panic that two kernels follow"),
        (without("Linux version"), "no panic that two kernels follow"),
        (moved("Translation already", "quiesce start"), "The first stage had the IOMMU: DMAR: T"),
        (moved("Enabled IRQ", "quiesce start"), "The first stage had the IOMMU: DMAR-IR: Enabled"),
        (moved("e1000e 0000:01:00.0: I", "quiesce start"), "The first stage had a driver: e1000e"),
        (without("port=0000:00:03.0"), "The port of the disk 0000:00:03.0 is not among"),
        (without("port=0000:00:02.0"), "other ports than the console"),
        (without("kexec_core"), "lacks a line: kexec_core"),
        (moved("kexec_core", "port=0000:00:03.0"), "jumped before all ports were reset"),
        (without("Translation already"), "lacks a line: DMAR: Translation already"),
        (moved("e1000e 0000:01:00.0: I", "Translation already"), "driver came before the IOMMU"),
        (without("virtio_blk"), "lacks a line: virtio_blk"),
        (
            CONSOLE.replace(line("quiesced"), line("port=0000:00:02.0")),
            "second kernel reset a port",
        ),
    ],
)
def test_another_order_is_none(console: str, complaint: str) -> None:
    with pytest.raises(LabError, match=complaint):
        order.prove(console, RECORD, DISK)


@pytest.mark.parametrize(
    "reset", [None, {**RECORD["reset"], "stage": "initramfs"}, {"stage": "quiesce", "ports": []}]
)
def test_the_report_has_to_be_that_of_the_stage(reset: dict[str, Any] | None) -> None:
    with pytest.raises(LabError, match="has other ports than the console"):
        order.prove(CONSOLE, {"reset": reset}, DISK)
