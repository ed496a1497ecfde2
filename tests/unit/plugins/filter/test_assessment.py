# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible.errors import AnsibleFilterError
from ansible_collections.vmcore.kdump.plugins.filter.assessment import FilterModule
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.assessment import assessment
from ansible_collections.vmcore.kdump.plugins.module_utils._reset.plan import make_plan
from ansible_collections.vmcore.kdump.tests.unit.facts import bridge, host

FACTS = host(bridge("0000:00:02.0"))


def test_is_the_assessment() -> None:
    plan = make_plan(FACTS)
    assert FilterModule().filters()["assessment"](FACTS, plan) == assessment(FACTS, plan)


def test_error_is_the_same_sentence() -> None:
    with pytest.raises(AnsibleFilterError) as error:
        FilterModule().filters()["assessment"](FACTS, make_plan(host()))
    assert (
        str(error.value)
        == "The plan does not mention the port 0000:00:02.0: make it from the same facts."
    )
