# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How Sphinx builds the documentation; `make docs` puts the pages together first."""

from __future__ import annotations

import re
import typing as t

from docutils import nodes

project = "vmcore.kdump"
project_copyright = "2026, the vmcore.kdump authors"
extensions = ["myst_parser", "sphinx_antsibull_ext"]
html_theme = "furo"
html_title = project
html_show_sphinx = False
# Headings are link targets, as they are on GitHub.
myst_heading_anchors = 4
# Most blocks are commands and results, in no language.
highlight_language = "none"

# Labels of ansible-core's documentation, which the reference points to. Nothing is fetched to build the pages.
_ANSIBLE = "https://docs.ansible.com/ansible/latest"
_LABELS = {
    "action_plugins": "plugins/action.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}
_PLUGIN = re.compile(r"ansible_collections\.(?!vmcore\.)(\w+)\.(\w+)\.([a-z_]+_[a-z]+)(?:__.*)?$")


def _elsewhere(_app: t.Any, _env: t.Any, node: t.Any, content: t.Any) -> nodes.reference | None:
    target = node.get("reftarget", "")
    plugin = _PLUGIN.match(target)
    page = "collections/{}/{}/{}.html".format(*plugin.groups()) if plugin else _LABELS.get(target)
    if not page:
        return None
    return nodes.reference("", "", content, internal=False, refuri=f"{_ANSIBLE}/{page}")


def setup(app: t.Any) -> None:
    """Connect what is above."""
    app.connect("missing-reference", _elsewhere)
