# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m bench`` is about the facts, ``... dumps [DUMP...]`` about dumps, ``... fleet`` about many hosts."""

from __future__ import annotations

import sys

from bench import bench, dumps, fleet

if sys.argv[1:2] == ["dumps"]:
    dumps.main(sys.argv[2:])
elif sys.argv[1:2] == ["fleet"]:
    fleet.main(sys.argv[2:])
else:
    bench.main()
