# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Who may be crashed: the confirmation, and the groups that are never crashed."""

from __future__ import annotations

import hashlib
import json
import time
import typing as t

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Iterable

_DAY_SECONDS = 24 * 60 * 60


def play_token(hosts: Iterable[str], now: float) -> str:
    """Return the token that confirms the crash of exactly these hosts, on this day (UTC) and the next.

    A check of the play shows it. A play with another limit or another inventory has another one.
    """
    return _token(hosts, now)


def is_confirmed(host: str, confirm: Iterable[str], hosts: Iterable[str], now: float) -> bool:
    """Say whether a host was confirmed, by its own name or by the token of the play's hosts."""
    given = set(confirm)
    hosts = list(hosts)
    # A batch that runs past midnight goes on with the token it began with.
    tokens = {_token(hosts, now), _token(hosts, now - _DAY_SECONDS)} if host in hosts else set()
    return host in given or bool(given & tokens)


def protection(groups: Iterable[str], protected: Iterable[str]) -> list[str]:
    """Return the protected groups that a host is in, sorted."""
    return sorted(set(groups) & set(protected))


def _token(hosts: Iterable[str], moment: float) -> str:
    day = time.strftime("%Y-%m-%d", time.gmtime(moment))
    text = json.dumps([day, sorted(set(hosts))])
    return f"crash-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


__all__ = ("is_confirmed", "play_token", "protection")
