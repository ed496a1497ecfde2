# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible.errors import AnsibleFilterError
from ansible_collections.vmcore.kdump.plugins.filter.reset_plan import FilterModule
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.plan import make_plan
from ansible_collections.vmcore.kdump.tests.unit.facts import bridge, function, host

FACTS = host(bridge("0000:00:02.0"), function("0000:01:00.0", "0000:00:02.0"))
RULES = [{"name": "network", "match": {"class": "02*"}}]


def test_is_the_plan() -> None:
    reset_plan = FilterModule().filters()["reset_plan"]
    assert reset_plan(FACTS) == make_plan(FACTS)
    assert (
        reset_plan(FACTS, RULES) == reset_plan(FACTS, exclusions=RULES) == make_plan(FACTS, RULES)
    )


def test_error_is_the_same_sentence() -> None:
    with pytest.raises(AnsibleFilterError) as error:
        FilterModule().filters()["reset_plan"](FACTS, [{"match": {"port": "*"}}])
    assert str(error.value) == "Exclusion number 1 has no name: give it one, the plan refers to it."
