# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the report of a fleet on the controller, where jinja2 is, from the files that are there already."""

from __future__ import annotations

import hashlib
import os
import time
import typing as t
import urllib.parse
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report import (
    files,
    html,
    junit,
    markdown,
    model,
    prometheus,
    steps,
)
from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report.proof import Age

Data = dict[str, t.Any]

_ARGUMENTS: Data = {
    "results_directory": {"type": "path", "required": True},
    "directory": {"type": "path"},
    "hosts": {"type": "list", "elements": "str", "default": []},
    "max_age": {"type": "int", "default": 90},
}
# A file for each format.
_FORMATS: dict[str, t.Callable[[Data], str]] = {
    "report.html": html.render,
    "junit.xml": junit.render,
    "vmcore_kdump.prom": prometheus.render,
    "summary.md": markdown.render,
}


class ActionModule(ActionBase):
    """Reads, renders and writes; nothing is done on a host."""

    _requires_connection = False
    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: Data | None = None) -> Data:
        result: Data = super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(argument_spec=_ARGUMENTS)
        source = Path(options["results_directory"]).expanduser().absolute()
        directory = Path(options["directory"] or source / "report").expanduser().absolute()
        if directory == source:
            raise AnsibleActionFail(
                f"directory and results_directory are both {source}: choose another directory."
            )
        age = Age(time.time(), options["max_age"])
        try:
            results = files.read(source)
            report = model.build(
                results,
                options["hosts"],
                age,
                options["directory"] or str(directory),
                urllib.parse.quote(os.path.relpath(source, directory)),
            )
            contents = {name: render(report) for name, render in _FORMATS.items()}
            contents["report.json"] = _json(report, results)
            contents.update(steps.limit_files(report["steps"], set(options["hosts"])))
            before = {name: _before(directory / name) for name in contents}
            changed = [name for name, content in contents.items() if before[name] != content]
            for name in changed:
                if not self._task.check_mode:
                    files.write(directory / name, contents[name])
        except KdumpError as exc:
            raise AnsibleActionFail(str(exc)) from exc
        if self._task.diff and "summary.md" in changed:
            path = str(directory / "summary.md")
            result["diff"] = {
                "before": before["summary.md"] or "",
                "after": contents["summary.md"],
                "before_header": path,
                "after_header": path,
            }
        return {
            **result,
            "changed": bool(changed),
            "msg": contents["summary.md"],
            "files": {name: str(directory / name) for name in sorted(contents)},
            "summary": {
                key: report["summary"][key] for key in ("hosts", "tested", "verdicts", "crashes")
            },
            "steps": [
                {"name": step["name"], "hosts": len(step["hosts"]), "command": step["command"]}
                for step in report["steps"]
            ],
            "unplanned": {key: report["unplanned"][key] for key in ("total", "hosts")},
            "ignored": report["ignored"],
            "stats": _stats(report),
        }


def _json(report: Data, results: files.Results) -> str:
    """The records as they are, and what was concluded."""
    keys = (
        "name",
        "verdict",
        "why",
        "headline",
        "platform",
        "kernel",
        "firmware",
        "problems",
        "drift",
        "refusal",
    )
    hosts = [
        {**{key: host[key] for key in keys}, "run_id": host["test"] and host["test"]["run_id"]}
        for host in report["hosts"]
    ]
    content = {
        "version": 1,
        "as_of": report["as_of"],
        "summary": report["summary"],
        "hosts": hosts,
        "steps": report["steps"],
        "unplanned": report["unplanned"],
        "records": results.raw,
    }
    return files.dumps(content, indent=None)


def _stats(report: Data) -> Data:
    """One variable whose name depends on the hosts: slices of an AWX job have others, and none replaces another's."""
    names = "\n".join(sorted(host["name"] for host in report["hosts"]))
    key = hashlib.sha256(names.encode()).hexdigest()[:12]
    hosts = {
        host["name"]: {
            "verdict": host["verdict"],
            "stage": host["test"] and host["test"]["stage"],
            "run_id": host["test"] and host["test"]["run_id"],
        }
        for host in report["hosts"]
    }
    return {
        f"vmcore_kdump_report_{key}": {"verdicts": report["summary"]["verdicts"], "hosts": hosts}
    }


def _before(path: Path) -> str | None:
    """What a file holds now; what is no text of ours is replaced like a file that is missing."""
    try:
        return path.read_text("utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    except OSError as exc:
        raise KdumpError(f"{path} cannot be read: {exc.strerror}.") from exc
