# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import subprocess

import pytest

from ansible.errors import AnsibleConnectionFailure
from ansible_collections.vmcore.kdump.plugins.plugin_utils._crash_test.watchdog import watchdog


def test_a_program_of_a_connection_that_never_ends_is_ended() -> None:
    with (
        pytest.raises(AnsibleConnectionFailure, match="did not answer within"),
        watchdog(0.2),
    ):
        subprocess.run(["sleep", "600"], check=False)


def test_a_program_that_ends_in_time_is_left_alone_and_so_are_those_before_it() -> None:
    with subprocess.Popen(["sleep", "600"]) as other:
        with pytest.raises(AnsibleConnectionFailure), watchdog(0.2):
            subprocess.run(["sleep", "600"], check=False)
        assert other.poll() is None
        with watchdog(600):
            assert subprocess.run(["true"], check=False).returncode == 0
        other.kill()
