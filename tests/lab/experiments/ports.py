# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reset of 64 ports against that of the slowest one of them, in the same guest: ``make ports``."""

from __future__ import annotations

import json
import statistics
from typing import Any

from lab.errors import LabError
from lab.experiment import Case, Experiment, Guest, Outcome, Trial
from lab.machine import Machine
from lab.plays import CHECKOUT

_GOAL = 1.25
_RUN_SECONDS = 300
_HELPER = CHECKOUT / "plugins" / "plugin_utils" / "pcie_reset"
_NVME, _NVME_CLASS = "1b36:0010:010802", 0x0108

# The helper runs only where /proc/vmcore is: it gets a /proc of its own. Its tools are beside it, as in an image.
_PREPARE = r"""
set -e
mkdir -p /run/ports/proc
cd /run/ports
ln -sf /proc/uptime /proc/meminfo /proc/sys proc
echo >proc/vmcore
echo quiet >proc/cmdline
mkdir -p bin
ln -sf $(command -v head) $(command -v od) $(command -v sleep) bin
for function in /sys/bus/pci/drivers/nvme/0*; do
    [ ! -e "$function" ] || echo "${function##*/}" >"$function/driver/unbind"
done
"""
# As drivers leave their devices: Memory Space and Bus Master are on.
_LIKE_A_DRIVER = "for function in {functions}; do setpci -s $function COMMAND=6:6; done"
_RUN = """
cd /run/ports
rm -rf run
PROC=/run/ports/proc RUN=/run/ports/run KMSG=/dev/null sh ./pcie-reset plan
cat run/report.json
"""

# What the kernel and QEMU need without any helper: hundredths of a second, as in the helper's report.
_BARE = """
read -r begin _ </proc/uptime
for port in {ports}; do
    echo 1 >/sys/bus/pci/devices/$port/reset_subordinate &
done 2>/dev/null
wait
read -r end _ </proc/uptime
echo "$begin $end"
"""


def plan_of(pairs: dict[str, str]) -> str:
    """A plan for ports (address of port: of the NVMe controller below)."""
    lines = ["version 2", "host lab", "kernel any", "digest 0"]
    lines += [f"port {port} reset_subordinate {child}={_NVME}" for port, child in pairs.items()]
    return "\n".join(lines) + "\n"


def compare(
    what: str, everything: list[float], slowest: list[float], count: int
) -> tuple[tuple[str, ...], float]:
    """A row with the medians for all ports and for the slowest one, and their ratio."""
    whole, single = statistics.median(everything), statistics.median(slowest)
    ratio = whole / single
    return (what, str(count), f"{whole:.2f}", f"{single:.2f}", f"{ratio:.2f}"), ratio


def _in_normal_kernel(trial: Trial) -> Outcome:
    host, runs = trial.host, trial.arguments.runs
    pairs = {
        found.port: found.address
        for found in host.functions()
        if found.kind == _NVME_CLASS and found.port
    }
    host.ssh(_PREPARE, timeout=_RUN_SECONDS)
    for name in ("pcie-reset", "lib.sh"):
        text = (_HELPER / name).read_text()
        host.ssh(f"cat >/run/ports/{name}", text=text, timeout=_RUN_SECONDS)
    reports = [_report(host, pairs) for _run in range(runs)]
    ports = reports[0]["ports"]
    slowest = max(ports, key=lambda port: float(port["seconds"]))["address"]
    single = {slowest: pairs[slowest]}
    row, ratio = compare(
        "helper",
        [report["summary"]["seconds"] for report in reports],
        [_report(host, single)["summary"]["seconds"] for _run in range(runs)],
        len(ports),
    )
    bare, _ratio = compare(
        "bare writes to reset_subordinate, all at once",
        [_bare(host, pairs) for _run in range(runs)],
        [_bare(host, single) for _run in range(runs)],
        len(ports),
    )
    wrong = [] if ratio <= _GOAL else [f"The ratio is to be {_GOAL} at most."]
    return Outcome([row, bare], wrong=wrong)


def _report(host: Machine, pairs: dict[str, str]) -> dict[str, Any]:
    _like_a_driver(host, pairs)
    host.ssh("cat >/run/ports/plan", text=plan_of(pairs), timeout=_RUN_SECONDS)
    report: dict[str, Any] = json.loads(host.ssh(_RUN, timeout=_RUN_SECONDS))
    if report["summary"]["reset"] != len(pairs):
        raise LabError(f"Not all ports were reset: {report['summary']}.")
    return report


def _bare(host: Machine, pairs: dict[str, str]) -> float:
    _like_a_driver(host, pairs)
    begin, end = host.ssh(_BARE.format(ports=" ".join(pairs)), timeout=_RUN_SECONDS).split()
    return float(end) - float(begin)


def _like_a_driver(host: Machine, pairs: dict[str, str]) -> None:
    host.ssh(_LIKE_A_DRIVER.format(functions=" ".join(pairs.values())), timeout=_RUN_SECONDS)


def _in_capture_kernel(trial: Trial) -> Outcome:
    trial.plays.run("configure")
    trial.plays.run("crash_test")
    _path, record = trial.plays.record()
    report = record["reset"]
    seconds = [port["seconds"] for port in report["ports"]]
    row, _ratio = compare("helper", [report["summary"]["seconds"]], [max(seconds)], len(seconds))
    return Outcome([row])


_GUESTS = (Guest("ports", "many-ports"),)
EXPERIMENT = Experiment(
    "ports",
    "time the reset of 64 ports against that of the slowest one of them",
    ("what", "ports:", "all, s:", "the slowest alone, s:", "ratio:"),
    {
        "normal-kernel": Case(_in_normal_kernel, _GUESTS),
        "capture-kernel": Case(_in_capture_kernel, _GUESTS),
    },
    configure=False,
    options=lambda parser: parser.add_argument(
        "--runs", type=int, default=3, help="of each, the median counts (default: 3)"
    ),
)
