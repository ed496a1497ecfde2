# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible.errors import AnsibleError
from ansible_collections.vmcore.kdump.plugins.action import _crash_test_ready
from ansible_collections.vmcore.kdump.tests.unit.inventories import hostvars

ASKED = _crash_test_ready._HAS
BMC = {"bmc_host": "192.0.2.100", "bmc_user": "admin", "bmc_password": "secret"}


def look(tmp_path: Path, **args: Any) -> dict[str, Any]:
    action: Any = object.__new__(_crash_test_ready.ActionModule)
    action._task = SimpleNamespace(
        args=args, action="x", check_mode=True, diff=False, async_val=0, delegate_to=None
    )

    def find(_directory: str, name: str) -> str:
        if not (tmp_path / name).exists():
            raise AnsibleError(name)
        return name

    action._find_needle = find
    action._connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir=None))
    inventory = hostvars(tmp_path / "hosts.yml", {"all": {"hosts": {"db01": {}, "vault": {}}}})
    result: dict[str, Any] = action.run(None, {"inventory_hostname": "db01", "hostvars": inventory})
    return result


@pytest.fixture(autouse=True)
def there(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What the controller has: all that a recovery needs."""
    names = {name for needs in _crash_test_ready._NEEDS.values() for _kind, name in needs}
    monkeypatch.setattr(
        _crash_test_ready, "_HAS", dict.fromkeys(_crash_test_ready._HAS, names.__contains__)
    )
    return names


@pytest.mark.parametrize(
    "args",
    [
        {},
        {"recovery": "redfish", **BMC},
        {"recovery": "ipmi", **BMC},
        {"recovery": "hosts.yml"},
        {"dump_host": "vault", "dump_path": "/srv/dumps"},
    ],
)
def test_what_is_there_is_no_reason_to_refuse(tmp_path: Path, args: dict[str, Any]) -> None:
    hostvars(tmp_path / "hosts.yml", {})
    assert not look(tmp_path, **args).get("failed")


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ({"recovery": "redfsh"}, "crash_test_recovery is redfsh, which is no file of tasks"),
        ({"recovery": "redfish", **BMC, "bmc_user": ""}, "Set crash_test_bmc_user"),
        ({"recovery": "ipmi"}, "Set crash_test_bmc_host"),
        ({"dump_host": "valut", "dump_path": "/srv"}, "crash_test_dump_host is valut, which the"),
        ({"dump_host": "vault"}, "Set crash_test_dump_path"),
    ],
)
def test_what_is_misspelled_or_left_out_is_said_before_the_crash(
    tmp_path: Path, args: dict[str, Any], why: str
) -> None:
    result = look(tmp_path, **args)
    assert result["failed"]
    assert why in result["msg"]


@pytest.mark.parametrize("missing", ["community.general.ipmi_power", "pyghmi", "ipmitool"])
def test_what_a_recovery_needs_on_the_controller_is_looked_for(
    tmp_path: Path, there: set[str], missing: str
) -> None:
    there.remove(missing)
    assert f" {missing}: install it." in look(tmp_path, recovery="ipmi", **BMC)["msg"]


def test_what_a_controller_has_is_asked_of_it() -> None:
    has = ASKED
    assert has["program"]("sh")
    assert not has["program"]("no-such-program")
    assert has["Python library"]("json")
    assert not has["Python library"]("no_such_library")
    assert has["module"]("ping")
    assert not has["module"]("no.such.module")
