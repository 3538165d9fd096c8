"""Files that differ, as HTML for notebooks: changed words marked, changed cells old and new, changed lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

from promptvc.content.formats.missing import MISSING
from promptvc.content.tablediff.diff import RowChange, TableDiff
from promptvc.content.text.diff import Span, diff_words, elide, similarity
from promptvc.html.render import render, shown

if TYPE_CHECKING:
    from promptvc.content.prompt.diff import PromptDiff, Settings
    from promptvc.ids import RepoPath

_FILES, _ROWS, _CELLS, _LINES = 20, 20, 12, 60
_LONG = 30
"""Characters from which on two texts are shown as one, with the changed words marked."""
_ALIKE = 0.3
_CONTEXT = 60
_LONGEST = 2_000
"""Characters of one changed piece of text that are shown: a page must open whatever was pasted into a file."""
_TOO_LONG = 100_000
"""Characters from which on the words of two values are not compared."""

View = dict[str, Any]


class Changed(Protocol):
    """One file that differs: a `FileDiff`."""

    @property
    def path(self) -> RepoPath:
        """Where it is."""

    @property
    def old_path(self) -> RepoPath | None:
        """Where it was, if it was renamed."""

    @property
    def kind(self) -> str:
        """What it is."""

    @property
    def status(self) -> str:
        """What became of it."""

    @property
    def summary(self) -> str:
        """Its changes in a few words."""

    @property
    def detail(self) -> Any:
        """How it changed."""


def comparison_html(caption: str, files: Iterable[Changed], count: int) -> str:
    """The first of ``count`` files, and how each changed."""
    views = [_file(diff) for diff in islice(files, _FILES)]
    return render("comparison.html", caption=caption, files=views, rest=count - len(views))


def _file(diff: Changed) -> View:
    name = f"{diff.old_path} → {diff.path}" if diff.old_path else diff.path
    view = {"name": name, "status": diff.status, "kind": diff.kind, "summary": diff.summary}
    nothing = {
        "note": None,
        "messages": (),
        "settings": (),
        "rows": (),
        "more_rows": 0,
        "lines": (),
        "more_lines": 0,
    }
    return nothing | view | _detail(diff.detail)


def _detail(detail: Any) -> View:
    if isinstance(detail, TableDiff):
        return {
            "rows": [_row(change) for change in detail.rows[:_ROWS]],
            "more_rows": len(detail.rows) - _ROWS,
        }
    if hasattr(detail, "hunks"):
        return _text(detail)
    return _prompt(detail) if hasattr(detail, "messages") else {}


# --- prompts ----------------------------------------------------------------------------------------------


def _prompt(detail: PromptDiff) -> View:
    messages = [
        {
            "role": message.role,
            "op": message.op,
            "spans": _pieces(message.spans),
            "fields": _settings(message.fields),
        }
        for message in detail.messages
    ]
    added = [_change("variable", None, name) for name in detail.variables_added]
    removed = [_change("variable", name, None) for name in detail.variables_removed]
    return {"messages": messages, "settings": [*_settings(detail.settings), *added, *removed]}


def _settings(settings: Settings) -> list[View]:
    """``None`` stands for a setting that is not there."""
    versions = {
        name: [MISSING if value is None else value for value in pair] for name, pair in settings.items()
    }
    return [_value(name, before, after) for name, (before, after) in versions.items()]


# --- tables -----------------------------------------------------------------------------------------------


def _row(change: RowChange) -> View:
    cells = list(_cells(change))
    return {"name": _row_name(change), "op": change.op, "cells": cells[:_CELLS], "more": len(cells) - _CELLS}


def _row_name(change: RowChange) -> str:
    if change.key is not None:
        return ", ".join(shown(value) for value in change.key.values())
    before, after = change.at
    return f"row {((before if after is None else after) or 0) + 1:,}"  # from 1, as people count


def _cells(change: RowChange) -> Iterator[View]:
    if change.op == "changed":
        yield from (_value(name, before, after) for name, (before, after) in change.cells.items())
        return
    row = change.after if change.op == "added" else change.before
    raw = change.after_raw if change.op == "added" else change.before_raw
    values: Mapping[str, Any] = (
        {change.malformed.message: (raw or b"").decode("utf-8", "replace")} if change.malformed else row or {}
    )
    for name, value in values.items():
        yield _value(name, *((MISSING, value) if change.op == "added" else (value, MISSING)))


def _value(name: str, before: Any, after: Any) -> View:
    """One value before and after: long texts that are alike as words, anything else whole."""
    old, new = (None if value is MISSING else shown(value, 10**9) for value in (before, after))
    if old is not None and new is not None and _are_alike(old, new):
        return _change(name, old, new, _pieces(diff_words(old, new)))
    return _change(name, _short(old), _short(new))


def _are_alike(old: str, new: str) -> bool:
    return _LONG < max(len(old), len(new)) < _TOO_LONG and similarity(old, new) >= _ALIKE


def _pieces(spans: Sequence[Span]) -> list[Span]:
    """Changed text with a little around it."""
    return [Span(span.op, shown(span.text, _LONGEST)) for span in elide(spans, _CONTEXT)]


def _short(text: str | None) -> str | None:
    return None if text is None else shown(text)


def _change(name: str, before: str | None, after: str | None, spans: Sequence[Span] = ()) -> View:
    return {"name": name, "before": before, "after": after, "spans": spans}


# --- texts ------------------------------------------------------------------------------------------------


def _text(detail: Any) -> View:
    lines = [line for hunk in detail.hunks for line in hunk.lines]
    some = [Span(line.op, _line(line.text)) for line in lines[:_LINES]]
    return {"note": detail.note, "lines": some, "more_lines": len(lines) - _LINES}


def _line(text: str) -> str:
    return text if len(text) <= _LONGEST else shown(text, _LONGEST) + "\n"
