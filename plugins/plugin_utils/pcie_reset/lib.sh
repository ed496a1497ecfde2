#!/bin/sh
# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the scripts of the reset helper have in common. They source it from the directory that they are in, on the host
# and in the capture kernel. It starts no process: with one processor, and many ports, each would be felt. That is why
# functions set variables instead of printing.
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
