# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""What every module of the collection does with AnsibleModule: its start and end, commands and files.

The one file here that knows AnsibleModule. Logic is passed what it needs of it: C(run), C(write).
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import typing as t
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._run import NOT_FOUND

if t.TYPE_CHECKING:  # pragma: no cover
    from collections.abc import Callable, Mapping

Result = dict[str, t.Any]

_NEW_FILE = 0o644
_PIPE_BYTES = 64 << 10  # pipe(7), the capacity of a pipe
_ENVIRONMENT = {
    "LC_ALL": "C.UTF-8"
}  # programs are read, and answer in the language of their source


def run_module(
    work: Callable[[AnsibleModule], Result],
    *,
    argument_spec: Mapping[str, t.Any],
    only_root_can: str | None = None,
    failure: Mapping[str, t.Any] | None = None,
    **options: t.Any,
) -> None:
    """Do a task and end the module: what C(work) returns is its result, KdumpError is its failure.

    Args:
        work: what the module does. It returns nothing that the module does not document.
        argument_spec: the module's options.
        only_root_can: what nobody else can do, for the sentence that refuses it: "configure kdump".
        failure: what a failure returns besides its sentence.
        options: other arguments of AnsibleModule.
    """
    module = AnsibleModule(argument_spec=argument_spec, supports_check_mode=True, **options)
    try:
        if only_root_can and not is_root():
            raise KdumpError(f"Only root can {only_root_can}: set become for this task.")
        result = work(module)
    except KdumpError as exc:
        module.fail_json(msg=str(exc), **(failure or {}))
    module.exit_json(**result)


def is_root() -> bool:
    """Whether the module may read and do everything on the host."""
    return os.geteuid() == 0


def runner(module: AnsibleModule) -> Callable[..., tuple[int, str]]:
    """Return the C(run) of C(_run.py) for this module. C(run(command, data)) also gives the command its input."""

    def run(command: list[str], data: str | None = None) -> tuple[int, str]:
        pipes: list[int] = []

        def keep(process: subprocess.Popen[bytes]) -> None:
            streams = filter(None, (process.stdout, process.stderr))
            pipes.extend(os.dup(stream.fileno()) for stream in streams)

        try:
            status, output, errors = module.run_command(
                command,
                data=data,
                environ_update=_ENVIRONMENT,
                expand_user_and_vars=False,  # a name with $ or ~ in it is that name
                handle_exceptions=False,
                before_communicate_callback=keep,
            )
        except FileNotFoundError:
            return NOT_FOUND, f"The host has no {command[0]}."
        except OSError as exc:
            return NOT_FOUND, f"{command[0]} cannot be run: {exc.strerror or exc}."
        rest = [_left_in(pipe) for pipe in pipes] or ["", ""]
        output, errors = output + rest[0], errors + rest[1]
        return status, output if status == 0 else f"{output}\n{errors}".strip()

    return run


def _left_in(pipe: int) -> str:
    """Return what C(run_command()) did not read, and close the pipe.

    It ends when it heard nothing for a second and the program is not there any more. What the program printed between
    these two looks it never reads. All of that is in the pipe, which does not block; a program that was left in the
    background may keep its other end open.
    """
    read = b""
    with os.fdopen(pipe, "rb", buffering=0) as stream:
        while piece := stream.read(_PIPE_BYTES):
            read += piece
    return read.decode("utf-8", "surrogateescape")


def writer(module: AnsibleModule) -> Callable[[Path, bytes, int | None], None]:
    """Return what replaces a file as a whole, so that nobody ever sees half of it: C(write(path, content, mode)).

    With a mode the file is a new one. With None it is edited: the file that links lead to keeps its owner and its
    permissions. If that cannot be written, the module ends (SystemExit), as C(AnsibleModule.atomic_move) does.
    """

    def write(path: Path, content: bytes, mode: int | None) -> None:
        descriptor, name = tempfile.mkstemp(dir=module.tmpdir)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        place = path if mode is not None else Path(os.path.realpath(path))
        if mode is None and not place.exists():
            mode = _NEW_FILE
        module.atomic_move(name, str(place), keep_dest_attrs=mode is None)
        if mode is not None:
            place.chmod(mode)  # atomic_move gives a new file the umask's

    return write


__all__ = ("is_root", "run_module", "runner", "writer")
