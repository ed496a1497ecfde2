#!/bin/sh
# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Turns a freshly bootstrapped Debian into a lab guest and makes its disk.
# Run by mmdebstrap as a customize hook: customize.sh ROOT OUTPUT DISK_MIB HOOK...
# Each hook does what not every guest needs: hooks/HOOK.sh ROOT KERNEL_VERSION
# Leaves in OUTPUT: disk.raw, vmlinuz, initrd.img, host_key.pub.
set -eu

root=$1
output=$2
disk_mib=$3
shift 3
version=$(ls "$root/lib/modules")

# The guest: one ext4 disk, QEMU's user network, a serial console. No host name of its own:
# the lab gives it with systemd.hostname= on the kernel command line.
echo localhost >"$root/etc/hostname"
echo '127.0.0.1 localhost' >"$root/etc/hosts"
echo '/dev/vda / ext4 errors=remount-ro 0 1' >"$root/etc/fstab"
mkdir -p "$root/etc/systemd/network"
# Only the NIC of the user network: this is QEMU's first MAC address.
cat >"$root/etc/systemd/network/lab.network" <<'NETWORK'
[Match]
MACAddress=52:54:00:12:34:56
[Network]
Address=10.0.2.15/24
Gateway=10.0.2.2
NETWORK
chroot "$root" systemctl --quiet enable systemd-networkd.service

# Emulated, every second counts: nothing that a crash test does not need is started,
# and modules that only fail slowly in a guest are not tried.
chroot "$root" systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
    e2scrub_all.timer e2scrub_reap.service fstrim.timer getty@tty1.service \
    systemd-networkd-wait-online.service
printf 'blacklist %s\n' kvm kvm_amd kvm_intel powernow_k8 >"$root/etc/modprobe.d/lab.conf"

# The initramfs is built here, natively. mkinitramfs cannot see the guest's devices from a chroot
# (MODULES=dep), so this one lists what the disk needs; in the guest MODULES=dep holds.
conf=$root/etc/initramfs-tools
sed -i 's/^MODULES=.*/MODULES=list/' "$conf/initramfs.conf"
printf '%s\n' ext4 virtio_blk virtio_pci >"$conf/modules"
chroot "$root" update-initramfs -c -k "$version"
for hook; do
    "${0%/*}/hooks/$hook.sh" "$root" "$version"
done
sed -i 's/^MODULES=.*/MODULES=dep/' "$conf/initramfs.conf"
: >"$conf/modules"

# QEMU boots kernel and initramfs directly; the host key is pinned by whoever connects.
cp "$root/boot/vmlinuz-$version" "$output/vmlinuz"
cp "$root/boot/initrd.img-$version" "$output/initrd.img"
cp "$root/etc/ssh/ssh_host_ed25519_key.pub" "$output/host_key.pub"
rm -rf "$root/var/lib/apt/lists" "$root/var/cache/apt"
truncate -s "${disk_mib}M" "$output/disk.raw"
# A plain bind mount shows the tree without /proc, /sys and /dev that mmdebstrap mounts for hooks.
mkdir "$output/tree"
mount --bind "$root" "$output/tree"
mke2fs -q -t ext4 -d "$output/tree" "$output/disk.raw"
umount "$output/tree"
rmdir "$output/tree"
chmod 0644 "$output"/*
