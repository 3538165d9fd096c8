"""A table's first rows as HTML, for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from promptvc.content.arrow.rows import json_text
from promptvc.content.formats.base import Json, Row
from promptvc.content.formats.words import plural

_COLUMNS = 20
_LENGTH = 120


def table_html(caption: str, rows: Sequence[Row], more: int) -> str:
    """The caption, these rows, and how many are not shown; all text escaped, long cells shortened."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    shown = names[:_COLUMNS]
    head = "".join(f"<th>{_text(name)}</th>" for name in shown) + "<th>…</th>" * (len(names) > len(shown))
    body = "".join("<tr>" + "".join(_cell(row, name) for name in shown) + "</tr>" for row in rows)
    rest = f"<p>… {plural(more, 'more row')}</p>" if more else ""
    return f"<div><p>{_text(caption)}</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{rest}</div>"


def _cell(row: Row, name: str) -> str:
    return f"<td>{_text(_shown(row[name]))}</td>" if name in row else "<td></td>"


def _shown(value: Json) -> str:
    text = value if isinstance(value, str) else json_text(value)
    return text if len(text) <= _LENGTH else text[: _LENGTH - 1] + "…"


def _text(text: str) -> str:
    return escape(text.encode("utf-8", "replace").decode())
