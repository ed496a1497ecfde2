# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""A dump copied to the controller: in pieces, so that memory does not grow with it, and resumable."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import shlex
import typing as t
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError

if t.TYPE_CHECKING:
    from collections.abc import Callable

    # A shell command on the host -> its exit status and what it printed.
    Run = Callable[[str], tuple[int, str]]

_PIECE = 8 << 20
# For what else is written to a results directory while a fleet is tested.
SPARE = 64 << 20
_DIRECTORY_MODE = 0o700
_FILE_MODE = 0o600

# Whatever a login shell or sudo prints around it is not of the answer.
_ANSWER = re.compile(r"vmcore-kdump<([^<>]*)>")
_DESCRIBE = "printf 'vmcore-kdump<'; stat --format=%s -- {path} && sha256sum < {path} && printf '>'"
# dd(1) seeks to the begin of a piece.
_READ = (
    "printf 'vmcore-kdump<'; dd if={path} iflag=skip_bytes,count_bytes,fullblock skip={offset} count={count} bs=1M"
    " status=none | base64 -w 0; printf '>'"
)


class Described(t.NamedTuple):
    """What a host says of its dump."""

    size: int
    sha256: str


def describe(run: Run, path: str) -> Described:
    """Ask for size and checksum of a dump.

    Raises:
        KdumpError: it cannot be read.
    """
    status, output = run(_DESCRIBE.format(path=shlex.quote(path)))
    answer = _ANSWER.search(output)
    words = answer[1].split() if answer and status == 0 else []
    if len(words) < 2 or not words[0].isdigit() or not re.fullmatch(r"[0-9a-f]{64}", words[1]):
        raise KdumpError(f"The dump {path} cannot be read on the host: {_last(output)}.")
    return Described(int(words[0]), words[1])


def fetch(run: Run, path: str, destination: Path) -> bool:
    """Copy a dump, readable by nobody else; return whether it was copied now.

    Args:
        run: runs a command of the shell on the host.
        path: the dump there.
        destination: the file here. Its directory is made for the user alone. What was copied before the connection was
            lost is in the file C(destination.part), from which the next call goes on.

    Raises:
        KdumpError: it cannot be read, there is no room, or it did not arrive as it was.
    """
    described = describe(run, path)
    _private_directory(destination.parent)
    if _is(destination, described):
        return False
    part = destination.with_name(f"{destination.name}.part")
    with _opened(part) as stream:
        done = stream.seek(0, os.SEEK_END)
        if done > described.size:  # it is of another dump
            done = stream.truncate(0)
        refuse_without_room(destination.parent, described.size - done)
        while done < described.size:
            piece = _piece(run, path, done, min(_PIECE, described.size - done))
            stream.seek(done)
            stream.write(piece)
            done += len(piece)
        stream.flush()
        os.fsync(stream.fileno())
    if not _is(part, described):
        part.unlink()
        raise KdumpError(
            f"The copy of the dump {path} is not what is on the host, and was removed: its checksum differs. Fetch it"
            " again."
        )
    part.replace(destination)
    return True


def refuse_without_room(directory: Path, needed: int) -> None:
    """Compare the space that is left with what is needed, in bytes.

    Raises:
        KdumpError: it is not enough.
    """
    status = os.statvfs(directory)
    free = status.f_bavail * status.f_frsize
    if free < needed + SPARE:
        raise KdumpError(
            f"The results directory {directory} has {free >> 20} MiB left on the controller, and needs"
            f" {(needed + SPARE) >> 20} MiB: make room."
        )


def _piece(run: Run, path: str, offset: int, count: int) -> bytes:
    status, output = run(_READ.format(path=shlex.quote(path), offset=offset, count=count))
    answer = _ANSWER.search(output)
    try:
        piece = base64.b64decode("".join(answer[1].split()), validate=True) if answer else b""
    except binascii.Error:
        piece = b""
    if status or len(piece) != count:
        raise KdumpError(
            f"The dump {path} could be read to byte {offset} only: {_last(output if not answer else '')}. Fetch it"
            " again, it goes on there."
        )
    return piece


def _is(path: Path, described: Described) -> bool:
    """Whether a file here is the dump that was described."""
    if not path.is_file() or path.stat().st_size != described.size:
        return False
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == described.sha256


def _private_directory(directory: Path) -> None:
    directory.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
    directory.chmod(_DIRECTORY_MODE)


def _opened(part: Path) -> t.BinaryIO:
    """Open the file to be written to; one that is a link is not followed."""
    handle = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, _FILE_MODE)
    os.fchmod(handle, _FILE_MODE)
    return os.fdopen(handle, "r+b")


def _last(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1][:200].rstrip(".") if lines else "it said nothing"


__all__ = ("SPARE", "Described", "describe", "fetch", "refuse_without_room")
