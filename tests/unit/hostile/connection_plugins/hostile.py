# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host that answers what it likes: every module's reply is looked up in a file, and nothing is run anywhere."""

from __future__ import annotations

DOCUMENTATION = """
name: hostile
short_description: A host that answers what it likes
description:
  - For tests. HOSTILE_REPLIES names a JSON file, host -> module or module:step -> what it prints.
  - RUN-ID in it is the run id that the module was given.
author: vmcore.kdump authors (@vmcore-kdump)
options: {}
"""

import json
import os
import re
from pathlib import Path

from ansible.plugins.connection import ConnectionBase

_MODULE = re.compile(rb"ansible_module='(?:[a-z_]+\.)*([a-z_]+)'")
_STEP = re.compile(rb'"step": "([a-z]+)"')
# Which test is asked for; RUN-ID in a reply is the same.
_RUN_ID = re.compile(rb'"run_id": "([0-9a-f-]{36})"')
# What tells a command from others that need no module: a word of it -> the name of its reply.
_COMMANDS = {"random/boot_id": "probe", "sha256sum": "describe", "dd if=": "piece"}


class Connection(ConnectionBase):
    """Is sent modules through a pipe, as ssh with pipelining is."""

    transport = "hostile"
    has_pipelining = True

    def _connect(self) -> Connection:
        return self

    def exec_command(
        self, cmd: str, in_data: bytes | None = None, sudoable: bool = True
    ) -> tuple[int, bytes, bytes]:
        host = self._play_context.remote_addr
        replies = json.loads(Path(os.environ["HOSTILE_REPLIES"]).read_text()).get(host, {})
        name = next((name for word, name in _COMMANDS.items() if word in cmd), "command")
        any_of_these = "command"
        if in_data and (module := _MODULE.search(in_data)):
            name = any_of_these = module[1].decode()
            if step := _STEP.search(in_data):
                name = f"{name}:{step[1].decode()}"
        reply = replies.get(name, replies.get(any_of_these, "{}"))
        if in_data and (run_id := _RUN_ID.search(in_data)):
            reply = reply.replace("RUN-ID", run_id[1].decode())
        with Path(os.environ["HOSTILE_REPLIES"]).with_name("asked").open("a") as asked:
            asked.write(f"{host} {name}\n")
        return 0, reply.encode("utf-8", "surrogatepass"), b""

    def put_file(self, in_path: str, out_path: str) -> None: ...

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """What a host sends for a file."""
        Path(out_path).write_bytes(b"of the host")

    def close(self) -> None: ...
