"""The HTML page of a comparison as text: one file, its policy, and data that cannot leave its place."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptvc.repo import Repo
from promptvc.runs.compare.report.page import embedded, page, write_page
from tests.runs.compared import Drawn, comparison, row, side, support

ASSETS = Path(__file__).parents[3] / "promptvc" / "runs" / "compare" / "assets"
HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "<img src=x onerror=alert(1)>",
    "]]>&lt;&amp;'\"`",
    "{{script}} {{data}}",
    "\u2028\u2029\x00\r\n\ud800",
]


class Elements(HTMLParser):
    """The elements of a page, and the text of its scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self._open: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._open = dict(attrs).get("type") or tag

    def handle_endtag(self, tag: str) -> None:
        self._open = None

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts[self._open] = self.texts.get(self._open, "") + data


def policy(elements: Elements) -> str:
    found = [attributes for tag, attributes in elements.found if "http-equiv" in attributes]
    return str(found[0]["content"])


def hash_of(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def hostile_page() -> str:
    text = "".join(HOSTILE)
    return page(
        comparison(
            [
                row(
                    text,
                    side(text, text, exact=text),
                    side(text),
                    input=text,
                    expected={text: text},
                    slices={text: text},
                )
            ],
            before={"name": text, "label": text, "model": text},
            why=[{"what": text, "name": text, "before": text, "after": {text: [text]}}],
        )
    )


def test_the_page_asks_for_nothing_and_runs_only_its_own_script() -> None:
    elements = Elements(page(support()))
    rules = policy(elements)
    assert rules.startswith("default-src 'none';")
    assert hash_of(elements.texts["script"]) in rules
    assert hash_of(elements.texts["style"]) in rules
    assert "unsafe" not in rules
    assert not [tag for tag, attributes in elements.found if {"src", "srcset", "action"} & attributes.keys()]
    assert not [tag for tag, _ in elements.found if tag in ("img", "iframe", "object", "base")]


def test_texts_of_outputs_add_no_element_and_come_back_whole() -> None:
    hostile, plain = Elements(hostile_page()), Elements(page(support()))
    assert [tag for tag, _ in hostile.found] == [tag for tag, _ in plain.found]
    assert hostile.texts["script"] == plain.texts["script"]
    read = json.loads(hostile.texts["application/json"])
    assert read["rows"][0]["before"]["output"] == "".join(HOSTILE)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda each: st.lists(each, max_size=4)
    )
)
def test_whatever_is_embedded_is_read_back(value: Any) -> None:
    text = embedded({"value": value})
    assert not re.search("[<>&\u2028\u2029]", text)
    text.encode()
    assert json.loads(text) == {"value": as_javascript(value)}


def as_javascript(value: Any) -> Any:
    """Integers that JavaScript would round are texts."""
    if isinstance(value, list):
        return [as_javascript(each) for each in value]
    return str(value) if type(value) is int and abs(value) > 2**53 else value


def test_numbers_that_json_lacks_are_null() -> None:
    assert embedded([math.nan, math.inf, 1.5]) == "[null,null,1.5]"


@pytest.mark.parametrize("name", sorted(path.name for path in ASSETS.iterdir()))
def test_the_assets_parse_no_text_as_html_and_name_no_other_host(name: str) -> None:
    text = (ASSETS / name).read_text(encoding="utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", text)
    assert set(re.findall(r"(?:https?:)?//[\w.]+\.\w+", text)) <= {"http://www.w3.org"}
    assert name == "compare.html" or "</" not in text.replace("</p>", "")


def test_the_same_comparison_gives_the_same_text_as_the_file(tmp_path: Path) -> None:
    write_page(support(), tmp_path / "page.html")
    assert (tmp_path / "page.html").read_bytes() == page(support()).encode()


def test_the_title_names_the_run_and_both_versions() -> None:
    assert "<title>support: main → terse</title>" in page(support())
    assert "<title>a &lt;b → c</title>" in page(comparison([], before={"name": "a <b"}, after={"name": "c"}))


def test_the_least_that_a_comparison_may_say_makes_a_page() -> None:
    assert "<title>run: ? → ?</title>" in page(Drawn({}))


def test_a_real_comparison_brings_its_rows_and_the_slices_they_count_in(repo: Repo, tmp_path: Path) -> None:
    examples = [
        {"id": "a", "tags": ["x", "y"], "level": 2.0, "answer": "1"},
        {"id": "b", "tags": [], "answer": "2"},
    ]
    path = tmp_path / "project" / "examples" / "sums.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(each) + "\n" for each in examples))
    for right in ("a", "b"):
        answers = [{"id": id, "output": id * 2, "right": id == right} for id in ("a", "b")]
        repo.record_run("sums", answers, examples="examples/sums.jsonl", example_key="id", score="right")
        repo.commit(right)
    text = page(repo.compare("HEAD~1", "HEAD", slices=["tags", "level"]))
    read = json.loads(Elements(text).texts["application/json"])
    assert {row["example_id"]: row["status"] for row in read["rows"]} == {"a": "broken", "b": "fixed"}
    assert read["rows"][0]["slices"] == {"tags": ["x", "y"], "level": ["2.0"]}
    assert read["rows"][1]["slices"] == {"tags": [None]}
    assert {each["value"] for each in read["slices"]} == {"x", "y", None, "2.0"}
