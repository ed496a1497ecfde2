# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import typing as t
from pathlib import Path, PurePosixPath

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils import _module
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.capture_log import ModuleList
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.edit import Edit
from ansible_collections.vmcore.kdump.plugins.modules import kdump_config
from ansible_collections.vmcore.kdump.tests.unit.host_trees import build

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

CONFIG = "etc/default/kdump-tools"
BEFORE = '# Ours since 2019 \u00e9\nUSE_KDUMP=1\nKDUMP_COREDIR="/var/crash"\n'
AFTER = BEFORE.replace("/var/crash", "/srv/crash")


class Exit(Exception):
    """The module's end; what it returned is in C(args)."""


class Module:
    """Stand in for AnsibleModule, with files below a directory."""

    given: t.ClassVar[dict[str, t.Any]]
    check_mode = False
    _diff = True
    fails_at: str | None = None

    def __init__(self, argument_spec: dict[str, t.Any], supports_check_mode: bool) -> None:
        assert supports_check_mode
        assert set(self.given) <= set(argument_spec)
        self.params = {
            name: self.given.get(name, option.get("default"))
            for name, option in argument_spec.items()
        }
        self.tmpdir = None
        self.no_log_values: set[str] = set()

    def atomic_move(self, source: str, destination: str, keep_dest_attrs: bool) -> None:
        if self.fails_at and destination.endswith(self.fails_at):
            self.fail_json(msg=f"no space for {destination}")
        place = Path(destination)
        assert keep_dest_attrs == place.exists()
        if place.exists():
            Path(source).chmod(place.stat().st_mode)
        Path(source).replace(place)

    def backup_local(self, path: str) -> str:
        Path(f"{path}~").write_bytes(Path(path).read_bytes())
        return f"{path}~"

    def fail_json(self, msg: str) -> t.NoReturn:
        raise SystemExit(msg)

    def exit_json(self, **result: t.Any) -> t.NoReturn:
        raise Exit(result)


@pytest.fixture(name="host", autouse=True)
def debian_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the tree of a host with kdump-tools."""
    build(tmp_path, {CONFIG: BEFORE, "usr/sbin/kdump-config": "", "proc/cmdline": "ro\n"})
    (tmp_path / CONFIG).chmod(0o640)
    monkeypatch.setattr(_module, "AnsibleModule", Module)
    monkeypatch.setattr(kdump_config, "ROOT", tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    for name in ("check_mode", "_diff", "fails_at"):
        monkeypatch.setattr(Module, name, getattr(Module, name))
    return tmp_path


def run(**params: t.Any) -> dict[str, t.Any]:
    Module.given = params
    with pytest.raises(Exit) as end:
        kdump_config.main()
    result: dict[str, t.Any] = end.value.args[0]
    return result


def test_the_file_is_edited_once(host: Path) -> None:
    result = run(dump_path="/srv/crash")
    assert (host / CONFIG).read_text() == AFTER
    assert (host / CONFIG).stat().st_mode & 0o777 == 0o640
    assert result == {
        "changed": True,
        "family": "debian",
        "files": ["/etc/default/kdump-tools"],
        "rebuild": False,
        "rearm": True,
        "rebuild_commands": [["/etc/kernel/postinst.d/kdump-tools", os.uname().release]],
        "rearm_commands": [["kdump-config", "unload"], ["kdump-config", "load"]],
        "diff": [
            {
                "before_header": "/etc/default/kdump-tools",
                "after_header": "/etc/default/kdump-tools",
                "before": BEFORE,
                "after": AFTER,
            }
        ],
    }
    again = run(dump_path="/srv/crash")
    assert not again["changed"]
    assert again["diff"] == again["files"] == []
    assert not again["rearm"]


@pytest.mark.parametrize(("loaded", "rearm"), [(1000, True), (3000, False)])
def test_what_was_changed_after_the_last_load_is_loaded(
    host: Path, loaded: int, rearm: bool
) -> None:
    build(host, {"var/crash/kexec_cmd": "kexec -p"})
    os.utime(host / CONFIG, (2000, 2000))
    os.utime(host / "var/crash/kexec_cmd", (loaded, loaded))
    result = run()
    assert (result["changed"], result["rearm"]) == (False, rearm)


def test_check_mode_says_it_and_writes_nothing(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Module, "check_mode", True)
    assert run(dump_path="/srv/crash")["changed"]
    assert (host / CONFIG).read_text() == BEFORE


def test_bytes_that_are_no_text_stay(host: Path) -> None:
    (host / CONFIG).write_bytes(b"# caf\xe9\nUSE_KDUMP=1\n")
    run(dump_path="/srv/crash")
    assert (host / CONFIG).read_bytes() == b'# caf\xe9\nUSE_KDUMP=1\nKDUMP_COREDIR="/srv/crash"\n'


def test_a_link_stays_one(host: Path) -> None:
    (host / CONFIG).rename(host / "etc/real")
    (host / CONFIG).symlink_to(host / "etc/real")
    run(dump_path="/srv/crash")
    assert (host / CONFIG).is_symlink()
    assert (host / "etc/real").read_text() == AFTER


def test_a_fresh_host_in_check_mode_shows_what_would_be_set(
    host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (host / CONFIG).unlink()
    (host / "usr/sbin/kdump-config").unlink()
    build(host, {"etc/os-release": 'ID=raspbian\nID_LIKE="debian"\n'})
    monkeypatch.setattr(Module, "check_mode", True)
    result = run(dump_path="/srv/crash")
    assert result["changed"]
    assert result["rearm_commands"] == []
    assert result["diff"][0]["after"] == 'KDUMP_COREDIR="/srv/crash"\nUSE_KDUMP=1\n'
    assert not (host / CONFIG).exists()


@pytest.mark.parametrize("release", ["ID=debian\n", "ID=plan9\n"])
def test_a_host_without_kdump_is_refused(host: Path, release: str) -> None:
    (host / "usr/sbin/kdump-config").unlink()
    build(host, {"etc/os-release": release})
    with pytest.raises(SystemExit, match="No kdump service that this collection knows"):
        run()


def test_two_files_are_changed_together_or_not_at_all(
    host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (host / CONFIG).unlink()
    build(host, {"etc/kdump.conf": "path /var/crash\n", "etc/sysconfig/kdump": "KEXEC_ARGS=-s\n",
                 "usr/bin/kdumpctl": ""})  # fmt: skip
    monkeypatch.setattr(Module, "fails_at", "sysconfig/kdump")
    with pytest.raises(SystemExit, match="no space"):
        run(dump_path="/srv/crash", command_line_append=["nr_cpus=2"])
    assert (host / "etc/kdump.conf").read_text() == "path /var/crash\n"
    monkeypatch.setattr(Module, "fails_at", None)
    result = run(dump_path="/srv/crash", command_line_append=["nr_cpus=2"])
    assert result["rebuild"]
    assert result["rebuild_commands"] == [["kdumpctl", "rebuild"]]
    assert result["rearm_commands"] == [["kdumpctl", "restart"]]
    assert (host / "etc/kdump.conf").read_text() == "path /srv/crash\n"
    assert 'KDUMP_COMMANDLINE_APPEND="nr_cpus=2"' in (host / "etc/sysconfig/kdump").read_text()


def test_no_diff_shows_a_password(host: Path) -> None:
    (host / CONFIG).write_text("FTP_PASSWORD=old1\nURL='ftp://user:old2@host/path'\nUSE_KDUMP=1\n")
    result = run(settings={"FTP_PASSWORD": 'new "one"', "OTHER": "seen"})
    assert (host / CONFIG).read_text().startswith('FTP_PASSWORD="new \\"one\\""\n')
    (diff,) = result["diff"]
    assert (
        diff["before"]
        == "FTP_PASSWORD=********\nURL='ftp://user:********@host/path'\nUSE_KDUMP=1\n"
    )
    assert diff["after"] == f'{diff["before"]}OTHER="seen"\n'


def test_only_root_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(SystemExit, match="Only root can configure kdump"):
        run()


def test_what_changes_is_kept_beside_it(host: Path) -> None:
    kept = run(dump_path="/srv/crash", backup=True)["backup_files"]
    assert [Path(path).read_text() for path in kept] == [BEFORE]
    assert run(dump_path="/srv/crash", backup=True)["backup_files"] == []
    assert (host / CONFIG).read_text() == AFTER


MODULES = "etc/initramfs-tools/modules"
UEFI = {
    "sys/module/pstore/parameters/backend": "(null)\n",
    "proc/self/mountinfo": "36 26 0:31 / /sys/firmware/efi/efivars rw - efivarfs efivarfs rw\n",
    f"lib/modules/{os.uname().release}/modules.dep": "kernel/drivers/firmware/efi/efi-pstore.ko.xz:\n",
}


def test_uefi_variables_are_made_to_keep_the_log_of_the_capture_kernel(host: Path) -> None:
    build(host, {**UEFI, MODULES: "nvme\n"})
    result = run(capture_log="pstore")
    assert result["changed"]
    assert result["files"] == [f"/{CONFIG}", f"/{MODULES}"]
    assert (result["rebuild"], result["rearm"]) == (True, True)
    assert result["capture_log"]["capture"] == "efi_pstore"
    assert "efi_pstore" in result["diff"][1]["after"]
    assert "efi_pstore" in (host / MODULES).read_text()
    assert not run(capture_log="pstore")["changed"]
    run(capture_log="none")
    assert (host / MODULES).read_text() == "nvme\n"
    assert "efi_pstore" not in (host / CONFIG).read_text()


def test_check_mode_sets_up_no_log_of_the_capture_kernel(
    host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(host, {**UEFI, MODULES: "nvme\n"})
    monkeypatch.setattr(Module, "check_mode", True)
    assert run(capture_log="pstore")["changed"]
    assert (host / MODULES).read_text() == "nvme\n"


def test_a_machine_that_keeps_no_log_says_why(host: Path) -> None:
    build(host, {"sys/module/pstore/parameters/backend": "(null)\n"})
    result = run(capture_log="pstore")
    assert not result["changed"]
    assert result["capture_log"]["capture"] is None
    assert "no place for crash records" in result["capture_log"]["why"]
    assert "capture_log" not in run(keep=3)


def test_an_image_that_is_older_than_its_list_of_modules_is_built_again(host: Path) -> None:
    build(host, {**UEFI, MODULES: "nvme\n"})
    run(capture_log="pstore")
    image = host / f"var/lib/kdump/initrd.img-{os.uname().release}"
    build(host, {str(image.relative_to(host)): "image"})
    os.utime(image, (1, 1))
    assert run(capture_log="pstore")["rebuild"]
    os.utime(image)
    os.utime(host / MODULES, (1, 1))
    os.utime(host / CONFIG, (1, 1))
    assert not run(capture_log="pstore")["rebuild"]


def test_a_file_that_is_ours_is_removed(tmp_path: Path) -> None:
    path = PurePosixPath("/etc/dracut.conf.d/90-vmcore-kdump-capture-log.conf")
    build(tmp_path, {str(path)[1:]: "ours"})
    modules = ModuleList(path, own=True)
    found = Edit({path: "ours"}, {path: ""}, rebuild=True, rearm=True, modules=modules)
    Module.given = {}
    kdump_config.write_all(t.cast("AnsibleModule", Module({}, supports_check_mode=True)), found)
    assert not (tmp_path / str(path)[1:]).exists()
