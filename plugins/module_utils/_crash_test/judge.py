# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What a crash left behind is judged: the dump, the reports beside it, the logs."""

from __future__ import annotations

import json
import time
import typing as t
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.check import misfit
from ansible_collections.vmcore.kdump.plugins.module_utils._contracts.reports import (
    CaptureReport,
    ResetReport,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.record import (
    REPORT_MISFIT,
    explanation,
    finished_record,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.remote_dump import (
    dump_of,
    expectation,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.trigger import panic_cpu
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.classify import classify
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.segments import CAPTURE
from ansible_collections.vmcore.kdump.plugins.module_utils._evidence.sources import (
    journal_logs,
    left_files,
    pstore_logs,
    side_logs,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import space_left
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.find import find, side_reports
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.identity import Expectation
from ansible_collections.vmcore.kdump.plugins.module_utils._vmcore.verify import verify

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ansible_collections.vmcore.kdump.plugins.module_utils._crash_test.machine import Machine

Result = dict[str, t.Any]

_TEXT = 300


def judged(machine: Machine, state: Result, options: Mapping[str, t.Any], boot: Result) -> Result:
    """Return the record of a test whose host answers, and what it was explained from.

    Args:
        machine: the machine that was to be crashed.
        state: the state of the test.
        options: C(dumps), C(observed) and C(recovery), see the module.
        boot: the kernel that runs now, see this_boot().

    Returns:
        C({"record", "logs", "known"}); the latter two are the arguments of classify().

    Raises:
        KdumpError: the dump left the host, and nobody looked for it.
    """
    vmcore, reports = _arrived(state, options["dumps"]) if state.get("dump_host") else _saved(state)
    reset, wrong_reset = _report(reports, "pcie_reset", "pcie-reset.json", ResetReport)
    capture, wrong_capture = _report(reports, "capture", "capture.json", CaptureReport)
    files = left_files(Path(state["dump_directory"]), state.get("files_before", {}))
    logs = _logs(machine, state, vmcore, files, options["recovery"])
    known = _known(state, boot, vmcore, files, options["recovery"])
    explained = explanation(classify(logs, known))
    record = finished_record(
        state,
        vmcore=vmcore,
        reset=reset,
        capture=capture,
        cause=explained["cause"],
        evidence=[*wrong_reset, *wrong_capture, *explained["evidence"]],
        normal=boot,
        now=time.time(),
        panic_cpu=cpu_of(vmcore),
        observed=options["observed"],
        recovery=options["recovery"],
    )
    return {"record": record, "logs": logs, "known": known}


def newest_dump(state: Mapping[str, t.Any]) -> Result | None:
    """The verdict on the dump since the test began, None when there is none."""
    present = dumps_by_time(Path(state["dump_directory"]))
    # By what is there and not by clocks: the capture kernel may have another one.
    new = [path for path, changed in present.items() if state["dumps_before"].get(path) != changed]
    if not new:
        return None
    expected = Expectation(**expectation(state))
    return judge_newest(new, lambda path: verify(Path(path), expected))


def judge_newest(paths: list[str], judge_one: Callable[[str], Result]) -> Result:
    """The verdict on the last of these dumps, or on another one that is complete: others may be copied in meanwhile."""
    newest = judge_one(paths[-1])
    if newest["verdict"] == "complete":
        return newest
    older = (judge_one(path) for path in reversed(paths[:-1]))
    return next((each for each in older if each["verdict"] == "complete"), newest)


def dumps_by_time(directory: Path) -> dict[str, float]:
    """The dumps below a directory and when each was last written, that of the newest crash last."""
    return {str(dump.path): dump.modified for dump in find(directory)}


def cpu_of(vmcore: Result | None) -> int | None:
    """The CPU that panicked, by the log in the dump, or else by the one that was stored beside it."""
    if vmcore is None:
        return None
    cpu: int | None = vmcore["crash"].get("cpu")
    return panic_cpu(_read(vmcore["files"].get("dmesg")) or "") if cpu is None else cpu


def _saved(state: Result) -> tuple[Result | None, Result]:
    """The verdict on the dump of the test on the host itself, and the reports beside it."""
    vmcore = newest_dump(state)
    return vmcore, side_reports(vmcore["files"] if vmcore else {})


def _arrived(state: Result, dumps: list[Result] | None) -> tuple[Result | None, Result]:
    """The same of a dump that left the host, by what vmcore_info said where it arrived."""
    if dumps is None:
        raise KdumpError(f"The dump of this test went to {state['dump_host']}: judge it there.")
    vmcore = dump_of(dumps, state)
    reports = vmcore.pop("reports", None) if vmcore else None
    return vmcore, reports or side_reports({})


def _logs(
    machine: Machine,
    state: Result,
    vmcore: Result | None,
    files: list[Result],
    recovery: Result | None,
) -> list[dict[str, str]]:
    """The logs that the crash left on the host."""
    since = state["armed_at"]
    logs = [
        *side_logs(Path(state["dump_directory"]), files),
        *pstore_logs(machine.root, since, state.get("records_before")),
    ]
    if vmcore is None or vmcore["verdict"] != "complete":
        logs += journal_logs(machine.run, since)
    if recovery and recovery.get("sel"):
        logs.append({"source": "sel", "text": "\n".join(recovery["sel"]), "name": "sel"})
    return logs


def _known(
    state: Result,
    boot: Result,
    vmcore: Result | None,
    files: list[Result],
    recovery: Result | None,
) -> Result:
    """What else is known, for classify()."""
    directory = Path(state["dump_directory"])
    return {
        "armed": True,
        "boot_changed": boot["boot_id"] != state["boot_id"],
        "returned": True,
        "dump": vmcore,
        "files": files,
        "free_bytes": space_left(directory) if directory.is_dir() else None,
        "run_id": state["run_id"],
        "power_cycled": bool(recovery),
        "watchdog": state.get("watchdog"),
    }


def _read(path: str | None) -> str | None:
    """The text of a file beside the dump, None when it is not there."""
    try:
        return Path(path).read_text(errors="replace") if path else None
    except OSError:
        return None


def _report(
    reports: Mapping[str, t.Any], key: str, name: str, contract: t.Any
) -> tuple[Result | None, list[Result]]:
    """A report beside the dump, if it has its shape, and what there is to say about one that has another.

    The dump may be of anybody who can write where dumps arrive, and the capture kernel may have been cut short.
    """
    report = reports.get(key)
    wrong = None if report is None else misfit(report, contract, name)
    if wrong is None:
        return report, []
    return None, [
        {
            "segment": CAPTURE,
            "source": name,
            "line": 1,
            "text": json.dumps(report)[:_TEXT],
            "pattern": REPORT_MISFIT,
            "severity": "warning",
            "meaning": f"{name} was left out, it has not the shape of a report: {wrong}.",
            "count": 1,
        }
    ]


__all__ = ("cpu_of", "dumps_by_time", "judge_newest", "judged", "newest_dump")
