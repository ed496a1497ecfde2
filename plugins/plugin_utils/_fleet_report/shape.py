# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What a results directory holds, brought into one shape: every key is there, with the right type and clean text.

The files were written by this collection, perhaps by an older release, perhaps changed since, and hold log lines and
device names of hosts that nobody trusts. What is missing or of another type becomes C(None), C("") or an empty list, so
that nothing behind this has to look twice.
"""

from __future__ import annotations

import math
import typing as t

from ansible_collections.vmcore.kdump.plugins.plugin_utils._text import clean

Data = dict[str, t.Any]
Shape = t.Callable[[t.Any], t.Any]

_NEWEST_TIME = 253402300799  # 9999-12-31 23:59:59 UTC
_LARGEST = 1 << 62


def text(value: t.Any) -> str:
    return clean(value) if isinstance(value, str) else ""


def maybe_text(value: t.Any) -> str | None:
    return clean(value) if isinstance(value, str) else None


def number(value: t.Any) -> float | None:
    """A number as it is; C(None) for anything that is none or that nothing can be calculated with."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if abs(value) < _LARGEST and math.isfinite(value) else None


def count(value: t.Any) -> int:
    return int(number(value) or 0)


def moment(value: t.Any) -> float | None:
    """Seconds since the epoch that a calendar has."""
    seconds = number(value)
    return seconds if seconds is not None and 0 <= seconds <= _NEWEST_TIME else None


def flag(value: t.Any) -> bool | None:
    return value if isinstance(value, bool) else None


def each(shape: Shape) -> Shape:
    return lambda value: [shape(item) for item in value] if isinstance(value, list) else []


def keys(**shapes: Shape) -> Shape:
    def shaped(value: t.Any) -> Data:
        source = value if isinstance(value, dict) else {}
        return {name: shape(source.get(name)) for name, shape in shapes.items()}

    return shaped


def maybe(shape: Shape) -> Shape:
    return lambda value: shape(value) if isinstance(value, dict) else None


def _problems(value: t.Any) -> list[Data] | None:
    """The problems; C(None) if nobody looked for any."""
    problems: list[Data] = each(keys(code=text, severity=text, message=text))(value)
    return problems if isinstance(value, list) else None


_LINE = keys(
    segment=text, source=text, line=count, text=text, severity=text, meaning=text, count=count
)
_CHECKS = each(keys(name=text, status=text, detail=text))
_PLATFORM = keys(
    hostname=text,
    architecture=text,
    memory_bytes=number,
    cpus=number,
    dmi=keys(sys_vendor=text, product_name=text, bios_version=text),
)
# What a proof is a proof of, in records since 0.3.0; the same keys in the facts.
_CONFIGURATION = {
    "crash_size": number,
    "capture_command_line": maybe_text,
    "image": keys(fingerprint=maybe_text),
    "target": keys(type=maybe_text, path=maybe_text),
    "core_collector": maybe_text,
}
_IOMMU = keys(
    kind=text,
    translation=flag,
    interrupt_remapping=keys(active=flag),
    capture_kernel=keys(tables=maybe_text, why=text, warnings=each(text)),
)

record = keys(
    run_id=text,
    host=text,
    hostname=text,
    platform=_PLATFORM,
    iommu=_IOMMU,
    helper=keys(installed=flag, digest=maybe_text),
    preflight=_CHECKS,
    kdump=maybe(keys(**_CONFIGURATION)),
    finished_at=moment,
    stored_at=moment,
    verdict=text,
    why=text,
    stage=text,
    stages=each(keys(name=text, time=moment, after=number, source=maybe_text)),
    boot_id=keys(before=text, after=maybe_text),
    kernel=keys(before=text, after=maybe_text),
    trigger=keys(requested_by=text, load=each(text), cpu=number, panic_cpu=number),
    cause=maybe(
        keys(
            stage=maybe_text,
            code=text,
            sentence=text,
            alternatives=each(keys(code=text, sentence=text)),
            evidence=each(_LINE),
            silence=text,
            needs=each(text),
        )
    ),
    recovery=maybe(keys(method=text, sel=each(text))),
    reset=maybe(
        keys(
            stage=text,
            uptime_end=number,
            ports=each(
                keys(
                    address=text,
                    result=text,
                    reason=maybe_text,
                    method=maybe_text,
                    error=maybe_text,
                    seconds=number,
                    functions=each(
                        keys(address=text, identity=text, bus_master_after=flag, returned=flag)
                    ),
                )
            ),
            summary=keys(
                planned=count, reset=count, left=count, failed=count, timeout=count, seconds=number
            ),
        )
    ),
    vmcore=maybe(keys(path=text, size=number, format=text, verdict=text, why=text, checks=_CHECKS)),
    evidence=each(_LINE),
)

assessment = keys(
    host=text,
    assessed_at=moment,
    facts=keys(
        pcie=keys(
            functions=each(
                keys(
                    address=text,
                    vendor=text,
                    device=text,
                    class_name=text,
                    name=maybe_text,
                    slot=maybe_text,
                    driver=maybe_text,
                    header=maybe_text,
                    port_type=maybe_text,
                    parent=maybe_text,
                    root_bus=maybe_text,
                    physical_function=maybe_text,
                )
            ),
            ports=each(keys(address=text, slot=maybe_text)),
        ),
        iommu=_IOMMU,
        kdump=keys(
            family=maybe_text,
            armed=flag,
            kernel_release=maybe_text,
            helper=keys(installed=flag, digest=maybe_text),
            problems=_problems,
            **_CONFIGURATION,
        ),
        platform=_PLATFORM,
    ),
    plan=maybe(
        keys(
            digest=text,
            ports=each(
                keys(address=text, decision=text, reason=text, sentence=text, rule=maybe_text)
            ),
            summary=keys(reset=count, leave=count),
            notes=each(text),
            dma=maybe(
                keys(
                    functions=count,
                    silent=count,
                    running=count,
                    unknown=count,
                    groups=each(keys(words=text, ports=count, functions=each(text))),
                    levers=each(keys(words=text, gain=count)),
                )
            ),
        )
    ),
)

refusal = keys(host=text, refused_at=moment, reason=text, why=text)
# What M(vmcore.kdump.collect) keeps of a host, see C(plugin_utils/_collect.py).
collected = keys(
    host=text,
    kernel=text,
    platform=_PLATFORM,
    crashes=each(
        keys(
            id=text,
            collected_at=moment,
            origin=text,
            run_id=maybe_text,
            path=text,
            size=number,
            present=flag,
            verdict=text,
            why=text,
            kind=text,
            words=text,
            reason=text,
            functions=each(text),
            signature=maybe_text,
            cpu=number,
            task=maybe_text,
            nodename=maybe_text,
            release=maybe_text,
            build_id=maybe_text,
            crash_time=moment,
            has_log=flag,
            last_lines=each(text),
        )
    ),
)

__all__ = ("assessment", "collected", "record", "refusal")
