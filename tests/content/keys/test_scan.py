"""Looking for keys in bytes: no row that has one is passed over."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptvc.content.formats import row_format
from promptvc.content.formats.dicts import read_rows
from promptvc.content.keys.scan import KeyScan
from promptvc.content.keys.tokens import key_token
from tests.amounts import examples
from tests.content.tablefiles import format_of, raw_lines

values = st.one_of(
    st.sampled_from(
        ["", "id", "é", "/", '"', "\\", "\n", "\ud800", "x", 0, 1, -1, 10**30, True, 0.0, 1.0, '"id":"x"']
    ),
    st.text(max_size=3),
)


@st.composite
def objects(draw: st.DrawFn) -> bytes:
    """An object with an id, its JSON written in one of the ways that JSON allows."""
    value = draw(st.one_of(values, st.dictionaries(st.just("id"), values)))
    name = draw(st.sampled_from(['"id"', '"\\u0069d"', '"i\\u0064"', '"a/b"', '"a\\/b"', '"é"', '"\\u00e9"']))
    text = json.dumps(value, ensure_ascii=draw(st.booleans())).replace(
        "/", draw(st.sampled_from(["/", "\\/"]))
    )
    text = text.replace("x", draw(st.sampled_from(["x", "\\u0078"])))
    blank = draw(st.sampled_from(["", " ", "\t", "\r"]))
    before = draw(st.sampled_from(["", '"z":"id",', '"id":1,', '"z":"\\"id\\":",']))
    return f"{{{before}{name}{blank}:{blank}{text}{blank}}}".encode("utf-8", "surrogatepass")


@settings(max_examples=examples(300), deadline=None)
@given(
    st.lists(st.one_of(objects(), objects(), raw_lines, st.just(b'x"id":"')), max_size=4),
    st.lists(values, min_size=1, max_size=3),
    st.sampled_from(["id", "a/b", "é"]),
    st.sampled_from(["t.jsonl", "t.json"]),
)
def test_a_row_with_a_wanted_key_is_never_passed_over(
    lines: list[bytes], wanted: list[Any], field: str, path: str
) -> None:
    data = b"\n".join(lines) if path == "t.jsonl" else b"[{}," + b",".join(lines) + b"]"
    format = format_of(path, data)
    tokens = {key_token({field: value}, [field]) for value in wanted}
    if any(key_token(row, [field]) in tokens for row in read_rows(format, data, True)):
        assert KeyScan(format, field, wanted).may_hold(data)


@pytest.mark.parametrize("wanted", [["b"], [7], ["a"]])
def test_chunk_runs_without_a_wanted_key_are_passed_over(wanted: list[Any]) -> None:
    format = row_format("t.jsonl", b"")
    assert format is not None
    data = '{"id": "c", "text": "a b \\" 7"}\n{"id":1, "é": 7}\n'.encode()
    assert not KeyScan(format, "id", wanted).may_hold(data)
    assert KeyScan(format, "id", [*wanted, "c"]).may_hold(data)
    assert KeyScan(format, "id", [*wanted, 1]).may_hold(data)
