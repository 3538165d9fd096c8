"""CSV rows: cells, headers, ragged records and the style of a file."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptvc.content.formats import blank_table, row_format
from promptvc.content.formats.base import Malformed, RowFormat
from promptvc.errors import Usage

SPECTRUM = Path(__file__).resolve().parents[3] / "../shared/data/csv_spectrum"
RAW = st.lists(st.sampled_from(['"', '""', ",", ";", "\n", "\r\n", "a", "é", " ", '"b"', "#"]), max_size=12)
CELL = st.text(st.sampled_from(',;"\n\r\t aé'), max_size=5)


def table(data: bytes, path: str = "a.csv") -> RowFormat:
    found = row_format(path, data[:65536])
    assert found is not None
    return found


def rows_of(data: bytes, path: str = "a.csv") -> list[object]:
    found = table(data, path)
    return [found.parse(body) for body in found.bodies(data, True)]


def test_rows_are_dictionaries_of_text() -> None:
    assert rows_of(b'id,text\r\n1,"a ""b"", c"\r\n2,\r\n') == [
        {"id": "1", "text": 'a "b", c'},
        {"id": "2", "text": ""},
    ]


def test_a_quote_inside_an_unquoted_cell_is_literal_and_text_after_a_quoted_one_belongs_to_it() -> None:
    assert rows_of(b'a,b\n5" pipe,"x"y"z\n') == [{"a": '5" pipe', "b": 'xy"z'}]


@pytest.mark.parametrize(
    ("head", "delimiter"),
    [
        (b"a,b;c,d\n;;;;", b","),
        (b"a;b;c, d\n", b";"),
        (b'"a,b,c";d;e\n', b";"),
        (b"a\tb\n", b"\t"),
        (b"a|b|c\n", b"|"),
        (b"a\nb,c", b","),
        (b"", b","),
        (b'"never closed;;;', b","),
    ],
)
def test_the_delimiter_is_the_most_frequent_candidate_of_the_header(head: bytes, delimiter: bytes) -> None:
    assert table(head).delimiter == delimiter  # type: ignore[attr-defined]


def test_tsv_has_tabs_whatever_its_header() -> None:
    assert rows_of(b"a,b\tc\n1\t2\n", "a.tsv") == [{"a,b": "1", "c": "2"}]


def test_header_names_are_made_unique() -> None:
    assert table(b"a,b,a,a#2,,a,\n").columns == ["a", "b", "a#3", "a#2", "", "a#4", "#2"]


def test_ragged_records_name_what_is_too_much_and_lack_what_is_missing() -> None:
    assert rows_of(b"a,#4,c\n1,2,3,4,5\n1\n") == [
        {"a": "1", "#4": "2", "c": "3", "##4": "4", "#5": "5"},
        {"a": "1"},
    ]


def test_a_byte_order_mark_is_no_part_of_the_first_name() -> None:
    assert rows_of(b'\xef\xbb\xbf"a",b\n1,2\n') == [{"a": "1", "b": "2"}]


def test_lone_carriage_returns_end_records_where_there_is_no_newline() -> None:
    assert rows_of(b'a,b\r1,"2\r3"\r\r4,5') == [{"a": "1", "b": "2\r3"}, {"a": "4", "b": "5"}]
    assert rows_of(b"a,b\n1,2\r3\n") == [{"a": "1", "b": "2\r3"}]


def test_bytes_that_are_not_utf8_come_back() -> None:
    data = b"a,b\ncaf\xe9,1\n"
    found = table(data)
    row = found.parse(b"caf\xe9,1")
    assert row == {"a": "caf\udce9", "b": "1"}
    assert found.encode({"a": "caf\udce9", "b": "2"}) == b"caf\xe9,2"


def test_a_quote_that_never_closes_is_malformed_where_it_opens() -> None:
    data = b'a,b\n1,2\nx,"y\nz\n'
    found = table(data)
    assert found.bodies(data, True) == [b"1,2", b'x,"y\nz']
    assert found.parse(b'x,"y\nz') == Malformed("a quote opens here and never closes", 1, 3)
    assert found.parse(b'"l\nm",x,"y') == Malformed("a quote opens here and never closes", 2, 6)


def test_a_header_longer_than_the_head_has_the_names_that_end_within_it() -> None:
    data = (
        b",".join(b"column%05d" % n for n in range(8000))
        + b"\n"
        + b",".join(b"%d" % n for n in range(8000))
        + b"\n"
    )
    found = table(data)
    names = found.columns
    assert names is not None
    assert names[-1] == f"column{len(names) - 1:05d}"
    row = found.parse(found.bodies(data, True)[0])
    assert isinstance(row, dict)
    assert (len(row), row["#8000"]) == (8000, "7999")


@given(RAW.map("".join), st.sampled_from(["a,b\n", "a;b\n", "a\n", "a,a,b,,\n", "a\r\n", '"a","b"\n']))
@settings(max_examples=300)
def test_a_row_encoded_like_itself_is_itself(tail: str, header: str) -> None:
    data = header.encode() + tail.encode()
    found = table(data)
    for body in found.bodies(data, True):
        row = found.parse(body)
        if isinstance(row, dict):
            assert found.encode(row, like=body) == body


@given(st.lists(st.lists(CELL, min_size=2, max_size=2), min_size=1, max_size=4), st.data())
def test_a_written_row_reads_back_alone_and_in_the_csv_module(
    cells: list[list[str]], draw: st.DataObject
) -> None:
    header = draw.draw(st.sampled_from([b"a,b\n", b'"a","b"\n"1","2"\n', b"a;b\n", b"a\tb\r\n"]))
    found = table(header)
    old = header.split(b"\n")[0] if draw.draw(st.booleans()) else None
    for pair in cells:
        row = dict(zip("ab", pair, strict=True))
        body = found.encode(row, old)
        assert found.parse(body) == row
        assert found.bodies(header[: header.index(b"\n") + 1] + body, True) == [body]
        delimiter = found.delimiter.decode()  # type: ignore[attr-defined]
        assert next(csv.reader(io.StringIO(body.decode(), newline=""), delimiter=delimiter)) == pair


def test_only_changed_cells_are_written_anew() -> None:
    found = table(b"a,b,c\n")
    assert found.encode({"a": "1", "b": "x", "c": "3"}, b'"1",2,"3"') == b'"1",x,"3"'
    assert found.encode({"a": "0", "b": "2", "c": "3"}, b'"1",2,"3"') == b'"0",2,"3"'
    assert found.encode({"a": "1", "c": "3"}, b'"1",2,"3"') == b'"1",,"3"'


def test_short_records_stay_short_and_new_ones_are_whole() -> None:
    found = table(b"a,b,c\n")
    assert found.encode({"a": "2"}, b"1") == b"2"
    assert found.encode({"a": "2", "b": "x"}, b"1") == b"2,x"
    assert found.encode({"a": "2"}) == b"2,,"
    assert found.encode({"a": "1", "b": "2", "c": "3", "#4": "4"}, b"1,2,3,5") == b"1,2,3,4"


def test_columns_that_are_always_quoted_stay_so() -> None:
    data = b'act,prompt,dev\n"x","y",TRUE\n"","z",FALSE\n'
    assert table(data).encode({"act": "n", "prompt": "", "dev": "TRUE"}) == b'"n","",TRUE'
    assert table(b'"a","b"\n').encode({"a": "1", "b": "2"}) == b'"1","2"'
    assert table(b"a,b\n").encode({"a": "1", "b": "2"}) == b"1,2"


def test_values_that_are_not_text_are_written_as_json() -> None:
    assert table(b"a;b;c;d\n").encode({"a": 1, "b": None, "c": True, "d": ["x"]}) == b'1;;true;"[""x""]"'


def test_a_field_that_is_not_in_the_header_is_refused_by_name() -> None:
    with pytest.raises(Usage, match="field extra is not in the header"):
        table(b"a,b\n").encode({"a": "1", "extra": "2"})


def test_a_row_of_one_empty_cell_is_not_a_blank_line() -> None:
    assert table(b"a\n").encode({"a": ""}) == b'""'
    assert rows_of(b'a\n""\n\n') == [{"a": ""}]


def test_an_empty_table_has_the_columns_asked_for() -> None:
    for path in ("a.csv", "a.tsv"):
        data = blank_table(path, ["id", "a,b\tc", ""])
        assert table(data, path).columns == ["id", "a,b\tc", ""]
        assert rows_of(data, path) == []
        assert blank_table(path) == b""
    assert (blank_table("a.jsonl", ["id"]), blank_table("a.json", ["id"])) == (b"", b"[]\n")
    for names in (["a;b;c", "d"], ["\ufeffa", "b"], [""]):  # what the header would be taken for is quoted
        assert table(blank_table("a.csv", names)).columns == names


# Where the files and their JSON disagree among themselves: the CSV lost its CRs, the JSON has another number and
# is no list.
SPECTRUM_REPAIRS = {
    "newlines_crlf": lambda text: text.replace("\\r\\n", "\\n"),
    "location_coordinates": lambda text: "[" + text.replace("1234567890", "2095257564") + "]",
}


@pytest.mark.skipif(not SPECTRUM.exists(), reason="the shared data is not here")
@pytest.mark.parametrize("path", sorted(SPECTRUM.glob("csvs/*.csv")), ids=lambda path: path.stem)
def test_the_csv_acid_test(path: Path) -> None:
    text = (SPECTRUM / "json" / (path.stem + ".json")).read_text()
    assert rows_of(path.read_bytes()) == json.loads(SPECTRUM_REPAIRS.get(path.stem, str)(text))
