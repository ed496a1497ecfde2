# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Files of the results directory: a JSON for each crash test, host that was assessed, and host that was refused."""

from __future__ import annotations

import json
import os
import typing as t
import urllib.parse
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report import shape
from ansible_collections.vmcore.kdump.plugins.plugin_utils._save import save
from ansible_collections.vmcore.kdump.plugins.plugin_utils._text import clean

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# The facts of a host with 70 ports take 0.3 MB, a record less.
_LIMIT = 64 << 20
# The directories in the results directory: that of M(vmcore.kdump.collect), and that of fetched dumps.
_CRASHES = "crashes"
_DUMPS = "dumps"
_VERDICTS = ("passed", "failed", "inconclusive")


class Results(t.NamedTuple):
    """What was read."""

    records: list[shape.Data]
    assessments: list[shape.Data]
    raw: list[t.Any]  # the records as they are in the files
    ignored: list[str]  # a sentence for each file that is none of these
    refusals: list[shape.Data]
    collected: list[shape.Data]  # what M(vmcore.kdump.collect) knows of a host's crashes


def read(directory: Path) -> Results:
    """Read every C(*.json) of the directory, in the order of their names.

    Raises:
        KdumpError: the directory cannot be read.
    """
    results = Results([], [], [], [], [], [])
    try:
        for name, content in _contents(directory, results.ignored):
            copied = (directory / _DUMPS / f"{name.removesuffix('.json')}.dump").is_file()
            _sort_in(results, name, content, copied=copied)
    except OSError as exc:
        raise KdumpError(
            f"The results directory {directory} cannot be read: {exc.strerror}. Crash tests write it, and the playbook"
            " assess with assess_directory."
        ) from exc
    try:
        for name, content in _contents(directory / _CRASHES, results.ignored):
            _add_crashes(results, name, content)
    except FileNotFoundError:
        pass  # nothing was collected
    except OSError as exc:
        raise KdumpError(
            f"The directory {directory / _CRASHES} cannot be read: {exc.strerror}."
        ) from exc
    return results


def _contents(directory: Path, ignored: list[str]) -> Iterator[tuple[str, t.Any]]:
    """Yield name and content of each C(*.json), and add a sentence for each that is none.

    Raises:
        OSError: the directory cannot be read.
    """
    names = sorted(
        entry.name
        for entry in os.scandir(directory)
        if entry.name.endswith(".json") and not entry.name.startswith(".")
    )
    for name in names:
        try:
            content = _parse(_content(directory / name))
        except OSError as exc:
            ignored.append(f"{clean(name)} cannot be read: {exc.strerror}.")
        except _NoResult as exc:
            ignored.append(f"{clean(name)} {exc}.")
        except (ValueError, RecursionError):
            ignored.append(f"{clean(name)} is not JSON.")
        else:
            yield name, content


class _NoResult(Exception):
    """What keeps a file from being a result: its kind or its size."""


def _content(path: Path) -> bytes:
    """Read a file. A pipe would be waited for, and a file of any size kept."""
    if not path.is_file():
        path.stat()
        raise _NoResult("is no file")
    with path.open("rb") as file:
        content = file.read(_LIMIT + 1)
    if len(content) > _LIMIT:
        raise _NoResult(f"is larger than {_LIMIT >> 20} MiB")
    return content


def _sort_in(results: Results, name: str, content: t.Any, *, copied: bool) -> None:
    found = content if isinstance(content, dict) else {}
    named = isinstance(found.get("host"), str) and found["host"]
    if named and isinstance(found.get("run_id"), str) and found.get("verdict") in _VERDICTS:
        results.records.append({**shape.record(found), "file": name, "copied": copied})
        results.raw.append(found)
    elif named and isinstance(found.get("facts"), dict):
        results.assessments.append(shape.assessment(found))
    elif named and isinstance(found.get("reason"), str) and "refused_at" in found:
        results.refusals.append(shape.refusal(found))
    else:
        results.ignored.append(
            f"{clean(name)} is neither a result record, nor facts, nor a refusal."
        )


def _add_crashes(results: Results, name: str, content: t.Any) -> None:
    found = content if isinstance(content, dict) else {}
    if (
        isinstance(found.get("host"), str)
        and found["host"]
        and isinstance(found.get("crashes"), list)
    ):
        results.collected.append(shape.collected(found))
    else:
        results.ignored.append(f"{_CRASHES}/{clean(name)} holds no crashes of a host.")


def _parse(content: bytes) -> t.Any:
    """JSON as the standard has it: NaN and the infinities are none."""

    def refuse(constant: str) -> t.NoReturn:
        raise ValueError(constant)

    return json.loads(content, parse_constant=refuse)


def assessment_path(directory: Path, host: str) -> Path:
    """Where the facts of a host are."""
    return directory / f"{_file_name(host)}-facts.json"


def record_path(directory: Path, host: str, run_id: str) -> Path:
    """Where the record of a crash test is."""
    return directory / f"{_file_name(host)}-{run_id}.json"


def refusal_path(directory: Path, host: str) -> Path:
    """Where it is kept why a host was not crashed."""
    return directory / f"{_file_name(host)}-refusal.json"


def dump_path(directory: Path, host: str, run_id: str) -> Path:
    """Where the dump of a crash test is, in a directory that is for the user alone."""
    return directory / _DUMPS / f"{_file_name(host)}-{run_id}.dump"


def crashes_path(directory: Path, host: str) -> Path:
    """Where it is known which crashes of a host were collected, in a directory that is for the user alone."""
    return directory / _CRASHES / f"{_file_name(host)}.json"


def crash_log_path(directory: Path, host: str, crash: str) -> Path:
    """Where the kernel's log of a collected crash is; C(crash) is its identity on the controller."""
    return directory / _CRASHES / f"{_file_name(host)}-{crash}.log"


def _file_name(host: str) -> str:
    """A host's name as that of a file; no name leads out of its directory, or hides the file."""
    name = urllib.parse.quote(host, safe="@+,=", errors="replace")
    return f"%2E{name[1:]}" if name.startswith(".") else name


def dumps(value: Mapping[str, t.Any], indent: int | None = 1) -> str:
    """JSON in ASCII, so that it is text whatever is in it."""
    return json.dumps(value, indent=indent, sort_keys=True, allow_nan=False) + "\n"


def write(path: Path, content: str) -> None:
    """Replace a file at once, so that nobody sees half of it.

    Raises:
        KdumpError: it cannot be written.
    """
    try:
        save(path, content.encode())
    except OSError as exc:
        raise KdumpError(f"{path} cannot be written: {exc.strerror}.") from exc


__all__ = (
    "Results",
    "assessment_path",
    "crash_log_path",
    "crashes_path",
    "dump_path",
    "dumps",
    "read",
    "record_path",
    "refusal_path",
    "write",
)
