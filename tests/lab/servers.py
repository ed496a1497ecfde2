# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An NFS and an SSH server for dumps, on the loopback interface of this machine, which guests see as 10.0.2.2.

They are Debian's nfs-ganesha and openssh-server, unpacked into the cache and not installed: nothing of
this machine is configured, and nothing starts by itself. It takes root.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

from lab import cache
from lab.errors import LabError

# This machine, as QEMU's user network shows it to a guest.
ADDRESS = "10.0.2.2"
USER = "kdump"
# NFS has one port, and kdump-tools mounts it there; that of SSH is in the guest's configuration of ssh.
NFS_PORT = 2049

_PACKAGES = ["nfs-ganesha", "nfs-ganesha-vfs", "openssh-server"]
_START_SECONDS = 30

# A user without a password who is root in all but the name, for a server that runs in a mount namespace of its own.
_PASSWD = """\
root:*:0:0::/root:/bin/sh
kdump:*:0:0::{home}:/bin/sh
sshd:*:65533:65534::/run/sshd:/usr/sbin/nologin
nobody:*:65534:65534::/nonexistent:/usr/sbin/nologin
"""
_SSHD = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {directory}/host_key
AuthorizedKeysFile {directory}/authorized_keys
PidFile none
UsePAM no
StrictModes no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
Subsystem sftp internal-sftp
"""
_GANESHA = """\
NFS_CORE_PARAM {{
  Protocols = 4; NFS_Port = {port}; Bind_addr = 127.0.0.1; Plugins_Dir = "{plugins}";
  Enable_NLM = false; Enable_RQUOTA = false; Enable_UDP = false;
}}
NFSV4 {{ Graceless = true; RecoveryBackend = fs; RecoveryRoot = "{directory}"; Delegations = false; }}
EXPORT {{
  Export_Id = 1; Path = "{export}"; Pseudo = "/dumps"; Protocols = 4; Transports = TCP;
  Access_Type = RW; Squash = No_Root_Squash; SecType = sys;
  FSAL {{ Name = VFS; }}
}}
"""


class Servers:
    """Both servers, for as long as this lasts, with what they keep below a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.ports = {"nfs": NFS_PORT, "ssh": 0}
        self._root = Path("/nonexistent")
        self._running: list[subprocess.Popen[bytes]] = []

    @property
    def store(self) -> Path:
        """Where both save dumps: the NFS export, and a path that the SSH user may write to."""
        return self.directory / "dumps"

    @property
    def host_key(self) -> str:
        """The SSH server's host key, C(ssh-ed25519 AAAA...)."""
        return " ".join((self.directory / "host_key.pub").read_text().split()[:2])

    def allow(self, public_key: str) -> None:
        """Let whoever has this key log in."""
        (self.directory / "authorized_keys").write_text(public_key)

    def __enter__(self) -> Servers:
        """Start them. Raises LabError when they do not."""
        if os.geteuid() != 0:
            raise LabError("Only root can serve dumps: an NFS server opens files by their handles.")
        self._root = _unpacked()
        shutil.rmtree(self.directory, ignore_errors=True)
        self.store.mkdir(parents=True)
        try:
            self._start("ssh", self._sshd())
            self._start("nfs", self._ganesha())
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        """End them."""
        for process in self._running:
            process.terminate()
        for process in self._running:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _sshd(self) -> list[str]:
        self.ports["ssh"] = _free_port()
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.directory / "host_key"],
            check=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        (self.directory / "passwd").write_text(_PASSWD.format(home=self.directory))
        (self.directory / "sshd_config").write_text(
            _SSHD.format(port=self.ports["ssh"], directory=self.directory)
        )
        self.allow("")
        # sshd wants the user and the directory of Debian's package.
        prepare = (
            f"mount --bind {self.directory}/passwd /etc/passwd && mkdir -p /run/sshd && "
            f"exec {self._root}/usr/sbin/sshd -D -e -f {self.directory}/sshd_config"
        )
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", prepare]

    def _ganesha(self) -> list[str]:
        if _answers(NFS_PORT):
            raise LabError(f"Port {NFS_PORT} of this machine is taken: another NFS server runs.")
        plugins = next(self._root.rglob("libfsalvfs.so")).parent
        config = self.directory / "ganesha.conf"
        values = {"port": self.ports["nfs"], "plugins": plugins, "export": self.store}
        config.write_text(_GANESHA.format(directory=self.directory, **values))
        return [f"{self._root}/usr/bin/ganesha.nfsd", "-F", "-f", str(config),
                "-L", str(self.directory / "ganesha.log"),
                "-p", str(self.directory / "ganesha.pid")]  # fmt: skip

    def _start(self, name: str, command: list[str]) -> None:
        libraries = {str(path.parent) for path in self._root.rglob("*.so*")}
        log = self.directory / f"{name}.log"
        environment = {**os.environ, "LD_LIBRARY_PATH": ":".join(sorted(libraries))}
        with log.open("w") as stream:
            self._running.append(
                subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, env=environment
                )
            )
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(self.ports[name]):
            if self._running[-1].poll() is not None or time.monotonic() > deadline:
                raise LabError(f"The {name} server did not start; see {log}.")
            time.sleep(0.2)


def _unpacked() -> Path:
    """The servers' programs, with what this machine lacks for them, from its own Debian mirror."""
    root = cache.directory() / "servers"
    if root.exists():
        return root
    partial = cache.directory() / f".servers.{os.getpid()}"
    archives = partial / "archives"
    (archives / "partial").mkdir(parents=True)
    done = subprocess.run(
        ["apt-get", "install", "--yes", "--quiet", "--download-only", "--reinstall", "--no-install-recommends",
         "-o", f"Dir::Cache::archives={archives}", *_PACKAGES],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode:
        shutil.rmtree(partial)
        raise LabError(f"apt-get did not download {', '.join(_PACKAGES)}: {done.stderr.strip()}")
    for package in archives.glob("*.deb"):
        subprocess.run(["dpkg-deb", "--extract", package, partial], check=True)
    shutil.rmtree(archives)
    partial.rename(root)
    return root


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
