# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._helper.quiesce import (
    ARGUMENTS,
    SETTINGS,
    with_lines,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.config.options import EditContext
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.config.shell import (
    parse_assignments,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.edit import Edit, edit
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.families.kdump_utils.kdump_conf import (
    parse_conf,
)
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.registry import FAMILIES

CONFIGS = {family.name: family.configuration for family in FAMILIES}

# The lines of the files that the packages bring, as far as they set something or show it.
DEBIAN = """\
# kdump-tools configuration
USE_KDUMP=1
KDUMP_KERNEL=/var/lib/kdump/vmlinuz
KDUMP_INITRD=/var/lib/kdump/initrd.img
KDUMP_COREDIR="/var/crash"
#KDUMP_FAIL_CMD="reboot -f"
#KDUMP_NUM_DUMPS=
#MAKEDUMP_ARGS="-c -d 31"
#KDUMP_CMDLINE=""
#KDUMP_CMDLINE_APPEND="reset_devices systemd.unit=kdump-tools-dump.service nr_cpus=1 irqpoll usbcore.nousb"
#NFS="<nfs mount>"
#SSH="<user at server>"
#SSH_KEY="<path>"
"""
DEBIAN_PROGRAM = """\
MAKEDUMP_ARGS=${MAKEDUMP_ARGS:="-F -c -d 31"}
KDUMP_CMDLINE_APPEND=${KDUMP_CMDLINE_APPEND:="reset_devices systemd.unit=kdump-tools-dump.service nr_cpus=1 irqpoll"}
"""
CONF = """\
#raw /dev/vg/lv_kdump
#ext4 UUID=03138356-5e61-4ab3-b58e-27507ac41937
#nfs my.server.com:/export/tmp
#ssh user@my.server.com
#sshkey /root/.ssh/kdump_id_rsa
auto_reset_crashkernel yes
path /var/crash
core_collector makedumpfile -l --message-level 7 -d 31
#kdump_post /var/crash/scripts/kdump-post.sh
#extra_modules gfs2
#failure_action shell
"""
SYSCONFIG = """\
KDUMP_COMMANDLINE=""
KDUMP_COMMANDLINE_REMOVE="hugepages quiet"
KDUMP_COMMANDLINE_APPEND="irqpoll nr_cpus=1 reset_devices pcie_ports=compat"
KEXEC_ARGS="-s"
"""
SUSE = """\
KDUMP_COMMANDLINE=""
KDUMP_COMMANDLINE_APPEND=""
KDUMP_IMMEDIATE_REBOOT="true"
KDUMP_SAVEDIR="/var/crash"
KDUMP_KEEP_OLD_DUMPS=0
KDUMP_DUMPLEVEL=31
KDUMP_DUMPFORMAT="compressed"
KDUMP_CONTINUE_ON_ERROR="true"
KDUMP_REQUIRED_PROGRAMS=""
KDUMP_PRESCRIPT=""
KDUMP_SSH_IDENTITY=""
"""
FILES: dict[str, list[str]] = {
    "debian": [DEBIAN],
    "kdump-utils": [CONF, SYSCONFIG],
    "suse": [SUSE],
}
NFS = {"type": "nfs", "server": "vault", "export": "/srv/dumps"}
SSH = {"type": "ssh", "server": "vault", "user": "kdump", "key": "/root/.ssh/kdump"}
RAW = {"type": "raw", "device": "/dev/disk/by-id/x"}
XFS = {"type": "filesystem", "device": "UUID=1-2", "fstype": "xfs"}
LOCAL = {"type": "local"}


def run(family: str, options: dict[str, t.Any], files: list[str] | None = None) -> Edit:
    texts = dict(zip(CONFIGS[family].paths, files or FILES[family]))
    program = DEBIAN_PROGRAM if family == "debian" else ""
    return edit(CONFIGS[family], texts, options, EditContext(program, "root=/dev/vda ro quiet"))


def settings(found: Edit) -> dict[str, str]:
    """Return what differs in the files, read as the family reads them; '-' for what is gone."""

    def read(texts: t.Mapping[PurePosixPath, str]) -> dict[str, str]:
        values: dict[str, str] = {}
        for path, text in texts.items():
            values |= (parse_conf if path.suffix == ".conf" else parse_assignments)(text)
        return values

    before, after = read(found.before), read(found.after)
    return {
        name: after.get(name, "-")
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    }


@pytest.mark.parametrize(
    ("family", "options", "expected"),
    [
        ("debian", {}, {}),
        ("debian", {"dump_path": "/srv/crash"}, {"KDUMP_COREDIR": "/srv/crash"}),
        ("debian", {"target": NFS}, {"NFS": "vault:/srv/dumps"}),
        ("debian", {"target": SSH}, {"SSH": "kdump@vault", "SSH_KEY": "/root/.ssh/kdump"}),
        # nfs(5) needs brackets around an address of IPv6, ssh takes none.
        ("debian", {"target": {**NFS, "server": "2001:db8::1"}}, {"NFS": "[2001:db8::1]:/srv/dumps"}),
        ("debian", {"target": {**NFS, "server": "[2001:db8::1]"}}, {"NFS": "[2001:db8::1]:/srv/dumps"}),
        ("debian", {"target": {"type": "ssh", "user": "u", "server": "[2001:db8::1]"}}, {"SSH": "u@2001:db8::1"}),
        ("kdump-utils", {"target": {**NFS, "server": "2001:db8::1"}}, {"nfs": "[2001:db8::1]:/srv/dumps"}),
        ("kdump-utils", {"target": {"type": "ssh", "user": "u", "server": "2001:db8::1"}},
         {"ssh": "u@2001:db8::1", "core_collector": "makedumpfile -F -l --message-level 7 -d 31"}),
        ("suse", {"target": {**NFS, "server": "2001:db8::1"}},
         {"KDUMP_SAVEDIR": "nfs://[2001:db8::1]/srv/dumps"}),
        ("debian", {"target": LOCAL}, {}),
        ("debian", {"compression": "zlib", "dump_level": 31}, {}),
        ("debian", {"compression": "lzo"}, {"MAKEDUMP_ARGS": "-F -l -d 31"}),
        ("debian", {"compression": "none", "dump_level": 1}, {"MAKEDUMP_ARGS": "-F -d 1"}),
        # The default is the program's own, and its words are kept: a setting replaces it as a whole.
        (
            "debian",
            {"command_line_append": ["nr_cpus=2", "panic=5"], "command_line_remove": ["irqpoll"]},
            {
                "KDUMP_CMDLINE_APPEND": "reset_devices systemd.unit=kdump-tools-dump.service nr_cpus=2"
                " panic=5"
            },
        ),
        ("debian", {"command_line_append": ["nr_cpus=1"]}, {}),
        ("debian", {"keep": 3, "failure_action": "poweroff"},
         {"KDUMP_NUM_DUMPS": "3", "KDUMP_FAIL_CMD": "poweroff -f"}),
        ("debian", {"keep": 0, "failure_action": "reboot", "final_action": "reboot"}, {}),
        ("debian", {"settings": {"HOSTTAG": "hostname", "KDUMP_DUMP_DMESG": False}},
         {"HOSTTAG": "hostname", "KDUMP_DUMP_DMESG": "0"}),
        ("debian", {"settings": {"KDUMP_KERNEL": None}}, {"KDUMP_KERNEL": "-"}),
        ("kdump-utils", {}, {}),
        ("kdump-utils", {"dump_path": "/srv/crash"}, {"path": "/srv/crash"}),
        ("kdump-utils", {"target": NFS}, {"nfs": "vault:/srv/dumps"}),
        ("kdump-utils", {"target": XFS}, {"xfs": "UUID=1-2"}),
        # What leaves the host as a stream has to be written as one.
        (
            "kdump-utils",
            {"target": SSH},
            {
                "ssh": "kdump@vault",
                "sshkey": "/root/.ssh/kdump",
                "core_collector": "makedumpfile -F -l --message-level 7 -d 31",
            },
        ),
        (
            "kdump-utils",
            {"target": RAW, "compression": "zstd", "dump_level": 17},
            {
                "raw": "/dev/disk/by-id/x",
                "core_collector": "makedumpfile -F -z --message-level 7 -d 17",
            },
        ),
        (
            "kdump-utils",
            {"command_line_append": ["nr_cpus=2"], "command_line_remove": ["irqpoll", "quiet"]},
            {
                "KDUMP_COMMANDLINE_APPEND": "reset_devices pcie_ports=compat nr_cpus=2",
                "KDUMP_COMMANDLINE_REMOVE": "hugepages quiet irqpoll",
            },
        ),
        ("kdump-utils", {"failure_action": "shell", "final_action": "poweroff"},
         {"failure_action": "shell", "final_action": "poweroff"}),
        (
            "kdump-utils",
            {
                "pre_script": "/usr/local/bin/pre",
                "extra_binaries": ["/usr/bin/a", "/usr/bin/b"],
                "extra_modules": ["mlx5_core"],
            },
            {
                "kdump_pre": "/usr/local/bin/pre",
                "extra_bins": "/usr/bin/a /usr/bin/b",
                "extra_modules": "mlx5_core",
            },
        ),
        ("kdump-utils", {"settings": {"auto_reset_crashkernel": False, "KEXEC_ARGS": "-c"}},
         {"auto_reset_crashkernel": "no", "KEXEC_ARGS": "-c"}),
        ("suse", {}, {}),
        ("suse", {"dump_path": "/srv/crash"}, {"KDUMP_SAVEDIR": "/srv/crash"}),
        ("suse", {"target": NFS}, {"KDUMP_SAVEDIR": "nfs://vault/srv/dumps"}),
        ("suse", {"target": SSH, "dump_path": "/srv"},
         {"KDUMP_SAVEDIR": "ssh://kdump@vault/srv", "KDUMP_SSH_IDENTITY": "kdump"}),
        ("suse", {"compression": "none", "dump_level": 1},
         {"KDUMP_DUMPFORMAT": "ELF", "KDUMP_DUMPLEVEL": "1"}),
        # It counts before the new dump is there.
        ("suse", {"keep": 3}, {"KDUMP_KEEP_OLD_DUMPS": "2"}),
        ("suse", {"keep": 1}, {"KDUMP_KEEP_OLD_DUMPS": "-1"}),
        ("suse", {"failure_action": "shell"}, {"KDUMP_CONTINUE_ON_ERROR": "false"}),
        ("suse", {"command_line_append": ["nr_cpus=2"]}, {"KDUMP_COMMANDLINE_APPEND": "nr_cpus=2"}),
        ("suse", {"pre_script": "/usr/local/bin/pre"},
         {"KDUMP_PRESCRIPT": "/usr/local/bin/pre", "KDUMP_REQUIRED_PROGRAMS": "/usr/local/bin/pre"}),
    ],
)  # fmt: skip
def test_what_an_option_sets(
    family: str, options: dict[str, t.Any], expected: dict[str, str]
) -> None:
    found = run(family, options)
    assert settings(found) == expected
    assert bool(found.changed) == bool(expected)


@pytest.mark.parametrize("family", sorted(CONFIGS))
def test_a_target_replaces_the_one_before(family: str) -> None:
    files = FILES[family]
    for target in (NFS, SSH, LOCAL):
        after = run(family, {"target": target}, files).after
        files = [after[path] for path in CONFIGS[family].paths]
    left = {"debian": {"SSH_KEY": "/root/.ssh/kdump"},
            "kdump-utils": {"sshkey": "/root/.ssh/kdump"},
            "suse": {"KDUMP_SSH_IDENTITY": "kdump"}}[family]  # fmt: skip
    before = dict(zip(CONFIGS[family].paths, FILES[family]))
    assert settings(Edit(before, after, False, False)) == left, "a key is nobody's target"


@pytest.mark.parametrize(
    ("family", "options", "sentence"),
    [
        ("debian", {"target": RAW}, "kdump-tools writes no raw dumps: use local, nfs or ssh"),
        ("debian", {"target": XFS}, "put the file system into /etc/fstab"),
        ("suse", {"target": {**SSH, "server": "2001:db8::1"}}, "give the server's name for 2001:db8::1"),
        ("debian", {"pre_script": "/x"}, "a systemd unit ordered before kdump-tools-dump.service"),
        ("debian", {"extra_modules": ["x"]}, "belong in /etc/initramfs-tools/modules"),
        ("debian", {"failure_action": "shell"}, "use reboot, halt, poweroff"),
        ("debian", {"final_action": "halt"}, "kdump-tools always reboots"),
        ("debian", {"command_line_remove": ["systemd.unit"]}, "saves no dump"),
        ("debian", {"command_line_remove": ["quiet"]}, "quiet is on the running kernel's command line"),
        ("debian", {"keep": 2, "target": NFS}, "not on the NFS server: leave keep out"),
        ("debian", {"dump_path": "/a", "settings": {"KDUMP_COREDIR": "/b"}},
         "settings has KDUMP_COREDIR, which dump_path sets as well"),
        ("kdump-utils", {"keep": 2}, "have systemd-tmpfiles age the dump directory"),
        ("kdump-utils", {"target": {**XFS, "fstype": "zfs"}}, "knows no file system zfs"),
        ("kdump-utils", {"settings": {"colour": "blue"}}, "knows no option colour"),
        ("kdump-utils", {"settings": {"nfs": "a:/b", "ssh": "u@h"}}, "there are two dump targets"),
        ("kdump-utils", {"target": {**SSH, "user": "kdump@example.com"}}, "kdump@example.com has an @"),
        ("suse", {"target": {**SSH, "user": "kdump@example.com"}}, "kdump@example.com has an @"),
        ("kdump-utils", {"target": {**XFS, "fstype": "virtiofs", "device": "my dumps"}}, "use the tag of the share"),
        ("suse", {"target": RAW}, "writes no raw dumps"),
        ("suse", {"failure_action": "halt"}, "use reboot or shell"),
        ("suse", {"final_action": "halt"}, "KDUMP_IMMEDIATE_REBOOT"),
        ("suse", {"extra_modules": ["x"]}, "add_drivers in a file of /etc/dracut.conf.d"),
        ("suse", {"target": {**SSH, "key": "/etc/key"}}, "takes keys from /root/.ssh"),
        ("debian", {"dump_path": "var/crash"}, "use an absolute path without blanks"),
        ("debian", {"dump_path": "/var/my crash"}, "use an absolute path without blanks"),
        ("debian", {"dump_level": 32}, "the levels 0 to 31"),
        ("debian", {"keep": -1}, "name a number of dumps"),
        ("debian", {"command_line_append": ["a b"]}, "single arguments without quotes"),
        ("debian", {"command_line_append": ["a=$(x)"]}, "single arguments without quotes"),
        ("debian", {"target": {"type": "nfs", "server": "vault"}}, "of type nfs needs export"),
        ("debian", {"target": {**NFS, "user": "x"}}, "of type nfs has no user"),
        ("debian", {"target": {**NFS, "server": "-o evil"}}, "use a host name or an address"),
        ("kdump-utils", {"target": {**RAW, "device": "sdb"}}, "a path below /dev"),
        ("debian", {"target": {**SSH, "user": "a b"}}, "use a user name"),
        ("debian", {"target": {**SSH, "user": "-x"}}, "use a user name"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_a_sentence(
    family: str, options: dict[str, t.Any], sentence: str
) -> None:
    with pytest.raises(KdumpError) as refused:
        run(family, options)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        # kdumpctl compares the name with what ssh -G prints, which is in lower case.
        ({"target": {**SSH, "server": "Vault.Example.COM"}}, "ssh kdump@vault.example.com"),
        ({"target": {**SSH, "user": "EXAMPLE\\kdump"}}, "ssh EXAMPLE\\kdump@vault"),
        ({"target": {**XFS, "fstype": "virtiofs", "device": "dumps"}}, "virtiofs dumps"),
        ({"target": {**XFS, "device": "PARTUUID=01-02"}}, "xfs PARTUUID=01-02"),
        ({"settings": {"force_rebuild": True}}, "force_rebuild 1"),
        ({"settings": {"force_no_rebuild": False}}, "force_no_rebuild 0"),
        ({"settings": {"auto_reset_crashkernel": False}}, "auto_reset_crashkernel no"),
    ],
)
def test_a_line_of_kdump_conf(options: dict[str, t.Any], line: str) -> None:
    found = run("kdump-utils", options)
    assert line in found.after[PurePosixPath("/etc/kdump.conf")].splitlines()


def test_the_failure_action_of_an_old_kdumpctl() -> None:
    config = CONFIGS["kdump-utils"]
    texts = dict(zip(config.paths, ["path /var/crash\ndefault reboot\n", ""]))
    context = EditContext("parse_config()\n{\n\tpath|default|core_collector) ;;\n}\n")
    found = edit(config, texts, {"failure_action": "poweroff"}, context)
    assert found.after[config.paths[0]] == "path /var/crash\ndefault poweroff\n"
    with pytest.raises(KdumpError, match="the host's kdump has none, and reboots"):
        edit(config, texts, {"final_action": "poweroff"}, context)


def test_a_user_of_a_domain_for_a_shell() -> None:
    found = run("debian", {"target": {**SSH, "user": "EXAMPLE\\kdump"}})
    assert settings(found)["SSH"] == "EXAMPLE\\kdump@vault"


@pytest.mark.parametrize(
    ("said", "status", "refused"),
    [
        ("user root\nhostname vault\nport 22\n", 0, False),
        ("user root\nhostname vault.example.com\nport 22\n", 0, True),
        ("ssh: not found", 127, False),
    ],
)
def test_an_alias_that_kdumpctl_does_not_take(said: str, status: int, *, refused: bool) -> None:
    asked: list[list[str]] = []

    def ask(command: list[str], _data: str) -> tuple[int, str]:
        asked.append(command)
        return status, said

    texts = dict(zip(CONFIGS["kdump-utils"].paths, FILES["kdump-utils"]))
    options = {"target": SSH}
    if refused:
        with pytest.raises(
            KdumpError, match=r"vault is an alias in ssh_config.*: give vault\.example\.com"
        ):
            edit(CONFIGS["kdump-utils"], texts, options, EditContext(ask=ask))
    else:
        edit(CONFIGS["kdump-utils"], texts, options, EditContext(ask=ask))
    assert asked[0] == ["timeout", "10", "ssh", "-G", "vault"]


def test_a_script_that_is_not_there_is_refused() -> None:
    texts = dict(zip(CONFIGS["kdump-utils"].paths, FILES["kdump-utils"]))
    with pytest.raises(KdumpError, match="/x is no executable file on the host"):
        edit(
            CONFIGS["kdump-utils"],
            texts,
            {"post_script": "/x"},
            EditContext(is_executable=lambda _path: False),
        )


def test_a_file_that_kdump_refuses_is_not_written_on() -> None:
    with pytest.raises(KdumpError, match=r"Line 2 of kdump\.conf: there are two dump targets"):
        run("kdump-utils", {"dump_path": "/a"}, ["nfs a:/b\nssh u@h\n", ""])
    with pytest.raises(KdumpError, match="has NFS and SSH: keep one of them"):
        run("debian", {"dump_path": "/a"}, ["NFS=a:/b\nSSH=u@h\n"])


@pytest.mark.parametrize(
    ("family", "options", "rebuild", "rearm"),
    [
        ("debian", {"target": NFS}, False, True),
        ("debian", {"command_line_append": ["x=1"]}, False, True),
        ("debian", {"settings": {"USE_KDUMP": 0}}, False, True),
        ("kdump-utils", {"target": NFS}, True, True),
        ("kdump-utils", {"command_line_append": ["x=1"]}, False, True),
        ("suse", {"target": NFS}, True, True),
        ("suse", {"command_line_append": ["x=1"]}, False, True),
    ],
)
def test_what_has_to_follow(
    family: str, options: dict[str, t.Any], rebuild: bool, rearm: bool
) -> None:
    found = run(family, options)
    assert (found.rebuild, found.rearm) == (rebuild, rearm)


# A setting that is there, one that is shown in a comment, one that is nowhere, and one that goes.
STAGED: dict[str, t.Any] = {
    "dump_path": "/srv/crash",
    "keep": 3,
    "settings": {"MY_A": 1, "KDUMP_KERNEL": None},
}


@pytest.mark.parametrize("options", [{}, STAGED], ids=["nothing to change", "much to change"])
@pytest.mark.parametrize("scripts", [[ARGUMENTS], [ARGUMENTS, SETTINGS]], ids=len)
def test_the_lines_of_the_reset_helper_stay_the_last_ones(
    scripts: list[PurePosixPath], options: dict[str, t.Any]
) -> None:
    """What they source sees all settings, and none behind it takes its own back."""
    plain = run("debian", options).after[PurePosixPath("/etc/default/kdump-tools")]
    found = run("debian", options, [with_lines(DEBIAN, scripts)])
    staged = found.after[PurePosixPath("/etc/default/kdump-tools")]
    assert staged == with_lines(plain, scripts)
    assert staged.endswith(f"\n{with_lines('', scripts)}")
    assert run("debian", options, [staged]).changed == []
    assert bool(found.changed) == bool(options)


OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "dump_path": st.sampled_from(["/var/crash", "/srv/a"]),
        "target": st.sampled_from([NFS, SSH, LOCAL]),
        "compression": st.sampled_from(["none", "zlib", "lzo", "snappy", "zstd"]),
        "dump_level": st.integers(0, 31),
        "command_line_append": st.lists(
            st.sampled_from(["nr_cpus=1", "nr_cpus=4", "console=ttyS0", "console=tty0", "x"])
        ),
        "command_line_remove": st.lists(st.sampled_from(["irqpoll", "novmcoredd"])),
        "failure_action": st.just("reboot"),
        "settings": st.dictionaries(st.sampled_from(["MY_A", "MY_B"]), st.none() | st.integers()),
    },
)


@given(st.sampled_from(sorted(CONFIGS)), OPTIONS, OPTIONS)
def test_whatever_was_there_the_second_run_changes_nothing(
    family: str, first: dict[str, t.Any], second: dict[str, t.Any]
) -> None:
    once = run(family, first).after
    files = [once[path] for path in CONFIGS[family].paths]
    twice = run(family, second, files).after
    files = [twice[path] for path in CONFIGS[family].paths]
    again = run(family, second, files)
    assert again.changed == []
    assert (again.rebuild, again.rearm) == (False, False)
