#!/bin/sh
# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# SUSE's kdump, whose files the lab put into the root. mkdumprd makes its image in the guest.
set -eu

root=$1
version=$2

# What its package does after the installation, and what it takes from others of SUSE's packages: the version of a
# kernel file. Without perl-bootloader the kernel is named, and the memory is reserved by the lab.
mkdir -p "$root/etc/sysconfig" "$root/var/crash" "$root/var/lib/kdump"
sed "s|^KDUMP_KERNELVER=.*|KDUMP_KERNELVER=\"$version\"|" "$root/usr/share/fillup-templates/sysconfig.kdump" \
    >"$root/etc/sysconfig/kdump"
cat >"$root/usr/local/bin/get_kernel_version" <<'SCRIPT'
#!/bin/sh
file -b "$1" | sed -n 's/.*version \([^ ]*\).*/\1/p'
SCRIPT
chmod 755 "$root/usr/local/bin/get_kernel_version"
chroot "$root" systemctl --quiet mask kdump-commandline.service
chroot "$root" systemctl --quiet enable kdump.service kdump-early.service
