#!/bin/sh
# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# A Debian mirror of the guest's own, in /srv/apt, with the packages that a play may install: the guest reaches no other.
set -eu

root=$1
apt=$root/srv/apt

rm -f "$root"/var/cache/apt/archives/*.deb
chroot "$root" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --download-only \
    --no-install-recommends kdump-tools makedumpfile nfs-common
mkdir -p "$apt"
mv "$root"/var/cache/apt/archives/*.deb "$apt/"
for package in "$apt"/*.deb; do
    dpkg-deb --field "$package"
    printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "${package##*/}" "$(stat -c %s "$package")" \
        "$(sha256sum "$package" | cut -d' ' -f1)"
done >"$apt/Packages"
rm -f "$root"/etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/srv/apt ./' >"$root/etc/apt/sources.list"
# The list of packages is there as on any host; whoever makes the disk leaves out apt's own directories.
cat >"$root/etc/tmpfiles.d/apt.conf" <<'DIRECTORIES'
d /var/lib/apt/lists/partial 0755
d /var/cache/apt/archives/partial 0755
C /var/lib/apt/lists/_srv_apt_._Packages - - - - /srv/apt/Packages
DIRECTORIES
