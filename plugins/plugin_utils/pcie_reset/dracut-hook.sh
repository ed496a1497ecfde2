#!/bin/sh
# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# dracut's first hook in kdump images without systemd. dracut sources it, so it must not exit.

/usr/local/lib/pcie-reset/guard /usr/local/lib/pcie-reset/pcie-reset /etc/pcie-reset/plan
