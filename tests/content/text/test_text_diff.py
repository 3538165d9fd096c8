"""Text diffs: the laws they keep, how they read, and that no text makes them slow."""

from __future__ import annotations

import random
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptvc.content.align.align import find_changes
from promptvc.content.text.diff import Span, count_groups, diff_lines, diff_words, elide, similarity
from promptvc.content.text.words import tokens

TOKENS = ["a", "b", "the", "cat", " ", "  ", "\n", ", ", ".", "0.7", "é", "私", "は"]
WORDS = st.lists(st.sampled_from(TOKENS), max_size=30)
TEXTS = WORDS.map("".join) | st.text(max_size=30)


def shown(before: str, after: str) -> str:
    marks = {"=": "{}", "-": "[-{}-]", "+": "{{+{}+}}"}
    return "".join(marks[span.op].format(span.text) for span in diff_words(before, after))


def sides(spans: list[Span]) -> tuple[str, str]:
    before = "".join(span.text for span in spans if span.op != "+")
    return before, "".join(span.text for span in spans if span.op != "-")


# --- laws -------------------------------------------------------------------------------------------------


@settings(max_examples=120)
@given(TEXTS, TEXTS)
def test_spans_hold_both_texts(before: str, after: str) -> None:
    spans = diff_words(before, after)
    assert sides(spans) == (before, after)
    assert all(span.text for span in spans)
    ops = [span.op for span in spans]
    assert all(pair not in ("==", "--", "++", "+-") for pair in map("".join, pairwise(ops)))
    assert (count_groups(spans) == 0) == (before == after)


@settings(max_examples=120)
@given(TEXTS, TEXTS, st.integers(0, 4))
def test_hunks_hold_the_lines_they_name(before: str, after: str, context: int) -> None:
    old, new = before.split("\n"), after.split("\n")
    hunks = diff_lines(before, after, context)
    assert bool(hunks) == (before != after)
    for hunk in hunks:
        for ops, lines, first in (("=-", old, hunk.before), ("=+", new, hunk.after)):
            texts = [line.text.removesuffix("\n") for line in hunk.lines if line.op in ops]
            assert texts == lines[first - 1 : first - 1 + len(texts)]


@settings(max_examples=120)
@given(TEXTS, TEXTS)
def test_hunks_with_all_context_hold_both_texts(before: str, after: str) -> None:
    hunks = diff_lines(before, after, context=1_000)
    if hunks:
        (hunk,) = hunks
        assert "".join(line.text for line in hunk.lines if line.op != "+") == before
        assert "".join(line.text for line in hunk.lines if line.op != "-") == after


@settings(max_examples=120)
@given(st.lists(st.integers(0, 5), max_size=40), st.lists(st.integers(0, 5), max_size=40))
def test_alignment_leaves_equal_items_between_changes(before: list[int], after: list[int]) -> None:
    at_a = at_b = 0
    for change in find_changes(before, after):
        assert before[at_a : change.a1] == after[at_b : change.b1]
        assert change.a1 > at_a or at_a == 0
        at_a, at_b = change.a2, change.b2
    assert before[at_a:] == after[at_b:]


@given(st.lists(st.integers(0, 3), max_size=12), st.lists(st.integers(0, 3), max_size=12))
def test_short_sequences_keep_as_much_as_can_be_kept(before: list[int], after: list[int]) -> None:
    longest = [[0] * (len(after) + 1) for _ in range(len(before) + 1)]
    for i, old in enumerate(before):
        for j, new in enumerate(after):
            longest[i + 1][j + 1] = (
                longest[i][j] + 1 if old == new else max(longest[i][j + 1], longest[i + 1][j])
            )
    kept = len(before) - sum(change.a2 - change.a1 for change in find_changes(before, after))
    assert kept == longest[-1][-1]


@given(st.text() | TEXTS)
def test_tokens_joined_are_the_text(text: str) -> None:
    assert "".join(tokens(text)) == text


@settings(max_examples=120)
@given(TEXTS, TEXTS)
def test_similarity_is_symmetric_and_1_for_equal_texts_only(before: str, after: str) -> None:
    alike = similarity(before, after)
    assert alike == similarity(after, before)
    assert 0 <= alike <= 1
    assert (alike == 1) == (before == after)


@settings(max_examples=120)
@given(TEXTS, TEXTS, st.integers(0, 10))
def test_eliding_shortens_unchanged_text_and_nothing_else(before: str, after: str, context: int) -> None:
    spans = diff_words(before, after)
    short = elide(spans, context)
    assert [span.op for span in short] == [span.op for span in spans]
    for whole, cut in zip(spans, short, strict=True):
        assert len(cut.text) <= len(whole.text)
        assert cut == whole or (whole.op == "=" and "…" in cut.text)


# --- how they read ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "diff"),
    [
        ("in a friendly tone.", "in a calm, brief tone.", "in a [-friendly-]{+calm, brief+} tone."),
        ("a refund.", "a refund above 50 EUR.", "a refund{+ above 50 EUR+}."),
        ("no more than 20 words", "no more than 15 words", "no more than [-20-]{+15+} words"),
        ("heat 0.7 now", "heat 0.2 now", "heat [-0.7-]{+0.2+} now"),
        ("costs 1,000 €", "costs 2,000 €", "costs [-1,000-]{+2,000+} €"),
        ("don't", "won't", "[-don't-]{+won't+}"),
        ("one two", "three four", "[-one two-]{+three four+}"),
        ("one, two three", "four; five three", "[-one, two-]{+four; five+} three"),
        ("a quick fox jumps", "a slow fox leaps", "a [-quick-]{+slow+} fox [-jumps-]{+leaps+}"),
        ("You are a bot that helps", "We made a set of it", "[-You are a bot that helps-]{+We made a set of it+}"),
        ("one two", "one, big two", "one{+, big+} two"),
        ("- a\n- c\n", "- a\n- b\n- c\n", "- a\n{+- b\n+}- c\n"),
        ("- a\n- b\n- c\n", "- a\n- c\n", "- a\n[-- b\n-]- c\n"),
        ("私は学生です。", "私は先生です。", "私は[-学-]{+先+}生です。"),
        ("स्वागत है दुनिया", "स्वागत है संसार", "स्वागत है [-दुनिया-]{+संसार+}"),
        ("hi 👨‍👩‍👧 🇩🇪", "hi 👨‍👩‍👦 🇫🇷", "hi [-👨‍👩‍👧 🇩🇪-]{+👨‍👩‍👦 🇫🇷+}"),
        ("a\r\nb", "a\nb", "a[-\r\n-]{+\n+}b"),
        ("x---y", "x-----y", "x[-----]{+-----+}y"),
        ("", "new", "{+new+}"),
        ("old", "", "[-old-]"),
    ],
)  # fmt: skip
def test_word_diffs_read_well(before: str, after: str, diff: str) -> None:
    assert shown(before, after) == diff


def test_paragraphs_that_both_changed_stay_apart() -> None:
    assert shown("one\n\ntwo", "uno\n\ndue") == "[-one-]{+uno+}\n\n[-two-]{+due+}"


def test_groups_are_counted_as_a_reader_sees_them() -> None:
    assert count_groups(diff_words("a b c d e", "a x c y e")) == 2
    assert count_groups(diff_words("a", "a")) == 0
    assert count_groups([]) == 0


def test_hunks_have_line_numbers_and_merge_when_near() -> None:
    before = "".join(f"{number}\n" for number in range(1, 31))
    far = before.replace("5\n", "five\n", 1).replace("29\n", "")
    near = before.replace("4\n", "", 1).replace("8\n", "", 1)
    first, second = diff_lines(before, far)
    assert (first.before, first.after, second.before, second.after) == (2, 2, 26, 26)
    assert [line.op + line.text.strip() for line in second.lines] == ["=26", "=27", "=28", "-29", "=30"]
    (both,) = diff_lines(before, near)
    assert (both.before, both.after, len(both.lines)) == (1, 1, 11)


def test_a_missing_last_line_end_is_a_change() -> None:
    (hunk,) = diff_lines("a\nb\n", "a\nb")
    assert [(line.op, line.text) for line in hunk.lines] == [("=", "a\n"), ("-", "b\n"), ("+", "b")]


def test_long_unchanged_text_is_cut_between_words() -> None:
    before = "I was billed and then I was charged twice for march, and the second time it was even more money"
    short = elide(diff_words(before, before.replace("march", "April")), 20)
    assert [span.text for span in short] == ["…charged twice for ", "march", "April", ", and the second…"]
    middle = elide(diff_words("x " + "word " * 20 + "y", "z " + "word " * 20 + "w"), 12)
    assert middle[2].text == " word word…word word "


def test_similarity_follows_what_people_see() -> None:
    assert similarity("refund", "refund_partial") > 0.5
    assert similarity("refund", "escalate") < 0.2
    assert similarity("The app logs me out every hour", "Can I pay by invoice?") < 0.3
    text = "The quick brown fox jumps over the lazy dog. " * 20
    assert similarity(text, text + " And more.") > 0.9
    assert similarity(text, "Something else entirely was written here, with other words. " * 15) < 0.1
    assert 0.9 < similarity(text * 300, text * 300 + "And more.") < 1
    assert similarity("", "a") == 0


# --- speed ------------------------------------------------------------------------------------------------

CHANCE = random.Random(1)
VOCABULARY = ["".join(CHANCE.choices("abcdefgh", k=CHANCE.randint(2, 8))) for _ in range(3000)]


def prose(words: int, line: int = 12, vocabulary: list[str] = VOCABULARY) -> str:
    return "".join(
        CHANCE.choice(vocabulary) + (" " if CHANCE.random() * line > 1 else "\n") for _ in range(words)
    )


BOOK = prose(20_000)
LONG = {
    "few edits": lambda: (BOOK, BOOK.replace("abc", "X")),
    "another text": lambda: (prose(20_000), prose(20_000)),
    "one line": lambda: (prose(15_000, 10**9), prose(15_000, 10**9)),
    "two words": lambda: (prose(20_000, 12, ["a", "b"]), prose(20_000, 12, ["a", "b"])),
    "no spaces": lambda: tuple("".join(CHANCE.choices("一二三四五六七八", k=15_000)) for _ in range(2)),
    "shifted": lambda: ("x " * 30_000, " x" * 30_001),
    "line ends": lambda: ("\n" * 100_000, "\n\n" * 90_000),
    "one sign": lambda: ("-" * 500_000, "-" * 500_001),
    "two signs": lambda: ("-=" * 30_000, "=-" * 30_000),
    "digits": lambda: ("1." * 250_000 + "x", "1." * 250_000 + "y"),
    "reversed lines": lambda: ("".join(f"{n}\n" for n in range(30_000)), "".join(f"{-n}\n" for n in range(-30_000, 0))),
    "reversed words": lambda: tuple(" ".join(map(str, order)) for order in (range(30_000), range(30_000, 0, -1))),
    "blank space": lambda: (" " * 500_000, "\t" * 500_000),
    "joiners": lambda: ("\u200d" * 200_000, "'" + "\u200d" * 200_001),
}  # fmt: skip


@pytest.mark.parametrize("name", LONG)
def test_long_and_hostile_texts_take_seconds(name: str) -> None:
    before, after = LONG[name]()
    begun = time.monotonic()
    assert sides(diff_words(before, after)) == (before, after)
    diff_lines(before, after)
    similarity(before, after)
    assert time.monotonic() - begun < 30  # a second or two; a quadratic way takes hours
