#!/bin/sh
# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# A kdump image made by dracut, with systemd in it, which kdump-tools loads instead of its own.
# It knows nothing of this host (a chroot shows none), but has the drivers that load in the guest: the reset helper
# must run before them. What was asked for is recorded in the image, so it can be rebuilt the same way.
set -eu

root=$1
version=$2
image=/var/lib/kdump/initrd-dracut.img

chroot "$root" dracut --quiet --no-hostonly --no-hostonly-cmdline \
    --add systemd --omit "i18n plymouth resume lvm mdraid dm crypt btrfs multipath network nfs iscsi" \
    --drivers "virtio_blk virtio_pci ext4 nvme e1000e xhci-pci" --filesystems ext4 --compress zstd \
    --kver "$version" "$image"
cat >>"$root/etc/default/kdump-tools" <<SETTINGS
KDUMP_KERNEL=/boot/vmlinuz-$version
KDUMP_INITRD=$image
SETTINGS
