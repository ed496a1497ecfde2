# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible.errors import AnsibleFilterError
from ansible_collections.vmcore.kdump.plugins.filter.qualification import (
    FilterModule,
    qualification,
)


def test_the_filter_has_the_documented_name() -> None:
    assert set(FilterModule().filters()) == {"qualification"}


def test_what_cannot_be_compared_is_an_error_of_the_filter() -> None:
    with pytest.raises(AnsibleFilterError, match="records of one host"):
        qualification([])
