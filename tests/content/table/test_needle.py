"""Rows looked for in the bytes first are those that parsing every row finds."""

from __future__ import annotations

import csv
import io
import json
from array import array
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptvc.cli.look.row_filter import Condition
from promptvc.content.formats import row_format
from promptvc.content.formats.base import RowFormat
from promptvc.content.table import needle as needle_module
from promptvc.content.table.needle import rows_with, text_needle, value_needle
from promptvc.content.table.numbered import NumberedRow, number_rows
from promptvc.versioning.ropes.chunkrun import ChunkRun, ChunkRuns

TEXTS = st.one_of(
    st.sampled_from(
        [
            "web",
            'say "hi"',
            "a/b",
            "a\\b",
            "é",
            "日本語 text",
            "true",
            "null",
            "7",
            "1.0",
            "[]",
            "",
            "\ufffd",
            "x\ty",
        ]
    ),
    st.text(max_size=6),
)
VALUES = st.one_of(
    TEXTS,
    st.integers(-3, 12),
    st.floats(allow_nan=False, width=16),
    st.booleans(),
    st.none(),
    st.just(["web"]),
)
ROWS = st.lists(st.dictionaries(st.sampled_from(["id", "a", "é", "a.b"]), VALUES, max_size=3), max_size=8)


def escaped(text: str) -> str:
    """JSON with every letter of its strings as an escape, which means the same."""
    return "".join(f"\\u{ord(c):04x}" if c.isalpha() and c.isascii() else c for c in text)


def spelled(row: dict[str, Any], way: int) -> bytes:
    """A row as JSON in one of several spellings."""
    plain = json.dumps(row, ensure_ascii=way % 2 == 0)
    if way == 2:
        plain = plain.replace("/", "\\/")
    if way == 3 and not any(isinstance(value, bool | None | float) for value in row.values()):
        plain = escaped(json.dumps(row).replace("\\", "\\\\")) if "\\" not in plain else plain
    return plain.encode("utf-8", "surrogatepass") + b"\n"


def runs_of(chunks: list[bytes], format: RowFormat, *, known: bool) -> list[ChunkRun] | ChunkRuns:
    counts = [format.count(data, place == 0) for place, data in enumerate(chunks)]
    if not known:
        return [ChunkRun(b"%020d" % n, lambda data=data: data) for n, data in enumerate(chunks)]  # type: ignore[misc]
    ids = b"".join(b"%020d" % n for n in range(len(chunks)))
    return ChunkRuns(ids, array("Q", map(len, chunks)), array("Q", counts), lambda id: chunks[int(id)])


def meant(rows: list[NumberedRow], condition: Condition) -> list[tuple[int, bytes]]:
    return [(item.number, item.body) for item in rows if condition.holds(item.row)]


@pytest.mark.parametrize("known", [True, False])
@given(
    rows=ROWS, ways=st.lists(st.integers(0, 3), min_size=8, max_size=8), broken=st.booleans(), data=st.data()
)
def test_rows_of_json(
    known: bool, rows: list[dict[str, Any]], ways: list[int], broken: bool, data: st.DataObject
) -> None:
    lines = [spelled(row, way) for row, way in zip(rows, ways, strict=False)]
    if broken:
        lines.insert(len(lines) // 2, b'{"a": "web", \n')
    format = row_format("t.jsonl", b"{}")
    assert format is not None
    chunks = [b"".join(lines[at : at + 2]) for at in range(0, len(lines), 2)]
    there = [value for row in rows for value in row.values()]
    value = data.draw(st.one_of(st.sampled_from(there), VALUES) if there else VALUES)
    text = value if isinstance(value, str) else json.dumps(value)
    name = data.draw(st.sampled_from(["id", "a", "é", "a.b"]))
    condition = Condition.read(name, text)
    runs = runs_of(chunks, format, known=known)
    expected = meant(list(number_rows(format, runs)), condition)
    needle = value_needle(format, condition.text, condition.value)
    if needle is not None:
        assert meant(list(rows_with(format, runs, needle)), condition) == expected
    names = text_needle(name)
    if names is not None:
        found = {item.number for item in rows_with(format, runs, names)}
        assert {
            n.number for n in number_rows(format, runs) if isinstance(n.row, dict) and name in n.row
        } <= found


@given(
    rows=st.lists(st.lists(TEXTS, min_size=2, max_size=2), min_size=1, max_size=8),
    quote=st.booleans(),
    at=st.data(),
)
def test_rows_of_csv(rows: list[list[str]], quote: bool, at: st.DataObject) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL if quote else csv.QUOTE_MINIMAL).writerows([["id", "a"], *rows])
    data = out.getvalue().encode("utf-8", "surrogatepass")
    format = row_format("t.csv", data)
    if format is None:
        return
    text = at.draw(st.sampled_from([cell for row in rows for cell in row]))
    condition = Condition.read("a", text)
    runs = runs_of([data], format, known=True)
    needle = value_needle(format, condition.text, condition.value)
    if needle is not None:
        expected = meant(list(number_rows(format, runs)), condition)
        assert meant(list(rows_with(format, runs, needle)), condition) == expected


def test_rows_that_cannot_have_it_are_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needle_module, "_GROUP_BYTES", 64)
    format = row_format("t.jsonl", b"{}")
    assert format is not None
    parsed: list[bytes] = []
    plain = format.parse
    monkeypatch.setattr(type(format), "parse", lambda self, body: parsed.append(body) or plain(body))
    chunks = [b'{"id": %d, "a": "x%d"}\n' % (n, n) for n in range(100)]
    needle = value_needle(format, "x42", "x42")
    assert needle is not None
    found = [item.number for item in rows_with(format, runs_of(chunks, format, known=True), needle)]
    assert found == [42]
    assert len(parsed) == 1
