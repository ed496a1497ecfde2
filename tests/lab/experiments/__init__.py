# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The experiments of the lab: a file for each, with what is different about it."""

from __future__ import annotations

from lab.experiments import (
    campaign,
    configure,
    crash_faults,
    crashes,
    effect,
    faults,
    fleet,
    interrupted,
    lanes,
    log_storm,
    one_processor,
    ports,
    qualify,
    readiness,
    runner,
    targets,
)

EXPERIMENTS = tuple(
    each.EXPERIMENT
    for each in (
        configure, targets, readiness, crashes, crash_faults, interrupted, one_processor, log_storm, fleet,
        campaign, runner, lanes, effect, faults, ports, qualify,
    )
)  # fmt: skip
