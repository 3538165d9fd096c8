"""A diff with one line per file: how much changed, and a bar."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from promptvc.cli.show.chars import columns, cut, pad, plural, visible
from promptvc.cli.show.diff.totals import Totals
from promptvc.cli.show.diff.words import mark
from promptvc.content.tablediff.diff import TableDiff
from promptvc.session.workspace.comparison import BinaryDiff, TextDiff

if TYPE_CHECKING:
    from promptvc.cli.output import Output
    from promptvc.session.workspace.comparison import Comparison, Detail
    from promptvc.versioning.diff import FileChange

_BAR = 12
_WORDS_MOST = 34

Amounts = dict[str, int]


def stat_lines(out: Output, comparison: Comparison) -> Iterator[str]:
    """A line per file, and the totals; none if nothing changed."""
    totals = Totals()
    reported = [(change, *_measure(comparison, change, totals)) for change in comparison.changes]
    if not reported:
        return
    most = max(sum(amounts.values()) for _, _, amounts in reported)
    words_width = min(max(columns(words) for _, words, _ in reported), _WORDS_MOST)
    room = out.width - words_width - _BAR - 6
    width = min(max(columns(_name(change)) for change, _, _ in reported), max(room, 20))
    for change, words, amounts in reported:
        bar = _bar(out, amounts, most)
        yield f"  {pad(_short(_name(change), width), width)}  {pad(words, words_width)}  {bar}".rstrip()
    yield totals.words()


def _measure(comparison: Comparison, change: FileChange, totals: Totals) -> tuple[str, Amounts]:
    """A file's change in words, and the amount of each operation."""
    kind = comparison.kind(change)
    if change.status in ("added", "removed") and kind == "table":
        count, new = comparison.view(change).count_rows(), change.status == "added"
        totals.count(kind, *((count, 0) if new else (0, count)))
        return f"{'new' if new else 'removed'}, {plural(count, 'row')}", {"+" if new else "-": count}
    diff = comparison.compare(change)
    detail = diff.detail
    if isinstance(detail, TableDiff):
        totals.count(diff.kind, detail.added, detail.removed, detail.changed)
    else:
        totals.count(diff.kind)
    words = {"added": "new, ", "removed": "removed, ", "renamed": "renamed, "}.get(change.status, "")
    if isinstance(detail, TextDiff) and change.status in ("added", "removed"):
        return words + plural(detail.added or detail.removed, "line"), _amounts(detail)
    same = change.before is not None and change.after is not None and change.before.id == change.after.id
    if same:
        return words.removesuffix(", ") or "mode changed", {}
    return words + diff.summary, _amounts(detail)


def _amounts(detail: Detail) -> Amounts:
    if isinstance(detail, TableDiff):
        return {"+": detail.added, "-": detail.removed, "~": detail.changed}
    if isinstance(detail, TextDiff):
        return {"+": detail.added, "-": detail.removed}
    if isinstance(detail, BinaryDiff):
        return {}
    return {"~": detail.word_groups + len(detail.settings)}


def _bar(out: Output, amounts: Amounts, most: int) -> str:
    """At most `_BAR` marks for the largest change, at least one for each operation that occurs."""
    scale = min(1.0, _BAR / most) if most else 1.0
    return "".join(mark(out, op) * max(1, round(count * scale)) for op, count in amounts.items() if count)


def _name(change: FileChange) -> str:
    return visible(f"{change.old_path} → {change.path}" if change.old_path else change.path)


def _short(name: str, room: int) -> str:
    """A path cut at its beginning: its end says more."""
    return name if columns(name) <= room else "…" + cut(name[::-1], room - 1)[::-1].strip("…")
