#!/usr/bin/env bash
# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# dracut module 50pcie-reset: puts the reset helper, its plan and its tools into kdump images and into no other.
# A missing file never fails the build: a kernel update must not fail because of it, and pcie_reset_helper looks into
# the built image anyway.

# dracut's own variables and functions.
# shellcheck disable=SC2154

# by_suse: whether SUSE's mkdumprd makes this image: it calls dracut --add kdump.
by_suse() { [[ " $dracutmodules $add_dracutmodules $force_add_dracutmodules " == *" kdump "* ]]; }

check() {
    # kdump-utils: mkdumprd exports it.
    [[ $IN_KDUMP ]] && return 0
    by_suse && return 0
    # Debian and Ubuntu: the operator made an image for KDUMP_INITRD, beside those of kdump-tools.
    [[ $outfile == /var/lib/kdump/* ]] && return 0
    return 255
}

install() {
    local lib=/usr/local/lib/pcie-reset plan=/etc/pcie-reset/plan file path
    local tools=(head od sleep)

    for file in "$lib/pcie-reset" "$lib/guard" "$lib/lib.sh" "$plan"; do
        if [[ ! -f $file ]]; then
            dwarn "pcie-reset: $file is missing, the kdump initramfs is built without the PCIe reset."
            return 0
        fi
    done
    for file in "$lib/pcie-reset" "$lib/secondary-bus-reset" "$lib/local-apic" "$lib/guard" "$lib/lib.sh" "$plan"; do
        [[ ! -f $file ]] || inst_simple "$file"
    done
    # In a process of its own: what it sets is nothing for dracut.
    # shellcheck source=plugins/plugin_utils/pcie_reset/lib.sh
    (. "$lib/lib.sh" && plans sbr "$plan") && tools+=(setpci)
    # In a directory of their own: those of the image may be busybox's and do less.
    for file in "${tools[@]}"; do
        if path=$(type -P "$file"); then
            inst "$path" "$lib/bin/$file"
        else
            dwarn "pcie-reset: $file is missing on this host and in the kdump initramfs."
        fi
    done

    if [[ -e $initdir$systemdsystemunitdir/sysinit.target ]]; then
        inst_simple "$moddir/pcie-reset.service" "$systemdsystemunitdir/pcie-reset.service"
        mkdir -p "$initdir$systemdsystemunitdir/sysinit.target.wants"
        ln -sfn ../pcie-reset.service "$initdir$systemdsystemunitdir/sysinit.target.wants/pcie-reset.service"
    else
        # The first one of all: a later one of cmdline loads what rd.driver.pre= names.
        inst_hook cmdline 00 "$moddir/pcie-reset.sh"
    fi

    # Where the dump is saved from the initramfs, the report is too. Debian boots its real root for that.
    [[ -f $lib/store-report ]] || return 0
    if [[ $IN_KDUMP ]]; then
        inst_simple "$lib/store-report"
        mkdir -p "$initdir/etc/kdump/pre.d" "$initdir/etc/kdump/post.d"
        ln -sfn "$lib/store-report" "$initdir/etc/kdump/pre.d/pcie-reset"
        ln -sfn "$lib/store-report" "$initdir/etc/kdump/post.d/pcie-reset"
    elif by_suse; then
        inst_simple "$lib/store-report"
        inst_simple "$moddir/kdump-save.conf" "$systemdsystemunitdir/kdump-save.service.d/pcie-reset.conf"
    else
        return 0
    fi
    inst_multiple -o cat date dmesg ls mkdir mv sync
    return 0
}
