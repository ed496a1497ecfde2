#!/bin/sh
# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the scripts of the reset helper have in common. They source it from the directory that they are in, on the host
# and in the capture kernel. With one processor, and many ports, each process would be felt. That is why functions set
# variables instead of printing.
#
# PROC, SYSFS, RUN and KMSG are set by quiesce-init and by tests only.

# shellcheck disable=SC2034 # variables are for those who source it
export LC_ALL=C
PROC=${PROC:-/proc}
SYSFS=${SYSFS:-/sys}
RUN=${RUN:-/run/pcie-reset}
KMSG=${KMSG:-/dev/kmsg}

log() { echo "pcie_reset: $*" >> "$KMSG"; }

# clock: sets now, hundredths of a second since boot. /proc/uptime is "5.08 4.90" (the 1 keeps 08 from being octal).
clock() {
    read -r now _ < "$PROC/uptime"
    now=$((${now%.*} * 100 + 1${now#*.} - 100))
}

# seconds HUNDREDTHS: sets text, as in 1.08.
seconds() {
    text=$(($1 % 100))
    [ "$text" -gt 9 ] || text=0$text
    text=$(($1 / 100)).$text
}

# read_command_line: sets words, those of this kernel's command line, and what they say: deadline, in seconds, excluded,
# addresses with commas between them, quiesced, and switched_off.
read_command_line() {
    words='' deadline=15 excluded='' quiesced=false switched_off=false
    read -r words < "$PROC/cmdline"
    set -f # words are words, not patterns for file names
    for word in $words; do
        case $word in
            pcie_reset=off) switched_off=true ;;
            pcie_reset.deadline=[1-9] | pcie_reset.deadline=[1-9][0-9] | pcie_reset.deadline=[1-9][0-9][0-9])
                deadline=${word#*=} ;;
            pcie_reset.exclude=*) excluded=$excluded,${word#*=} ;;
            pcie_reset.stage=quiesced) quiesced=true ;;
        esac
    done
}

# plans METHOD PLAN: whether a port in the plan may be reset by it: "port ADDRESS METHOD,METHOD CHILD..."
plans() {
    while read -r word _ methods _; do
        case $word:,$methods, in port:*",$1,"*) return 0 ;; esac
    done < "$2"
    return 1
}

# locked_down: whether this kernel refuses what changes it. Sets lockdown, what is in force in brackets:
# none [integrity] confidentiality
locked_down() {
    lockdown='[none]'
    [ ! -r "$SYSFS/kernel/security/lockdown" ] || read -r lockdown < "$SYSFS/kernel/security/lockdown"
    case $lockdown in *'[none]'*) return 1 ;; esac
}

# --- The local APIC

# dismiss_interrupts: ends what is in service in the local APIC of processor 0 (see local-apic.hex), and logs it. Sets apic,
# for the report: {"mode", "in_service_before": [VECTOR], "in_service_after": [VECTOR]}, or null where nothing could be
# read.
#
# An interrupt that was pending when the first kernel died is taken for the i8259's and never ended. Its priority and all
# below, the first ones of devices, would be held back for ever: docs/how/apic.md.
dismiss_interrupts() {
    apic=null field=''
    { read -r _ && read -r field _; } < "$PROC/cpuinfo"
    [ "$field" = vendor_id ] && [ -x "$LIB/local-apic" ] || return # x86
    "$LIB/local-apic" | "$LIB/bin/od" -An -v -tx4 -w36 > "$RUN/apic"
    mode='' was='' is=''
    { read -r mode was && read -r _ is; } < "$RUN/apic"
    case $mode in
        00000001) mode=xapic ;;
        00000002) mode=x2apic ;;
        *) unread ;;
    esac || return
    # shellcheck disable=SC2086 # words
    vectors $was
    was=$text
    # shellcheck disable=SC2086 # words
    vectors $is
    apic="{\"mode\":\"$mode\",\"in_service_before\":[$was],\"in_service_after\":[$text]}"
    log "apic mode=$mode in_service=${was:-none} after=${text:-none}"
}

# unread: logs why the local APIC is as it was.
unread() {
    reason=unknown
    case " $words " in *' iomem=relaxed '*) ;; *) reason=iomem_strict ;; esac
    ! locked_down || reason=locked_down
    log "apic unread reason=$reason"
    return 1
}

# vectors REGISTER...: sets text to the numbers of the bits that are set, with commas between them.
vectors() {
    text='' vector=0
    for register; do
        register=$((0x$register)) last=$((vector + 32))
        while [ "$register" -ne 0 ] && [ "$vector" -lt "$last" ]; do
            [ $((register & 1)) -eq 0 ] || text=$text,$vector
            register=$((register >> 1)) vector=$((vector + 1))
        done
        vector=$last
    done
    text=${text#,}
}
