"""The layout of a merged table: what one side changed of it is kept, part by part, and all rows follow it."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.merging.edits import apply, base_rows, scripts
from tests.merging.tables import PATHS, Style, counted, is_nested, merge, read, styles, write


@pytest.mark.parametrize("path", PATHS)
@settings(max_examples=40)
@given(
    st.data(),
    styles,
    st.tuples(*[st.sampled_from(["", "ours", "theirs", "both"])] * 4),
)
def test_what_one_side_changed_of_the_layout_is_kept(
    path: str, draw: st.DataObject, style: Style, changed: tuple[str, ...]
) -> None:
    parts = ("crlf", "final_newline", "bom", "other")

    def of(*sides: str) -> Style:
        flipped = {
            part: getattr(style, part) != (by in sides) for part, by in zip(parts, changed, strict=True)
        }
        return Style(**flipped)

    if path.endswith(".json"):
        # Line ends and indentation of an array are one thing: where each side changed another one, ours hold.
        by = {side for part, side in zip(parts, changed, strict=True) if part in ("crlf", "other")}
        assume(len(by - {""}) < 2)
    nested = is_nested(path)
    base = base_rows(4, True, nested)
    ours, theirs = draw.draw(scripts(4, True, nested))
    ours, theirs = ([e for e in edits if e.what != "append"] for edits in (ours, theirs))
    mine, other = apply(base, ours), apply(base, theirs)
    columns = list(base[0])
    expected = apply(base, [*ours, *theirs])
    assume(mine and other and expected)  # a file without rows shows less of its layout
    sides = [(base, style), (mine, of("ours", "both")), (other, of("theirs", "both"))]
    if path.endswith(".jsonl"):  # one line that is not ended shows no line end
        assume(all(len(rows) > 1 or layout.final_newline for rows, layout in sides))
    data = [write(path, rows, layout, columns) for rows, layout in sides]
    found = merge(path, *data, ["id"])
    assert found.conflicts == ()
    removed = any(edit.what == "remove" for edit in (*ours, *theirs))
    wanted = read(path, found.data) if removed else expected
    assert counted(read(path, found.data)) == counted(expected)
    assert found.data == write(path, wanted, of("ours", "theirs", "both"), columns)
