# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m report``: the HTML report of a fleet, looked at in a real browser.

Reports of 12 and of 300 hosts are made from real records and trees (tests/unit/fleet.py) and opened in a headless
Chromium, wide and on a phone, light and dark. What is asked of each:

- nothing on the console, and no request but for the file itself;
- of the small one: no violation of axe-core's rules for accessibility, with everything folded and unfolded;
- at 320 and 360 pixels nothing to scroll sideways for;
- of the small one: every link leads to something that is then seen, also what is folded, and all that can be clicked
  can be reached with the Tab key, each with a visible focus;
- it prints.

Screenshots and the printed page are kept in build/report.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
import time
import typing as t
from pathlib import Path

from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report import files, html, model
from ansible_collections.vmcore.kdump.tests.unit import fleet
from report.browser import Browser, browser

_KEPT = Path("build/report")
# axe-core takes minutes for many hosts, and all kinds are among a few.
_FEW, _MANY = 12, 300
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_UNFOLD = "document.querySelectorAll('details').forEach(each => each.open = true)"
_LINKS = """
(async () => {
  const lost = [];
  for (const link of document.querySelectorAll('a[href^="#"]')) {
    location.hash = link.hash;
    await new Promise(resolve => setTimeout(resolve, 0));
    const target = document.querySelector(link.hash);
    const box = target && target.getBoundingClientRect();
    if (!target || !target.checkVisibility({contentVisibilityAuto: false}) || box.height < 1) lost.push(link.hash);
  }
  return lost;
})()
"""
_FOCUS = """
(() => {
  const each = document.activeElement;
  const style = getComputedStyle(each);
  return [each.tagName, style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2];
})()
"""
_REACHABLE = "document.querySelectorAll('a, summary, [tabindex=\"0\"]').length"


def axe() -> str:
    """The source of axe-core, which a package for Python brings along."""
    found = importlib.util.find_spec("axe_playwright_python")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("report: axe-playwright-python is not installed: run tests/bootstrap.")
    return (Path(found.submodule_search_locations[0]) / "axe.min.js").read_text("utf-8")


def make(path: Path, count: int) -> None:
    """Write the report of a fleet."""
    with tempfile.TemporaryDirectory() as directory:
        names = fleet.write(Path(directory), count)
        path.write_text(html.render(model.build(files.read(Path(directory)), names)), "utf-8")


def violations(page: Browser, source: str) -> list[str]:
    """What axe-core finds, a line for each rule that is broken."""
    page.evaluate(source)
    options = json.dumps({"runOnly": _TAGS, "resultTypes": ["violations"]})
    found = page.evaluate(
        f"axe.run(document, {options}).then(result => result.violations.map("
        "each => [each.id, each.nodes.length, each.nodes[0].html.slice(0, 200), each.nodes[0].failureSummary]))"
    )
    return [" ".join(map(str, each)) for each in found]


class Checks:
    """What was asked, and what was not so."""

    def __init__(self) -> None:
        self.asked = 0
        self.failures: list[str] = []

    def ask(self, what: str, found: t.Any, wanted: t.Any) -> None:
        self.asked += 1
        if found != wanted:
            self.failures.append(f"{what}: {found}")


def look(page: Browser, path: Path, checks: Checks, source: str | None) -> None:
    """Open a report in every way and ask everything of it."""
    for name, width, dark in (("wide", 1280, False), ("wide-dark", 1280, True), ("phone", 360, False),
                              ("phone-dark", 360, True), ("small", 320, False)):  # fmt: skip
        what = f"{path.stem}, {name}"
        page.open(path, width=width, dark=dark)
        page.screenshot(_KEPT / f"{path.stem}-{name}.png", whole=False)
        if source:
            checks.ask(f"{what}: accessibility", violations(page, source), [])
            page.evaluate(_UNFOLD)
        checks.ask(f"{what}: width", page.evaluate("document.documentElement.scrollWidth"), width)
        checks.ask(f"{what}: console", page.complaints, [])
        checks.ask(f"{what}: requests", page.requests, [path.absolute().as_uri()])


def look_closely(page: Browser, path: Path, checks: Checks, source: str) -> None:
    """What takes long, or is the same however wide the window is."""
    for dark in (False, True):
        page.open(path, width=1280, dark=dark)
        page.evaluate(_UNFOLD)
        checks.ask(f"unfolded, dark={dark}: accessibility", violations(page, source), [])
    page.open(path, width=1280)
    checks.ask("links that lead nowhere", page.evaluate(_LINKS), [])
    page.open(path, width=1280)
    page.evaluate(_UNFOLD)
    stops = page.evaluate(_REACHABLE)
    seen = 0
    for _stop in range(stops):
        for kind in ("keyDown", "keyUp"):
            page.call(
                "Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9
            )
        tag, visible = page.evaluate(_FOCUS)
        seen += tag != "BODY" and visible
    checks.ask(f"of {stops} stops reached with Tab and visible", seen, stops)
    page.pdf(_KEPT / f"{path.stem}.pdf")
    checks.ask("pages", (_KEPT / f"{path.stem}.pdf").read_bytes()[:5], b"%PDF-")


def self_test(page: Browser, checks: Checks, source: str) -> None:
    """A page that does everything wrong: what is asked above notices it."""
    path = _KEPT / "wrong.html"
    path.write_text(
        "<!DOCTYPE html><title>x</title><style>b { color: #ccc }</style><b>pale</b><img src=missing.png>"
        "<div style='width: 900px'>wide</div><script>console.log('said')</script>"
    )
    page.open(path, width=360)
    rules = {each.split()[0] for each in violations(page, source)}
    checks.ask("self test: rules", {"color-contrast", "html-has-lang", "image-alt"} - rules, set())
    checks.ask("self test: console", len(page.complaints) >= 1, True)
    checks.ask("self test: requests", len(page.requests), 2)
    checks.ask(
        "self test: width", page.evaluate("document.documentElement.scrollWidth") > 360, True
    )
    path.unlink()


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="report", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    _KEPT.mkdir(parents=True, exist_ok=True)
    checks, source, started = Checks(), axe(), time.monotonic()
    with browser() as page:
        self_test(page, checks, source)
        for count in (_FEW, _MANY):
            path = _KEPT / f"fleet-{count}.html"
            make(path, count)
            look(page, path, checks, source if count == _FEW else None)
            if count == _FEW:
                look_closely(page, path, checks, source)
            size = path.stat().st_size / 1e6
            print(f"{count} hosts, {size:.1f} MB: {time.monotonic() - started:.0f} s so far")
    print(f"{checks.asked} questions, {len(checks.failures)} answered wrongly; {_KEPT}/*.png")
    for failure in checks.failures:
        print(f"  {failure}")
    sys.exit(1 if checks.failures else 0)
