"""Folding looks ahead only as far as it must, and shows what counting all rows first would show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from promptvc.cli.show.diff import folds as module
from promptvc.cli.show.diff.folds import FOLD_ABOVE, FOLD_SHOWN, Folds
from promptvc.content.tablediff.changes import Lazy
from promptvc.content.tablediff.diff import MISSING, RowChange
from tests.amounts import examples

VALUES = st.sampled_from(["a", "b", 1, None, "long " * 20, MISSING])
ROWS = st.lists(st.dictionaries(st.sampled_from("xy"), st.tuples(VALUES, VALUES), max_size=2), max_size=60)


def changed(cells: dict[str, tuple[object, object]]) -> RowChange:
    return RowChange(op="changed", key=None, at=(0, 0), cells=cells)  # type: ignore[arg-type]


def by_counting_first(rows: list[RowChange]) -> Iterator[set[str]]:
    """The fields of each row that are shown."""
    changes = [module._changes(row) for row in rows]
    counts = Counter(change for each in changes for change in each.values())
    seen = Counter[str]()
    for row, each in zip(rows, changes, strict=True):
        folded = {n for n, c in each.items() if counts[c] > FOLD_ABOVE and seen[c] >= FOLD_SHOWN}
        seen.update(each.values())
        yield set(row.cells) - folded


@settings(max_examples=examples(200))
@given(ROWS, st.integers(0, 3))
def test_what_is_shown_is_what_counting_all_rows_first_shows(
    table: list[dict[str, tuple[object, object]]], times: int
) -> None:
    rows = [changed(cells) for cells in table] * times
    folds = Folds(rows)
    assert [set(folds.cells(row)) for row in rows] == list(by_counting_first(rows))


def test_rows_are_made_once_where_none_has_a_change_that_others_share() -> None:
    made = list[int]()

    def make(place: tuple[int, int]) -> RowChange:
        made.append(place[0])
        return changed({"x": (place[0], "new")})

    rows = Lazy([(n, n) for n in range(2000)], make)
    folds = Folds(rows)
    shown = (folds.cells(row) for row in rows)
    assert next(shown)
    assert made == [0]
    assert all(shown)
    assert made == list(range(2000))


def test_a_change_of_most_rows_is_known_for_one_after_a_look_at_the_next() -> None:
    made = list[int]()

    def make(place: tuple[int, int]) -> RowChange:
        made.append(place[0])
        return changed({"x": ("old", "new")})

    folds = Folds(Lazy([(n, n) for n in range(2000)], make))
    rows = [changed({"x": ("old", "new")})] * 4
    assert [bool(folds.cells(row)) for row in rows] == [True, True, True, False]
    assert len(made) < 300
