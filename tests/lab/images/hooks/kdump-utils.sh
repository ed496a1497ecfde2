#!/bin/sh
# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# kdump-utils, whose files the lab put into the root. kdumpctl makes its image in the guest: dracut looks at the devices
# that are there.
set -eu

root=$1
version=$2

# The name by which kdumpctl looks for the image of the normal boot, beside which it puts its own.
ln -s "initrd.img-$version" "$root/boot/initramfs-$version.img"
# What it rebuilds its image for when it is missing.
mkdir -p "$root/etc/sysconfig"
echo KEYMAP=us >"$root/etc/vconsole.conf"
chroot "$root" systemctl --quiet enable kdump.service
