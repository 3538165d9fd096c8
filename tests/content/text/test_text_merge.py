"""Merging three versions of a text by lines: what is merged, what conflicts, and the markers of what conflicts."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from promptvc.content.text.merge import (
    TextConflict,
    TextMerge,
    marker_lines_left,
    merge_lines,
    resolve_block,
)
from tests.amounts import examples


def lines(*names: str, end: str = "\n") -> str:
    return "".join(name + end for name in names)


def merged(base: str, ours: str, theirs: str) -> str:
    """The text of a merge that must be clean."""
    found = merge_lines(base, ours, theirs)
    assert found.conflicts == ()
    return found.text()


# --- what is merged -----------------------------------------------------------------------------------


def test_changes_of_different_lines_are_both_taken() -> None:
    base = lines("1", "2", "3", "4", "5")
    assert merged(base, base.replace("1", "one"), base.replace("5", "five")) == lines(
        "one", "2", "3", "4", "five"
    )


def test_changes_of_neighbouring_lines_are_both_taken() -> None:
    assert merged(lines("1", "2"), lines("one", "2"), lines("1", "two")) == lines("one", "two")


def test_a_line_inserted_beside_a_changed_line_stays_on_its_side_of_it() -> None:
    base = lines("1", "2", "3")
    assert merged(base, lines("1", "two", "3"), lines("1", "2", "new", "3")) == lines("1", "two", "new", "3")
    assert merged(base, lines("1", "two", "3"), lines("1", "new", "2", "3")) == lines("1", "new", "two", "3")


def test_equal_changes_are_taken_once() -> None:
    base, both = lines("1", "2", "3"), lines("1", "two", "3")
    assert merged(base, both, both + "4\n") == both + "4\n"


def test_a_line_that_both_inserted_is_taken_once_where_one_changed_its_neighbour() -> None:
    base = lines("1", "2", "3")
    assert merged(base, lines("1", "2", "new", "3"), lines("1", "two", "new", "3")) == lines(
        "1", "two", "new", "3"
    )
    assert merged(base, lines("1", "new", "two", "3"), lines("1", "new", "2", "3")) == lines(
        "1", "new", "two", "3"
    )


def test_a_removed_line_and_a_line_inserted_after_it() -> None:
    assert merged(lines("1", "2"), lines("2"), lines("1", "new", "2")) == lines("new", "2")


# --- what conflicts -----------------------------------------------------------------------------------


def test_one_line_changed_differently_conflicts() -> None:
    found = merge_lines(lines("1", "2", "3"), lines("1", "ours", "3"), lines("1", "theirs", "3"))
    assert found.parts == ("1\n", TextConflict("2\n", "ours\n", "theirs\n"), "3\n")
    assert [found.text(side) for side in ("base", "ours", "theirs")] == [  # type: ignore[arg-type]
        lines("1", "2", "3"),
        lines("1", "ours", "3"),
        lines("1", "theirs", "3"),
    ]


def test_different_lines_inserted_at_one_place_conflict() -> None:
    found = merge_lines(lines("1", "2"), lines("1", "a", "2"), lines("1", "b", "2"))
    assert found.conflicts == (TextConflict("", "a\n", "b\n"),)


def test_a_line_inserted_between_two_that_the_other_side_removed_conflicts() -> None:
    found = merge_lines(lines("0", "1", "2"), lines("0", "1", "new", "2"), lines("0"))
    assert found.conflicts == (TextConflict(lines("1", "2"), lines("1", "new", "2"), ""),)


def test_a_conflict_is_narrowed_to_the_lines_that_differ() -> None:
    found = merge_lines(lines("0", "x", "9"), lines("0", "a", "b", "c", "9"), lines("0", "a", "B", "c", "9"))
    assert found.parts == ("0\na\n", TextConflict("x\n", "b\n", "B\n"), "c\n9\n")


# --- the final line end -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "expected"),
    [
        ("a\nb\n", "a\nb", "x\nb\n", "x\nb"),
        ("a\nb", "a\nb\n", "x\nb", "x\nb\n"),
        ("a\nb\n", "a\nb", "a\nc\n", "a\nc"),
        ("a", "a\nb", "x\na", "x\na\nb"),
        ("a\nb", "b", "a\nb\n", "b\n"),
        ("a\r\nb", "a\r\nb\r\nc", "x\r\nb", "x\r\nb\r\nc"),
        ("a\nb\r", "a\nb\r", "x\nb\r", "x\nb\r"),
    ],
)
def test_the_final_line_end_is_merged_apart_from_the_lines(
    base: str, ours: str, theirs: str, expected: str
) -> None:
    assert merged(base, ours, theirs) == merged(base, theirs, ours) == expected


def test_lines_added_below_a_line_without_end_conflict_and_are_not_joined_to_it() -> None:
    found = merge_lines("a", "a\nb", "a\nc\n")
    assert found.parts == ("a\n", TextConflict("", "b", "c\n"))
    assert [found.text(side) for side in ("base", "ours", "theirs")] == ["a", "a\nb", "a\nc\n"]  # type: ignore[arg-type]
    assert found.marked("O", "T") == "a\n<<<<<<< O\nb\n||||||| base\n=======\nc\n>>>>>>> T\n"


# --- markers ------------------------------------------------------------------------------------------


def test_markers_show_all_three_versions() -> None:
    found = merge_lines(lines("1", "2", "3"), lines("1", "ours", "3"), lines("1", "theirs", "3"))
    assert found.marked("main", "feature") == lines(
        "1", "<<<<<<< main", "ours", "||||||| base", "2", "=======", "theirs", ">>>>>>> feature", "3"
    )


def test_markers_end_as_the_lines_of_the_text_do() -> None:
    found = merge_lines("1\r\n2\r\n", "1\r\na\r\n", "1\r\nb\r\n")
    assert found.marked("O", "T") == lines(
        "1", "<<<<<<< O", "a", "||||||| base", "2", "=======", "b", ">>>>>>> T", end="\r\n"
    )


@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize("sign", "<|=>")
def test_markers_are_longer_than_what_looks_like_one_in_any_version(sign: str, at: int) -> None:
    texts = ["1\n2\n", "1\na\n", "1\nb\n"]
    texts[at] = f"{sign * 9}\n" + texts[at]
    assert merge_lines(texts[0], texts[1], texts[2]).marker_size == 10


def test_marker_lines_are_found_until_the_last_one_is_gone() -> None:
    rows = merge_lines("1\n", "a\n", "b\n").marked("O", "T").splitlines(keepends=True)
    markers = [row for row in rows if row[0] in "<|=>"]
    assert len(markers) == 4
    for kept in markers:
        text = "".join(row for row in rows if row not in markers or row == kept)
        assert marker_lines_left(text, 7, "O", "T")
        assert marker_lines_left(text.replace("\n", "\r\n"), 7, "O", "T")
        assert not marker_lines_left(text, 8, "O", "T")
    assert not marker_lines_left("a\nb\n<<<<<<< other\n", 7, "O", "T")


def test_a_block_that_was_edited_is_not_replaced() -> None:
    found = merge_lines("1\n", "a\n", "b\n")
    text = found.marked("O", "T")
    assert resolve_block(text, found.conflicts[0], 7, "O", "T", "new\n") == "new\n"
    assert resolve_block(text.replace("a\n", "A\n"), found.conflicts[0], 7, "O", "T", "new\n") is None
    assert resolve_block(text, found.conflicts[0], 7, "O", "other", "new\n") is None
    assert resolve_block("x" + text, found.conflicts[0], 7, "O", "T", "new\n") is None


def test_a_replacement_is_not_joined_to_the_line_below_it() -> None:
    found = merge_lines("1\n2\n", "a\n2\n", "b\n2\n")
    text = found.marked("O", "T")
    assert resolve_block(text, found.conflicts[0], 7, "O", "T", "new") == "new\n2\n"
    assert resolve_block(text, found.conflicts[0], 7, "O", "T", "") == "2\n"


# --- laws ---------------------------------------------------------------------------------------------

line = st.sampled_from(["a", "b", "c", "", "=======", "<<<<<<< O", "\udcff"])
ends = st.sampled_from(["\n", "\n", "\r\n"])


@st.composite
def texts(draw: st.DrawFn) -> str:
    text = "".join(draw(line) + draw(ends) for _ in range(draw(st.integers(0, 8))))
    return text + draw(st.sampled_from(["", "", "a", "b", "a\r"]))


@st.composite
def edited(draw: st.DrawFn, base: str) -> str:
    """The base with some chunk runs of lines replaced: more is alike than between two texts drawn apart."""
    rows = base.splitlines(keepends=True)
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(rows)))
        stop = draw(st.integers(start, min(len(rows), start + 2)))
        rows[start:stop] = draw(texts()).splitlines(keepends=True)[: draw(st.integers(0, 2))]
    return "".join(rows)


@st.composite
def three(draw: st.DrawFn) -> tuple[str, str, str]:
    base = draw(texts())
    side = st.one_of(edited(base), edited(base), texts())
    return base, draw(side), draw(side)


@given(three())
def test_with_an_unchanged_side_or_equal_sides_the_merge_is_the_other(versions: tuple[str, str, str]) -> None:
    base, one, other = versions
    assert merged(base, base, other) == other
    assert merged(base, one, base) == one
    assert merged(base, one, one) == one


def swapped(part: str | TextConflict) -> str | TextConflict:
    return part if isinstance(part, str) else TextConflict(part.base, part.theirs, part.ours)


@given(three())
@settings(max_examples=examples(500))
def test_swapping_the_sides_swaps_them_in_conflicts_and_nothing_else(versions: tuple[str, str, str]) -> None:
    base, one, other = versions
    found, back = merge_lines(base, one, other), merge_lines(base, other, one)
    assert tuple(map(swapped, found.parts)) == back.parts
    assert found.marker_size == back.marker_size


@given(three())
@settings(max_examples=examples(500))
def test_a_conflict_is_two_different_changes(versions: tuple[str, str, str]) -> None:
    for conflict in merge_lines(*versions).conflicts:
        assert len({conflict.base, conflict.ours, conflict.theirs}) == 3


@given(three())
@settings(max_examples=examples(500))
def test_no_line_that_one_side_inserted_is_lost(versions: tuple[str, str, str]) -> None:
    base, ours, theirs = versions
    found = merge_lines(base, ours, theirs)
    for side, text in (("ours", ours), ("theirs", theirs)):
        assert names(text) - names(base) <= names(found.text(side))  # type: ignore[arg-type]


def names(text: str) -> set[str]:
    """The lines that have one, without their ends."""
    return {row.rstrip("\r") for row in text.split("\n")} - {""}


@given(st.lists(st.integers(0, 3), min_size=1, max_size=12))
def test_edits_of_different_lines_never_conflict(choices: list[int]) -> None:
    """Each line is kept, or edited by one side, or removed by one side: whatever stands beside it."""
    base = [f"line {at}" for at in range(len(choices))]
    ours = [f"{row} ours" if choice == 1 else row for row, choice in zip(base, choices, strict=True)]
    theirs = [f"{row} theirs" if choice == 2 else row for row, choice in zip(base, choices, strict=True)]
    theirs = [row for row, choice in zip(theirs, choices, strict=True) if choice != 3]
    expected = [
        f"{row} ours" if choice == 1 else f"{row} theirs" if choice == 2 else row
        for row, choice in zip(base, choices, strict=True)
        if choice != 3
    ]
    assert merged(lines(*base), lines(*ours), lines(*theirs)) == lines(*expected)


def resolved(found: TextMerge, side: str) -> str:
    text = found.marked("O", "T")
    for conflict in found.conflicts:
        made = resolve_block(text, conflict, found.marker_size, "O", "T", getattr(conflict, side))
        assert made is not None
        text = made
    return text


def bare(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r")


@given(three(), st.sampled_from(["base", "ours", "theirs"]))
@example(("a", "a\nb", "a\nc"), "base")
@settings(max_examples=examples(500))
def test_resolving_every_block_with_one_side_gives_the_text_of_that_side(
    versions: tuple[str, str, str], side: str
) -> None:
    found = merge_lines(*versions)
    text = resolved(found, side)
    # A block ends its last line, whether or not the side's text does.
    assert text.rstrip("\r\n") == found.text(side).rstrip("\r\n")  # type: ignore[arg-type]
    if found.conflicts:
        assert marker_lines_left(found.marked("O", "T"), found.marker_size, "O", "T")
    assert not marker_lines_left(text, found.marker_size, "O", "T")


own_lines = st.integers(1, 4)


@given(own_lines, own_lines, own_lines)
def test_a_text_that_conflicts_as_a_whole_gives_back_each_version(base: int, ours: int, theirs: int) -> None:
    counts = zip(("base", "ours", "theirs"), (base, ours, theirs), strict=True)
    versions = ["".join(f"{name} {number}\n" for number in range(count)) for name, count in counts]
    found = merge_lines(*versions)
    assert len(found.conflicts) == len(found.parts) == 1
    assert [found.text("base"), found.text("ours"), found.text("theirs")] == versions


def test_all_small_merges_keep_the_laws() -> None:
    small = [
        "".join(rows) for count in range(3) for rows in itertools.product(["a\n", "b\n", "c\n"], repeat=count)
    ]
    small += [text.removesuffix("\n") for text in small[1:]]
    for base, ours, theirs in itertools.product(small, repeat=3):
        found = merge_lines(base, ours, theirs)
        assert tuple(map(swapped, found.parts)) == merge_lines(base, theirs, ours).parts
        assert all(len({c.base, c.ours, c.theirs}) == 3 for c in found.conflicts)
        assert bare(resolved(found, "ours")) == bare(found.text("ours"))
