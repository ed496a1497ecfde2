# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What the inventory itself says, whatever the play or the command line set variables of the same names to."""

from __future__ import annotations

import concurrent.futures
import contextlib
import hashlib
import json
import socket
import tempfile
import typing as t
from pathlib import Path

from ansible.errors import AnsibleError
from ansible_collections.vmcore.kdump.plugins.plugin_utils._crash_test.boots import run_directory

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ansible.vars.hostvars import HostVars

# Variables that say which host is meant. -e overrides them for all hosts at once.
_OF_THE_HOST = ("group_names", "inventory_hostname", "inventory_hostname_short")
_SSH = 22


class Address(t.NamedTuple):
    """Where a host is reached."""

    name: str
    port: int


class Inventory:
    """The inventory of a play."""

    def __init__(self, task_vars: Mapping[str, t.Any]) -> None:
        # Ansible sets it after all other variables.
        self._hostvars: HostVars = task_vars["hostvars"]
        self._manager = self._hostvars._inventory
        self._extra_vars: Mapping[str, t.Any] = self._hostvars._variable_manager.extra_vars

    def overridden(self) -> list[str]:
        """The variables that say which host is meant, and that were given on the command line."""
        return [name for name in _OF_THE_HOST if name in self._extra_vars]

    def of_workflow(self) -> bool:
        """Whether this is a job of a workflow in AWX, or a slice of a job, which knows a part of the hosts only.

        awx/main/models/unified_jobs.py, UnifiedJob.awx_meta_vars().
        """
        return any(f"{name}_workflow_job_id" in self._extra_vars for name in ("awx", "tower"))

    def has_group(self, group: str) -> bool:
        """Whether the inventory has a group of this name."""
        return group in self._manager.groups

    def has(self, host: str) -> bool:
        """Whether the inventory has a host of this name."""
        return host in self._manager.hosts

    def groups(self, host: str) -> set[str]:
        """The groups that a host is in."""
        found = self._manager.get_host(host)
        return {group.name for group in found.get_groups()} if found else set()

    def hosts_of(self, groups: Iterable[str]) -> list[str]:
        """The hosts of some groups."""
        found = (self._manager.groups.get(group) for group in groups)
        return sorted({host.name for group in found if group for host in group.get_hosts()})

    def address(self, host: str) -> Address:
        """Where a host is reached, by its variables."""
        if not self.has(host):
            return Address(host, _SSH)
        variables = self._hostvars[host]
        try:
            name, port = variables.get("ansible_host"), variables.get("ansible_port")
        except AnsibleError:  # a template that needs what is not known here
            return Address(host, _SSH)
        number = str(port or "")
        return Address(str(name or host), int(number) if number.isdigit() else _SSH)

    def with_address_of(self, host: str, others: Iterable[str]) -> str | None:
        """The first of some other hosts that is reached where a host is reached, None without one."""
        own = self.address(host)
        addresses = {
            other: address
            for other in others
            if other != host and (address := self.address(other)).port == own.port
        }
        if not addresses:
            return None  # a name that no server knows takes its time
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            numbers = pool.map(_numbers, (address.name for address in addresses.values()))
            found = dict(zip(addresses, numbers, strict=True))
        mine = _numbers(own.name)
        return next((other for other, numbers in found.items() if numbers & mine), None)

    def identity(self, hosts: Iterable[str]) -> str:
        """Text that another inventory, other hosts and other addresses have not."""
        names = sorted(set(hosts))
        # Every host of the play asks, and each asks for all: the first one leaves it to the others of this run.
        digest = hashlib.sha256(json.dumps(names).encode()).hexdigest()
        place = run_directory() / f"vmcore-kdump-play-{digest}"
        with contextlib.suppress(OSError):
            return place.read_text()
        found = json.dumps([self._sources(), [[host, *self.address(host)] for host in names]])
        with (
            contextlib.suppress(OSError),
            tempfile.NamedTemporaryFile("w", dir=place.parent, delete=False) as stream,
        ):
            stream.write(found)
            stream.close()
            Path(stream.name).replace(place)
        return found

    def _sources(self) -> list[str]:
        """Where the inventory is from. AWX writes it to a new place for each job."""
        if "awx_inventory_id" in self._extra_vars:
            return [f"awx {self._extra_vars['awx_inventory_id']}"]
        return [
            str(Path(source).absolute()) if Path(source).exists() else source
            for source in map(str, self._manager._sources)
        ]


def _numbers(name: str) -> set[str]:
    """The addresses of a name in numbers, and the name itself for want of them."""
    try:
        return {str(found[4][0]) for found in socket.getaddrinfo(name, None)}
    except (OSError, UnicodeError):
        return {name}


__all__ = ("Address", "Inventory")
