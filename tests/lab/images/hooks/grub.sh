#!/bin/sh
# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# GRUB, so that the guest decides by itself what it boots: QEMU is given GRUB as if it were a kernel
# (/boot/grub/loader), and GRUB reads the guest's own /boot/grub/grub.cfg. update-grub works in the guest.
set -eu

root=$1
version=$2
arguments='console=ttyS0 init_on_free=1 no_timer_check'
grub=$root/boot/grub

# Its command line has no panic=, as that of a new host; a stray panic does not hang the lab all the same.
echo kernel.panic=10 >"$root/etc/sysctl.d/lab.conf"
mkdir -p "$grub"
cp -r "$root/usr/lib/grub/i386-pc" "$grub/"
cat >"$grub/early.cfg" <<'EARLY'
search --no-floppy --file --set=root /boot/grub/grub.cfg
set prefix=($root)/boot/grub
normal
EARLY
chroot "$root" grub-mkimage --format i386-pc --prefix /boot/grub --config /boot/grub/early.cfg \
    --output /boot/grub/core.img biosdisk ext2 search search_fs_file normal
cat "$grub/i386-pc/lnxboot.img" "$grub/core.img" >"$grub/loader"
rm "$grub/early.cfg" "$grub/core.img"

# As update-grub makes it in the guest; here grub-probe finds no disk.
cat >"$grub/grub.cfg" <<MENU
set default="0"
set timeout=0
menuentry 'Debian GNU/Linux' --class debian --class gnu-linux --class gnu --class os {
	linux	/boot/vmlinuz-$version root=/dev/vda ro  $arguments
	initrd	/boot/initrd.img-$version
}
MENU
cat >"$root/etc/default/grub" <<DEFAULTS
GRUB_DEFAULT=0
GRUB_TIMEOUT=0
GRUB_DISTRIBUTOR=Debian
GRUB_CMDLINE_LINUX_DEFAULT="$arguments"
GRUB_CMDLINE_LINUX=""
GRUB_DISABLE_OS_PROBER=true
GRUB_TERMINAL=console
DEFAULTS
