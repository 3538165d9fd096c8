"""Edits that name what they touch, so that two sides can be given edits that never meet."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

Row = dict[str, Any]
WORDS = ["apple", "river", "stone", "cloud", "tiger", "lemon", "paper", "violin", "harbour", "candle"]


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit of row ``row`` of the base.

    - ``set``: the value at ``at`` (names of fields, numbers of list elements) becomes ``value``; a text of several
      words gets it as one more word, so that rows and messages without a key stay alike;
    - ``line``: the same for a line of the text at ``at``; ``append``: ``value`` joins the list at ``at``;
    - ``remove``: the row goes; ``insert``: row ``value`` comes after it, at the top for -1.
    """

    row: int
    what: str
    at: tuple[str | int, ...] = ()
    value: Any = None


def base_rows(count: int, keyed: bool, nested: bool) -> list[Row]:
    """Rows that nobody takes for one another; CSV holds what is not nested."""
    rows = []
    for n in range(count):
        word = WORDS[n % len(WORDS)]
        row: Row = {"id": f"k{n}"} if keyed else {}
        row |= {
            "text": " ".join(f"{word}{n}{letter}" for letter in "abcdefghijklmnopqrst"),
            "notes": "".join(f"{word} {n} line {line}\n" for line in range(4)),
            "score": str(n * 7),
        }
        if nested:
            row |= {
                "tags": [f"{word}-{tag}" for tag in range(3)],
                "messages": [
                    {"role": role, "content": f"{word} {n} {role} says so"} for role in ("system", "user")
                ],
                "meta": {"a": n, "b": {"c": n, "d": word}},
            }
        rows.append(row)
    return rows


def places(row: int, nested: bool) -> list[tuple[str, tuple[str | int, ...]]]:
    """What can be edited in a row without meeting another edit: no two of these overlap."""
    found: list[tuple[str, tuple[str | int, ...]]] = [("set", ("text",)), ("set", ("score",))]
    found += [("line", ("notes", line)) for line in range(4)]
    if nested:
        found += [("set", ("tags", tag)) for tag in range(3)] + [("append", ("tags",))]
        found += [("set", ("messages", n, name)) for n in range(2) for name in ("name", "content")]
        found += [("append", ("messages",))]
        found += [("set", ("meta", "a")), ("set", ("meta", "b", "c")), ("set", ("meta", "b", "d"))]
        found += [("set", ("meta", "new")), ("set", ("new",))]
    return found


@st.composite
def scripts(
    draw: st.DrawFn, count: int, keyed: bool, nested: bool, structural: bool = True
) -> tuple[list[Edit], list[Edit]]:
    """Two lists of edits of a base of ``base_rows`` that touch different places; both may insert after one row."""
    sides: tuple[list[Edit], list[Edit]] = ([], [])
    for row in range(count):
        if structural and draw(st.integers(0, 5)) == 0:
            sides[draw(st.integers(0, 1))].append(Edit(row, "remove"))
            continue
        for what, at in places(row, nested):
            owner = draw(st.sampled_from([None, None, 0, 1]))
            if owner is not None:
                sides[owner].append(Edit(row, what, at, _fresh(owner, row, what, at)))
    for owner in (0, 1):
        for row in draw(st.lists(st.integers(-1, count - 1), max_size=3)) if structural else []:
            number = len(sides[owner])
            new = base_rows(1, False, nested)[0]
            new["text"] = " ".join(f"{'xy'[owner]}{number}{letter}" for letter in "jklmnopq")
            new["notes"] = f"by {owner}: {number}\n"
            sides[owner].append(
                Edit(row, "insert", value={"id": f"{'xy'[owner]}{number}", **new} if keyed else new)
            )
    return sides


def _fresh(owner: int, row: int, what: str, at: tuple[str | int, ...]) -> Any:
    name = f"{'xy'[owner]}{row}{'-'.join(map(str, at))}"
    if what == "line":
        return name + "\n"
    return {"role": "assistant", "content": name} if (what, at[0]) == ("append", "messages") else name


def apply(base: Sequence[Row], edits: Iterable[Edit]) -> list[Row]:
    """The rows that these edits make of the base, one side's after the other's at one place."""
    rows = {n: copy.deepcopy(row) for n, row in enumerate(base)}
    inserted: dict[int, list[Row]] = {}
    for edit in edits:
        if edit.what == "insert":
            inserted.setdefault(edit.row, []).append(edit.value)
        elif edit.what == "remove":
            del rows[edit.row]
        else:
            _apply_inside(rows[edit.row], edit)
    merged = list(inserted.get(-1, []))
    for n in range(len(base)):
        merged += [rows[n]] if n in rows else []
        merged += inserted.get(n, [])
    return merged


def _apply_inside(row: Row, edit: Edit) -> None:
    target: Any = row
    *way, last = edit.at
    if edit.what == "append":
        row[str(last)].append(edit.value)
    elif edit.what == "line":
        lines = row["notes"].splitlines(keepends=True)
        lines[last] = edit.value
        row["notes"] = "".join(lines)
    else:
        for step in way:
            target = target[step]
        old = target.get(last, "") if isinstance(target, dict) else ""
        target[last] = f"{old} {edit.value}" if isinstance(old, str) and " " in old else edit.value
