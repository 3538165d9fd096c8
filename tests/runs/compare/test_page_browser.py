"""The HTML page of a comparison in a real browser: what is seen, clicked and typed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from promptvc.runs.compare.report.page import write_page
from tests.runs.chromium import Browser, Page, chromium, find_chromium
from tests.runs.compare.test_page import hostile_page
from tests.runs.compared import Drawn, comparison, row, score, side, support

Show = Callable[..., Page]
IDS = "#list tr.line .opener"
ENTER, TAB = 13, 9


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    with chromium(program, tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Show]:
    """Opens the page of a comparison; none of them may complain, ask for anything, or open a dialog."""
    opened: list[Page] = []

    def show(drawn: Drawn, state: str = "", **size: Any) -> Page:
        path = tmp_path / "page.html"
        write_page(drawn, path)
        page = browser.page(**size)
        opened.append(page)
        page.open(path, state)
        return page

    yield show
    for page in opened:
        assert page.problems() == []
        assert page.requests() == []
        assert page.dialogs() == 0


def many(count: int) -> Drawn:
    """So many rows with outputs of some length."""
    text = "One of many words, and then some more of them. " * 12
    rows = [
        row(
            f"r-{number}",
            side(f"{text}{number}", exact=number % 3 == 0, words=number % 7),
            side(f"{text}{number + 1}", exact=number % 2 == 0, words=number % 11),
            ("fixed" if number % 2 == 0 else "broken")
            if (number % 3 == 0) != (number % 2 == 0)
            else "changed",
            slices={"part": [str(number % 20)]},
            input=f"question {number}",
        )
        for number in range(count)
    ]
    return comparison(rows, scores=[score("exact", pairs=count), score("words", "number", pairs=count)])


def test_the_header_says_what_is_compared_and_why_it_differs(show: Show) -> None:
    page = show(support())
    assert page.text("h1") == "support"
    assert page.texts(".side .label") == ["main", "terse"]
    assert page.texts(".why li") == ["Model: small → large"]
    assert page.text(".tiles") == "4 rows in both\n2 outputs changed\n1 fixed by exact\n1 broken by exact"


def test_rows_of_one_side_are_called_out_before_any_score(show: Show) -> None:
    page = show(support())
    assert "1 row only before (main); not part of any score." in page.text(".notice")
    assert page.run(
        "document.querySelector('.notice').compareDocumentPosition(document.getElementById('scores'))"
        " === Node.DOCUMENT_POSITION_FOLLOWING"
    )
    page.click(".notice .link")
    assert page.texts(IDS) == ["t-5"]


def test_scores_have_their_difference_interval_and_chart(show: Show) -> None:
    page = show(support())
    cells = page.texts("#scores tbody tr:first-child > *")
    assert [each.strip() for each in cells] == [
        "exactboolean",
        "4",
        "0.500",
        "0.500",
        "0.000",
        "[−0.400, +0.400]",
        "1",
        "1",
        "1",
    ]
    whisker, zero = page.run(
        "['.whisker', '.zero'].map((part) => {"
        " const box = document.querySelector(`#scores .chart ${part}`).getBoundingClientRect();"
        " return [box.left, box.right]; })"
    )
    assert whisker[0] < zero[0] < whisker[1]


def test_rows_are_sorted_by_what_became_of_a_score(show: Show) -> None:
    page = show(support())
    head = '#list th[data-sort="score:change:exact"]'
    page.click(f"{head} button")
    assert page.texts(IDS) == ["t-2", "t-3", "t-4", "t-1", "t-5"]
    assert page.run(f"document.querySelector('{head}').ariaSort") == "ascending"
    page.click(f"{head} button")
    assert page.texts(IDS) == ["t-1", "t-3", "t-4", "t-2", "t-5"]
    assert page.run(f"document.querySelector('{head}').ariaSort") == "descending"
    page.click(f"{head} button")
    assert page.texts(IDS) == ["t-1", "t-2", "t-3", "t-4", "t-5"]


def test_the_status_filter_leaves_the_broken_rows(show: Show) -> None:
    page = show(support())
    page.click('.chip[data-status="broken"]')
    assert page.texts(IDS) == ["t-2"]
    assert page.text("#count") == "1 of 5 rows"
    assert page.run("document.querySelector('.chip.broken').ariaPressed") == "true"
    page.click("#clear")
    assert page.count(IDS) == 5


def test_the_search_looks_into_inputs_and_outputs(show: Show) -> None:
    page = show(support())
    page.click("#query")
    page.type("FRANCE london")
    page.wait("shown.length === 1")
    assert page.texts(IDS) == ["t-2"]
    page.type(" nowhere")
    page.wait("shown.length === 0")
    assert "none matches" in page.text("#count")


def test_a_row_with_several_slice_values_is_in_each_of_them(show: Show) -> None:
    page = show(support())
    page.click("#slices tbody tr:first-child .link")
    assert page.texts(IDS) == ["t-1", "t-2"]
    page.run(
        "(() => { const made = document.querySelector('select[data-slice=topic]');"
        " made.selectedIndex = 3; made.dispatchEvent(new Event('change')); })()"
    )
    assert page.texts(IDS) == ["t-2", "t-4"]


def test_the_number_of_broken_rows_leads_to_them(show: Show) -> None:
    page = show(support())
    page.click("#slices tbody tr:first-child td.broken .link")
    assert page.texts(IDS) == ["t-2"]
    assert page.run("document.activeElement.id") == "rows"


def test_slices_are_sorted_by_a_column(show: Show) -> None:
    page = show(support())
    page.click('#slices th[data-sort="difference"] button')
    assert page.texts("#slices tbody th .link") == ["billing", "travel"]
    page.click('#slices th[data-sort="difference"] button')
    assert page.texts("#slices tbody th .link") == ["travel", "billing"]


def test_an_open_row_shows_both_outputs_and_the_words_that_differ(show: Show) -> None:
    page = show(support())
    page.click(IDS)
    assert page.text(".pane.before .output") == "The answer is four"
    assert page.text(".pane.after .output") == "The answer is five"
    assert page.texts(".pane.before del") == ["four"]
    assert page.texts(".pane.after ins") == ["five"]
    assert page.texts(".given dd") == ["2+3?", "five"]
    assert page.run("document.querySelector('.opener').ariaExpanded") == "true"
    page.click(IDS)
    assert page.count(".detail") == 0


def test_a_row_is_reached_and_opened_by_the_keyboard_alone(show: Show) -> None:
    page = show(support())
    page.run("document.querySelector('#list thead tr th:nth-child(5) button').focus()")
    page.press("Tab", TAB)
    outline = page.run("getComputedStyle(document.activeElement).outlineStyle")
    assert (page.run("document.activeElement.textContent"), outline) == ("t-1", "solid")
    page.press("Enter", ENTER, "\r")
    assert page.count(".detail") == 1


def test_failures_and_missing_sides_are_told(show: Show) -> None:
    rows = [row("a", side(None, "timed out"), side("")), row("b", None, side(None), "only_after")]
    page = show(comparison(rows))
    page.click("#open-all")
    assert "timed out" in page.text(".pane.before")
    assert page.texts(".pane .none") == ["An empty output.", "No such row on this side.", "No output."]


def test_tool_calls_are_part_of_an_output(show: Show) -> None:
    called = {**side(None), "tool_calls": [{"name": "look_up", "arguments": {"id": 7}}]}
    page = show(comparison([row("a", side("Hello"), called)]), "open=a%230")
    assert "look_up" in page.text(".pane.after .calls")


def test_the_address_holds_what_is_shown(show: Show) -> None:
    page = show(support())
    page.click('.chip[data-status="fixed"]')
    page.click('#list th[data-sort="example"] button')
    page.click(IDS)
    address = page.run("location.hash.slice(1)")
    other = show(support(), address)
    assert other.texts(IDS) == ["t-1"]
    assert other.count(".detail") == 1
    assert other.run("document.querySelector('#list th[data-sort=example]').ariaSort") == "ascending"
    other.run("location.hash = 'status=broken'")
    other.wait("shown.length === 1 && shown[0].example_id === 't-2'")
    assert other.texts(IDS) == ["t-2"]


def test_what_outputs_say_is_never_run(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(hostile_page(), encoding="utf-8")
    page = browser.page()
    page.open(path)
    page.click("#open-all")
    for select in ("score-filter", "sort"):
        page.run(
            f"(() => {{ const made = document.getElementById('{select}'); made.selectedIndex = 1;"
            " made.dispatchEvent(new Event('change')); })()"
        )
    page.click("#clear")
    assert page.count("img, iframe, object") == 0
    assert page.count("script") == 2
    assert "<img src=x onerror=alert(1)>" in page.text(".pane.after .output")
    assert (page.problems(), page.requests(), page.dialogs()) == ([], [], 0)


def test_the_policy_stops_what_a_page_could_be_made_to_do(browser: Browser, tmp_path: Path) -> None:
    write_page(support(), tmp_path / "page.html")
    page = browser.page()
    page.open(tmp_path / "page.html")
    refused = page.run(
        "(() => { try { document.body.innerHTML = '<p>'; return false; } catch { return true; } })()"
    )
    assert refused
    directive = page.run(
        """new Promise((done) => {
            document.addEventListener("securitypolicyviolation", (event) => done(event.violatedDirective));
            document.body.append(Object.assign(new Image(), {src: "https://example.invalid/x.png"}));
        })"""
    )
    assert directive == "img-src"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("a b c", "a x c", [("same", "a "), ("gone", "b"), ("new", "x"), ("same", " c")]),
        ("a b c d", "a x y d", [("same", "a "), ("gone", "b c"), ("new", "x y"), ("same", " d")]),
        ("same", "same", [("same", "same")]),
        ("", "new", [("new", "new")]),
        ("end", "end of it", [("same", "end"), ("new", " of it")]),
        ("价格是五元", "价格是六元", None),
    ],
)
def test_words_are_compared(
    show: Show, before: str, after: str, expected: list[tuple[str, str]] | None
) -> None:
    page = show(comparison([]))
    parts = page.run(f"wordDiff({json.dumps(before)}, {json.dumps(after)})")
    assert expected is None or [(part["kind"], part["text"]) for part in parts] == expected
    for kind, text in (("gone", before), ("new", after)):
        assert "".join(part["text"] for part in parts if part["kind"] in ("same", kind)) == text


def test_long_texts_without_a_word_in_common_are_compared_soon(show: Show) -> None:
    page = show(comparison([]))
    seconds, parts = page.run(
        """(() => {
            const words = (mark) => Array.from({length: 20000}, (_, at) => mark + at).join(" ");
            const started = performance.now();
            const parts = wordDiff(words("a"), words("b"));
            return [(performance.now() - started) / 1000, parts.length];
        })()"""
    )
    assert parts == 2
    assert seconds < 20


def test_ten_thousand_rows_stay_a_small_page(show: Show) -> None:
    page = show(many(10_000))
    assert page.count("#list tr.line") == 100
    assert page.count("*") < 3_000
    milliseconds = page.run(
        """(() => {
            const started = performance.now();
            change({sort: "score:change:words"});
            change({query: "question 77"});
            change({query: "", status: new Set(["broken"])});
            document.body.getBoundingClientRect();
            return performance.now() - started;
        })()"""
    )
    assert milliseconds < 5_000  # some 200 on a quiet machine
    page.click("#next")
    assert page.text("#page").startswith("101–200 of ")
    assert page.count("#list tr.line") == 100


@pytest.mark.parametrize("width", [360, 800, 1280])
def test_no_width_makes_the_page_scroll_sideways(show: Show, width: int) -> None:
    page = show(support(), "open=t-1%230", width=width, height=740)
    assert page.run("document.documentElement.scrollWidth <= innerWidth")


def test_dark_mode_is_dark(show: Show) -> None:
    colours = [
        show(support(), dark=dark).run(
            "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
        )
        for dark in (False, True)
    ]
    assert min(colours[0]) > 200
    assert max(colours[1]) < 60


def test_on_paper_the_controls_are_gone(show: Show) -> None:
    page = show(support(), "open=t-1%230", dark=True)
    page.call("Emulation.setEmulatedMedia", media="print")
    assert page.run("getComputedStyle(document.querySelector('.filters')).display") == "none"
    assert page.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.text(".pane.after .output") == "The answer is five"


def test_labels_and_noise_have_tables_of_their_own(show: Show) -> None:
    changes = [{"before": "calm", "after": "rude", "rows": 3}, {"before": "calm", "after": "calm", "rows": 9}]
    noise = {"examples": 5, "within": 0.25, "of_mean": 0.011}
    page = show(
        comparison(
            [row("a", side("x", tone="calm"), side("y", tone="rude"))],
            scores=[
                score("tone", "label", labels=changes),
                score("exact", before=0.5, after=0.6, difference=0.1),
            ],
            noise=[{"name": "exact", "before": noise, "after": None}],
        )
    )
    assert "3 changed" in page.text("#scores")
    page.click(".labels summary")
    assert page.text(".labels tbody tr").split() == ["calm", "rude", "3"]
    assert page.text(".noise tbody").split() == ["exact", "+0.100", "±0.011", "0.250"]


def test_the_least_that_a_comparison_may_say_is_shown(show: Show) -> None:
    page = show(Drawn({}))
    assert page.text("h1") == "run"
    assert page.text("#count") == "0 rows"
