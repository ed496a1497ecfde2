# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Tests a dump target as a dump would use it: reaches it, writes a file, reads it back and removes it."""

from __future__ import annotations

import contextlib
import os
import shlex
import stat
import tempfile
import typing as t
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import space_left

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable, Iterable, Iterator

    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.target import Target

    # A command -> its exit status and output; nothing that it runs waits for ever.
    Run = Callable[[list[str]], tuple[int, str]]

_SECONDS = "60"
_TEXT = "A test of the dump target. It may be removed."

# Nobody answers a question in the capture kernel, nor here.
_SSH = [
    "ssh",
    "-n",
    "-o",
    "BatchMode=yes",
    "-o",
    "StrictHostKeyChecking=yes",
    "-o",
    "ConnectTimeout=20",
]

# Run by the server's shell. The last line is what df says of the directory.
_REMOTE = """\
set -e
mkdir -p {path}
file=$(mktemp {path}/.kdump-test.XXXXXX)
trap 'rm -f "$file"' EXIT
echo {text} >"$file"
test "$(cat "$file")" = {text}
df -Pk {path} | tail -n 1
"""


# The key of a target without one: those that ssh tries.
_OWN_KEY = "one of root's own keys"

# What an initramfs that saves the dump itself cannot do without.
_PROGRAMS = {"ssh": "ssh", "nfs": "mount.nfs"}


class SpaceLeft(t.NamedTuple):
    """What a target that was written to has left, in bytes."""

    free: int


class Trial(t.NamedTuple):
    """What came of a target: the bytes that it has left, or why nobody tested it, in a sentence."""

    target: Target
    free: int | None = None
    untested: str | None = None


def try_targets(targets: Iterable[Target], run: Run) -> list[Trial]:
    """Test all targets that a test is known for. Raises KdumpError with what is wrong with one, and what to do."""
    return [
        Trial(target, free=_TESTS[target.type](target, run).free)
        if target.type in _TESTS
        else Trial(target, untested=_untested(target))
        for target in targets
    ]


def _untested(target: Target) -> str:
    place = f"{target.url}{target.path if target.server else ''}"
    return (
        f"Dumps go to {place}, and no test of {target.type} targets is known: prove with a crash test that they"
        " arrive."
    )


def lacking_in_image(target: Target, paths: Iterable[str]) -> list[str]:
    """Return what the target needs and a kdump initramfs with these files does not have.

    For images that save the dump themselves. That of kdump-tools boots the root file system, which has it.
    """
    names = list(paths)
    program = _PROGRAMS.get(target.type)
    wanted = [program] if program else []
    wanted += [target.key.lstrip("/")] if target.key else []
    return [
        name
        for name in wanted
        if not any(path == name or path.endswith(f"/{name}") for path in names)
    ]


def _local(target: Target, run: Run) -> SpaceLeft:
    del run
    return _write(Path(target.path), f"The dump directory {target.path}")


def _filesystem(target: Target, run: Run) -> SpaceLeft:
    status, output = run(["findmnt", "--noheadings", "--first-only", "--output", "TARGET",
                          "--source", str(target.device)])  # fmt: skip
    if status == 0 and output.strip():
        place = output.strip().splitlines()[0]
        return _write(_below(Path(place), target.path), f"{target.path} on {target.device}")
    with _mounted([str(target.device)], str(target.fstype), "defaults", run) as place_of_it:
        return _write(_below(place_of_it, target.path), f"{target.path} on {target.device}")


def _nfs(target: Target, run: Run) -> SpaceLeft:
    share = target.share
    # As kdump-tools mounts it; soft, so that a server that went away ends it.
    options = "nolock,soft,timeo=100,retrans=2" + (f",port={target.port}" if target.port else "")
    with _mounted([share], "nfs", options, run) as place:
        return _write(
            _below(place, target.path), f"The NFS export {share}{target.path.rstrip('/')}"
        )


def _raw(target: Target, run: Run) -> SpaceLeft:
    device = Path(str(target.device))
    try:
        # As long as it is mounted or in use, the kernel refuses this.
        descriptor = os.open(device, os.O_WRONLY | os.O_EXCL)
    except OSError as exc:
        raise KdumpError(
            f"The dump partition {device} cannot be written to: {exc.strerror}. Name a partition of its own."
        ) from exc
    try:
        if not stat.S_ISBLK(os.fstat(descriptor).st_mode):
            raise KdumpError(f"The dump partition {device} is no block device.")
        size = os.lseek(descriptor, 0, os.SEEK_END)
    finally:
        os.close(descriptor)
    status, output = run(
        ["blkid", "--probe", "--output", "value", "--match-tag", "TYPE", str(device)]
    )
    if status == 0 and output.strip():
        raise KdumpError(
            f"The dump partition {device} has a {output.strip()}, which a dump would overwrite: name an empty one, or"
            " wipe it."
        )
    return SpaceLeft(size)


def _ssh(target: Target, run: Run) -> SpaceLeft:
    place = f"{target.user}@{target.server}" if target.user else str(target.server)
    script = _REMOTE.format(path=shlex.quote(target.path), text=shlex.quote(_TEXT))
    key = ["-i", target.key] if target.key else []
    port = ["-p", str(target.port)] if target.port else []
    status, output = run(["timeout", _SECONDS, *_SSH, *port, *key, place, script])
    if status == 0:
        with contextlib.suppress(ValueError, IndexError):
            # /dev/vda1  41151808  8123456  30914560  21% /srv
            return SpaceLeft(int(output.strip().splitlines()[-1].split()[-3]) << 10)
        raise KdumpError(
            f"{place} took a file in {target.path} and does not tell how much space is left there."
        )
    said = _last(output)
    for sign, cure in (
        ("not accessible", "make the key"),
        ("Host key verification failed", "pin its host key in /root/.ssh/known_hosts"),
        (
            "Permission denied (",
            f"allow {f'{target.key}.pub' if target.key else _OWN_KEY} in its authorized_keys",
        ),
    ):
        if sign in output:
            raise KdumpError(
                f"The SSH server {place} cannot be reached: {said} To mend it, {cure}."
            )
    raise KdumpError(
        f"{place} took no file in {target.path}: {said} Look at the server, its name, and who may write there."
    )


@contextlib.contextmanager
def _mounted(source: list[str], fstype: str, options: str, run: Run) -> Iterator[Path]:
    """Mount something in a directory of its own, for as long as this lasts."""
    place = Path(tempfile.mkdtemp(prefix="kdump-test-"))
    try:
        status, output = run(
            ["timeout", _SECONDS, "mount", "-t", fstype, "-o", options, *source, str(place)]
        )
        if status != 0:
            raise KdumpError(
                f"{source[0]} cannot be mounted: {_last(output)} Look at the server and its exports."
            )
        try:
            yield place
        finally:
            status, output = run(["umount", str(place)])
            if status != 0:
                run(["umount", "--lazy", str(place)])
    finally:
        place.rmdir()


def _below(place: Path, path: str) -> Path:
    return place / path.lstrip("/")


def _write(directory: Path, name: str) -> SpaceLeft:
    if not directory.is_dir():
        raise KdumpError(f"{name} does not exist: create it.")
    try:
        with tempfile.NamedTemporaryFile(dir=directory, prefix=".kdump-test-") as file:
            file.write(_TEXT.encode())
            file.flush()
            os.fsync(file.fileno())
            file.seek(0)
            if file.read() != _TEXT.encode():
                raise KdumpError(
                    f"{name} gives back something else than was written: check its disk."
                )
        return SpaceLeft(space_left(directory))
    except OSError as exc:
        raise KdumpError(
            f"{name} takes no file: {exc.strerror}. Make room, or let root write there."
        ) from exc


def _last(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return f"{lines[-1].rstrip('.')}." if lines else "It gives no reason."


_TESTS: dict[str, Callable[[Target, Run], SpaceLeft]] = {
    "local": _local,
    "filesystem": _filesystem,
    "raw": _raw,
    "nfs": _nfs,
    "ssh": _ssh,
}


__all__ = ("SpaceLeft", "Trial", "lacking_in_image", "try_targets")
