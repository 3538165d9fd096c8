"""Long texts and cells: the work grows with the length, and what is compared gets coarser."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptvc.cli.output import Output
from promptvc.cli.show.diff.words import word_lines
from promptvc.content.formats.csvheader import unique_names
from promptvc.content.text import diff
from promptvc.content.text.diff import Span, diff_lines, diff_words
from tests.amounts import examples
from tests.cli.shell import Shell
from tests.confined import confined

OUT = Output(color=False, pager=False)


def text(count: int, words: int, seed: int) -> str:
    random = Random(seed)
    return " ".join(f"w{random.randrange(words)}" for _ in range(count))


def is_diff(spans: list[Span], before: str, after: str) -> bool:
    old = "".join(span.text for span in spans if span.op != "+")
    new = "".join(span.text for span in spans if span.op != "-")
    return (old, new) == (before, after)


@pytest.mark.parametrize("words", [4, 3000])
def test_a_cell_of_many_changed_words_is_shown_in_one_pass(tmp_path: Path, words: int) -> None:
    """12,000 words of a few kinds took 36 seconds: every line looked through all changes from the first."""
    before, after = text(24_000, words, 1), text(24_000, words, 2)
    spans = diff_words(before, after)
    out = OUT

    def shown() -> int:
        return sum(map(len, word_lines(out, spans, 80, whole=True)))

    assert confined(shown, seconds=8) > len(before)


def test_lines_of_words_hold_what_the_spans_do() -> None:
    out = OUT
    spans = [Span("=", "one two "), Span("-", "three"), Span("+", "four five"), Span("=", " six" * 9)]
    assert word_lines(out, spans, 20) == [
        "one two",
        "[-three-]{+four",
        "five+} six six six",
        "six six six six six",
        "six",
    ]


@pytest.mark.parametrize(("count", "words"), [*product([400_000, 2_000_000], [4, 3000])])
def test_very_long_texts_are_compared_coarsely(count: int, words: int) -> None:
    before, after = text(count, words, 1), text(count, words, 2)
    spans = confined(lambda: diff_words(before, after), memory=1 << 30, seconds=15)
    assert is_diff(spans, before, after)


def test_a_very_long_text_still_shows_which_sentence_changed() -> None:
    sentences = [f"This is sentence {n}. " for n in range(100_000)]
    before = "".join(sentences)
    sentences[70_000] = "Another one! "
    spans = diff_words(before, "".join(sentences))
    assert spans[1:3] == [Span("-", "This is sentence 70000. "), Span("+", "Another one! ")]


@settings(max_examples=examples(200), deadline=None)
@given(st.text("ab .\n!", max_size=40), st.text("ab .\n!", max_size=40), st.integers(0, 20))
def test_a_coarse_diff_is_a_diff(before: str, after: str, most: int) -> None:
    kept = diff.MOST_CHARACTERS, diff.MOST_PARTS
    diff.MOST_CHARACTERS, diff.MOST_PARTS = 0, most
    try:
        spans = diff_words(before, after)
        assert is_diff(spans, before, after)
        assert all(span.text for span in spans)
        lines = [line for hunk in diff_lines(before, after, 100) for line in hunk.lines]
        if before != after:
            assert "".join(line.text for line in lines if line.op != "+") == before
            assert "".join(line.text for line in lines if line.op != "-") == after
    finally:
        diff.MOST_CHARACTERS, diff.MOST_PARTS = kept


def test_rows_of_a_huge_cell(tmp_path: Path) -> None:
    """A cell of 200 MB hung: its chunks were joined one after another, each time anew."""
    shell = Shell(tmp_path)
    shell.run("init")
    (tmp_path / "examples").mkdir()
    cell = b'{"id": 1, "x": "' + b"a" * (200 << 20) + b'"}\n'
    (tmp_path / "examples/t.jsonl").write_bytes(cell)
    import resource

    def limits() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))

    assert shell.run("rows", "examples/t.jsonl", preexec_fn=limits).stdout.endswith("…\n")


def test_a_row_too_large_for_the_memory_is_one_clear_line(tmp_path: Path) -> None:
    import resource

    shell = Shell(tmp_path)
    shell.run("init")
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples/t.jsonl").write_bytes(b'{"id": 1, "x": "' + b"a" * (100 << 20) + b'"}\n')

    def limits() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20))

    done = shell.run("rows", "examples/t.jsonl", code=3, preexec_fn=limits)
    assert "not enough memory" in done.stderr


@pytest.mark.parametrize("name", ["many columns", "one name again and again", "many cells"])
def test_tables_of_very_many_columns(tmp_path: Path, name: str) -> None:
    shell = Shell(tmp_path)
    shell.run("init")
    many = {
        "many columns": b",".join(b"c%d" % n for n in range(200_000)) + b"\n1,2\n",
        "one name again and again": b",".join([b"c"] * 20_000) + b"\n1,2\n",
        "many cells": b"a,b\n" + b",".join([b"1"] * 200_000) + b"\n",
    }
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples/t.csv").write_bytes(many[name])
    import resource

    def limits() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (20, 20))

    rows = shell.run("rows", "examples/t.csv", "--json", preexec_fn=limits).stdout
    assert len(rows.splitlines()) == 1
    assert json.loads(rows)


def test_names_given_again_are_numbered_in_one_pass() -> None:
    names = confined(lambda: unique_names(["c"] * 50_000 + ["c#2", "c#2"]), seconds=5)
    assert names[:2] == ["c", "c#3"]
    assert len(set(names)) == 50_002
