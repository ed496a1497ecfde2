# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""The result record of a crash test: what happened, when, and what it proves.

The shape is described by docs/reference/result-record.schema.json.
"""

from __future__ import annotations

import typing as t

from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.stages import STAGES

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

VERSION = 1
# The facts of kdump that a test is a proof of: when one of them changes, the proof is stale.
PROVEN = ("crash_size", "capture_command_line", "image", "target", "core_collector")
# The pattern of a line of evidence about a report beside the dump that has not its shape, and was left out.
REPORT_MISFIT = "report_misfit"
# The lines a cause is shown with; all are in the record's evidence.
_CAUSE_LINES = 5
# Patterns of lines that say why not all of the plan was done, or nothing.
_NO_WHOLE_RESET = ("reset_off", "reset_abandoned", "reset_exited", "reset_plan_ignored")
# What a port was left alone for, or failed with: docs/reference/reset-helper.md has all of it.
_MEANINGS = {
    "missing": "it, or a function below, was not there; run the role vmcore.kdump.pcie_reset again",
    "identity_changed": "other functions are below than planned; run the role vmcore.kdump.pcie_reset again",
    "driver_bound": "a driver had a function below already",
    "link_down": "it has no link",
    "no_method": "none of the planned methods was possible",
    "refused": "the kernel refuses to reset it",
    "config_lost": "a function came back without its configuration",
    "failed": "a function below did not come back",
    "timeout": "it was still busy at the deadline",
}

State = t.Mapping[str, t.Any]


def finished_record(
    state: State,
    *,
    vmcore: Mapping[str, t.Any] | None,
    reset: Mapping[str, t.Any] | None,
    capture: Mapping[str, t.Any] | None,
    evidence: list[dict[str, t.Any]],
    normal: Mapping[str, t.Any],
    now: float,
    panic_cpu: int | None = None,
    cause: Mapping[str, t.Any] | None = None,
    observed: Mapping[str, float] | None = None,
    recovery: Mapping[str, t.Any] | None = None,
) -> dict[str, t.Any]:
    """The record of a test whose host is back in its normal kernel.

    Args:
        state: the host's state of this test.
        vmcore: the verdict on the newest dump since the test began, None when there is none.
        reset: the reset helper's report (pcie-reset.json), None when there is none.
        capture: what the capture kernel noted of itself (capture.json), None when there is none.
        evidence: lines of both kernels' logs that mean something.
        normal: C({"boot_id", "boot_epoch", "kernel"}) of the kernel that runs now.
        now: seconds since the epoch, by the host's clock like all times here.
        panic_cpu: the CPU that panicked, None when no log says so.
        cause: why there is no dump or a doubtful one, None when that was not asked.
        observed: stages that the console showed, in seconds since the trigger.
        recovery: how the host was brought back, None when it returned by itself.
    """
    times: dict[str, float | None] = {
        "armed": state["armed_at"],
        "panicked": vmcore["crash"]["crash_time"] if vmcore else None,
        "capture kernel": _capture_boot(reset, capture),
        "reset done": _reset_time(reset, capture),
        "dump started": (capture or {}).get("dump_started"),
        "dump complete": _dump_complete(vmcore, capture),
        "normal kernel": normal["boot_epoch"],
        "verified": now,
    }
    crashed = normal["boot_id"] != state["boot_id"]
    if not crashed:
        times["normal kernel"] = None
    verdict, why = _verdict(state, crashed, vmcore, reset, evidence)
    if verdict == "passed" and state["trigger"]["cpu"] not in (None, panic_cpu):
        where = "its log does not say where" if panic_cpu is None else f"it was CPU {panic_cpu}"
        verdict = "inconclusive"
        why = f"The crash was to happen on CPU {state['trigger']['cpu']}, and {where}. {why}"
    if recovery:
        # Nobody comes to power-cycle a host after a real panic.
        verdict = "failed"
        why = f"The host did not return by itself and was recovered ({recovery['method']}). {why}"
    stages = _stages(state, times, observed or {})
    return {
        **_identity(state),
        "finished_at": now,
        "verdict": verdict,
        "why": why,
        "stage": _stage_reached(stages, crashed, vmcore),
        "stages": stages,
        "boot_id": {"before": state["boot_id"], "after": normal["boot_id"]},
        "kernel": {"before": state["kernel"], "after": normal["kernel"]},
        "trigger": _trigger(state, panic_cpu),
        "cause": cause,
        "recovery": recovery,
        "reset": reset,
        "vmcore": vmcore,
        "evidence": evidence,
    }


def lost_record(
    state: State,
    *,
    stage: str,
    why: str,
    now: float,
    verdict: str = "failed",
    cause: Mapping[str, t.Any] | None = None,
    observed: Mapping[str, float] | None = None,
    recovery: Mapping[str, t.Any] | None = None,
) -> dict[str, t.Any]:
    """The record of a test whose host did not come back in time, or that is not finished.

    C(verdict) is C(inconclusive) for a test that somebody may still finish. The other arguments are those of
    finished_record().
    """
    return {
        **_identity(state),
        "finished_at": now,
        "verdict": verdict,
        "why": why,
        "stage": stage,
        "stages": _stages(state, {"armed": state["armed_at"]}, observed or {}),
        "boot_id": {"before": state["boot_id"], "after": None},
        "kernel": {"before": state["kernel"], "after": None},
        "trigger": _trigger(state, None),
        "cause": cause,
        "recovery": recovery,
        "reset": None,
        "vmcore": None,
        "evidence": [],
    }


def explanation(classified: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What a record says of the logs: C({"cause": {...}|None, "evidence": [...]}), from _evidence/classify.py."""
    cause = classified["cause"]
    if cause is None:
        return {"cause": None, "evidence": classified["evidence"]}
    failed = classified["failed"]
    return {
        "cause": {
            "stage": failed["name"] if failed else None,
            "recorded_as": failed["recorded_as"] if failed else None,
            "code": cause["code"],
            "sentence": cause["sentence"],
            "sure": cause["sure"],
            "alternatives": classified["alternatives"],
            "evidence": [line for line in classified["evidence"] if line["severity"] != "info"][
                :_CAUSE_LINES
            ],
            "silence": classified["silence"],
            "needs": classified["needs"],
        },
        "evidence": classified["evidence"],
    }


def _identity(state: State) -> dict[str, t.Any]:
    return {
        "version": VERSION,
        "run_id": state["run_id"],
        "host": state["host"],
        "hostname": state["hostname"],
        "platform": state["platform"],
        "iommu": state["iommu"],
        "helper": state["helper"],
        "kdump": state.get("kdump"),
        "dump_host": state.get("dump_host"),
        "preflight": state["preflight"],
    }


def _trigger(state: State, panic_cpu: int | None) -> dict[str, t.Any]:
    return {**state["trigger"], "requested_by": state["requested_by"], "panic_cpu": panic_cpu}


def _stages(
    state: State, times: Mapping[str, float | None], observed: Mapping[str, float]
) -> list[dict[str, t.Any]]:
    """Every stage with its time. What the host itself noted counts before what its console showed."""
    known: list[float] = []
    stages = []
    for name in STAGES:
        time, source = times.get(name), "host"
        if time is None and name in observed:
            time, source = state.get("triggered_at", state["armed_at"]) + observed[name], "console"
        after = round(time - known[-1], 2) if time is not None and known else None
        if time is not None:
            known.append(time)
        stages.append(
            {"name": name, "time": time, "after": after, "source": None if time is None else source}
        )
    return stages


def _has_fault(port: Mapping[str, t.Any]) -> bool:
    """A planned port that was not reset, without the operator having asked for that just now."""
    return not (
        port["result"] == "reset" or (port["result"] == "left" and port["reason"] == "excluded")
    )


def _fault(port: Mapping[str, t.Any]) -> str:
    code = port["reason"] or port["error"] or port["result"]
    # A port that failed may have an error that others have who did not.
    meaning = _MEANINGS.get(code) or _MEANINGS.get(port["result"])
    return f"{port['address']} ({code}: {meaning})" if meaning else f"{port['address']} ({code})"


def _capture_boot(
    reset: Mapping[str, t.Any] | None, capture: Mapping[str, t.Any] | None
) -> float | None:
    """When the first kernel after the crash started: the quiesce stage's ended when the one that dumps started."""
    boot = (capture or {}).get("boot_epoch")
    return None if boot is None else float(boot - ((reset or {}).get("uptime_jump") or 0))


def _reset_time(
    reset: Mapping[str, t.Any] | None, capture: Mapping[str, t.Any] | None
) -> float | None:
    """The helper knows the uptime only: before the real root there may be no clock."""
    boot = _capture_boot(reset, capture)
    return None if reset is None or boot is None else float(boot + reset["uptime_end"])


def _dump_complete(
    vmcore: Mapping[str, t.Any] | None, capture: Mapping[str, t.Any] | None
) -> float | None:
    """When the dump got its final name; a dump that is not complete was never completed."""
    if vmcore is None or vmcore["verdict"] != "complete":
        return None
    return float((capture or {}).get("dump_complete") or vmcore["mtime"])


def _stage_reached(
    stages: list[dict[str, t.Any]], crashed: bool, vmcore: Mapping[str, t.Any] | None
) -> str:
    """The host answers: how far did the crash get before that?"""
    if not crashed:
        return "armed"
    if vmcore and vmcore["verdict"] == "complete":
        return "verified"
    before_return = stages[: STAGES.index("normal kernel")]
    # Another boot means that the armed kernel is gone, even when nothing else is known of its end.
    return next(
        (stage["name"] for stage in reversed(before_return[2:]) if stage["time"]), "panicked"
    )


def _verdict(
    state: State,
    crashed: bool,
    vmcore: Mapping[str, t.Any] | None,
    reset: Mapping[str, t.Any] | None,
    evidence: Iterable[Mapping[str, t.Any]],
) -> tuple[str, str]:
    if not crashed:
        return "failed", "The host did not crash: it still runs the boot that was to be crashed."
    if vmcore is None:
        return "failed", "The host came back without a new dump."
    if vmcore["verdict"] != "complete":
        return "failed", f"The dump is no proof: {vmcore['why']}"
    if not state["helper"]["installed"]:
        return "passed", f"{vmcore['why']} The reset helper is not installed."
    faults = [line["meaning"] for line in evidence if line["pattern"] in _NO_WHOLE_RESET]
    if state.get("not_loaded"):
        # What the ports were left alone for follows from that.
        faults.insert(0, state["not_loaded"])
    if reset is None or faults:
        but = "the reset helper left no report." if reset is None else "not all was as planned."
        return "inconclusive", " ".join(
            [f"The dump is complete and of this crash, but {but}", *dict.fromkeys(faults)]
        )
    summary = reset["summary"]
    if reset["digest"] != state["helper"]["digest"]:
        return (
            "inconclusive",
            "The dump is complete and of this crash, but another reset plan ran than is installed.",
        )
    with_fault = [port for port in reset["ports"] if _has_fault(port)]
    if with_fault:
        ports = ", ".join(map(_fault, with_fault))
        return (
            "inconclusive",
            f"The dump is complete and of this crash, but ports were not reset as planned: {ports}.",
        )
    counts = f"{summary['reset']} were reset and {summary['left']} left alone"
    return "passed", f"{vmcore['why']} Of {summary['planned']} planned ports {counts}."


__all__ = (
    "PROVEN",
    "REPORT_MISFIT",
    "VERSION",
    "explanation",
    "finished_record",
    "lost_record",
)
