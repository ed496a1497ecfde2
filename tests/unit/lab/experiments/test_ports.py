# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from lab import accel, machine
from lab.accel import KVM, TCG
from lab.errors import LabError
from lab.experiment import Outcome, Trial
from lab.experiments import ports
from lab.image import Image
from lab.machine import Function

PAIRS = [("0000:00:08.0", "0000:03:00.0"), ("0000:00:08.1", "0000:04:00.0")]


class Guest:
    """A machine whose second port is the slower one; all together take as long as they are told to."""

    def __init__(self, together: float, lost: int = 0) -> None:
        self.together = together
        self.lost = lost
        self.plan = ""

    def functions(self) -> list[Function]:
        children = [Function(child, "", 0x0108, port) for port, child in PAIRS]
        return [*children, Function("0000:01:00.0", "nic", 0x0200, "0000:00:02.0")]

    def ssh(self, command: str, text: str = "", **_options: Any) -> str:
        if command.endswith("/plan"):
            self.plan = text
        if "report.json" in command:
            names = [line.split()[1] for line in self.plan.splitlines() if line.startswith("port")]
            seconds = dict.fromkeys(names[:-1], 1.1) | {names[-1]: 1.2}
            whole = self.together if len(names) > 1 else 1.0 if names == [PAIRS[0][0]] else 1.2
            return json.dumps({
                "ports": [{"address": port, "seconds": seconds[port]} for port in names],
                "summary": {"reset": len(names) - self.lost, "seconds": whole},
            })  # fmt: skip
        return "5.00 6.10\n" if "wait" in command else ""


def tried(guest: Any) -> Outcome:
    arguments = Namespace(runs=3)
    return ports.EXPERIMENT.cases["normal-kernel"].run(Trial("", [guest], guest, arguments))


@pytest.mark.parametrize(("together", "passes"), [(1.5, True), (1.51, False)])
def test_the_helper_may_take_a_quarter_longer_for_all_ports(together: float, passes: bool) -> None:
    outcome = tried(Guest(together))
    assert outcome.rows[0][1:4] == ("2", f"{together:.2f}", "1.20")
    assert outcome.rows[1][1:] == ("2", "1.10", "1.10", "1.00")
    assert bool(outcome.wrong) is not passes


def test_a_port_that_was_not_reset_makes_the_time_worthless() -> None:
    with pytest.raises(LabError, match="Not all ports were reset"):
        tried(Guest(1.2, lost=1))


@pytest.mark.parametrize(
    ("acceleration", "name", "counts"),
    [(TCG, "many-ports", True), (TCG, "vtd", False), (KVM, "many-ports", False)],
)
def test_only_an_emulated_machine_that_asks_for_it_has_a_clock_that_counts_instructions(
    acceleration: list[str],
    name: str,
    counts: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(accel, "accelerator", lambda _image: acceleration)
    (tmp_path / "key.pub").write_text("key")
    (tmp_path / "monitor").symlink_to(tmp_path)
    image = Image(tmp_path, "256M")
    profile = machine._profile(name)
    command = machine._arguments("ports", tmp_path, image, profile)
    assert ("-icount" in command) is counts
