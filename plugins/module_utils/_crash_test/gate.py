# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Who may be crashed: the confirmation, and the groups that are never crashed."""

from __future__ import annotations

import hashlib
import json
import re
import typing as t

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable, Iterable

# Its hosts are never crashed, whatever other groups an operator names.
PROTECTED = "crash_test_protected"
_TOKEN = "crash-"
_DIGITS = 10
# A token is of the minute in which it was shown, and confirms for so many from then on.
_MINUTE = 60
_VALID_MINUTES = 24 * 60


def play_token(play: str, now: float) -> str:
    """Return the token that confirms the crash of exactly the hosts of a play, for 24 hours.

    A check of the play shows it.

    Args:
        play: what is confirmed, in any text that another play has not: its inventory, its hosts and their addresses.
        now: seconds since the epoch.
    """
    return _token(play, int(now) // _MINUTE)


def is_confirmed(
    host: str, confirm: Iterable[str], hosts: Iterable[str], play: Callable[[], str], now: float
) -> bool:
    """Say whether a host was confirmed, by its own name or by the token of its play.

    Args:
        host: its name.
        confirm: what was given as confirmation.
        hosts: the names of the play's hosts.
        play: returns what play_token() takes; it is asked only for a token.
        now: seconds since the epoch.
    """
    given = set(confirm)
    if host in given:
        return True
    tokens = {each for each in given if each.startswith(_TOKEN)}
    if not tokens or host not in hosts:
        return False
    minute, subject = int(now) // _MINUTE, play()
    return any(_token(subject, minute - age) in tokens for age in range(_VALID_MINUTES))


def strangers(confirm: Iterable[str], hosts: Iterable[str]) -> list[str]:
    """Return what was given as confirmation and is neither the name of one of the play's hosts nor a token."""
    token = re.compile(f"{_TOKEN}[0-9a-f]{{{_DIGITS}}}")
    return sorted(name for name in set(confirm) - set(hosts) if name and not token.fullmatch(name))


def protection(groups: Iterable[str], protected: Iterable[str]) -> list[str]:
    """Return the protected groups that a host is in, sorted."""
    return sorted(set(groups) & {PROTECTED, *protected})


def _token(play: str, minute: int) -> str:
    text = json.dumps([minute, play])
    return f"{_TOKEN}{hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]}"


__all__ = ("PROTECTED", "is_confirmed", "play_token", "protection", "strangers")
