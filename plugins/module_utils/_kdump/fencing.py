# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""How long a node of a Pacemaker cluster may take for its dump before another node switches its power off."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path
from xml.etree import ElementTree

from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import exists, read_text

_COROSYNC = "etc/corosync/corosync.conf"
_CIB = "var/lib/pacemaker/cib/cib.xml"

# corosync.conf(5): milliseconds until a node that is silent is called lost, and until the others agree, which takes
# 1.2 times as much besides.
_TOKEN = re.compile(r"^\s*token\s*:\s*([0-9]{1,9})\s*$", re.MULTILINE)
_DEFAULT_TOKEN = 3000
_CONSENSUS = 2.2
# fence_kdump(8), timeout: how long it waits for the message of a node that dumps, in seconds.
_DEFAULT_WAIT = 60

_SECONDS = re.compile(r"([0-9]{1,9})(s|sec|m|min)?")
_MINUTES = ("m", "min")


class Fencing(t.NamedTuple):
    """What a cluster does to a node that stops answering."""

    seconds: int  # until its power is switched off, unless a message of the node comes before
    waits: bool  # for the message that fence_kdump_send sends from the capture kernel


def fencing(root: Path) -> Fencing | None:
    """Return what the cluster does to the host, None where it fences no node; see C(unknown())."""
    if not exists(root / _COROSYNC):
        return None
    cib = _cib(root)
    if cib is None or _property(cib, "stonith-enabled") == "false":
        return None
    agents = [each for each in cib.iter("primitive") if each.get("class") == "stonith"]
    if not agents:
        return None
    token = _TOKEN.findall(read_text(root / _COROSYNC) or "")
    lost = int(int(token[-1] if token else _DEFAULT_TOKEN) * _CONSENSUS / 1000)
    waiting = [each for each in agents if each.get("type") == "fence_kdump"]
    if waiting:
        waits = [_seconds(_attribute(each, "timeout")) or _DEFAULT_WAIT for each in waiting]
        return Fencing(lost + max(waits), waits=True)
    delays = [
        _seconds(_attribute(each, name))
        for each in agents
        for name in ("pcmk_delay_base", "pcmk_delay_max")
    ]
    return Fencing(lost + max(delays, default=0), waits=False)


def unknown(root: Path) -> bool:
    """Say whether the host is in a cluster of which it does not tell how nodes are fenced."""
    return exists(root / _COROSYNC) and _cib(root) is None


def _cib(root: Path) -> ElementTree.Element | None:
    text = read_text(root / _CIB)
    # No cluster declares entities, and an expansion of them is all that a file could do here.
    if text is None or "<!DOCTYPE" in text or "<!ENTITY" in text:
        return None
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return None


def _property(cib: ElementTree.Element, name: str) -> str | None:
    pairs = (pair for each in cib.iter("crm_config") for pair in each.iter("nvpair"))
    return next((pair.get("value") for pair in pairs if pair.get("name") == name), None)


def _attribute(agent: ElementTree.Element, name: str) -> str:
    pairs = (pair for each in agent.iter("instance_attributes") for pair in each.iter("nvpair"))
    return next((pair.get("value") or "" for pair in pairs if pair.get("name") == name), "")


def _seconds(text: str) -> int:
    """A time of Pacemaker: C(30), C(30s), C(1min); C(node1:10;node2:20) is the longest of them."""
    found = [_SECONDS.fullmatch(each.rpartition(":")[2].strip()) for each in text.split(";")]
    return max(
        (int(each[1]) * (60 if each[2] in _MINUTES else 1) for each in found if each), default=0
    )


__all__ = ("Fencing", "fencing", "unknown")
