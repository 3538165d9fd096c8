"""A row format that nobody has heard of: its own file, one line of the table, and everything works with it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptvc.content import formats
from promptvc.content.formats import ROW_KINDS, RowKind, row_format, suffix_words, table_words
from promptvc.content.kinds import file_kind
from tests.cli.conftest import Project
from tests.content.formats import laws, pairs
from tests.content.formats.laws import BYTES, TEXT

LINE = RowKind("pairs", (".psv",), f"{pairs.__name__}.Pairs")
TABLE = "examples/t.psv"
PACKAGE = Path(formats.__file__).parents[2]


@pytest.fixture(autouse=True, scope="module")
def _plugged_in() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(formats, "ROW_KINDS", (*ROW_KINDS, LINE))
        yield


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path / "project")
    yield made
    assert made.repo.verify() == []


@given(
    BYTES,
    st.lists(st.integers(0, 80), max_size=6),
    st.lists(st.booleans(), max_size=12),
    st.lists(st.fixed_dictionaries({"id": TEXT, "b": TEXT}), max_size=4),
    st.lists(st.integers(0, 9), min_size=1, max_size=4),
)
def test_the_laws_of_all_formats_hold_for_it(
    data: bytes, stops: list[int], chosen: list[bool], rows: list[dict[str, str]], ids: list[int]
) -> None:
    laws.segments_join_to_the_data(".psv", data)
    laws.bodies_are_those_of_the_segments_and_count_counts_them(".psv", data)
    laws.row_ends_do_not_depend_on_where_buffers_end(".psv", data, stops)
    laws.rows_do_not_depend_on_the_row_ends_at_which_data_is_cut(".psv", data, chosen)
    laws.a_row_encoded_like_itself_is_itself(".psv", data)
    laws.written_rows_read_back(".psv", rows)
    laws.what_was_added_and_removed_again_leaves_no_trace(".psv", ids, bool(stops))


def test_it_is_a_table_wherever_it_lies_and_people_are_told_of_it() -> None:
    assert isinstance(row_format("A.PSV", b""), pairs.Pairs)
    assert file_kind("prompts/rows.psv", b"") == "table"
    assert suffix_words().endswith(".json or .psv")
    assert table_words().endswith(", .json arrays of objects, and .psv")


def test_files_are_written_committed_compared_and_merged(project: Project) -> None:
    rows = [{"id": str(n), "text": f"ticket {n}", "note": "-" * (n % 50)} for n in range(5000)]
    _write(project, rows)
    project("commit", "-m", "base")
    assert any(entry.is_rope for entry in project.repo.snapshot("HEAD").files.values())
    assert project.repo.snapshot("HEAD").table(TABLE)["7"]["text"] == "ticket 7"
    project("switch", "-c", "feature")
    _write(
        project,
        [*rows[:500], {"id": "new", "text": "a|b"}, *rows[500:4998], {**rows[4998], "note": "theirs"}],
    )
    change, *_ = project("diff", "--json").values
    assert change["kind"] == "table"
    counts = {"added": 1, "removed": 1, "changed": 1, "moved": 0, "reformatted": 0}
    assert change["rows"] == counts
    project("commit", "-m", "theirs")
    project("switch", "main")
    _write(
        project,
        [rows[0] | {"text": "ours"}, *rows[1:4998], rows[4998] | {"text": "ours"}, rows[4999]],
        b"\r\n",
    )
    project("commit", "-m", "ours")
    project("merge", "feature")
    data = (project.root / TABLE).read_bytes()
    assert data.count(b"\r\n") == data.count(b"\n") == 5000
    assert project.repo.snapshot("HEAD").table(TABLE)["new"] == {"id": "new", "text": "a|b"}
    merged = {"id": "4998", "text": "ours", "note": "theirs"}
    assert project("rows", TABLE, "--key", "4998", "--json").values == [merged]


def test_rows_are_put_in_and_taken_out_by_key(project: Project) -> None:
    repo = project.repo
    with repo.transaction("main", "first") as tx:
        tx.append(TABLE, [{"id": n, "text": f"ticket {n}"} for n in range(20)])
    with repo.transaction("main", "then") as tx:
        tx.upsert(TABLE, [{"id": 3, "text": "=|%"}, {"id": "20", "text": "new"}])
        tx.delete(TABLE, [5, "6"])
    table = repo.snapshot("main").table(TABLE)
    assert [row["id"] for row in table] == [str(n) for n in range(21) if n not in (5, 6)]
    assert (table["3"]["text"], table["20"]["text"]) == ("=|%", "new")
    assert repo.snapshot("main").table(TABLE).to_arrow().column_names == ["id", "text"]


def test_both_sides_of_a_conflict_can_be_taken(project: Project) -> None:
    _write(project, [{"id": "1", "a": "base"}])
    project("commit", "-m", "base")
    project("switch", "-c", "feature")
    _write(project, [{"id": "1", "a": "theirs"}])
    project("commit", "-m", "theirs")
    project("switch", "main")
    _write(project, [{"id": "1", "a": "ours"}])
    project("commit", "-m", "ours")
    project("merge", "feature", code=1)
    project("resolve", TABLE, "--take", "theirs")
    assert (project.root / TABLE).read_bytes() == b"id=1|a=theirs\n"
    project("commit", "-m", "merged")


def test_nobody_outside_of_formats_knows_a_format() -> None:
    known = {kind.home.rpartition(".")[2] for kind in ROW_KINDS}
    others = [path for path in PACKAGE.rglob("*.py") if path.parent.name != "formats"]
    assert others
    for path in others:
        imports = (
            each for each in ast.walk(ast.parse(path.read_bytes())) if isinstance(each, ast.ImportFrom)
        )
        assert not known & {name.name for each in imports for name in each.names}, path


def _write(project: Project, rows: list[dict[str, str]], end: bytes = b"\n") -> None:
    file = project.root / TABLE
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"".join(pairs.Pairs(b"").encode(row) + end for row in rows))
