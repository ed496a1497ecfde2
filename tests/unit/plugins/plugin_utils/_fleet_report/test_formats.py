# Copyright (c) 2026, the vmcore.kdump authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import html5lib
import pytest
from hypothesis import given, settings
from junitparser import JUnitXml
from markdown_it import MarkdownIt
from prometheus_client.parser import text_string_to_metric_families

from ansible_collections.vmcore.kdump.plugins.plugin_utils._fleet_report import (
    html,
    junit,
    markdown,
    prometheus,
)
from ansible_collections.vmcore.kdump.plugins.plugin_utils._text import clean
from ansible_collections.vmcore.kdump.tests.unit.plugins.plugin_utils._fleet_report.hostile import (
    BREAKERS,
    Data,
    report,
    reports,
    texts,
)

_SHOWN = {"html", "head", "meta", "title", "style", "body"}
# Every element and attribute that the template has. Anything else came from the content.
_ELEMENTS = _SHOWN | {
    "a", "b", "caption", "circle", "code", "dd", "details", "div", "dl", "dt", "footer", "g", "h1", "h2", "h3", "h4",
    "header", "i", "li", "main", "ol", "p", "path", "pre", "rect", "section", "small", "span", "summary", "svg",
    "symbol", "table", "tbody", "td", "text", "th", "thead", "time", "tr", "ul", "use", "wbr",
}  # fmt: skip
_ATTRIBUTES = {
    "aria-hidden", "aria-label", "charset", "class", "content", "cx", "cy", "d", "focusable", "height", "href",
    "http-equiv", "id", "lang", "name", "open", "preserveAspectRatio", "r", "role", "rx", "scope", "tabindex",
    "transform", "viewBox", "width", "x", "y",
}  # fmt: skip


def _page(text: str) -> ET.Element:
    """The page as a browser reads it; a page with any error of syntax is refused."""
    parser = html5lib.HTMLParser(
        html5lib.getTreeBuilder("etree"), strict=True, namespaceHTMLElements=False
    )
    page: ET.Element = parser.parse(text)
    return page


# Within the page, to a file of the results, to a page of the documentation.
_LINK = re.compile(
    rf"#[\w-]+|\.\./(?:dumps/)?[\w.~%-]+|{re.escape(html._DOCS)}/[a-z/-]+\.md(?:#[a-z-]+)?"
)


def _check_page(text: str) -> None:
    _check(_page(text))


def _check(page: ET.Element) -> None:
    for element in page.iter():
        name = str(element.tag).rpartition("}")[2]
        assert name in _ELEMENTS
        assert {key.rpartition("}")[2] for key in element.attrib} <= _ATTRIBUTES
        if "href" in element.attrib:
            assert _LINK.fullmatch(element.attrib["href"])


@settings(max_examples=25, deadline=None)
@given(reports())
def test_nothing_breaks_out_of_the_page(report: Data) -> None:
    text = html.render(report)
    _check_page(text)
    text.encode()


# What we use of the schema that Jenkins refuses files by: junit-10.xsd of its xUnit plugin.
_JUNIT = {
    "testsuites": {"name", "time", "tests", "failures", "errors"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "time", "timestamp"},
    "properties": set(),
    "property": {"name", "value"},
    "testcase": {"name", "classname", "time"},
    "failure": {"type", "message"},
    "skipped": {"type", "message"},
}


@settings(max_examples=25, deadline=None)
@given(reports())
def test_nothing_breaks_out_of_junit(report: Data) -> None:
    content = junit.render(report).encode()
    for element in ET.fromstring(content).iter():
        assert set(element.attrib) <= _JUNIT[element.tag]
    suites = JUnitXml.fromstring(content)
    assert [suite.name for suite in suites] == [host["name"] for host in report["hosts"]]
    for suite in suites:
        cases = list(suite)
        ends = [type(end).__name__ for case in cases for end in case.result]
        assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (
            len(cases), ends.count("Failure"), 0, ends.count("Skipped"),
        )  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(reports())
def test_nothing_breaks_out_of_the_metrics(report: Data) -> None:
    families = list(text_string_to_metric_families(prometheus.render(report)))
    named = {family.name: family for family in families}
    assert len(named) == len(families)
    hosts = (
        [sample.labels["host"] for sample in named["vmcore_kdump_host_info"].samples]
        if report["hosts"]
        else []
    )
    assert hosts == [host["name"] for host in report["hosts"]]
    for family in families:
        labels = [tuple(sorted(sample.labels.items())) for sample in family.samples]
        assert len(set(labels)) == len(labels)


@settings(max_examples=25, deadline=None)
@given(reports())
def test_nothing_breaks_out_of_the_summary(report: Data) -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown.render(report))
    children = [child for token in tokens for child in token.children or ()]
    kinds = {token.type for token in tokens} | {child.type for child in children}
    assert not kinds & {
        "html_inline",
        "html_block",
        "link_open",
        "image",
        "fence",
        "em_open",
        "heading_open",
    }
    code = [child.content for child in children if child.type == "code_inline"]
    assert code == [step["command"] for step in report["steps"]]
    urgent = sum(host["verdict"] in ("failed", "inconclusive", "stale") for host in report["hosts"])
    assert sum(token.type == "tr_open" for token in tokens) == (urgent + 1 if urgent else 0)


@given(texts)
def test_a_word_in_the_summary_is_shown_as_it_is(words: str) -> None:
    shown = clean(words)
    inline = MarkdownIt("commonmark").parseInline(markdown.plain(shown))[0]
    assert {child.type for child in inline.children or ()} <= {"text", "text_special"}
    text = "".join(child.content for child in inline.children or ())
    assert (
        text.replace("\u200b", "").strip() == " ".join(shown.split()).replace("\u200b", "").strip()
    )
    assert "://" not in text
    assert "@h" not in text


@given(texts)
def test_clean_text_is_text_everywhere(words: str) -> None:
    cleaned = clean(words)
    cleaned.encode()
    assert "\x1b" not in cleaned
    element = ET.Element("a")
    element.text = cleaned
    read = ET.fromstring(ET.tostring(element, "unicode"))
    assert (read.text or "") == cleaned
    assert clean(cleaned) == cleaned


def test_lines_are_in_the_page_as_text(fleet: Data) -> None:
    host = next(host for host in fleet["hosts"] if host["test"] and host["test"]["evidence"])
    line = host["test"]["evidence"][0]
    lines = [clean(words) for words in BREAKERS]
    test = {**host["test"], "evidence": [{**line, "text": text} for text in lines]}
    page = _page(html.render({**fleet, "hosts": [{**host, "test": test}]}))
    shown = ["".join(element.itertext()).strip("\n") for element in page.iter("pre")]
    assert shown[-len(lines) :] == [text.strip("\n") for text in lines]


@pytest.fixture(name="fleet", scope="module")
def fixture_fleet(tmp_path_factory: pytest.TempPathFactory) -> Data:
    return report(tmp_path_factory.mktemp("results"))


@pytest.fixture(name="page", scope="module")
def fixture_page(fleet: Data) -> ET.Element:
    return _page(html.render(fleet))


def test_a_fleet_like_a_real_one(fleet: Data, page: ET.Element) -> None:
    _check(page)
    policies = [meta.get("content") for meta in page.iter("meta") if meta.get("http-equiv")]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'"]
    ids = [element.get("id") for element in page.iter() if element.get("id")]
    assert len(set(ids)) == len(ids)
    links = [element.get("href", "") for element in page.iter()]
    targets = {link[1:] for link in links if link.startswith("#")}
    assert targets <= set(ids)
    assert {host["anchor"] for host in fleet["hosts"]} <= set(ids)
    cards = [
        element
        for element in page.iter("details")
        if "host" in (element.get("class") or "").split()
    ]
    assert len(cards) == fleet["summary"]["hosts"] == 20


def test_every_column_of_a_table_has_a_header(page: ET.Element) -> None:
    for table in page.iter("table"):
        headers = [cell for cell in table.iter("th") if cell.get("scope") == "col"]
        for row in table.findall("tbody/tr"):
            assert len(row) == len(headers)
        assert table.find("caption") is not None


def test_metrics_say_what_is_known(fleet: Data) -> None:
    text = prometheus.render(fleet)
    families = {family.name: family for family in text_string_to_metric_families(text)}
    counts = {
        sample.labels["verdict"]: sample.value for sample in families["vmcore_kdump_hosts"].samples
    }
    assert counts == fleet["summary"]["verdicts"]
    assert all(family.documentation.endswith(".") for family in families.values())
    for name in families:
        assert not name.endswith(("_total", "_count", "_sum"))
        if "seconds" in name or "bytes" in name:
            assert name.endswith(("_seconds", "_bytes"))


def test_order_of_the_page_is_worst_first(fleet: Data) -> None:
    verdicts = [host["verdict"] for host in fleet["hosts"]]
    assert verdicts == sorted(verdicts, key=["failed", "inconclusive", "untested", "passed"].index)


def test_nothing_at_all_is_a_page_as_well(tmp_path: Path) -> None:
    empty = report(tmp_path, 0)
    _check_page(html.render(empty))
    assert "Nothing to report yet" in html.render(empty)
    assert list(JUnitXml.fromstring(junit.render(empty).encode())) == []
    assert "**0 of 0 hosts" in markdown.render(empty)


def test_the_parser_of_the_tests_sees_what_breaks_out() -> None:
    """The checks above can fail: a page that was put together without escaping does not pass them."""
    with pytest.raises((AssertionError, html5lib.html5parser.ParseError)):
        _check_page(
            "<!DOCTYPE html><html lang=en><head><title>t</title></head><body><script>1</script></body></html>"
        )


def test_nothing_is_fetched(fleet: Data, page: ET.Element) -> None:
    sources = [
        value
        for each in page.iter()
        for key, value in each.attrib.items()
        if key in ("src", "srcset", "action")
    ]
    assert sources == []
    text = html.render(fleet)
    assert "url(" not in text
    assert "@import" not in text


def test_the_report_is_plain_data(fleet: Data) -> None:
    assert json.loads(json.dumps(fleet)) == fleet


def test_a_long_name_is_broken_after_its_dots_and_hyphens_first() -> None:
    broken = html._breakable("db-01.example.com<b>")
    assert broken == "db-<wbr>01.<wbr>example.<wbr>com&lt;b&gt;"


def test_the_pages_that_the_report_leads_to_exist() -> None:
    checkout = Path(html.__file__).parents[3]
    template = (checkout / "plugins/plugin_utils/_fleet_report/report.html.j2").read_text()
    pages = re.findall(r"\{\{ docs \}\}/([a-z/-]+\.md)(?:#([a-z-]+))?", template)
    assert len(pages) == 2
    for page, anchor in pages:
        text = (checkout / "docs" / page).read_text()
        assert not anchor or f"\n## {anchor.capitalize()}\n" in text
