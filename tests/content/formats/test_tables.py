"""Whole tables, written here and found elsewhere: every row is read, and every byte comes back."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from promptvc.content.formats import HEAD_SIZE, row_format
from promptvc.content.formats.base import Malformed
from promptvc.content.formats.equal import same

ROOT = Path(__file__).resolve().parents[3]
TABLES = ROOT / "fixtures/tables"
SHARED = ROOT / "../shared/data"
EXPECTED = json.loads((TABLES / "expected.json").read_bytes())
FOUND = sorted(
    p for kind in ("jsonl", "csv", "json") for p in SHARED.glob(f"**/*.{kind}") if "manifest" not in p.name
)


@pytest.mark.parametrize("name", EXPECTED)
def test_awkward_tables_read_as_expected(name: str) -> None:
    data = (TABLES / name).read_bytes()
    rows = row_format(name, data)
    assert rows is not None
    parsed = [rows.parse(body) for body in rows.bodies(data, True)]
    found = [{"malformed": [r.message, r.line, r.column]} if isinstance(r, Malformed) else r for r in parsed]
    assert same(found, EXPECTED[name])


@pytest.mark.skipif(not FOUND, reason="the shared data is not here")
@pytest.mark.parametrize("path", FOUND, ids=lambda path: str(path.relative_to(SHARED)))
def test_tables_from_elsewhere_read_as_other_readers_read_them(path: Path) -> None:
    data = path.read_bytes()
    rows = row_format(path.name, data[:HEAD_SIZE])
    if rows is None:
        assert path.suffix == ".json"
        assert not isinstance(json.loads(data), list)
        return
    bodies = rows.bodies(data, True)
    parsed = [rows.parse(body) for body in bodies]
    assert same(parsed, _read_otherwise(path, data))
    assert [rows.encode(row, like=body) for row, body in zip(parsed, bodies, strict=True)] == bodies  # type: ignore[arg-type]
    assert b"".join(segment.data for segment in rows.segments(data, True)) == data


def _read_otherwise(path: Path, data: bytes) -> list[object]:
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in data.decode().split("\n") if line.strip()]
    if path.suffix == ".json":
        return list(json.loads(data))
    records = [r for r in csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")) if r]
    names = [*records[0], *(f"#{n}" for n in range(len(records[0]) + 1, 40))]
    return [dict(zip(names, record, strict=False)) for record in records[1:]]
