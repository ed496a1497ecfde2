# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What the crash tests of a run came to, host by host, from the results of their tasks."""

from __future__ import annotations

import typing as t
from collections import Counter

from ansible_collections.vmcore.kdump.plugins.plugin_utils._refusal import REASONS
from ansible_collections.vmcore.kdump.plugins.plugin_utils._text import clean_line, columns

if t.TYPE_CHECKING:
    from collections.abc import Mapping

# In the order in which they are told. Those of the first row were tested, or would be outside of check mode.
_TESTED = ("passed", "failed", "inconclusive", "ready")
_NOT_TESTED = ("refused", "not tested")
_HEAD = ("host", "outcome", "why")


class Outcomes(t.NamedTuple):
    """What is to be said of a run."""

    text: str  # a table of the hosts that did not pass, and how many hosts are what
    tested: bool  # whether any host was crashed, verified, or is ready to be


def outcomes(results: Mapping[str, t.Any]) -> Outcomes:
    """Return what the results say, a result of M(vmcore.kdump.crash_test) by each host's name, None without one."""
    rows = {host: _row(result) for host, result in results.items()}
    shown = [
        (clean_line(host), word, why)
        for host, (word, why) in sorted(rows.items(), key=lambda row: (row[1][0], row[0]))
        if word not in ("passed", "ready")
    ]
    counts = Counter(word for word, _why in rows.values())
    total = ", ".join(f"{counts[word]} {word}" for word in (*_TESTED, *_NOT_TESTED) if counts[word])
    table = [*columns([_HEAD, *shown]), ""] if shown else []
    return Outcomes(
        "\n".join([*table, f"crash tests: {total or 'none'}", *_tokens(results)]),
        any(counts[word] for word in _TESTED),
    )


def _tokens(results: Mapping[str, t.Any]) -> list[str]:
    """What confirms the hosts, when they were only checked; all hosts of a play have the same token."""
    ready = [
        each for each in results.values() if isinstance(each, dict) and each.get("ready") is True
    ]
    return [
        f"crash_test_confirm={clean_line(token)} confirms exactly the hosts of this play, for 24 hours."
        for token in sorted({str(each["token"]) for each in ready if each.get("token")})
    ]


def _row(result: t.Any) -> tuple[str, str]:
    """A word for what came of a host, and why."""
    known = result if isinstance(result, dict) else {}
    why = clean_line(str(known.get("msg") or ""))
    if known.get("refused") in REASONS:
        return "refused", f"{known['refused']}: {why}"
    verdict = (known.get("record") or {}).get("verdict")
    if verdict in _TESTED:
        return verdict, why
    return ("ready", "") if known.get("ready") is True else ("not tested", why)


__all__ = ("Outcomes", "outcomes")
