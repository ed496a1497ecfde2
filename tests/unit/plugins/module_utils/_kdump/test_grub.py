# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.vmcore.kdump.plugins.module_utils._errors import KdumpError
from ansible_collections.vmcore.kdump.plugins.module_utils._kdump.grub import next_command_line

# As grub-mkconfig of Debian writes it, with two kernels; shortened.
CONFIG = """\
### BEGIN /etc/grub.d/00_header ###
if [ -s $prefix/grubenv ]; then
  set have_grubenv=true
  load_env
fi
if [ "${next_entry}" ] ; then
   set default="${next_entry}"
   set next_entry=
   save_env next_entry
   set boot_once=true
else
   set default="%s"
fi

if [ x"${feature_menuentry_id}" = xy ]; then
  menuentry_id_option="--id"
else
  menuentry_id_option=""
fi

export menuentry_id_option
function savedefault {
  if [ -z "${boot_once}" ]; then
    saved_entry="${chosen}"
    save_env saved_entry
  fi
}
function gfxmode {
\tset gfxpayload="${1}"
}
### BEGIN /etc/grub.d/10_linux ###
menuentry 'Debian GNU/Linux' --class debian --class os $menuentry_id_option 'gnulinux-simple-8c1e' {
\tload_video
\tif [ x$grub_platform = xxen ]; then insmod xzio; insmod lzopio; fi
\tset root='hd0,gpt1'
\techo\t'Loading Linux 6.12.2 ...'
\tlinux\t/boot/vmlinuz-6.12.2 root=UUID=8c1e ro  quiet crashkernel=512M-:192M
\tinitrd\t/boot/initrd.img-6.12.2
}
submenu 'Advanced options for Debian GNU/Linux' $menuentry_id_option 'gnulinux-advanced-8c1e' {
\tmenuentry 'Debian GNU/Linux, with Linux 6.12.2' --class debian $menuentry_id_option 'gnulinux-6.12.2-advanced-8c1e' {
\t\tlinux\t/boot/vmlinuz-6.12.2 root=UUID=8c1e ro  quiet crashkernel=2
\t}
\tmenuentry 'Debian GNU/Linux, with Linux 6.12.1' --class debian $menuentry_id_option 'gnulinux-6.12.1-advanced-8c1e' {
\t\tlinux\t/boot/vmlinuz-6.12.1 root=UUID=8c1e ro  quiet crashkernel=3
\t}
}
# menuentry 'Old' {
menuentry "A > B" {
\tlinuxefi /boot/vmlinuz-odd ro dyndbg=\\"file\\" crashkernel=4
}
menuentry 'UEFI Firmware Settings' $menuentry_id_option 'uefi-firmware' {
\tfwsetup
}
"""


@pytest.mark.parametrize(
    ("default", "environment", "last"),
    [
        ("0", "", "crashkernel=512M-:192M"),
        ("1>1", "", "crashkernel=3"),
        ("1", "", "crashkernel=2"),
        ("gnulinux-advanced-8c1e>gnulinux-6.12.1-advanced-8c1e", "", "crashkernel=3"),
        (
            "Advanced options for Debian GNU/Linux>Debian GNU/Linux, with Linux 6.12.1",
            "",
            "crashkernel=3",
        ),
        ("A > B", "", "crashkernel=4"),
        ("gone", "", "crashkernel=512M-:192M"),
        ("9", "", "crashkernel=512M-:192M"),
        ("${saved_entry}", "", "crashkernel=512M-:192M"),
        ("${saved_entry}", "# GRUB Environment Block\nsaved_entry=1>1\n####", "crashkernel=3"),
        ("0", "saved_entry=1>1\nnext_entry=\n", "crashkernel=512M-:192M"),
        ("0", "next_entry=1>0\n", "crashkernel=2"),
    ],
)
def test_entry_that_is_booted_next(default: str, environment: str, last: str) -> None:
    assert next_command_line(CONFIG % default, environment)[-1] == last


def test_command_line_is_what_follows_the_kernel() -> None:
    assert next_command_line(CONFIG % "0", "") == [
        "root=UUID=8c1e",
        "ro",
        "quiet",
        "crashkernel=512M-:192M",
    ]


@pytest.mark.parametrize("config", ["", CONFIG % "uefi-firmware", "menuentry 'x' {\n"])
def test_entry_that_boots_no_kernel(config: str) -> None:
    with pytest.raises(KdumpError, match="is no Linux kernel's: look at GRUB_DEFAULT"):
        next_command_line(config, "")
