# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m bench`` is about the facts, ``... dumps [DUMP...]`` about dumps, ``... fleet`` about many hosts, and
``... copying`` about dumps that are brought to the controller.
"""

from __future__ import annotations

import sys

from bench import bench, copying, dumps, fleet

_OTHERS = {"copying": copying.main, "dumps": dumps.main, "fleet": fleet.main}

if other := _OTHERS.get("".join(sys.argv[1:2])):
    other(sys.argv[2:])
else:
    bench.main()
