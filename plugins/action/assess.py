# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gathers the facts of a host, plans its reset and tells both, in one task and with one remote call."""

from __future__ import annotations

import contextlib
import tempfile
import time
import typing as t
from pathlib import Path

import yaml

from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._helper.quiesce import STAGES
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.assessment import assessment
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.plan import make_plan
from ansible_collections.vmcore.kdump.plugins.plugin_utils._assess import table
from ansible_collections.vmcore.kdump.plugins.plugin_utils._captured import unpack
from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report import files
from ansible_collections.vmcore.kdump.plugins.plugin_utils._host import HostAction
from ansible_collections.vmcore.kdump.plugins.plugin_utils._text import clean

if t.TYPE_CHECKING:
    from collections.abc import Iterator

_ARGUMENTS: dict[str, t.Any] = {
    "root": {"type": "path", "default": "/"},
    "exclusions": {"type": "list", "elements": "dict", "default": []},
    "exclusions_directory": {"type": "path"},
    "policy": {"type": "dict", "default": {}},
    "stage": {"type": "str", "choices": list(STAGES), "default": "initramfs"},
    "directory": {"type": "path"},
    "brief": {"type": "bool", "default": False},
    "fail_on": {"type": "str", "choices": ["error", "warning"]},
}
display = Display()

# What counts as at least as bad.
_WORSE = {"error": ("error",), "warning": ("error", "warning")}
# libyaml's where it is there, as Ansible does.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class ActionModule(HostAction):
    """Runs M(vmcore.kdump.platform_facts) on the host. All else happens here, in parallel for many hosts."""

    _requires_connection = True
    _supports_check_mode = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None
    ) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(argument_spec=_ARGUMENTS)
        local = self._connection.transport == "local"
        try:
            with _tree(options["root"], local=local) as root:
                gathered = self._execute_module(
                    module_name="vmcore.kdump.platform_facts",
                    module_args={"root": root},
                    task_vars=task_vars,
                )
        except KdumpError as exc:
            raise AnsibleActionFail(str(exc)) from exc
        gathered.pop("invocation", None)
        # A fact that is set would be copied and templated for every later task.
        facts = gathered.pop("ansible_facts", None) or {}
        # A first contact leaves the interpreter that was found there, also when the module failed.
        if gathered.get("failed") or not facts.keys() & {"pcie", "iommu", "kdump"}:
            return {**result, **gathered}
        try:
            exclusions = [*_shipped(options["exclusions_directory"]), *options["exclusions"]]
            plan = make_plan(facts, exclusions, options["policy"], options["stage"])
            lines = assessment(facts, plan)
            if options["directory"] and not self._task.check_mode:
                directory = Path(options["directory"]).expanduser().absolute()
                result["path"] = _keep(directory, task_vars or {}, facts, plan)
        except KdumpError as exc:
            raise AnsibleActionFail(str(exc)) from exc
        if gathered.get("warnings"):
            result["warnings"] = gathered["warnings"]
        if not options["brief"]:
            # Lines whatever the callback: the default one prints a result as one string of JSON.
            display.display(clean("\n".join([f"[{_host(task_vars)}] {lines[0]}", *lines[1:]])))
        row = table.row(facts, plan)
        result.update(msg="\n".join(lines), row=row, changed=False)
        if options["fail_on"] and row["severity"] in _WORSE[options["fail_on"]]:
            result.update(failed=True, msg=f"{row['problem']} (fail_on: {options['fail_on']})")
        return result


@contextlib.contextmanager
def _tree(root: str, *, local: bool) -> Iterator[str]:
    """The directory of a captured tree, for as long as it is read: one that is still an archive is unpacked."""
    archive = Path(root).expanduser()
    if not local or not archive.is_file():
        yield root
        return
    with tempfile.TemporaryDirectory(prefix="captured-") as directory:
        unpack(archive, Path(directory))
        yield directory


def _host(task_vars: dict[str, t.Any] | None) -> str:
    return str((task_vars or {})["inventory_hostname"])


def _shipped(directory: str | None) -> list[dict[str, t.Any]]:
    """The rules of all files of a directory. Lookups in a template would take as long as the rest of the task."""
    rules: list[dict[str, t.Any]] = []
    for path in sorted(Path(directory).glob("*.yml")) if directory else ():
        try:
            found = yaml.load(path.read_bytes(), _LOADER) or []
        except OSError as exc:
            raise KdumpError(f"The rules in {path} cannot be read: {exc.strerror}.") from exc
        except yaml.YAMLError as exc:
            raise KdumpError(f"The rules in {path} cannot be read: {exc}") from exc
        if not isinstance(found, list):
            raise KdumpError(f"{path} holds no list of rules.")
        rules += found
    return rules


def _keep(
    directory: Path, task_vars: dict[str, t.Any], facts: dict[str, t.Any], plan: dict[str, t.Any]
) -> str:
    """Write what was found for the report; the last assessment of a host replaces the one before."""
    host = _host(task_vars)
    path = files.assessment_path(directory, host)
    kept = {
        "version": 1,
        "host": host,
        "assessed_at": int(time.time()),
        "facts": facts,
        "plan": plan,
    }
    files.write(path, files.dumps(kept, indent=None))
    return str(path)
