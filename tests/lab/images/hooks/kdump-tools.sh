#!/bin/sh
# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The kdump image of initramfs-tools, built here, natively: in the guest it takes a minute.
set -eu

root=$1
version=$2

cp -a "$root/etc/initramfs-tools" "$root/var/lib/kdump/initramfs-tools"
chroot "$root" mkinitramfs -k -d /var/lib/kdump/initramfs-tools \
    -o "/var/lib/kdump/initrd.img-$version" "$version" >/dev/null
# kdump-tools rebuilds its image when this copy is missing or differs.
cp "$root/etc/kdump/sysctl.conf" "$root/var/lib/kdump/latest_sysctls-$version"
