# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""As much of AWX's REST API as awx.awx needs to make objects: they are stored, found by fields, and linked.

It judges nothing. The modules check their arguments, and tests read what they sent.
"""

from __future__ import annotations

import json
import re
import threading
import typing as t
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

Json = dict[str, t.Any]

_PATH = re.compile(r"/api/v2/(?P<kind>\w+)/(?:(?P<id>\d+)/(?:(?P<sub>\w+)/)?)?$")
_LINKS = {
    "always_nodes",
    "credentials",
    "failure_nodes",
    "instance_groups",
    "labels",
    "success_nodes",
}
_TEMPLATES = ("job_templates", "workflow_job_templates", "workflow_approval_templates")


class FakeAwx(ThreadingHTTPServer):
    """A server on a free port. C(objects) is what is stored."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, dict[int, Json]] = {}
        self.surveys: dict[tuple[str, int], Json] = {}
        self.links: dict[tuple[str, int, str], list[int]] = {}
        self._last = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def add(self, kind: str, fields: Json) -> Json:
        self._last += 1
        place = f"/api/v2/{kind}/{self._last}/"
        stored = {
            **fields,
            "id": self._last,
            "type": kind.removesuffix("s"),
            "url": place,
            "related": {
                name: f"{place}{name}/" for name in ("create_approval_template", "survey_spec")
            },
        }
        self.objects.setdefault(kind, {})[self._last] = stored
        return stored

    def find(self, place: str, **fields: t.Any) -> list[Json]:
        kinds = _TEMPLATES if place == "unified_job_templates" else (place,)
        everything = [each for one in kinds for each in self.objects.get(one, {}).values()]
        return [
            each
            for each in everything
            if all(str(each.get(name)) == str(value) for name, value in fields.items())
        ]

    def linked(self, node: Json, how: str) -> list[str]:
        """Return the identifiers of the nodes that come after one."""
        ids = self.links.get(("workflow_job_template_nodes", node["id"], how), [])
        return [self.objects["workflow_job_template_nodes"][each]["identifier"] for each in ids]


class _Handler(BaseHTTPRequestHandler):
    server: FakeAwx

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        found = _PATH.match(parts.path)
        if not found:
            self._answer(404, {"detail": parts.path})
        elif found["sub"] == "survey_spec":
            self._answer(200, self.server.surveys.get((found["kind"], int(found["id"])), {}))
        elif found["sub"]:
            ids = self.server.links.get((found["kind"], int(found["id"]), found["sub"]), [])
            self._list([{"id": each} for each in ids])
        elif found["id"]:
            stored = self.server.objects.get(found["kind"], {}).get(int(found["id"]))
            self._answer(200 if stored else 404, stored or {})
        else:
            query = {name: value for name, value in parse_qsl(parts.query) if name != "page_size"}
            self._list(self.server.find(found["kind"], **query))

    def do_POST(self) -> None:
        found = _PATH.match(self.path)
        data = self._data()
        if not found:
            self._answer(404, {"detail": self.path})
            return
        kind, sub = found["kind"], found["sub"]
        if sub == "survey_spec":
            self.server.surveys[kind, int(found["id"])] = data
            self._answer(200, {})
        elif sub == "create_approval_template":
            approval = self.server.add("workflow_approval_templates", data)
            node = self.server.objects[kind][int(found["id"])]
            node["unified_job_template"] = approval["id"]
            node["related"]["unified_job_template"] = approval["url"]
            self._answer(201, approval)
        elif sub in _LINKS:
            ids = self.server.links.setdefault((kind, int(found["id"]), sub), [])
            if data.get("disassociate"):
                ids.remove(data["id"])
            else:
                ids.append(data["id"])
            self._answer(204, None)
        else:
            self._answer(201, self.server.add(kind, data))

    def do_PATCH(self) -> None:
        found = _PATH.match(self.path)
        data = self._data()
        if not found:
            self._answer(404, {"detail": self.path})
            return
        stored = self.server.objects[found["kind"]][int(found["id"])]
        stored.update(data)
        self._answer(200, stored)

    def _data(self) -> Json:
        return t.cast("Json", json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _list(self, results: list[Json]) -> None:
        self._answer(
            200, {"count": len(results), "next": None, "previous": None, "results": results}
        )

    def _answer(self, status: int, content: Json | None) -> None:
        body = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-API-Product-Name", "AWX")
        self.send_header("X-API-Product-Version", "24.6.1")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: t.Any) -> None:  # noqa: A002  http.server names it so
        """Say nothing."""
