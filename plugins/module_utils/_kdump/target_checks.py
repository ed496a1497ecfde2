# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!
"""Whether a dump can be saved where it is to go. Each check returns what it finds, see C(readiness.py)."""

from __future__ import annotations

import typing as t
from pathlib import Path, PurePosixPath

from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.disks import device_of
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.look import (
    TARGET_SECONDS,
    Look,
    Problems,
    in_mib,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.mounts import (
    DEVICE_NAMES,
    block_of,
    encrypted_devices,
    listed,
    mount_of,
    same_device,
    wanted,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._platform import architecture
from ansible_collections.vmcore.kdump.plugins.module_utils._sysfs import (
    inside,
    is_directory,
    is_file,
    read_text,
)

if t.TYPE_CHECKING:  # pragma: no cover
    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.live import Live
    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.mounts import Mount
    from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.target import Server, Target

# A dump that is compressed is seldom smaller than this part of its size before.
_COMPRESSION = 10

# crypttab(5): options that open a device without anybody at the console.
_KEYS = ("tpm2-device=", "fido2-device=", "pkcs11-uri=", "keyscript=")
# What hands the key of a volume over to the capture kernel, by kernel/crash_dump_dm_crypt.c.
_LINKED = "link-volume-key="
_KEYS_OF_DUMP = "sys/kernel/config/crash_dm_crypt_keys"


def not_mounted(look: Look) -> Problems | None:
    """What fstab mounts above the dump directory is mounted, and the device of a file system that dumps go to."""
    if look.device is not None:
        return _device_not_mounted(look, look.device)
    if not look.local:
        return []
    entries = wanted(look.root)
    if look.mounts is None or entries is None:
        return None
    places = {mount.place for mount in look.mounts}
    above = mount_of(entries, look.directory)
    if above is not None and above.place not in places:
        return look.problem("target_not_mounted", missing=above.device, place=str(above.place))
    return []


def _device_not_mounted(look: Look, device: str) -> Problems | None:
    """mkdumprd, check_user_configured_target(): what fstab lists has to be mounted, the rest it mounts itself."""
    entries = listed(look.root)
    if look.mounts is None or entries is None:
        return None
    # What virtiofs mounts is a tag, which is no device below /dev.
    blocks = [
        mount for mount in look.mounts if mount.device.startswith("/dev/") or mount.device == device
    ]
    known = [same_device(look.root, mount, device) for mount in blocks]
    if True in known:
        return []
    for entry in entries:
        if same_device(look.root, entry, device) and "noauto" not in entry.options:
            place = str(entry.place)
            return look.problem("target_not_mounted", missing=device, place=place)
    # Where the host does not tell what the device is, it may be any of those that are mounted.
    return None if None in known else []


def read_only(look: Look) -> Problems | None:
    if not look.local and look.device is None:
        return []
    if look.mounts is None:
        return None
    mount = _mount(look, look.mounts)
    if mount is None or not mount.read_only:
        return []
    return look.problem("target_read_only", place=str(mount.place))


def _mount(look: Look, mounts: list[Mount]) -> Mount | None:
    """Return what is mounted where dumps go, on the host or by the name of its device."""
    if look.device is None:
        return look.mount
    return next((mount for mount in mounts if same_device(look.root, mount, look.device)), None)


def space(look: Look) -> Problems | None:
    """What is free in a local directory is compared with what a dump may take, both before compression."""
    free, expected = look.measures.free, look.measures.expected
    if not look.local:
        return []
    if free is None or expected is None:
        return None
    words = {"free": in_mib(free), "expected": in_mib(expected)}
    kept = look.settings.keeps_free
    words["expected"] = in_mib(expected + kept)
    if free < expected // _COMPRESSION + kept:
        return look.problem("target_full", **words)
    return look.problem("dump_space", **words) if free < expected + kept else []


def reachable(look: Look) -> Problems | None:
    """The servers of all targets answer, or the server of the file system that the dump directory is on."""
    servers, mount, told = look.servers, look.mount, look.measures.directory
    if not servers and (mount is None or not mount.remote):
        return [] if look.mounts is not None or look.live is not None else None
    if look.live is None:
        return None
    if not servers:
        reason = told.reason if told else None
        return look.problem("target_unreachable", reason=reason) if reason else []
    found = [_answers(look, target, server, look.live) for target, server in servers]
    problems = [each for some in found for each in some or []]
    return None if None in found and not problems else problems


def _answers(look: Look, target: Target, server: Server, live: Live) -> Problems | None:
    way = _way_to(server, live)
    if way is None:
        return None
    reason = live.connect(*way, TARGET_SECONDS)
    words = f"{way[0]} port {way[1]}: {reason}"
    return look.problem("target_unreachable", target=target.url, reason=words) if reason else []


def _way_to(server: Server, live: Live) -> tuple[str, int] | None:
    """Return host and port that a connection to the server goes to; None for one through yet another host.

    Root's configuration of ssh may have both, and ssh says so without going there: C(port 2222).
    """
    if server.client is None or server.client.name != "ssh":
        return server.host, server.port
    status, output = live.run(["ssh", "-G", server.host], TARGET_SECONDS)
    said = dict(line.partition(" ")[::2] for line in output.splitlines()) if status == 0 else {}
    if any(said.get(name, "none") != "none" for name in ("proxyjump", "proxycommand")):
        return None
    return said.get("hostname", server.host), int(said.get("port", server.port))


def needs_of_target(look: Look) -> Problems | None:
    if not look.servers:
        return []
    if look.live is None:
        return None
    return [
        each
        for target, server in look.servers
        for missing, cure in _lacking(look.root, server)
        for each in look.problem("target_needs", target=target.url, missing=missing, cure=cure)
    ]


def _lacking(root: Path, server: Server) -> list[tuple[str, str]]:
    """Return what is not there to reach a server, and what to do about it."""
    lacking = []
    if server.client is not None and not _program(root, server.client):
        lacking.append((str(server.client), "install the package that brings it"))
    if server.key is not None and not is_file(inside(root, server.key)):
        lacking.append((str(server.key), "make the key and give it to the server"))
    return lacking


def _program(root: Path, path: PurePosixPath) -> bool:
    """Say whether a program is there, in /usr too: /sbin may be a link, which leads out of a tree."""
    return any(is_file(inside(root, each)) for each in (path, PurePosixPath(f"/usr{path}")))


def encrypted(look: Look) -> Problems | None:
    if not look.local and look.device is None:
        return []
    if look.mounts is None:
        return None
    if look.device is None:
        device = device_of(look.root, look.directory)
    else:
        device = block_of(look.root, look.device)
        if device is None and look.device.startswith(("/dev/", *DEVICE_NAMES)):
            return None
    if device is None:  # such as a file system in memory or on a server
        return []
    opens = {name: _opens(look.root, name) for name in encrypted_devices(look.root, device)}
    closed = [name for name, opened in opens.items() if opened is False]
    if not closed:
        return None if None in opens.values() else []
    way = look.settings.opens_device
    place = look.device or str(look.directory)
    return look.problem("target_encrypted", place=place, devices=", ".join(closed), way=way)


def _opens(root: Path, name: str) -> bool | None:
    """Say whether a device is opened without anybody at the console, as far as the host tells; None: it does not.

    crypttab(5): C(name device key options); Clevis leaves no trace there.
    """
    if is_file(root / "usr/bin/clevis"):
        return True
    for line in (read_text(root / "etc/crypttab") or "").splitlines():
        words = line.split()
        if words[:1] == [name]:
            key = words[2] if len(words) > 2 else "none"
            options = words[3].split(",") if len(words) > 3 else []
            if key.startswith("/") or any(option.startswith(_KEYS) for option in options):
                return True
            linked = any(option.startswith(_LINKED) for option in options)
            return _hands_keys_over(root) if linked else False
    return False


def _hands_keys_over(root: Path) -> bool | None:
    """kdumpctl, prepare_luks(): a key gets into the capture kernel on x86_64, with a kernel that has this directory."""
    if architecture(root) not in (None, "x86_64"):
        return False
    if not is_directory((root / _KEYS_OF_DUMP).parent):
        return None
    return is_directory(root / _KEYS_OF_DUMP)


__all__ = ("encrypted", "needs_of_target", "not_mounted", "reachable", "read_only", "space")
