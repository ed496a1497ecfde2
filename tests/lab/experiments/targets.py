# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dumps that leave the host, over NFS and SSH, verified where they arrived: ``make targets``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.experiment import Case, Experiment, Guest, Outcome, Trial
from lab.experiments.configure import OWN
from lab.machine import Machine
from lab.plays import Plays
from lab.servers import ADDRESS, USER, Servers
from lab.tap import Seen, listening, seen

_KEY = "/root/.ssh/kdump_id_ed25519"

# The SSH server has a port of its own, as an operator's may. The capture kernel brings the network up if something
# waits for it (network-online.target); the guest's image leaves that out, for the time it takes.
_CLIENT = """
mkdir -p -m 0700 /root/.ssh
printf 'Host %s\\n  Port %s\\n  HostKeyAlias %s\\n' {address} {port} {address} >/root/.ssh/config
systemctl unmask systemd-networkd-wait-online.service
systemctl enable systemd-networkd-wait-online.service
"""


def _try(trial: Trial) -> Outcome:
    host = trial.host
    with Servers(host.directory / "servers") as servers:
        host.ssh(_CLIENT.format(address=ADDRESS, port=servers.ports["ssh"]), timeout=120)
        return _dump_to(trial.name, host, servers)


def _dump_to(kind: str, host: Machine, servers: Servers) -> Outcome:
    plays = Plays(host, **OWN, kdump_reboot_ok=True, **_variables(kind, servers))
    refused = _role(plays)
    if kind == "ssh":
        # The server does not know the key yet, which the role just made.
        if "allow" not in refused:
            raise LabError("The role did not say that the server refuses the key.")
        servers.allow(host.ssh(f"cat {_KEY}.pub", timeout=120))
        refused = _role(plays)
    if refused:
        raise LabError(f"The role failed: {refused}")
    with listening(host) as frames:
        code = plays.play("crash_test")
    _path, record = plays.record()
    _show(servers.store, record)
    if code or record["verdict"] != "passed":
        return Outcome([(record["verdict"], "-")], wrong=[record["why"]])
    heard = seen(frames, Path(record["vmcore"]["path"]))
    return Outcome([(record["verdict"], heard)], [record["why"]], overheard(kind, heard))


def overheard(kind: str, heard: Seen) -> list[str]:
    """What is wrong with what the network showed of a dump: SSH hides all of it, and NFS nothing.

    A piece that begins in one frame and ends in the next is not found; that of NFS most are shows that this look finds
    what is there.
    """
    if kind == "ssh" and heard.found:
        return [f"Whoever listens on the network reads {heard} pieces of the dump."]
    if kind == "nfs" and heard.found * 2 < heard.pieces:
        return [
            f"Only {heard} pieces of the dump were found on the network, so this look proves nothing."
        ]
    return []


def _variables(kind: str, servers: Servers) -> dict[str, Any]:
    """What an operator sets for this target, and for the server that the dumps are judged on."""
    targets: dict[str, dict[str, Any]] = {
        "nfs": {
            "kdump_target": {"type": "nfs", "server": ADDRESS, "export": "/dumps"},
            "kdump_dump_directory": "/var/crash",
        },
        "ssh": {
            "kdump_target": {"type": "ssh", "server": ADDRESS, "user": USER, "key": _KEY},
            "kdump_ssh_host_keys": [servers.host_key],
            "kdump_dump_directory": str(servers.store),
        },
    }
    return {
        **targets[kind],
        "crash_test_dump_host": "localhost",
        "crash_test_dump_path": str(servers.store),
    }


def _role(plays: Plays) -> str:
    """Configure the target and test it: nothing if all is well, or the sentence of the task that failed."""
    output = plays.output("kdump.yml", "--diff")
    print(output, flush=True)
    _head, failed, rest = output.partition("fatal: ")
    return rest.partition("PLAY RECAP")[0] if failed else ""


def _show(store: Path, record: dict[str, Any]) -> None:
    """Print what is on the server, and every check of the dump."""
    for place in sorted(store.rglob("*")):
        print(f"  {place.relative_to(store)}: {place.stat().st_size} bytes")
    for check in (record["vmcore"] or {}).get("checks", ()):
        print(f"    {check['name']}: {check['status']}: {check['detail']}")


EXPERIMENT = Experiment(
    "targets",
    "dump to an NFS and an SSH server, and verify there",
    ("verdict", "pieces of the dump that the network shows"),
    {kind: Case(_try, (Guest("targets", "none", "debian13-plain"),)) for kind in ("nfs", "ssh")},
    configure=False,
)
