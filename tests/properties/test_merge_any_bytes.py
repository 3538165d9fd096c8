"""Whatever the bytes, tables merge; and the rows are as many as a plain merge says."""

from __future__ import annotations

from collections import Counter

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from promptvc.content.formats import row_format
from promptvc.content.formats.equal import same
from promptvc.content.formats.missing import MISSING
from promptvc.session.merge.leaf import ends_open
from tests.amounts import examples
from tests.content.tablefiles import any_jsonl
from tests.merging.tables import PATHS, Case, cases, counted, merge, read, side
from tests.reference_merge import Table, merge_tables

_HARD = st.sampled_from(
    [
        *(
            b"a,b\n",
            b"1,2\n",
            b"1,2,3\n",
            b'"',
            b'"x\n',
            b"\r\n",
            b"\r",
            b"\n\n",
            b"\xef\xbb\xbf",
            b"\xff",
            b"\0",
        ),
        *(b'[{"id": 1},\n', b'{"id": 1}', b"]", b"},", b",", b'{"id": 2, "a": [1]}\n', b'{"', b"\\", b"{}"),
    ]
)
_ANY = st.lists(_HARD, max_size=7).map(b"".join)


@st.composite
def any_versions(draw: st.DrawFn) -> tuple[str, list[bytes]]:
    path = draw(st.sampled_from(PATHS))
    files = (
        any_jsonl if path == "a.jsonl" and draw(st.booleans()) else st.one_of(st.binary(max_size=30), _ANY)
    )
    base = draw(files)
    versions = [base, *(draw(st.one_of(files, _spliced(base))) for _ in range(2))]
    if path == "a.json":
        versions = [b"[{" + version for version in versions]
    return path, versions


@st.composite
def _spliced(draw: st.DrawFn, base: bytes) -> bytes:
    start, stop = sorted(draw(st.tuples(*[st.integers(0, len(base))] * 2)))
    return base[:start] + draw(_ANY) + base[stop:]


@settings(max_examples=examples(400))
@given(any_versions(), st.integers(1, 3), st.sampled_from([None, ["id"], ["a"], [""]]))
def test_any_bytes_merge(drawn: tuple[str, list[bytes]], every: int, key: list[str] | None) -> None:
    path, versions = drawn
    assume(all(row_format(path, version) for version in versions))
    base, ours, theirs = versions
    assume(not any(ends_open(side(path, each, 1)) for each in versions))
    found = merge(path, base, ours, theirs, key, every)
    assert merge(path, base, base, theirs, key, every).data == theirs
    assert merge(path, base, ours, base, key, every).data == ours
    assert merge(path, base, theirs, theirs, key, every).data == theirs
    rows = read(path, found.data) if row_format(path, found.data) else []
    for conflict in found.conflicts:
        assert conflict.row is not None
        assert conflict.row < len(rows) + (conflict.ours is MISSING)
        assert not same(conflict.ours, conflict.theirs)


@settings(max_examples=examples(150))
@given(cases(plain=True))
def test_the_rows_are_as_many_as_the_reference_says(case: Case) -> None:
    versions = [read(case.path, data) for data in (case.base, case.ours, case.theirs)]
    # Of equal rows it is a matter of taste which one was removed.
    assume(all(len(counted(rows)) == len(rows) for rows in versions))
    found = merge(case.path, case.base, case.ours, case.theirs, ["id"], case.every)
    tables = [Table(None, [row for row in rows if isinstance(row, dict)]) for rows in versions]
    reference = merge_tables(*tables, ["id"])
    assert len(read(case.path, found.data)) == len(reference.rows)
    assert Counter(c.field for c in found.conflicts) == Counter(field for _, field in reference.conflicts)
