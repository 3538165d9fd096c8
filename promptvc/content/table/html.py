"""A table's first rows as HTML, for notebooks."""

from __future__ import annotations

from collections.abc import Sequence

from promptvc.content.formats.base import Row
from promptvc.html.render import render, shown

_COLUMNS = 20


def table_html(caption: str, rows: Sequence[Row], more: int) -> str:
    """The caption, these rows, and how many are not shown; long cells shortened."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    head = [*names[:_COLUMNS], *(["…"] if len(names) > _COLUMNS else [])]
    cells = [[shown(row[name]) if name in row else "" for name in names[:_COLUMNS]] for row in rows]
    return render("table.html", caption=caption, names=head, rows=cells, rest=more)
