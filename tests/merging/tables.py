"""Small tables of every format to be merged: written with Python's own modules, drawn with Hypothesis."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from promptvc.content.formats.base import BOM, Malformed
from promptvc.content.tablemerge.merge import RowMerge, TableSide, merge_rows
from promptvc.content.tablemerge.rules import MergeRules
from tests.content.tablefiles import chunk_runs_of, format_of

PATHS = ("a.jsonl", "a.csv", "a.tsv", "a.json")

Item = dict[str, Any] | bytes
"""A row, or the bytes of one: malformed, ragged or oddly written."""


def is_nested(path: str) -> bool:
    """Whether rows of this format hold values other than text."""
    return path.endswith((".json", ".jsonl"))


@dataclass(frozen=True, slots=True)
class Style:
    """How a file is laid out; ``other`` is another delimiter in CSV, another indentation in a JSON array."""

    crlf: bool = False
    final_newline: bool = True
    bom: bool = False
    other: bool = False


def write(path: str, rows: Sequence[Item], style: Style = Style(), columns: Sequence[str] = ()) -> bytes:
    """The bytes of a table. CSV and TSV have these columns, and of them those of the first row where none are given."""
    end = b"\r\n" if style.crlf else b"\n"
    if path.endswith(".json"):
        data = _write_array(rows, style, end)
    elif path.endswith(".jsonl"):
        data = b"".join((_json(row) if isinstance(row, dict) else row) + end for row in rows)
    else:
        data = _write_records(path, rows, style, end, columns)
    if not style.final_newline and data.endswith(b"\n"):
        data = data.rstrip(b"\r\n")
    return BOM + data if style.bom else data


def _json(row: dict[str, Any]) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _write_array(rows: Sequence[Item], style: Style, end: bytes) -> bytes:
    if not rows:
        return b"[]" + end
    space = b"    " if style.other else b" "
    elements = (space + (_json(row) if isinstance(row, dict) else row) for row in rows)
    return b"[" + end + (b"," + end).join(elements) + end + b"]" + end


def _write_records(
    path: str, rows: Sequence[Item], style: Style, end: bytes, columns: Sequence[str]
) -> bytes:
    delimiter = "\t" if path.endswith(".tsv") else ";" if style.other else ","
    first = next((row for row in rows if isinstance(row, dict)), {"id": ""})
    names = list(columns or first)
    lines = [_record(names, delimiter)]
    lines += [
        row if isinstance(row, bytes) else _record([row.get(name, "") for name in names], delimiter)
        for row in rows
    ]
    return b"".join(line + end for line in lines)


def _record(cells: Sequence[str], delimiter: str) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerow(cells)  # quotes what holds a line end
    return text.getvalue()[:-1].encode()


def side(path: str, data: bytes, every: int = 1, counted: bool = False) -> TableSide:
    return TableSide(chunk_runs_of(path, data, every, counted), format_of(path, data))


def merge(
    path: str, base: bytes, ours: bytes, theirs: bytes, key: Sequence[str] | None = None, every: int = 1
) -> RowMerge:
    return merge_rows(
        *(side(path, data, every) for data in (base, ours, theirs)),
        MergeRules(key=tuple(key) if key else None),
    )


def read(path: str, data: bytes) -> list[Item]:
    """The rows in order; malformed ones as their bytes."""
    format = format_of(path, data)
    bodies = format.bodies(data, True)
    return [body if isinstance(row := format.parse(body), Malformed) else row for body in bodies]


def token(row: Item) -> str:
    """Equal for equal rows, whatever the order of their fields."""
    return repr(row) if isinstance(row, bytes) else json.dumps(row, sort_keys=True)


def counted(rows: Sequence[Item]) -> Counter[str]:
    return Counter(map(token, rows))


# --- drawn tables -----------------------------------------------------------------------------------------

_IDS = st.integers(0, 5)
_TEXTS = st.sampled_from(["a b c d", "a b c e", "f", "", "l1\nl2\nl3", "l1\nx2\nl3\n", "l1\nl2\nl3\nl4"])
_ELEMENTS = st.one_of(
    st.integers(0, 3),
    st.fixed_dictionaries({"role": st.sampled_from("us"), "content": st.sampled_from(["x", "y", "z"])}),
)
_META = st.dictionaries(st.sampled_from("pq"), st.one_of(st.integers(0, 2), st.none()), max_size=2)
_JSON_ROWS = st.fixed_dictionaries(
    {},
    optional={
        "id": _IDS,
        "text": _TEXTS,
        "tags": st.lists(_ELEMENTS, max_size=4),
        "meta": _META,
        "any": st.one_of(st.none(), st.booleans(), st.integers(0, 1), st.just(1.0), st.just([1])),
    },
).map(lambda row: dict(sorted(row.items())))
_CSV_ROWS = st.fixed_dictionaries({"id": _IDS.map(str), "text": _TEXTS, "n": st.sampled_from(["", "0", "é"])})
_ODD = {
    "a.jsonl": [b"broken", b'{"id": 1,', b"[1]", b'{"id":  1 , "text": "f"}'],
    "a.json": [b'{"id": }', b"{1}", b'{"id":  1 , "text": "f"}'],
    "a.csv": [b"1", b"2,f,0,more,and more", b'"3","f","0"', b'4,"f"x,0'],
    "a.tsv": [b"1", b"2\tf\t0\tmore\tand more", b'"3"\t"f"\t"0"', b'4\t"f"x\t0'],
}
_COLUMNS = [["id", "text", "n"], ["id", "text"], ["id", "n", "text"], ["id", "text", "n", "new"]]


def rows_for(path: str, odd: bool = True) -> st.SearchStrategy[Item]:
    """One row; now and then bytes that are odd in this format."""
    plain: st.SearchStrategy[Item] = _JSON_ROWS if is_nested(path) else _CSV_ROWS
    return st.one_of(plain, plain, plain, st.sampled_from(_ODD[path])) if odd else plain


styles = st.builds(Style, st.booleans(), st.booleans(), st.booleans(), st.booleans())


@dataclass(frozen=True, slots=True)
class Case:
    """Three versions of one table, how they are cut, and the key."""

    path: str
    base: bytes
    ours: bytes
    theirs: bytes
    every: int
    key: tuple[str, ...] | None

    def merge(self) -> RowMerge:
        return merge(self.path, self.base, self.ours, self.theirs, self.key, self.every)

    def swapped(self) -> Case:
        return replace(self, ours=self.theirs, theirs=self.ours)


@st.composite
def cases(draw: st.DrawFn, paths: Sequence[str] = PATHS, odd: bool = True, plain: bool = False) -> Case:
    """Versions that share much: keyed, keyless, with duplicate keys, laid out alike or not.

    Ragged records are drawn only where all versions have one header: their surplus cells are named by its length.
    Plain cases have one header and an ``id`` in every row.
    """
    path = draw(st.sampled_from(paths))
    odd = odd and not plain and draw(st.booleans())
    row = rows_for(path, odd)
    if plain:
        row = st.builds(lambda row, id: {"id": id, **row} if isinstance(row, dict) else row, row, _IDS)
    base = draw(st.lists(row, max_size=6))
    versions = [base, *(_version(draw, base, row) for _ in range(2))]
    style = draw(styles)
    data = []
    for rows in versions:
        columns = draw(st.sampled_from([_COLUMNS[0], *_COLUMNS]))
        layout = draw(st.sampled_from([style, style, draw(styles)]))
        if (odd or plain) and not is_nested(path):
            columns, layout = _COLUMNS[0], replace(layout, other=False)
        data.append(write(path, rows, layout, columns))
    key = draw(st.sampled_from([None, None, ("id",), ("id", "text")]))
    return Case(path, *data, draw(st.integers(1, 3)), key)


def _version(draw: st.DrawFn, base: list[Item], row: st.SearchStrategy[Item]) -> list[Item]:
    rows = list(base)
    for action in draw(st.lists(st.sampled_from("iircccm"), max_size=4)):
        if action == "i":
            rows.insert(draw(st.integers(0, len(rows))), draw(row))
        elif rows:
            at = draw(st.integers(0, len(rows) - 1))
            if action == "m":
                rows.insert(draw(st.integers(0, len(rows) - 1)), rows.pop(at))
            elif action == "r":
                del rows[at]
            else:
                rows[at] = _changed(draw, rows[at], draw(row))
    return rows


def _changed(draw: st.DrawFn, old: Item, new: Item) -> Item:
    """A row with one field, or all, of another."""
    if isinstance(old, bytes) or isinstance(new, bytes) or not new or draw(st.integers(0, 4)) == 0:
        return new
    name = draw(st.sampled_from(sorted(new)))
    return {**old, name: new[name]}
